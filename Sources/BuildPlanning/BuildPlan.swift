// SPDX-License-Identifier: Apache-2.0

import Diagnostics
import OCI

/// What to do, decided entirely from values: nothing here was read from a disk or a network.
///
/// Every variable is expanded, every stage reference resolved, every trigger of a base unfolded.
package struct BuildPlan: Hashable, Sendable {
  /// The stages that are needed, each after those it uses.
  package var stages: [Stage]
  /// The stages whose images are the result: one, but for plans of several platforms.
  package var targets: [Stage.ID]

  package init(stages: [Stage], target: Stage.ID) {
    self.init(stages: stages, targets: [target])
  }

  init(stages: [Stage], targets: [Stage.ID]) {
    self.stages = stages
    self.targets = targets
  }

  /// The names of the contexts that are directories and that a step takes files from, in order.
  package var namedContexts: [String] {
    let names = stages.flatMap(\.steps).flatMap(\.action.origins).compactMap { origin in
      if case .namedContext(let name) = origin { name } else { nil }
    }
    return Set(names).sorted()
  }
}

/// One `FROM` and what follows it.
package struct Stage: Hashable, Sendable {
  /// The position of the stage in the Dockerfile, from 0.
  package struct ID: Hashable, Sendable, CustomStringConvertible {
    package var index: Int
    package init(_ index: Int) { self.index = index }
    package var description: String { String(index) }
  }

  package enum Base: Hashable, Sendable {
    case scratch
    case image(BaseImage)
    case stage(Stage.ID)
  }

  package var id: ID
  /// In the Dockerfile, from 0: ``id`` is another one where plans were merged.
  package var position: Int
  /// As written behind `AS`.
  package var name: String?
  package var base: Base
  package var platform: Platform
  package var steps: [Step]
  /// What the image will be configured with once the steps are done. `diffIDs`, `history` and
  /// `created` are still those of the base image (empty for scratch); execution appends to them.
  package var configuration: ImageConfiguration
  /// The `FROM` instruction.
  package var source: SourceRange

  package init(
    id: ID, name: String?, base: Base, platform: Platform, steps: [Step],
    configuration: ImageConfiguration, source: SourceRange
  ) {
    self.id = id
    position = id.index
    self.name = name
    self.base = base
    self.platform = platform
    self.steps = steps
    self.configuration = configuration
    self.source = source
  }
}

/// An image that planning asks for by name and is given as a value.
package struct BaseImageRequest: Hashable, Sendable {
  /// As written in the Dockerfile after expansion: `debian:12`, or the name of a named context.
  package var name: String
  package var platform: Platform
  /// The instruction that asks for it.
  package var source: SourceRange

  package init(name: String, platform: Platform, source: SourceRange) {
    self.name = name
    self.platform = platform
    self.source = source
  }

  /// The same image is asked for once, however many instructions name it.
  package static func == (a: Self, b: Self) -> Bool {
    a.name == b.name && a.platform == b.platform
  }

  package func hash(into hasher: inout Hasher) {
    hasher.combine(name)
    hasher.combine(platform)
  }
}

/// What planning must know of an image it builds on or copies from.
package struct BaseImage: Hashable, Sendable {
  package var request: BaseImageRequest
  /// Of the manifest for one platform.
  package var digest: Digest
  package var configuration: ImageConfiguration

  package init(request: BaseImageRequest, digest: Digest, configuration: ImageConfiguration) {
    self.request = request
    self.digest = digest
    self.configuration = configuration
  }
}

/// One instruction, ready to be carried out.
package struct Step: Hashable, Sendable {
  package enum Action: Hashable, Sendable {
    /// The instruction only changes the configuration, which ``Stage/configuration`` already has.
    case configure
    case run(RunStep)
    case copy(CopyStep)
    case makeWorkingDirectory(WorkingDirectoryStep)
  }

  package var action: Action
  /// The instruction as people know it, expanded, on one line; shown in progress.
  package var text: String
  /// For the history's `created_by`.
  package var createdBy: String
  /// In the Dockerfile; for a trigger of a base image, the `FROM` that brought it.
  package var source: SourceRange

  package init(action: Action, text: String, createdBy: String, source: SourceRange) {
    self.action = action
    self.text = text
    self.createdBy = createdBy
    self.source = source
  }
}

extension Step.Action {
  /// Where the step takes files from.
  package var origins: [FileOrigin] {
    switch self {
    case .copy(let copy): [copy.origin]
    case .run(let run): run.mounts.compactMap(\.origin)
    case .configure, .makeWorkingDirectory: []
    }
  }
}

/// A command in the stage's file system.
package struct RunStep: Hashable, Sendable {
  package enum Command: Hashable, Sendable {
    /// The argument vector, shell included where there is one.
    case arguments([String])
    /// A file that is made executable and started, for here-documents that begin with `#!`.
    case script(String)
  }

  package var command: Command
  /// `NAME=value`: the image's environment and the build arguments in scope. `HOME` is added by
  /// execution when it is missing, since that takes the user's entry in `/etc/passwd`.
  package var environment: [String]
  /// Absolute.
  package var workingDirectory: String
  /// `USER` as in force, unresolved: `""`, `app`, `1000:1000`.
  package var user: String
  package var mounts: [RunMount]
  package var network: RunNetwork

  package init(
    command: Command, environment: [String], workingDirectory: String, user: String,
    mounts: [RunMount] = [], network: RunNetwork = .host
  ) {
    self.command = command
    self.environment = environment
    self.workingDirectory = workingDirectory
    self.user = user
    self.mounts = mounts
    self.network = network
  }
}

/// Where `COPY`, `ADD` and `RUN --mount` take files from.
package enum FileOrigin: Hashable, Sendable {
  /// The build context.
  case context
  /// A directory that `--build-context` gives this name.
  case namedContext(String)
  case stage(Stage.ID)
  case image(BaseImage)
}

/// `COPY` or `ADD`.
package struct CopyStep: Hashable, Sendable {
  package enum Source: Hashable, Sendable {
    /// A path or glob pattern relative to the origin's root, without leading slash; `range` is its
    /// place in the Dockerfile. With ``CopyStep/keepsParents`` a part `.` may say where the parents
    /// that are kept begin.
    case path(String, range: SourceRange)
    /// A here-document: the file's name and content.
    case inline(name: String, content: [UInt8])
    /// `ADD` of a URL.
    case remote(RemoteFile, range: SourceRange)
    /// `ADD` of a git repository.
    case git(GitRepository, range: SourceRange)
  }

  package var origin: FileOrigin
  package var sources: [Source]
  /// Absolute and cleaned, but a trailing slash is kept: it says "a directory".
  package var destination: String
  /// `--chown` as expanded, unresolved.
  package var owner: String?
  /// `--chmod`.
  package var mode: FileMode?
  /// `ADD`: a local archive is unpacked.
  package var unpacksArchives: Bool
  /// `ADD --unpack`: so is one that was fetched.
  package var unpacksRemoteArchives = false
  /// `--parents`
  package var keepsParents: Bool
  /// `--exclude`: patterns of files that are left behind.
  package var excludes: [Exclude]

  package struct Exclude: Hashable, Sendable {
    package var pattern: String
    package var range: SourceRange

    package init(pattern: String, range: SourceRange) {
      self.pattern = pattern
      self.range = range
    }
  }

  package init(
    origin: FileOrigin, sources: [Source], destination: String, owner: String? = nil,
    mode: FileMode? = nil, unpacksArchives: Bool = false, keepsParents: Bool = false,
    excludes: [Exclude] = []
  ) {
    self.origin = origin
    self.sources = sources
    self.destination = destination
    self.owner = owner
    self.mode = mode
    self.unpacksArchives = unpacksArchives
    self.keepsParents = keepsParents
    self.excludes = excludes
  }
}

/// `WORKDIR`: the directory exists afterwards; missing ones are made for the user in force.
package struct WorkingDirectoryStep: Hashable, Sendable {
  /// Absolute.
  package var path: String
  /// `USER` as in force, unresolved.
  package var user: String

  package init(path: String, user: String) {
    self.path = path
    self.user = user
  }
}
