// SPDX-License-Identifier: Apache-2.0

// What may be mounted in namespaces of one's own.

#ifndef CAISSON_MOUNTING_PROBE_H
#define CAISSON_MOUNTING_PROBE_H

#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "ProbeChild.h"

enum {
  CAISSON_MOUNTING_USER_NAMESPACE,
  CAISSON_MOUNTING_ID_MAP,
  CAISSON_MOUNTING_NAMESPACE,
  CAISSON_MOUNTING_TMPFS,
  CAISSON_MOUNTING_BIND,
  CAISSON_MOUNTING_OVERLAY,
  CAISSON_MOUNTING_PROC,
  CAISSON_MOUNTING_CHROOT,
  CAISSON_MOUNTING_OVERLAY_IN_WORK,
  CAISSON_MOUNTING_PIVOT_ROOT,
};

struct caisson_mounting {
  /// Lines of /proc/self/uid_map and gid_map; NULL to stay in this user namespace.
  const char *_Nullable uid_map;
  const char *_Nullable gid_map;
  /// For an overlay of the directories lower, upper and work.
  const char *_Nonnull overlay_options;
  /// Absolute; has these three directories. NULL to try on a tmpfs only.
  const char *_Nullable work;
};

static inline int caisson_write_file(const char *_Nonnull path, const char *_Nonnull text) {
  int file = open(path, O_WRONLY | O_CLOEXEC);
  if (file < 0) return errno;
  int failure = caisson_errno_of(write(file, text, strlen(text)));
  close(file);
  return failure;
}

/// Whether a process namespace of one's own may have its /proc, which masked paths forbid.
static inline int caisson_try_proc(void) {
  int status = 0;
  if (unshare(CLONE_NEWPID) != 0) return errno;
  pid_t child = fork();
  if (child < 0) return errno;
  if (child == 0) _exit(caisson_errno_of(mount("proc", "proc", "proc", 0, NULL)));
  return waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status) : ECHILD;
}

static inline void caisson_mounting_body(const void *_Nullable argument,
                                         int32_t *_Nonnull answers) {
  const struct caisson_mounting *mounting = (const struct caisson_mounting *)argument;
  answers[CAISSON_MOUNTING_USER_NAMESPACE] = 0;
  answers[CAISSON_MOUNTING_ID_MAP] = 0;
  if (mounting->uid_map != NULL) {
    answers[CAISSON_MOUNTING_USER_NAMESPACE] = caisson_errno_of(unshare(CLONE_NEWUSER));
    if (answers[CAISSON_MOUNTING_USER_NAMESPACE] != 0) return;
    caisson_write_file("/proc/self/setgroups", "deny");
    int mapped = caisson_write_file("/proc/self/uid_map", mounting->uid_map);
    if (mapped == 0) mapped = caisson_write_file("/proc/self/gid_map", mounting->gid_map);
    answers[CAISSON_MOUNTING_ID_MAP] = mapped;
    if (mapped != 0) return;
  }
  answers[CAISSON_MOUNTING_CHROOT] = caisson_errno_of(chroot("/"));
  answers[CAISSON_MOUNTING_NAMESPACE] = caisson_errno_of(unshare(CLONE_NEWNS));
  if (answers[CAISSON_MOUNTING_NAMESPACE] != 0) return;
  int mounted = caisson_errno_of(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL));
  if (mounted == 0) mounted = caisson_errno_of(mount("tmpfs", "/proc", "tmpfs", 0, NULL));
  if (mounted == 0) mounted = caisson_errno_of(chdir("/proc"));
  answers[CAISSON_MOUNTING_TMPFS] = mounted;
  if (mounted != 0) return;
  mkdir("lower", 0755);
  mkdir("upper", 0755);
  mkdir("work", 0755);
  mkdir("root", 0755);
  mkdir("proc", 0755);
  answers[CAISSON_MOUNTING_BIND] =
      caisson_errno_of(mount("lower", "root", NULL, MS_BIND, NULL));
  answers[CAISSON_MOUNTING_OVERLAY] =
      caisson_errno_of(mount("overlay", "root", "overlay", 0, mounting->overlay_options));
  answers[CAISSON_MOUNTING_PROC] = caisson_try_proc();
  if (mounting->work != NULL) {
    int overlaid = caisson_errno_of(chdir(mounting->work));
    // The mount point need not lie on the file system of the upper directory.
    if (overlaid == 0)
      overlaid = caisson_errno_of(
          mount("overlay", "/proc/work", "overlay", 0, mounting->overlay_options));
    answers[CAISSON_MOUNTING_OVERLAY_IN_WORK] = overlaid;
  }
  // Last, since nothing is where it was afterwards.
  int pivoted = caisson_errno_of(chdir("/proc/root"));
  if (pivoted == 0) pivoted = caisson_errno_of(syscall(SYS_pivot_root, ".", "."));
  answers[CAISSON_MOUNTING_PIVOT_ROOT] = pivoted;
}

/// What a child of ours may mount in a mount namespace of its own, or of a user namespace of its own.
static inline int caisson_probe_mounting(const struct caisson_mounting *_Nonnull mounting,
                                         int32_t answers[_Nonnull CAISSON_ANSWERS],
                                         int milliseconds) {
  return caisson_probe(caisson_mounting_body, mounting, answers, milliseconds);
}

#endif
