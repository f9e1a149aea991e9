// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem
import TestSupport
import Testing

/// An ordinary user with subordinate IDs builds the same images as root.
@Suite(.enabled(if: Surroundings.obstacle == nil, Surroundings.obstacle))
struct RootlessTests {
  @Test(arguments: [
    "run-as-user-with-groups", "run-changes-modes-and-owners", "run-makes-directories-opaque",
    "run-renames-base-directories", "copy-chown-names", "add-tar", "debian-users",
  ])
  func `an ordinary user gets root's image`(_ name: String) async throws {
    let surroundings = try await Surroundings.shared.value
    let found = try await compare(name, surroundings)
    #expect(found == "")
  }

  private func compare(_ name: String, _ surroundings: Surroundings) async throws -> String {
    let c = ReferenceCase(name: name)
    let home = try TemporaryFolder()
    let made = try await Command(
      Surroundings.package + "/scripts/ordinary-user", Surroundings.program, home.path
    ).run()
    guard made.status == 0 else { throw Failure(made.errors) }
    try await c.makeContext(at: home.path + "/context")
    expectSuccess(try await Command("cp", "-r", c.folder, home.path + "/case").run())
    expectSuccess(
      try await Command("chmod", "-R", "go+rX", home.path + "/context", home.path + "/case").run())

    let arguments =
      try ["--progress", "plain"] + surroundings.baseArguments + c.options()
    let ours = home.path + "/home/image"
    let asUser = try await Command(
      [
        "runuser", "-u", made.line, "--", "env", "-i", "PATH=/usr/bin:/bin:/usr/sbin:/sbin",
        "HOME=\(home.path)/home", home.path + "/bin/caisson", "build",
        "--store", home.path + "/home/store", "-f", home.path + "/case/Dockerfile",
        "--output", "type=oci,tar=false,dest=" + ours,
      ] + arguments + [home.path + "/context"], directory: "/"
    ).run()
    guard asUser.status == 0 else { return "exit status \(asUser.status): \(asUser.errors)" }

    let roots = home.path + "/root-image"
    expectSuccess(
      try await surroundings.caisson(
        [
          "build", "-f", home.path + "/case/Dockerfile", "--output",
          "type=oci,tar=false,dest=" + roots,
        ]
          + arguments + [home.path + "/context"]
      ).run())
    return try await differences(expected: roots, actual: ours)
  }
}
