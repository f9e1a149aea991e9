// SPDX-License-Identifier: Apache-2.0

// What a process may do to a descendant that lost its parent.

#ifndef CAISSON_TRACING_PROBE_H
#define CAISSON_TRACING_PROBE_H

#include <elf.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/uio.h>

#include "ProbeChild.h"

enum {
  CAISSON_TRACING_SUBREAPER,
  CAISSON_TRACING_READ_MEMORY,
  CAISSON_TRACING_LIMIT,
  CAISSON_TRACING_LIMIT_IS_INFINITE,  // 1 or 0
  CAISSON_TRACING_SEIZE,
  CAISSON_TRACING_REGISTERS,
  CAISSON_TRACING_STEP,
  CAISSON_TRACING_MEMORY_FILE,
};

/// The orphan that is looked into: it waits until `line`, whose other end its tracer has, is closed.
static inline void caisson_be_traced(int line, int ready, volatile uint64_t *_Nonnull word) {
  struct pollfd waited = {.fd = line, .events = POLLIN};
  pid_t self = getpid();
  prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
  *word = 0x5678;
  if (write(ready, &self, sizeof self) != (ssize_t)sizeof self) _exit(1);
  // Short waits, so that a single step through one ends.
  while (poll(&waited, 1, 1) == 0 || errno == EINTR)
    if (waited.revents != 0) break;
  _exit(0);
}

/// Whether the memory of `target` can be read through its file in /proc: 0 or an errno value.
static inline int caisson_try_memory_file(pid_t target, volatile uint64_t *_Nonnull word) {
  char path[32] = "/proc/";
  char digits[12];
  int count = 0;
  size_t length = strlen(path);
  uint64_t found = 0;
  for (pid_t rest = target; rest > 0; rest /= 10) digits[count++] = (char)('0' + rest % 10);
  while (count > 0) path[length++] = digits[--count];
  memcpy(path + length, "/mem", sizeof "/mem");
  int file = open(path, O_RDWR | O_CLOEXEC);
  if (file < 0) return errno;
  int failure = caisson_errno_of(pread(file, &found, sizeof found, (off_t)(uintptr_t)word));
  close(file);
  return failure == 0 && found != 0x5678 ? EIO : failure;
}

/// Stops `target`, reads and writes its registers and lets it do one step.
static inline void caisson_trace(pid_t target, int32_t *_Nonnull answers) {
  char registers[1024];
  struct iovec part = {.iov_base = registers, .iov_len = sizeof registers};
  int status = 0;
  answers[CAISSON_TRACING_SEIZE] =
      caisson_errno_of(ptrace(PTRACE_SEIZE, target, NULL, (void *)(uintptr_t)PTRACE_O_EXITKILL));
  if (answers[CAISSON_TRACING_SEIZE] != 0) return;
  answers[CAISSON_TRACING_SEIZE] = caisson_errno_of(ptrace(PTRACE_INTERRUPT, target, NULL, NULL));
  if (answers[CAISSON_TRACING_SEIZE] != 0) return;
  if (waitpid(target, &status, __WALL) != target || !WIFSTOPPED(status)) return;
  long got = ptrace(PTRACE_GETREGSET, target, (void *)(uintptr_t)NT_PRSTATUS, &part);
  if (got == 0) got = ptrace(PTRACE_SETREGSET, target, (void *)(uintptr_t)NT_PRSTATUS, &part);
  answers[CAISSON_TRACING_REGISTERS] = caisson_errno_of(got);
  answers[CAISSON_TRACING_STEP] =
      caisson_errno_of(ptrace(PTRACE_SINGLESTEP, target, NULL, NULL));
  if (answers[CAISSON_TRACING_STEP] != 0) return;
  if (waitpid(target, &status, __WALL) != target || !WIFSTOPPED(status) ||
      WSTOPSIG(status) != SIGTRAP)
    answers[CAISSON_TRACING_STEP] = EIO;
  ptrace(PTRACE_DETACH, target, NULL, NULL);
}

static inline void caisson_tracing_body(const void *_Nullable unused, int32_t *_Nonnull answers) {
  (void)unused;
  volatile uint64_t word = 0x1234;
  uint64_t read_word = 0;
  int line[2], ready[2];
  pid_t target = 0;
  struct rlimit limit;
  if (pipe2(line, O_CLOEXEC) != 0 || pipe2(ready, O_CLOEXEC) != 0) return;
  answers[CAISSON_TRACING_SUBREAPER] =
      caisson_errno_of(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0));
  pid_t between = fork();
  if (between == 0) {
    if (fork() == 0) {
      close(line[1]);
      caisson_be_traced(line[0], ready[1], &word);
    }
    _exit(0);
  }
  if (between < 0) return;
  waitpid(between, NULL, 0);
  close(ready[1]);
  if (read(ready[0], &target, sizeof target) != (ssize_t)sizeof target) return;
  struct iovec here = {.iov_base = &read_word, .iov_len = sizeof read_word};
  struct iovec there = {.iov_base = (void *)&word, .iov_len = sizeof word};
  answers[CAISSON_TRACING_READ_MEMORY] =
      caisson_errno_of(process_vm_readv(target, &here, 1, &there, 1, 0));
  if (answers[CAISSON_TRACING_READ_MEMORY] == 0 && read_word != 0x5678)
    answers[CAISSON_TRACING_READ_MEMORY] = EIO;
  answers[CAISSON_TRACING_MEMORY_FILE] = caisson_try_memory_file(target, &word);
  long limited = prlimit(target, RLIMIT_LOCKS, NULL, &limit);
  answers[CAISSON_TRACING_LIMIT_IS_INFINITE] = limited == 0 && limit.rlim_max == RLIM_INFINITY;
  if (limited == 0) {
    limit.rlim_cur = limit.rlim_max == RLIM_INFINITY ? 7 : limit.rlim_cur;
    limited = prlimit(target, RLIMIT_LOCKS, &limit, NULL);
  }
  answers[CAISSON_TRACING_LIMIT] = caisson_errno_of(limited);
  caisson_trace(target, answers);
  kill(target, SIGKILL);
  waitpid(target, NULL, __WALL);
}

/// What a child of ours may do to a descendant of its own that lost its parent.
static inline int caisson_probe_tracing(int32_t answers[_Nonnull CAISSON_ANSWERS],
                                        int milliseconds) {
  return caisson_probe(caisson_tracing_body, NULL, answers, milliseconds);
}

#endif
