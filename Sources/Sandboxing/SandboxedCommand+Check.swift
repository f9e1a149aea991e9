// SPDX-License-Identifier: Apache-2.0

extension SandboxedCommand {
  /// Refuses what no process can be started with.
  func check() throws(SandboxError) {
    var words = environment + [workingDirectory, hostname]
    if case .arguments(let arguments) = program {
      guard arguments.first?.isEmpty == false else {
        throw SandboxError.invalidCommand(reason: "it is empty")
      }
      words += arguments
    }
    for word in words where word.utf8.contains(0) {
      throw SandboxError.invalidCommand(
        reason: "\"\(word.prefix { $0 != "\0" })\" is followed by a NUL byte")
    }
    guard workingDirectory.hasPrefix("/") else {
      throw SandboxError.invalidCommand(
        reason: "its working directory \"\(workingDirectory)\" is not absolute")
    }
  }
}
