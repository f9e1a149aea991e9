// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import LinuxSystem
@testable import VirtualRoot

@Suite("The first line of a script") struct ScriptLineTests {
  private static func line(_ text: String) -> ScriptLine? {
    Array(text.utf8).withUnsafeBytes { ScriptLine($0) }
  }

  @Test(
    "names an interpreter and at most one argument",
    arguments: [
      ("#!/bin/sh\n", "/bin/sh", nil), ("#!/bin/sh", "/bin/sh", nil),
      ("#! \t/bin/sh\necho", "/bin/sh", nil), ("#!/bin/sh -e\n", "/bin/sh", "-e"),
      ("#!/bin/sh  -e  x \t\n", "/bin/sh", "-e  x"), ("#!/bin/sh \n", "/bin/sh", nil),
      ("#!/usr/bin/env python3\n", "/usr/bin/env", "python3"), ("#!x", "x", nil),
      // The kernel's own ways with files that end without a newline.
      ("#!/bin/sh -e  ", "/bin/sh", "-e  "), ("#!/bin/sh ", "/bin/sh", ""), ("#!", "", nil),
      ("#!/bin/sh\0 -e\n", "/bin/sh", nil), ("#!/bin/sh\r\n", "/bin/sh\r", nil),
    ] as [(String, String, String?)])
  func lines(text: String, interpreter: String, argument: String?) throws {
    let line = try #require(Self.line(text))
    #expect(line.interpreter == PathBytes(interpreter))
    #expect(line.argument == argument.map { PathBytes($0) })
  }

  @Test(
    "that names none makes no script",
    arguments: [
      "", "#", "# /bin/sh", "#!\n", "#!  \t\n", "#!" + String(repeating: " ", count: 300),
      "#!/" + String(repeating: "n", count: 300),
    ])
  func refused(text: String) { #expect(Self.line(text) == nil) }

  @Test("is cut at 255 bytes, but not within the name of the interpreter")
  func limit() throws {
    let long = try #require(Self.line("#!/bin/sh " + String(repeating: "a", count: 300)))
    #expect(long.argument?.bytes.count == 255 - 10)
    let name = "/" + String(repeating: "n", count: 251)
    #expect(Self.line("#!" + name + "\n")?.interpreter == PathBytes(name))
    #expect(Self.line("#!" + name + " x")?.interpreter == PathBytes(name))
    #expect(Self.line("#!" + name + "nn")?.interpreter == nil)
  }
}
