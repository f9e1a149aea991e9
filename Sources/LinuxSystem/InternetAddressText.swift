// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Whether `text` is an IPv4 or IPv6 address. inet_pton(3).
package func isAddress(_ text: String) -> Bool {
  var room = in6_addr()
  return inet_pton(AF_INET, text, &room) == 1 || inet_pton(AF_INET6, text, &room) == 1
}
