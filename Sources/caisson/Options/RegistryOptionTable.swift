// SPDX-License-Identifier: Apache-2.0

import Sandboxing

/// What both commands that build understand of registries, and where both keep things.
enum SharedOptions {
  static let insecure = Option.flag(
    "insecure", .registry, "push to registries over plain HTTP")
  static let insecurePull = Option.flag(
    "insecure-pull", .registry, "pull from registries over plain HTTP")
  static let insecureRegistry = Option.value(
    "insecure-registry", "HOST", isRepeatable: true, .registry,
    "push to and pull from this registry over plain HTTP")
  static let skipTLSVerify = Option.flag(
    "skip-tls-verify", .registry, "do not check the certificates of registries")
  static let skipTLSVerifyPull = Option.flag(
    "skip-tls-verify-pull", .registry, "do not check certificates when pulling")
  static let skipTLSVerifyRegistry = Option.value(
    "skip-tls-verify-registry", "HOST", isRepeatable: true, .registry,
    "do not check the certificate of this registry")
  static let registryMirror = Option.value(
    "registry-mirror", "HOST[/PREFIX]", isRepeatable: true, .registry,
    "pull Docker Hub's images from here first")

  static let registry = [
    insecure, insecurePull, insecureRegistry, skipTLSVerify, skipTLSVerifyPull,
    skipTLSVerifyRegistry, registryMirror,
  ]

  static let reproducible = Option.flag(
    "reproducible", .build, "leave nothing in the image that depends on when it was built")
  static let ignoreFile = Option.value(
    "ignorefile", "FILE",
    standard: "DOCKERFILE.dockerignore, else .dockerignore of the context; or .containerignore",
    .input, "patterns of files to leave out of the context")
  static let store = Option.value(
    "store", "DIR",
    standard: "$CAISSON_STORE, else /var/lib/caisson for root and ~/.local/share/caisson",
    .build, "where layers and local images are kept")
  static let sandbox = Option.choice(
    "sandbox", SandboxRequest.allCases.map(\.rawValue),
    standard: "$CAISSON_SANDBOX, else auto", .build,
    "what RUN is confined by; auto takes the best that works, see caisson doctor")
}
