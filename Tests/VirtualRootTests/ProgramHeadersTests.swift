// SPDX-License-Identifier: Apache-2.0

import CVirtualRoot
import Glibc
import LinuxSystem
import Testing

@testable import VirtualRoot

@Suite("The headers of a program") struct ProgramHeadersTests {
  /// A small position-independent program: code at 0, data with more memory than file.
  private struct Image {
    var header = Elf64_Ehdr()
    var entries: [Elf64_Phdr] = [
      Elf64_Phdr(
        p_type: 6, p_flags: 4, p_offset: 64, p_vaddr: 64, p_paddr: 0, p_filesz: 224, p_memsz: 224,
        p_align: 8),
      Elf64_Phdr(
        p_type: 3, p_flags: 4, p_offset: 0x300, p_vaddr: 0x300, p_paddr: 0, p_filesz: 28,
        p_memsz: 28, p_align: 1),
      Elf64_Phdr(
        p_type: 1, p_flags: 5, p_offset: 0, p_vaddr: 0, p_paddr: 0, p_filesz: 0x1200,
        p_memsz: 0x1200, p_align: 0x1000),
      Elf64_Phdr(
        p_type: 1, p_flags: 6, p_offset: 0x1D00, p_vaddr: 0x3D00, p_paddr: 0, p_filesz: 0x200,
        p_memsz: 0x3000, p_align: 0x1000),
    ]

    init() {
      withUnsafeMutableBytes(of: &header.e_ident) { bytes in
        bytes.copyBytes(from: [0x7F, 0x45, 0x4C, 0x46, 2, 1, 1])
      }
      (header.e_type, header.e_machine, header.e_version) = (3, ProgramHeaders.machine, 1)
      (header.e_entry, header.e_phoff) = (0x1000, 64)
      (header.e_ehsize, header.e_phentsize) = (64, 56)
    }

    var bytes: [UInt8] {
      var header = header
      if header.e_phnum == 0 { header.e_phnum = UInt16(entries.count) }
      var bytes = withUnsafeBytes(of: header) { Array($0) }
      for entry in entries { withUnsafeBytes(of: entry) { bytes += $0 } }
      return bytes
    }

    func read() throws -> ProgramHeaders {
      try bytes.withUnsafeBytes { all in
        let table = try ProgramHeaders.table(all)
        guard table.offset + UInt64(table.size) <= UInt64(all.count) else {
          throw ProgramHeaders.Refusal.damaged
        }
        let offset = Int(table.offset)
        return try ProgramHeaders(
          all, table: UnsafeRawBufferPointer(rebasing: all[offset..<offset + table.size]),
          page: 4096)
      }
    }
  }

  @Test("say where its parts go")
  func parts() throws {
    let headers = try Image().read()
    #expect(!headers.isFixed && !headers.hasExecutableStack)
    #expect((headers.lowest, headers.span, headers.alignment) == (0, 0x7000, 4096))
    #expect((headers.address, headers.count, headers.entry) == (64, 4, 0x1000))
    #expect(headers.interpreter?.offset == 0x300 && headers.interpreter?.size == 28)
    #expect(
      headers.parts == [
        ProgramHeaders.Part(
          address: 0, offset: 0, fileSize: 0x1200, memorySize: 0x1200,
          protection: UInt64(PROT_READ | PROT_EXEC)),
        ProgramHeaders.Part(
          address: 0x3D00, offset: 0x1D00, fileSize: 0x200, memorySize: 0x3000,
          protection: UInt64(PROT_READ | PROT_WRITE)),
      ])
  }

  @Test("of a program with a place of its own, and with code on its stack")
  func fixed() throws {
    var image = Image()
    image.header.e_type = 2
    for index in 2...3 { image.entries[index].p_vaddr += 0x40_0000 }
    image.entries[0] = Elf64_Phdr(
      p_type: 0x6474_e551, p_flags: 7, p_offset: 0, p_vaddr: 0, p_paddr: 0, p_filesz: 0,
      p_memsz: 0, p_align: 16)
    image.entries[3].p_align = 1 << 21
    let headers = try image.read()
    #expect(headers.isFixed && headers.hasExecutableStack)
    #expect((headers.lowest, headers.alignment) == (0x40_0000, 1 << 21))
    #expect(headers.address == 0x40_0040)
  }

  struct Damage: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var refusal: ProgramHeaders.Refusal = .damaged
    var change: @Sendable (inout Elf64_Ehdr, inout [Elf64_Phdr]) -> Void
  }

  @Test(
    "are refused when they are hostile, or another machine's",
    arguments: [
      Damage(testDescription: "32 bits", refusal: .foreign(3)) { header, _ in
        withUnsafeMutableBytes(of: &header.e_ident) { $0[4] = 1 }
        header.e_machine = 3
      },
      Damage(testDescription: "another architecture", refusal: .foreign(243)) { header, _ in
        header.e_machine = 243
      },
      Damage(testDescription: "no ELF", refusal: .notELF) { header, _ in
        withUnsafeMutableBytes(of: &header.e_ident) { $0[1] = 0 }
      },
      Damage(testDescription: "an object file") { header, _ in header.e_type = 1 },
      Damage(testDescription: "a core dump") { header, _ in header.e_type = 4 },
      Damage(testDescription: "too many headers") { header, _ in header.e_phnum = 0xFFFF },
      Damage(testDescription: "other headers") { header, _ in header.e_phentsize = 32 },
      Damage(testDescription: "headers beyond all files") { header, _ in header.e_phoff = .max },
      Damage(testDescription: "nothing to map") { _, entries in
        entries.removeAll { $0.p_type == 1 }
      },
      Damage(testDescription: "more file than memory") { _, entries in
        entries[3].p_filesz = 0x3001
      },
      Damage(testDescription: "an address that overflows") { _, entries in
        entries[3].p_vaddr = .max - 0x2FF
        entries[3].p_offset = 0xD00
      },
      Damage(testDescription: "an address of the kernel") { _, entries in
        entries[3].p_vaddr = 0xFFFF_8000_0000_0D00
      },
      Damage(testDescription: "memory without end") { _, entries in entries[3].p_memsz = .max },
      Damage(testDescription: "an offset without end") { _, entries in
        entries[3].p_offset = .max - 0x2FF
      },
      Damage(testDescription: "not page by page") { _, entries in entries[3].p_offset = 0x1D01 },
      Damage(testDescription: "an alignment without end") { _, entries in
        entries[3].p_align = 1 << 63
      },
      Damage(testDescription: "a long name of an interpreter") { _, entries in
        entries[1].p_filesz = 4097
      },
      Damage(testDescription: "no name of an interpreter") { _, entries in
        entries[1].p_filesz = 1
      },
      Damage(testDescription: "more parts than there is room for") { _, entries in
        entries += [Elf64_Phdr](repeating: entries[2], count: 60)
      },
      Damage(testDescription: "an entry of the kernel") { header, _ in header.e_entry = .max },
    ])
  func hostile(_ damage: Damage) {
    var image = Image()
    damage.change(&image.header, &image.entries)
    #expect(throws: damage.refusal) { try image.read() }
  }

  @Test("survive every bit that is wrong")
  func flipped() {
    let bytes = Image().bytes
    for bit in 0..<bytes.count * 8 {
      var damaged = bytes
      damaged[bit / 8] ^= 1 << UInt8(bit % 8)
      damaged.withUnsafeBytes { all in
        guard let table = try? ProgramHeaders.table(all),
          table.offset + UInt64(table.size) <= UInt64(all.count)
        else { return }
        let part = UnsafeRawBufferPointer(
          rebasing: all[Int(table.offset)..<Int(table.offset) + table.size])
        _ = try? ProgramHeaders(all, table: part, page: 4096)
      }
    }
    for count in 0..<bytes.count {
      bytes[..<count].withUnsafeBytes { _ = try? ProgramHeaders.table($0) }
    }
  }
}
