// SPDX-License-Identifier: Apache-2.0

import DockerfileSyntax

/// The variables that an instruction sees, as far as they can be known without building.
struct Scope: Sendable {
  private(set) var values: [String: String] = [:]
  /// Set, or declared without a value.
  private var names: Set<String> = []
  /// False where a base image may have set more.
  var isComplete = true

  /// A longer one counts as unknown: nobody writes such names, and they could grow with every ENV.
  private static let longestValue = 1024

  var count: Int { names.count }

  /// Those before the first stage.
  init(_ options: CheckOptions) {
    for (prefix, platform) in [("BUILD", options.buildPlatform), ("TARGET", options.platform)] {
      set(prefix + "PLATFORM", platform.description)
      set(prefix + "OS", platform.os)
      set(prefix + "OSVERSION", platform.osVersion ?? "")
      set(prefix + "ARCH", platform.architecture)
      set(prefix + "VARIANT", platform.variant ?? "")
    }
    set("TARGETSTAGE", options.target ?? "default")
    for name in values.keys { if let value = options.buildArguments[name] { set(name, value) } }
  }

  /// Of a base image.
  init(environment: Set<String>?) {
    isComplete = environment != nil
    set("PATH", nil)
    for name in environment ?? [] { set(name, nil) }
  }

  /// - Parameter value: Nil when it is not known.
  mutating func set(_ name: String, _ value: String?) {
    values[name] = value.flatMap { $0.utf8.count <= Self.longestValue ? $0 : nil }
    names.insert(name)
  }

  func isSet(_ name: String) -> Bool { names.contains(name) }

  /// The name that was probably meant; none where there are too many to choose from.
  func nearestName(to name: String, atMost limit: Int = .max) -> String? {
    guard count <= 1000 else { return nil }
    // What is near PATH may well be set by an image: GOPATH, CPATH.
    let candidates = isComplete ? names : names.subtracting(["PATH"])
    return nearest(to: name, among: candidates.sorted(), atMost: limit)
  }

  /// - Returns: Nil when it depends on something unknown, or is malformed.
  func expand(_ word: Word, escape: UInt8) -> String? {
    for reference in word.variables(escape: escape) where values[reference.name] == nil {
      if isSet(reference.name) || !isComplete { return nil }
    }
    return try? Expansion(variables: values, escape: escape).expand(word)
  }
}

extension Scope {
  /// What an instruction of a stage sets.
  mutating func apply(_ instruction: Instruction, globals: Scope, _ given: [String: String]) {
    switch instruction.body {
    case .arg(let list):
      for argument in list {
        let name = argument.name.text
        if let value = given[name] {
          set(name, value)
        } else if let word = argument.value {
          set(name, expand(word, escape: instruction.escape))
        } else if let value = globals.values[name] {
          set(name, value)
        } else if !isSet(name) {
          set(name, nil)
        }
      }
    case .env(let list):
      let pairs = list.map { assignment in
        (
          expand(assignment.key, escape: instruction.escape) ?? assignment.key.text,
          expand(assignment.value, escape: instruction.escape)
        )
      }
      for (name, value) in pairs { set(name, value) }
    default: break
    }
  }

  /// What an `ARG` before the first stage sets.
  mutating func declare(_ argument: Argument, escape: UInt8, _ given: [String: String]) {
    let name = argument.name.text
    if let value = given[name] {
      set(name, value)
    } else if let word = argument.value {
      set(name, expand(word, escape: escape))
    } else if !isSet(name) {
      set(name, nil)
    }
  }
}
