// SPDX-License-Identifier: Apache-2.0

/// The options of `caisson build`: those of `docker buildx build`.
enum BuildFlags {
  static let file = Option.value(
    "file", short: "f", "FILE", standard: "Dockerfile of the context", .input,
    "the Dockerfile; - is standard input")
  static let buildArgument = Option.value(
    "build-arg", "NAME[=VALUE]", isRepeatable: true, .input,
    "value of an ARG; without =VALUE it is taken from the environment")
  static let buildContext = Option.value(
    "build-context", "NAME=VALUE", isRepeatable: true, .input,
    "another context for COPY --from and RUN --mount: a directory, git repository or address of a tar "
      + "archive; or another image, for FROM as "
      + "well: docker-image://REFERENCE, oci-layout://DIR[:TAG], oci-archive:FILE, "
      + "docker-archive:FILE, store:NAME, or rootfs:PATH for a plain root file system (directory "
      + "or tar)")

  static let target = Option.value(
    "target", "STAGE", standard: "the last stage", .build, "the stage to build")
  static let platform = Option.value(
    "platform", "OS/ARCHITECTURE[/VARIANT]", isRepeatable: true, standard: "this machine's", .build,
    "what the image is for; several, between commas, make an index of images")
  static let noCache = Option.flag(
    "no-cache", .build, "take no step from a cache; always so in this version")
  static let pull = Option.flag(
    "pull", .build, "ask the registry for newer base images; always so in this version")

  static let tag = Option.value(
    "tag", short: "t", "NAME", isRepeatable: true, .output, "a name for the image")
  static let label = Option.value(
    "label", "NAME=VALUE", isRepeatable: true, .output, "a label of the image")
  static let annotation = Option.value(
    "annotation", "[manifest:|index:]KEY=VALUE", isRepeatable: true, .output,
    "an annotation of the manifest, or of the index of several platforms")
  static let push = Option.flag("push", .output, "send the image to the registries of its names")
  static let output = Option.value(
    "output", short: "o", "KIND", isRepeatable: true,
    standard: "the local store", .output,
    "where the image goes: type=KIND,dest=PATH with image, registry, oci, docker, local or tar "
      + "as KIND; a directory for its files; - for a tar archive of them")
  static let imageFormat = Option.choice(
    "image-format", ["oci", "docker"],
    standard: "oci for an output of type=oci, else that of the base image", .output,
    "the media types of the image")
  static let metadataFile = Option.value(
    "metadata-file", "FILE", .output, "write digests and names there, as JSON")
  static let imageIDFile = Option.value(
    "iidfile", "FILE", .output, "write the digest of the image configuration there")

  static let progress = Option.choice(
    "progress", ["auto", "tty", "plain", "json", "quiet"], standard: "auto", .display,
    "how progress is shown")
  static let quiet = Option.flag(
    "quiet", short: "q", .display, "print the digest and nothing else; --progress=quiet")
  static let check = Option.flag(
    "check", .build, "check the Dockerfile as caisson check does, and build nothing")
  static let debug = Option.flag("debug", short: "D", .display, "say more")

  static let load = Option(
    name: "load", kind: .flag, summary: "",
    standing: .refused("there is no daemon; use --output type=docker,dest=FILE and docker load"))

  /// What else `docker buildx build` knows.
  static let notYet = Option.notYet(
    """
    allow attest builder cache-from cache-to call cgroup-parent \
    isolation no-cache-filter policy provenance sbom \
    compress? cpu-period cpu-quota c|cpu-shares cpuset-cpus cpuset-mems force-rm? m|memory \
    memory-swap rm? security-opt squash?
    """)

  static let all =
    [
      file, buildArgument, buildContext, SharedOptions.ignoreFile, target, platform, noCache, pull,
      SharedOptions.reproducible, SharedOptions.sandbox, SharedOptions.store, tag, label,
      annotation, push, output, imageFormat, metadataFile, imageIDFile, progress, quiet, debug,
      check, load,
    ] + CommandOptions.all + SharedOptions.registry + notYet
}

extension Command {
  static let build = Command(
    path: ["build"], summary: "Builds an image from a Dockerfile.", synopsis: "[CONTEXT]",
    positionalCount: 0...1, options: BuildFlags.all,
    notes: [
      "CONTEXT is a directory (default: the current one), - for a tar archive on standard input, a git "
        + "repository (https://HOST/NAME.git#REFERENCE:DIRECTORY, git@HOST:PATH), or the address of a "
        + "tar archive or Dockerfile.",
      "Without --push and --output the image is kept in the local store, where \"caisson image\" "
        + "finds it. The digest is printed to standard output, everything else to standard error.",
      "Exit status: 0 done, 1 the build failed, 2 wrong usage, 3 network or machine failed.",
    ])
}
