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

/// The attributes of `path` itself (links not followed), in the order of their names; empty where
/// the file system has none.
package func extendedAttributes(of path: PathBytes) throws(SystemError) -> [ExtendedAttribute] {
  try path.withCString { (path) throws(SystemError) in try attributes(ofLink: path) }
}

private func attributes(ofLink path: UnsafePointer<CChar>) throws(SystemError)
  -> [ExtendedAttribute]
{
  let size = llistxattr(path, nil, 0)
  if size == 0 { return [] }
  if size < 0 {
    let errno = Errno.current
    if errno == .notSupported { return [] }
    throw SystemError("listxattr", PathBytes(String(cString: path)), errno)
  }
  var list = [CChar](repeating: 0, count: size + 1024)
  let got = try retrying("listxattr") { llistxattr(path, &list, list.count) }
  let names = list[..<got].split(separator: 0).map { $0.map(UInt8.init(bitPattern:)) }
  var found: [ExtendedAttribute] = []
  for name in names {
    let name = PathBytes(name)
    var value = [UInt8](repeating: 0, count: 64 << 10)
    let count = name.withCString { lgetxattr(path, $0, &value, value.count) }
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
