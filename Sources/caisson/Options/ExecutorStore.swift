// SPDX-License-Identifier: Apache-2.0

import LinuxSystem

extension ParsedArguments {
  /// The store of `executor`: kaniko's options say where it works, and a pod may have no usual place.
  func executorStore(_ surroundings: Surroundings) throws(CommandLineError) -> (
    store: PathBytes, temporaryPlaces: [PathBytes]
  ) {
    if let store = try file(ExecutorFlags.store, surroundings) { return (store, []) }
    if let directory = try file(ExecutorFlags.kanikoDirectory, surroundings) {
      return (directory.appending("store"), [])
    }
    if surroundings.variable("CAISSON_STORE") == nil,
      let directory = surroundings.variable("KANIKO_DIR").map(surroundings.absolute)
    {
      return (directory.appending("store"), [])
    }
    return (
      surroundings.standardStore,
      surroundings.variable("CAISSON_STORE") == nil ? surroundings.temporaryStorePlaces : []
    )
  }
}
