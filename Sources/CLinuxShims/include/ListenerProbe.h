// SPDX-License-Identifier: Apache-2.0

// Whether there may be a seccomp listener, and what it can do.

#ifndef CAISSON_LISTENER_PROBE_H
#define CAISSON_LISTENER_PROBE_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include "ProbeChild.h"

// Later than the headers of Linux 6.1.
#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif
#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

enum {
  CAISSON_LISTENER_INSTALL,
  CAISSON_LISTENER_WAIT_KILLABLE,
  CAISSON_LISTENER_SYNC_WAKE_UP,
  CAISSON_LISTENER_ANSWER,
  CAISSON_LISTENER_CONTINUE,
  CAISSON_LISTENER_ADDFD,
  CAISSON_LISTENER_ADDFD_SEND,
};

/// What the child of the listener's child does: four calls that the listener answers.
///
/// \returns A bit for each that came back as it should.
static inline int caisson_call_listener(pid_t parent) {
  int good = 0;
  if (syscall(SYS_getppid) == 4711) good |= 1;
  if (syscall(SYS_getppid) == parent) good |= 2;
  long number = syscall(SYS_getppid);
  if (number >= 0 && fcntl((int)number, F_GETFD) >= 0) good |= 4;
  number = syscall(SYS_getppid);
  if (number >= 0 && fcntl((int)number, F_GETFD) >= 0) good |= 8;
  return good;
}

/// Answers one call of the child; `way` is one of CAISSON_LISTENER_ANSWER and what follows it.
///
/// \returns 0 or an errno value; the child goes on also where the way is refused.
static inline int caisson_answer_call(int listener, int way) {
  // Larger than the structures of any kernel so far.
  union {
    struct seccomp_notif notification;
    char bytes[512];
  } call;
  struct seccomp_notif_resp response = {0};
  int failure = 0;
  struct pollfd waited = {.fd = listener, .events = POLLIN};
  memset(&call, 0, sizeof call);
  if (poll(&waited, 1, 2000) != 1) return ETIMEDOUT;
  if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call) != 0) return errno;
  response.id = call.notification.id;
  response.val = 4711;
  if (way == CAISSON_LISTENER_CONTINUE) {
    response.val = 0;
    response.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
  }
  if (way == CAISSON_LISTENER_ADDFD || way == CAISSON_LISTENER_ADDFD_SEND) {
    struct seccomp_notif_addfd added = {.id = response.id, .srcfd = (uint32_t)listener};
    if (way == CAISSON_LISTENER_ADDFD_SEND) added.flags = SECCOMP_ADDFD_FLAG_SEND;
    int number = ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &added);
    if (number >= 0 && way == CAISSON_LISTENER_ADDFD_SEND) return 0;
    failure = caisson_errno_of(number);
    response.val = number < 0 ? 0 : number;
    response.error = -failure;
  }
  if (ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response) != 0) {
    int refused = errno;
    response.flags = 0;
    ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response);
    return refused;
  }
  return failure;
}

static inline void caisson_listener_body(const void *_Nullable unused, int32_t *_Nonnull answers) {
  (void)unused;
  struct sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {.len = sizeof code / sizeof *code, .filter = code};
  unsigned long flags = SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
  pid_t self = getpid();
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  long listener = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
  answers[CAISSON_LISTENER_WAIT_KILLABLE] = caisson_errno_of(listener);
  if (listener < 0)
    listener = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER,
                       &program);
  answers[CAISSON_LISTENER_INSTALL] = caisson_errno_of(listener);
  if (listener < 0) return;
  answers[CAISSON_LISTENER_SYNC_WAKE_UP] =
      caisson_errno_of(ioctl((int)listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS,
                             SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP));
  pid_t caller = fork();
  if (caller == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    // So that its calls fail at once when its parent is no more.
    close((int)listener);
    _exit(caisson_call_listener(self));
  }
  int status = 0;
  int way = CAISSON_LISTENER_ANSWER;
  for (; caller > 0 && way <= CAISSON_LISTENER_ADDFD_SEND; way++) {
    answers[way] = caisson_answer_call((int)listener, way);
    if (answers[way] == ETIMEDOUT) break;
  }
  if (way <= CAISSON_LISTENER_ADDFD_SEND && caller > 0) kill(caller, SIGKILL);
  if (caller > 0) waitpid(caller, &status, 0);
  for (int i = 0; i < 4 && WIFEXITED(status); i++)
    if (answers[CAISSON_LISTENER_ANSWER + i] == 0 && !(WEXITSTATUS(status) & (1 << i)))
      answers[CAISSON_LISTENER_ANSWER + i] = EIO;
}

/// Whether a child of ours may install a seccomp filter with a listener, and what that one can do.
static inline int caisson_probe_listener(int32_t answers[_Nonnull CAISSON_ANSWERS],
                                         int milliseconds) {
  return caisson_probe(caisson_listener_body, NULL, answers, milliseconds);
}

#endif
