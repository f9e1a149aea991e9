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
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <termios.h>
#include <unistd.h>

#include "PlaceProbes.h"

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

/// Gives a signal its default action; unlike `sigaction`, also those glibc keeps for itself, which
/// `posix_spawn` leaves ignored.
static inline void caisson_reset_signal(int signal_number) {
  unsigned long action[4] = {0};  // The kernel's structure: handler, flags, restorer, mask.
  syscall(SYS_rt_sigaction, signal_number, action, NULL, 8);
}

/// A descriptor that becomes readable when process `pid` ends.
static inline int caisson_pidfd_open(pid_t pid) { return (int)syscall(SYS_pidfd_open, pid, 0); }

/// The inheritable, permitted and effective capabilities of this thread, version 3 of the structure.
static inline int caisson_capget(struct __user_cap_data_struct data[_Nonnull 2]) {
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  return (int)syscall(SYS_capget, &header, data);
}

static inline int caisson_capset(const struct __user_cap_data_struct data[_Nonnull 2]) {
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  return (int)syscall(SYS_capset, &header, data);
}

/// Leaves the session keyring for an empty one (KEYCTL_JOIN_SESSION_KEYRING).
static inline long caisson_new_session_keyring(void) { return syscall(SYS_keyctl, 1, NULL); }

/// Makes the mounts below the one that `mount` is the root of read-only, itself included.
static inline int caisson_make_read_only(int mount) {
  struct mount_attr attributes = {.attr_set = MOUNT_ATTR_RDONLY};
  return mount_setattr(mount, "", AT_EMPTY_PATH | AT_RECURSIVE, &attributes, sizeof attributes);
}

/// Nothing below a mount is a device that can be opened.
static inline int caisson_forbid_devices(int mount) {
  struct mount_attr attributes = {.attr_set = MOUNT_ATTR_NODEV};
  return mount_setattr(mount, "", AT_EMPTY_PATH | AT_RECURSIVE, &attributes, sizeof attributes);
}

/// Puts the loopback interface of this process's network namespace up.
static inline int caisson_start_loopback(void) {
  struct ifreq request = {.ifr_name = "lo"};
  int socket_number = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (socket_number < 0) return -1;
  int status = ioctl(socket_number, SIOCGIFFLAGS, &request);
  if (status == 0) {
    request.ifr_flags |= IFF_UP;
    status = ioctl(socket_number, SIOCSIFFLAGS, &request);
  }
  int kept = errno;
  close(socket_number);
  errno = kept;
  return status;
}

/// The status of a forked child as an errno value: what it exited with.
static inline int caisson_wait_for_errno(pid_t child) {
  int status = 0;
  if (child < 0) return errno;
  while (waitpid(child, &status, 0) < 0)
    if (errno != EINTR) return errno;
  return WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
}

/// Whether a child of ours may `unshare(flags)`: 0, or the errno value.
static inline int caisson_try_unshare(int flags) {
  pid_t child = fork();
  if (child == 0) {
    caisson_close_others(2);
    _exit(unshare(flags) == 0 ? 0 : errno);
  }
  return caisson_wait_for_errno(child);
}

/// Whether a child of ours may mount an overlay in a mount namespace of its own: 0, or the errno
/// value. The directories it needs are on a tmpfs nobody else sees.
static inline int caisson_try_overlay(const char *_Nonnull options) {
  pid_t child = fork();
  if (child == 0) {
    caisson_close_others(2);
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("tmpfs", "/proc", "tmpfs", 0, NULL) != 0 || chdir("/proc") != 0 ||
        mkdir("lower", 0755) != 0 || mkdir("upper", 0755) != 0 || mkdir("work", 0755) != 0 ||
        mkdir("root", 0755) != 0 || mount("overlay", "root", "overlay", 0, options) != 0)
      _exit(errno);
    _exit(0);
  }
  return caisson_wait_for_errno(child);
}

/// A stream socket that listens at `path`, or is connected to it; -1 with errno. unix(7).
static inline int caisson_unix_socket(const char *_Nonnull path, int listens) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof address.sun_path) {
    errno = ENAMETOOLONG;
    return -1;
  }
  strcpy(address.sun_path, path);
  int number = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (number < 0) return -1;
  int status = listens ? bind(number, (struct sockaddr *)&address, sizeof address)
                       : connect(number, (struct sockaddr *)&address, sizeof address);
  if (status == 0 && listens) status = listen(number, 16);
  if (status == 0) return number;
  int kept = errno;
  close(number);
  errno = kept;
  return -1;
}

static inline int caisson_accept(int listener) {
  return accept4(listener, NULL, NULL, SOCK_CLOEXEC);
}

/// `environ` is a mutable global, which Swift 6 refuses.
static inline char *_Nullable *_Nullable caisson_environ(void) { return environ; }

static inline FILE *_Nonnull caisson_stdout(void) { return stdout; }

#endif
