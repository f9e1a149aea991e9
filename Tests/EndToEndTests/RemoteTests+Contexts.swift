// SPDX-License-Identifier: Apache-2.0

import LinuxSystem
import TestSupport
import Testing

extension RemoteTests {
  /// `script` sees the program as `"$@"` and the working copy of the repository as its directory.
  private func run(_ script: String, _ arguments: [String], environment: [String: String] = [:])
    async throws -> Command.Result
  {
    let surroundings = try await Surroundings.shared.value
    let server = try await Server.shared.value
    let command = surroundings.caisson(arguments.map { Self.filled($0, server) })
    return try await Command(
      ["bash", "-c", script, "bash"] + command.arguments,
      environment: command.environment.merging(environment) { $1 },
      directory: server.folder.path + "/work"
    ).run()
  }

  private func shell(_ script: String, _ options: String...) async throws -> Command.Result {
    let base = try await Surroundings.shared.value.baseArguments
    return try await run(script, ["build", "--progress", "plain"] + base + options)
  }

  @Test(arguments: [
    "exec \"$@\" - <../alone", "cat ../alone | \"$@\" -",
    "tar -c Dockerfile sub | \"$@\" -", "tar -cz Dockerfile sub | \"$@\" -",
    "tar -cJ Dockerfile sub | \"$@\" -f Dockerfile -",
    "tar --format=v7 -c Dockerfile sub | \"$@\" -",
    "tar -c Dockerfile sub >../plain.tar && \"$@\" - <../plain.tar",
  ])
  func `standard input is a context or a Dockerfile`(_ script: String) async throws {
    let alone = "printf 'ARG BUSYBOX\\nFROM $BUSYBOX\\nRUN true\\n' >../alone\n"
    let result = try await shell(alone + script)
    #expect(result.status == 0, "\(result.errors)")
  }

  @Test(arguments: [
    ("\"$@\" -f other - <Dockerfile", "standard input is no archive"),
    ("\"$@\" - </dev/null", "error:"),
    ("(cat Dockerfile; head -c 20000000 /dev/zero | tr '\\0' x) | \"$@\" -", "error:"),
    (
      "tar -c Dockerfile sub | head -c 700 | \"$@\" -",
      "the context from standard input cannot be unpacked"
    ),
  ])
  func `standard input that is neither is refused`(_ script: String, _ says: String) async throws {
    let result = try await shell(script)
    #expect(result.status == 1)
    #expect(result.errors.contains(says), "\(result.errors)")
  }

  @Test(arguments: ["Dockerfile", ".dockerignore", "Dockerfile.dockerignore"])
  func `links of a foreign context lead to no file of this machine`(_ name: String) async throws {
    let script = """
      folder=$(mktemp -d) && trap 'rm -rf "$folder"' EXIT
      echo 'COPY [of-this-machine' >"$folder/secret" && mkdir "$folder/context"
      printf 'FROM scratch\\nCOPY Dockerfile /\\n' >"$folder/context/Dockerfile"
      ln -sf "$folder/secret" "$folder/context/\(name)"
      tar -C "$folder/context" -c . | "$@" -
      """
    let result = try await shell(script)
    #expect((result.status == 0) == (name != "Dockerfile"), "\(result.errors)")
    #expect(!result.errors.contains("of-this-machine"))
  }

  @Test func `links within a foreign context are followed`() async throws {
    let script = """
      folder=$(mktemp -d) && trap 'rm -rf "$folder"' EXIT
      printf 'FROM scratch\\nCOPY a /\\n' >"$folder/a" && ln -s /a "$folder/Dockerfile"
      tar -C "$folder" -c . | "$@" -
      """
    let result = try await shell(script)
    #expect(result.status == 0, "\(result.errors)")
  }

  @Test func `a directory of a foreign context is none of this machine`() async throws {
    let script = """
      folder=$(mktemp -d) && trap 'rm -rf "$folder"' EXIT
      mkdir "$folder/secret" "$folder/context" && ln -s "$folder/secret" "$folder/context/link"
      printf 'FROM scratch\\nCOPY . /\\n' >"$folder/secret/Dockerfile"
      tar -C "$folder/context" -cz . | "$@"
      """
    let result = try await run(
      script, ["executor", "--context", "tar://stdin", "--context-sub-path", "link", "--no-push"])
    #expect(result.status == 1)
    #expect(result.errors.contains("the directory of the context \"link\" cannot be opened"))
  }

  @Test func `the executor keeps the repository and not its credentials`() async throws {
    let base = try await Surroundings.shared.value.baseArguments
    let dockerfile =
      "ARG BUSYBOX\\nFROM $BUSYBOX\\nCOPY . /c/\\nRUN test -d /c/.git && ! grep -rE \"pass|word\" /c/.git\\n"
    let result = try await run(
      "printf '\(dockerfile)' >../executor-file; exec \"$@\" --dockerfile ../executor-file",
      ["executor", "--no-push", "--context", "git://@HOST@/basic/r.git"] + base,
      environment: [
        "GIT_PULL_METHOD": "http", "GIT_USERNAME": "me", "GIT_PASSWORD": "pass word",
      ])
    #expect(result.status == 0, "\(result.errors)")
  }

  @Test(arguments: ["", "--keep-git-dir"])
  func `a repository gives the same image at any time, under any umask`(_ flag: String) async throws
  {
    var digests: Set<String> = []
    for mask in ["022", "077", "002"] {
      let result = try await shell(
        """
        umask \(mask); folder=$(mktemp -d) && trap 'rm -rf "$folder"' EXIT
        printf 'FROM scratch\\nADD \(flag) http://%s/r.git /g/\\n' @HOST@ >"$folder/Dockerfile"
        "$@" "$folder"
        """.replacing("@HOST@", with: try await Server.shared.value.address), "--reproducible")
      #expect(result.status == 0, "\(result.errors)")
      #expect(result.line.contains("sha256:"))
      digests.insert(result.line)
    }
    #expect(digests.count == 1)
  }
}
