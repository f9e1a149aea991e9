// SPDX-License-Identifier: Apache-2.0

import LinuxSystem
import OCI

@testable import Layers

/// All that is below a directory and counts for an image, to compare with what another tool made.
struct Listing: Equatable, CustomStringConvertible {
  private(set) var lines: [PathBytes: String] = [:]
  private var firstNames: [UInt64: PathBytes] = [:]

  static func == (a: Listing, b: Listing) -> Bool { a.lines == b.lines }

  init(of directory: PathBytes, withTimes: Bool = true) throws {
    try add(directory, as: "", withTimes)
  }

  private mutating func add(_ place: PathBytes, as path: PathBytes, _ withTimes: Bool) throws {
    let status = try FileStatus(of: place)
    guard status.kind != .socket else { return }
    let attributes = try extendedAttributes(of: place)
      .filter { !OverlayFormat.isReserved($0.name) }.map { "\($0.name)=\($0.value)" }
    var words = ["\(status.kind)", String(status.permissions, radix: 8)]
    words.append("\(status.uid):\(status.gid) \(attributes)")
    if withTimes { words.append("\(status.modified.seconds).\(status.modified.nanoseconds)") }
    switch status.kind {
    case .regular:
      words.append("\(status.sizeInBytes) \(Digest.of(try contents(of: place)).short)")
      if status.linkCount > 1 {
        let first = firstNames[status.inode] ?? path
        firstNames[status.inode] = first
        words.append("same as \(first)")
      }
    case .symbolicLink: words.append("-> \(try linkTarget(of: place))")
    case .characterDevice, .blockDevice:
      words.append("\(status.deviceMajor):\(status.deviceMinor)")
    case .directory:
      for name in try names(inDirectory: place) {
        try add(place.appending(name), as: path.appending(name), withTimes)
      }
    case .fifo, .socket, .unknown: break
    }
    lines[path] = words.joined(separator: " ")
  }

  subscript(path: PathBytes) -> String? { lines[path] }
  var paths: [PathBytes] { lines.keys.filter { !$0.isEmpty }.sorted() }

  /// What differs, for a test's message.
  func differences(from other: Listing) -> [String] {
    Set(lines.keys).union(other.lines.keys).sorted().compactMap { path in
      lines[path] == other.lines[path]
        ? nil : "\(path): \(lines[path] ?? "missing") | \(other.lines[path] ?? "missing")"
    }
  }

  var description: String { paths.map { "\($0) \(lines[$0] ?? "")" }.joined(separator: "\n") }
}
