// SPDX-License-Identifier: Apache-2.0

// What a place allows, found out by forked children: each tries something, tells the result as
// errno values, and is killed when it takes too long. Nothing they do outlives them. Between fork and
// end run only async-signal-safe calls.

#ifndef CAISSON_PLACE_PROBES_H
#define CAISSON_PLACE_PROBES_H

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

// Later than the headers of Linux 6.1.
#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif
#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

/// How many answers a probe may give. Each is 0 or an errno value; -1 was not come to.
enum { CAISSON_ANSWERS = 10 };

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
    close(line[0]);
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

// MARK: - A seccomp listener

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
  if (poll(&waited, 1, 400) != 1) return ETIMEDOUT;
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

// MARK: - Power over a descendant

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

// MARK: - Namespaces and mounts

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
  if (mounting->work == NULL) return;
  int overlaid = caisson_errno_of(chdir(mounting->work));
  // The mount point need not lie on the file system of the upper directory.
  if (overlaid == 0)
    overlaid = caisson_errno_of(
        mount("overlay", "/proc", "overlay", 0, mounting->overlay_options));
  answers[CAISSON_MOUNTING_OVERLAY_IN_WORK] = overlaid;
}

/// What a child of ours may mount in a mount namespace of its own, or of a user namespace of its own.
static inline int caisson_probe_mounting(const struct caisson_mounting *_Nonnull mounting,
                                         int32_t answers[_Nonnull CAISSON_ANSWERS],
                                         int milliseconds) {
  return caisson_probe(caisson_mounting_body, mounting, answers, milliseconds);
}

// MARK: - Programs and files

/// Whether a child of ours may become the program in `file`, which ends at once with status 42.
static inline int caisson_try_program(int file, int milliseconds) {
  int status = 0;
  int waited = 0;
  pid_t child = fork();
  if (child < 0) return errno;
  if (child == 0) {
    char *empty[1] = {NULL};
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
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
_Static_assert(CAISSON_LIMIT_FILES == RLIMIT_NOFILE && CAISSON_LIMIT_PROCESSES == RLIMIT_NPROC &&
                   CAISSON_LIMIT_FILE_SIZE == RLIMIT_FSIZE && CAISSON_LIMIT_LOCKS == RLIMIT_LOCKS,
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
