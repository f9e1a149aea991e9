// SPDX-License-Identifier: Apache-2.0

import LinuxSystem
import OCI

/// Where a user says an image is: a bare reference or `docker://REFERENCE`, `oci:DIR[:NAME]`,
/// `oci-archive:FILE[:NAME]`, `docker-archive:FILE[:REFERENCE]`, `store:REFERENCE`.
///
/// A path ends at the first colon.
package enum ImageLocation: Hashable, Sendable {
  case registry(ImageReference)
  case layout(directory: PathBytes, name: String?)
  case layoutArchive(file: PathBytes, name: String?)
  case dockerArchive(file: PathBytes, name: ImageReference?)
  case store(ImageReference)

  /// - Throws: ``ImageError/malformedLocation(_:problem:)``.
  package init(parsing text: String) throws(ImageError) {
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    let rest = parts.count == 2 ? String(parts[1]) : ""
    switch parts.first {
    case "docker" where rest.hasPrefix("//"):
      self = .registry(try reference(rest.dropFirst(2), in: text))
    case "oci":
      let (path, name) = try pathAndName(rest, in: text)
      self = .layout(directory: path, name: name)
    case "oci-archive":
      let (path, name) = try pathAndName(rest, in: text)
      self = .layoutArchive(file: path, name: name)
    case "docker-archive":
      let (path, name) = try pathAndName(rest, in: text)
      self = .dockerArchive(
        file: path,
        name: try name.map { (name) throws(ImageError) in try reference(name, in: text) })
    case "store":
      self = .store(try reference(rest[...], in: text))
    default:
      self = .registry(try reference(text[...], in: text))
    }
  }
}

private func reference(_ name: some StringProtocol, in text: String) throws(ImageError)
  -> ImageReference
{
  guard let reference = ImageReference(name) else {
    throw .malformedLocation(text, problem: "\"\(name)\" is not a reference")
  }
  return reference
}

private func pathAndName(_ rest: String, in text: String) throws(ImageError)
  -> (path: PathBytes, name: String?)
{
  let parts = rest.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
  guard let path = parts.first, !path.isEmpty else {
    throw .malformedLocation(text, problem: "the path is missing")
  }
  guard parts.count == 2 else { return (PathBytes(String(path)), nil) }
  guard !parts[1].isEmpty else {
    throw .malformedLocation(text, problem: "there is no name behind the last colon")
  }
  return (PathBytes(String(path)), String(parts[1]))
}
