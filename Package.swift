// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0

import PackageDescription

// The same define on every target: without it debug builds and the C shims disagree about glibc's
// structures (see docs/decisions/0002-gnu-source-everywhere.md).
let gnu: [CSetting] = [.define("_GNU_SOURCE")]
let strict: [SwiftSetting] = [
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("ExistentialAny"),
]

/// A Swift module: which modules and libraries it may import is the law of the house.
func module(_ name: String, _ imports: [Target.Dependency]) -> Target {
  .target(name: name, dependencies: imports, cSettings: gnu, swiftSettings: strict)
}

func tests(
  _ name: String, _ imports: [Target.Dependency], fixtures: [String] = []
) -> Target {
  .testTarget(
    name: name, dependencies: imports, exclude: fixtures, cSettings: gnu, swiftSettings: strict)
}

func library(_ name: String, pkgConfig: String, package: String) -> Target {
  .systemLibrary(name: name, pkgConfig: pkgConfig, providers: [.apt([package])])
}

let base: [Target.Dependency] = ["OCI", "LinuxSystem", "Diagnostics"]

let package = Package(
  name: "caisson",
  products: [.executable(name: "caisson", targets: ["caisson"])],
  targets: [
    // C: one module per library, one owner each.
    .target(name: "CLinuxShims", cSettings: gnu),
    .target(name: "CVirtualRoot", cSettings: gnu),
    library("CCrypto", pkgConfig: "libcrypto", package: "libssl-dev"),
    library("CISAL", pkgConfig: "libisal", package: "libisal-dev"),
    library("CZstd", pkgConfig: "libzstd", package: "libzstd-dev"),
    library("CLZMA", pkgConfig: "liblzma", package: "liblzma-dev"),
    // libbz2 has no file for pkg-config.
    .systemLibrary(name: "CBzip2", providers: [.apt(["libbz2-dev"])]),
    library("CCurl", pkgConfig: "libcurl", package: "libcurl4-openssl-dev"),

    // Base.
    module("Diagnostics", []),
    module("LinuxSystem", ["CLinuxShims"]),
    module("OCI", ["CCrypto"]),

    // The parts.
    module("RecordedFiles", ["LinuxSystem", "Diagnostics", "CLinuxShims"]),
    module("DockerfileSyntax", ["LinuxSystem", "Diagnostics"]),
    module("Images", base),
    module("Layers", base + ["RecordedFiles", "CISAL", "CZstd", "CLZMA", "CBzip2"]),
    module("VirtualRoot", ["LinuxSystem", "RecordedFiles", "CLinuxShims", "CVirtualRoot"]),
    module("Sandboxing", base + ["RecordedFiles", "VirtualRoot", "CLinuxShims"]),
    module("Registry", base + ["Images", "CCurl"]),
    module("DockerfileChecks", base + ["DockerfileSyntax"]),
    module("BuildPlanning", base + ["DockerfileSyntax"]),
    module(
      "BuildExecution",
      base + ["BuildPlanning", "Images", "Layers", "RecordedFiles", "Sandboxing"]),
    .executableTarget(
      name: "caisson",
      dependencies: base + [
        "DockerfileSyntax", "DockerfileChecks", "BuildPlanning", "BuildExecution", "Images",
        "Layers", "Registry", "Sandboxing",
      ],
      cSettings: gnu, swiftSettings: strict),

    // Tests.
    .target(
      name: "TestSupport", dependencies: ["LinuxSystem"], path: "Tests/TestSupport",
      cSettings: gnu, swiftSettings: strict),
    .executableTarget(
      name: "SandboxTestProgram", dependencies: base + ["RecordedFiles", "Sandboxing"],
      path: "Tests/SandboxTestProgram", cSettings: gnu, swiftSettings: strict),
    .executableTarget(
      name: "RecordedTreeTestProgram", dependencies: base + ["Layers", "RecordedFiles"],
      path: "Tests/RecordedTreeTestProgram", cSettings: gnu, swiftSettings: strict),
    tests("DiagnosticsTests", ["Diagnostics"]),
    tests("OCITests", ["OCI"]),
    tests("LinuxSystemTests", ["LinuxSystem", "TestSupport"]),
    tests("RecordedFilesTests", ["RecordedFiles", "LinuxSystem", "TestSupport"]),
    tests("DockerfileSyntaxTests", ["DockerfileSyntax", "LinuxSystem", "Diagnostics"]),
    tests("DockerfileChecksTests", base + ["DockerfileChecks", "DockerfileSyntax"]),
    tests("ImagesTests", base + ["Images", "TestSupport"]),
    tests(
      "LayersTests", base + ["Layers", "RecordedFiles", "RecordedTreeTestProgram", "TestSupport"]),
    tests(
      "VirtualRootTests",
      [
        "VirtualRoot", "RecordedFiles", "LinuxSystem", "CLinuxShims", "CVirtualRoot",
        "TestSupport",
      ]),
    tests("SandboxingTests", base + ["RecordedFiles", "Sandboxing", "SandboxTestProgram"]),
    tests("RegistryTests", base + ["Images", "Registry"]),
    tests("BuildPlanningTests", base + ["BuildPlanning", "DockerfileSyntax"]),
    tests(
      "BuildExecutionTests",
      base + [
        "BuildExecution", "BuildPlanning", "Images", "Layers", "RecordedFiles", "Sandboxing",
        "TestSupport",
      ]),
    tests(
      "CaissonTests",
      base + [
        "caisson", "BuildExecution", "BuildPlanning", "DockerfileChecks", "DockerfileSyntax",
        "Images", "Sandboxing", "TestSupport",
      ], fixtures: ["Fixtures"]),
    tests(
      "EndToEndTests", base + ["TestSupport"], fixtures: ["Fixtures", "agent-server", "web-server"]),
    tests(
      "PodTests", base + ["TestSupport"],
      fixtures: [
        "Fixtures", "Hostile", "Failing", "Programs", "pods", "run-pod", "pod-root", "pod-programs",
        "seccomp-profile",
      ]),
  ],
  swiftLanguageModes: [.v6]
)

// Built by scripts/fuzz alone: libFuzzer brings its own main.
if Context.environment["CAISSON_FUZZ"] != nil {
  package.targets.append(
    .executableTarget(
      name: "Fuzzing",
      dependencies: base + ["BuildPlanning", "DockerfileChecks", "DockerfileSyntax"],
      path: "Fuzzing", exclude: ["Corpus"], cSettings: gnu,
      swiftSettings: strict + [.unsafeFlags(["-parse-as-library"])]))
}
