// SPDX-License-Identifier: Apache-2.0

import LinuxSystem
import TestSupport
import Testing

/// A folder below Fixtures: a Dockerfile, and perhaps a context, options and corrections.
///
/// - `Dockerfile`, and `context/` for the build context.
/// - `prepare`: a shell script that completes the context with what git cannot keep.
/// - `options`: arguments of both builders, one a line; `@CASE@` stands for the folder.
/// - `reference.Dockerfile`, `reference.options`: the same said in buildah's words.
/// - `expect.json`: where buildah departs from BuildKit, and what is right (`scripts/imgdiff --amend`).
struct ReferenceCase: Sendable, CustomTestStringConvertible {
  var name: String
  var folder: String { Self.fixtures + "/" + name }
  var testDescription: String { name }

  static let fixtures = Surroundings.package + "/Tests/EndToEndTests/Fixtures"
  static let all = ((try? names(inDirectory: PathBytes(fixtures))) ?? []).sorted().map {
    ReferenceCase(name: $0.description)
  }

  func options() throws -> [String] {
    let path = folder + "/options"
    guard exists(PathBytes(path)) else { return [] }
    return try text(of: path).split(separator: "\n").map {
      String($0).replacing("@CASE@", with: folder)
    }
  }

  /// Arguments of `build` up to the context.
  func arguments(_ surroundings: Surroundings) throws -> [String] {
    try ["build", "--progress", "plain", "-f", folder + "/Dockerfile"] + surroundings.baseArguments
      + options()
  }

  func makeContext(at path: String) async throws {
    let made = try await Command(Surroundings.package + "/scripts/context", folder, path).run()
    guard made.status == 0 else { throw Failure("no context for \(name): \(made.errors)") }
  }
}

/// The lines in which two images differ; empty when they do not.
func differences(expected: String, actual: String, options: [String] = []) async throws -> String {
  let cache = Surroundings.package + "/.build/imgdiff"
  let script = Surroundings.package + "/scripts/imgdiff"
  let compared = try await Command([script, "--cache", cache] + options + [expected, actual]).run()
  return compared.status == 0 ? "" : compared.output + compared.errors
}

@Suite(.enabled(if: Surroundings.obstacle == nil, Surroundings.obstacle))
struct ReferenceTests {
  @Test(arguments: ReferenceCase.all)
  func `a Dockerfile gives the image that the reference builder makes of it`(
    _ c: ReferenceCase
  ) async throws {
    let surroundings = try await Surroundings.shared.value
    let found = try await compare(c, surroundings)
    #expect(found == "")
  }

  @Test func `the table has not shrunk`() {
    #expect(ReferenceCase.all.count >= 90)
  }

  private func compare(_ c: ReferenceCase, _ surroundings: Surroundings) async throws -> String {
    let folder = try TemporaryFolder()
    try await c.makeContext(at: folder.path + "/context")
    let image = folder.path + "/image"
    let built = try await surroundings.caisson(
      c.arguments(surroundings)
        + ["--output", "type=oci,tar=false,dest=" + image, folder.path + "/context"]
    ).run()
    guard built.status == 0 else { return "exit status \(built.status): \(built.errors)" }

    let reference = try await Command(
      Surroundings.package + "/scripts/reference", c.folder, surroundings.registry
    ).run()
    guard reference.status == 0 else { throw Failure(reference.errors) }
    let amendment = c.folder + "/expect.json"
    return try await differences(
      expected: reference.line, actual: image,
      options: exists(PathBytes(amendment)) ? ["--amend", amendment] : [])
  }
}
