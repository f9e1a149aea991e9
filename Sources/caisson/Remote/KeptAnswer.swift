// SPDX-License-Identifier: Apache-2.0

import BuildExecution
import Glibc
import Images
import LinuxSystem
import OCI
import Registry

/// What a server said of a file that is in the store, so that it need not be sent again.
///
/// RFC 9110, section 13, "Conditional Requests".
struct KeptAnswer: Codable, Hashable {
  var digest: String
  var sizeInBytes: Int64
  var name: String
  var entityTag: String?
  var lastModified: String?

  private static func path(_ url: String, in store: ContentStore) -> PathBytes {
    store.directory.appending("remote").appending(Digest.of(Array(url.utf8)).hex)
  }

  /// - Returns: Nil when nothing is known, or the file is gone.
  static func load(_ url: String, from store: ContentStore) -> KeptAnswer? {
    guard let bytes = try? contents(of: path(url, in: store), limit: 64 << 10),
      let answer = try? decodeJSON(KeptAnswer.self, from: bytes),
      let digest = Digest(answer.digest), store.contains(digest)
    else { return nil }
    return answer
  }

  func save(_ url: String, to store: ContentStore) throws {
    guard entityTag != nil || lastModified != nil else { return }
    let path = Self.path(url, in: store)
    try makeDirectories(path.parent, mode: 0o700)
    try store.replaceFile(path, with: try encodeJSON(self), isDurable: false)
  }

  func addConditions(to headers: inout HTTPHeaders) {
    if let entityTag { headers.add("if-none-match", entityTag) }
    if let lastModified { headers.add("if-modified-since", lastModified) }
  }

  func matches(_ checksum: Digest?) -> Bool {
    checksum.map { $0.description == digest } ?? true
  }

  func file(in store: ContentStore) -> FetchedFile {
    guard let digest = Digest(digest) else { preconditionFailure("a digest of ours is none") }
    return FetchedFile(
      path: store.path(of: digest), sizeInBytes: sizeInBytes, name: name,
      modified: lastModified.flatMap(Self.time))
  }

  /// `Sun, 06 Nov 1994 08:49:37 GMT`. RFC 9110, section 5.6.7.
  static func time(_ text: String) -> FileTime? {
    var fields = tm()
    guard let rest = strptime(text, "%a, %d %b %Y %H:%M:%S", &fields) else { return nil }
    guard String(cString: rest).drop(while: { $0 == " " }) == "GMT" else { return nil }
    let seconds = timegm(&fields)
    return seconds < 0 ? nil : FileTime(seconds: Int64(seconds))
  }
}
