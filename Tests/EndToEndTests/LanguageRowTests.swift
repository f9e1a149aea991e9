// SPDX-License-Identifier: Apache-2.0

import LinuxSystem
import TestSupport
import Testing

/// The rows of the table of Dockerfile features, `L-001` to `L-132`: what each is tested by.
///
/// A row with a Dockerfile of its own is built here; commands in it test what can be tested from
/// within. The others name a case of ``ReferenceTests`` or a suite.
@Suite(.enabled(if: Surroundings.obstacle == nil, Surroundings.obstacle))
struct LanguageRowTests {
  struct Row: Sendable, CustomTestStringConvertible {
    enum Evidence: Sendable {
      /// Folders of Fixtures.
      case reference([String])
      /// Suites of unit tests that have it in a table.
      case suite(String)
      /// Builds, and says this on the way.
      case builds(String, files: [String: String] = [:], options: [String] = [], says: String = "")
      /// Is refused with a message that has this in it.
      case refused(String, options: [String] = [], says: String)
    }

    var number: Int
    var evidence: Evidence
    var testDescription: String { "L-\(number)" }

    init(_ number: Int, _ evidence: Evidence) {
      self.number = number
      self.evidence = evidence
    }

    init(_ number: Int, _ cases: String...) { self.init(number, .reference(cases)) }
  }

  private static let base = "ARG BUSYBOX\nFROM $BUSYBOX\n"

  static let rows: [Row] = stages + expansion + commands + copies + metadata + behaviour

  private static let stages: [Row] = [
    Row(1, "from-digest", "from-scratch-with-copy"), Row(2, "from-stages-by-name-and-index"),
    Row(3, "from-an-earlier-stage"),
    Row(4, .builds("ARG BUSYBOX\nFROM --platform=$TARGETPLATFORM $BUSYBOX\nRUN true")),
    Row(5, "from-several-arguments"),
    Row(6, .refused("FROM --after=x busybox", says: "unknown flag \"--after\" of FROM")),
    Row(7, "from-skips-unused-stages"), Row(8, "from-target-stage"),
    Row(
      9,
      .builds(
        "ARG BUSYBOX\nFROM $BUSYBOX AS debian\nRUN touch /mine\nFROM debian\nRUN test -e /mine")),
    Row(
      10,
      .builds(
        base + "COPY --from=other a /a\nRUN --mount=from=other,target=/m cmp /m/a /a",
        files: ["other/a": "text"], options: ["--build-context", "other=@CONTEXT@/other"])),
    Row(11, "from-several-arguments", "arg-scopes"), Row(12, "arg-several-in-one-instruction"),
    Row(13, "arg-scopes"), Row(14, "arg-and-env-precedence"), Row(15, "arg-and-env-precedence"),
    Row(
      16,
      .builds(
        base + "ARG PATH_OF\nRUN test \"$PATH_OF\" = given",
        options: ["--build-arg", "PATH_OF=given"])),
    Row(
      17, .builds(base + "RUN true", options: ["--build-arg", "UNUSED=1"], says: "UNUSED")),
    Row(
      18,
      .builds(
        base + "RUN test \"$http_proxy\" = x && test \"$HTTP_PROXY\" = x",
        options: ["--build-arg", "http_proxy=x"])),
    Row(
      19,
      .builds(
        base + "ARG TARGETPLATFORM\nARG TARGETARCH\nARG BUILDOS\n"
          + "RUN test \"$TARGETPLATFORM\" = \"linux/$TARGETARCH\" && test $BUILDOS = linux")),
    Row(
      20,
      .builds(
        "ARG BUSYBOX\nFROM $BUSYBOX AS s\nARG TARGETSTAGE\nRUN test $TARGETSTAGE = s",
        options: ["--target", "s"])),
    Row(
      21,
      .builds(
        base + "ARG SOURCE_DATE_EPOCH\nRUN test $SOURCE_DATE_EPOCH = 1700000000",
        options: ["--build-arg", "SOURCE_DATE_EPOCH=1700000000"])),
    Row(
      22,
      .builds(
        base + "RUN --mount=type=cache,target=/c,id=row-22 true",
        options: ["--build-arg", "BUILDKIT_CACHE_MOUNT_NS=row"])),
    Row(23, "syntax-directive-and-case"), Row(24, "escape-directive"),
    Row(25, .suite("RuleSelectionTests")),
    Row(26, .builds("# syntax = docker.io/docker/dockerfile:1.20\n" + base + "RUN true")),
    Row(27, .suite("BuildKitRuleTests")), Row(28, .suite("GoldenTests")),
    Row(29, .suite("BuildCommandTests")),
  ]

  private static let expansion: [Row] =
    (31...42).map { Row($0, .suite("ExpansionTests")) } + [
      Row(
        43,
        .refused(
          base + "ARG X=busybox\nCOPY --from=$X /a /b", says: "--from takes no variables"))
    ]

  private static let commands: [Row] = [
    Row(
      44, "run-shell-form", "run-exec-form", "run-with-another-shell",
      "run-continuation-and-comments"),
    Row(45, .refused(base + "RUN exit 42", says: "exit code 42")),
    Row(46, "run-mount-bind"), Row(47, "run-mount-bind"), Row(48, "run-mount-bind"),
    Row(49, "run-mount-cache"), Row(50, "run-mount-cache"),
    Row(51, "run-mount-cache-seeded", "run-mount-cache"),
    Row(52, "run-mount-cache"), Row(53, "run-mount-secret"), Row(54, "run-mount-secret"),
    Row(55, .suite("AgentTests")),
    Row(56, "run-mount-tmpfs"), Row(57, "run-mount-expanded"), Row(58, "run-network-none"),
    Row(
      59,
      .refused(
        base + "RUN --security=insecure true", says: "RUN --security=insecure cannot be carried out"
      )),
    Row(60, .refused(base + "RUN --device=x true", says: "RUN --device cannot be carried out")),
    Row(61, "run-heredoc"), Row(62, "run-heredoc-interpreter"), Row(63, "run-heredoc-as-input"),
    Row(
      64,
      .refused(base + "RUN [\"cat\", \"<<E\"]\nx\nE", says: "unknown instruction \"x\"")),
    Row(65, "run-leaves-no-mount-points", "run-sees-its-surroundings"),
    Row(66, "run-as-user-with-groups"),
    Row(67, "run-as-user", "user-forms"), Row(68, .suite("ForeignProgramsTests")),
  ]

  private static let copies: [Row] = [
    Row(69, "copy-files", "copy-directories"), Row(70, "copy-globs"),
    Row(71, "copy-globs-at-any-depth"),
    Row(72, "copy-a-glob-without-match"), Row(73, "copy-links"), Row(74, "copy-links"),
    Row(75, "copy-owners-of-the-context-are-dropped"),
    Row(76, "copy-chown-names", "copy-chown-numbers"),
    Row(77, "copy-chown-numbers"), Row(78, "copy-chmod"), Row(79, "copy-chmod-symbolic"),
    Row(80, "copy-chmod"),
    Row(81, "copy-from-stage", "copy-from-a-debian-image"),
    Row(
      82,
      .builds(
        base + "COPY --from=n /f /f\nRUN test \"$(cat /f)\" = named", files: ["n/f": "named"],
        options: ["--build-context", "n=@CONTEXT@/n"])),
    Row(83, .builds(base + "COPY --link a /a\nRUN test -e /a", files: ["a": ""])),
    Row(84, "copy-parents"), Row(85, "copy-exclude", "copy-exclude-from-stage"),
    Row(86, "copy-heredoc"),
    Row(87, "copy-hard-links"), Row(88, "debian-capabilities"), Row(89, "run-sets-special-bits"),
    Row(90, "copy-onto-existing-directories"), Row(91, "copy-over-existing"),
    Row(92, .suite("RemoteTests")), Row(93, .suite("RemoteTests")), Row(94, .suite("RemoteTests")),
    Row(95, .suite("RemoteTests")), Row(96, .suite("RemoteTests")), Row(97, .suite("RemoteTests")),
    Row(98, "add-tar", "add-compressed-tars"), Row(99, "add-compressed-tars"),
    Row(100, "add-compressed-tars"), Row(101, "add-what-is-not-a-tar"),
    Row(102, .suite("RemoteTests")),
    Row(103, "add-tar"), Row(104, "copy-dockerignore", "copy-dockerignore-everything-but"),
    Row(
      105,
      .refused(base + "COPY ignored /", says: "excludes \"ignored\"")),
    Row(106, .suite("CheckCommandTests")),
    Row(107, "copy-dockerignore"),
    Row(
      108, .refused(base + "COPY ../../../etc/passwd /x", says: "is not in the build context")),
  ]

  private static let metadata: [Row] = [
    Row(109, "env-forms", "env-path"), Row(110, "label-forms"),
    Row(111, "cmd-and-entrypoint", "entrypoint-resets-inherited-cmd", "cmd-shell-form"),
    Row(112, "expose-forms"), Row(113, "volume-forms"),
    Row(
      114,
      .builds(base + "VOLUME /data\nRUN mkdir -p /data && echo kept > /data/f\nRUN test -e /data/f")
    ),
    Row(115, "user-forms"), Row(116, "workdir-forms"), Row(117, "workdir-after-user"),
    Row(118, "stopsignal-and-shell"), Row(119, "healthcheck-options", "healthcheck-none"),
    Row(120, "stopsignal-and-shell"), Row(121, "onbuild-is-recorded", "onbuild-is-carried-out"),
    Row(122, "onbuild-copies-and-mounts"), Row(123, "maintainer"),
    Row(124, .suite("ExecutorTests")),
    Row(125, .suite("BuildCommandTests")),
  ]

  private static let behaviour: [Row] = [
    Row(
      126,
      .builds(
        """
        ARG BUSYBOX
        FROM $BUSYBOX AS a
        RUN --mount=type=cache,target=/c,id=row-126 rm -f /c/*; touch /c/a; for i in $(seq 100); do [ -e /c/b ] && exit 0; sleep 0.1; done; exit 1
        FROM $BUSYBOX AS b
        RUN --mount=type=cache,target=/c,id=row-126 for i in $(seq 100); do [ -e /c/a ] && touch /c/b && exit 0; sleep 0.1; done; exit 1
        FROM $BUSYBOX
        COPY --from=a /etc/passwd /a
        COPY --from=b /etc/passwd /b
        """)),
    Row(128, "run-sees-its-surroundings"),
    Row(
      129,
      .builds(base + "RUN test \"$(ls -d /proc/[0-9]* | wc -l)\" -lt 10")),
    Row(130, "run-leaves-a-daemon"),
    Row(
      131,
      .builds(
        base
          + "RUN test $(ulimit -n) = 77 && grep -q '10.9.8.7.*db' /etc/hosts && df -k /dev/shm | grep -q 4096",
        options: ["--ulimit", "nofile=77:99", "--add-host", "db:10.9.8.7", "--shm-size", "4m"])),
    Row(132, "run-sees-its-surroundings"),
  ]

  /// Not carried out: several Dockerfiles put together, and the same step of two stages done once, which
  /// takes a cache of steps.
  private static let notYet: Set<Int> = [30, 127]

  @Test func `every row is there`() {
    let numbers = Self.rows.map(\.number)
    #expect(Set(numbers).union(Self.notYet) == Set(1...132))
    #expect(numbers.count == Set(numbers).count)
  }

  @Test(arguments: rows)
  func `a row works`(_ row: Row) async throws {
    switch row.evidence {
    case .suite(let name):
      // The suite itself runs elsewhere; here it is only seen to be there.
      let folders = try LinuxSystem.names(inDirectory: PathBytes(Surroundings.package + "/Tests"))
      let files = folders.map { PathBytes("\(Surroundings.package)/Tests/\($0)/\(name).swift") }
      #expect(files.contains { exists($0) }, "there is no suite \(name)")
    case .reference(let names):
      let known = Set(ReferenceCase.all.map(\.name))
      #expect(names.allSatisfy(known.contains), "\(names)")
    case .builds(let dockerfile, let files, let options, let said):
      let result = try await build(dockerfile, files, options)
      #expect(result.status == 0, "\(result.errors)")
      #expect(said.isEmpty || result.errors.contains(said), "\(result.errors)")
    case .refused(let dockerfile, let options, let said):
      let files = ["Dockerfile.dockerignore": "ignored\n", "ignored": ""]
      let result = try await build(dockerfile, files, options)
      #expect(result.status != 0)
      #expect(result.errors.contains(said), "\(result.errors)")
    }
  }

  private func build(_ dockerfile: String, _ files: [String: String], _ options: [String])
    async throws -> Command.Result
  {
    let surroundings = try await Surroundings.shared.value
    let project = try Project(surroundings, dockerfile: dockerfile + "\n", files: files)
    let given = options.map { $0.replacing("@CONTEXT@", with: project.context) }
    return try await surroundings.caisson(
      ["build", "--progress", "plain"] + surroundings.baseArguments + given + [project.context]
    ).run()
  }
}
