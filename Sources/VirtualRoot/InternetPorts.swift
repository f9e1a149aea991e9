// SPDX-License-Identifier: Apache-2.0

import CVirtualRoot
import Glibc
import LinuxSystem
import Synchronization

/// Ports that are for privileged processes, and the ones that sockets of the sandbox have instead.
///
/// ip(7), `ip_unprivileged_port_start`; capabilities(7), CAP_NET_BIND_SERVICE.
final class InternetPorts: Sendable {
  /// From here on anybody may use them.
  let firstFree: UInt16
  private let substitutes = Mutex([UInt16: UInt16]())

  init() {
    let path: PathBytes = "/proc/sys/net/ipv4/ip_unprivileged_port_start"
    let text = (try? contents(of: path, limit: 64)) ?? []
    firstFree = UInt16(String(decoding: text.prefix { $0 != 10 }, as: UTF8.self)) ?? 1024
  }

  var isEmpty: Bool { substitutes.withLock { $0.isEmpty } }
  func substitute(for port: UInt16) -> UInt16? { substitutes.withLock { $0[port] } }

  func port(behind substitute: UInt16) -> UInt16? {
    substitutes.withLock { known in known.first { $0.value == substitute }?.key }
  }

  /// One that nobody here has yet; somebody else may.
  func candidate() -> UInt16 {
    substitutes.withLock { known in
      while true {
        let port = UInt16.random(in: 20_000..<32_000)
        if !known.values.contains(port) { return port }
      }
    }
  }

  func remember(_ substitute: UInt16, for port: UInt16) {
    substitutes.withLock { $0[port] = substitute }
  }
}

/// An address of the internet families, as `struct sockaddr_in` or `sockaddr_in6` has it.
struct InternetAddress {
  private(set) var bytes: [UInt8]

  /// - Returns: Nil for other families.
  init?(_ bytes: [UInt8]) {
    guard bytes.count >= 2 else { return nil }
    let family = UInt16(bytes[0]) | UInt16(bytes[1]) << 8
    switch Int32(family) {
    case AF_INET where bytes.count >= 16, AF_INET6 where bytes.count >= 24: self.bytes = bytes
    default: return nil
    }
  }

  var port: UInt16 {
    get { UInt16(bytes[2]) << 8 | UInt16(bytes[3]) }
    set { (bytes[2], bytes[3]) = (UInt8(newValue >> 8), UInt8(newValue & 0xFF)) }
  }

  /// 127.0.0.0/8, ::1, either as the other family has it, and the address of nobody, which stands
  /// for them.
  var isLoopback: Bool {
    if Int32(bytes[0]) == AF_INET { return bytes[4] == 127 || bytes[4..<8].allSatisfy { $0 == 0 } }
    let address = bytes[8..<24]
    if address.prefix(15).allSatisfy({ $0 == 0 }) { return bytes[23] <= 1 }
    let isMapped =
      address.prefix(10).allSatisfy { $0 == 0 } && bytes[18] == 0xFF && bytes[19] == 0xFF
    return isMapped && bytes[20] == 127
  }

  /// Whether it is one of this machine: then a socket can have it.
  var isLocal: Bool {
    var address = self
    address.port = 0
    let kind = Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    let number = socket(Int32(address.bytes[0]), kind, 0)
    guard number >= 0 else { return false }
    defer { close(number) }
    return address.bytes.withUnsafeBytes { bytes in
      guard let start = bytes.baseAddress else { return false }
      return caisson_bind(number, start, socklen_t(bytes.count)) == 0
    }
  }
}
