// SPDX-License-Identifier: Apache-2.0

import Diagnostics
import Glibc
import Images
import LinuxSystem

/// The store of one build: the one that was asked for or is usual, else one that ends with the build.
struct StorePlace {
  let store: ContentStore
  /// Nothing of it may be left behind.
  let isTemporary: Bool

  /// Opens the first store that can be written to.
  init(_ options: BuildOptions) throws {
    var refusals: [StoreError.Refusal] = []
    do {
      store = try ContentStore(directory: options.store)
      isTemporary = false
      return
    } catch let error as SystemError where !options.temporaryStorePlaces.isEmpty {
      refusals.append(StoreError.Refusal(place: options.store, errno: error.errno))
    }
    for place in options.temporaryStorePlaces {
      // A name nobody can guess or leave in a context: what lies in a store is believed.
      let name = ".caisson-" + String(UInt64.random(in: 0...UInt64.max), radix: 36)
      let directory = place.appending(name)
      do {
        try makeDirectory(directory, mode: 0o700)
        store = try ContentStore(directory: directory)
        isTemporary = true
        return
      } catch let error as SystemError {
        refusals.append(StoreError.Refusal(place: place, errno: error.errno))
      }
    }
    throw StoreError.nowhereToWrite(refusals, user: geteuid())
  }

  /// Called when the build has ended, however it did.
  func close() { try? removeTree(isTemporary ? store.directory : store.scratch) }
}

extension BuildOptions {
  /// False only where a temporary store takes the place of ``store``.
  var canWriteStore: Bool {
    if temporaryStorePlaces.isEmpty { return true }
    return (try? makeDirectories(store, mode: 0o755)) != nil
      && store.withCString { access($0, W_OK | X_OK) } == 0
  }
}

enum StoreError: Error, Hashable {
  struct Refusal: Hashable {
    var place: PathBytes
    var errno: Errno
  }

  case nowhereToWrite([Refusal], user: uid_t)
}

extension StoreError: DiagnosticConvertible {
  var diagnostic: Diagnostic {
    switch self {
    case .nowhereToWrite(let refusals, let user):
      Diagnostic(
        "there is no place to keep layers and temporary files in",
        notes: refusals.map { "\($0.place): \($0.errno)" },
        help:
          "mount a volume at /tmp, /cache or /workspace that user \(user) can write to, or name a "
          + "place with --kaniko-dir, $KANIKO_DIR, --store or $CAISSON_STORE",
        exit: .surroundings)
    }
  }
}
