// SPDX-License-Identifier: Apache-2.0

import OCI
import Testing

@Suite struct DigestTests {
  private static let empty =
    "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
  private static let hex = String(empty.dropFirst(7))

  @Test func `the published test vectors come out`() {
    #expect(Digest.of([]).description == Self.empty)
    #expect(
      Digest.of(Array("abc".utf8)).hex
        == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    #expect(
      Digest.of(Array("abc".utf8), algorithm: .sha384).hex
        == "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed"
        + "8086072ba1e7cc2358baeca134c825a7")
    #expect(
      Digest.of(Array("abc".utf8), algorithm: .sha512).hex
        == "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
        + "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f")
  }

  @Test func `pieces hash like the whole, and are counted`() {
    var hasher = DigestHasher()
    for piece in ["a", "", "bc"] { hasher.update(Array(piece.utf8)) }
    #expect(hasher.sizeInBytes == 3)
    #expect(hasher.finish() == Digest.of(Array("abc".utf8)))
  }

  @Test func `text and digest are one another's inverse`() throws {
    let digest = try #require(Digest(Self.empty))
    #expect(digest.algorithm == .sha256)
    #expect(digest.description == Self.empty)
    #expect(digest.short == "e3b0c44298fc")
    let long = "sha512:" + String(repeating: "0", count: 128)
    #expect(Digest(long)?.description == long)
  }

  @Test(arguments: [
    "", ":", "sha256", "sha256:", hex, "sha256:\(hex)0", "sha256:\(hex.dropLast())",
    "sha256:\(hex.uppercased())", "SHA256:\(hex)", "md5:\(hex)", "sha384:\(hex)", "sha512:\(hex)",
    " sha256:\(hex)",
    "sha256:../\(hex.dropFirst(3))", "sha256:\(hex.dropLast())é", "sha256: \(hex.dropFirst())",
    "sha256:\(hex.dropLast())/", "sha256:\(hex.dropLast())\0",
  ])
  func `no digest is made of`(_ text: String) {
    #expect(Digest(text) == nil)
  }
}
