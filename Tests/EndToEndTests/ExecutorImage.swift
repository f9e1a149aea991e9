// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem
import TestSupport
import Testing

/// The executor image and its variants, built once in a test process and unpacked.
final class ExecutorImage: Sendable {
  static let shared = Task {
    let surroundings = try await Surroundings.shared.value
    return try await Command.workers.run { try ExecutorImage(surroundings) }
  }

  /// Why no test of this target can run here; nil when all can.
  static let obstacle: Comment? = {
    if let obstacle = Surroundings.obstacle { return obstacle }
    for name in ["crun", "git", "openssl", "patchelf", "strip", "unshare"] {
      if !Checkout.isOnPath(name) {
        return "\(Comment(rawValue: name)) is not installed; run scripts/setup"
      }
    }
    return nil
  }()

  /// What users get, where it was built after the last change of a source; else the program under test.
  static let configuration: String = {
    let release = Checkout.folder + "/.build/release/caisson"
    let newer = try? Command(
      "find", Checkout.folder + "/Sources", "-type", "f", "-newer", release, "-print", "-quit"
    ).runBlocking()
    return newer?.status == 0 && newer?.output == "" ? "release" : "debug"
  }()

  let surroundings: Surroundings
  /// As `packaging/image` leaves it, and the unpacked images as `root-TAG`.
  let folder: String
  var layout: String { folder + "/layout" }

  private init(_ surroundings: Surroundings) throws {
    self.surroundings = surroundings
    folder = surroundings.server.folder + "/executor-image"
    let built = try Command(Self.building(folder)).runBlocking()
    guard built.status == 0 else { throw Failure(built.errors) }
    for tag in ["executor", "debug", "git"] {
      let unpacked = try Command(
        "umoci", "raw", "unpack", "--image", "\(layout):\(tag)", root(of: tag)
      ).runBlocking()
      guard unpacked.status == 0 else { throw Failure(unpacked.errors) }
    }
  }

  static func building(_ folder: String) -> [String] {
    [Checkout.folder + "/packaging/image", "--configuration", configuration, folder]
  }

  func root(of tag: String) -> String { folder + "/root-" + tag }

  /// A command line that runs the image in a container that allows nothing.
  ///
  /// - Parameters:
  ///   - options: Of `scripts/run-image`.
  ///   - root: Instead of the image's own.
  func run(
    _ arguments: [String], tag: String = "executor", _ options: [String] = [], root: String? = nil
  ) -> Command {
    Command(
      [Checkout.folder + "/scripts/run-image"] + options
        + ["\(layout):\(tag)", root ?? self.root(of: tag)] + arguments)
  }
}

/// What a pod mounts at /workspace: a folder anybody can write to.
final class WorkspaceVolume: Sendable {
  private let folder: TemporaryFolder
  var path: String { folder.path }
  var option: [String] { ["--volume", path + ":/workspace"] }

  /// - Parameter dockerfile: Of the context, which is the volume.
  init(dockerfile: String) throws {
    folder = try TemporaryFolder()
    try write(dockerfile, to: "Dockerfile")
    try retrying("chmod", PathBytes(path)) { chmod(folder.path, 0o1777) }
  }

  func write(_ content: String, to name: String) throws {
    let file = try FileDescriptor.open(
      PathBytes(path).appending(name), flags: O_WRONLY | O_CREAT | O_TRUNC, mode: 0o644)
    try file.writeAll(Array(content.utf8))
  }

  var names: [String] {
    get throws { try LinuxSystem.names(inDirectory: PathBytes(path)).map(\.description) }
  }
}

/// A certificate for 127.0.0.1 from an authority nobody knows.
struct PrivateAuthority {
  private let folder = Result { try TemporaryFolder() }

  /// Holds `authority.pem`, `certificate.pem` and `key.pem`.
  var path: String { get throws { try folder.get().path } }

  init() async throws {
    let made = try await Command(
      "sh", "-euc",
      """
      key="-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
      openssl req -x509 $key -days 2 -subj /CN=authority -keyout authority.key -out authority.pem
      openssl req $key -subj /CN=registry -keyout key.pem -out request.pem
      echo subjectAltName=IP:127.0.0.1 >extensions
      openssl x509 -req -in request.pem -CA authority.pem -CAkey authority.key -CAcreateserial \
        -days 2 -extfile extensions -out certificate.pem
      chmod 0644 authority.pem
      """, directory: try path
    ).run()
    guard made.status == 0 else { throw Failure(made.errors) }
  }
}
