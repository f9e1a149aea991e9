// SPDX-License-Identifier: Apache-2.0

import OCI

@testable import Images

/// A small image whose blobs lie in a store.
struct Sample {
  var image: Image
  var layers: [LayerReference]

  /// An uncompressed layer for each of `texts`, with one file each.
  init(
    in store: ContentStore, texts: [String] = ["one", "two"], format: ImageFormat = .oci,
    platform: Platform = .host
  ) throws {
    var configuration = ImageConfiguration(platform: platform)
    configuration.config.command = ["/bin/sh"]
    configuration.created = "2024-01-01T00:00:00Z"
    layers = []
    for (number, text) in texts.enumerated() {
      let bytes = layerBytes("file\(number)", text)
      let digest = try store.put(bytes)
      configuration.diffIDs.append(digest)
      configuration.history.append(
        .init(created: "2024-01-01T00:00:00Z", createdBy: "COPY", emptyLayer: false))
      layers.append(
        LayerReference(
          descriptor: Descriptor(
            mediaType: format.plainLayer, digest: digest, size: Int64(bytes.count)),
          diffID: digest))
    }
    image = try Image(
      configuration: configuration, layers: layers.map(\.descriptor), format: format)
  }

  /// The image written to a destination.
  func write(to destination: any ImageDestination, from store: ContentStore) async throws {
    _ = try await Publisher(fetcher: BlobFetcher(store: store))
      .publish(image, layers: layers, to: [destination])
  }
}

/// A tar stream with one file.
func layerBytes(_ name: String, _ text: String) -> [UInt8] {
  tar([.file(name, Array(text.utf8))])
}

/// A member of an archive made by hand.
struct Member {
  var bytes: [UInt8]

  static func file(_ name: String, _ content: [UInt8]) -> Member {
    Member(
      bytes: tarHeader(name, sizeInBytes: Int64(content.count), isDirectory: false)
        + padded(content))
  }

  static func file(_ name: String, _ text: String) -> Member { file(name, Array(text.utf8)) }

  static func directory(_ name: String) -> Member {
    Member(bytes: tarHeader(name, sizeInBytes: 0, isDirectory: true))
  }

  static func link(_ name: String, to target: String, type: Character = "2") -> Member {
    Member(
      bytes: changed(tarHeader(name, sizeInBytes: 0, isDirectory: false)) {
        $0[156] = type.asciiValue ?? 0
        $0.replaceSubrange(157..<(157 + target.utf8.count), with: target.utf8)
      })
  }

  /// An extended header of either kind, for the member that follows.
  static func extended(_ type: Character, _ content: String) -> Member {
    Member(
      bytes: changed(tarHeader("x", sizeInBytes: Int64(content.utf8.count), isDirectory: false)) {
        $0[156] = type.asciiValue ?? 0
      } + padded(Array(content.utf8)))
  }
}

func tar(_ members: [Member]) -> [UInt8] {
  members.flatMap(\.bytes) + [UInt8](repeating: 0, count: 1024)
}

/// A header after a change, its sum right again.
func changed(_ header: [UInt8], _ change: (inout [UInt8]) -> Void) -> [UInt8] {
  var header = header
  change(&header)
  header.replaceSubrange(148..<156, with: "        ".utf8)
  let sum = String(header.reduce(0) { $0 + Int($1) }, radix: 8)
  let digits = String(repeating: "0", count: 6 - sum.utf8.count) + sum
  header.replaceSubrange(148..<156, with: Array(digits.utf8) + [0, 0x20])
  return header
}

private func padded(_ content: [UInt8]) -> [UInt8] {
  content + [UInt8](repeating: 0, count: (512 - content.count % 512) % 512)
}
