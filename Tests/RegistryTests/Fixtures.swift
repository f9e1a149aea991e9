// SPDX-License-Identifier: Apache-2.0

import Diagnostics
import Glibc
import Images
import LinuxSystem
import OCI
import Synchronization

@testable import Registry

/// A content store in a directory that goes away with the value.
final class TemporaryStore: Sendable {
  let directory: PathBytes
  let store: ContentStore

  init() throws {
    directory = try makeTemporaryDirectory()
    store = try ContentStore(directory: directory)
  }

  deinit { try? removeTree(directory) }
}

func makeTemporaryDirectory() throws -> PathBytes {
  let path = PathBytes("/tmp/caisson-registry-\(UInt64.random(in: 0...UInt64.max))")
  try makeDirectory(path, mode: 0o700)
  return path
}

/// Bytes that do not repeat soon; the same for the same seed.
func noise(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
  var state = seed
  return (0..<count).map { _ in
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return UInt8(truncatingIfNeeded: state >> 33)
  }
}

/// An image of one layer, its layer in `store`.
func makeImage(_ layer: [UInt8], in store: ContentStore) throws -> Image {
  let digest = try store.put(layer)
  let bytes = Array(
    #"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":["\#(digest)"]}}"#
      .utf8)
  return try Image(
    configuration: try ImageConfiguration(parsing: bytes),
    layers: [Descriptor(mediaType: .ociLayer, digest: digest, size: Int64(layer.count))],
    format: .oci)
}

/// Pauses that were asked for; none is waited for.
final class Pauses: Sendable {
  private let all = Mutex<[Duration]>([])
  var durations: [Duration] { all.withLock { $0 } }

  var policy: RetryPolicy {
    var policy = RetryPolicy()
    policy.jitter = { 1 }
    policy.pause = { pause in self.all.withLock { $0.append(pause) } }
    return policy
  }
}

/// A client that never waits between retries.
func makeClient(
  _ credentials: Credentials = Credentials(), pauses: Pauses = Pauses(), log: Log = .silent,
  _ change: (inout RegistryOptions) -> Void = { _ in }
) -> RegistryClient {
  var options = RegistryOptions()
  options.retry = pauses.policy
  options.http.proxies = HTTPProxies.none
  change(&options)
  return RegistryClient(options: options, credentials: credentials, log: log)
}

func credentials(_ key: String, _ username: String, _ password: String) -> Credentials {
  var credentials = Credentials()
  credentials.set(.password(username: username, Secret(password)), for: key)
  return credentials
}

/// Pushes the way the builder does: blobs that are missing, then configuration and manifest.
func push(
  _ image: Image, from store: ContentStore, to destination: RegistryDestination,
  origin: ImageReference? = nil
) async throws {
  for layer in image.manifest.layers
  where try await !destination.hasBlob(layer, origin: origin) {
    try await destination.putBlob(layer, from: store)
  }
  try await destination.commit(image)
}

/// Pulls manifest, configuration and layers into `local`.
func pull(_ source: RegistrySource, into local: TemporaryStore) async throws -> EncodedManifest {
  let encoded = try await source.manifest(nil)
  let manifest = try decodeJSON(Manifest.self, from: encoded.bytes)
  for blob in [manifest.config] + manifest.layers {
    let writer = try local.store.makeWriter()
    try await source.fetchBlob(blob, into: writer)
    try writer.commit(expecting: blob)
  }
  return encoded
}
