// SPDX-License-Identifier: Apache-2.0

import OCI
import Testing

@testable import caisson

@Suite struct ExecutorCommandTests {
  @Test func `kaniko's defaults hold`() throws {
    let options = try #require(try buildOptions("executor --destination r.example/app:1"))
    let name = try #require(ImageReference("r.example/app:1"))
    #expect(options.command == .executor)
    #expect(options.context == .directory("/workspace/"))
    #expect(
      options.dockerfile
        == .firstOf([.file("/src/app/Dockerfile"), .inContext("Dockerfile")]))
    #expect(options.destinations == [.registry(name)])
    #expect(options.reportedNames == [name])
    #expect(
      options.display == DisplayOptions(style: .log(.color, hasTimestamps: false), level: .info))
  }

  @Test func `every option arrives`() throws {
    let line = """
      executor -c dir:///ctx --context-sub-path=a/../../b -f df -d a/x -d b.example/y:2 \
      --build-arg A=1 --build-arg TOKEN --build-arg MISSING --target Prod --customPlatform arm64 \
      --label a=1 --reproducible --single-snapshot --force --tarPath /t.tar \
      --oci-layout-path layout --digest-file d --image-name-with-digest-file n \
      --image-name-tag-with-digest-file t --insecure --insecure-pull --insecure-registry r:5000 \
      --skip-tls-verify-pull --skip-tls-verify-registry q --registry-mirror m -v debug \
      --log-format json --log-timestamp --ignorefile i --store /s --cache=false
      """
    let options = try #require(try buildOptions(line))
    let x = try #require(ImageReference("a/x"))
    let y = try #require(ImageReference("b.example/y:2"))
    #expect(options.context == .directory("/ctx"))
    #expect(options.contextSubPath == "b")
    #expect(options.dockerfile == .firstOf([.file("/src/app/df"), .inContext("df")]))
    #expect(
      options.destinations == [
        .registry(x), .registry(y), .layout("/src/app/layout", names: []),
        .archive(.path("/t.tar"), .docker, names: [x, y]),
      ])
    #expect(options.buildArguments == ["A": "1", "TOKEN": "from-environment", "MISSING": ""])
    #expect(options.target == "Prod")
    #expect(options.platforms == [Platform(os: "linux", architecture: "arm64")])
    #expect(options.labels == ["a": "1"])
    #expect(options.isReproducible)
    #expect(options.takesSingleSnapshot)
    #expect(options.reports.digest == "/src/app/d")
    #expect(options.reports.nameWithDigest == "/src/app/n")
    #expect(options.reports.nameAndTagWithDigest == "/src/app/t")
    #expect(options.registry.usesHTTPForPush)
    #expect(options.registry.usesHTTPForPull)
    #expect(options.registry.insecureHosts == ["r:5000"])
    #expect(options.registry.skipsTLSVerificationForPull)
    #expect(!options.registry.skipsTLSVerificationForPush)
    #expect(options.registry.unverifiedHosts == ["q"])
    #expect(options.registry.mirrors == ["m"])
    #expect(
      options.display == DisplayOptions(style: .log(.json, hasTimestamps: true), level: .debug))
    #expect(options.ignoreFile == "/src/app/i")
    #expect(options.store == "/s")
  }

  @Test(arguments: [
    ("/ctx", ContextLocation.directory("/ctx")), ("sub", .directory("/src/app/sub")),
    ("dir://rel", .directory("/src/app/rel")), ("tar:///c.tar.gz", .archive("/c.tar.gz")),
    ("tar://stdin", .standardInput),
  ])
  func `contexts are where kaniko looks`(_ text: String, _ expected: ContextLocation) throws {
    #expect(try buildOptions("executor --no-push -c \(text)")?.context == expected)
  }

  @Test func `without pushing the archive is named all the same`() throws {
    let unnamed = try #require(try buildOptions("executor --no-push --tar-path t.tar"))
    let name = try #require(ImageReference("docker.io/unset-repo/unset-image-name:latest"))
    #expect(unnamed.destinations == [.archive(.path("/src/app/t.tar"), .docker, names: [name])])
    let named = try #require(
      try buildOptions("executor --no-push --tar-path t.tar -d app --digest-file d"))
    let app = try #require(ImageReference("app"))
    #expect(named.destinations == [.archive(.path("/src/app/t.tar"), .docker, names: [app])])
    #expect(named.reportedNames == [app])
  }

  @Test func `kaniko's environment is heard`() throws {
    var environment = machine
    environment.environment["KANIKO_NO_PUSH"] = "true"
    environment.environment["KANIKO_REGISTRY_MIRROR"] = "mirror.example"
    let options = try #require(try buildOptions("executor -d app --no-push=false", environment))
    #expect(options.destinations == [])
    #expect(options.registry.mirrors == ["mirror.example"])
    environment.environment["KANIKO_NO_PUSH"] = "perhaps"
    #expect(
      complaint("executor -d app", environment)
        == "$KANIKO_NO_PUSH cannot be \"perhaps\" | it takes true or false")
    environment.environment = ["KANIKO_REGISTRY_MAP": "a=b"]
    #expect(
      complaint("executor -d app", environment)
        == "$KANIKO_REGISTRY_MAP is not carried out yet by this version")
  }

  @Test(arguments: [
    ("executor", "--destination is missing"),
    ("executor -d app@sha256:\(String(repeating: "0", count: 64))", "--destination cannot be"),
    ("executor --no-push --image-name-with-digest-file f", "a file of names with digest needs"),
    ("executor --no-push -c s3://bucket/x", "--context s3:// is not carried out yet"),
    ("executor --no-push -c http://x/y", "--context cannot be \"http://x/y\""),
    ("executor --no-push -c dir://", "--context cannot be \"dir://\""),
    ("executor --no-push -c git://", "--context cannot be \"git://\""),
    ("executor --no-push -c git://h/x --git depht=1", "--git cannot be \"depht=1\""),
    ("executor --no-push --target a,b", "--target with several stages is not carried out yet"),
    ("executor --no-push --label novalue", "--label cannot be \"novalue\""),
    ("executor --no-push --digest-file https://x/y", "--digest-file with an address"),
    ("executor --no-push --verbosity loud", "--verbosity cannot be \"loud\""),
    ("executor --no-push --cache true", "--cache is not carried out yet by this version"),
    ("executor --no-push true", "unexpected argument \"true\""),
    ("executor --no-push --dokerfile x", "unknown option --dokerfile | did you mean --dockerfile?"),
    ("executor login r.example", "the command \"executor login\" is not carried out yet"),
  ])
  func `what cannot be is refused before anything happens`(_ line: String, _ beginning: String)
    throws
  {
    let said = try #require(complaint(line))
    #expect(said.hasPrefix(beginning))
  }

  @Test(arguments: [
    "bucket", "annotation", "snapshot-mode", "use-new-run",
    "ignore-path", "ignore-var-run", "cleanup", "pre-cleanup", "preserve-context", "materialize",
    "dryrun", "image-fs-extract-retry", "cache", "cache-repo", "cache-dir", "cache-copy-layers",
    "cache-run-layers", "cache-ttl", "compressed-caching", "compression", "compression-level",
    "no-push-cache", "image-format", "push-retry", "push-ignore-immutable-tag-errors",
    "skip-push-permission-check", "registry-certificate", "registry-client-cert", "registry-map",
    "skip-default-registry-fallback", "image-download-retry", "credential-helpers", "snapshotMode",
    "whitelist-var-run", "skip-unused-stages", "force-build-metadata",
    "azure-container-registry-config",
  ])
  func `kaniko's other options are known and refused`(_ name: String) {
    #expect(
      complaint("executor --no-push --\(name)=1")
        == "--\(name) is not carried out yet by this version")
  }

  @Test(arguments: [
    ("git://h/a/b", "https://h/a/b", nil),
    ("git://h/a#refs/heads/x", "https://h/a", "refs/heads/x"),
    ("git://h/a#x#abcdef1", "https://h/a", "abcdef1"),
  ])
  func `a git context is fetched over https`(_ text: String, _ remote: String, _ reference: String?)
    throws
  {
    let options = try #require(try buildOptions("executor --no-push -c \(text)"))
    guard case .repository(let repository) = options.context else {
      Issue.record("no repository")
      return
    }
    #expect(repository.remote == remote)
    #expect(repository.reference == reference)
    #expect(repository.keepsGitDirectory)
  }

  @Test(arguments: [
    (["GIT_USERNAME": "me", "GIT_PASSWORD": "a@b"], "https://me:a%40b@h/a"),
    (["GIT_TOKEN": "t", "GIT_USERNAME": "me", "GIT_PASSWORD": "p"], "https://t:@h/a"),
    (["GIT_TOKEN": "t", "GIT_PULL_METHOD": "http"], "http://t:@h/a"),
    (["GIT_TOKEN": ""], "https://x:y@h/a"),
  ])
  func `credentials of a git context are kaniko's`(_ given: [String: String], _ remote: String)
    throws
  {
    var environment = machine
    environment.environment = given
    let options = try #require(try buildOptions("executor --no-push -c git://x:y@h/a", environment))
    guard case .repository(let repository) = options.context else {
      Issue.record("no repository")
      return
    }
    #expect(repository.remote == remote)
    #expect(repository.shown == remote.prefix { $0 != "/" } + "//h/a")
  }

  @Test func `a wrong address is said without its password`() throws {
    let words = try #require(complaint("executor --no-push -c git://me:word@h/a#b#c#d"))
    #expect(words.contains("git://h/a") && !words.contains("word"))
  }

  @Test func `a container of Azure's wants what is not there`() throws {
    let line = "executor --no-push -c https://me.blob.core.windows.net/c/x.tar.gz"
    #expect(
      try buildOptions(line)?.context == .address("https://me.blob.core.windows.net/c/x.tar.gz"))
    var environment = machine
    environment.environment = ["AZURE_STORAGE_ACCESS_KEY": "k"]
    #expect(try #require(complaint(line, environment)).contains("is not carried out yet"))
    #expect(try buildOptions("executor --no-push -c https://h/x.tar", environment) != nil)
  }

  @Test func `the program's name chooses the command`() throws {
    #expect(
      try Invocation(["/kaniko/executor", "version"], machine)
        == .print("Kaniko version :  \(programVersion)\n"))
    guard case .build(let options) = try Invocation(["executor", "--no-push"], machine) else {
      Issue.record("not a build")
      return
    }
    #expect(options.command == .executor)
    #expect(throws: CommandLineError.notYet("the command \"warmer\"")) {
      try Invocation(["/kaniko/warmer"], machine)
    }
  }
}
