// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem
import Testing

@testable import Sandboxing

/// The probes on this machine; what other users find is tested with the whole program.
@Suite(.serialized, .timeLimit(.minutes(1))) struct PlaceProbeTests {
  private func directory() throws -> PathBytes {
    let path = PathBytes("/tmp/caisson-place-\(UInt64.random(in: 0...UInt64.max))")
    try makeDirectory(path)
    return path
  }

  @Test(.enabled(if: geteuid() == 0, "needs root"))
  func `root of a machine finds everything`() throws {
    let work = try directory()
    defer { try? removeTree(work) }
    let place = Place(work: work.appending("not/there"), home: "/root", environment: [])
    #expect(place.status.uid == 0)
    #expect(place.namespaces.answer == .here)
    #expect(place.namespaces.here == MountingFacts())
    #expect(place.virtual.listener.installs == .works)
    #expect(place.virtual.tracing.seizes == .works)
    #expect(place.virtual.executesMemory == .works)
    #expect(place.virtual.work == WorkDirectory(path: work))
    #expect(place.decision.name == "namespaces")
    #expect(place.work?.path == work.appending("not/there"))
    #expect(place.work?.exists == false)
    #expect(try names(inDirectory: work) == [])
  }

  @Test func `no process of a probe is left`() throws {
    let work = try directory()
    defer { try? removeTree(work) }
    _ = Place(work: work, home: nil, environment: [])
    _ = VirtualProbe.answer(work: work)
    // Other tests of this process have children of their own, which are other programs; those of a
    // probe are forks and keep its name.
    let own = try String(decoding: contents(of: "/proc/self/comm"), as: UTF8.self)
    let left = try names(inDirectory: "/proc").filter { name in
      let status = (try? contents(of: PathBytes("/proc").appending(name).appending("status"))) ?? []
      let text = String(decoding: status, as: UTF8.self)
      return text.contains("PPid:\t\(getpid())\n") && text.contains("State:\tZ")
        && text.hasPrefix("Name:\t\(own)")
    }
    #expect(left == [])
  }

  @Test(.enabled(if: geteuid() == 0, "needs root"))
  func `a place where nothing may be executed is noticed`() throws {
    let work = try directory()
    defer { try? removeTree(work) }
    try retrying("mount", work) {
      work.withCString { mount("tmpfs", $0, "tmpfs", UInt(MS_NOEXEC), nil) }
    }
    defer { _ = work.withCString { umount2($0, Int32(MNT_DETACH)) } }
    let found = WorkDirectory(trying: work)
    #expect(found.writes == .works)
    #expect(found.mapsExecutable == .refused(Errno(EPERM)))
    #expect(found.executes == .refused(Errno(EACCES)))
    #expect(VirtualProbe.answer(work: work) != .here)
    let mounts = Mount.all(in: try contents(of: "/proc/self/mountinfo"))
    let row = PlaceDirectory(.work, work, mounts: mounts)
    #expect(row.type == "tmpfs")
    #expect(row.flags == ["noexec"])
  }

  @Test func `a place that cannot be written to is noticed`() {
    let found = WorkDirectory(trying: "/proc/self/attr")
    #expect(!found.writes.isGood)
  }

  @Test(.enabled(if: geteuid() == 0, "needs root"))
  func `namespaces are of no use without a work directory`() throws {
    guard case .nowhere(let reasons) = NamespaceProbe.answer(environment: [], work: "/proc/self")
    else {
      Issue.record("namespaces were found")
      return
    }
    #expect(reasons.first?.hasPrefix("the work directory \"/proc/self\" cannot") == true)
  }

  @Test func `a directory that is missing is judged by the nearest above it`() throws {
    let work = try directory()
    defer { try? removeTree(work) }
    #expect(nearestDirectory(work.appending("a/b/c")) == work)
    #expect(nearestDirectory("/nowhere/at/all") == "/")
    let file = work.appending("file")
    try write("", to: file)
    #expect(nearestDirectory(file.appending("below")) == work)
  }

  @Test func `the smallest program runs from memory`() {
    #expect(SmallestProgram.startFromMemory() == .works)
  }

  @Test func `the whole comes to an end soon, however busy the machine is`() throws {
    let work = try directory()
    defer { try? removeTree(work) }
    let start = ContinuousClock.now
    _ = Place(work: work, home: nil, environment: [])
    #expect(ContinuousClock.now - start < .seconds(20))
  }
}
