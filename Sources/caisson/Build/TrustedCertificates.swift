// SPDX-License-Identifier: Apache-2.0

import LinuxSystem

/// Whom connections to registries trust.
enum TrustedCertificates: Hashable {
  /// What libcurl was built to look for.
  case system
  /// A file with PEM certificates, which libcurl reads once and keeps.
  case file(PathBytes)
  /// PEM certificates of several files.
  case text([UInt8])

  /// - Parameter places: Files, and directories all of whose files count. A place that is not there
  ///   is no error as long as another is.
  /// - Throws: `SystemError` for a file that cannot be read.
  init(_ places: [PathBytes]) throws {
    let files = try places.flatMap(Self.files(at:))
    switch files.count {
    case 0: self = places.first.map(TrustedCertificates.file) ?? .system
    case 1: self = .file(files[0])
    default:
      self = .text(
        Array(try files.map { try contents(of: $0, limit: 16 << 20) }.joined(separator: [0x0A])))
    }
  }

  /// Links are followed: a volume of Kubernetes has nothing else.
  private static func files(at place: PathBytes) throws -> [PathBytes] {
    guard let status = try? FileStatus(of: place, followLinks: true) else { return [] }
    guard status.kind == .directory else { return [place] }
    return try names(inDirectory: place).map(place.appending).filter {
      (try? FileStatus(of: $0, followLinks: true))?.kind == .regular
    }
  }
}
