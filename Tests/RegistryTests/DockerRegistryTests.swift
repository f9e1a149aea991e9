// SPDX-License-Identifier: Apache-2.0

import Diagnostics
import Images
import LinuxSystem
import OCI
import Testing

@testable import Registry

@Suite(.enabled(if: DockerRegistry.isInstalled, "docker-registry is not installed"))
struct DockerRegistryTests {
  private let local: TemporaryStore

  init() throws { local = try TemporaryStore() }

  private func reference(_ registry: DockerRegistry, _ name: String) throws -> ImageReference {
    try #require(ImageReference("\(registry.authority)/\(name)"))
  }

  private func roundTrip(_ registry: DockerRegistry, _ client: RegistryClient) async throws {
    let image = try makeImage(noise(3_000_000), in: local.store)
    let reference = try reference(registry, "team/app:1")
    let destination = RegistryDestination(reference, client: client)
    try await destination.checkPush()
    try await push(image, from: local.store, to: destination)
    let other = try TemporaryStore()
    let pulled = try await pull(RegistrySource(reference, client: client), into: other)
    #expect(pulled == image.encodedManifest)
    let found = try await client.manifestDescriptor("1", in: RepositoryEndpoint(reference))
    #expect(found == image.encodedManifest.descriptor)
  }

  @Test func `push and pull over plain HTTP`() async throws {
    try await DockerRegistry.serving { try await roundTrip($0, makeClient()) }
  }

  @Test func `push and pull over TLS with the registry's certificate`() async throws {
    try await DockerRegistry.serving(DockerRegistry.Options(usesTLS: true)) { registry in
      try await roundTrip(
        registry, makeClient { $0.http.caFile = "\(registry.directory)/cert.pem" })
    }
  }

  @Test func `push and pull over TLS without looking at the certificate`() async throws {
    try await DockerRegistry.serving(DockerRegistry.Options(usesTLS: true)) { registry in
      try await roundTrip(registry, makeClient { $0.skipTLSVerifyHosts = [registry.authority] })
    }
  }

  @Test func `an unknown certificate is refused with advice`() async throws {
    try await DockerRegistry.serving(DockerRegistry.Options(usesTLS: true)) { registry in
      let destination = RegistryDestination(
        try reference(registry, "team/app:1"), client: makeClient())
      do {
        try await destination.checkPush()
        Issue.record("nothing was thrown")
      } catch let error as RegistryError {
        guard case .untrusted(let host, _) = error else { throw error }
        #expect(host == registry.authority)
        #expect(error.diagnostic.help?.contains("--skip-tls-verify") == true)
      }
    }
  }

  @Test func `push and pull with a password from a Docker configuration`() async throws {
    try await DockerRegistry.serving(
      DockerRegistry.Options(username: "builder", password: "s3cret")
    ) { registry in
      let config = #"{"auths":{"\#(registry.authority)":{"auth":"YnVpbGRlcjpzM2NyZXQ="}}}"#
      let credentials = try Credentials(dockerConfig: Array(config.utf8), file: "config.json")
      try await roundTrip(registry, makeClient(credentials))
    }
  }

  @Test func `a wrong password is refused and the tag stays absent`() async throws {
    try await DockerRegistry.serving(
      DockerRegistry.Options(username: "builder", password: "s3cret")
    ) { registry in
      let image = try makeImage(noise(10), in: local.store)
      let destination = RegistryDestination(
        try reference(registry, "app:1"),
        client: makeClient(credentials(registry.authority, "builder", "wrong")))
      await #expect(throws: RegistryError.self) {
        try await push(image, from: local.store, to: destination)
      }
      let source = RegistrySource(
        try reference(registry, "app:1"),
        client: makeClient(credentials(registry.authority, "builder", "s3cret")))
      await #expect(throws: ImageError.self) { try await source.manifest(nil) }
    }
  }

  @Test func `a layer is mounted from the repository it came from`() async throws {
    try await DockerRegistry.serving { registry in
      let client = makeClient()
      let image = try makeImage(noise(100_000), in: local.store)
      let base = try reference(registry, "base:1")
      try await push(image, from: local.store, to: RegistryDestination(base, client: client))
      let destination = RegistryDestination(try reference(registry, "team/app:1"), client: client)
      #expect(try await destination.hasBlob(image.manifest.layers[0], origin: base))
      try await destination.commit(image)
    }
  }

  @Test func `a manifest whose layers are missing is refused and leaves no tag`() async throws {
    try await DockerRegistry.serving { registry in
      let image = try makeImage(noise(100), in: local.store)
      let reference = try reference(registry, "app:1")
      let destination = RegistryDestination(reference, client: makeClient())
      do {
        try await destination.commit(image)
        Issue.record("nothing was thrown")
      } catch let error as RegistryError {
        #expect(error.diagnostic.rendered().contains("MANIFEST_BLOB_UNKNOWN"))
      }
      await #expect(throws: ImageError.self) {
        try await RegistrySource(reference, client: makeClient()).manifest(nil)
      }
    }
  }

  @Test func `the rest of a blob is fetched when a part is there`() async throws {
    try await DockerRegistry.serving { registry in
      let client = makeClient()
      let blob = noise(400_000)
      let image = try makeImage(blob, in: local.store)
      let reference = try reference(registry, "app:1")
      try await push(image, from: local.store, to: RegistryDestination(reference, client: client))
      let writer = try local.store.makeWriter()
      try blob[..<150_000].withUnsafeBytes { try writer.write($0) }
      try await RegistrySource(reference, client: client).fetchBlob(
        image.manifest.layers[0], into: writer)
      try writer.commit(expecting: image.manifest.layers[0])
    }
  }
}
