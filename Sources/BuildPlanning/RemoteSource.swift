// SPDX-License-Identifier: Apache-2.0

import OCI

/// A file that `ADD` fetches.
///
/// Dockerfile reference, "ADD", "Adding files from a URL".
package struct RemoteFile: Hashable, Sendable {
  /// http or https; may hold credentials, so it is for the wire only.
  package var url: String
  /// What the content must have.
  package var checksum: Digest?

  package init(url: String, checksum: Digest? = nil) {
    self.url = url
    self.checksum = checksum
  }

  /// Without credentials.
  package var shown: String { withoutCredentials(url) }
}

/// A git repository that `ADD`, or a build context, is.
///
/// Dockerfile reference, "ADD", "Adding files from a Git repository".
package struct GitRepository: Hashable, Sendable {
  /// As git takes it; may hold credentials.
  package var remote: String
  /// A branch, tag or commit; nil for the remote's HEAD.
  package var reference: String?
  /// Below the root of the repository; empty for the root.
  package var subdirectory: String
  /// Of the commit, or its first digits; nil when any will do.
  package var checksum: String?
  package var keepsGitDirectory: Bool
  package var hasSubmodules: Bool

  /// Without credentials.
  package var shown: String {
    withoutCredentials(remote) + (reference.map { "#" + $0 } ?? "")
      + (subdirectory.isEmpty ? "" : (reference == nil ? "#:" : ":") + subdirectory)
  }

  /// What is wrong with a git address.
  package enum Fault: Error, Hashable, Sendable {
    case unknownQuery(String)
    case conflictingQuery(String)
    case badReference(String)
    case leavesRepository(String)
  }

  /// Reads `git@host:path`, `ssh://`, `git://`, and `http(s)://` addresses whose path ends in `.git`, with
  /// `#ref:subdirectory` or `?ref=&tag=&branch=&commit=&checksum=&subdir=&submodules=&keep-git-dir=` behind.
  ///
  /// - Returns: Nil for what is no git address.
  package init?(_ text: String) throws(Fault) {
    guard Self.isRepository(text) else { return nil }
    var rest = Substring(text)
    var fragment: Substring?
    if let mark = rest.firstIndex(of: "#") {
      fragment = rest[rest.index(after: mark)...]
      rest = rest[..<mark]
    }
    reference = nil
    subdirectory = ""
    checksum = nil
    keepsGitDirectory = false
    hasSubmodules = true
    if let mark = rest.firstIndex(of: "?") {
      let query = rest[rest.index(after: mark)...]
      rest = rest[..<mark]
      remote = String(rest)
      try read(query: query)
    } else {
      remote = String(rest)
    }
    if let fragment {
      let parts = fragment.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      if let name = parts.first, !name.isEmpty {
        guard reference == nil else { throw .conflictingQuery("ref") }
        reference = String(name)
      }
      if parts.count == 2 { subdirectory = String(parts[1]) }
    }
    try check()
  }

  private static func isRepository(_ text: String) -> Bool {
    if text.hasPrefix("git@") { return text.contains(":") }
    if text.hasPrefix("ssh://") || text.hasPrefix("git://") { return true }
    guard text.hasPrefix("http://") || text.hasPrefix("https://") else { return false }
    return text.prefix { $0 != "#" && $0 != "?" }.hasSuffix(".git")
  }

  private mutating func read(query: Substring) throws(Fault) {
    for item in query.split(separator: "&") {
      let parts = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let value = parts.count == 2 ? percentDecoded(parts[1]) : ""
      switch parts[0] {
      case "ref", "branch", "tag", "commit":
        guard reference == nil || reference == value else {
          throw .conflictingQuery(String(parts[0]))
        }
        reference =
          switch parts[0] {
          case "branch" where !value.hasPrefix("refs/"): "refs/heads/" + value
          case "tag" where !value.hasPrefix("refs/"): "refs/tags/" + value
          default: value
          }
      case "checksum": checksum = value
      case "subdir": subdirectory = value
      case "keep-git-dir": keepsGitDirectory = value != "false" && value != "0"
      case "submodules": hasSubmodules = value != "false" && value != "0"
      default: throw .unknownQuery(String(parts[0]))
      }
    }
  }

  private func check() throws(Fault) {
    if let reference {
      // git(1) takes what begins with a dash for an option.
      let isBad =
        reference.hasPrefix("-") || reference.isEmpty
        || reference.unicodeScalars.contains {
          $0.value <= 0x20 || "~^:?*[\\".unicodeScalars.contains($0)
        }
      if isBad || reference.contains("..") { throw .badReference(reference) }
    }
    if remote.hasPrefix("-") { throw .badReference(remote) }
    if subdirectory.split(separator: "/").contains("..") { throw .leavesRepository(subdirectory) }
  }
}

/// With `%XX` replaced by the byte it stands for. RFC 3986, section 2.1.
package func percentDecoded(_ text: some StringProtocol) -> String {
  var bytes: [UInt8] = []
  var rest = Array(text.utf8)[...]
  while let byte = rest.popFirst() {
    if byte == UInt8(ascii: "%"), rest.count >= 2,
      let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
    {
      bytes.append(value)
      rest = rest.dropFirst(2)
    } else {
      bytes.append(byte)
    }
  }
  return String(decoding: bytes, as: UTF8.self)
}

/// What stands between the scheme of an address and the `@` before its host. RFC 3986, section 3.2.1.
package struct UserInformation: Hashable, Sendable {
  /// `https://`
  package var scheme: String
  /// `user:password` as it is written; nil when there is none.
  package var text: String?
  /// From the host on.
  package var rest: String

  /// - Returns: Nil for what has no scheme.
  package init?(of address: String) {
    guard let mark = address.firstRange(of: "://") else { return nil }
    scheme = String(address[..<mark.upperBound])
    let authority = address[mark.upperBound...].prefix { $0 != "/" && $0 != "?" && $0 != "#" }
    if let end = authority.lastIndex(of: "@") {
      text = String(authority[..<end])
      rest = String(address[address.index(after: end)...])
    } else {
      rest = String(address[mark.upperBound...])
    }
  }
}

/// An address without what is between its scheme and `@`; the user of an SSH address stays.
package func withoutCredentials(_ address: String) -> String {
  guard let parts = UserInformation(of: address), let login = parts.text else { return address }
  guard parts.scheme == "ssh://" else { return parts.scheme + parts.rest }
  return parts.scheme + login.prefix { $0 != ":" } + "@" + parts.rest
}
