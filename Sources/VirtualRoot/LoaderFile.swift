// SPDX-License-Identifier: Apache-2.0

import CLinuxShims
import CVirtualRoot
import Glibc
import LinuxSystem

/// The file that processes in the sandbox really execute: the loader's code behind an ELF header.
///
/// A position-independent program without interpreter: the kernel puts it among the mappings, so that
/// it is in nobody's way, and leaves the heap its usual place.
final class LoaderFile: Sendable {
  /// Open for reading; as long as the program runs.
  let number: Int32
  let inode: InodeNumber

  /// - Parameters:
  ///   - hasExecutableStack: What a program executed by it gets.
  ///   - scratch: Where the file is made when the machine executes no file without a name.
  init(hasExecutableStack: Bool, scratch: PathBytes) throws(SystemError) {
    let image = Self.image(hasExecutableStack: hasExecutableStack)
    do throws(SystemError) {
      number = try Self.unnamedFile(image)
    } catch {
      number = try Self.file(image, in: scratch)
    }
    let status = try FileStatus(of: number)
    inode = InodeNumber(device: status.device, inode: status.inode)
  }

  deinit { close(number) }

  private static func unnamedFile(_ image: [UInt8]) throws(SystemError) -> Int32 {
    // MFD_EXEC: Linux 6.3; a machine may demand it, or refuse it (vm.memfd_noexec).
    var number = memfd_create("loader", 0x11)
    if number < 0, Errno.current == .invalidArgument { number = memfd_create("loader", 0x1) }
    guard number >= 0 else { throw SystemError("memfd_create", nil, Errno.current) }
    let file = FileDescriptor(owning: number)
    try file.writeAll(image)
    // Nothing that is open for writing can be executed.
    return try FileDescriptor.open(PathBytes("/proc/self/fd/\(number)")).release()
  }

  private static func file(_ image: [UInt8], in scratch: PathBytes) throws(SystemError) -> Int32 {
    let path = scratch.appending("loader")
    try? removeFile(path)
    defer { try? removeFile(path) }
    try FileDescriptor.open(path, flags: O_WRONLY | O_CREAT | O_EXCL, mode: 0o700).writeAll(image)
    return try FileDescriptor.open(path).release()
  }

  private static func image(hasExecutableStack: Bool) -> [UInt8] {
    var size = 0
    var entry = 0
    let code = UnsafeRawBufferPointer(start: caisson_loader_code(&size, &entry), count: size)
    let headerSize = MemoryLayout<Elf64_Ehdr>.size
    let codeOffset = 192
    let total = UInt64(codeOffset + size)
    var header = Elf64_Ehdr()
    withUnsafeMutableBytes(of: &header.e_ident) { bytes in
      bytes.copyBytes(from: [0x7F, 0x45, 0x4C, 0x46, 2, 1, 1])
    }
    header.e_type = 3
    header.e_machine = ProgramHeaders.machine
    header.e_version = 1
    header.e_entry = UInt64(codeOffset + entry)
    header.e_phoff = UInt64(headerSize)
    header.e_ehsize = UInt16(headerSize)
    header.e_phentsize = UInt16(MemoryLayout<Elf64_Phdr>.size)
    header.e_phnum = 2
    let all = Elf64_Phdr(
      p_type: 1, p_flags: 5, p_offset: 0, p_vaddr: 0, p_paddr: 0, p_filesz: total, p_memsz: total,
      p_align: 0x10000)
    let stack = Elf64_Phdr(
      p_type: 0x6474_e551, p_flags: hasExecutableStack ? 7 : 6, p_offset: 0, p_vaddr: 0, p_paddr: 0,
      p_filesz: 0, p_memsz: 0, p_align: 16)
    var image: [UInt8] = []
    withUnsafeBytes(of: header) { image += $0 }
    withUnsafeBytes(of: all) { image += $0 }
    withUnsafeBytes(of: stack) { image += $0 }
    image += [UInt8](repeating: 0, count: codeOffset - image.count)
    image += code
    return image
  }
}
