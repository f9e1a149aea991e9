// SPDX-License-Identifier: Apache-2.0

import Glibc
import Images
import LinuxSystem
import OCI
import TestSupport
import Testing

/// What other tools make of our folders and archives, and we of theirs.
@Suite struct InteroperationTests {
  private let directory: TemporaryDirectory
  private let store: ContentStore
  private let sample: Sample

  init() throws {
    directory = try TemporaryDirectory()
    store = try directory.store()
    sample = try Sample(in: store, format: .oci)
  }

  private var layout: String { directory.appending("layout").description }
  private func archive(_ name: String) -> String { directory.appending(name).description }

  private func writeAll() async throws {
    let names = ["app:1", "localhost:5000/team/app:2"].compactMap { ImageReference($0) }
    let destinations: [any ImageDestination] = [
      LayoutDestination(directory: PathBytes(layout), name: "v1", workers: workers),
      LayoutArchiveDestination(
        file: PathBytes(archive("oci.tar")), name: "v1", workers: workers),
      DockerArchiveDestination(
        file: PathBytes(archive("docker.tar")), names: names, workers: workers),
      StoreDestination(store: store, names: names, workers: workers),
    ]
    _ = try await Publisher(fetcher: BlobFetcher(store: store))
      .publish(sample.image, layers: sample.layers, to: destinations)
  }

  private func layerDiffIDs(_ source: any ImageSource) async throws -> [Digest] {
    let fetcher = BlobFetcher(store: try directory.store("other"))
    let found = try await ImageResolver(fetcher: fetcher).resolve(source, platform: .host)
    for layer in found.layers { try await fetcher.fetch(layer) }
    return found.layers.map(\.diffID)
  }

  @Test(.enabled(if: program("skopeo") != nil, "skopeo is not installed"))
  func `skopeo inspects what we write`() async throws {
    try await writeAll()
    for location in [
      "oci:\(layout):v1", "oci-archive:\(archive("oci.tar")):v1",
      "docker-archive:\(archive("docker.tar")):app:1",
      "docker-archive:\(archive("docker.tar")):localhost:5000/team/app:2",
      "oci:\(store.directory):docker.io/library/app:1",
    ] {
      let (status, output) = try await run("skopeo", "inspect", location, in: directory)
      #expect(status == 0, "\(location): \(output)")
      for layer in sample.layers {
        #expect(output.contains(layer.descriptor.digest.description), "\(location): \(output)")
      }
    }
  }

  @Test(.enabled(if: program("skopeo") != nil, "skopeo is not installed"))
  func `we read what skopeo writes`() async throws {
    try await writeAll()
    let targets = [
      "docker-archive:\(archive("d.tar")):app:3", "oci-archive:\(archive("o.tar")):v3",
      "oci:\(archive("o")):v3",
    ]
    for target in targets {
      let (status, output) = try await run(
        "skopeo", "copy", "--insecure-policy", "oci:\(layout):v1", target, in: directory)
      #expect(status == 0, "\(target): \(output)")
    }
    let sources: [any ImageSource] = [
      try await DockerArchiveSource(
        file: PathBytes(archive("d.tar")), name: ImageReference("app:3"), workers: workers),
      try await LayoutSource(
        archive: PathBytes(archive("o.tar")), name: "v3", workers: workers),
      LayoutSource(directory: PathBytes(archive("o")), name: "v3", workers: workers),
    ]
    for source in sources {
      #expect(try await layerDiffIDs(source) == sample.image.configuration.diffIDs)
    }
  }

  @Test(.enabled(if: program("skopeo") != nil, "skopeo is not installed"))
  func `compressed layers of a Docker archive go there and back`() async throws {
    try await writeAll()
    let zipped = archive("zipped")
    let (status, output) = try await run(
      "skopeo", "copy", "--insecure-policy", "--dest-compress", "--dest-compress-format=gzip",
      "oci:\(layout):v1", "oci:\(zipped):v1", in: directory)
    #expect(status == 0, "\(output)")
    let fetcher = BlobFetcher(store: store)
    let found = try await ImageResolver(fetcher: fetcher).resolve(
      LayoutSource(directory: PathBytes(zipped), name: "v1", workers: workers), platform: .host)
    #expect(found.layers.allSatisfy { $0.descriptor.mediaType == .ociLayerGzip })
    let file = PathBytes(archive("zipped.tar"))
    _ = try await Publisher(fetcher: fetcher).publish(
      found.image, layers: found.layers,
      to: [DockerArchiveDestination(file: file, names: [], workers: workers)])
    let source = try await DockerArchiveSource(file: file, name: nil, workers: workers)
    #expect(try await layerDiffIDs(source) == sample.image.configuration.diffIDs)
    let inspected = try await run("skopeo", "inspect", "docker-archive:\(file)", in: directory)
    #expect(inspected.status == 0, "\(inspected.output)")
  }

  @Test(.enabled(if: program("umoci") != nil, "umoci is not installed"))
  func `umoci unpacks our layout`() async throws {
    try await writeAll()
    let (status, output) = try await run(
      "umoci", "unpack", "--rootless", "--image", "\(layout):v1", archive("bundle"), in: directory)
    #expect(status == 0, "\(output)")
    #expect(try contents(of: directory.appending("bundle/rootfs/file1")) == Array("two".utf8))
  }

  @Test(.enabled(if: program("podman") != nil && geteuid() == 0, "podman needs root here"))
  func `podman loads our archives under every name`() async throws {
    try await writeAll()
    for name in ["docker.tar", "oci.tar"] {
      let options = [
        "--root", archive("podman"), "--runroot", archive("podman-run"), "--storage-driver", "vfs",
      ]
      let (status, output) = try await run(
        "podman", options[0], options[1], options[2], options[3], options[4], options[5], "load",
        "-i", archive(name), in: directory)
      #expect(status == 0, "\(name): \(output)")
      if name == "docker.tar" {
        #expect(output.contains("docker.io/library/app:1"), "\(output)")
        #expect(output.contains("localhost:5000/team/app:2"), "\(output)")
      }
    }
  }
}
