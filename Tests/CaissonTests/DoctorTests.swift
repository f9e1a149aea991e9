// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem
import OCI
import Sandboxing
import Testing

@testable import caisson

@Suite struct DoctorTests {
  /// uid 65532 in a pod that can use nothing but the virtual sandbox.
  private func pod(_ change: (inout Place) -> Void = { _ in }) -> Place {
    var place = Place(
      status: ProcessStatus(
        uid: 65532, gid: 0, groups: [0, 2000], bounding: CapabilityName.runtimeDefaults,
        hasNoNewPrivileges: true, seccomp: .filter),
      namespaces: NamespaceFacts(answer: .nowhere(reasons: ["the user is not root"])),
      virtual: VirtualFacts(
        kernel: KernelRelease("6.1.0"), work: WorkDirectory(path: "/cache")),
      container: ContainerHints(runtime: .kubernetes, hasServiceAccountToken: true),
      cgroup: CgroupLimits(version: .v2, memoryLimitInBytes: 2 << 30, processors: 1.5),
      limits: [ResourceLimit(resource: .openFiles, soft: 512, hard: nil)],
      directories: [
        PlaceDirectory(purpose: .work, path: "/cache", freeBytes: 5_000_000_000, freeInodes: 7),
        PlaceDirectory(purpose: .home, path: "/\u{1B}[31mhome", exists: false),
      ])
    change(&place)
    return place
  }

  private func query(_ line: String) throws -> DoctorQuery? {
    let words = ["caisson", "doctor"] + line.split(separator: " ").map(String.init)
    if case .doctor(let query) = try Invocation(words, machine) { return query }
    return nil
  }

  @Test func `questions are understood`() throws {
    #expect(
      try query("")
        == DoctorQuery(
          work: "/home/ada/.local/share/caisson", home: "/home/ada", isJSON: false))
    #expect(try query("--work here --format json")?.work == "/src/app/here")
    #expect(try query("--store /s --format json")?.isJSON == true)
    #expect(try query("--store /s")?.work == "/s")
    #expect(try query("--store /s --work /w")?.work == "/w")
    #expect(complaint("doctor x")?.hasPrefix("unexpected argument") == true)
    #expect(complaint("doctor --format xml") != nil)
  }

  @Test(arguments: [60, 80, 120])
  func `the table fits, whatever is in it`(_ width: Int) {
    let text = doctorTable(pod(), width: width, isColored: false)
    #expect(!text.contains("\u{1B}"))
    // Lines of YAML are copied, not read.
    let lines = text.split(separator: "\n").filter { !$0.hasPrefix("      ") }
    #expect(lines.allSatisfy { $0.count <= width })
    #expect(text.hasPrefix("Sandbox: virtual\n"))
  }

  @Test func `the table says what, why and what to change`() {
    let text = doctorTable(pod(), width: 100, isColored: false)
    for part in [
      "no namespaces here: the user is not root", "65532, group 0, also 0 2000",
      "  ok       seccomp listener      works", "1.5", "2.1 GB", "  limited  open files",
      "512, at most unlimited", "automountServiceAccountToken: false", "hostUsers: false",
      "for set-user-ID programs only; owners of files", "/cache, writable, ext4, 5.0 GB free",
    ] {
      #expect(text.contains(part), "\(part)")
    }
  }

  @Test func `without any sandbox the reasons and the way out come first`() {
    let text = doctorTable(pod { $0.virtual.yamaScope = 2 }, width: 100, isColored: false)
    let head = text.split(separator: "\n").prefix(5).joined(separator: "\n")
    #expect(
      head.hasPrefix("Sandbox: none\n  - namespaces: the user is not root\n  - virtual: Yama"))
    #expect(head.contains("way out set the node's sysctl kernel.yama.ptrace_scope"))
    #expect(text.contains("sysctl -w kernel.yama.ptrace_scope=1"))
  }

  @Test func `colour is for terminals, and text from outside drives none`() {
    let text = doctorTable(pod(), width: 80, isColored: true)
    #expect(text.contains("\u{1B}[32mok\u{1B}[0m"))
    #expect(text.contains("\u{1B}[31mno\u{1B}[0m"))
    #expect(!text.contains("\u{1B}[31mhome"))
  }

  @Test func `every row has an identifier of its own`() {
    let ids = pod().sections.flatMap(\.rows).map(\.id)
    #expect(Set(ids).count == ids.count)
    #expect(ids.allSatisfy { $0.contains(".") })
  }

  @Test func `programs get the same as JSON`() throws {
    let json = try JSONValue(parsing: try doctorJSON(pod()))
    #expect(json["schemaVersion"]?.integer == 1)
    #expect(json["sandbox"]?.string == "virtual")
    #expect(json["help"] == nil)
    #expect(json["sandboxes"]?["namespaces"]?["works"]?.bool == false)
    #expect(json["sandboxes"]?["virtual"]?["works"]?.bool == true)
    #expect(json["process"]?["uid"]?.integer == 65532)
    #expect(json["process"]?["capabilities"]?["bounding"]?.array?.count == 14)
    #expect(json["process"]?["seccompMode"]?.integer == 2)
    #expect(json["process"]?["container"]?.string == "kubernetes")
    #expect(json["limits"]?["memoryLimitInBytes"]?.integer == 2 << 30)
    #expect(json["limits"]?["openFilesLimit"]?["soft"]?.integer == 512)
    #expect(json["limits"]?["openFilesLimit"]?["hard"] == nil)
    #expect(json["directories"]?.array?.first?["freeInBytes"]?.integer == 5_000_000_000)
    #expect(json["facts"]?["virtual.listener"]?["state"]?.string == "ok")
    #expect(
      json["advice"]?.array?.compactMap { $0["id"]?.string }
        == ["user-namespace", "service-account-token", "primary-group"])
    let none = try JSONValue(parsing: try doctorJSON(pod { $0.virtual.yamaScope = 3 }))
    #expect(none["sandbox"] == .null)
    #expect(none["reasons"]?.array?.count == 2)
    #expect(none["help"]?.string?.contains("ptrace_scope") == true)
  }

  @Test func `the sandbox is chosen by option, else by the environment`() throws {
    var surroundings = machine
    #expect(try buildOptions("build .", surroundings)?.sandbox == .auto)
    surroundings.environment["CAISSON_SANDBOX"] = "virtual"
    #expect(try buildOptions("build .", surroundings)?.sandbox == .virtual)
    #expect(try buildOptions("executor --no-push", surroundings)?.sandbox == .virtual)
    #expect(
      try buildOptions("build --sandbox namespaces .", surroundings)?.sandbox == .namespaces)
    surroundings.environment["CAISSON_SANDBOX"] = "gvisor"
    #expect(
      complaint("build .", surroundings)
        == "$CAISSON_SANDBOX cannot be \"gvisor\" | it takes auto, namespaces or virtual")
    #expect(complaint("build --sandbox none .")?.contains("auto, namespaces or virtual") == true)
  }
}
