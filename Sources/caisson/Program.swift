// SPDX-License-Identifier: Apache-2.0

import Diagnostics
import Glibc
import LinuxSystem
import OCI

/// Carries out a command line.
///
/// - Parameter words: The program's name first.
/// - Returns: The exit code.
func runProgram(_ words: [String]) -> Int32 {
  do {
    let surroundings = try Surroundings.current()
    if surroundings.programFolder != nil, surroundings.variable("OPENSSL_CONF") == nil {
      // What lies in /usr/lib/ssl here was not written for the libcrypto the program brought.
      ignoreLibcryptoConfiguration()
    }
    switch try Invocation(words, surroundings) {
    case .print(let text):
      try StandardStream.output.write(Array(text.utf8))
      return 0
    case .build(let options):
      return try enterUserNamespaceIfNeeded(options, words) ?? build(options)
    case .doctor(let query): return try answer(query)
    case .parse(let query, let name): return try answer(query, named: name)
    case .plan(let query): return try runInterruptibly { await show { try await answer(query) } }
    case .check(let query): return try answer(query)
    case .image(let query): return try runInterruptibly { await show { try await answer(query) } }
    case .index(let query): return try runInterruptibly { await show { try await answer(query) } }
    }
  } catch {
    return failed(error)
  }
}

/// Says why, and gives the exit code.
private func failed(_ error: any Error) -> Int32 {
  let diagnostic = diagnostic(for: error)
  StandardStream.error.show(diagnostic.rendered() + "\n")
  return diagnostic.exit.rawValue
}

private func build(_ options: BuildOptions) throws -> Int32 {
  let display = BuildDisplay(options.display)
  return try runInterruptibly(abandon: display.end) {
    await withDiscardingTaskGroup { group in
      group.addTask { await refresh(display) }
      defer { group.cancelAll() }
      return await build(options, display)
    }
  }
}

private func build(_ options: BuildOptions, _ display: BuildDisplay) async -> Int32 {
  do {
    let report = try await runBuild(options, log: display.log, progress: display.progress)
    try options.reports.write(report, names: options.reportedNames)
    display.end()
    display.show(report)
    if printsDigest(options) {
      try StandardStream.output.write(Array("\(report.digest)\n".utf8))
    }
    return 0
  } catch {
    display.end()
    display.show(diagnostic(for: error), of: options.command)
    return exitCode(for: error, of: options.command)
  }
}

/// The digest goes to standard output for programs; a person has read it in the summary.
private func printsDigest(_ options: BuildOptions) -> Bool {
  guard options.command == .build, !options.writesImageToStandardOutput else { return false }
  return options.display.style == .progress(.quiet) || !StandardStream.output.isTerminal
}

/// Ten times a second: what changes shows at once, and nothing flickers.
private func refresh(_ display: BuildDisplay) async {
  while !Task.isCancelled {
    display.refresh()
    try? await Task.sleep(for: .milliseconds(100))
  }
}

/// Runs what answers a question on standard output.
private func show(_ answer: () async throws -> Void) async -> Int32 {
  do {
    try await answer()
    return 0
  } catch {
    return failed(error)
  }
}

extension Surroundings {
  /// Those of this process.
  fileprivate static func current() throws(SystemError) -> Surroundings {
    Surroundings(
      environment: processEnvironment(), workingDirectory: try currentDirectory(),
      isRoot: geteuid() == 0 && !isInUserNamespace(), programFolder: ProgramFolder.current(),
      standardInputIsTerminal: isatty(STDIN_FILENO) == 1,
      standardOutputIsTerminal: StandardStream.output.isTerminal,
      standardErrorIsTerminal: StandardStream.error.isTerminal)
  }

  /// The first user namespace maps every ID to itself.
  private static func isInUserNamespace() -> Bool {
    guard let bytes = try? contents(of: "/proc/self/uid_map", limit: 64 << 10) else { return false }
    let numbers = bytes.split { $0 == 0x20 || $0 == 0x0A }
    return numbers.map { String(decoding: $0, as: UTF8.self) } != ["0", "0", "4294967295"]
  }
}
