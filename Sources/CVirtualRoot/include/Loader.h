// SPDX-License-Identifier: Apache-2.0

// What the supervisor tells the loader. The loader is what a process in the sandbox really executes;
// it then puts the program in place that was asked for, as the kernel's binfmt_elf would have.

#ifndef CAISSON_LOADER_H
#define CAISSON_LOADER_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>

enum {
  caisson_plan_segments = 40,
  /// Paths of 4 KiB for the program and, with scripts, for the script as an argument; and up to five
  /// interpreters with an argument each.
  caisson_plan_text = 12288,
};

/// The first argument of the `execveat` by which the loader asks for its plan: no descriptor.
#define CAISSON_PLAN_REQUEST (-0x43534e50L)

/// A PT_LOAD.
struct caisson_segment {
  uint64_t address, offset, file_size, memory_size, protection;
};

/// A program or its interpreter. Addresses are those of the file.
struct caisson_object {
  /// Of the process; -1 for the one that the call returned.
  int32_t descriptor;
  uint32_t segment_count;
  /// The pages from `lowest` hold all segments in `span` bytes.
  uint64_t lowest, span, alignment, entry;
  /// ET_EXEC: may lie nowhere else.
  uint64_t is_fixed;
  struct caisson_segment segments[caisson_plan_segments];
};

struct caisson_plan {
  uint64_t page_size;
  /// Of the program, for the auxiliary vector.
  uint64_t headers, header_count;
  uint64_t uid, effective_uid, gid, effective_gid, is_secure;
  uint64_t has_interpreter;
  /// How many strings take the place of the first argument; 0 leaves it.
  uint64_t prefix_count;
  /// Of `text`.
  uint64_t text_size;
  char name[16];
  struct caisson_object program, interpreter;
  /// AT_EXECFN, then the strings of the prefix, each with its NUL. Last, so that only what is in use
  /// need be copied.
  char text[caisson_plan_text];
};

/// How much of a plan to copy.
static inline size_t caisson_plan_size(const struct caisson_plan *_Nonnull plan) {
  return offsetof(struct caisson_plan, text) + plan->text_size;
}

static inline void caisson_add_text(struct caisson_plan *_Nonnull plan, const void *_Nonnull bytes,
                                    size_t count) {
  memcpy(plan->text + plan->text_size, bytes, count);
  plan->text_size += count;
  plan->text[plan->text_size++] = 0;
}

static inline void caisson_add_segment(struct caisson_object *_Nonnull object,
                                       struct caisson_segment segment) {
  object->segments[object->segment_count++] = segment;
}

/// The machine code of the loader.
///
/// - entry: Where it begins.
const void *_Nonnull caisson_loader_code(size_t *_Nonnull size, size_t *_Nonnull entry);

#endif
