// SPDX-License-Identifier: Apache-2.0

import OCI
import Testing

@testable import Sandboxing

@Suite struct ForeignProgramsTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var platform: String
    var programs = ForeignPrograms()
    /// In the reason; nil where programs run.
    var reason: String?
    var testDescription: String { "\(platform), \(programs.emulators), \(programs.unfixed)" }
  }

  private static let emulated = ForeignPrograms(emulators: ["qemu-aarch64"])

  @Test(arguments: [
    Case(platform: "linux/amd64"), Case(platform: "linux/amd64/v3"), Case(platform: "linux/386"),
    Case(platform: "linux/arm64", reason: "qemu-aarch64 in /proc/sys/fs/binfmt_misc"),
    Case(platform: "linux/arm64", programs: emulated),
    Case(platform: "linux/arm/v7", programs: emulated, reason: "qemu-arm in"),
    Case(
      platform: "linux/arm64", programs: ForeignPrograms(unfixed: ["qemu-aarch64"]),
      reason: "without the flag F"),
    Case(platform: "linux/unheard", programs: emulated, reason: "no emulator is known"),
    Case(platform: "windows/amd64", reason: "programs of linux only"),
    Case(platform: "windows/arm64", programs: emulated, reason: "programs of linux only"),
  ])
  func `programs run natively, through an emulator, or not at all`(_ c: Case) throws {
    let platform = try #require(Platform(c.platform))
    let host = Platform(os: "linux", architecture: "amd64")
    let obstacle = c.programs.obstacle(to: platform, onHost: host)
    if let reason = c.reason {
      #expect(obstacle?.contains(reason) == true, "\(obstacle ?? "-")")
    } else {
      #expect(obstacle == nil)
    }
  }
}
