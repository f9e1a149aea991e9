// SPDX-License-Identifier: Apache-2.0

import Images
import Layers
import LinuxSystem

extension StageBuilder {
  /// `ADD` of archives: their entries are laid out below the destination.
  ///
  /// - Returns: The matches that are no archives.
  func unpackArchives(
    _ matches: [PathBytes], to layout: inout CopyLayout, _ target: inout CopyTarget,
    _ sources: ContextSources
  ) throws -> [PathBytes] {
    var others: [PathBytes] = []
    for path in matches {
      let place = try sources.place(of: path)
      guard try surroundings.context.status(of: place).kind == .regular else {
        others.append(path)
        continue
      }
      if try isArchive(.context(place)) {
        try addEntries(ofArchive: .context(place), to: &layout, at: target.place(in: layout))
      } else {
        others.append(path)
      }
    }
    return others
  }

  private typealias Reader = TarReader<DecompressingSource<FileSource>>

  private func reader(_ archive: CopyItem.Archive) throws -> Reader {
    switch archive {
    case .context(let path):
      TarReader(DecompressingSource(FileSource(try surroundings.context.open(path))))
    case .fetched(let path):
      TarReader(DecompressingSource(FileSource(try FileDescriptor.open(path))))
    }
  }

  /// Whether the file is a tar archive, compressed or not: its first header says so.
  func isArchive(_ archive: CopyItem.Archive) throws -> Bool {
    var reader = try reader(archive)
    do {
      return try reader.next() != nil
    } catch LayerError.malformedArchive, LayerError.truncatedArchive,
      LayerError.malformedCompression
    {
      return false
    }
  }

  /// Links are followed as tar would: those of the image and those that the archive itself brings.
  func addEntries(
    ofArchive archive: CopyItem.Archive, to layout: inout CopyLayout, at place: PathBytes
  ) throws {
    var reader = try reader(archive)
    var ordinal = -1
    _ = try layout.addTarget(place)
    while var entry = try reader.next() {
      ordinal += 1
      // The archive's own root says nothing about the destination.
      if entry.path.isEmpty { continue }
      let target = layout.place(ofEntry: entry.path, below: place)
      try layout.addParents(of: target)
      if entry.isDirectory {
        _ = try layout.addDirectory(entry, at: target)
        continue
      }
      if case .hardLink(let other) = entry.kind {
        let first = layout.place(ofEntry: other, below: place)
        // Links are written in the order of their names: all of them lead to the file itself.
        entry.kind = layout.items[first]?.entry.hardLinkTarget ?? .hardLink(first)
      }
      let content: CopyItem.Content =
        entry.kind == .regular ? .archived(in: archive, ordinal: ordinal) : .none
      try layout.add(entry, content: content, at: target)
    }
  }

  /// Writes the files of archives, each archive read once.
  func writeArchived(
    _ items: [CopyItem], _ tree: FileTree, _ layer: inout LayerWriter<BlobSink>
  ) throws {
    var wanted: [CopyItem.Archive: [Int: LayerEntry]] = [:]
    for item in items {
      guard case .archived(let archive, let ordinal) = item.content else { continue }
      wanted[archive, default: [:]][ordinal] = item.entry
    }
    for (archive, entries) in wanted.sorted(by: { $0.key < $1.key }) {
      var reader = try reader(archive)
      var ordinal = -1
      while try reader.next() != nil {
        ordinal += 1
        guard let entry = entries[ordinal] else { continue }
        newestInput = max(newestInput, entry.modified)
        try tree.apply(entry)
        try layer.add(entry, contentOf: &reader)
      }
    }
  }
}

extension CopyLayout {
  /// Without links on its way; a link at its end is not followed.
  fileprivate func place(ofEntry path: PathBytes, below directory: PathBytes) -> PathBytes {
    followed(directory.appending(path.parent)).appending(path.name)
  }
}

extension LayerEntry {
  fileprivate var hardLinkTarget: Kind? {
    if case .hardLink = kind { kind } else { nil }
  }
}
