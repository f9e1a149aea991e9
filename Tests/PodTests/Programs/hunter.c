// SPDX-License-Identifier: Apache-2.0
//
// Hunts for the secrets of the builder and of its pod: in files, by every way out of the root directory that a name
// offers; in the environment, the memory and the descriptors of every process that can be named or guessed. Prints
// each find and exits with 1 when there is one.

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "needle.h"

enum { largest_file = 4 << 20, last_pid = 70000 };
static unsigned char buffer[largest_file];
static int finds, looked_at;

static void found(const char *what, const char *where) {
  printf("hunter: found a secret in %s %s\n", what, where);
  finds++;
}

static void search_descriptor(int file, const char *what, const char *where) {
  size_t count = 0;
  ssize_t got;
  while (count < sizeof buffer && (got = read(file, buffer + count, sizeof buffer - count)) > 0) count += (size_t)got;
  looked_at++;
  if (has_needle(buffer, count)) found(what, where);
}

static void search_file(const char *path) {
  int file = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
  if (file < 0) return;
  search_descriptor(file, "the file", path);
  close(file);
}

/// Names with a needle in them are finds too. Stays out of the kernel's own trees.
static void search_tree(const char *path, int depth) {
  DIR *list = depth > 0 ? opendir(path) : NULL;
  if (!list) return;
  for (struct dirent *entry; (entry = readdir(list));) {
    const char *name = entry->d_name;
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0) continue;
    if (has_needle((const unsigned char *)name, strlen(name))) found("a name below", path);
    char below[8192];
    if (snprintf(below, sizeof below, "%s/%s", path, name) >= (int)sizeof below) continue;
    struct stat status;
    if (lstat(below, &status) != 0) continue;
    if (S_ISREG(status.st_mode)) search_file(below);
    if (S_ISLNK(status.st_mode)) {
      char target[4096];
      ssize_t length = readlink(below, target, sizeof target);
      if (length > 0 && has_needle((unsigned char *)target, (size_t)length)) found("the link", below);
    }
    int is_kernels = depth > 30 && (!strcmp(name, "proc") || !strcmp(name, "sys") || !strcmp(name, "dev"));
    if (S_ISDIR(status.st_mode) && !is_kernels) search_tree(below, depth - 1);
  }
  closedir(list);
}

static const char *places[] = {
    "/canary", "/workspace", "/workspace/canary", "/context", "/Dockerfile", "/kaniko", "/kaniko/.docker/config.json",
    "/caisson", "/cache", "/tmp", "/var/run/secrets/kubernetes.io/serviceaccount/token",
    "/run/secrets/kubernetes.io/serviceaccount/token", "/etc/resolv.conf", "/root/.docker/config.json",
};

/// Every place again behind something that may lead out of the root directory.
static void search_behind(const char *prefix) {
  for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
    char path[8192];
    if (snprintf(path, sizeof path, "%s%s", prefix, places[i]) >= (int)sizeof path) continue;
    search_file(path);
    search_tree(path, 6);
  }
}

static void search_mapped(int pid, int memory) {
  char path[64], line[4096];
  snprintf(path, sizeof path, "/proc/%d/maps", pid);
  FILE *maps = fopen(path, "r");
  if (!maps) return;
  while (fgets(line, sizeof line, maps)) {
    unsigned long start, end;
    if (sscanf(line, "%lx-%lx r", &start, &end) != 2) continue;
    for (unsigned long at = start; at < end && at - start < (64UL << 20); at += sizeof buffer) {
      size_t wanted = end - at < sizeof buffer ? end - at : sizeof buffer;
      ssize_t got = memory >= 0 ? pread(memory, buffer, wanted, (off_t)at) : -1;
      if (got <= 0) {
        struct iovec local = {buffer, wanted}, remote = {(void *)at, wanted};
        got = process_vm_readv(pid, &local, 1, &remote, 1, 0);
      }
      if (got > 0 && has_needle(buffer, (size_t)got)) found("the memory of process", path);
    }
  }
  fclose(maps);
}

/// Even a process that cannot be seen has its environment at the end of its stack.
static void search_stack(int pid) {
  if (ptrace(PTRACE_SEIZE, pid, NULL, NULL) != 0) return;
  ptrace(PTRACE_INTERRUPT, pid, NULL, NULL);
  int status;
  for (int i = 0; i < 1000 && waitpid(pid, &status, __WALL | WNOHANG) == 0; i++) usleep(1000);
  struct user_regs_struct registers;
  if (ptrace(PTRACE_GETREGS, pid, NULL, &registers) == 0) {
    for (unsigned long at = registers.rsp & ~4095UL;; at += 4096) {
      struct iovec local = {buffer, 4096}, remote = {(void *)at, 4096};
      if (process_vm_readv(pid, &local, 1, &remote, 1, 0) != 4096) break;
      if (has_needle(buffer, 4096)) {
        char number[16];
        snprintf(number, sizeof number, "%d", pid);
        found("the stack of process", number);
        break;
      }
    }
  }
  ptrace(PTRACE_DETACH, pid, NULL, NULL);
}

static void search_process(int pid) {
  static const char *files[] = {"environ", "cmdline", "mountinfo", "auxv", "task/../environ"};
  char path[128], prefix[128];
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    snprintf(path, sizeof path, "/proc/%d/%s", pid, files[i]);
    search_file(path);
  }
  static const char *ways[] = {"root", "cwd", "root/..", "cwd/..", "cwd/../../../../../../../.."};
  for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
    snprintf(prefix, sizeof prefix, "/proc/%d/%s", pid, ways[i]);
    search_behind(prefix);
  }
  for (int number = 0; number < 100; number++) {
    snprintf(prefix, sizeof prefix, "/proc/%d/fd/%d", pid, number);
    struct stat status;
    if (stat(prefix, &status) != 0) continue;
    if (S_ISREG(status.st_mode)) search_file(prefix);
    if (S_ISDIR(status.st_mode)) search_behind(prefix), search_tree(prefix, 3);
  }
  snprintf(path, sizeof path, "/proc/%d/mem", pid);
  int memory = open(path, O_RDONLY | O_CLOEXEC);
  search_mapped(pid, memory);
  if (memory >= 0) close(memory);
}

/// What was left open for us.
static void search_inherited(void) {
  for (int number = 0; number < 4096; number++) {
    struct stat status;
    if (fstat(number, &status) != 0) continue;
    if (S_ISREG(status.st_mode)) {
      char name[32];
      snprintf(name, sizeof name, "%d", number);
      lseek(number, 0, SEEK_SET);
      search_descriptor(number, "the inherited descriptor", name);
    }
    if (!S_ISDIR(status.st_mode)) continue;
    printf("hunter: a directory was left open as %d\n", number);
    finds++;
  }
}

int main(void) {
  search_inherited();
  extern char **environ;
  for (char **entry = environ; *entry; entry++)
    if (has_needle((unsigned char *)*entry, strlen(*entry))) found("the environment", *entry);
  search_tree("/", 32);
  search_tree("/dev", 4);
  search_behind("");
  search_behind("/../../../../../..");
  search_behind("../../../../../../../../../../../../..");
  search_behind("/proc/self/root");
  search_behind("/proc/self/root/../..");
  search_behind("/proc/thread-self/root/..");
  search_behind("/dev/fd/0/../../../../..");
  int parent = getppid(), self = getpid();
  for (int pid = 1; pid < last_pid; pid++) {
    if (pid == self) continue;
    char path[64];
    snprintf(path, sizeof path, "/proc/%d", pid);
    struct stat status;
    int is_shown = stat(path, &status) == 0;
    if (is_shown) search_process(pid);
    // Its own parent is the shell of the step.
    if (pid != parent && (is_shown || kill(pid, 0) == 0 || errno == EPERM)) search_stack(pid);
  }
  printf("hunter: looked into %d files and found %d secrets\n", looked_at, finds);
  return finds != 0 || looked_at < 20;
}
