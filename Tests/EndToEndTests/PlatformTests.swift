// SPDX-License-Identifier: Apache-2.0

import LinuxSystem
import TestSupport
import Testing

/// Several platforms: one build, one index.
@Suite(.enabled(if: Surroundings.obstacle == nil, Surroundings.obstacle))
struct PlatformTests {
  private static let dockerfile = """
    ARG BUSYBOX
    FROM --platform=$BUILDPLATFORM $BUSYBOX AS shared
    RUN echo shared > /shared
    FROM --platform=$BUILDPLATFORM $BUSYBOX AS cross
    ARG TARGETPLATFORM
    RUN echo $TARGETPLATFORM > /target
    FROM scratch
    COPY --from=shared /shared /
    COPY --from=cross /target /

    """
  private static let platforms = ["--platform", "linux/amd64,linux/arm64"]

  private func project() async throws -> Project {
    try Project(try await Surroundings.shared.value, dockerfile: Self.dockerfile)
  }

  private func build(_ project: Project, _ options: [String]) async throws -> Command.Result {
    let surroundings = project.surroundings
    return try await surroundings.caisson(
      ["build", "--progress", "plain"] + surroundings.baseArguments + options + [project.context]
    ).run()
  }

  private func image(_ project: Project, _ words: String...) async throws -> Command.Result {
    let folder = project.surroundings.folder
    return try await Command(
      [Surroundings.program, "image"] + words + ["--store", project.store],
      environment: ["DOCKER_CONFIG": folder + "/docker"]
    ).run()
  }

  private func lines(_ arguments: String...) async throws -> String {
    let result = try await Command(arguments).run()
    guard result.status == 0 else { throw Failure(result.errors) }
    return result.output
  }

  @Test func `a registry gets every image, and an index of them`() async throws {
    let project = try await project()
    let name = "\(project.surroundings.registry)/index:1"
    let built = try await build(project, Self.platforms + ["-t", name, "--push"])
    #expect(built.status == 0, "\(built.errors)")
    // Equal stages are built once, and those of several platforms say which.
    #expect(built.errors.split(separator: "\n").count { $0.contains("echo shared") } == 1)
    #expect(built.errors.contains("[linux/arm64 stage-2 1/2]"), "\(built.errors)")
    let reference = "docker://" + name
    let raw = try await lines("skopeo", "inspect", "--raw", "--tls-verify=false", reference)
    #expect(raw.contains("\"amd64\"") && raw.contains("\"arm64\""))
    let digest = try await lines(
      "skopeo", "inspect", "--tls-verify=false", "--format", "{{.Digest}}", reference)
    #expect(built.line == digest.split(separator: "\n").first.map(String.init))
    let folder = project.path + "/copied"
    _ = try await lines(
      "skopeo", "copy", "--all", "--src-tls-verify=false", reference, "oci:\(folder):x")
    let file = try await image(
      project, "cat", "--platform", "linux/arm64", "oci:\(folder):x", "/target")
    #expect(file.line == "linux/arm64")
  }

  @Test func `a layout holds the index, a folder has one for each platform`() async throws {
    let project = try await project()
    let layout = project.path + "/layout"
    let files = project.path + "/files"
    let built = try await build(
      project,
      Self.platforms + [
        "-t", "app:1", "--annotation", "index:a=b", "-o", "type=oci,tar=false,dest=" + layout, "-o",
        "type=local,dest=" + files,
      ])
    #expect(built.status == 0, "\(built.errors)")
    let raw = try await lines("skopeo", "inspect", "--raw", "oci:\(layout):docker.io/library/app:1")
    #expect(raw.contains("application/vnd.oci.image.index.v1+json") && raw.contains("\"a\":\"b\""))
    #expect(try text(of: files + "/linux_amd64/target") == "linux/amd64\n")
    #expect(try text(of: files + "/linux_arm64/target") == "linux/arm64\n")
  }

  @Test func `a folder is named by the platform asked for, whatever the base image is for`()
    async throws
  {
    let surroundings = try await Surroundings.shared.value
    let project = try Project(
      surroundings,
      dockerfile: """
        ARG BUSYBOX
        FROM $BUSYBOX
        ARG TARGETARCH
        COPY Dockerfile /of-$TARGETARCH

        """)
    let files = project.path + "/files"
    let built = try await build(project, Self.platforms + ["-o", "type=local,dest=" + files])
    #expect(built.status == 0, "\(built.errors)")
    #expect(try text(of: files + "/linux_amd64/of-amd64").hasPrefix("ARG"))
    #expect(try text(of: files + "/linux_arm64/of-arm64").hasPrefix("ARG"))
  }

  @Test func `an index is made of images that were built one by one`() async throws {
    let project = try await project()
    let surroundings = project.surroundings
    let names = ["amd64", "arm64"].map { "docker://\(surroundings.registry)/single:\($0)" }
    for (name, platform) in zip(names, ["linux/amd64", "linux/arm64"]) {
      let built = try await build(
        project, ["--platform", platform, "-t", String(name.dropFirst(9)), "--push"])
      #expect(built.status == 0, "\(built.errors)")
    }
    let target = "docker://\(surroundings.registry)/joined:1"
    let created = try await image(project, "index", "create", target, "--from", names[0])
    #expect(created.status == 0, "\(created.errors)")
    let appended = try await image(project, "index", "append", target, "--from", names[1])
    #expect(appended.status == 0, "\(appended.errors)")
    let raw = try await lines("skopeo", "inspect", "--raw", "--tls-verify=false", target)
    #expect(raw.contains("\"amd64\"") && raw.contains("\"arm64\""))
    let missing = try await image(
      project, "index", "create", target, "--from", "oci:/nonexistent")
    #expect(missing.status == 1)
  }

  @Test func `a command for another architecture needs an emulator`() async throws {
    let surroundings = try await Surroundings.shared.value
    let project = try Project(
      surroundings, dockerfile: "FROM scratch\nRUN [\"/x\"]\n")
    let built = try await build(project, ["--platform", "linux/riscv64"])
    #expect(built.status == 3)
    #expect(built.errors.contains("commands for linux/riscv64 cannot be run here"))
    #expect(built.errors.contains("Dockerfile:2:1"))
  }
}
