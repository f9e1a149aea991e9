// SPDX-License-Identifier: Apache-2.0

import CLinuxShims
import Glibc

/// One extended attribute; its value is bytes.
package struct ExtendedAttribute: Hashable, Comparable, Sendable {
  package var name: PathBytes
  package var value: [UInt8]

  package init(name: PathBytes, value: [UInt8]) {
    self.name = name
    self.value = value
  }

  package static func < (a: ExtendedAttribute, b: ExtendedAttribute) -> Bool { a.name < b.name }
}

/// The attributes of `path` itself, or of what it leads to, in the order of their names; empty where
/// the file system has none.
package func extendedAttributes(of path: PathBytes, followLinks: Bool = false) throws(SystemError)
  -> [ExtendedAttribute]
{
  try path.withCString { (path) throws(SystemError) in
    try attributes(
      of: path, list: followLinks ? listxattr : llistxattr, get: followLinks ? getxattr : lgetxattr)
  }
}

private func attributes(
  of path: UnsafePointer<CChar>,
  list listNames: (UnsafePointer<CChar>, UnsafeMutablePointer<CChar>?, Int) -> Int,
  get: (UnsafePointer<CChar>, UnsafePointer<CChar>, UnsafeMutableRawPointer?, Int) -> Int
) throws(SystemError) -> [ExtendedAttribute] {
  let size = listNames(path, nil, 0)
  if size == 0 { return [] }
  if size < 0 {
    let errno = Errno.current
    if errno == .notSupported { return [] }
    throw SystemError("listxattr", PathBytes(String(cString: path)), errno)
  }
  var list = [CChar](repeating: 0, count: size + 1024)
  let got = try retrying("listxattr") { listNames(path, &list, list.count) }
  let names = list[..<got].split(separator: 0).map { $0.map(UInt8.init(bitPattern:)) }
  var found: [ExtendedAttribute] = []
  for name in names {
    let name = PathBytes(name)
    var value = [UInt8](repeating: 0, count: 64 << 10)
    let count = name.withCString { get(path, $0, &value, value.count) }
    if count < 0 {
      let errno = Errno.current
      if errno == .noData { continue }
      throw SystemError("getxattr", PathBytes(String(cString: path)), errno)
    }
    found.append(ExtendedAttribute(name: name, value: Array(value[..<count])))
  }
  return found.sorted()
}

/// Sets an attribute of `path` itself, or of what it leads to.
package func setExtendedAttribute(
  _ attribute: ExtendedAttribute, on path: PathBytes, followLinks: Bool = false
) throws(SystemError) {
  let set = followLinks ? setxattr : lsetxattr
  try retrying("setxattr", path) {
    path.withCString { path in
      attribute.name.withCString { set(path, $0, attribute.value, attribute.value.count, 0) }
    }
  }
}

/// Removes an attribute of `path` itself, or of what it leads to.
package func removeExtendedAttribute(
  _ name: PathBytes, of path: PathBytes, followLinks: Bool = false
) throws(SystemError) {
  let remove = followLinks ? removexattr : lremovexattr
  try retrying("removexattr", path) {
    path.withCString { path in name.withCString { remove(path, $0) } }
  }
}
