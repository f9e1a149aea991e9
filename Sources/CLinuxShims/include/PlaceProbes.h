// SPDX-License-Identifier: Apache-2.0

// What a place allows: probes by forked children, and questions to the kernel.

#ifndef CAISSON_PLACE_PROBES_H
#define CAISSON_PLACE_PROBES_H

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "ListenerProbe.h"
#include "MountingProbe.h"
#include "ProbeChild.h"
#include "TracingProbe.h"

/// Whether a child of ours may become the program in `file`, which ends at once with status 42.
static inline int caisson_try_program(int file, int milliseconds) {
  int status = 0;
  int waited = 0;
  pid_t child = fork();
  if (child < 0) return errno;
  if (child == 0) {
    char *empty[1] = {NULL};
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    caisson_close_others(file);
    syscall(SYS_execveat, file, "", empty, empty, AT_EMPTY_PATH);
    _exit(errno);
  }
  pid_t ended = waitpid(child, &status, WNOHANG);
  for (; ended == 0 && waited < milliseconds; waited++) {
    poll(NULL, 0, 1);
    ended = waitpid(child, &status, WNOHANG);
  }
  if (ended == 0) {
    kill(child, SIGKILL);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
    return ETIMEDOUT;
  }
  if (ended < 0 || !WIFEXITED(status)) return ECHILD;
  return WEXITSTATUS(status) == 42 ? 0 : WEXITSTATUS(status);
}

/// Whether files in `directory` have a time of birth: 0, ENODATA, or what statx said.
static inline int caisson_try_birth_time(const char *_Nonnull directory) {
  struct statx found;
  if (statx(AT_FDCWD, directory, 0, STATX_BTIME, &found) != 0) return errno;
  return found.stx_mask & STATX_BTIME ? 0 : ENODATA;
}

/// The soft and hard limit of a resource; RLIM_INFINITY is UINT64_MAX.
static inline int caisson_get_limit(int resource, uint64_t *_Nonnull soft, uint64_t *_Nonnull hard) {
  struct rlimit limit = {0};
  int result = (int)syscall(SYS_prlimit64, 0, resource, NULL, &limit);
  *soft = limit.rlim_cur;
  *hard = limit.rlim_max;
  return result;
}

/// RLIMIT_* are values of an enumeration that Swift does not take as numbers.
enum {
  CAISSON_LIMIT_FILES = 7,
  CAISSON_LIMIT_PROCESSES = 6,
  CAISSON_LIMIT_FILE_SIZE = 1,
  CAISSON_LIMIT_LOCKS = 10,
};
_Static_assert((int)CAISSON_LIMIT_FILES == (int)RLIMIT_NOFILE &&
                   (int)CAISSON_LIMIT_PROCESSES == (int)RLIMIT_NPROC &&
                   (int)CAISSON_LIMIT_FILE_SIZE == (int)RLIMIT_FSIZE &&
                   (int)CAISSON_LIMIT_LOCKS == (int)RLIMIT_LOCKS,
               "the kernel's numbers");

/// The version of Landlock, or -1 with errno.
static inline int caisson_landlock_version(void) {
  return (int)syscall(SYS_landlock_create_ruleset, NULL, 0, 1);
}

/// A file in memory that may be executed; kernels before 6.3 do not know MFD_EXEC and need no asking.
static inline int caisson_executable_memfd(const char *_Nonnull name) {
  int file = (int)syscall(SYS_memfd_create, name, 0x0001U | 0x0010U);
  if (file < 0 && errno == EINVAL) file = (int)syscall(SYS_memfd_create, name, 0x0001U);
  return file;
}

#endif
