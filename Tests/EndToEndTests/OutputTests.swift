// SPDX-License-Identifier: Apache-2.0

import LinuxSystem
import OCI
import TestSupport
import Testing

/// What comes out is read by other people's programs.
@Suite(.enabled(if: Surroundings.obstacle == nil, Surroundings.obstacle))
struct OutputTests {
  static let dockerfile = """
    ARG BUSYBOX
    FROM $BUSYBOX
    RUN echo run > /from-run && rm /etc/shadow
    COPY message /srv/
    CMD ["cat", "/srv/message"]
    """

  private func withProject(
    _ body: @escaping @Sendable (Project) async throws -> Void
  ) async throws {
    let surroundings = try await Surroundings.shared.value
    try await body(
      Project(surroundings, dockerfile: Self.dockerfile, files: ["message": "hello\n"]))
  }

  @Test func `skopeo inspects and umoci unpacks an OCI layout`() async throws {
    try await withProject { project in
      let layout = project.path + "/layout"
      expectSuccess(try await project.build("--output", "type=oci,tar=false,dest=" + layout).run())
      // umoci finds images by tag only.
      let tagged = project.path + "/tagged"
      expectSuccess(
        try await Command(
          "skopeo", "copy", "-q", "--insecure-policy", "oci:" + layout, "oci:" + tagged + ":demo"
        ).run())
      expectSuccess(try await Command("skopeo", "inspect", "oci:" + layout).run())
      let bundle = project.path + "/bundle"
      expectSuccess(try await Command("umoci", "unpack", "--image", tagged + ":demo", bundle).run())
      #expect(try text(of: bundle + "/rootfs/srv/message") == "hello\n")
      #expect(try text(of: bundle + "/rootfs/from-run") == "run\n")
      #expect(!exists(PathBytes(bundle + "/rootfs/etc/shadow")))
    }
  }

  @Test func `podman loads a docker archive`() async throws {
    try await withProject { project in
      let archive = project.path + "/image.tar"
      expectSuccess(
        try await project.build(
          "-t", "example.org/demo:1", "--output", "type=docker,dest=" + archive
        )
        .run())
      let storage = [
        "podman", "--root", project.path + "/podman", "--runroot", project.path + "/podman-run",
        "--storage-driver", "vfs", "--cgroup-manager", "cgroupfs",
      ]
      expectSuccess(try await Command(storage + ["load", "-q", "-i", archive]).run())
      let listed = try await Command(
        storage + ["image", "inspect", "--format", "{{.Config.Cmd}}", "example.org/demo:1"]
      ).run()
      expectSuccess(listed)
      #expect(listed.line == "[cat /srv/message]")
    }
  }

  @Test func `podman runs what was pushed`() async throws {
    try await withProject { project in
      let name = "\(project.surroundings.registry)/runs:1"
      expectSuccess(try await project.build("-t", name, "--push").run())
      // Where cgroups are hybrid, crun wants a mount namespace that shows only version 2.
      let script = """
        umount -R /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup &&
        exec podman --root "$0/podman" --runroot "$0/podman-run" --storage-driver vfs \\
          --runtime crun --cgroup-manager cgroupfs run --rm --cgroups=disabled --network host \\
          --tls-verify=false --ulimit nofile=1024:1024 --ulimit nproc=4096:4096 "$1"
        """
      let run = try await Command(
        "unshare", "-m", "--propagation", "private", "sh", "-c", script, project.path, name
      ).run()
      expectSuccess(run)
      #expect(run.output == "hello\n")
    }
  }

  @Test(arguments: ["oci", "docker"])
  func `an archive is a base`(_ kind: String) async throws {
    try await withProject { project in
      let archive = project.path + "/base.tar"
      expectSuccess(
        try await project.build(
          "-t", "example.org/base:1", "--output", "type=\(kind),dest=" + archive
        ).run())
      let second = try Project(
        project.surroundings, dockerfile: "FROM base\nRUN grep hello /srv/message\n", files: [:])
      expectSuccess(
        try await second.build("--build-context", "base=\(kind)-archive:" + archive).run())
    }
  }

  @Test(arguments: ["local", "tar"])
  func `a root file system goes out and comes in again unchanged`(_ kind: String) async throws {
    try await withProject { project in
      let root = project.path + "/root"
      let (first, again) = (project.path + "/first.tar", project.path + "/again.tar")
      expectSuccess(
        try await project.build(
          "--output", "type=\(kind),dest=" + root, "--output", "type=tar,dest=" + first
        ).run())
      let second = try Project(
        project.surroundings, dockerfile: "FROM base\n", files: [:])
      expectSuccess(
        try await second.build(
          "--build-context", "base=rootfs:" + root, "--output", "type=tar,dest=" + again
        ).run())
      // The order of the files is that of the layers, which are others now.
      let list = "tar --numeric-owner --full-time -tvf $0 | sort"
      let before = try await Command("sh", "-c", list, first).run()
      #expect(try await Command("sh", "-c", list, again).run().output == before.output)
      #expect(before.output.contains("srv/message"))
    }
  }

  @Test func `every form of output holds the same image`() async throws {
    try await withProject { project in
      let name = "\(project.surroundings.registry)/outputs:1"
      expectSuccess(
        try await project.build(
          "-t", name, "--push", "--output", "type=oci,dest=\(project.path)/oci.tar",
          "--output", "type=docker,dest=\(project.path)/docker.tar",
          "--output", "type=oci,tar=false,dest=\(project.path)/layout"
        ).run())
      for other in ["\(project.path)/oci.tar", "\(project.path)/docker.tar", "docker://" + name] {
        let found = try await differences(expected: project.path + "/layout", actual: other)
        #expect(found == "")
      }
    }
  }

  @Test func `a plain root file system comes as a folder and as an archive`() async throws {
    try await withProject { project in
      let folder = project.path + "/root"
      let archive = project.path + "/root.tar"
      expectSuccess(
        try await project.build(
          "--output", "type=local,dest=" + folder, "--output", "type=tar,dest=" + archive
        ).run())
      #expect(try text(of: folder + "/srv/message") == "hello\n")
      #expect(!exists(PathBytes(folder + "/etc/shadow")))
      let extracted = try await Command("tar", "-xOf", archive, "srv/message").run()
      let dotted = try await Command("tar", "-xOf", archive, "./srv/message").run()
      #expect([extracted.output, dotted.output].contains("hello\n"))
    }
  }

  @Test func `the executor writes archive, layout and digest files`() async throws {
    try await withProject { project in
      let name = "\(project.surroundings.registry)/executor:1"
      let result = try await project.execute(
        "--destination", name, "--insecure", "--tar-path", project.path + "/image.tar",
        "--oci-layout-path", project.path + "/layout", "--digest-file", project.path + "/digest",
        "--image-name-with-digest-file", project.path + "/name"
      ).run()
      expectSuccess(result)
      let digest = try text(of: project.path + "/digest")
      let index = try JSONValue(
        parsing: contents(of: PathBytes(project.path + "/layout/index.json")))
      #expect(index["manifests"]?.array?.first?["digest"]?.string == digest)
      #expect(
        try text(of: project.path + "/name").split(separator: "\n").first
          == "\(project.surroundings.registry)/executor@\(digest)")
      let pushed = try await Command(
        "skopeo", "inspect", "--tls-verify=false", "--format", "{{.Digest}}", "docker://" + name
      ).run()
      #expect(pushed.line == digest)
      let found = try await differences(
        expected: project.path + "/layout", actual: project.path + "/image.tar")
      #expect(found == "")
    }
  }

  @Test func `without a push nothing reaches the registry`() async throws {
    try await withProject { project in
      let name = "\(project.surroundings.registry)/no-push"
      expectSuccess(try await project.execute("--destination", name, "--no-push").run())
      #expect(try project.surroundings.server.uploads(to: "no-push") == 0)
    }
  }

  @Test func `the second push of an image uploads nothing`() async throws {
    try await withProject { project in
      let server = project.surroundings.server
      let name = "\(server.address)/twice:1"
      var push = project.execute("--reproducible", "--destination", name, "--insecure")
      expectSuccess(try await push.run())
      let uploads = try server.uploads(to: "twice")
      #expect(uploads > 0)
      push = project.execute(
        "--reproducible", "--destination", name, "--insecure", store: project.path + "/another")
      expectSuccess(try await push.run())
      #expect(try server.uploads(to: "twice") == uploads)
    }
  }

  @Test(arguments: ["run-makes-hard-links", "copy-odd-kinds-of-entries", "from-scratch-with-copy"])
  func `two reproducible builds have one digest`(_ name: String) async throws {
    let surroundings = try await Surroundings.shared.value
    let c = ReferenceCase(name: name)
    let folder = try TemporaryFolder()
    var digests: [String] = []
    for round in ["one", "two"] {
      let context = "\(folder.path)/\(round)"
      try await c.makeContext(at: context)
      expectSuccess(
        try await surroundings.caisson(
          [
            "executor", "--reproducible", "--no-push", "--context", context, "--dockerfile",
            c.folder + "/Dockerfile", "--digest-file", context + ".digest",
          ] + surroundings.baseArguments, store: "\(context).store"
        ).run())
      digests.append(try text(of: context + ".digest"))
    }
    #expect(digests[0] == digests[1])
  }

  @Test func `a base in Docker's own format is built upon`() async throws {
    try await withProject { project in
      let base = "\(project.surroundings.registry)/docker-format:1"
      expectSuccess(
        try await Command(
          "skopeo", "copy", "-q", "--insecure-policy", "--format", "v2s2",
          "--dest-tls-verify=false", Surroundings.layout("busybox"), "docker://" + base
        ).run())
      let outputs = [project.path + "/oci", project.path + "/docker"]
      expectSuccess(
        try await project.build("--output", "type=oci,tar=false,dest=" + outputs[0]).run())
      expectSuccess(
        try await project.build(
          "--build-arg", "BUSYBOX=" + base, "--output", "type=oci,tar=false,dest=" + outputs[1]
        ).run())
      let found = try await differences(expected: outputs[0], actual: outputs[1])
      #expect(found == "")
    }
  }
}

func expectSuccess(_ result: Command.Result, sourceLocation: SourceLocation = #_sourceLocation) {
  #expect(result.status == 0, "\(result.errors)", sourceLocation: sourceLocation)
}
