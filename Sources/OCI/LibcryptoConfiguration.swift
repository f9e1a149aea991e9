// SPDX-License-Identifier: Apache-2.0

import CCrypto

/// Keeps libcrypto, and libssl above it, from reading the `openssl.cnf` of the machine.
///
/// It counts only before the first digest and the first connection of the process.
package func ignoreLibcryptoConfiguration() {
  OPENSSL_init_crypto(UInt64(OPENSSL_INIT_NO_LOAD_CONFIG), nil)
}
