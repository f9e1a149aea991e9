// SPDX-License-Identifier: Apache-2.0

import CLinuxShims
import Glibc
import LinuxSystem

/// A static program that ends with status 42, to see whether programs can be started.
enum SmallestProgram {
  /// Nil for an architecture it was not written for.
  static var bytes: [UInt8]? {
    #if arch(x86_64)
      // mov edi, 42; mov eax, 60 (exit); syscall
      let code: [UInt8] = [0xBF, 42, 0, 0, 0, 0xB8, 60, 0, 0, 0, 0x0F, 0x05]
      return program(machine: 62, code: code)
    #elseif arch(arm64)
      // mov x0, #42; mov x8, #93 (exit); svc #0
      let code: [UInt8] = [0x40, 0x05, 0x80, 0xD2, 0xA8, 0x0B, 0x80, 0xD2, 0x01, 0, 0, 0xD4]
      return program(machine: 183, code: code)
    #else
      return nil
    #endif
  }

  /// Starts the program in `file`.
  static func start(_ file: borrowing FileDescriptor) -> Trial {
    var answer: Int32 = 0
    // A process that is just being started elsewhere may hold a copy of the writer for a moment.
    for _ in 0..<5 {
      answer = caisson_try_program(file.number, probeLimitInMilliseconds)
      if answer != ETXTBSY { break }
    }
    return Trial(answer)
  }

  /// Starts it from a file in memory.
  static func startFromMemory() -> Trial {
    guard let bytes else { return .notTried }
    do {
      let file = FileDescriptor(
        owning: try retrying("memfd_create") { caisson_executable_memfd("caisson") })
      try file.writeAll(bytes)
      return start(file)
    } catch {
      return .refused(error.errno)
    }
  }

  /// An ELF file: header, one program header that maps the file itself, code (elf(5)).
  private static func program(machine: UInt16, code: [UInt8]) -> [UInt8] {
    let base: UInt64 = 0x40_0000
    let headers: UInt64 = 64 + 56
    let size = headers + UInt64(code.count)
    var file: [UInt8] = [0x7F, 0x45, 0x4C, 0x46, 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]
    func append(_ value: UInt64, bytes: Int) {
      for index in 0..<bytes { file.append(UInt8(truncatingIfNeeded: value >> (8 * index))) }
    }
    append(2, bytes: 2)  // executable
    append(UInt64(machine), bytes: 2)
    append(1, bytes: 4)
    append(base + headers, bytes: 8)  // entry
    append(64, bytes: 8)  // program headers
    append(0, bytes: 8)
    append(0, bytes: 4)
    append(64, bytes: 2)
    append(56, bytes: 2)
    append(1, bytes: 2)
    append(64, bytes: 2)
    append(0, bytes: 4)
    append(1, bytes: 4)  // load
    append(5, bytes: 4)  // read, execute
    for value in [0, base, base, size, size, 4096] { append(value, bytes: 8) }
    return file + code
  }
}
