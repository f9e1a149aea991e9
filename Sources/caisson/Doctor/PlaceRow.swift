// SPDX-License-Identifier: Apache-2.0

import LinuxSystem
import Sandboxing

/// A fact about this place as a person reads it.
struct PlaceRow: Hashable, Sendable {
  enum State: String, Hashable, Sendable {
    case ok
    case no
    /// It works, with less than there could be.
    case limited
    /// Neither good nor bad.
    case plain
  }

  /// Does not change from version to version: `GROUP.NAME`.
  var id: String
  var state: State
  var name: String
  var value: String

  init(_ id: String, _ state: State, _ name: String, _ value: String) {
    self.id = id
    self.state = state
    self.name = name
    self.value = value
  }

  /// - Parameter good: What is said when it works.
  init(_ id: String, _ name: String, _ trial: Trial, good: String = "works") {
    switch trial {
    case .works: self.init(id, .ok, name, good)
    case .refused(let errno): self.init(id, .no, name, lowercasedFirst("\(errno)"))
    case .notTried: self.init(id, .no, name, "not come to")
    }
  }
}

/// Rows below a heading.
struct PlaceSection: Hashable, Sendable {
  var title: String
  var rows: [PlaceRow]
}

extension Place {
  var sections: [PlaceSection] {
    [
      PlaceSection(title: "This process", rows: processRows),
      PlaceSection(title: "Kernel", rows: kernelRows),
      PlaceSection(title: "Namespaces and mounts", rows: namespaceRows),
      PlaceSection(title: "What the virtual sandbox stands on", rows: virtualRows),
      PlaceSection(title: "Capabilities a build could use", rows: capabilityRows),
      PlaceSection(title: "Directories", rows: directories.map { $0.row }),
      PlaceSection(title: "Limits", rows: limitRows),
    ]
  }
}
