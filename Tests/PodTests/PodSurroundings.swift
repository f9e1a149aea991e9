// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem
import TestSupport
import Testing

/// What all pods share: the root file system of their image, the base images, a registry.
///
/// Made once in a test process, and gone with it.
final class PodSurroundings: Sendable {
  static let shared = Task { try await Command.workers.run { try PodSurroundings() } }

  /// Why no test of this target can run here; nil when all can.
  static let obstacle: Comment? = {
    if access(Checkout.program, X_OK) != 0 {
      return "\(Comment(rawValue: Checkout.program)) is not built"
    }
    if getuid() != 0 { return "pods are made by root" }
    for name in [
      "crun", "docker-registry", "gcc", "mmdebstrap", "musl-gcc", "python3", "skopeo", "unshare",
    ] {
      if !Checkout.isOnPath(name) {
        return "\(Comment(rawValue: name)) is not installed; run scripts/setup"
      }
    }
    return nil
  }()

  let server: RegistryServer
  var registry: String { server.address }
  var folder: String { server.folder }
  /// The executor image, unpacked.
  let root: String

  private let images = ReferenceImages()

  private init() throws {
    let bases = ["busybox", "debian", "tools", "musl"]
    try Self.expectSuccess(Command([Checkout.folder + "/scripts/bases"] + bases).runBlocking())
    try Self.expectSuccess(Command(Self.tests + "/pod-programs").runBlocking())
    server = try RegistryServer(bases: bases)
    root = server.folder + "/root"
    try Self.expectSuccess(
      Command(Self.tests + "/pod-root", Checkout.program, root).runBlocking())
  }

  private static let tests = Checkout.folder + "/Tests/PodTests"

  private static func expectSuccess(_ result: Command.Result) throws {
    guard result.status == 0 else { throw Failure(result.errors) }
  }

  /// What real root makes of a case on this machine, in the `namespaces` sandbox.
  func referenceDigest(of c: BuildCase) async throws -> String { try await images.digest(of: c) }
}

/// Each case is built once, whoever asks.
private actor ReferenceImages {
  private var digests: [BuildCase: Task<String, any Error>] = [:]

  func digest(of c: BuildCase) async throws -> String {
    let task =
      digests[c]
      ?? Task {
        let built = try await Pod.machine.build(c)
        guard built.status == 0 else {
          throw Failure("\(c.name) cannot be built by root: \(built.errors)")
        }
        return built.line
      }
    digests[c] = task
    return try await task.value
  }
}
