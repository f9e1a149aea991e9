// SPDX-License-Identifier: Apache-2.0

import Layers
import LinuxSystem
import RecordedFiles
import Sandboxing

/// The root file system that a command runs on, whatever confines it.
///
/// The calls come in the order of the requirements, once each. One value may serve several commands of
/// a stage, one after the other.
protocol StepRoot {
  /// Puts the layers there that lie below the command.
  nonisolated(nonsending) func prepare() async throws

  /// How files that a mount shows are put on the disk.
  var mountStyle: LayerUnpacker.Style { get }

  /// What the disk does not say of files, where that is kept beside them; nil while a command runs.
  var records: FileRecords? { get }

  /// Makes a directory that the layers lack, and those above it that they lack.
  ///
  /// - Parameter path: As ``FileTree/resolve(_:followLast:)`` gave it.
  nonisolated(nonsending) func makeDirectory(_ path: PathBytes) async throws

  /// - Throws: ``SandboxError``, or `CancellationError`.
  nonisolated(nonsending) func run(
    _ command: SandboxedCommand, standardOutput: Int32, standardError: Int32
  ) async throws -> ProcessEnd

  /// What the command and ``makeDirectory(_:)`` changed; nil for nothing. It stays as it is, whatever
  /// later commands do.
  nonisolated(nonsending) func changes() async throws -> ChangeSet?

  /// Removes all but the change sets that were handed out.
  func remove()
}
