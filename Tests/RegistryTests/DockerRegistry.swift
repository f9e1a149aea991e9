// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem

/// Debian's `docker-registry` on a free loopback port, with storage of its own.
final class DockerRegistry: Sendable {
  struct Options {
    /// The registry gets a certificate of its own for `localhost` and 127.0.0.1.
    var usesTLS = false
    var username: String?
    var password = ""
  }

  static let program = "/usr/bin/docker-registry"
  static var isInstalled: Bool { exists(PathBytes(program)) }

  let authority: String
  let directory: PathBytes
  private let process: pid_t

  struct CannotStart: Error { var words: [String] }

  private init(_ options: Options) throws {
    let directory = try makeTemporaryDirectory()
    self.directory = directory
    var config = """
      version: 0.1
      storage:
        filesystem: {rootdirectory: \(directory)/storage}
        delete: {enabled: true}
      http:
        addr: 127.0.0.1:0

      """
    if options.usesTLS {
      try run([
        "/usr/bin/openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
        "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=localhost",
        "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", "\(directory)/key.pem",
        "-out", "\(directory)/cert.pem",
      ])
      config += "  tls: {certificate: \(directory)/cert.pem, key: \(directory)/key.pem}\n"
    }
    if let username = options.username {
      try run([
        "/usr/bin/htpasswd", "-Bbc", "\(directory)/htpasswd", username, options.password,
      ])
      config += "auth:\n  htpasswd: {realm: test, path: \(directory)/htpasswd}\n"
    }
    let file = try FileDescriptor.open(
      directory.appending("config.yml"), flags: O_WRONLY | O_CREAT)
    try file.writeAll(Array(config.utf8))

    var ends: [Int32] = [0, 0]
    try retrying("pipe") { pipe2(&ends, O_CLOEXEC) }
    process = try spawn([Self.program, "serve", "\(directory)/config.yml"], output: ends[1])
    close(ends[1])
    authority = "127.0.0.1:\(try listeningPort(FileDescriptor(owning: ends[0])))"
  }

  /// Runs `body` with a registry that is gone when it ends.
  static func serving(
    _ options: Options = Options(), _ body: (DockerRegistry) async throws -> Void
  ) async throws {
    let registry = try DockerRegistry(options)
    defer { registry.stop() }
    try await body(registry)
  }

  private func stop() {
    kill(process, SIGKILL)
    waitpid(process, nil, 0)
    try? removeTree(directory)
  }
}

/// Reads the log up to the line that names the port; the rest is read and dropped.
private func listeningPort(_ log: consuming FileDescriptor) throws -> UInt16 {
  var text: [UInt8] = []
  var piece = [UInt8](repeating: 0, count: 4096)
  let mark = Array("listening on 127.0.0.1:".utf8)
  while true {
    let count = try piece.withUnsafeMutableBytes { try log.read(into: $0) }
    guard count > 0 else {
      throw DockerRegistry.CannotStart(words: [String(decoding: text, as: UTF8.self)])
    }
    text += piece[..<count]
    guard let range = text.firstRange(of: mark) else { continue }
    let digits = text[range.upperBound...].prefix { (0x30...0x39).contains($0) }
    guard range.upperBound + digits.count < text.count,
      let port = UInt16(String(decoding: digits, as: UTF8.self))
    else { continue }
    let number = log.release()
    startThread {
      let log = FileDescriptor(owning: number)
      var piece = [UInt8](repeating: 0, count: 4096)
      while let count = try? piece.withUnsafeMutableBytes({ try log.read(into: $0) }), count > 0 {}
    }
    return port
  }
}

private func spawn(_ words: [String], output: Int32) throws -> pid_t {
  var actions = posix_spawn_file_actions_t()
  posix_spawn_file_actions_init(&actions)
  defer { posix_spawn_file_actions_destroy(&actions) }
  posix_spawn_file_actions_adddup2(&actions, output, 1)
  posix_spawn_file_actions_adddup2(&actions, output, 2)
  let arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
  defer { for argument in arguments { free(argument) } }
  var process = pid_t()
  guard posix_spawn(&process, words[0], &actions, nil, arguments, nil) == 0 else {
    throw DockerRegistry.CannotStart(words: words)
  }
  return process
}

private func run(_ words: [String]) throws {
  let null = try FileDescriptor.open("/dev/null", flags: O_WRONLY)
  let process = try spawn(words, output: null.number)
  var status: Int32 = 0
  waitpid(process, &status, 0)
  guard status == 0 else { throw DockerRegistry.CannotStart(words: words) }
}
