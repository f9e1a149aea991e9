// SPDX-License-Identifier: Apache-2.0

#ifndef CAISSON_CBZIP2_H
#define CAISSON_CBZIP2_H

#include <bzlib.h>

#endif
