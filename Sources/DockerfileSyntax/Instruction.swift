// SPDX-License-Identifier: Apache-2.0

import Diagnostics

/// One instruction of a Dockerfile. Variables are not expanded.
package struct Instruction: Hashable, Sendable {
  package enum Body: Hashable, Sendable {
    case from(From)
    case arg([Argument])
    case env([Assignment])
    case label([Assignment])
    case run(Run)
    case copy(Copy)
    case add(Copy)
    case workdir(Word)
    case user(Word)
    case expose([Word])
    case volume([Word])
    case cmd(CommandLine)
    case entrypoint(CommandLine)
    case shell([Word])
    case stopSignal(Word)
    case healthcheck(HealthcheckInstruction)
    case onBuild(Trigger)
    case maintainer(Word)
  }

  package var body: Body
  /// The keyword as written.
  package var keyword: Word
  /// The whole instruction on one line, here-documents left out.
  package var text: String
  /// From the keyword to the last byte, here-documents left out.
  package var range: SourceRange
  /// `\`, or what the `escape` directive says.
  package var escape: UInt8
}

/// `FROM [--platform=...] image [AS name]`
package struct From: Hashable, Sendable {
  package var platform: Word?
  package var image: Word
  /// `AS` as written; there when ``name`` is.
  package var nameKeyword: Word?
  package var name: Word?
}

/// `NAME` or `NAME=default`.
package struct Argument: Hashable, Sendable {
  package var name: Word
  package var value: Word?
}

/// `KEY=value`, of `ENV` and `LABEL`.
package struct Assignment: Hashable, Sendable {
  package var key: Word
  package var value: Word
}

/// What `RUN`, `CMD` and `ENTRYPOINT` start.
package enum CommandLine: Hashable, Sendable {
  /// For the shell, unchanged.
  case shell(Word)
  /// A JSON array: the argument vector.
  case exec([Word])
}

package struct Run: Hashable, Sendable {
  package var command: CommandLine
  package var documents: [HereDocument]
  package var mounts: [MountFlag]
  package var network: Word?
  package var security: Word?
  package var devices: [Word]
}

/// The value of `RUN --mount`, field by field. Values are not expanded yet.
package struct MountFlag: Hashable, Sendable {
  package struct Field: Hashable, Sendable {
    /// In lower case, aliases resolved: `target` for `dst`.
    package var key: String
    /// Nil for a key alone, as in `rw`.
    package var value: Word?
    package var range: SourceRange
  }

  package var fields: [Field]
  package var range: SourceRange
}

/// `COPY` and `ADD`.
package struct Copy: Hashable, Sendable {
  package enum Source: Hashable, Sendable {
    case path(Word)
    case document(HereDocument)
  }

  /// `--from`; `COPY` only.
  package var from: Word?
  package var owner: Word?
  package var mode: Word?
  /// `--parents`: sources keep their directories.
  package var keepsParents: Bool
  /// `--exclude`, each.
  package var excludes: [Word]
  /// `--checksum`; `ADD` only.
  package var checksum: Word?
  /// `--keep-git-dir`; `ADD` only. Nil when it was not given.
  package var keepsGitDirectory: Bool?
  /// `--unpack`; `ADD` only. Nil when it was not given.
  package var unpacks: Bool?
  package var sources: [Source]
  package var destination: Word
}

/// `HEALTHCHECK NONE`, or a command and how often it is run; times in nanoseconds.
package struct HealthcheckInstruction: Hashable, Sendable {
  /// Nil for `NONE`.
  package var command: CommandLine?
  package var intervalInNanoseconds: Int64?
  package var timeoutInNanoseconds: Int64?
  package var startPeriodInNanoseconds: Int64?
  package var startIntervalInNanoseconds: Int64?
  package var retries: Int?
}

/// What `ONBUILD` keeps for a build on top of this image.
package struct Trigger: Hashable, Sendable {
  /// The instruction, here-documents included, as the image configuration stores it.
  package var text: String
  package var range: SourceRange
}

/// `<<NAME` and the lines up to `NAME`.
package struct HereDocument: Hashable, Sendable {
  package var name: String
  /// The word that asks for it: `<<-'EOF'`.
  package var marker: String
  /// False when the name was quoted.
  package var expands: Bool
  /// `<<-`: leading tabs are taken away.
  package var stripsTabs: Bool
  /// As written, with tabs.
  package var rawContent: String
  /// The place of `<<NAME`.
  package var range: SourceRange

  /// Without leading tabs where `<<-` asks for that.
  package var content: String {
    guard stripsTabs else { return rawContent }
    let lines = rawContent.utf8.split(separator: 0x0A, omittingEmptySubsequences: false)
    let stripped = lines.map { Array($0.drop { $0 == 0x09 }) }.joined(separator: [0x0A])
    return String(decoding: Array(stripped), as: UTF8.self)
  }
}
