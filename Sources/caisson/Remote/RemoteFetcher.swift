// SPDX-License-Identifier: Apache-2.0

import BuildExecution
import BuildPlanning
import Diagnostics
import Glibc
import Images
import LinuxSystem
import OCI
import Registry
import Synchronization

/// Fetches files over HTTP and repositories with git, and keeps what it got in the store.
final class RemoteFetcher: RemoteSources {
  let store: ContentStore
  private let client: HTTPClient
  /// Of the build: some are credentials, by the names BuildKit gives them.
  private let secrets: [String: BuildSecret]
  let environment: [String: String]
  private let running = Mutex<[RemoteFile: Task<FetchedFile, any Error>]>([:])

  init(
    store: ContentStore, options: HTTPOptions, secrets: [String: BuildSecret],
    environment: [String: String]
  ) {
    self.store = store
    client = HTTPClient(options)
    self.secrets = secrets
    self.environment = environment
  }

  /// The same file is fetched once in a build, however many steps name it.
  func fetch(_ file: RemoteFile) async throws -> FetchedFile {
    let task = running.withLock { running in
      if let known = running[file] { return known }
      let task = Task { try await download(file) }
      running[file] = task
      return task
    }
    return try await withTaskCancellationHandler {
      try await task.value
    } onCancel: {
      task.cancel()
    }
  }

  // MARK: - HTTP

  private static let mostRedirects = 10

  private func download(_ file: RemoteFile) async throws -> FetchedFile {
    let record = KeptAnswer.load(file.url, from: store).flatMap {
      $0.matches(file.checksum) ? $0 : nil
    }
    // Whatever the server has by now: it is the content that was asked for.
    if file.checksum != nil, let record { return record.file(in: store) }
    guard var url = HTTPURL(file.url) else { throw RemoteError.notAnAddress(file.shown) }
    var authorization = credentials(file.url, url)
    for _ in 0...Self.mostRedirects {
      let writer = try store.makeWriter(file.checksum?.algorithm ?? .sha256)
      var request = HTTPRequest(.get, url)
      request.isBulk = true
      request.authorization = authorization
      if let record { record.addConditions(to: &request.headers) }
      let response: HTTPResponse
      do {
        response = try await client.send(request) { _, bytes in try writer.write(bytes) }
      } catch let error as TransportError {
        throw RemoteError.transport(error, file.shown)
      }
      let head = response.head
      if head.status == 304, let record {
        return record.file(in: store)
      }
      if (300..<400).contains(head.status), let location = head.headers["location"],
        let target = url.resolving(location)
      {
        if url.origin.scheme == .https, target.origin.scheme == .http {
          throw RemoteError.redirectToPlainText(file.shown)
        }
        if target.origin != url.origin { authorization = nil }
        url = target
        continue
      }
      guard head.isSuccess else { throw RemoteError.status(head.status, file.shown) }
      return try keep(writer, head, file, url).file(in: store)
    }
    throw RemoteError.tooManyRedirects(file.shown)
  }

  private func keep(
    _ writer: BlobWriter, _ head: ResponseHead, _ file: RemoteFile, _ url: HTTPURL
  ) throws -> KeptAnswer {
    if let length = head.headers["content-length"].flatMap({ Int64($0) }),
      head.headers["content-encoding"] == nil, length != writer.sizeInBytes
    {
      throw RemoteError.transport(.broken(reason: "the answer is cut off"), file.shown)
    }
    do {
      let written = try writer.commit(digest: file.checksum)
      let answer = KeptAnswer(
        digest: written.digest.description, sizeInBytes: written.sizeInBytes,
        name: fileName(head.headers["content-disposition"], HTTPURL(file.url) ?? url),
        entityTag: head.headers["etag"], lastModified: head.headers["last-modified"])
      try answer.save(file.url, to: store)
      return answer
    } catch ContentError.digestMismatch(let expected, let actual) {
      throw RemoteError.wrongChecksum(
        file.shown, expected: expected.description, actual: actual.description)
    }
  }

  /// User and password of the address, else the secrets `HTTP_AUTH_TOKEN_` and `HTTP_AUTH_HEADER_`
  /// with the host behind.
  private func credentials(_ text: String, _ url: HTTPURL) -> Secret? {
    if let login = UserInformation(of: text)?.text {
      return basicAuthorization(percentDecoded(login))
    }
    let host = url.origin.host
    func secret(_ name: String) -> String? {
      secrets[name + host].flatMap { String(validating: $0.revealed, as: UTF8.self) }.map {
        String($0.drop(while: \.isWhitespace).prefix { !$0.isNewline })
      }
    }
    if let header = secret("HTTP_AUTH_HEADER_") { return Secret(header) }
    return secret("HTTP_AUTH_TOKEN_").map { Secret("Bearer " + $0) }
  }
}

/// The last part of the address as it is written, wherever it redirects; what the server calls the file
/// when the address has no path.
func fileName(_ disposition: String?, _ url: HTTPURL) -> String {
  let written = PathBytes(percentDecoded(url.path)).components.last?.description ?? ""
  let name = written.isEmpty ? PathBytes(dispositionName(disposition)).name.description : written
  let isUsable = name != "." && name != ".." && !name.utf8.contains(0)
  return isUsable ? name : ""
}

/// RFC 6266, section 4.3: `attachment; filename="NAME"`, in any case.
private func dispositionName(_ disposition: String?) -> String {
  let bytes = Array((disposition ?? "").utf8)
  let small = bytes.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }
  guard let mark = small.firstRange(of: Array("filename=".utf8)) else { return "" }
  let rest = bytes[mark.upperBound...]
  let quote = UInt8(ascii: "\"")
  let name =
    rest.first == quote
    ? rest.dropFirst().prefix { $0 != quote } : rest.prefix { $0 != UInt8(ascii: ";") }
  return String(decoding: name, as: UTF8.self)
}
