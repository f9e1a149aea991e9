// SPDX-License-Identifier: Apache-2.0

import Layers
import LinuxSystem

/// Where COPY and ADD find what their source words name.
protocol CopySources {
  /// The paths a word names, in the order of their names.
  ///
  /// - Returns: Empty only for a pattern; what is named by itself must be there.
  func matches(_ word: String) throws -> [PathBytes]

  /// `path`, taken as it is: no pattern.
  ///
  /// - Throws: ``ExecutionError`` when nothing is there.
  func existing(_ path: PathBytes) throws -> PathBytes

  /// What is at `path`, links followed.
  func entry(_ path: PathBytes) throws -> LayerEntry

  /// Whether `path` leads to a directory.
  func isDirectory(_ path: PathBytes) -> Bool

  /// Adds the file or directory at `path`, a link at its end followed: a file at `target`, a
  /// directory's content in it.
  func add(_ path: PathBytes, to layout: inout CopyLayout, at target: PathBytes) throws

  /// Adds what is at `path` below the directory `target`, with the directories above it up to `pivot`.
  ///
  /// No link is followed but those in `pivot`.
  func add(
    _ path: PathBytes, behind pivot: PathBytes, to layout: inout CopyLayout, in target: PathBytes
  ) throws
}

/// What `--exclude` leaves behind: patterns for paths below the source, or for a file's name.
struct CopyExclusion {
  let filter: PathFilter

  /// Nothing of a directory is left when its name matches, unless a later pattern takes it back in.
  func excludes(_ path: PathBytes, isDirectory: Bool) -> Bool {
    filter.excludes(path) && !(isDirectory && filter.mayInclude(below: path))
  }

  var isEmpty: Bool { filter.rules.isEmpty }
}

extension PathBytes {
  /// Without its first `count` parts.
  func dropping(_ count: Int) -> PathBytes {
    PathBytes(joining: Array(components.dropFirst(count)))
  }
}
