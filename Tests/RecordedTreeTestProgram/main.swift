// SPDX-License-Identifier: Apache-2.0

// Unpacks layers as whoever runs it, and makes one layer of what is there then:
// `RecordedTreeTestProgram DIRECTORY`. DIRECTORY holds `0.tar`, `1.tar`, ...; it gets `tree`,
// `records` and `back.tar`.

import Diagnostics
import Glibc
import Layers
import LinuxSystem
import OCI
import RecordedFiles

do {
  let directory = PathBytes(CommandLine.arguments[1])
  let root = directory.appending("tree")
  try makeDirectory(root, mode: 0o755)
  var number = 0
  do {
    let records = try FileRecords(creating: directory.appending("records"))
    let tree = FileTree()
    while case let layer = directory.appending("\(number).tar"), exists(layer) {
      var reader = TarReader(FileSource(try FileDescriptor.open(layer)))
      var unpacker = try LayerUnpacker(
        into: root, over: tree, lower: [], style: .recorded(records))
      _ = try unpacker.unpack(&reader)
      number += 1
    }
    try records.synchronize()
  }

  // As if a command had made all of it.
  let touched = TouchedPaths()
  for name in try names(inDirectory: root) { touched.add(name, .name) }
  let changes = try RecordedChanges.read(
    tree: root, records: try FileRecords(opening: directory.appending("records")),
    touched: touched, below: FileTree())
  var tar = TarWriter(to: MemorySink(limit: 64 << 20))
  for entry in changes.entries(unchanged: []) {
    try tar.begin(entry)
    guard entry.sizeInBytes > 0 else { continue }
    try contents(of: root.appending(entry.path)).withUnsafeBytes { try tar.write($0) }
  }
  try tar.finish()
  try FileDescriptor.open(
    directory.appending("back.tar"), flags: O_WRONLY | O_CREAT | O_EXCL
  ).writeAll(tar.output.bytes)
} catch let error as any DiagnosticConvertible {
  print(error.diagnostic.rendered())
  exit(1)
}
