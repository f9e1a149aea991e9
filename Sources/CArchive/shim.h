// SPDX-License-Identifier: Apache-2.0

#ifndef CAISSON_CARCHIVE_H
#define CAISSON_CARCHIVE_H

#include <archive.h>
#include <archive_entry.h>

#endif
