// SPDX-License-Identifier: Apache-2.0

import Diagnostics
import DockerfileSyntax
import OCI

extension StageBuilder {
  mutating func setWorkingDirectory(_ word: Word, _ instruction: Instruction) throws {
    let text = try nonEmpty(word, instruction)
    let path = absolutePath(text, below: workingDirectory)
    configuration.config.workingDirectory = path
    let step = WorkingDirectoryStep(path: path, user: configuration.config.user)
    add(
      path == "/" ? .configure : .makeWorkingDirectory(step), for: instruction,
      text: "WORKDIR " + path)
  }

  mutating func setUser(_ word: Word, _ instruction: Instruction) throws {
    let user = try expand(word, instruction)
    // An empty user would be root, which is hardly what a forgotten argument is meant to give.
    guard !user.isEmpty else { throw PlanningError.emptyUser(at: word.range) }
    configuration.config.user = user
    add(for: instruction, text: "USER " + user)
  }

  mutating func addVolumes(_ words: [Word], _ instruction: Instruction) throws {
    let paths = try words.map { try nonEmpty($0, instruction) }
    configuration.config.volumes.formUnion(paths)
    add(
      for: instruction, text: "VOLUME " + paths.joined(separator: " "),
      createdBy: "VOLUME " + plainList(paths))
  }

  func nonEmpty(_ word: Word, _ instruction: Instruction) throws -> String {
    let text = try expand(word, instruction)
    guard !text.isEmpty else { throw PlanningError.emptyPath(word.text, at: word.range) }
    return text
  }

  mutating func expose(_ words: [Word], _ instruction: Instruction) throws {
    var ports: [String] = []
    for word in words {
      let text = try expand(word, instruction)
      for part in text.split(whereSeparator: \.isWhitespace) {
        // A host port publishes nothing; only the container's counts.
        guard let range = PortRange(part.split(separator: ":").last ?? part) else {
          throw PlanningError.invalidPort(String(part), at: word.range)
        }
        ports += range.ports
      }
    }
    configuration.config.exposedPorts.formUnion(ports)
    // A history is no place for the half megabyte that all ports take.
    let shown = ports.count <= 1000 ? "EXPOSE " + plainList(ports) : instruction.text
    add(for: instruction, text: instruction.text, createdBy: shown)
  }

  mutating func setShell(_ words: [Word], _ instruction: Instruction) {
    let shell = words.map(\.text)
    configuration.config.shell = shell
    add(for: instruction, text: instruction.text, createdBy: "SHELL " + plainList(shell))
  }

  mutating func setStopSignal(_ word: Word, _ instruction: Instruction) throws {
    let signal = try expand(word, instruction)
    guard isSignal(signal) else { throw PlanningError.invalidSignal(signal, at: word.range) }
    configuration.config.stopSignal = signal
    add(for: instruction, text: "STOPSIGNAL " + signal)
  }

  mutating func setAuthor(_ word: Word, _ instruction: Instruction) {
    configuration.author = word.text
    add(for: instruction, text: "MAINTAINER " + word.text)
  }

  mutating func setHealthcheck(_ written: HealthcheckInstruction, _ instruction: Instruction) {
    let test: [String] =
      switch written.command {
      case nil: ["NONE"]
      case .shell(let word): ["CMD-SHELL", word.text]
      case .exec(let words): ["CMD"] + words.map(\.text)
      }
    var healthcheck = Healthcheck(test: test)
    healthcheck.intervalInNanoseconds = written.intervalInNanoseconds
    healthcheck.timeoutInNanoseconds = written.timeoutInNanoseconds
    healthcheck.startPeriodInNanoseconds = written.startPeriodInNanoseconds
    healthcheck.startIntervalInNanoseconds = written.startIntervalInNanoseconds
    healthcheck.retries = written.retries
    configuration.config.healthcheck = healthcheck
    add(for: instruction, text: instruction.text, createdBy: createdBy(healthcheck))
  }

  private func createdBy(_ check: Healthcheck) -> String {
    let fields = [
      "Test:" + plainList(check.test ?? []),
      "Interval:" + goDuration(check.intervalInNanoseconds ?? 0),
      "Timeout:" + goDuration(check.timeoutInNanoseconds ?? 0),
      "StartPeriod:" + goDuration(check.startPeriodInNanoseconds ?? 0),
      "StartInterval:" + goDuration(check.startIntervalInNanoseconds ?? 0),
      "Retries:\(check.retries ?? 0)",
    ]
    return "HEALTHCHECK {" + fields.joined(separator: " ") + "}"
  }
}

/// `8080`, `8000-8010/udp`.
private struct PortRange {
  let numbers: ClosedRange<UInt16>
  let transport: String

  init?(_ text: Substring) {
    let halves = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    transport = halves.count == 2 && !halves[1].isEmpty ? halves[1].lowercased() : "tcp"
    let ends = halves[0].split(separator: "-", omittingEmptySubsequences: false)
    guard ["tcp", "udp", "sctp"].contains(transport), ends.count <= 2,
      let low = Self.number(ends[0]), let high = Self.number(ends[ends.count - 1]), low <= high
    else { return nil }
    numbers = low...high
  }

  var ports: [String] { numbers.map { "\($0)/\(transport)" } }

  private static func number(_ text: Substring) -> UInt16? {
    text.utf8.allSatisfy { (0x30...0x39).contains($0) } ? UInt16(text) : nil
  }
}

/// A signal's number from 1 to 64, or its name with or without `SIG`.
private func isSignal(_ text: String) -> Bool {
  if let number = Int(text) { return (1...64).contains(number) }
  var name = Substring(text.uppercased())
  if name.hasPrefix("SIG") { name = name.dropFirst(3) }
  for (base, limit) in [("RTMIN+", 15), ("RTMAX-", 14)] where name.hasPrefix(base) {
    return Int(name.dropFirst(base.count)).map { (1...limit).contains($0) } ?? false
  }
  return signalNames.contains(String(name))
}

/// Without `SIG`; signal(7).
let signalNames = [
  "ABRT", "ALRM", "BUS", "CHLD", "CLD", "CONT", "FPE", "HUP", "ILL", "INT", "IO", "IOT", "KILL",
  "PIPE", "POLL", "PROF", "PWR", "QUIT", "RTMIN", "RTMAX", "SEGV", "STKFLT", "STOP", "SYS",
  "TERM", "TRAP", "TSTP", "TTIN", "TTOU", "URG", "USR1", "USR2", "VTALRM", "WINCH", "XCPU",
  "XFSZ",
]
