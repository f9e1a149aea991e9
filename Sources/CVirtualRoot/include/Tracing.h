// SPDX-License-Identifier: Apache-2.0

// Holding a thread of the sandbox still and changing its registers: all that differs between
// architectures. ptrace(2).

#ifndef CAISSON_TRACING_H
#define CAISSON_TRACING_H

#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>

#ifndef PTRACE_GETSIGMASK
#define PTRACE_GETSIGMASK 0x420a
#define PTRACE_SETSIGMASK 0x420b
#endif

struct caisson_registers {
#if defined(__x86_64__)
  struct user_regs_struct raw;
#else
  struct user_regs_struct raw;
  /// `PTRACE_GETREGS` has it on x86-64 only.
  int system_call;
#endif
};

/// Becomes the tracer of a thread, which goes on; the calling thread makes all further requests.
static inline int caisson_seize(pid_t thread) {
  return (int)ptrace(PTRACE_SEIZE, thread, NULL, PTRACE_O_TRACEEXEC | PTRACE_O_TRACESYSGOOD);
}

/// Makes it stop as soon as it leaves the call it is in.
static inline int caisson_interrupt(pid_t thread) {
  return (int)ptrace(PTRACE_INTERRUPT, thread, NULL, NULL);
}

/// Lets it go on to the beginning or end of a call, or by one instruction.
static inline int caisson_resume(pid_t thread, int single_step) {
  return (int)ptrace(single_step ? PTRACE_SINGLESTEP : PTRACE_SYSCALL, thread, NULL, NULL);
}

static inline int caisson_detach(pid_t thread, int signal_number) {
  return (int)ptrace(PTRACE_DETACH, thread, NULL, (long)signal_number);
}

/// Waits for a tracee of the calling thread, whatever its number is by then.
static inline pid_t caisson_wait_for_tracee(int *_Nonnull status) {
  pid_t thread;
  do thread = waitpid(-1, status, __WALL | __WNOTHREAD);
  while (thread < 0 && errno == EINTR);
  return thread;
}

static inline int caisson_is_stopped(int status) { return WIFSTOPPED(status); }
static inline int caisson_stop_signal(int status) { return WSTOPSIG(status); }
static inline int caisson_stop_event(int status) { return status >> 16; }
enum { caisson_event_exec = PTRACE_EVENT_EXEC, caisson_event_stop = PTRACE_EVENT_STOP };

static inline int caisson_get_signal_mask(pid_t thread, uint64_t *_Nonnull mask) {
  return (int)ptrace(PTRACE_GETSIGMASK, thread, sizeof *mask, mask);
}

static inline int caisson_set_signal_mask(pid_t thread, uint64_t mask) {
  return (int)ptrace(PTRACE_SETSIGMASK, thread, sizeof mask, &mask);
}

#if defined(__x86_64__)

static inline int caisson_get_registers(pid_t thread, struct caisson_registers *_Nonnull registers) {
  return (int)ptrace(PTRACE_GETREGS, thread, NULL, &registers->raw);
}

static inline int caisson_set_registers(pid_t thread,
                                        const struct caisson_registers *_Nonnull registers) {
  return (int)ptrace(PTRACE_SETREGS, thread, NULL, &registers->raw);
}

/// Where the stopped call returns to.
static inline uint64_t caisson_return_address(const struct caisson_registers *_Nonnull registers) {
  return registers->raw.rip;
}

/// Sets them back to the instruction that makes a call, for another one.
static inline void caisson_prepare_call(struct caisson_registers *_Nonnull registers, long number,
                                        const uint64_t arguments[_Nonnull 6]) {
  registers->raw.rip -= 2;
  // -1: the kernel must not repeat the call it was in.
  registers->raw.orig_rax = (unsigned long)-1;
  registers->raw.rax = (unsigned long)number;
  registers->raw.rdi = arguments[0];
  registers->raw.rsi = arguments[1];
  registers->raw.rdx = arguments[2];
  registers->raw.r10 = arguments[3];
  registers->raw.r8 = arguments[4];
  registers->raw.r9 = arguments[5];
}

/// Has the call made once more, as it was.
static inline void caisson_prepare_repetition(struct caisson_registers *_Nonnull registers,
                                              uint64_t first_argument) {
  (void)first_argument;
  registers->raw.rip -= 2;
  registers->raw.rax = registers->raw.orig_rax;
  registers->raw.orig_rax = (unsigned long)-1;
}

static inline void caisson_prepare_result(struct caisson_registers *_Nonnull registers,
                                          int64_t value) {
  registers->raw.rax = (unsigned long)value;
  registers->raw.orig_rax = (unsigned long)-1;
}

static inline int64_t caisson_result(const struct caisson_registers *_Nonnull registers) {
  return (int64_t)registers->raw.rax;
}

#else

static inline int caisson_get_registers(pid_t thread, struct caisson_registers *_Nonnull registers) {
  struct iovec raw = {&registers->raw, sizeof registers->raw};
  if (ptrace(PTRACE_GETREGSET, thread, (void *)NT_PRSTATUS, &raw) != 0) return -1;
  struct iovec call = {&registers->system_call, sizeof registers->system_call};
  return (int)ptrace(PTRACE_GETREGSET, thread, (void *)NT_ARM_SYSTEM_CALL, &call);
}

static inline int caisson_set_registers(pid_t thread,
                                        const struct caisson_registers *_Nonnull registers) {
  struct iovec raw = {(void *)&registers->raw, sizeof registers->raw};
  if (ptrace(PTRACE_SETREGSET, thread, (void *)NT_PRSTATUS, &raw) != 0) return -1;
  struct iovec call = {(void *)&registers->system_call, sizeof registers->system_call};
  return (int)ptrace(PTRACE_SETREGSET, thread, (void *)NT_ARM_SYSTEM_CALL, &call);
}

static inline uint64_t caisson_return_address(const struct caisson_registers *_Nonnull registers) {
  return registers->raw.pc;
}

static inline void caisson_prepare_call(struct caisson_registers *_Nonnull registers, long number,
                                        const uint64_t arguments[_Nonnull 6]) {
  registers->raw.pc -= 4;
  registers->system_call = -1;
  registers->raw.regs[8] = (unsigned long long)number;
  for (int index = 0; index < 6; index++) registers->raw.regs[index] = arguments[index];
}

static inline void caisson_prepare_repetition(struct caisson_registers *_Nonnull registers,
                                              uint64_t first_argument) {
  registers->raw.pc -= 4;
  registers->system_call = -1;
  registers->raw.regs[0] = first_argument;
}

static inline void caisson_prepare_result(struct caisson_registers *_Nonnull registers,
                                          int64_t value) {
  registers->raw.regs[0] = (unsigned long long)value;
  registers->system_call = -1;
}

static inline int64_t caisson_result(const struct caisson_registers *_Nonnull registers) {
  return (int64_t)registers->raw.regs[0];
}

#endif

#endif
