// SPDX-License-Identifier: Apache-2.0

import OCI
import Testing

@Suite struct ByteSinkTests {
  @Test func `a hashing sink passes everything on`() throws {
    var sink = HashingSink(then: MemorySink(limit: 10))
    try sink.write(Array("ab".utf8))
    try sink.write(Array("c".utf8))
    #expect(sink.sizeInBytes == 3)
    #expect(sink.finishDigest() == Digest.of(Array("abc".utf8)))
    #expect(sink.next.bytes == Array("abc".utf8))
  }

  @Test func `a memory sink takes its limit and no byte more`() throws {
    var sink = MemorySink(limit: 3)
    try sink.write([1, 2, 3])
    try sink.write([])
    #expect(throws: ContentError.tooLarge(limit: 3)) { try sink.write([4]) }
    #expect(sink.bytes == [1, 2, 3])
  }
}
