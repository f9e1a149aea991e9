// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

/// The same Dockerfile gives the same image, whatever the pod allows.
///
/// A case fails as well when it leaves a trace in the canary trees of its pod, or takes too long.
@Suite(.enabled(if: PodSurroundings.obstacle == nil, PodSurroundings.obstacle))
struct BuildTests {
  @Test(arguments: PodBuild.all(in: "Fixtures"))
  func `a pod builds the image that root builds`(_ c: PodBuild) async throws {
    let found = try await differencesFromReference(c)
    #expect(found == "")
  }

  @Test(arguments: PodBuild.all(in: "Hostile"))
  func `a pod survives a hostile step, and builds the image that root builds`(
    _ c: PodBuild
  ) async throws {
    let found = try await differencesFromReference(c)
    #expect(found == "")
  }

  @Test func `the tables have not shrunk`() {
    #expect(BuildCase.all(in: "Fixtures").count >= 18)
    #expect(BuildCase.all(in: "Hostile").count >= 9)
  }
}

/// What is wrong with the image of a pod; empty when nothing is.
private func differencesFromReference(_ c: PodBuild) async throws -> String {
  let surroundings = try await PodSurroundings.shared.value
  let expected = try await surroundings.referenceDigest(of: c.build)
  let built = try await c.pod.build(c.build)
  guard built.status == 0 else {
    return "exit status \(built.status): \(lastLines(of: built.errors))"
  }
  guard built.line != expected else { return "" }
  let compared = try await Command(
    Checkout.folder + "/scripts/imgdiff", "--times", try await Pod.machine.image(of: c.build),
    try await c.pod.image(of: c.build)
  ).run()
  let layers =
    try await layers(of: Pod.machine.image(of: c.build)) + " expected, not "
    + layers(of: c.pod.image(of: c.build))
  return """
    the digest is \(built.line), not \(expected)
    \(compared.output)\(compared.errors)\(layers)
    """
}

/// Equal trees may lie in unequal layers, and equal layers may be compressed differently.
private func layers(of image: String) async throws -> String {
  let inspect = ["skopeo", "inspect", "--tls-verify=false"]
  let manifest = try await Command(inspect + ["--raw", image]).run()
  let configuration = try await Command(inspect + ["--config", "--raw", image]).run()
  return manifest.output + configuration.output
}

/// A step that traces its commands says a lot before it fails.
private func lastLines(of text: String) -> String {
  text.split(separator: "\n").suffix(30).joined(separator: "\n")
}
