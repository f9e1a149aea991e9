// SPDX-License-Identifier: Apache-2.0

import DockerfileSyntax
import LinuxSystem
import OCI

extension StageBuilder {
  /// - Parameter origins: What each `from` means.
  func mounts(
    _ run: Run, _ instruction: Instruction, origins: [String: FileOrigin]
  ) throws -> [RunMount] {
    var mounts: [RunMount] = []
    var targets: Set<String> = []
    for flag in run.mounts {
      let mount = try mount(flag, instruction, origins, position: mounts.count)
      if let target = mount.target, !targets.insert(target).inserted {
        throw PlanningError.repeatedMountTarget(target, at: flag.range)
      }
      mounts.append(mount)
    }
    return mounts
  }

  private func mount(
    _ flag: MountFlag, _ instruction: Instruction, _ origins: [String: FileOrigin], position: Int
  ) throws -> RunMount {
    var options = try MountOptions(flag) { try expand($0, instruction) }
    let mount =
      switch options.kind {
      case .bind: try bind(&options, origins, flag)
      case .cache: try cache(&options, origins, flag)
      case .tmpfs: try temporary(&options, flag)
      case .secret: try secret(&options, flag)
      case .ssh: try agent(&options, position, flag)
      }
    try options.finish()
    guard mount.target != "/" else { throw PlanningError.mountOnRoot(at: flag.range) }
    return mount
  }

  private func bind(
    _ options: inout MountOptions, _ origins: [String: FileOrigin], _ flag: MountFlag
  ) throws -> RunMount {
    let target = try target(try options.required("target"))
    let origin = options.text("from").map { self.origin($0, origins) } ?? .context
    let path = relativePath(options.text("source"))
    return RunMount(
      content: .files(origin, path: path), target: target,
      isReadOnly: try options.isReadOnly(default: true), uid: 0, gid: 0, mode: 0o755,
      source: flag.range)
  }

  private func cache(
    _ options: inout MountOptions, _ origins: [String: FileOrigin], _ flag: MountFlag
  ) throws -> RunMount {
    let target = try target(try options.required("target"))
    let path = relativePath(options.text("source"))
    let seed = options.text("from").map {
      RunMount.Cache.Seed(origin: origin($0, origins), path: path)
    }
    let space = scope.given["BUILDKIT_CACHE_MOUNT_NS"].map { $0 + "/" } ?? ""
    let cache = RunMount.Cache(
      id: space + (options.text("id") ?? target), sharing: try options.sharing(), seed: seed,
      path: seed == nil ? path : "")
    return RunMount(
      content: .cache(cache), target: target, isReadOnly: try options.isReadOnly(default: false),
      uid: try options.id("uid"), gid: try options.id("gid"),
      mode: try options.mode(default: 0o755), source: flag.range)
  }

  private func temporary(_ options: inout MountOptions, _ flag: MountFlag) throws -> RunMount {
    RunMount(
      content: .temporary(sizeInBytes: try options.size()),
      target: try target(try options.required("target")), isReadOnly: false, uid: 0, gid: 0,
      mode: 0o1777, source: flag.range)
  }

  private func secret(_ options: inout MountOptions, _ flag: MountFlag) throws -> RunMount {
    let written = options.text("target")
    let name = options.text("id")
    let source = options.text("source")
    guard name == nil || source == nil else {
      throw PlanningError.surplusMountOption("source", type: "secret", at: flag.range)
    }
    guard let id = name ?? source ?? written.map({ PathBytes($0).name.description }), !id.isEmpty
    else { throw PlanningError.missingMountOption("id", type: "secret", at: flag.range) }
    let variable = options.text("env")
    let standard = variable == nil ? "/run/secrets/" + PathBytes(id).name.description : nil
    _ = try options.flag("readonly")
    return RunMount(
      content: .secret(
        id: id, isRequired: try options.flag("required") ?? false, variable: variable),
      target: try (written ?? standard).map(target), isReadOnly: true,
      uid: try options.id("uid"), gid: try options.id("gid"),
      mode: try options.mode(default: 0o400), source: flag.range)
  }

  private func agent(_ options: inout MountOptions, _ position: Int, _ flag: MountFlag) throws
    -> RunMount
  {
    let id = options.text("id") ?? "default"
    let written = options.text("target") ?? "/run/buildkit/ssh_agent.\(position)"
    return RunMount(
      content: .agent(id: id, isRequired: try options.flag("required") ?? false),
      target: try target(written), isReadOnly: false, uid: try options.id("uid"),
      gid: try options.id("gid"), mode: try options.mode(default: 0o600), source: flag.range)
  }

  private func target(_ text: String) throws -> String {
    absolutePath(text, below: workingDirectory)
  }

  /// Below the origin's root.
  private func relativePath(_ text: String?) -> String {
    PathBytes(text ?? "").normalizedInRoot.description
  }

  private func origin(_ name: String, _ origins: [String: FileOrigin]) -> FileOrigin {
    guard let origin = origins[name] else {
      preconditionFailure("the survey saw no origin \(name)")
    }
    return origin
  }
}
