// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem
import OCI
import TestSupport
import Testing

@testable import Layers

/// Scripts run inside a real overlay; what they changed is read from its upper directory.
@Suite(.enabled(if: canMountOverlay, "overlayfs cannot be mounted here"))
struct OverlayChangesTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var testDescription: String { script }
    var script: String
    var expected: [String]

    init(_ script: String, _ expected: String...) {
      (self.script, self.expected) = (script, expected)
    }
  }

  /// Two layers: `d` is in both, `o` is opaque in the upper one, `w` is gone in it.
  static let lower = """
    mkdir -p low/{d/s,o} top/{d,o}; cd low
    echo a > d/a; echo b > d/b; echo c > d/s/c; echo hidden > o/hidden; echo f > f; echo w > w
    ln -s d link; ln f f2; setfattr -n user.x -v 1 d/b; mkdir -p deep/er; echo x > deep/er/x
    cd ../top; echo t > d/t; echo o > o/o; mknod w c 0 0; setfattr -n trusted.overlay.opaque -v y o
    cd ..; find low top -exec touch -hd @1500000000.5 {} +
    """

  /// Mounts, runs the script, and leaves a copy of what it saw in `copy`.
  static func change(_ script: String, in directory: PathBytes) throws -> [LayerEntry] {
    try write(Array(script.utf8), to: directory.appending("script"))
    try shell(
      lower + """

        mkdir upper work merged; touch -d @1500000000.5 upper
        unshare -m --propagation private bash -euc '
          mount -t overlay overlay -o lowerdir=top:low,upperdir=upper,workdir=work,index=off,metacopy=off,redirect_dir=nofollow,xino=off merged
          (cd merged; umask 022; bash -eu ../script); cp -a merged copy'
        """, in: directory)
    return try OverlayChanges.read(
      upper: directory.appending("upper"),
      lower: [directory.appending("top"), directory.appending("low")], format: .trusted)
  }

  static let cases = [
    Case("true"),
    Case("echo n > n", "n"),
    Case("echo more >> d/a", "d/", "d/a"),
    Case("rm d/a", "d/", "d/.wh.a"),
    Case("rm d/t", "d/", "d/.wh.t"),
    Case("echo n > n; rm n"),
    Case("rm -r d", ".wh.d"),
    Case("rm -r o", ".wh.o"),
    Case("mv deep new", ".wh.deep", "new/", "new/er/", "new/er/x"),
    Case("mv d/a d/n", "d/", "d/.wh.a", "d/n"),
    Case("rm -r d; echo file > d", "d"),
    Case("rm f; mkdir f; echo n > f/n", "f/", "f/n"),
    Case("rm -r d; mkdir d; echo n > d/n", "d/", "d/.wh..wh..opq", "d/n"),
    Case("rm -r d; mkdir d", "d/", "d/.wh..wh..opq"),
    Case("rm -r d/s; mkdir d/s; touch d/s/c", "d/", "d/s/", "d/s/.wh..wh..opq", "d/s/c"),
    Case("rm link; mkdir link; touch link/a", "link/", "link/a"),
    Case("rm link; ln -s elsewhere link", "link"),
    Case("chmod 600 d/a", "d/", "d/a"),
    Case("chmod 700 d", "d/"),
    Case("chown 5:6 d/b", "d/", "d/b"),
    Case("touch -d @1600000000.25 d/a", "d/", "d/a"),
    Case("touch -d @1600000000 d", "d/"),
    Case("touch -hd @1600000000 link", "link"),
    Case("setfattr -n user.x -v 2 d/b", "d/", "d/b"),
    Case("setfattr -x user.x d/b", "d/", "d/b"),
    Case("chmod 600 d/a; chmod 644 d/a"),
    Case(": >> d/a"),
    Case("cp -a d/a /tmp/$$; cat /tmp/$$ > d/a; touch -d @1500000000.5 d/a; rm /tmp/$$"),
    Case("echo n > n; ln n d/n; ln n m", "d/", "d/n", "m=d/n", "n=d/n"),
    Case("ln d/a hard", "d/", "d/a", "hard=d/a"),
    Case("mkfifo p; mknod c c 1 3; mknod b b 7 1", "b", "c", "p"),
    Case("mkdir -p x/y/z", "x/", "x/y/", "x/y/z/"),
    Case("mkdir n; touch n/a; rm -r n; mkdir n", "n/"),
    Case("mkdir w; touch w/a", "w/", "w/a"),
    Case("echo n > o/n; rm o/o", "o/", "o/n", "o/.wh.o"),
    Case("echo n > o/hidden", "o/", "o/hidden"),
    Case("echo n > o/hidden; rm o/hidden", "o/"),
    Case("python3 -c 'import socket; socket.socket(1).bind(\"sock\")'"),
    Case("rm f; python3 -c 'import socket; socket.socket(1).bind(\"f\")'", ".wh.f"),
  ]

  @Test(arguments: cases)
  func `changes are read, and put on the layers below they give what was seen`(_ c: Case) throws {
    let directory = try TemporaryDirectory()
    let entries = try Self.change(c.script, in: directory.path)
    #expect(entries.map(Self.name) == c.expected)

    // As an image would have it: the lower layers and the new one, unpacked one over the other.
    let layers = try [
      Self.layer(of: directory.path.appending("low")),
      Self.layer(of: directory.path.appending("top")),
      Self.layer(entries, from: directory.path.appending("upper")),
    ]
    let plain = directory.path.appending("plain")
    try makeDirectory(plain)
    try LayerUnpackerTests.unpackPlain(layers, into: plain)
    let seen = try Listing(of: directory.path.appending("copy"))
    let made = try Listing(of: plain)
    var differences = made.differences(from: seen).filter { !$0.hasPrefix(":") }
    // A new name in the upper directory parts a file from its other names below.
    if !c.expected.contains("f") {
      differences.removeAll { $0.hasPrefix("f: ") || $0.hasPrefix("f2: ") }
    }

    #expect(differences == [])
  }

  @Test func `names reserved for whiteouts are refused`() throws {
    let directory = try TemporaryDirectory()
    #expect(throws: LayerError.reservedName("d/.wh.x")) {
      try Self.change("touch d/.wh.x", in: directory.path)
    }
  }

  static func name(_ entry: LayerEntry) -> String {
    switch entry.kind {
    case .directory: "\(entry.path)/"
    case .hardLink(let target): "\(entry.path)=\(target)"
    default: entry.path.description
    }
  }

  /// A whole directory as a layer: what overlayfs would read from it over nothing.
  static func layer(of directory: PathBytes) throws -> [UInt8] {
    let entries = try OverlayChanges.read(upper: directory, lower: [], format: .trusted)
    // Markers hide nothing there, so they are left out; here they do.
    let markers: [LayerEntry] =
      directory.name == "top" ? [.file(".wh.w"), .file("o/.wh..wh..opq")] : []
    return try layer(entries + markers, from: directory)
  }

  private static func layer(_ entries: [LayerEntry], from directory: PathBytes) throws -> [UInt8] {
    var tar = TarWriter(to: MemorySink(limit: 1 << 20))
    for entry in entries {
      try tar.begin(entry)
      guard entry.sizeInBytes > 0 else { continue }
      try contents(of: directory.appending(entry.path)).withUnsafeBytes { try tar.write($0) }
    }
    try tar.finish()
    return tar.output.bytes
  }
}
