// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem
import TestSupport
import Testing

/// What goes wrong is said with its place, and leaves nothing behind.
@Suite(.enabled(if: Surroundings.obstacle == nil, Surroundings.obstacle))
struct FailureTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var dockerfile: String?
    var options: [String] = []
    var status: Int32 = 1
    /// Each must be in what was said on standard error.
    var says: [String]
  }

  static let base = "ARG BUSYBOX\nFROM $BUSYBOX\n"
  static let zeros = String(repeating: "0", count: 64)

  @Test(arguments: [
    Case(testDescription: "no Dockerfile", dockerfile: nil, says: ["Dockerfile"]),
    Case(
      testDescription: "unknown instruction", dockerfile: base + "RUM echo\n",
      says: ["Dockerfile:3", "RUM", "RUN"]),
    Case(
      testDescription: "unfinished JSON", dockerfile: base + "COPY [\"a\", /b]\nRUN [\n",
      says: ["Dockerfile:3"]),
    Case(
      testDescription: "unfinished variable", dockerfile: base + "ENV a=${b\n",
      says: ["Dockerfile:3"]),
    Case(
      testDescription: "unfinished heredoc", dockerfile: base + "RUN <<EOF\necho\n",
      says: ["Dockerfile:3", "EOF"]),
    Case(
      testDescription: "COPY source is missing", dockerfile: base + "RUN true\nCOPY nowhere /\n",
      says: ["Dockerfile:4", "nowhere"]),
    Case(
      testDescription: "COPY source is outside", dockerfile: base + "COPY ../../etc/shadow /\n",
      says: ["Dockerfile:3"]),
    Case(
      testDescription: "COPY from an unknown stage",
      dockerfile: base + "COPY --from=7 /a /b\n", says: ["Dockerfile:3", "7"]),
    Case(
      testDescription: "unknown target", dockerfile: base, options: ["--target", "absent"],
      status: 2, says: ["absent"]),
    Case(
      testDescription: "unknown user", dockerfile: base + "USER nobody-knows\nRUN true\n",
      says: ["Dockerfile:", "nobody-knows"]),
    Case(
      testDescription: "unknown owner", dockerfile: base + "COPY --chown=who file /\n",
      says: ["Dockerfile:3", "who"]),
    Case(
      testDescription: "unknown COPY flag", dockerfile: base + "COPY --colour=red file /\n",
      says: ["Dockerfile:3", "--colour"]),
    Case(testDescription: "empty Dockerfile", dockerfile: "\n", says: ["Dockerfile"]),
    Case(
      testDescription: "unknown flag", dockerfile: base, options: ["--colour"], status: 2,
      says: ["--colour"]),
    Case(
      testDescription: "unknown program",
      dockerfile: base + "RUN [\"/no/such/program\"]\n", says: ["Dockerfile:3", "/no/such/program"]),
    Case(
      testDescription: "failing RUN", dockerfile: base + "RUN echo before\nRUN exit 42\n",
      says: ["Dockerfile:4", "42"]),
    Case(
      testDescription: "no such tag",
      dockerfile: "ARG REGISTRY\nFROM $REGISTRY/busybox:absent\nRUN true\n",
      says: ["Dockerfile:2", "absent"]),
    Case(
      testDescription: "wrong digest",
      dockerfile: "ARG REGISTRY\nFROM $REGISTRY/busybox@sha256:\(zeros)\nRUN true\n",
      says: ["Dockerfile:2", zeros]),
  ])
  func `a bad build says what, where and why`(_ c: Case) async throws {
    let surroundings = try await Surroundings.shared.value
    do {
      let project = try Project(surroundings, dockerfile: c.dockerfile, files: ["file": "f\n"])
      let repository = "failed-\(UInt32.random(in: 0...UInt32.max))"
      let result = try await surroundings.caisson(
        ["build", "--progress", "plain", "-t", "\(surroundings.registry)/\(repository)", "--push"]
          + surroundings.baseArguments + c.options + [project.context],
        store: project.store
      ).run()
      #expect(result.status == c.status)
      for words in c.says { #expect(result.errors.contains(words)) }
      #expect(!isTagged(repository, at: surroundings.server))
      #expect(try project.leftovers() == [])
    }
  }

  @Test func `a failing RUN gives its exit code to the executor`() async throws {
    try await withProject(dockerfile: Self.base + "RUN exit 42\n") { project in
      let result = try await project.execute("--no-push").run()
      #expect(result.status == 42)
      #expect(result.errors.contains("Dockerfile:3"))
      #expect(try project.leftovers() == [])
    }
  }

  @Test func `a registry nobody serves is named`() async throws {
    try await withProject(dockerfile: "FROM scratch\nCOPY file /\n") { project in
      let result = try await project.build("-t", "127.0.0.1:1/app", "--push").run()
      #expect(result.status == 3)
      #expect(result.errors.contains("127.0.0.1:1"))
      #expect(try project.leftovers() == [])
    }
  }

  @Test func `a registry is entered with the right password only, and none is shown`() async throws
  {
    try await withProject(dockerfile: "FROM scratch\nCOPY file /\n") { project in
      let passwords = try await Command("htpasswd", "-Bbn", "user", "right-password").run().output
      try project.write(passwords, to: "../passwords")
      let server = try await RegistryServer.started(passwords: project.path + "/passwords")
      var push = project.build("-t", "\(server.address)/app:1", "--push")
      // base64 of user:wrong-password and user:right-password
      for (encoded, isRight) in [
        (nil, false), ("dXNlcjp3cm9uZy1wYXNzd29yZA==", false),
        ("dXNlcjpyaWdodC1wYXNzd29yZA==", true),
      ] {
        let folder = "config-\(encoded ?? "none")"
        let entry = encoded.map { "\"\(server.address)\": {\"auth\": \"\($0)\"}" } ?? ""
        try project.write("{\"auths\": {\(entry)}}", to: "../\(folder)/config.json")
        push.environment["DOCKER_CONFIG"] = "\(project.path)/\(folder)"
        let result = try await push.run()
        #expect((result.status == 0) == isRight, "\(result.errors)")
        if !isRight { #expect(result.errors.contains(server.address)) }
        for secret in ["wrong-password", "right-password", encoded ?? "none"]
        where isRight || encoded != nil {
          #expect(!(result.output + result.errors).contains(secret))
        }
      }
    }
  }

  @Test func `a blob that is not what its digest says is refused`() async throws {
    try await withProject(dockerfile: Self.base + "RUN true\n") { project in
      let server = try await RegistryServer.started(bases: ["busybox"])
      let storage = server.folder + "/storage/docker/registry/v2/blobs"
      // The layer is the largest blob; one byte in its middle is changed, its size is not.
      let damaged = try await Command(
        "sh", "-c",
        """
        set -e
        blob=$(find \(storage) -name data -size +100k)
        printf X | dd of=$blob bs=1 seek=5000 conv=notrunc status=none
        """
      ).run()
      expectSuccess(damaged)
      let result = try await project.build("--build-arg", "BUSYBOX=\(server.address)/busybox").run()
      #expect(result.status != 0)
      #expect(result.errors.contains("digest"))
      #expect(try project.leftovers() == [])
    }
  }

  @Test func `a full disk ends the build and leaves no partial blob`() async throws {
    try await withProject(dockerfile: "FROM scratch\nCOPY . /\n") { project in
      let random = try await Command(
        "dd", "if=/dev/urandom", "of=\(project.context)/big", "bs=1M", "count=20", "status=none"
      ).run()
      expectSuccess(random)
      let disk = project.path + "/disk"
      try makeDirectory(PathBytes(disk))
      expectSuccess(try await Command("mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", disk).run())
      defer { _ = try? Command("umount", "-l", disk).runBlocking() }
      let result = try await project.build("-t", "demo", store: disk + "/store").run()
      #expect(result.status != 0)
      #expect(result.errors.lowercased().contains("no space left"))
      #expect(try names(inDirectory: PathBytes(disk + "/store/blobs/sha256")) == [])
      #expect((try? names(inDirectory: PathBytes(disk + "/store/tmp"))) ?? [] == [])
    }
  }

  @Test(arguments: [SIGINT, SIGTERM])
  func `a signal in the middle ends everything`(_ signal: Int32) async throws {
    let mark = "\(UInt32.random(in: 100_000...UInt32.max))"
    try await withProject(
      dockerfile: Self.base + "RUN echo running; (sleep \(mark) &); sleep \(mark)\n"
    ) { project in
      let repository = "interrupted-\(mark)"
      let errors = project.path + "/errors"
      let command = project.build(
        "-t", "\(project.surroundings.registry)/\(repository)", "--push")
      let child = try command.start(output: project.path + "/output", errors: errors, input: nil)
      let status = try await Surroundings.workers.run {
        let started = Result {
          try wait(seconds: 60, for: "the RUN to start") {
            isRunning(["sleep", mark]) ? true : nil
          }
        }
        kill(child, (try? started.get()) == true ? signal : SIGKILL)
        let status = wait(for: child, seconds: 30)
        _ = try started.get()
        return status
      }
      #expect(status != 0 && status != 128 + SIGKILL)
      #expect(!isRunning(["sleep", mark]))
      #expect(!isTagged(repository, at: project.surroundings.server))
      #expect(try project.leftovers() == [])
    }
  }

  private func withProject(
    dockerfile: String, _ body: @escaping @Sendable (Project) async throws -> Void
  ) async throws {
    let surroundings = try await Surroundings.shared.value
    try await body(Project(surroundings, dockerfile: dockerfile, files: ["file": "f\n"]))
  }
}

/// Whether a registry has anything under a repository's name.
private func isTagged(_ repository: String, at server: RegistryServer) -> Bool {
  exists(
    PathBytes("\(server.folder)/storage/docker/registry/v2/repositories/\(repository)/_manifests"))
}

/// Whether any process, in whatever namespace below, has these arguments.
private func isRunning(_ arguments: [String]) -> Bool {
  let wanted = arguments.map { $0 + "\0" }.joined()
  let processes = (try? names(inDirectory: "/proc")) ?? []
  return processes.contains { (try? text(of: "/proc/\($0)/cmdline"))?.hasSuffix(wanted) ?? false }
}
