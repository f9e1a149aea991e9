// SPDX-License-Identifier: Apache-2.0

import Glibc
import Images
import LinuxSystem
import OCI
import TestSupport
import Testing

/// What is left when writing fails in the middle. A limit on the size of files stands for a full
/// disk; it holds for a whole process, so each case has its own.
@Suite struct FaultTests {
  @Test(arguments: ["docker", "oci-archive", "layout", "store"])
  func `a disk that is full leaves the old state and no temporary file`(_ kind: String)
    async throws
  {
    let directory = try TemporaryDirectory()
    let path = directory.path.description
    await #expect(processExitsWith: .success) { [path = path as String, kind = kind as String] in
      let directory = PathBytes(path)
      let store = try ContentStore(directory: directory.appending("store"))
      let sample = try Sample(in: store, texts: [String(repeating: "x", count: 200_000)])
      let out = directory.appending("out")
      try makeDirectory(out)
      let target = out.appending("target")
      let name = ImageReference(registry: "localhost", repository: "app", tag: "1")
      let destination: any ImageDestination =
        switch kind {
        case "docker": DockerArchiveDestination(file: target, names: [name], workers: workers)
        case "oci-archive": LayoutArchiveDestination(file: target, name: nil, workers: workers)
        case "layout": LayoutDestination(directory: out, name: nil, workers: workers)
        default:
          StoreDestination(store: try ContentStore(directory: out), names: [name], workers: workers)
        }
      signal(SIGXFSZ, SIG_IGN)
      var limit = rlimit(rlim_cur: 100_000, rlim_max: 100_000)
      try retrying("setrlimit") { setrlimit(__rlimit_resource_t(1), &limit) }
      await #expect(throws: SystemError.self) {
        try await sample.write(to: destination, from: store)
      }
      let left = try files(below: out).filter { $0.name != "oci-layout" }
      #expect(left.isEmpty, "\(left)")
    }
  }
}

/// The regular files of a tree.
private func files(below directory: PathBytes) throws -> [PathBytes] {
  try names(inDirectory: directory).flatMap { name in
    let path = directory.appending(name)
    return try FileStatus(of: path).kind == .directory ? files(below: path) : [path]
  }
}
