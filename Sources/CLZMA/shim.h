// SPDX-License-Identifier: Apache-2.0

#ifndef CAISSON_CLZMA_H
#define CAISSON_CLZMA_H

#include <lzma.h>

#endif
