// SPDX-License-Identifier: Apache-2.0
//
// What a step may do to its builder out of malice or by mistake: hostile NAME [ARGUMENT]. Exits with 0 when the
// program was served as by the kernel itself.

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/io_uring.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "needle.h"

extern char **environ;

static int failed(const char *what) {
  printf("hostile: %s: %s\n", what, strerror(errno));
  return 1;
}

/// Two for each until there are many; all of them ask for files meanwhile.
static int fork_bomb(const char *depth) {
  char program[PATH_MAX];
  ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
  if (length <= 0) return failed("/proc/self/exe");
  program[length] = 0;
  int left = depth ? atoi(depth) : 8, bad = 0;
  char less[16];
  snprintf(less, sizeof less, "%d", left - 1);
  pid_t children[2] = {0, 0};
  for (int i = 0; i < 2 && left > 0; i++) {
    children[i] = fork();
    if (children[i] < 0 && errno != EAGAIN) return failed("fork");
    if (children[i] == 0) {
      execl(program, program, "fork-bomb", less, NULL);
      _exit(1);
    }
  }
  struct stat status;
  for (int i = 0; i < 20; i++) bad |= stat("/etc/passwd", &status) != 0;
  for (int i = 0; i < 2; i++) {
    int state = 0;
    if (children[i] > 0 && (waitpid(children[i], &state, 0) != children[i] || state != 0)) bad = 1;
  }
  return bad;
}

static int many_files(void) {
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) return failed("setrlimit");
  int wanted = limit.rlim_max > 10100 ? 10000 : (int)limit.rlim_max - 100, opened = 0;
  mkdir("/many", 0755);
  int *files = calloc((size_t)wanted, sizeof *files);
  for (; opened < wanted; opened++) {
    char name[64];
    snprintf(name, sizeof name, "/many/%d", opened);
    files[opened] = open(name, O_CREAT | O_RDWR, 0644);
    if (files[opened] < 0) break;
    if (write(files[opened], name, strlen(name)) < 0) break;
  }
  if (opened != wanted) return failed("open");
  struct stat status;
  if (fstat(files[wanted / 2], &status) != 0 || status.st_size == 0) return failed("fstat");
  for (int i = 0; i < opened; i++) {
    char name[64];
    snprintf(name, sizeof name, "/many/%d", i);
    if (unlink(name) != 0) return failed(name);
  }
  limit.rlim_cur = 20;
  setrlimit(RLIMIT_NOFILE, &limit);
  if (open("/etc/passwd", O_RDONLY) >= 0 || errno != EMFILE) return failed("open beyond the limit");
  return 0;
}

/// Everything it was started with is gone; files and programs still work.
static int without_descriptors(void) {
  for (int i = 0; i < 3; i++) close(i);
  syscall(SYS_close_range, 3, ~0U, 0);
  int file = open("/closed", O_CREAT | O_RDWR, 0644);
  if (file != 0 || write(file, "x", 1) != 1) return 1;
  struct stat status;
  if (stat("/etc/passwd", &status) != 0 || mkdir("/closed.d", 0755) != 0 || chown("/closed", 5, 5) != 0) return 2;
  pid_t child = fork();
  if (child == 0) {
    close(0);
    execl("/bin/true", "true", NULL);
    _exit(9);
  }
  int state;
  waitpid(child, &state, 0);
  return state == 0 ? 0 : 3;
}

static int huge_arguments(void) {
  // The kernel's limit is a quarter of the stack, and 128 KiB for each.
  enum { count = 16, size = 100 << 10 };
  char *one = malloc(size);
  memset(one, 'a', size - 1);
  one[size - 1] = 0;
  char *many[count + 3] = {"true"};
  for (int i = 1; i <= count; i++) many[i] = one;
  pid_t child = fork();
  if (child == 0) {
    execv("/bin/true", many);
    _exit(9);
  }
  int state;
  waitpid(child, &state, 0);
  if (state != 0) return failed("1.6 MB of arguments");
  char **far_too_many = calloc(2000000, sizeof *far_too_many);
  for (int i = 0; i < 1999999; i++) far_too_many[i] = "0123456789";
  if (execv("/bin/true", far_too_many) != -1 || errno != E2BIG) return failed("20 MB of arguments");
  char *invalid[] = {"true", (char *)16, NULL};
  if (execv("/bin/true", invalid) != -1 || errno != EFAULT) return failed("an argument nowhere");
  return 0;
}

/// Every process that can be named or guessed, but itself, its parent and the first.
static int kill_all(void) {
  int self = getpid(), parent = getppid();
  signal(SIGTERM, SIG_IGN);
  int signals[] = {SIGSTOP, SIGKILL};
  for (int i = 0; i < 2; i++)
    for (int pid = 2; pid < 70000; pid++) {
      if (pid == self || pid == parent) continue;
      kill(pid, signals[i]);
      syscall(SYS_tkill, pid, signals[i]);
      siginfo_t information = {.si_code = SI_QUEUE};
      syscall(SYS_rt_sigqueueinfo, pid, signals[i], &information);
      int handle = (int)syscall(SYS_pidfd_open, pid, 0);
      if (handle >= 0) {
        syscall(SYS_pidfd_send_signal, handle, signals[i], NULL, 0);
        close(handle);
      }
      struct rlimit none = {0, 0};
      prlimit(pid, RLIMIT_NOFILE, &none, NULL);
      setpriority(PRIO_PROCESS, (id_t)pid, 19);
    }
  kill(-1, SIGCONT);
  return 0;
}

/// The tracer writes other paths into a stopped call; they are resolved as any other.
static int rewrite_calls(const char *target) {
  static char path[4096];
  snprintf(path, sizeof path, "/etc/passwd");
  pid_t child = fork();
  if (child == 0) {
    ptrace(PTRACE_TRACEME, 0, NULL, NULL);
    raise(SIGSTOP);
    for (int i = 0; i < 20; i++) {
      unsigned char bytes[4096];
      int file = open(path, O_RDONLY);
      ssize_t count = file < 0 ? 0 : read(file, bytes, sizeof bytes);
      if (count > 0 && has_needle(bytes, (size_t)count)) _exit(42);
      close(file);
    }
    _exit(0);
  }
  int state, stops = 0;
  if (waitpid(child, &state, 0) != child) return failed("waitpid");
  ptrace(PTRACE_SETOPTIONS, child, NULL, (void *)PTRACE_O_TRACESYSGOOD);
  // PTRACE_O_SUSPEND_SECCOMP would lift every filter.
  if (ptrace(PTRACE_SETOPTIONS, child, NULL, (void *)(PTRACE_O_TRACESYSGOOD | 1 << 21)) == 0) {
    printf("hostile: a tracer may suspend the filter\n");
    return 1;
  }
  while (!WIFEXITED(state) && !WIFSIGNALED(state)) {
    struct user_regs_struct registers;
    if (WSTOPSIG(state) == (SIGTRAP | 0x80) && ptrace(PTRACE_GETREGS, child, NULL, &registers) == 0 &&
        registers.orig_rax == SYS_openat) {
      stops++;
      for (size_t i = 0; i < strlen(target) + 1; i += sizeof(long)) {
        long word;
        memcpy(&word, target + i, sizeof word);
        ptrace(PTRACE_POKEDATA, child, path + i, (void *)word);
      }
    }
    if (ptrace(PTRACE_SYSCALL, child, NULL, NULL) != 0 || waitpid(child, &state, 0) != child) return failed("PTRACE_SYSCALL");
  }
  if (!WIFEXITED(state) || WEXITSTATUS(state) != 0 || stops < 20) {
    printf("hostile: the traced program ended with %x after %d stops\n", state, stops);
    return 1;
  }
  return 0;
}

static long in_32_bits(long number, const void *first, long second) {
  long result;
  __asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(first), "c"(second), "d"(0) : "memory", "r8", "r9", "r10", "r11");
  return result;
}

/// Has the kernel open and read a file by io_uring, which no filter for calls sees. False where there is no ring.
static int opens_by_ring(const char *target) {
  struct io_uring_params parameters = {0};
  int ring = (int)syscall(SYS_io_uring_setup, 4, &parameters);
  if (ring < 0) return 0;
  char *queue = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQ_RING);
  char *answers = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_CQ_RING);
  struct io_uring_sqe *entries = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQES);
  if (queue == MAP_FAILED || answers == MAP_FAILED || entries == MAP_FAILED) return 0;
  unsigned char bytes[4096];
  int file = AT_FDCWD;
  for (int step = 0; step < 2; step++) {
    unsigned *tail = (unsigned *)(queue + parameters.sq_off.tail);
    struct io_uring_sqe *entry = &entries[*tail & 3];
    memset(entry, 0, sizeof *entry);
    entry->opcode = step == 0 ? IORING_OP_OPENAT : IORING_OP_READ;
    entry->fd = file;
    entry->addr = step == 0 ? (unsigned long)target : (unsigned long)bytes;
    entry->len = step == 0 ? 0 : sizeof bytes;
    ((unsigned *)(queue + parameters.sq_off.array))[*tail & 3] = *tail & 3;
    __atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
    if (syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) != 1) break;
    unsigned *head = (unsigned *)(answers + parameters.cq_off.head);
    file = ((struct io_uring_cqe *)(answers + parameters.cq_off.cqes))[*head & 7].res;
    __atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
    if (file < 0) break;
  }
  close(ring);
  return file > 0 && has_needle(bytes, (size_t)file);
}

/// Calls by other doors: the 32-bit table, x32, file handles, a new root, a new mount.
static int other_doors(const char *target) {
  int bad = 0;
  // In low memory, where a 32-bit pointer reaches it.
  char *low = mmap((void *)0x10000000, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  if (low == MAP_FAILED) return failed("mmap");
  strcpy(low, target);
  strcpy(low + 4096, "/by-32-bits");
  pid_t child = fork();
  if (child == 0) {
    long file = in_32_bits(5, low, O_RDONLY);
    unsigned char bytes[4096];
    ssize_t count = file < 0 ? 0 : read((int)file, bytes, sizeof bytes);
    file = syscall(SYS_open | 0x40000000, target, O_RDONLY, 0);
    if (file >= 0 && count <= 0) count = read((int)file, bytes, sizeof bytes);
    _exit(count > 0 && has_needle(bytes, (size_t)count) ? 42 : 0);
  }
  // A filter may well kill it.
  int state;
  waitpid(child, &state, 0);
  if (WIFEXITED(state) && WEXITSTATUS(state) == 42) bad = 1, printf("hostile: the 32-bit calls read the secret\n");

  struct {
    struct file_handle head;
    unsigned char bytes[128];
  } handle = {.head.handle_bytes = 128};
  int mount;
  if (name_to_handle_at(AT_FDCWD, "/", &handle.head, &mount, 0) == 0) {
    int anchor = open("/", O_RDONLY | O_DIRECTORY);
    if (open_by_handle_at(anchor, &handle.head, O_RDONLY) >= 0) bad = 1, printf("hostile: a file was opened by its handle\n");
  }
  if (opens_by_ring(target)) bad = 1, printf("hostile: a ring read the secret\n");
  child = fork();
  if (child == 0) {
    // The way out of a root for whoever keeps a directory above it.
    mkdir("/cell", 0755);
    int above = open("/", O_RDONLY | O_DIRECTORY);
    if (chroot("/cell") != 0) _exit(0);
    if (fchdir(above) != 0) _exit(1);
    for (int i = 0; i < 100; i++)
      if (chdir("..") != 0) _exit(1);
    unsigned char bytes[4096];
    int file = open(target + 1, O_RDONLY);
    ssize_t count = file < 0 ? 0 : read(file, bytes, sizeof bytes);
    _exit(count > 0 && has_needle(bytes, (size_t)count) ? 42 : 0);
  }
  waitpid(child, &state, 0);
  rmdir("/cell");
  if (WIFEXITED(state) && WEXITSTATUS(state) == 42) bad = 1, printf("hostile: chroot led out\n");
  return bad;
}

/// Signals to itself without SA_RESTART: calls may fail with EINTR, none may be done by halves or twice.
static volatile long ticks;
static void on_tick(int number) {
  (void)number;
  ticks++;
}

// Makes and removes directories under a timer; how many calls were interrupted, or -1.
static int storm_round(int calls) {
  int interrupted = 0;
  for (int i = 0; i < calls / 2; i++) {
    char name[64];
    snprintf(name, sizeof name, "/storm-%d", i);
    while (mkdir(name, 0755) != 0) {
      if (errno != EINTR) return failed(name), -1;
      interrupted++;
    }
    while (rmdir(name) != 0) {
      if (errno != EINTR) return failed("rmdir"), -1;
      interrupted++;
    }
  }
  return interrupted;
}

static int signal_storm(void) {
  struct sigaction action = {.sa_handler = on_tick};
  sigaction(SIGALRM, &action, NULL);
  ualarm(300, 300);
  // The kernel itself interrupts none of these. A call that nobody has taken yet is another matter, and on a
  // busy machine that may last: one quiet round is enough.
  int fewest = 600;
  for (int round = 0; round < 50 && fewest > 60; round++) {
    int interrupted = storm_round(600);
    if (interrupted < 0) return 1;
    if (interrupted < fewest) fewest = interrupted;
  }
  ualarm(0, 0);
  if (fewest > 60) printf("hostile: at least %d of 600 calls were interrupted\n", fewest);
  return fewest > 60;
}

int main(int count, char **arguments) {
  const char *name = count > 1 ? arguments[1] : "", *argument = count > 2 ? arguments[2] : NULL;
  if (strcmp(name, "fork-bomb") == 0) return fork_bomb(argument);
  if (strcmp(name, "many-files") == 0) return many_files();
  if (strcmp(name, "without-descriptors") == 0) return without_descriptors();
  if (strcmp(name, "huge-arguments") == 0) return huge_arguments();
  if (strcmp(name, "kill-all") == 0) return kill_all();
  if (strcmp(name, "rewrite-calls") == 0 && argument) return rewrite_calls(argument);
  if (strcmp(name, "other-doors") == 0 && argument) return other_doors(argument);
  if (strcmp(name, "signal-storm") == 0) return signal_storm();
  return 2;
}
