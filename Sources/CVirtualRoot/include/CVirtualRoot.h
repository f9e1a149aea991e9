// SPDX-License-Identifier: Apache-2.0

// The kernel's interfaces behind the virtual root, as far as Swift cannot call them or glibc's headers
// lack them. No state, no allocation.

#ifndef CAISSON_VIRTUAL_ROOT_H
#define CAISSON_VIRTUAL_ROOT_H

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/user.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "Loader.h"
#include "Tracing.h"

// Newer than the headers of Debian 12 (Linux 6.6).
#define CAISSON_NOTIF_FD_SYNC_WAKE_UP 1UL
#define CAISSON_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, uint64_t)

/// Installs `program` on this thread for good and makes a listener for what it hands over; -1 with
/// errno. seccomp(2), SECCOMP_FILTER_FLAG_NEW_LISTENER.
static inline int caisson_install_filter(const struct sock_filter *_Nonnull program,
                                         unsigned short count) {
  struct sock_fprog description = {.len = count, .filter = (struct sock_filter *)program};
  unsigned long flags = SECCOMP_FILTER_FLAG_NEW_LISTENER;
  int listener = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                              flags | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, &description);
  // Before Linux 5.19: a signal may interrupt a call that was carried out.
  if (listener < 0 && errno == EINVAL)
    listener = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &description);
  return listener;
}

/// The next call of a process behind `listener`; waits for it. 0, or -1 with errno.
static inline int caisson_receive(int listener, struct seccomp_notif *_Nonnull notification) {
  memset(notification, 0, sizeof *notification);
  return ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, notification);
}

/// Ends a call: with `value`, or `-error`, or by letting the kernel carry it out.
static inline int caisson_answer(int listener, uint64_t id, int64_t value, int error,
                                 uint32_t flags) {
  struct seccomp_notif_resp response = {.id = id, .val = value, .error = error, .flags = flags};
  return ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response);
}

/// Ends a call with a copy of `descriptor` as its value.
static inline int caisson_answer_descriptor(int listener, uint64_t id, int descriptor,
                                            int close_on_exec) {
  struct seccomp_notif_addfd request = {.id = id,
                                        .flags = SECCOMP_ADDFD_FLAG_SEND,
                                        .srcfd = (uint32_t)descriptor,
                                        .newfd_flags = close_on_exec ? O_CLOEXEC : 0};
  return ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &request);
}

/// Gives the caller a copy of `descriptor` while it goes on waiting; its number there, or -1.
static inline int caisson_add_descriptor(int listener, uint64_t id, int descriptor,
                                         int close_on_exec) {
  struct seccomp_notif_addfd request = {
      .id = id, .srcfd = (uint32_t)descriptor, .newfd_flags = close_on_exec ? O_CLOEXEC : 0};
  return ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &request);
}

static inline int caisson_is_valid(int listener, uint64_t id) {
  return ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0;
}

/// Runs whoever waits at the other end at once, on the same processor (Linux 6.6; else refused).
static inline int caisson_wake_up_synchronously(int listener) {
  return ioctl(listener, CAISSON_IOCTL_NOTIF_SET_FLAGS, CAISSON_NOTIF_FD_SYNC_WAKE_UP);
}

/// The soft limit of RLIMIT_LOCKS of a process, which the kernel ignores; UINT64_MAX for none or for a
/// process that is gone.
static inline uint64_t caisson_tag(pid_t process) {
  struct rlimit limit;
  if (prlimit(process, RLIMIT_LOCKS, NULL, &limit) != 0) return UINT64_MAX;
  return limit.rlim_cur == RLIM_INFINITY ? UINT64_MAX : (uint64_t)limit.rlim_cur;
}

static inline int caisson_set_tag(pid_t process, uint64_t tag) {
  struct rlimit limit = {.rlim_cur = (rlim_t)tag, .rlim_max = RLIM_INFINITY};
  return prlimit(process, RLIMIT_LOCKS, &limit, NULL);
}

/// Copies up to `count` bytes (8 KiB at most) from `address` of a process; fewer where its memory
/// ends.
static inline ssize_t caisson_read_memory(pid_t process, uint64_t address, void *_Nonnull buffer,
                                          size_t count) {
  const size_t page = 4096;
  struct iovec local = {.iov_base = buffer, .iov_len = count};
  // One element a page: what lies before an unmapped page still arrives.
  struct iovec remote[4];
  unsigned parts = 0;
  while (count > 0 && parts < 4) {
    size_t rest = page - address % page;
    if (rest > count) rest = count;
    remote[parts++] = (struct iovec){.iov_base = (void *)address, .iov_len = rest};
    address += rest;
    count -= rest;
  }
  return process_vm_readv(process, &local, 1, remote, parts, 0);
}

static inline ssize_t caisson_write_memory(pid_t process, uint64_t address,
                                           const void *_Nonnull bytes, size_t count) {
  struct iovec local = {.iov_base = (void *)bytes, .iov_len = count};
  struct iovec remote = {.iov_base = (void *)address, .iov_len = count};
  return process_vm_writev(process, &local, 1, &remote, 1, 0);
}

/// `openat2` with one number for the result; glibc has no wrapper. RESOLVE_* as in openat2(2).
static inline int caisson_open_resolved(int directory, const char *_Nonnull path, uint64_t flags,
                                        uint64_t mode, uint64_t resolve) {
  struct {
    uint64_t flags, mode, resolve;
  } how = {flags, mode, resolve};
  int result;
  do {
    result = (int)syscall(SYS_openat2, directory, path, &how, sizeof how);
    // EAGAIN: a rename somewhere made the kernel unsure of a `..`.
  } while (result < 0 && (errno == EAGAIN || errno == EINTR));
  return result;
}

/// renameat2(2); RENAME_* for the flags. File systems without them know 0.
static inline int caisson_rename(int old_directory, const char *_Nonnull old_name, int new_directory,
                                 const char *_Nonnull new_name, unsigned flags) {
  return (int)syscall(SYS_renameat2, old_directory, old_name, new_directory, new_name, flags);
}

/// A system call of this thread alone, where glibc's function is for all threads; `syscall` is
/// variadic, which Swift cannot call. The result, or minus the error.
static inline long caisson_thread_call(long number, long a, long b, long c, long d, long e) {
  long result = syscall(number, a, b, c, d, e);
  return result < 0 ? -errno : result;
}

static inline int caisson_bind(int socket, const void *_Nonnull address, socklen_t size) {
  return bind(socket, (const struct sockaddr *)address, size);
}

/// Sends one descriptor over a socket; the sixth argument, which the kernel ignores, is `cookie`.
static inline long caisson_send_descriptor(int socket, int descriptor, uint64_t cookie) {
  char byte = 0, control[CMSG_SPACE(sizeof(int))] = {0};
  struct iovec data = {.iov_base = &byte, .iov_len = 1};
  struct msghdr message = {.msg_iov = &data,
                           .msg_iovlen = 1,
                           .msg_control = control,
                           .msg_controllen = sizeof control};
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  memcpy(CMSG_DATA(header), &descriptor, sizeof descriptor);
  return syscall(SYS_sendmsg, socket, &message, MSG_NOSIGNAL, 0L, 0L, cookie);
}

/// The descriptor that arrives on a socket, close-on-exec; -1 when the other end closed or failed.
static inline int caisson_receive_descriptor(int socket) {
  char byte = 0, control[CMSG_SPACE(sizeof(int))] = {0};
  struct iovec data = {.iov_base = &byte, .iov_len = 1};
  struct msghdr message = {.msg_iov = &data,
                           .msg_iovlen = 1,
                           .msg_control = control,
                           .msg_controllen = sizeof control};
  if (recvmsg(socket, &message, MSG_CMSG_CLOEXEC) != 1) return -1;
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  if (!header || header->cmsg_type != SCM_RIGHTS) return -1;
  int descriptor = -1;
  memcpy(&descriptor, CMSG_DATA(header), sizeof descriptor);
  return descriptor;
}

// Landlock (Linux 5.13 and later); the structure of later versions ends in fields the older ignore.

struct caisson_landlock_ruleset {
  uint64_t handled_access_fs, handled_access_net, scoped;
};

static inline int caisson_landlock_create(const struct caisson_landlock_ruleset *_Nonnull ruleset) {
  return (int)syscall(SYS_landlock_create_ruleset, ruleset, sizeof *ruleset, 0);
}

static inline int caisson_landlock_allow(int ruleset, int directory, uint64_t access) {
  struct landlock_path_beneath_attr rule = {.allowed_access = access, .parent_fd = directory};
  return (int)syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
}

static inline int caisson_landlock_restrict(int ruleset) {
  return (int)syscall(SYS_landlock_restrict_self, ruleset, 0);
}

#endif
