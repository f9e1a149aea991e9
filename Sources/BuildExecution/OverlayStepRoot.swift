// SPDX-License-Identifier: Apache-2.0

import Glibc
import Layers
import LinuxSystem
import RecordedFiles
import Sandboxing

/// An overlay over the unpacked layers, for one command; its upper directory is the change set.
final class OverlayStepRoot: StepRoot {
  private let sandbox: NamespaceSandbox
  private let files: LayeredFiles
  private let format: OverlayFormat
  private let place: PathBytes
  private var lower: [PathBytes] = []
  private var isHandedOut = false

  /// - Parameter place: For the directories of the overlay; not there yet.
  init(
    _ sandbox: NamespaceSandbox, on files: LayeredFiles, format: OverlayFormat, at place: PathBytes
  ) {
    self.sandbox = sandbox
    self.files = files
    self.format = format
    self.place = place
  }

  var mountStyle: LayerUnpacker.Style { .plain(setsOwners: true) }
  var records: FileRecords? { nil }

  private var upper: PathBytes { place.appending("upper") }
  private var work: PathBytes { place.appending("work") }

  nonisolated(nonsending) func prepare() async throws {
    lower = try await files.directories()
    try LinuxSystem.makeDirectory(place, mode: 0o700)
    try LinuxSystem.makeDirectory(upper, mode: 0o755)
    try LinuxSystem.makeDirectory(work, mode: 0o700)
    try setOwnerAndMode(of: upper, try await files.rootEntry())
  }

  nonisolated(nonsending) func makeDirectory(_ path: PathBytes) async throws {
    let tree = try await files.tree()
    var made = PathBytes([UInt8]())
    for name in path.components {
      made = made.appending(name)
      let place = upper.appending(made)
      try makeDirectories(place, mode: 0o755)
      let known = tree.resolve(made, followLast: false).node?.entry
      // What is there already must look as before, as it hides the one below.
      let entry =
        known ?? LayerEntry.implicitDirectory(made, modified: FileTime(seconds: 0))
      try setOwnerAndMode(of: place, entry)
      for attribute in entry.attributes where !OverlayFormat.isReserved(attribute.name) {
        try setExtendedAttribute(attribute, on: place)
      }
    }
  }

  private func setOwnerAndMode(of place: PathBytes, _ entry: LayerEntry) throws(SystemError) {
    try retrying("chown", place) { place.withCString { chown($0, entry.uid, entry.gid) } }
    try retrying("chmod", place) { place.withCString { chmod($0, mode_t(entry.permissions)) } }
  }

  nonisolated(nonsending) func run(
    _ command: SandboxedCommand, standardOutput: Int32, standardError: Int32
  ) async throws -> ProcessEnd {
    try await sandbox.run(
      command, in: OverlayRoot(lower: lower, upper: upper, work: work),
      standardOutput: standardOutput, standardError: standardError)
  }

  nonisolated(nonsending) func changes() async throws -> ChangeSet? {
    try? removeTree(work)
    let entries = try OverlayChanges.read(upper: upper, lower: lower, format: format)
    guard !entries.isEmpty else {
      remove()
      return nil
    }
    isHandedOut = true
    return ChangeSet(directory: upper, entries: entries)
  }

  func remove() {
    if !isHandedOut { try? removeTree(place) }
  }
}
