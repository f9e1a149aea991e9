// SPDX-License-Identifier: Apache-2.0

import Images
import OCI
import Testing

@testable import caisson

@Suite struct BuildCommandTests {
  @Test func `no options build the current directory into the local store`() throws {
    let options = try #require(try buildOptions("build"))
    #expect(options.command == .build)
    #expect(options.context == .directory("/src/app/."))
    #expect(options.dockerfile == .firstOf([.inContext("Dockerfile")]))
    #expect(options.destinations == [.store(names: [])])
    #expect(options.store == "/home/ada/.local/share/caisson")
    #expect(options.platforms == [.host])
    #expect(options.display == DisplayOptions(style: .progress(.plain), level: .warn))
    #expect(options.imageFormat == nil)
    #expect(options.sandbox == .auto)
  }

  @Test func `every option arrives`() throws {
    let line = """
      build -f ../Other -t app:1 -t registry.example/app --build-arg A=1 --build-arg TOKEN \
      --build-arg MISSING --target test --platform linux/arm64 --label a=b=c --label bare \
      --iidfile id --metadata-file /tmp/meta.json --reproducible --image-format docker \
      --store /data --progress json --build-context base=docker-image://debian:12 \
      --build-context more=../more --build-context kept=oci-layout://layouts/x:1 \
      --insecure-registry r:5000 --skip-tls-verify --registry-mirror m.example --no-cache --pull \
      --sandbox namespaces --ignorefile ig /ctx
      """
    let options = try #require(try buildOptions(line))
    let app = try #require(ImageReference("app:1"))
    let other = try #require(ImageReference("registry.example/app"))
    #expect(options.context == .directory("/ctx"))
    #expect(options.dockerfile == .firstOf([.file("/src/app/../Other")]))
    #expect(options.destinations == [.store(names: [app, other])])
    #expect(options.reportedNames == [app, other])
    #expect(options.buildArguments == ["A": "1", "TOKEN": "from-environment"])
    #expect(options.target == "test")
    #expect(options.platforms == [Platform(os: "linux", architecture: "arm64")])
    #expect(options.labels == ["a": "b=c", "bare": ""])
    #expect(options.reports.imageID == "/src/app/id")
    #expect(options.reports.metadata == "/tmp/meta.json")
    #expect(options.isReproducible)
    #expect(options.imageFormat == .docker)
    #expect(options.store == "/data")
    #expect(options.display.style == .progress(.json))
    #expect(
      options.namedContexts == [
        "base": .image(try #require(ImageReference("debian:12"))),
        "more": .directory("/src/app/../more"),
        "kept": .layout("/src/app/layouts/x", selector: "1"),
      ])
    #expect(options.registry.insecureHosts == ["r:5000"])
    #expect(options.registry.skipsTLSVerificationForPull)
    #expect(options.registry.skipsTLSVerificationForPush)
    #expect(options.registry.mirrors == ["m.example"])
    #expect(options.sandbox == .namespaces)
    #expect(options.ignoreFile == "/src/app/ig")
  }

  struct OutputCase: Sendable, CustomTestStringConvertible {
    var flags: String
    var expected: [BuildDestination]
    var testDescription: String { flags }
  }

  private static let name = ImageReference(
    registry: "docker.io", repository: "library/app", tag: nil)
  private static let other = ImageReference(registry: "r.example", repository: "x", tag: "2")

  @Test(arguments: [
    OutputCase(flags: "--push", expected: [.registry(name)]),
    OutputCase(flags: "-o type=registry", expected: [.registry(name)]),
    OutputCase(flags: "-o type=image", expected: [.store(names: [name])]),
    OutputCase(flags: "-o type=image --push", expected: [.registry(name)]),
    OutputCase(flags: "-o type=image,push=true,name=r.example/x:2", expected: [.registry(other)]),
    OutputCase(
      flags: "-o type=registry,\"name=app,r.example/x:2\"",
      expected: [.registry(name), .registry(other)]),
    OutputCase(
      flags: "--output type=oci,dest=a.tar",
      expected: [.archive(.path("/src/app/a.tar"), .oci, names: [name])]),
    OutputCase(flags: "-o type=oci", expected: [.archive(.standardOutput, .oci, names: [name])]),
    OutputCase(
      flags: "-o type=oci,tar=false,dest=/out", expected: [.layout("/out", names: [name])]),
    OutputCase(
      flags: "-o type=docker,dest=/d.tar",
      expected: [.archive(.path("/d.tar"), .docker, names: [name])]),
    OutputCase(flags: "-o type=local,dest=/root", expected: [.rootDirectory("/root")]),
    OutputCase(flags: "-o out", expected: [.rootDirectory("/src/app/out")]),
    OutputCase(flags: "-o -", expected: [.rootArchive(.standardOutput)]),
    OutputCase(
      flags: "-o type=tar,dest=r.tar --push",
      expected: [.rootArchive(.path("/src/app/r.tar")), .registry(name)]),
  ])
  func `outputs become destinations`(_ c: OutputCase) throws {
    let options = try #require(try buildOptions("build -t app \(c.flags) ."))
    #expect(options.destinations == c.expected)
  }

  struct BadCase: Sendable, CustomTestStringConvertible {
    var line: String
    var complaint: String
    var testDescription: String { line }
  }

  @Test(arguments: [
    BadCase(
      line: "build --push .",
      complaint: "pushing needs a name for the image | add --tag REGISTRY/NAME"),
    BadCase(
      line: "build --load .",
      complaint: "--load cannot be carried out | there is no daemon; use --output "
        + "type=docker,dest=FILE and docker load"),
    BadCase(
      line: "build -o type=docker .",
      complaint: "--output type=docker without dest cannot be carried out | there is no daemon to "
        + "load the image into; add dest=FILE, then docker load"),
    BadCase(
      line: "build --secret src=x .",
      complaint:
        "--secret cannot be \"src=x\" | it takes id=ID, id=ID,src=FILE or id=ID,env=VARIABLE"),
    BadCase(
      line: "build --secret id=x,env=ABSENT .",
      complaint: "--secret id=x,env=ABSENT cannot be carried out | $ABSENT is not set"),
    BadCase(
      line: "build --secret id=x,src=a --secret id=x,src=b .",
      complaint: "the secret \"x\" is given twice"),
    BadCase(
      line: "build --ssh default .",
      complaint:
        "--ssh default cannot be carried out | $SSH_AUTH_SOCK is not set; start an ssh-agent"),
    BadCase(
      line: "build --add-host db .",
      complaint: "--add-host cannot be \"db\" | it takes NAME:ADDRESS"),
    BadCase(
      line: "build --shm-size big .",
      complaint: "--shm-size cannot be \"big\" | it takes a size, as in 128m or 1g"),
    BadCase(
      line: "build -o type=oci,dest=x,compression=zstd .",
      complaint: "--output type=oci with compression is not carried out yet by this version"),
    BadCase(
      line: "build -o type=zip,dest=x .",
      complaint: "--output cannot be \"type=zip,dest=x\" | it takes type=TYPE, one of image, "
        + "registry, oci, docker, local or tar"),
    BadCase(
      line: "build -o type=local .", complaint: "--output type=local needs dest=PATH"),
    BadCase(
      line: "build -o type=tar -o type=oci .",
      complaint: "only one --output can go to standard output"),
    BadCase(
      line: "build -f - -",
      complaint: "context and Dockerfile cannot both be standard input"),
    BadCase(
      line: "build -t team/UPPER .",
      complaint: "--tag cannot be \"team/UPPER\" | it takes a name such as "
        + "registry.example/team/app:1.0"),
    BadCase(
      line: "build --platform linux/amd64,linux/arm64 -o type=docker,dest=x .",
      complaint: "--output type=docker with several platforms cannot be carried out | docker load "
        + "reads one image; use type=oci"),
    BadCase(
      line: "build --platform linux/amd64,linux/arm64 -o type=tar,dest=x .",
      complaint: "--output type=tar with several platforms cannot be carried out | use type=local, "
        + "which makes a directory for each"),
    BadCase(
      line: "build --platform /// .",
      complaint: "--platform cannot be \"///\" | it takes platforms such as linux/amd64,linux/arm64"
    ),
    BadCase(
      line: "build --progress fancy .",
      complaint: "--progress cannot be \"fancy\" | it takes auto, tty, plain, json or quiet"),
    BadCase(
      line: "build --progress tty .",
      complaint: "--progress tty cannot be carried out | standard error is no terminal that can "
        + "be drawn on"),
    BadCase(
      line: "build ftp://u:p@example.com/x",
      complaint:
        "CONTEXT cannot be \"ftp://example.com/x\" | it takes a directory, an http or https "
        + "address, or a git repository"),
    BadCase(
      line: "build https://u:p@example.com/x.git#-x",
      complaint: "CONTEXT cannot be \"https://example.com/x.git#-x\" | it takes "
        + "ADDRESS#REFERENCE:DIRECTORY, or ADDRESS?ref=REFERENCE&subdir=DIRECTORY"),
    BadCase(
      line: "build --build-arg =x .",
      complaint: "--build-arg cannot be \"=x\" | it takes NAME or NAME=VALUE"),
    BadCase(
      line: "build --build-arg SOURCE_DATE_EPOCH=soon .",
      complaint: "SOURCE_DATE_EPOCH cannot be \"soon\" | it takes seconds since 1970, a whole "
        + "number"),
    BadCase(
      line: "build a b",
      complaint: "unexpected argument \"b\" | see \"caisson help build\"; a value of a flag is "
        + "written with =, as in --flag=false"),
    BadCase(
      line: "biuld .", complaint: "unknown command \"biuld\" | did you mean \"build\"?"),
    BadCase(
      line: "warmer", complaint: "the command \"warmer\" is not carried out yet by this version"),
  ])
  func `what cannot be is refused, and why`(_ c: BadCase) {
    #expect(complaint(c.line) == c.complaint)
  }

  @Test func `on a terminal progress is drawn, unless the terminal is dumb`() throws {
    var terminal = machine
    terminal.standardErrorIsTerminal = true
    terminal.environment["TERM"] = "xterm"
    #expect(try buildOptions("build", terminal)?.display.style == .progress(.tty))
    #expect(try buildOptions("build -q", terminal)?.display.style == .progress(.quiet))
    terminal.environment["TERM"] = "dumb"
    #expect(try buildOptions("build", terminal)?.display.style == .progress(.plain))
  }

  @Test func `SOURCE_DATE_EPOCH comes from the environment, the build argument goes before it`()
    throws
  {
    var dated = machine
    dated.environment["SOURCE_DATE_EPOCH"] = "100"
    let fromEnvironment = try #require(try buildOptions("build", dated))
    #expect(fromEnvironment.sourceDateEpoch == 100)
    #expect(fromEnvironment.buildArguments["SOURCE_DATE_EPOCH"] == "100")
    let given = try buildOptions("build --build-arg SOURCE_DATE_EPOCH=7", dated)
    #expect(given?.sourceDateEpoch == 7)
    #expect(complaint("executor --no-push --build-arg SOURCE_DATE_EPOCH=-1", dated) != nil)
  }

  @Test func `a context on standard input brings its own Dockerfile`() throws {
    let options = try #require(try buildOptions("build -f sub/D -"))
    #expect(options.context == .standardInput)
    #expect(options.dockerfile == .firstOf([.inContext("sub/D")]))
    var terminal = machine
    terminal.standardInputIsTerminal = true
    #expect(complaint("build -", terminal)?.contains("standard input is a terminal") == true)
  }

  @Test func `the store is where option, variable, root or home say`() throws {
    var root = machine
    root.isRoot = true
    #expect(try buildOptions("build", root)?.store == "/var/lib/caisson")
    root.environment["CAISSON_STORE"] = "kept"
    #expect(try buildOptions("build", root)?.store == "/src/app/kept")
    #expect(try buildOptions("build --store /s", root)?.store == "/s")
    var home = machine
    home.environment["XDG_DATA_HOME"] = "/data"
    #expect(try buildOptions("build", home)?.store == "/data/caisson")
  }

  @Test func `credentials are looked for where docker and podman keep them`() throws {
    var environment = machine
    environment.environment["DOCKER_CONFIG"] = "/kaniko/.docker/"
    environment.environment["REGISTRY_AUTH_FILE"] = "auth.json"
    environment.environment["DOCKER_AUTH_CONFIG"] = "{}"
    let registry = try #require(try buildOptions("build", environment)).registry
    #expect(
      registry.credentialFiles == [
        "/kaniko/.docker/config.json", "/home/ada/.docker/config.json", "/src/app/auth.json",
        "/home/ada/.config/containers/auth.json",
      ])
    #expect(registry.inlineCredentials?.revealed == "{}")
  }
}
