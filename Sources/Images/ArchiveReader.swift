// SPDX-License-Identifier: Apache-2.0

import LinuxSystem
import OCI

/// A tar archive of a few large files, for reading them by name.
///
/// Only the members' places are kept in memory. Names that leave the archive's root, names that
/// occur twice and members that reach beyond the end of the file are errors.
/// POSIX.1-2017, pax, "ustar Interchange Format" and "pax Extended Header"; GNU's long names and
/// base-256 sizes.
final class ArchiveReader: Sendable {
  private enum Member {
    case file(offset: Int64, sizeInBytes: Int64)
    case link(to: PathBytes)
  }

  private static let mostMembers = 100_000
  private static let mostLinks = 16

  /// For messages.
  let location: String
  private let file: SharedFile
  private let members: [PathBytes: Member]

  init(_ path: PathBytes) throws {
    location = path.description
    file = try SharedFile(path)
    var members: [PathBytes: Member] = [:]
    var headers = try TarHeaders(of: file, location: location)
    while let header = try headers.next() {
      guard let (name, member) = try Self.member(header, location: location) else { continue }
      guard members.updateValue(member, forKey: name) == nil else {
        throw ImageError.malformedArchive(
          file: location, problem: "member \"\(name)\" occurs twice")
      }
      guard members.count <= Self.mostMembers else {
        throw ImageError.malformedArchive(
          file: location, problem: "it has more than \(Self.mostMembers) members")
      }
    }
    self.members = members
  }

  /// The place of a member, links followed.
  ///
  /// - Returns: Nil when there is none of that name.
  func file(named name: PathBytes) throws -> LayoutFile? {
    var name = PathBytes(joining: name.components)
    for _ in 0..<Self.mostLinks {
      switch members[name] {
      case nil: return nil
      case .file(let offset, let size):
        return LayoutFile(in: file, offset: offset, sizeInBytes: size)
      case .link(let target): name = target
      }
    }
    throw ImageError.malformedArchive(file: location, problem: "\"\(name)\" is a link to itself")
  }

  /// - Returns: Nil for what holds no bytes: directories, devices, pipes.
  private static func member(_ header: TarHeader, location: String) throws
    -> (name: PathBytes, member: Member)?
  {
    let name = try inside(header.name, location: location)
    switch header.kind {
    case .other: return nil
    case .file: return (name, .file(offset: header.offset, sizeInBytes: header.sizeInBytes))
    case .hardLink: return (name, .link(to: try inside(header.linkTarget, location: location)))
    case .symbolicLink:
      // A target beyond the root is nothing this reader would ever look up.
      guard !header.linkTarget.isAbsolute else { return nil }
      return (name, .link(to: name.parent.appending(header.linkTarget).normalizedInRoot))
    }
  }

  private static func inside(_ name: PathBytes, location: String) throws -> PathBytes {
    let parts = name.components
    guard !name.isAbsolute, !parts.contains("..") else {
      throw ImageError.malformedArchive(
        file: location, problem: "member \"\(name)\" lies outside of it")
    }
    return PathBytes(joining: parts)
  }
}
