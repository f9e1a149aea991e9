// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem
import TestSupport
import Testing

/// A step that fails does so in the same way in every pod.
@Suite(.enabled(if: PodSurroundings.obstacle == nil, PodSurroundings.obstacle))
struct FailingTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var pod: Pod
    var name: String
    var status: Int32
    var says: String
    var testDescription: String { "\(name) in \(pod.kind)" }
    var build: BuildCase { BuildCase(suite: "Failing", name: name) }
  }

  static let cases = (Pod.kinds + [.machine]).flatMap { pod in
    [
      Case(pod: pod, name: "exit-status", status: 42, says: "Dockerfile:5:1"),
      Case(pod: pod, name: "signal", status: 137, says: "was ended by signal 9"),
      Case(pod: pod, name: "no-program", status: 127, says: "was not found"),
      Case(pod: pod, name: "not-executable", status: 126, says: "Permission denied"),
    ]
  }

  @Test(arguments: cases)
  func `the status of a failing step is the builder's`(_ c: Case) async throws {
    let result = try await c.pod.build(c.build)
    #expect(result.status == c.status, "\(result.errors)")
    #expect(result.errors.contains(c.says), "\(result.errors)")
    #expect(result.output == "")
  }

  @Test(arguments: Pod.kinds)
  func `a pod that is deleted ends at once and leaves nothing half done`(_ pod: Pod) async throws {
    let endless = BuildCase(suite: "Failing", name: "endless")
    let result = try await pod.build(
      endless, options: ["--terminate", "started", "--timeout", "40"])
    #expect(result.errors.contains("started"), "\(result.errors)")
    #expect(result.status == 128 + SIGTERM)
    let volume = try await PodSurroundings.shared.value.folder + "/pods/\(pod.kind)/workspace"
    #expect(!exists(PathBytes(volume + "/digests/endless")))
  }
}
