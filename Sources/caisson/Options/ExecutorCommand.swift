// SPDX-License-Identifier: Apache-2.0

/// The options of `caisson executor`: those of kaniko's executor.
enum ExecutorFlags {
  static let context = Option.value(
    "context", short: "c", "PLACE", standard: "/workspace/", .input,
    "the build context: a directory, dir://DIR, tar://FILE, tar://stdin, git://HOST/PATH[#REFERENCE] or "
      + "https://ADDRESS of a tar archive")
  static let contextSubPath = Option.value(
    "context-sub-path", "DIR", .input, "the directory of the context to build from")
  static let git = Option.value(
    "git", "KEY=VALUE", isRepeatable: true, .input,
    "how a git context is fetched: branch, recurse-submodules; single-branch and depth change nothing"
  )
  static let dockerfile = Option.value(
    "dockerfile", short: "f", "FILE", standard: "Dockerfile", .input,
    "the Dockerfile, looked for in the working directory, then in the context")
  static let buildArgument = Option.value(
    "build-arg", "NAME[=VALUE]", isRepeatable: true, .input,
    "value of an ARG; without =VALUE it is taken from the environment")

  static let target = Option.value(
    "target", "STAGE", isRepeatable: true, standard: "the last stage", .build,
    "the stage to build")
  static let customPlatform = Option.value(
    "custom-platform", otherNames: ["customPlatform"], "OS/ARCHITECTURE[/VARIANT]",
    standard: "this machine's", .build, "what the image is for")
  static let singleSnapshot = Option.flag(
    "single-snapshot", .build, "make one layer of all the changes of a stage")
  static let force = Option.flag(
    "force", .build,
    "accepted and without meaning here: the builder's own files are never touched")

  static let destination = Option.value(
    "destination", short: "d", "NAME", isRepeatable: true, .output, "a name to push to")
  static let label = Option.value(
    "label", "NAME=VALUE", isRepeatable: true, .output, "a label of the image")
  static let noPush = Option.flag(
    "no-push", .output, "build only; $KANIKO_NO_PUSH goes before the option")
  static let tarPath = Option.value(
    "tar-path", otherNames: ["tarPath"], "FILE", .output, "write an archive for docker load")
  static let layoutPath = Option.value(
    "oci-layout-path", "DIR", .output, "write an OCI image layout")
  static let digestFile = Option.value(
    "digest-file", "FILE", .output, "write the image's digest there")
  static let nameDigestFile = Option.value(
    "image-name-with-digest-file", "FILE", .output, "write REPOSITORY@DIGEST lines there")
  static let nameTagDigestFile = Option.value(
    "image-name-tag-with-digest-file", "FILE", .output, "write REPOSITORY:TAG@DIGEST lines there")

  static let verbosity = Option.choice(
    "verbosity", short: "v",
    ["panic", "fatal", "error", "warn", "warning", "info", "debug", "trace"],
    standard: "info", .display, "how much is logged")
  static let logFormat = Option.choice(
    "log-format", ["text", "color", "json"], standard: "color", .display, "how it is logged")
  static let logTimestamp = Option.flag(
    "log-timestamp", .display, "log the time instead of the seconds since the start")

  static let store = Option.value(
    "store", "DIR",
    standard:
      "$CAISSON_STORE, else DIR/store of --kaniko-dir or $KANIKO_DIR, else as for build; where that "
      + "cannot be written to, a place in $TMPDIR (/tmp), /cache or /workspace until the build ends",
    .build, "where layers are kept")
  static let kanikoDirectory = Option.value(
    "kaniko-dir", "DIR", standard: "$KANIKO_DIR", .build,
    "where the builder keeps its own files")

  /// What else kaniko's executor knows.
  static let notYet = Option.notYet(
    """
    b|bucket annotation snapshot-mode snapshotMode use-new-run? ignore-path \
    ignore-var-run? whitelist-var-run? cleanup? pre-cleanup? preserve-context? materialize? \
    dryrun? image-fs-extract-retry cache? cache-repo cache-dir cache-copy-layers? \
    cache-run-layers? cache-ttl compressed-caching? compression compression-level \
    no-push-cache? image-format push-retry push-ignore-immutable-tag-errors? \
    skip-push-permission-check? registry-certificate registry-client-cert registry-map \
    skip-default-registry-fallback? image-download-retry credential-helpers \
    skip-unused-stages? force-build-metadata? azure-container-registry-config
    """)

  static let all =
    [
      context, contextSubPath, git, dockerfile, buildArgument, CommandOptions.secret,
      SharedOptions.ignoreFile, target,
      customPlatform, singleSnapshot, SharedOptions.reproducible, force, SharedOptions.sandbox,
      store, kanikoDirectory, destination, label, noPush, tarPath, layoutPath, digestFile,
      nameDigestFile, nameTagDigestFile, verbosity, logFormat, logTimestamp,
    ] + SharedOptions.registry + notYet
}

extension Command {
  static let executor = Command(
    path: ["executor"], summary: "Builds and pushes an image, with kaniko's options.",
    synopsis: "", positionalCount: 0...0, options: ExecutorFlags.all,
    notes: [
      "--destination is needed unless --no-push is given.",
      "Exit status: 0 done, 2 wrong usage, the command's own where a RUN failed, else 1.",
    ])
}
