// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// What whoever started the sandbox should hear of: each thing once, and not too many.
final class Notes: Sendable {
  private static let limit = 20
  private let all = Mutex([String]())

  func add(_ note: String) {
    all.withLock { all in
      if all.count < Self.limit && !all.contains(note) { all.append(note) }
    }
  }

  var list: [String] { all.withLock { $0 } }
}

extension World {
  /// Keeps a sentence for the report.
  func note(_ sentence: String) { notes.add(sentence) }
}
