// SPDX-License-Identifier: Apache-2.0

import LinuxSystem
import OCI

/// A question about images.
struct ImageQuery: Hashable, Sendable {
  enum Subject: Hashable, Sendable {
    /// The local store.
    case list
    /// Manifest and configuration.
    case inspect(image: String)
    /// The files of all layers together.
    case files(image: String)
    /// One file's content.
    case cat(image: String, path: PathBytes)
  }

  var subject: Subject
  var isJSON: Bool
  /// Which image of an index is meant.
  var platform: Platform
  /// Absolute.
  var store: PathBytes
  var registry: RegistryAccess
}

enum ImageFlags {
  static let format = Option.choice(
    "format", ["table", "json"], standard: "table", .display, "how the answer is printed")
  static let platform = Option.value(
    "platform", "OS/ARCHITECTURE[/VARIANT]", standard: "this machine's", .input,
    "which image of an index is meant")
}

extension Command {
  private static let location = [
    "IMAGE is a name or digest in the local store, oci:DIR[:TAG], oci-archive:FILE, "
      + "docker-archive:FILE, or docker://REFERENCE for a registry."
  ]
  private static let listing = Command(
    path: ["image", "ls"], summary: "Lists the images of the local store.", synopsis: "",
    positionalCount: 0...0, options: [ImageFlags.format, SharedOptions.store])
  private static let inspection = Command(
    path: ["image", "inspect"], summary: "Prints manifest and configuration of an image as JSON.",
    synopsis: "IMAGE", positionalCount: 1...1,
    options: [ImageFlags.platform, SharedOptions.store] + SharedOptions.registry, notes: location)
  private static let files = Command(
    path: ["image", "files"], summary: "Lists the files of an image.", synopsis: "IMAGE",
    positionalCount: 1...1,
    options: [ImageFlags.format, ImageFlags.platform, SharedOptions.store]
      + SharedOptions.registry, notes: location)
  private static let cat = Command(
    path: ["image", "cat"], summary: "Prints a file of an image.", synopsis: "IMAGE PATH",
    positionalCount: 2...2,
    options: [ImageFlags.platform, SharedOptions.store] + SharedOptions.registry, notes: location)

  static let image = [listing, inspection, files, cat]
}

extension ImageQuery {
  init(_ command: Command, _ arguments: ParsedArguments, _ surroundings: Surroundings)
    throws(CommandLineError)
  {
    let words = arguments.positionals
    subject =
      switch command.path.last {
      case "inspect": .inspect(image: words.first ?? "")
      case "files": .files(image: words.first ?? "")
      case "cat":
        .cat(image: words.first ?? "", path: PathBytes(words.last ?? "").normalizedInRoot)
      default: .list
      }
    isJSON = arguments.value(of: ImageFlags.format) == "json"
    platform = try arguments.platform(ImageFlags.platform)
    store = try arguments.store(surroundings)
    registry = arguments.registryAccess(surroundings)
  }
}
