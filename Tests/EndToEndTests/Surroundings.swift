// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem
import TestSupport
import Testing

/// What whole builds need around them: the program, base images, a registry.
///
/// Made once in a test process.
final class Surroundings: Sendable {
  static let package = Checkout.folder
  static let program = Checkout.program
  static let shared = Task { try await workers.run { try Surroundings() } }
  static let workers = Command.workers

  /// Why no test of this target can run here; nil when all can.
  static let obstacle: Comment? = {
    if access(program, X_OK) != 0 { return "\(program) is not built" }
    if getuid() != 0 { return "buildah's chroot isolation and mounts need root" }
    for name in [
      "buildah", "skopeo", "umoci", "podman", "docker-registry", "mmdebstrap", "python3",
    ] {
      if !Checkout.isOnPath(name) {
        return "\(Comment(rawValue: name)) is not installed; run scripts/setup"
      }
    }
    return nil
  }()

  /// Holds busybox:latest and debian:latest.
  let server: RegistryServer
  var registry: String { server.address }
  var folder: String { server.folder }
  /// Base images as build arguments, as the fixtures name them.
  let baseArguments: [String]

  private init() throws {
    let made = try Command(Self.package + "/scripts/bases").runBlocking()
    guard made.status == 0 else { throw Failure(made.errors) }
    let digest = try Command("skopeo", "inspect", "--format", "{{.Digest}}", Self.layout("busybox"))
      .runBlocking().line

    server = try RegistryServer(bases: ["busybox", "debian"])
    baseArguments = [
      "REGISTRY=\(server.address)", "BUSYBOX=\(server.address)/busybox:latest",
      "DEBIAN=\(server.address)/debian:latest", "BUSYBOX_DIGEST=\(digest)",
    ].flatMap { ["--build-arg", $0] }
    try makeDirectories(PathBytes(server.folder + "/docker"))
    let credentials = PathBytes(server.folder + "/docker/config.json")
    try FileDescriptor.open(credentials, flags: O_WRONLY | O_CREAT).writeAll(Array("{}".utf8))
  }

  /// The command line of the program under test, with a store all tests share and no credentials.
  func caisson(_ arguments: String..., store: String? = nil) -> Command {
    caisson(arguments, store: store)
  }

  func caisson(_ arguments: [String], store: String? = nil) -> Command {
    let face = arguments.first.map { [$0] } ?? []
    return Command(
      [Self.program] + face + ["--store", store ?? folder + "/store"] + arguments.dropFirst(),
      environment: ["DOCKER_CONFIG": folder + "/docker", "XDG_DATA_HOME": folder + "/data"])
  }

  static func layout(_ base: String) -> String { "oci:\(package)/.build/bases/\(base):latest" }
}
