// SPDX-License-Identifier: Apache-2.0

import BuildPlanning
import Diagnostics
import DockerfileChecks
import DockerfileSyntax
import Glibc
import LinuxSystem
import OCI

/// What libFuzzer calls with each input. Nothing may trap; errors are fine.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  target.run(Array(UnsafeBufferPointer(start: start, count: count)))
  return 0
}

/// `$CAISSON_FUZZ_TARGET`.
private let target: Target = {
  guard let name = getenv("CAISSON_FUZZ_TARGET"), let target = Target(rawValue: String(cString: name))
  else { fatalError("CAISSON_FUZZ_TARGET is one of \(Target.allCases.map(\.rawValue))") }
  return target
}()

enum Target: String, CaseIterable {
  /// Dockerfile, plan and rules.
  case dockerfile
  /// A word, with both quotings.
  case expansion
  /// Patterns, then paths behind an empty line.
  case ignore
  /// A symbolic mode, a size, and an address.
  case values

  func run(_ bytes: [UInt8]) {
    switch self {
    case .dockerfile: Self.runDockerfile(bytes)
    case .expansion: Self.runExpansion(bytes)
    case .ignore: Self.runIgnore(bytes)
    case .values: Self.runValues(bytes)
    }
  }

  private static func runDockerfile(_ bytes: [UInt8]) {
    let source = SourceText(name: "Dockerfile", bytes: bytes)
    do {
      let dockerfile = try Dockerfile(parsing: source)
      for instruction in dockerfile.instructions { check(instruction.range, source) }
      _ = DockerfileChecks.check(CheckedDockerfile(dockerfile), RuleSelection())
      _ = try plan(dockerfile)
    } catch let error as any DiagnosticConvertible {
      _ = source.located(error.diagnostic).rendered()
    } catch {
      fatalError("an error without words: \(error)")
    }
  }

  private static func check(_ range: SourceRange, _ source: SourceText) {
    precondition(range.start <= range.end, "\(range)")
    _ = source.located(Diagnostic("x", at: range)).rendered()
  }

  private static func plan(_ dockerfile: Dockerfile) throws -> BuildPlan {
    let platform = Platform(os: "linux", architecture: "amd64")
    let options = PlanningOptions(
      buildArguments: [(name: "A", value: "$B"), (name: "B", value: "*?[\\/")], platform: platform,
      buildPlatform: platform)
    var images: [BaseImageRequest: BaseImage] = [:]
    while true {
      switch try BuildPlanning.plan(dockerfile, options: options, images: images) {
      case .plan(let plan, _): return plan
      case .needs(let requests):
        for request in requests {
          images[request] = BaseImage(
            request: request, digest: Digest.of([]),
            configuration: ImageConfiguration(platform: request.platform))
        }
      }
    }
  }

  private static func runExpansion(_ bytes: [UInt8]) {
    guard let text = String(validating: bytes, as: UTF8.self) else { return }
    let variables = ["A": "value", "B": "", "C": "a.b.c/d*?[x]", "D": "\u{301}é🏴󠁧󠁢󠁥󠁮󠁧󠁿"]
    for quotes in [Expansion.Quotes.removed, .ordinary] {
      for escape in [UInt8(ascii: "\\"), UInt8(ascii: "`")] {
        let expansion = Expansion(variables: variables, escape: escape, quotes: quotes)
        do throws(ExpansionError) {
          let result = try expansion.expand(text)
          precondition(result.utf8.count <= Expansion.longestResult * 2)
        } catch {
          precondition((0...max(0, bytes.count)).contains(error.offset), "\(error)")
        }
      }
    }
  }

  private static func runIgnore(_ bytes: [UInt8]) {
    let parts = bytes.split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false)
    guard let file = try? IgnoreFile(parsing: Array(parts[0]), name: "ignore") else { return }
    let paths = parts.count > 1 ? parts[1].split(separator: 0).map { PathBytes(Array($0)) } : []
    for path in [PathBytes("a/b/c"), PathBytes("x")] + paths {
      let clean = path.normalizedInRoot
      if file.filter.excludes(clean), !file.filter.mayInclude(below: clean) {
        precondition(clean.isEmpty || file.filter.excludes(clean.appending("z")))
      }
    }
  }

  private static func runValues(_ bytes: [UInt8]) {
    guard let text = String(validating: bytes, as: UTF8.self) else { return }
    if let mode = FileMode(text) {
      for before: UInt32 in [0, 0o644, 0o7777] {
        for isDirectory in [false, true] {
          precondition(mode.applied(to: before, isDirectory: isDirectory) <= 0o7777)
        }
      }
    }
    _ = sizeInBytes(text)
    _ = try? GitRepository(text)
    _ = withoutCredentials(text)
    _ = ImageReference(text)
    _ = Platform(text)
  }
}
