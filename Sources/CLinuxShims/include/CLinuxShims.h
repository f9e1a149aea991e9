// SPDX-License-Identifier: Apache-2.0

// What glibc's Swift module leaves out: hidden declarations, variadics and macros. No state, no
// allocation.

#ifndef CAISSON_LINUX_SHIMS_H
#define CAISSON_LINUX_SHIMS_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/openat2.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <termios.h>
#include <unistd.h>

/// Opens `path` below `directory`; `resolve` takes RESOLVE_* flags. openat2 has no glibc wrapper.
static inline int caisson_openat2(int directory, const char *_Nonnull path, uint64_t flags,
                                  uint64_t mode, uint64_t resolve) {
  struct open_how how = {.flags = flags, .mode = mode, .resolve = resolve};
  return (int)syscall(SYS_openat2, directory, path, &how, sizeof how);
}

static inline int caisson_pivot_root(const char *_Nonnull new_root, const char *_Nonnull put_old) {
  return (int)syscall(SYS_pivot_root, new_root, put_old);
}

/// `prctl` is variadic, which Swift cannot call.
static inline int caisson_prctl(int option, unsigned long a, unsigned long b, unsigned long c,
                                unsigned long d) {
  return prctl(option, a, b, c, d);
}

static inline int caisson_ioctl_pointer(int fd, unsigned long request, void *_Nullable argument) {
  return ioctl(fd, request, argument);
}

static inline int caisson_fcntl_int(int fd, int command, int argument) {
  return fcntl(fd, command, argument);
}

static inline unsigned caisson_major(uint64_t device) { return major(device); }
static inline unsigned caisson_minor(uint64_t device) { return minor(device); }
static inline uint64_t caisson_makedev(unsigned major_number, unsigned minor_number) {
  return makedev(major_number, minor_number);
}

static inline int caisson_wifexited(int status) { return WIFEXITED(status); }
static inline int caisson_wexitstatus(int status) { return WEXITSTATUS(status); }
static inline int caisson_wifsignaled(int status) { return WIFSIGNALED(status); }
static inline int caisson_wtermsig(int status) { return WTERMSIG(status); }

/// `environ` is a mutable global, which Swift 6 refuses.
static inline char *_Nullable *_Nullable caisson_environ(void) { return environ; }

static inline FILE *_Nonnull caisson_stdout(void) { return stdout; }

#endif
