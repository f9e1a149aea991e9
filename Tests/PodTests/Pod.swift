// SPDX-License-Identifier: Apache-2.0

import LinuxSystem
import TestSupport
import Testing

/// A kind of pod as `run-pod` names it; or no pod, but this machine with all of root's rights.
struct Pod: Hashable, Sendable, CustomTestStringConvertible {
  var kind: String
  /// Asks for the virtual sandbox where namespaces are to be had.
  var insistsOnVirtual = false
  var testDescription: String { insistsOnVirtual ? kind + "-virtual" : kind }

  static let machine = Pod(kind: "machine")
  static let kinds = [
    "restricted", "read-only", "openshift", "root", "few-capabilities", "no-capabilities",
    "user-namespace", "privileged",
  ].map { Pod(kind: $0) }

  /// Those an image is built in.
  static let builders = kinds + [Pod(kind: "privileged", insistsOnVirtual: true)]

  static let script = Checkout.folder + "/Tests/PodTests/run-pod"

  /// Runs a command of the pod's image, or of the test programs, which are in /pod-tests.
  func run(_ command: String..., options: [String] = []) async throws -> Command.Result {
    let surroundings = try await PodSurroundings.shared.value
    return try await Command(
      [Self.script, "--root", surroundings.root] + options + [kind, "--"] + command
    ).run()
  }

  /// Builds a case in the pod and pushes it to the registry; the last line of output is its digest.
  func build(_ c: BuildCase, options: [String] = []) async throws -> Command.Result {
    let surroundings = try await PodSurroundings.shared.value
    return try await Command(
      [
        Self.script, "--root", surroundings.root, "--registry", surroundings.registry, "--push",
        "--state", surroundings.folder + "/pods/" + testDescription, "--timeout", c.timeout,
      ] + (insistsOnVirtual ? ["--sandbox", "virtual"] : []) + options + [kind, c.folder]
    ).run()
  }

  /// What ``build(_:)`` pushed, for programs that compare images.
  func image(of c: BuildCase) async throws -> String {
    let surroundings = try await PodSurroundings.shared.value
    return "docker://\(surroundings.registry)/pods/\(kind):\(c.name)"
  }
}

/// A folder below Fixtures, Hostile or Failing.
///
/// - `Dockerfile`, and `context/` for the build context; the bases are its arguments.
/// - `prepare`: a shell script that completes the context; `$PROGRAMS` has the programs of `Programs`.
/// - `options`: further arguments of the builder, one a line.
/// - `pods`: the kinds of pods to build it in, one a line; without that all.
struct BuildCase: Hashable, Sendable, CustomTestStringConvertible {
  var suite: String
  var name: String
  var folder: String { Self.folder(of: suite) + "/" + name }
  var testDescription: String { name }

  /// In seconds, after which all processes of the pod are killed and the case has failed.
  var timeout: String { name == "apt" ? "400" : "150" }

  static func all(in suite: String) -> [BuildCase] {
    ((try? names(inDirectory: PathBytes(folder(of: suite)))) ?? []).sorted().map {
      BuildCase(suite: suite, name: $0.description)
    }
  }

  func isFor(_ pod: Pod) -> Bool {
    guard let listed = try? text(of: folder + "/pods") else { return true }
    return listed.split(separator: "\n").contains { $0 == pod.kind }
  }

  private static func folder(of suite: String) -> String {
    Checkout.folder + "/Tests/PodTests/" + suite
  }
}

/// One case in one pod.
struct PodBuild: Sendable, CustomTestStringConvertible {
  var pod: Pod
  var build: BuildCase
  var testDescription: String { "\(build.name) in \(pod.testDescription)" }

  /// Case by case, so that the pods of a case wait for the reference image only once.
  static func all(in suite: String) -> [PodBuild] {
    BuildCase.all(in: suite).flatMap { build in
      Pod.builders.filter(build.isFor).map { PodBuild(pod: $0, build: build) }
    }
  }
}
