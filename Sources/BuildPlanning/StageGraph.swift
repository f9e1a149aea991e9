// SPDX-License-Identifier: Apache-2.0

import Diagnostics
import DockerfileSyntax
import OCI

/// The stages of a Dockerfile, and which use which.
struct StageGraph {
  /// A `FROM` and its instructions, nothing expanded.
  struct Node {
    var from: From
    var source: Instruction
    var instructions: [Instruction] = []
  }

  /// Where files come from that are not the context's.
  enum Origin: Hashable {
    case stage(Int)
    case image(BaseImageRequest)
    case namedContext(String)
  }

  enum Base: Hashable {
    case scratch
    case stage(Int)
    case image(BaseImageRequest)
  }

  let nodes: [Node]
  let globals: [Instruction]
  let options: PlanningOptions
  /// The stages with a name in lower case; of one name the last.
  private let indices: [String: [Int]]

  init(_ dockerfile: Dockerfile, _ options: PlanningOptions) {
    var nodes: [Node] = []
    var globals: [Instruction] = []
    for instruction in dockerfile.instructions {
      if case .from(let from) = instruction.body {
        nodes.append(Node(from: from, source: instruction))
      } else if nodes.isEmpty {
        globals.append(instruction)
      } else {
        nodes[nodes.count - 1].instructions.append(instruction)
      }
    }
    var indices: [String: [Int]] = [:]
    for (index, node) in nodes.enumerated() {
      guard let name = node.from.name else { continue }
      indices[name.text.lowercased(), default: []].append(index)
    }
    self.nodes = nodes
    self.globals = globals
    self.options = options
    self.indices = indices
  }

  /// The stage whose image is the result.
  func target() throws(PlanningError) -> Int {
    guard !nodes.isEmpty else { throw .noStages }
    guard let target = options.target, !target.isEmpty else { return nodes.count - 1 }
    if let index = indices[target.lowercased()]?.last { return index }
    if let index = Int(target), nodes.indices.contains(index) { return index }
    throw .unknownTarget(target, known: nodes.compactMap { $0.from.name?.text })
  }

  func base(of index: Int, _ scope: GlobalScope) throws -> Base {
    let node = nodes[index]
    let word = node.from.image
    let name = try scope.expand(word, escape: node.source.escape)
    guard !name.isEmpty else { throw PlanningError.emptyImageName(word.text, at: word.range) }
    switch options.contexts[name] {
    case .directory: throw PlanningError.baseIsDirectory(name, at: word.range)
    case .image: break
    case nil:
      if let earlier = earlierStage(name, before: index) { return .stage(earlier) }
      if name == "scratch" { return .scratch }
    }
    guard ImageReference(name) != nil else {
      throw PlanningError.invalidImageName(name, at: word.range)
    }
    let platform = try platform(of: index, scope) ?? options.platform
    return .image(BaseImageRequest(name: name, platform: platform, source: word.range))
  }

  /// What `--platform` says.
  func platform(of index: Int, _ scope: GlobalScope) throws -> Platform? {
    let node = nodes[index]
    guard let word = node.from.platform else { return nil }
    let text = try scope.expand(word, escape: node.source.escape)
    guard let platform = Platform(text) else {
      throw PlanningError.invalidPlatform(text, at: word.range)
    }
    return platform
  }

  /// What a name behind `from` in the stage at `index` means.
  func origin(_ word: Word, in index: Int) throws(PlanningError) -> Origin {
    let name = word.text
    switch options.contexts[name] {
    case .directory: return .namedContext(name)
    case .image: return .image(request(name, word))
    case nil: break
    }
    if let number = Int(name) {
      guard number != index else { throw .copyFromSelf(name, at: word.range) }
      guard nodes.indices.contains(number) else {
        throw .unknownStageIndex(name, count: index, at: word.range)
      }
      guard number < index else { throw .copyFromLaterStage(name, at: word.range) }
      return .stage(number)
    }
    if let earlier = earlierStage(name, before: index) { return .stage(earlier) }
    if let others = indices[name.lowercased()] {
      throw others.contains(index)
        ? .copyFromSelf(name, at: word.range) : .copyFromLaterStage(name, at: word.range)
    }
    guard name != "scratch" else { throw .copyFromScratch(at: word.range) }
    guard ImageReference(name) != nil else { throw .invalidImageName(name, at: word.range) }
    return .image(request(name, word))
  }

  private func request(_ name: String, _ word: Word) -> BaseImageRequest {
    BaseImageRequest(name: name, platform: options.platform, source: word.range)
  }

  private func earlierStage(_ name: String, before index: Int) -> Int? {
    indices[name.lowercased()]?.last { $0 < index }
  }
}
