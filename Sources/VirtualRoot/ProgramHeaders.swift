// SPDX-License-Identifier: Apache-2.0

import CVirtualRoot
import Glibc
import LinuxSystem

/// What an ELF file says about how to map it. elf(5).
struct ProgramHeaders {
  struct Part: Equatable {
    var address: UInt64
    var offset: UInt64
    var fileSize: UInt64
    var memorySize: UInt64
    /// PROT_*.
    var protection: UInt64
  }

  private(set) var isFixed = false
  private(set) var entry: UInt64 = 0
  private(set) var parts: [Part] = []
  /// The page that the first part begins in, and how many bytes of whole pages all of them take.
  private(set) var lowest: UInt64 = 0
  private(set) var span: UInt64 = 0
  /// A power of two, a page at least.
  private(set) var alignment: UInt64 = 0
  /// Where the headers are once the file is mapped.
  private(set) var address: UInt64 = 0
  private(set) var count: UInt64 = 0
  /// Where the file names its interpreter.
  private(set) var interpreter: (offset: UInt64, size: Int)?
  private(set) var hasExecutableStack = false

  /// Which part of the file the program headers are.
  struct Table: Equatable {
    var offset: UInt64
    var count: Int
    var size: Int { count * MemoryLayout<Elf64_Phdr>.size }
  }

  /// Why a file is no program of this machine.
  enum Refusal: Error, Equatable {
    case notELF
    /// Of another architecture, or of 32 bits: the number in `e_machine`.
    case foreign(UInt16)
    case damaged
  }

  /// Where a user's addresses end.
  static let addressLimit: UInt64 = 1 << 47

  /// `e_machine` of this machine.
  static var machine: UInt16 {
    #if arch(x86_64)
      62
    #else
      183
    #endif
  }

  /// Reads the header of the file.
  ///
  /// - Parameter start: The first bytes of the file.
  static func table(_ start: UnsafeRawBufferPointer) throws(Refusal) -> Table {
    guard start.count >= 4, start[0] == 0x7F, start[1] == UInt8(ascii: "E"),
      start[2] == UInt8(ascii: "L"), start[3] == UInt8(ascii: "F")
    else { throw .notELF }
    guard start.count >= MemoryLayout<Elf64_Ehdr>.size else { throw .damaged }
    let header = start.loadUnaligned(as: Elf64_Ehdr.self)
    guard start[Int(EI_CLASS)] == 2, start[Int(EI_DATA)] == 1, header.e_machine == machine else {
      throw .foreign(header.e_machine)
    }
    guard header.e_type == 2 || header.e_type == 3,
      header.e_phentsize == MemoryLayout<Elf64_Phdr>.size,
      header.e_phnum > 0, header.e_phnum <= 64 << 10 / MemoryLayout<Elf64_Phdr>.size,
      header.e_phoff <= UInt64(Int64.max) - (1 << 20)
    else { throw .damaged }
    return Table(offset: header.e_phoff, count: Int(header.e_phnum))
  }

  /// - Parameters:
  ///   - start: The first bytes of the file, for which ``table(_:)`` gave no error.
  ///   - table: The program headers.
  init(_ start: UnsafeRawBufferPointer, table: UnsafeRawBufferPointer, page: UInt64)
    throws(Refusal)
  {
    let header = start.loadUnaligned(as: Elf64_Ehdr.self)
    isFixed = header.e_type == 2
    entry = header.e_entry
    alignment = page
    count = UInt64(header.e_phnum)
    guard table.count >= Int(header.e_phnum) * MemoryLayout<Elf64_Phdr>.size else {
      throw .damaged
    }
    parts.reserveCapacity(6)
    for index in 0..<Int(header.e_phnum) {
      let entry = table.loadUnaligned(
        fromByteOffset: index * MemoryLayout<Elf64_Phdr>.size, as: Elf64_Phdr.self)
      switch entry.p_type {
      case 1: try add(entry, headersAt: header.e_phoff, page)
      case 3 where interpreter == nil:
        guard entry.p_filesz >= 2, entry.p_filesz <= 4096, entry.p_offset < UInt64(Int64.max) / 2
        else { throw .damaged }
        interpreter = (entry.p_offset, Int(entry.p_filesz))
      case 0x6474_e551: hasExecutableStack = entry.p_flags & 1 != 0
      default: break
      }
    }
    try measure(page)
  }

  private mutating func add(_ entry: Elf64_Phdr, headersAt offset: UInt64, _ page: UInt64)
    throws(Refusal)
  {
    guard entry.p_filesz <= entry.p_memsz, entry.p_memsz < Self.addressLimit,
      entry.p_vaddr < Self.addressLimit, entry.p_vaddr + entry.p_memsz < Self.addressLimit,
      entry.p_offset < UInt64(Int64.max) / 2,
      (entry.p_vaddr &- entry.p_offset) % page == 0 || entry.p_filesz == 0,
      parts.count < Int(caisson_plan_segments)
    else { throw .damaged }
    if entry.p_offset <= offset, offset - entry.p_offset < entry.p_filesz {
      address = entry.p_vaddr + (offset - entry.p_offset)
    }
    if entry.p_align > alignment, entry.p_align & (entry.p_align - 1) == 0 {
      guard entry.p_align <= 1 << 40 else { throw .damaged }
      alignment = entry.p_align
    }
    if entry.p_memsz == 0 { return }
    var protection: UInt64 = 0
    if entry.p_flags & 4 != 0 { protection |= UInt64(PROT_READ) }
    if entry.p_flags & 2 != 0 { protection |= UInt64(PROT_WRITE) }
    if entry.p_flags & 1 != 0 { protection |= UInt64(PROT_EXEC) }
    parts.append(
      Part(
        address: entry.p_vaddr, offset: entry.p_offset, fileSize: entry.p_filesz,
        memorySize: entry.p_memsz, protection: protection))
  }

  private mutating func measure(_ page: UInt64) throws(Refusal) {
    guard let first = parts.first else { throw .damaged }
    var low = first.address
    var high: UInt64 = 0
    for part in parts {
      low = min(low, part.address)
      high = max(high, part.address + part.memorySize)
    }
    lowest = low & ~(page - 1)
    span = (high + page - 1) & ~(page - 1)
    span -= lowest
    guard entry < Self.addressLimit else { throw .damaged }
  }
}
