// SPDX-License-Identifier: Apache-2.0

import BuildPlanning
import Diagnostics
import Images
import LinuxSystem
import OCI
import Sandboxing

/// Everything a build was asked for, whichever command asked. Paths are absolute, values of the
/// environment are filled in; nothing was looked up on disk yet.
struct BuildOptions: Hashable, Sendable {
  var command: BuildCommand
  var context: ContextLocation
  /// Relative to the context's root, without `..`.
  var contextSubPath: String?
  var dockerfile: DockerfileLocation
  /// Absent: `<Dockerfile>.dockerignore`, else `.dockerignore` of the context; in each place, else
  /// `.containerignore`.
  var ignoreFile: PathBytes?
  var namedContexts: [String: NamedContext] = [:]
  /// Names are unique, the last value given.
  var buildArguments: [String: String] = [:]
  /// Absent: the last stage.
  var target: String?
  /// What the image is for; of several, an index.
  var platforms: [Platform]
  var labels: [String: String] = [:]
  /// Of the manifests.
  var annotations: [String: String] = [:]
  /// Of the index of several images.
  var indexAnnotations: [String: String] = [:]
  var commands = CommandOptions()
  /// Seconds since 1970.
  var sourceDateEpoch: Int64?
  var isReproducible = false
  /// One layer a stage.
  var takesSingleSnapshot = false
  /// Absent: like the base image.
  var imageFormat: ImageFormat?
  var sandbox = SandboxRequest.auto
  var store: PathBytes
  /// Where a store that ends with the build is made when ``store`` cannot be written to; the first
  /// that can be is taken. Empty when somebody said where the store is.
  var temporaryStorePlaces: [PathBytes] = []
  var registry = RegistryAccess()
  /// Where the image goes; may be empty (`--no-push`).
  var destinations: [BuildDestination] = []
  /// The names the image was given, pushed or not.
  var reportedNames: [ImageReference] = []
  var reports = ReportFiles()
  var display: DisplayOptions

  /// Whether the image itself goes to standard output, so that nothing else may.
  var writesImageToStandardOutput: Bool {
    destinations.contains { destination in
      switch destination {
      case .archive(.standardOutput, _, _), .rootArchive(.standardOutput): true
      default: false
      }
    }
  }
}

/// The command whose rules hold for exit codes, log lines and defaults.
enum BuildCommand: Hashable, Sendable {
  case build, executor
}

enum ContextLocation: Hashable, Sendable {
  case directory(PathBytes)
  /// A tar archive, compressed or not.
  case archive(PathBytes)
  /// A tar archive, compressed or not, or a Dockerfile alone (not for the executor).
  case standardInput
  case repository(GitRepository)
  /// Of the same.
  case address(String)

  /// Whether it is of somebody else's making: its links mean nothing on this machine.
  var isFetched: Bool {
    if case .directory = self { false } else { true }
  }
}

enum DockerfileLocation: Hashable, Sendable {
  enum Candidate: Hashable, Sendable {
    case file(PathBytes)
    /// Relative to the context's root.
    case inContext(String)
  }

  case standardInput
  case address(String)
  /// The first that exists is meant.
  case firstOf([Candidate])
}

/// Another context, by the name FROM and `COPY --from` use.
enum NamedContext: Hashable, Sendable {
  case directory(PathBytes)
  case repository(GitRepository)
  /// Of a tar archive.
  case address(String)
  case image(ImageReference)
  /// An OCI image layout; `selector` is a tag or digest.
  case layout(PathBytes, selector: String?)
  /// An archive of images, or a name in the local store.
  case located(ImageLocation)
  /// A root file system: a directory, or a tar archive of one.
  case rootFileSystem(PathBytes)
}

enum OutputFile: Hashable, Sendable {
  case path(PathBytes)
  case standardOutput
}

enum ArchiveFormat: Hashable, Sendable {
  /// An OCI image layout in a tar archive.
  case oci
  /// What `docker load` reads.
  case docker
}

enum BuildDestination: Hashable, Sendable {
  case registry(ImageReference)
  /// The local store; without a name the image is found by its digest.
  case store(names: [ImageReference])
  /// An OCI image layout directory.
  case layout(PathBytes, names: [ImageReference])
  case archive(OutputFile, ArchiveFormat, names: [ImageReference])
  /// The files of the image, without the image.
  case rootDirectory(PathBytes)
  case rootArchive(OutputFile)
}

/// How registries are spoken to.
struct RegistryAccess: Hashable, Sendable {
  var usesHTTPForPush = false
  var usesHTTPForPull = false
  var insecureHosts: Set<String> = []
  var skipsTLSVerificationForPush = false
  var skipsTLSVerificationForPull = false
  var unverifiedHosts: Set<String> = []
  /// For Docker Hub: `host[/prefix]`, tried in order.
  var mirrors: [String] = []
  /// The first that exists holds the credentials.
  var credentialFiles: [PathBytes] = []
  /// The content of a configuration file, which goes before the files.
  var inlineCredentials: Secret?
  var proxies = ProxyAddresses()
  /// Files with PEM certificates, and directories of such files, to trust instead of the system's.
  var certificatePlaces: [PathBytes] = []
  /// What asked for the build, told to registries behind the program's own name.
  var upstreamClient: String?
}

/// Proxies for registries, by the scheme of the registry; a URL may hold a password.
struct ProxyAddresses: Hashable, Sendable {
  var http: Secret?
  var https: Secret?
  /// Hosts, domains and CIDR blocks between commas that are reached directly.
  var exceptions: String?
}

/// Files that say what was built.
struct ReportFiles: Hashable, Sendable {
  var digest: PathBytes?
  var nameWithDigest: PathBytes?
  var nameAndTagWithDigest: PathBytes?
  var imageID: PathBytes?
  var metadata: PathBytes?
}

struct DisplayOptions: Hashable, Sendable {
  enum Style: Hashable, Sendable {
    case progress(ProgressStyle)
    /// kaniko's log lines.
    case log(LogFormat, hasTimestamps: Bool)
  }

  var style: Style
  var level: Log.Level
}

enum ProgressStyle: String, Hashable, Sendable {
  case auto, tty, plain, json, quiet
}

enum LogFormat: String, Hashable, Sendable {
  case text, color, json
}
