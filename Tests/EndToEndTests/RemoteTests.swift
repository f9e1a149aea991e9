// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem
import TestSupport
import Testing

/// ADD of addresses and repositories, and contexts from there, against a server on loopback.
@Suite(.enabled(if: Surroundings.obstacle == nil, Surroundings.obstacle))
struct RemoteTests {
  /// A web server with files, an archive, and a repository with two commits.
  final class Server: Sendable {
    let address: String
    let folder: TemporaryFolder
    let commits: [String]
    private let input: Int32

    init() throws {
      folder = try TemporaryFolder()
      let script = """
        set -euo pipefail
        export GIT_CONFIG_GLOBAL=/dev/null GIT_AUTHOR_DATE='1700000000 +0000' GIT_COMMITTER_DATE='1700000000 +0000'
        mkdir www && cd www
        printf 'content\\n' >file && touch -d @1600000000 file
        tar -czf archive.tgz file && echo spaced >'a b'
        mkdir ../work && cd ../work
        git init -q -b main . && git config user.email a@b && git config user.name a
        mkdir sub && echo one >sub/x && ln -s sub link && git add . && git commit -qm one && git tag v1
        echo two >sub/x && printf 'ARG BUSYBOX\\nFROM $BUSYBOX\\nCOPY sub/x /x\\nRUN test "$(cat /x)" = two && ls -a / | grep -vq .git\\n' >Dockerfile
        git add . && git commit -qm two
        git clone -q --bare . ../www/r.git && git -C ../www/r.git update-server-info
        git clone -q . ../outer && cd ../outer && git config user.email a@b && git config user.name a
        git -c protocol.file.allow=always submodule --quiet add "$PWD/../work" inner
        git config -f .gitmodules submodule.inner.url ../r.git && git add . && git commit -qm three
        git clone -q --bare . ../www/outer.git && git -C ../www/outer.git update-server-info && cd ../work
        tar -czf ../www/context.tgz Dockerfile sub && cp Dockerfile ../www/Dockerfile
        git rev-parse v1 main
        """
      let made = try Command(
        "bash", "-c", script, environment: ["HOME": "/nonexistent"], directory: folder.path
      ).runBlocking()
      guard made.status == 0 else { throw Failure(made.errors) }
      commits = made.output.split(separator: "\n").map(String.init)
      var ends: [Int32] = [-1, -1]
      try retrying("pipe") { pipe2(&ends, O_CLOEXEC) }
      input = ends[1]
      defer { close(ends[0]) }
      _ = try Command(
        Surroundings.package + "/Tests/EndToEndTests/web-server", folder.path + "/www"
      ).start(output: folder.path + "/said", errors: folder.path + "/errors", input: ends[0])
      address = try waitForLines(1, of: folder.path + "/said")[0]
    }

    deinit { close(input) }

    static let shared = Task { try await Surroundings.workers.run { try Server() } }
  }

  private static let longDigest =
    "47bea177be21a9e5457ad4d4eef18b8a59a5c462ed3f2afe373a9c6fdc1c4dd88eb34578eb78e87faf0550dbd4d9d94e"
  private static let digest = "434728a410a78f56fc1b5899c3593436e61ab0c731e9072d95e96db290205e53"

  func build(_ lines: String, _ options: [String] = [], store: String? = nil) async throws
    -> (Command.Result, Project)
  {
    let surroundings = try await Surroundings.shared.value
    let server = try await Server.shared.value
    let text = "ARG BUSYBOX\nFROM $BUSYBOX\n" + lines + "\n"
    let project = try Project(
      surroundings, dockerfile: Self.filled(text, server), files: ["empty": ""])
    let given = options.map { Self.filled($0, server) }
    let command = surroundings.caisson(
      ["build", "--progress", "plain"] + surroundings.baseArguments + given + [project.context],
      store: store)
    return (try await command.run(), project)
  }

  static func filled(_ text: String, _ server: Server) -> String {
    text.replacing("@HOST@", with: server.address).replacing("@ONE@", with: server.commits[0])
      .replacing("@TWO@", with: server.commits[1])
  }

  @Test(arguments: [
    "ADD http://@HOST@/file /d/\nRUN test \"$(stat -c '%a %u %g %Y' /d/file)\" = '600 0 0 1600000000'",
    "ADD --chown=33:44 --chmod=u=rw,go=r http://@HOST@/file /n\nRUN test \"$(stat -c '%a %u %g' /n)\" = '644 33 44'",
    "ADD --checksum=sha256:\(digest) http://@HOST@/moved/file /d/\nRUN test \"$(cat /d/file)\" = content",
    "ADD http://@HOST@/named http://@HOST@/renamed /d/\nRUN test \"$(ls /d | tr -d '\\n')\" = namedrenamed",
    "ADD http://@HOST@/?named /d/\nRUN test \"$(cat /d/real-name)\" = named",
    "ADD http://@HOST@/a%20b /d/\nRUN test \"$(cat '/d/a b')\" = spaced",
    "ADD --checksum=sha384:\(longDigest) http://@HOST@/file /d/",
    "ADD http://@HOST@/archive.tgz /d/\nRUN test -f /d/archive.tgz",
    "ADD --unpack=true http://@HOST@/archive.tgz /d/\nRUN test \"$(cat /d/file)\" = content",
    "ADD http://@HOST@/r.git /g\nRUN test \"$(cat /g/sub/x)\" = two && test -h /g/link && test ! -e /g/.git",
    "ADD http://@HOST@/r.git /g\nRUN test \"$(stat -c '%u %g %Y' /g/sub/x)\" = '0 0 1700000000'",
    "ADD http://@HOST@/r.git#v1:sub /g\nRUN test \"$(cat /g/x)\" = one && test \"$(ls /g)\" = x",
    "ADD http://@HOST@/r.git?tag=v1&subdir=sub /g\nRUN test \"$(cat /g/x)\" = one",
    "ADD --checksum=@ONE@ http://@HOST@/r.git?commit=@ONE@ /g\nRUN test \"$(cat /g/sub/x)\" = one",
    "ADD --keep-git-dir http://@HOST@/r.git /g\nRUN test -d /g/.git",
    "ADD --keep-git-dir http://me:pass%20word@@HOST@/basic/r.git /g\nRUN test -d /g/.git && ! grep -rE 'pass|word' /g/.git "
      + "&& test ! -e /g/.git/logs && test ! -e /g/.git/FETCH_HEAD && test ! -e /g/.git/hooks",
    "ADD http://me:pass%20word@@HOST@/basic/outer.git /g\nRUN test \"$(cat /g/inner/sub/x)\" = two && test ! -e /g/inner/.git",
    "ADD http://@HOST@/outer.git?submodules=false /g\nRUN test -d /g/inner && test ! -e /g/inner/sub",
    "ADD --exclude=sub http://@HOST@/r.git /g\nRUN test ! -e /g/sub",
  ])
  func `what is fetched is added`(_ lines: String) async throws {
    let (result, _) = try await build(lines)
    #expect(result.status == 0, "\(result.errors)")
  }

  @Test(arguments: [
    ("ADD http://@HOST@/absent /x", "the server answers 404"),
    ("ADD http://@HOST@/private/file /x", "the server answers 401"),
    ("ADD http://@HOST@/loop /x", "it is redirected too often"),
    ("ADD http://@HOST@/cut/file /x", "cannot be fetched"),
    ("ADD http://127.0.0.1:1/x /x", "cannot be fetched"),
    ("ADD http://@HOST@/ /x/", "the server answers 404"),
    (
      "ADD --checksum=sha256:\(String(repeating: "0", count: 64)) http://@HOST@/file /x",
      "is not what --checksum says"
    ),
    ("ADD http://@HOST@/r.git#absent /x", "git cannot fetch"),
    ("ADD --checksum=abcdef1 http://@HOST@/r.git /x", "is not the commit that --checksum says"),
    ("ADD http://@HOST@/r.git#:absent /x", "is not in the context"),
    ("ADD http://user:password@@HOST@/absent /x", "the server answers 404"),
  ])
  func `what cannot be fetched is said at its place`(_ lines: String, _ says: String) async throws {
    let (result, project) = try await build(lines)
    #expect(result.status != 0)
    #expect(result.errors.contains(says), "\(result.errors)")
    #expect(result.errors.contains("Dockerfile:3:"))
    #expect(!result.errors.contains("password"))
    #expect(try project.leftovers() == [])
  }

  @Test func `a secret opens a private file, and shows nowhere`() async throws {
    let server = try await Server.shared.value
    let host = server.address.split(separator: ":")[0]
    let secret = server.folder.path + "/token"
    try FileDescriptor.open(PathBytes(secret), flags: O_WRONLY | O_CREAT, mode: 0o600)
      .writeAll(Array("word\n".utf8))
    let (result, _) = try await build(
      "ADD http://@HOST@/private/file /x",
      ["--secret", "id=HTTP_AUTH_TOKEN_\(host),src=\(secret)"])
    #expect(result.status == 0, "\(result.errors)")
    #expect(!(result.errors + result.output).contains("word"))
  }

  @Test func `a file that did not change is not sent again`() async throws {
    let server = try await Server.shared.value
    let folder = try TemporaryFolder()
    for _ in 0..<2 {
      let (result, _) = try await build(
        "ADD http://@HOST@/file?again /x", store: folder.path + "/store")
      #expect(result.status == 0, "\(result.errors)")
    }
    let log = try await Command("curl", "-s", "http://\(server.address)/log").run().output
    #expect(log.contains("/file \"434728a410a78f56\""), "\(log)")
  }

  @Test(arguments: [
    ["http://@HOST@/r.git"], ["http://@HOST@/r.git#main"], ["http://@HOST@/context.tgz"],
    ["-f", "http://@HOST@/Dockerfile", "@FOLDER@/work"],
  ])
  func `a context may be an address`(_ words: [String]) async throws {
    let surroundings = try await Surroundings.shared.value
    let server = try await Server.shared.value
    let given = words.map {
      Self.filled($0, server).replacing("@FOLDER@", with: server.folder.path)
    }
    let result = try await surroundings.caisson(
      ["build", "--progress", "plain"] + surroundings.baseArguments + given
    ).run()
    #expect(result.status == 0, "\(result.errors)")
  }

  @Test func `contexts by name may be addresses`() async throws {
    let (result, _) = try await build(
      "COPY --from=r sub/x /x\nCOPY --from=a sub/x /y\nRUN test \"$(cat /x /y | tr -d '\\n')\" = onetwo",
      [
        "--build-context", "r=http://@HOST@/r.git#v1", "--build-context",
        "a=http://@HOST@/context.tgz",
      ])
    #expect(result.status == 0, "\(result.errors)")
  }
}
