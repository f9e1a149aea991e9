// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem
import OCI

extension ReportFiles {
  /// What belongs into each file that was asked for.
  func contents(_ report: BuildReport, names: [ImageReference]) throws -> [(PathBytes, [UInt8])] {
    var files: [(PathBytes, [UInt8])] = []
    func add(_ path: PathBytes?, _ text: @autoclosure () -> String) {
      if let path { files.append((path, Array(text().utf8))) }
    }
    // kaniko writes the tags into both files when both are asked for.
    let hasTags = nameAndTagWithDigest != nil
    add(digest, report.digest.description)
    add(nameWithDigest, nameLines(names, report.digest, hasTags: hasTags))
    add(nameAndTagWithDigest, nameLines(names, report.digest, hasTags: true))
    add(imageID, (report.configurationDigest ?? report.digest).description)
    if let metadata { files.append((metadata, try metadataJSON(report, names: names))) }
    return files
  }

  func write(_ report: BuildReport, names: [ImageReference]) throws {
    for (path, bytes) in try contents(report, names: names) {
      if !path.parent.isEmpty { try makeDirectories(path.parent, mode: 0o700) }
      // Not by rename: the file may be a mount, such as /dev/termination-log.
      let file = try FileDescriptor.open(
        path, flags: O_WRONLY | O_CREAT | O_TRUNC, mode: 0o644)
      try file.writeAll(bytes)
    }
  }
}

private func nameLines(_ names: [ImageReference], _ digest: Digest, hasTags: Bool) -> String {
  names.map { name in
    let registry = name.registry == ImageReference.dockerHub ? "index.docker.io" : name.registry
    let tag = hasTags ? ":" + (name.tag ?? "latest") : ""
    return "\(registry)/\(name.repository)\(tag)@\(digest)\n"
  }.joined()
}

/// The keys `docker buildx build --metadata-file` writes.
private func metadataJSON(_ report: BuildReport, names: [ImageReference]) throws -> [UInt8] {
  var fields: [String: JSONValue] = [
    "containerimage.digest": .string(report.digest.description),
    "containerimage.descriptor": .object([
      "mediaType": .string(report.manifest.mediaType.rawValue),
      "digest": .string(report.digest.description),
      "size": .integer(report.manifest.size),
    ]),
  ]
  fields["containerimage.config.digest"] = report.configurationDigest.map {
    .string($0.description)
  }
  if !names.isEmpty {
    fields["image.name"] = .string(names.map(\.description).joined(separator: ","))
  }
  return try encodeJSON(JSONValue.object(fields), pretty: true) + [0x0A]
}
