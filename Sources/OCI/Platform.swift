// SPDX-License-Identifier: Apache-2.0

/// Where an image runs, in Go's names: `linux/amd64`, `linux/arm64/v8`.
///
/// OCI image-spec v1.1, image-index.md, "platform".
package struct Platform: Hashable, Sendable, Codable, CustomStringConvertible {
  package var os: String
  package var architecture: String
  package var variant: String?
  package var osVersion: String?
  package var osFeatures: [String]?

  enum CodingKeys: String, CodingKey {
    case os, architecture, variant
    case osVersion = "os.version"
    case osFeatures = "os.features"
  }

  package init(os: String, architecture: String, variant: String? = nil) {
    self.os = os
    self.architecture = architecture
    self.variant = variant
  }

  /// Reads `os/architecture[/variant]` or a bare architecture, other tools' names for one included.
  package init?(_ text: some StringProtocol) {
    let parts = text.lowercased().split(separator: "/", omittingEmptySubsequences: false)
      .map(String.init)
    guard (1...3).contains(parts.count), parts.allSatisfy({ !$0.isEmpty && Self.isName($0) })
    else { return nil }
    if parts.count == 1 {
      guard parts[0] != "linux" else {
        self = Self(os: "linux", architecture: Platform.host.architecture)
        return
      }
      self.init(os: "linux", architecture: parts[0])
    } else {
      self.init(os: parts[0], architecture: parts[1], variant: parts.count == 3 ? parts[2] : nil)
    }
    normalize()
  }

  private static func isName(_ text: String) -> Bool {
    text.utf8.allSatisfy {
      (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x5F || $0 == 0x2D
        || $0 == 0x2E
    }
  }

  private mutating func normalize() {
    switch architecture {
    case "x86_64", "x86-64": architecture = "amd64"
    case "aarch64": architecture = "arm64"
    case "i386", "i686", "x86": architecture = "386"
    case "armhf": (architecture, variant) = ("arm", "v7")
    case "armel": (architecture, variant) = ("arm", "v6")
    default: break
    }
    if architecture == "arm64", variant == "v8" || variant == "8" { variant = nil }
    if architecture == "amd64", variant == "v1" { variant = nil }
  }

  /// The platform this program was built for.
  package static var host: Platform {
    #if arch(arm64)
      Platform(os: "linux", architecture: "arm64")
    #else
      Platform(os: "linux", architecture: "amd64")
    #endif
  }

  package var description: String {
    [os, architecture, variant].compactMap { $0 }.joined(separator: "/")
  }

  /// Whether an image for `candidate` is what a build for this platform asks for; `arm64/v8` is `arm64`.
  package func accepts(_ candidate: Platform) -> Bool {
    var wanted = self
    var offered = candidate
    wanted.normalize()
    offered.normalize()
    return wanted.os == offered.os && wanted.architecture == offered.architecture
      && (wanted.variant == nil || wanted.variant == offered.variant)
  }
}
