// SPDX-License-Identifier: Apache-2.0

import BuildPlanning
import Layers
import LinuxSystem

extension StageBuilder {
  /// `WORKDIR`: missing directories are made, 0755, for the user in force.
  func perform(_ directory: WorkingDirectoryStep, _ step: Step) async throws -> StageLayer? {
    workingDirectories.insert(directory.path)
    let path = PathBytes(directory.path).normalizedInRoot
    let tree = try await files.tree()
    let found = tree.resolve(path)
    if let node = found.node {
      guard node.isDirectory else {
        throw ExecutionError.destinationIsNotADirectory(found.path, at: step.source)
      }
      return nil
    }
    var owner: (uid: UInt32, gid: UInt32) = (0, 0)
    if !directory.user.isEmpty {
      let identity = try await users().identity(directory.user, at: step.source)
      owner = (identity.uid, identity.gid)
    }
    var layout = CopyLayout(
      tree: tree,
      attributes: CopyLayout.Attributes(owner: owner, mode: nil, impliedTime: impliedTime),
      at: step.source)
    try layout.addParents(of: found.path.appending("."))
    return try await write(layout, tree, from: nil)
  }
}
