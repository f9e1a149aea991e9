// SPDX-License-Identifier: Apache-2.0
//
// What every made-up secret of a pod begins with, and its base64: looked for without being written down anywhere, so
// that no copy of this program is a find.

#pragma once

#include <stddef.h>

static const unsigned char disguised[2][12] = {
    {'q', 'p', 'e', 't', 'f', 'd', 's', 'f', 'u', 0},
    {'d', 'H', ':', 'l', 'd', '3', 'W', 'k', 'd', 'n', 'W', '1'},
};
static const size_t disguised_length[2] = {9, 12};

/// Whether one of the needles is in `bytes`: each letter is one less than in the disguise.
static int has_needle(const unsigned char *bytes, size_t count) {
  for (int which = 0; which < 2; which++) {
    size_t length = disguised_length[which];
    for (size_t start = 0; start + length <= count; start++) {
      size_t same = 0;
      while (same < length && bytes[start + same] + 1 == disguised[which][same]) same++;
      if (same == length) return 1;
    }
  }
  return 0;
}
