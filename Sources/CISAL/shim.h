// SPDX-License-Identifier: Apache-2.0

#ifndef CAISSON_CISAL_H
#define CAISSON_CISAL_H

#include <stddef.h>
#include <stdint.h>

#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>

/// `ISAL_DEF_LVL1_DEFAULT` is a macro over `sizeof`, which Swift cannot read.
static const size_t ISAL_DEF_LVL1_DEFAULT_SIZE = ISAL_DEF_LVL1_DEFAULT;

#endif
