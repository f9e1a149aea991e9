// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import caisson

@Suite struct OptionTableTests {
  @Test(arguments: Command.all.map(\.name))
  func `no name or letter stands for two options`(_ name: String) throws {
    let command = try #require(Command.all.first { $0.name == name })
    let names = command.options.flatMap { [$0.name] + $0.otherNames }
    #expect(Set(names).count == names.count)
    let letters = command.options.compactMap(\.short)
    #expect(Set(letters).count == letters.count)
    #expect(!names.contains(""))
  }

  @Test(arguments: Command.all.map(\.name))
  func `help explains every option in lines that fit`(_ name: String) throws {
    let command = try #require(Command.all.first { $0.name == name })
    let text = helpText(for: command)
    for option in command.options {
      #expect(text.contains("--\(option.name) ") == (option.standing == .carriedOut))
    }
    #expect(text.split(separator: "\n").allSatisfy { $0.count <= 80 })
  }

  @Test func `an entry of help is aligned and wrapped`() {
    let command = Command(
      path: ["try"], summary: "Tries.", synopsis: "[THING]", positionalCount: 0...1,
      options: [
        .flag("all", short: "a", otherNames: ["every"], .build, "take everything there is"),
        .value(
          "a-rather-long-name", "VALUE", isRepeatable: true, standard: "none", .build,
          "something that needs more than one line to be told"),
        .choice("kind", ["x", "y", "z"], standard: "x", .output, "which"),
      ] + Option.notYet("later"), notes: ["That is all."])
    #expect(
      helpText(for: command, width: 64) == """
        Tries.

        usage: caisson try [OPTIONS] [THING]

        Build:
          -a, --all                   take everything there is; also
                                      --every
              --a-rather-long-name VALUE
                                      something that needs more than one
                                      line to be told (default: none);
                                      repeatable

        Output:
              --kind WORD             which: x, y or z (default: x)

        That is all.

        """)
  }

  @Test func `no line of words brings the program down`() {
    let vocabulary =
      ["build", "executor", "image", "ls", "cat", "help", "-", "--", "---", "-=", "--=", "=", ""]
      + ["-o", "type=", "type=oci,", ",,", "\"", "dest=-", "name=,", "docker-image://", "a=b"]
      + ["oci-layout://@", "tar://", "://", "..", "/", "é", "-é", "\u{0}", "\u{1F600}"]
      + Command.all.flatMap(\.options).map(\.spelling)
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<3000 {
      let count = Int.random(in: 0...6, using: &generator)
      let words = (0..<count).map { _ in vocabulary.randomElement(using: &generator) ?? "" }
      do {
        _ = try Invocation(["caisson"] + words, machine)
      } catch {
        #expect(!error.diagnostic.message.isEmpty, "\(words)")
      }
    }
  }

  @Test func `help is printed for the program, a group and a command`() throws {
    func printed(_ words: String...) throws -> String {
      if case .print(let text) = try Invocation(["caisson"] + words, machine) { return text }
      return ""
    }
    #expect(try printed() == overviewText())
    #expect(try printed("--help") == overviewText())
    #expect(try printed("help") == overviewText())
    #expect(try printed("help", "build") == helpText(for: .build))
    #expect(try printed("build", "--help") == helpText(for: .build))
    #expect(try printed("executor", "-h") == helpText(for: .executor))
    #expect(try printed("image").contains("caisson image inspect"))
    #expect(try printed("help", "image", "ls").contains("usage: caisson image ls"))
    #expect(try printed("version") == "caisson \(programVersion)\n")
    #expect(try printed("--version") == "caisson \(programVersion)\n")
    #expect(overviewText().contains("executor"))
  }
}
