// SPDX-License-Identifier: Apache-2.0

#ifndef CAISSON_CZSTD_H
#define CAISSON_CZSTD_H

#include <zstd.h>

#endif
