// SPDX-License-Identifier: Apache-2.0
//
// Says what a pod allows: one line "NAME ok" or "NAME ERRNO-NAME" for each call that its seccomp profile, its
// capabilities or no_new_privs decide about. Calls that cannot be undone are made with arguments that are wrong in
// another way: EFAULT and the like mean that the call got through.

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

static void report(const char *name, long result) {
  printf("%s %s\n", name, result >= 0 ? "ok" : strerrorname_np(errno));
  fflush(stdout);
}

/// In a child, so that this process stays where it is.
static void report_in_child(const char *name, long (*call)(void)) {
  pid_t child = fork();
  if (child == 0) {
    report(name, call());
    _exit(0);
  }
  waitpid(child, NULL, 0);
}

static long unshare_user(void) { return unshare(CLONE_NEWUSER); }
static long unshare_mount(void) { return unshare(CLONE_NEWNS); }
static long change_root(void) { return chroot("/"); }
static long become_other(void) { return setuid(12345); }
static long set_other_groups(void) {
  gid_t group = 12345;
  return syscall(SYS_setgroups, 1, &group);
}
static long traced(void) { return ptrace(PTRACE_TRACEME, 0, NULL, NULL); }

static long clone_user(void) {
  long child = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL);
  if (child == 0) _exit(0);
  return child;
}

static long mount_tmpfs(void) { return mount("tmpfs", "/tmp", "tmpfs", 0, NULL); }

static long make_node(mode_t type, dev_t device) {
  char name[] = "/tmp/probe-node";
  long result = mknod(name, type | 0600, device);
  int saved = errno;
  unlink(name);
  errno = saved;
  return result;
}

static int file(void) { return open("/tmp/probe-file", O_RDWR | O_CREAT, 0600); }

static long set_capability_attribute(void) {
  unsigned char value[20] = {1, 0, 0, 2, 1, 0, 0, 0};
  return fsetxattr(file(), "security.capability", value, 20, 0);
}

static long inner_root(void) {
  struct open_how how = {.flags = O_PATH, .resolve = RESOLVE_IN_ROOT};
  return syscall(SYS_openat2, AT_FDCWD, "/", &how, sizeof how);
}

static long read_own_memory(void) {
  char target;
  struct iovec local = {&target, 1}, remote = {(void *)&inner_root, 1};
  return process_vm_readv(getpid(), &local, 1, &remote, 1, 0);
}

int main(void) {
  report("no_new_privs", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 : (errno = ENODATA, -1));
  report_in_child("unshare-user", unshare_user);
  report_in_child("unshare-mount", unshare_mount);
  report_in_child("clone-user", clone_user);
  report("clone3", syscall(SYS_clone3, NULL, 0));
  report("setns", syscall(SYS_setns, -1, 0));
  report_in_child("mount", mount_tmpfs);
  report("umount2", syscall(SYS_umount2, "/nowhere", 0));
  report("fsopen", syscall(SYS_fsopen, NULL, 0));
  report("open_tree", syscall(SYS_open_tree, -1, NULL, 0));
  report("pivot_root", syscall(SYS_pivot_root, "/nowhere", "/nowhere"));
  report_in_child("chroot", change_root);
  report("bpf", syscall(SYS_bpf, -1, NULL, 0));
  report("pidfd_open", syscall(SYS_pidfd_open, getpid(), 0));
  report("pidfd_getfd", syscall(SYS_pidfd_getfd, -1, 0, 0));
  report("kcmp", syscall(SYS_kcmp, getpid(), getpid(), 0, 0, 0));
  report("process_vm_readv", read_own_memory());
  report_in_child("ptrace", traced);
  report("open_by_handle_at", syscall(SYS_open_by_handle_at, -1, NULL, 0));
  report("io_uring_setup", syscall(SYS_io_uring_setup, 0, NULL));
  report("keyctl", syscall(SYS_keyctl, -1));
  report("userfaultfd", syscall(SYS_userfaultfd, -1));
  report("personality-query", personality(0xffffffff));
  report("personality-no-randomization", personality(ADDR_NO_RANDOMIZE));
  report("socket-unix", socket(AF_UNIX, SOCK_STREAM, 0));
  report("socket-alg", socket(AF_ALG, SOCK_SEQPACKET, 0));
  report("socket-vsock", socket(AF_VSOCK, SOCK_STREAM, 0));
  report("socket-raw", socket(AF_INET, SOCK_RAW, 1));
  report("openat2", inner_root());
  report("memfd_create", memfd_create("probe", 0));
  report("seccomp", syscall(SYS_seccomp, 2, 0, NULL));  // SECCOMP_GET_ACTION_AVAIL
  report("chown-other", fchown(file(), 12345, 12345));
  report("capability-attribute", set_capability_attribute());
  report("user-attribute", fsetxattr(file(), "user.probe", "1", 1, 0));
  report("mknod-device", make_node(S_IFCHR, makedev(1, 3)));
  report("mknod-whiteout", make_node(S_IFCHR, makedev(0, 0)));
  report("mknod-fifo", make_node(S_IFIFO, 0));
  report_in_child("setuid-other", become_other);
  report_in_child("setgroups", set_other_groups);
  report("write-root", mkdir("/probe-directory", 0700));
  report("write-proc-sys", open("/proc/sys/kernel/hostname", O_WRONLY));
  unlink("/tmp/probe-file");
  rmdir("/probe-directory");
  return 0;
}
