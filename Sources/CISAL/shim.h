// SPDX-License-Identifier: Apache-2.0

#ifndef CAISSON_CISAL_H
#define CAISSON_CISAL_H

#include <isa-l/igzip_lib.h>
#include <isa-l/crc.h>

#endif
