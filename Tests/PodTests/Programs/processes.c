// SPDX-License-Identifier: Apache-2.0
//
// Starts itself again in every way there is. Without arguments it runs all of them; a child is called "child NUMBER"
// and exits with that number.

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
static char path[4096];

static void fail(const char *what) {
  fprintf(stderr, "processes: %s: %s\n", what, strerror(errno));
  exit(1);
}

static void expect(pid_t child, int code, const char *what) {
  int status;
  while (waitpid(child, &status, 0) < 0)
    if (errno != EINTR) fail(what);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != code) {
    fprintf(stderr, "processes: %s: status %x\n", what, status);
    exit(1);
  }
}

static char *child_arguments[] = {"called", "child", "7", NULL};

static void by_vfork(void) {
  pid_t child = vfork();
  if (child == 0) {
    execve(path, child_arguments, environ);
    _exit(127);
  }
  expect(child, 7, "vfork");
  // A failing exec in the shared memory, and the parent goes on.
  volatile int seen = 0;
  child = vfork();
  if (child == 0) {
    execve("/absent/program", child_arguments, environ);
    seen = errno;
    _exit(9);
  }
  expect(child, 9, "vfork and a program that is not there");
  if (seen != ENOENT) fail("errno after vfork");
}

static void by_spawn(void) {
  pid_t child;
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  if (posix_spawn(&child, path, &actions, NULL, child_arguments, environ)) fail("posix_spawn");
  expect(child, 7, "posix_spawn");
  if (posix_spawn(&child, "/absent", NULL, NULL, child_arguments, environ) != ENOENT) fail("posix_spawn /absent");
}

static void by_descriptor(void) {
  pid_t child = fork();
  if (child == 0) {
    int file = open(path, O_RDONLY | O_CLOEXEC);
    fexecve(file, child_arguments, environ);
    _exit(127);
  }
  expect(child, 7, "fexecve");
  child = fork();
  if (child == 0) {
    int directory = open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    syscall(SYS_execveat, directory, "exe", child_arguments, environ, 0);
    _exit(127);
  }
  expect(child, 7, "execveat");
  child = fork();
  if (child == 0) {
    execv("/proc/self/exe", child_arguments);
    _exit(127);
  }
  expect(child, 7, "/proc/self/exe");
}

static void *start_some(void *unused) {
  (void)unused;
  for (int i = 0; i < 10; i++) {
    pid_t child = fork();
    if (child == 0) {
      execv(path, child_arguments);
      _exit(127);
    }
    expect(child, 7, "fork in a thread");
    char name[64];
    snprintf(name, sizeof name, "/tmp/thread-%d-%d", (int)syscall(SYS_gettid), i);
    int file = open(name, O_CREAT | O_RDWR, 0600);
    if (file < 0 || unlink(name) != 0) fail(name);
    close(file);
  }
  return NULL;
}

static volatile int spinning = 1;
static void *spin(void *unused) {
  while (spinning) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (access("/etc/passwd", F_OK) != 0 || getppid() < 0) fail("access in a thread");
  }
  return unused;
}

static void *exec_from_here(void *unused) {
  usleep(10000);
  execv(path, child_arguments);
  return unused;
}

static void by_threads(void) {
  pthread_t threads[6];
  for (int i = 0; i < 6; i++) pthread_create(&threads[i], NULL, start_some, NULL);
  for (int i = 0; i < 6; i++) pthread_join(threads[i], NULL);
  // The others end when one of them becomes another program.
  pid_t child = fork();
  if (child == 0) {
    for (int i = 0; i < 4; i++) pthread_create(&threads[i], NULL, spin, NULL);
    pthread_create(&threads[4], NULL, exec_from_here, NULL);
    pthread_join(threads[4], NULL);
    _exit(127);
  }
  expect(child, 7, "exec from a thread");
}

/// A daemon as of old: two forks, a session of its own, the working directory /.
static void by_daemon(void) {
  int pipe_ends[2];
  if (pipe(pipe_ends)) fail("pipe");
  pid_t child = fork();
  if (child == 0) {
    setsid();
    if (fork() != 0) _exit(0);
    if (chdir("/") != 0) _exit(1);
    char word[2] = {getppid() >= 0 ? 'd' : '-', 0};
    write(pipe_ends[1], word, 1) == 1 ? _exit(0) : _exit(1);
  }
  close(pipe_ends[1]);
  expect(child, 0, "daemon");
  char byte;
  if (read(pipe_ends[0], &byte, 1) != 1 || byte != 'd') fail("the daemon's word");
  close(pipe_ends[0]);
}

/// What interrupts a call may be seen as EINTR only where there is no SA_RESTART.
static void on_signal(int number) { (void)number; }
static void by_signals(void) {
  struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
  sigaction(SIGALRM, &action, NULL);
  ualarm(500, 500);
  for (int i = 0; i < 300; i++) {
    if (access("/etc/passwd", R_OK) != 0) fail("access under a timer");
    int file = open("/tmp", O_RDONLY | O_DIRECTORY);
    if (file < 0) fail("open under a timer");
    close(file);
    if (i % 10 == 0) by_vfork();
  }
  ualarm(0, 0);
}

static void large_arguments(void) {
  char **many = calloc(3001, sizeof *many);
  many[0] = "called";
  many[1] = "child";
  many[2] = "8";
  for (int i = 3; i < 3000; i++) many[i] = "0123456789012345678901234567890123456789";
  pid_t child = fork();
  if (child == 0) {
    execv(path, many);
    _exit(127);
  }
  expect(child, 8, "3000 arguments");
  char *one = malloc(200 << 10);
  memset(one, 'x', (200 << 10) - 1);
  one[(200 << 10) - 1] = 0;
  char *too_long[] = {"called", one, NULL};
  if (execv(path, too_long) != -1 || errno != E2BIG) fail("an argument of 200 KiB");
}

int main(int count, char **arguments) {
  if (count > 2 && strcmp(arguments[1], "child") == 0) return atoi(arguments[2]);
  if (count > 1 && strcmp(arguments[1], "name") == 0) return puts(arguments[0]) < 0;
  ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
  if (length <= 0) fail("/proc/self/exe");
  path[length] = 0;
  if (count > 1 && strcmp(arguments[1], "exe") == 0) return puts(path) < 0;
  if (getauxval(AT_UID) != getuid() || getauxval(AT_EUID) != geteuid() || getauxval(AT_SECURE) != 0) {
    fprintf(stderr, "processes: the auxiliary vector has other ids\n");
    return 1;
  }
  const char *executed = (const char *)getauxval(AT_EXECFN);
  if (!executed || access(executed, X_OK) != 0) fail("AT_EXECFN");
  by_vfork();
  by_spawn();
  by_descriptor();
  by_threads();
  by_daemon();
  by_signals();
  large_arguments();
  return 0;
}
