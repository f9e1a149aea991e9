// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem
import OCI
import TestSupport
import Testing

/// The image in containers with a read-only root, no capabilities and no new privileges.
@Suite(.enabled(if: ExecutorImage.obstacle == nil, ExecutorImage.obstacle))
struct ExecutorImageTests {
  static let dockerfile = """
    ARG BASE
    FROM $BASE
    COPY . /srv/
    USER 1000
    """
  static let users = ["65532:65532", "1000650000:0", "0:0"]

  @Test(arguments: users)
  func `any user builds root's image where only the context can be written to`(
    _ user: String
  ) async throws {
    let image = try await ExecutorImage.shared.value
    let work = try WorkspaceVolume(dockerfile: Self.dockerfile)
    let base = ["--build-arg", "BASE=\(image.surroundings.registry)/busybox:latest"]
    let options = ["executor", "--reproducible", "--no-push"] + base
    let expected = try TemporaryFolder()
    expectSuccess(
      try await image.surroundings.caisson(
        options + [
          "--context", work.path, "--dockerfile", work.path + "/Dockerfile", "--digest-file",
          expected.path + "/digest",
        ]
      ).run())

    let result = try await image.run(
      options.dropFirst() + [
        "--context", "dir:///workspace", "--tarPath", "/workspace/image.tar", "--digest-file",
        "/workspace/digest",
      ], ["--user", user] + work.option
    ).run()
    expectSuccess(result)
    #expect(result.errors.contains("until the build ends in /workspace/.caisson-"))
    #expect(try text(of: work.path + "/digest") == text(of: expected.path + "/digest"))
    #expect(try work.names == ["Dockerfile", "digest", "image.tar"])
  }

  @Test func `where nothing can be written to every place that was tried is named`() async throws {
    let image = try await ExecutorImage.shared.value
    let result = try await image.run(["--no-push"]).run()
    #expect(result.status == 1)
    for place in ["/root/.local/share/caisson", "/tmp", "/cache", "/workspace"] {
      #expect(result.errors.contains("note: \(place): Read-only file system"))
    }
    #expect(result.errors.contains("--kaniko-dir"))
  }

  @Test(arguments: [["--kaniko-dir", "/workspace/own"], []])
  func `a place that was named is used and kept`(_ option: [String]) async throws {
    let image = try await ExecutorImage.shared.value
    let work = try WorkspaceVolume(dockerfile: "FROM scratch\nCOPY Dockerfile /\n")
    let variable = option.isEmpty ? ["--env", "KANIKO_DIR=/workspace/own"] : []
    expectSuccess(try await image.run(["--no-push"] + option, work.option + variable).run())
    #expect(exists(PathBytes(work.path + "/own/store/oci-layout")))
  }

  @Test func `the store is no part of the context it lies in`() async throws {
    let image = try await ExecutorImage.shared.value
    let work = try WorkspaceVolume(dockerfile: "FROM scratch\nCOPY . /all/\n")
    expectSuccess(
      try await image.run(
        ["--no-push", "--tar-path", "/cache/image.tar", "--kaniko-dir", "/workspace"],
        work.option + ["--volume", work.path + ":/cache"]
      ).run())
    let files = try await Command(
      Checkout.program, "image", "files", "--store", work.path + "/listing",
      "docker-archive:\(work.path)/image.tar"
    ).run()
    #expect(files.output.contains("all/Dockerfile"))
    #expect(!files.output.contains("all/store"))
  }

  /// What another system may have there. With this configuration libcrypto has no random numbers.
  static let foreignFiles = [
    "etc/ld.so.preload": "/nowhere.so\n", "etc/ld.so.cache": "garbage",
    "lib64/ld-linux-x86-64.so.2": "",
    "lib/x86_64-linux-gnu/libc.so.6": "", "lib/x86_64-linux-gnu/libcurl.so.4": "",
    "usr/lib/x86_64-linux-gnu/libcrypto.so.3": "",
    "usr/lib/ssl/openssl.cnf": """
    openssl_conf = all
    [all]
    providers = chosen
    [chosen]
    base = only
    [only]
    activate = 1

    """,
  ]

  @Test(arguments: [false, true])
  func `it pushes over TLS to a private authority's registry, whatever lies around it`(
    _ isForeign: Bool
  ) async throws {
    let image = try await ExecutorImage.shared.value
    let work = try WorkspaceVolume(dockerfile: "FROM scratch\nCOPY Dockerfile /\n")
    let authority = try await PrivateAuthority()
    let server = try await Command.workers.run { [path = try authority.path] in
      try RegistryServer(tls: path)
    }
    let root = work.path + "/../" + PathBytes(work.path).name.description + ".root"
    defer { try? removeTree(PathBytes(root)) }
    expectSuccess(try await Command("cp", "-a", image.root(of: "executor"), root).run())
    if isForeign {
      for (name, content) in Self.foreignFiles {
        let file = PathBytes(root).appending(name)
        try makeDirectories(file.parent)
        try FileDescriptor.open(file, flags: O_WRONLY | O_CREAT, mode: 0o755)
          .writeAll(Array(content.utf8))
      }
    }
    let push = ["--destination", server.address + "/pushed:1"]
    let refused = try await image.run(push, work.option, root: root).run()
    #expect(refused.errors.contains("unable to get local issuer certificate"))

    let mounted = try authority.path + "/authority.pem:"
    for trust in [
      ["--volume", mounted + "/kaniko/ssl/certs/private.crt"],
      [
        "--volume", mounted + "/tmp/private.crt", "--env", "SSL_CERT_FILE=/tmp/private.crt",
        "--env", "SSL_CERT_DIR=",
      ],
    ] {
      expectSuccess(try await image.run(push, work.option + trust, root: root).run())
      guard isForeign else { continue }
      let configured = ["--env", "OPENSSL_CONF=/usr/lib/ssl/openssl.cnf"]
      let broken = try await image.run(push, work.option + trust + configured, root: root).run()
      #expect(broken.status == 1, "a configuration that is named counts")
    }
  }

  @Test func `the names of the program choose what it does`() async throws {
    let image = try await ExecutorImage.shared.value
    let version = try await image.run(["version"]).run()
    expectSuccess(version)
    #expect(version.output.hasPrefix("Kaniko version :  "))
    let plain = try await image.run(["--version"], ["--entrypoint", "/kaniko/caisson"]).run()
    #expect(plain.output.hasPrefix("caisson "))
    let warmer = try await image.run([], ["--entrypoint", "/kaniko/warmer"]).run()
    #expect(warmer.errors.contains("warmer"))
  }

  @Test func `the debug variant has a shell where kaniko's has it`() async throws {
    let image = try await ExecutorImage.shared.value
    let said = try await image.run(
      ["-c", "id -u && which caisson && sh -c 'pwd' && cat /etc/nsswitch.conf"], tag: "debug",
      ["--entrypoint", "/busybox/sh", "--user", "1000650000:0"]
    ).run()
    #expect(said.output == "1000650000\n/kaniko/caisson\n/workspace\nhosts: files dns\n")
    #expect(!exists(PathBytes(image.root(of: "executor") + "/busybox")))
  }

  @Test func `the git variant clones with submodules and speaks https`() async throws {
    let image = try await ExecutorImage.shared.value
    let work = try WorkspaceVolume(dockerfile: "FROM scratch\n")
    let made = try await Command(
      "sh", "-euc",
      """
      export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null
      as="-c user.name=a -c user.email=a@b -c protocol.file.allow=always"
      git init -q inner && git -C inner $as commit -q --allow-empty -m inner
      git init -q outer && git -C outer $as submodule --quiet add "file://$PWD/inner" part
      sed -i 's|file://.*/inner|file:///workspace/inner|' outer/.gitmodules
      git -C outer $as commit -q -a -m outer
      chown -R 65532:65532 inner outer
      """, directory: work.path
    ).run()
    expectSuccess(made)
    func git(_ arguments: String...) async throws -> Command.Result {
      try await image.run(
        arguments, tag: "git", work.option + ["--entrypoint", "/usr/local/bin/git"]
      ).run()
    }
    expectSuccess(
      try await git(
        "-c", "protocol.file.allow=always", "clone", "--quiet", "--recurse-submodules",
        "file:///workspace/outer", "/workspace/clone"))
    #expect(exists(PathBytes(work.path + "/clone/part/.git")))
    let refused = try await git("ls-remote", "https://127.0.0.1:1/a")
    #expect(refused.errors.contains("Failed to connect to 127.0.0.1 port 1"))
  }

  @Test func `two builds of the image have the same digests`() async throws {
    let image = try await ExecutorImage.shared.value
    let folder = try TemporaryFolder()
    expectSuccess(try await Command(ExecutorImage.building(folder.path + "/image")).run())
    #expect(
      try text(of: folder.path + "/image/layout/index.json")
        == text(of: image.layout + "/index.json"))
  }

  @Test(.enabled(if: ExecutorImage.configuration == "release", "the release is not built"))
  func `the image is smaller than 60 MB`() async throws {
    let image = try await ExecutorImage.shared.value
    let size = try await Command(
      "du", "--summarize", "--bytes", "--apparent-size", image.root(of: "executor")
    ).run()
    let bytes = try #require(size.output.split(separator: "\t").first.flatMap { Int($0) })
    #expect(bytes < 60_000_000)
    #expect(bytes > 20_000_000)
  }

  @Test func `only the places meant for it can be written to by everybody`() async throws {
    let image = try await ExecutorImage.shared.value
    let found = try await Command(
      "find", image.root(of: "git"), "(", "-perm", "/0022", "-or", "-not", "-uid", "0", "-or",
      "-perm", "/6000", ")", "-not", "-type", "l", "-printf", "%m %P\n"
    ).run()
    #expect(
      found.output.split(separator: "\n").sorted() == [
        "1777 cache", "1777 kaniko/.docker", "1777 kaniko/ssl/certs", "1777 tmp", "1777 workspace",
      ])
  }

  @Test func `a pod that wants no root finds a number and kaniko's environment`() async throws {
    let image = try await ExecutorImage.shared.value
    let configuration = try JSONValue(
      parsing: Array(
        try await Command("skopeo", "inspect", "--config", "oci:\(image.layout):executor").run()
          .output.utf8))["config"]
    #expect(configuration?["User"]?.string == "65532:65532")
    #expect(configuration?["WorkingDir"]?.string == "/workspace")
    #expect(configuration?["Entrypoint"]?.array?.map(\.string) == ["/kaniko/executor"])
    #expect(
      configuration?["Env"]?.array?.map(\.string) == [
        "PATH=/usr/local/bin:/kaniko", "HOME=/root", "DOCKER_CONFIG=/kaniko/.docker/",
        "SSL_CERT_DIR=/kaniko/ssl/certs",
      ])
    #expect(configuration?["Labels"]?["org.opencontainers.image.version"]?.string != nil)
  }

  @Test func `the folder runs commands in a sandbox wherever it was made for`() async throws {
    let surroundings = try await Surroundings.shared.value
    let place = try TemporaryFolder()
    let folder = place.path + "/program"
    expectSuccess(
      try await Command(
        Checkout.folder + "/packaging/bundle", "--configuration",
        ExecutorImage.configuration, "--prefix", folder, folder
      ).run())
    let project = try Project(surroundings, dockerfile: "ARG BUSYBOX\nFROM $BUSYBOX\nRUN id\n")
    var build = project.build("--output", "type=tar,dest=" + place.path + "/root.tar")
    build.arguments[0] = folder + "/caisson"
    let result = try await build.run()
    expectSuccess(result)
    #expect(result.errors.contains("uid=0(root)"))
  }
}
