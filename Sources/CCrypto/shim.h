// SPDX-License-Identifier: Apache-2.0

#ifndef CAISSON_CCRYPTO_H
#define CAISSON_CCRYPTO_H

#include <openssl/evp.h>
#include <openssl/crypto.h>

#endif
