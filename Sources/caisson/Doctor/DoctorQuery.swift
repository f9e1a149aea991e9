// SPDX-License-Identifier: Apache-2.0

import LinuxSystem

/// A question about this place.
struct DoctorQuery: Hashable, Sendable {
  /// Where layers and roots of commands would lie; absolute.
  var work: PathBytes
  var home: PathBytes?
  var isJSON: Bool
}

enum DoctorFlags {
  static let work = Option.value(
    "work", "DIR", standard: "the store", .input,
    "the directory where layers and roots of commands would lie")
  static let format = Option.choice(
    "format", ["table", "json"], standard: "table", .display, "how the answer is printed")
}

extension Command {
  static let doctor = Command(
    path: ["doctor"], summary: "Tells what this place allows, and which sandbox RUN gets.",
    synopsis: "", positionalCount: 0...0,
    options: [DoctorFlags.work, SharedOptions.store, DoctorFlags.format],
    notes: [
      "Everything is tried by processes that end at once; nothing is left behind.",
      "Exit status: 0 when commands can be run in some sandbox, 2 wrong usage, 3 when in none.",
    ])
}

extension DoctorQuery {
  init(_ arguments: ParsedArguments, _ surroundings: Surroundings) throws(CommandLineError) {
    let given = try arguments.file(DoctorFlags.work, surroundings)
    let store = try arguments.store(surroundings)
    work = given ?? store
    home = surroundings.variable("HOME").map(surroundings.absolute)
    isJSON = arguments.value(of: DoctorFlags.format) == "json"
  }
}
