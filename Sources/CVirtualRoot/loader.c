// SPDX-License-Identifier: Apache-2.0

// The loader: code that runs without a library, without relocations, without data of its own, and is
// copied out of this program into a file of its own (LoaderFile.swift). So everything here is inlined
// into one function in a section of its own, and what an optimizer might make a call of memcpy or a
// table of jumps is volatile.

#include "Loader.h"

#include <elf.h>
#include <linux/prctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#define PLAIN                                                                                       \
  no_stack_protector, no_profile_instrument_function, no_sanitize("address", "thread", "undefined")
#define INLINE static inline __attribute__((always_inline, PLAIN))

#if defined(__x86_64__)

// The stack below the arguments is left free: they move down into it.
__asm__(".pushsection caisson_loader,\"axR\",@progbits\n"
        ".p2align 4\n"
        "caisson_loader_entry:\n"
        "  mov %rsp, %rdi\n"
        "  sub $32768, %rsp\n"
        "  and $-16, %rsp\n"
        "  call caisson_load\n"
        "  hlt\n"
        ".popsection\n");

INLINE long call(long number, long a, long b, long c, long d, long e, long f) {
  long result;
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  register long r9 __asm__("r9") = f;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
}

INLINE __attribute__((noreturn)) void enter(uint64_t entry, uint64_t *stack) {
  // rdx: nothing to call at exit.
  __asm__ volatile("mov %1, %%rsp\n"
                   "xor %%edx, %%edx\n"
                   "xor %%ebp, %%ebp\n"
                   "jmp *%0"
                   :
                   : "a"(entry), "c"(stack)
                   : "rdx", "memory");
  __builtin_unreachable();
}

/// As the kernel ends a process whose program cannot be put in place: by SIGSEGV.
#define FAIL() __asm__ volatile("hlt")

#elif defined(__aarch64__)

__asm__(".pushsection caisson_loader,\"axR\",%progbits\n"
        ".p2align 4\n"
        "caisson_loader_entry:\n"
        "  mov x0, sp\n"
        "  sub x1, x0, #32768\n"
        "  and sp, x1, #-16\n"
        "  bl caisson_load\n"
        "  udf #0\n"
        ".popsection\n");

INLINE long call(long number, long a, long b, long c, long d, long e, long f) {
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  register long x3 __asm__("x3") = d;
  register long x4 __asm__("x4") = e;
  register long x5 __asm__("x5") = f;
  __asm__ volatile("svc #0"
                   : "+r"(x0)
                   : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                   : "memory");
  return x0;
}

INLINE __attribute__((noreturn)) void enter(uint64_t entry, uint64_t *stack) {
  register uint64_t x9 __asm__("x9") = entry;
  __asm__ volatile("mov sp, %1\n"
                   "mov x0, #0\n"
                   "mov x29, #0\n"
                   "mov x30, #0\n"
                   "br %0"
                   :
                   : "r"(x9), "r"(stack)
                   : "x0", "memory");
  __builtin_unreachable();
}

#define FAIL() __asm__ volatile("str xzr, [xzr]")

#else
#error "no loader for this architecture"
#endif

INLINE uint64_t map(uint64_t address, uint64_t size, uint64_t protection, int flags, int descriptor,
                    uint64_t offset) {
  uint64_t result = (uint64_t)call(SYS_mmap, (long)address, (long)size, (long)protection, flags,
                                   descriptor, (long)offset);
  if (result > (uint64_t)-4096) FAIL();
  return result;
}

/// Maps one part where its object lies. elf(5), PT_LOAD.
INLINE void map_segment(const struct caisson_segment *segment, uint64_t shift, int descriptor,
                        uint64_t page) {
  uint64_t begin = segment->address & ~(page - 1);
  uint64_t skipped = segment->address - begin;
  uint64_t file_end = segment->address + segment->file_size;
  uint64_t mapped_end = (file_end + page - 1) & ~(page - 1);
  uint64_t end = (segment->address + segment->memory_size + page - 1) & ~(page - 1);
  if (segment->file_size != 0) {
    map(shift + begin, segment->file_size + skipped, segment->protection, MAP_PRIVATE | MAP_FIXED,
        descriptor, segment->offset - skipped);
    if (segment->memory_size > segment->file_size && (segment->protection & PROT_WRITE))
      for (volatile char *byte = (char *)(shift + file_end); byte < (char *)(shift + mapped_end);
           byte++)
        *byte = 0;
  } else {
    mapped_end = begin;
  }
  if (end > mapped_end)
    map(shift + mapped_end, end - mapped_end, segment->protection,
        MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS, -1, 0);
}

/// Puts a program or interpreter in place; what is to be added to its addresses.
INLINE uint64_t map_object(const struct caisson_object *object, int descriptor, uint64_t page) {
  uint64_t room = object->span;
  int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  if (object->is_fixed)
    flags |= MAP_FIXED_NOREPLACE;
  else if (object->alignment > page)
    room += object->alignment;
  uint64_t start = map(object->is_fixed ? object->lowest : 0, room, PROT_NONE, flags, -1, 0);
  uint64_t shift = 0;
  if (!object->is_fixed) {
    shift = (start - object->lowest + object->alignment - 1) & ~(object->alignment - 1);
  } else if (start != object->lowest) {
    FAIL();
  }
  for (uint32_t index = 0; index < object->segment_count; index++)
    map_segment(&object->segments[index], shift, descriptor, page);
  uint64_t used = object->lowest + shift;
  if (used > start) call(SYS_munmap, (long)start, (long)(used - start), 0, 0, 0, 0);
  if (start + room > used + object->span)
    call(SYS_munmap, (long)(used + object->span), (long)(start + room - used - object->span), 0, 0, 0,
         0);
  return shift;
}

INLINE uint64_t updated(const struct caisson_plan *plan, volatile uint64_t type, uint64_t value,
                        uint64_t program, uint64_t interpreter, uint64_t name) {
  if (type == AT_PHDR) return program + plan->headers;
  if (type == AT_PHENT) return sizeof(Elf64_Phdr);
  if (type == AT_PHNUM) return plan->header_count;
  if (type == AT_BASE) return plan->has_interpreter ? interpreter : 0;
  if (type == AT_ENTRY) return program + plan->program.entry;
  if (type == AT_EXECFN) return name;
  if (type == AT_UID) return plan->uid;
  if (type == AT_EUID) return plan->effective_uid;
  if (type == AT_GID) return plan->gid;
  if (type == AT_EGID) return plan->effective_gid;
  if (type == AT_SECURE) return plan->is_secure;
  return value;
}

/// Moves arguments, environment and auxiliary vector down and puts the plan's strings above them.
///
/// - stack: As the kernel left it: argc, argv, NULL, envp, NULL, auxv.
INLINE uint64_t *arrange(uint64_t *stack, const struct caisson_plan *plan, uint64_t program,
                         uint64_t interpreter) {
  uint64_t count = stack[0];
  uint64_t kept = plan->prefix_count && count ? count - 1 : count;
  uint64_t *from = stack + 1 + (count - kept);
  uint64_t *end = stack + 1 + count + 1;
  while (*end) end++;
  end++;
  while (end[0] != AT_NULL) end += 2;
  end += 2;
  uint64_t words = 1 + plan->prefix_count + (uint64_t)(end - from);
  volatile char *text = (char *)end - plan->text_size;
  uint64_t *result = (uint64_t *)(((uint64_t)text - words * 8) & ~(uint64_t)15);
  uint64_t *to = result;
  *to++ = plan->prefix_count + kept;
  uint64_t *prefix = to;
  to += plan->prefix_count;
  while (from < end) *(volatile uint64_t *)to++ = *from++;
  for (uint64_t index = 0; index < plan->text_size; index++) text[index] = plan->text[index];
  const volatile char *string = text;
  for (uint64_t index = 0; index < plan->prefix_count; index++) {
    while (*string) string++;
    string++;
    prefix[index] = (uint64_t)string;
  }
  uint64_t *entry = prefix + plan->prefix_count + kept + 1;
  while (*entry) entry++;
  for (entry++; entry[0] != AT_NULL; entry += 2)
    entry[1] = updated(plan, entry[0], entry[1], program, interpreter, (uint64_t)text);
  return result;
}

__attribute__((used, retain, noreturn, noinline, PLAIN, section("caisson_loader"),
               visibility("hidden"))) void
caisson_load(uint64_t *stack);

void caisson_load(uint64_t *stack) {
  struct caisson_plan plan;
  long last = call(SYS_execveat, CAISSON_PLAN_REQUEST, (long)&plan, sizeof plan, 0, 0, 0);
  if (last < 0) FAIL();
  int file = plan.program.descriptor < 0 ? (int)last : plan.program.descriptor;
  uint64_t program = map_object(&plan.program, file, plan.page_size), interpreter = 0;
  call(SYS_close, file, 0, 0, 0, 0, 0);
  uint64_t entry = program + plan.program.entry;
  if (plan.has_interpreter) {
    interpreter = map_object(&plan.interpreter, (int)last, plan.page_size);
    call(SYS_close, last, 0, 0, 0, 0, 0);
    entry = interpreter + plan.interpreter.entry;
  }
  call(SYS_prctl, PR_SET_NAME, (long)plan.name, 0, 0, 0, 0);
  enter(entry, arrange(stack, &plan, program, interpreter));
}

extern const char caisson_loader_entry[] __attribute__((visibility("hidden")));
extern const char caisson_loader_first[] __asm__("__start_caisson_loader");
extern const char caisson_loader_end[] __asm__("__stop_caisson_loader");

const void *caisson_loader_code(size_t *size, size_t *entry) {
  *entry = (size_t)(caisson_loader_entry - caisson_loader_first);
  *size = (size_t)(caisson_loader_end - caisson_loader_first);
  return caisson_loader_first;
}
