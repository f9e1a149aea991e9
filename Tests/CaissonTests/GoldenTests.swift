// SPDX-License-Identifier: Apache-2.0

import BuildPlanning
import Diagnostics
import DockerfileSyntax
import Glibc
import LinuxSystem
import OCI
import TestSupport
import Testing

@testable import caisson

/// What the program says of the Dockerfiles in Fixtures, word for word: the syntax tree
/// (`NAME.parse.json`), the plan (`NAME.plan.txt`), or what is wrong (`NAME.error.txt`).
///
/// With CAISSON_WRITE_GOLDEN set the files are written instead; look at the difference.
@Suite struct GoldenTests {
  private static let folder = Checkout.folder + "/Tests/CaissonTests/Fixtures"
  static let names: [String] = ((try? LinuxSystem.names(inDirectory: PathBytes(folder))) ?? [])
    .map(\.description).filter { $0.hasSuffix(".Dockerfile") }
    .map { String($0.dropLast(".Dockerfile".count)) }.sorted()

  @Test(arguments: names)
  func `a Dockerfile is read and planned as written down`(_ name: String) throws {
    let source = try Self.source(name)
    let outcome = Self.outcome(source)
    if name.hasPrefix("wrong-") {
      guard case .wrong(let text) = outcome else {
        Issue.record("nothing is wrong with it")
        return
      }
      try compare(text, name + ".error.txt")
      return
    }
    let dockerfile = try Dockerfile(parsing: source)
    let tree = try encodeJSON(syntaxTree(dockerfile), pretty: true)
    try compare(String(decoding: tree, as: UTF8.self) + "\n", name + ".parse.json")
    guard case .plan(let plan) = outcome else {
      Issue.record("it cannot be planned: \(outcome)")
      return
    }
    try compare(planText(plan), name + ".plan.txt")
    // What programs get must be JSON, and hold no credentials.
    let json = String(decoding: try planJSON(plan), as: UTF8.self)
    #expect(!json.contains("u:p@"))
  }

  @Test func `the tables have not shrunk`() {
    #expect(Self.names.count { $0.hasPrefix("wrong-") } >= 32)
    #expect(Self.names.count { !$0.hasPrefix("wrong-") } >= 16)
  }

  @Test func `the page of wrong Dockerfiles shows what the program says`() throws {
    var page = """
      # Wrong Dockerfiles, and what the program says

      Each message names what is wrong, where, and what to do. A test keeps this page as the program is.

      """
    for name in Self.names where name.hasPrefix("wrong-") {
      let source = try Self.source(name)
      guard case .wrong(let text) = Self.outcome(source) else { continue }
      let words = name.dropFirst("wrong-00-".count).replacing("-", with: " ")
      let title = words.prefix(1).uppercased() + words.dropFirst()
      let file = String(decoding: source.bytes, as: UTF8.self)
      page += "\n## \(title)\n\n```dockerfile\n\(file)```\n\n```text\n\(text)```\n"
    }
    try compare(page, at: Checkout.folder + "/docs/errors.md")
  }

  private enum Outcome {
    case plan(BuildPlan)
    case wrong(String)
  }

  private static func source(_ name: String) throws -> SourceText {
    let path = PathBytes(folder + "/\(name).Dockerfile")
    return SourceText(name: "Dockerfile", bytes: try contents(of: path))
  }

  /// Base images are all the same here.
  private static func outcome(_ source: SourceText) -> Outcome {
    do {
      let dockerfile = try Dockerfile(parsing: source)
      let platform = Platform(os: "linux", architecture: "amd64")
      let options = PlanningOptions(platform: platform, buildPlatform: platform)
      var images: [BaseImageRequest: BaseImage] = [:]
      while true {
        switch try BuildPlanning.plan(dockerfile, options: options, images: images) {
        case .plan(let plan, _): return .plan(plan)
        case .needs(let requests):
          for request in requests { images[request] = image(request) }
        }
      }
    } catch let error as any DiagnosticConvertible {
      return .wrong(source.located(error.diagnostic).rendered() + "\n")
    } catch {
      return .wrong("\(error)")
    }
  }

  private static func image(_ request: BaseImageRequest) -> BaseImage {
    var configuration = ImageConfiguration(platform: request.platform)
    configuration.config.setEnvironment("PATH", "/bin")
    configuration.config.command = ["sh"]
    return BaseImage(
      request: request, digest: Digest.of(Array(request.name.utf8)), configuration: configuration)
  }

  private func compare(_ text: String, _ name: String) throws {
    try compare(text, at: Self.folder + "/" + name)
  }

  private func compare(_ text: String, at path: String) throws {
    if getenv("CAISSON_WRITE_GOLDEN") != nil {
      let file = try FileDescriptor.open(
        PathBytes(path), flags: O_WRONLY | O_CREAT | O_TRUNC, mode: 0o644)
      try file.writeAll(Array(text.utf8))
    }
    let expected = String(decoding: try contents(of: PathBytes(path)), as: UTF8.self)
    #expect(text == expected, "\(path)")
  }
}
