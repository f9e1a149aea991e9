// SPDX-License-Identifier: Apache-2.0

// What a place allows is found out by forked children: each tries something, tells the result as errno
// values, and is killed when it takes too long. Nothing they do outlives them. Between fork and end
// run only async-signal-safe calls.

#ifndef CAISSON_PROBE_CHILD_H
#define CAISSON_PROBE_CHILD_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/// How many answers a probe may give. Each is 0 or an errno value; -1 was not come to.
enum { CAISSON_ANSWERS = 10 };

/// Closes what other threads have open, but for `kept`: a copy of a file that is being written would
/// keep it from being executed, and one of a pipe would keep it from ending.
static inline void caisson_close_others(int kept) {
  if (kept > 3) syscall(SYS_close_range, 3, kept - 1, 0);
  syscall(SYS_close_range, kept < 3 ? 3 : kept + 1, ~0U, 0);
}

static inline int caisson_errno_of(long result) { return result < 0 ? errno : 0; }

/// Runs `body` in a child and takes its answers from a pipe.
///
/// \returns 0; ETIMEDOUT; ECHILD when the child was ended before it answered; what fork or pipe said.
static inline int caisson_probe(void (*_Nonnull body)(const void *_Nullable, int32_t *_Nonnull),
                                const void *_Nullable argument, int32_t *_Nonnull answers,
                                int milliseconds) {
  int line[2];
  int outcome = ECHILD;
  const size_t size = CAISSON_ANSWERS * sizeof *answers;
  for (int i = 0; i < CAISSON_ANSWERS; i++) answers[i] = -1;
  if (pipe2(line, O_CLOEXEC) != 0) return errno;
  pid_t child = fork();
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    caisson_close_others(line[1]);
    body(argument, answers);
    _exit(write(line[1], answers, size) == (ssize_t)size ? 0 : 1);
  }
  if (child < 0) outcome = errno;
  close(line[1]);
  if (child > 0) {
    struct pollfd waited = {.fd = line[0], .events = POLLIN};
    int ready;
    do ready = poll(&waited, 1, milliseconds);
    while (ready < 0 && errno == EINTR);
    if (ready == 0) outcome = ETIMEDOUT;
    // One write of less than PIPE_BUF comes as a whole.
    if (ready > 0 && read(line[0], answers, size) == (ssize_t)size) outcome = 0;
    kill(child, SIGKILL);
    while (waitpid(child, NULL, 0) < 0 && errno == EINTR) continue;
  }
  close(line[0]);
  return outcome;
}

#endif
