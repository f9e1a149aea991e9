// SPDX-License-Identifier: Apache-2.0
//
// Tries to reach a file outside the root directory by changing things while calls look at them: the bytes of a path,
// the links and the directories it goes through. Threads change, others call; whatever is read is searched for the
// secret that lies out there, and the caller of this program checks that nothing there was touched.
//
// usage: racer SECONDS OUTSIDE...     OUTSIDE as /canary/file, as it is called outside

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "needle.h"

static atomic_int over;
static atomic_int escapes;
static atomic_long calls;

static char inside[256] = "/race/inside/file", outside[256], changing[256];
static char climbing[512], outside_name[256];

/// Both have the same length, so that every mixture of the two is a path as well.
static void *change_bytes(void *unused) {
  size_t length = strlen(outside) > strlen(inside) ? strlen(outside) : strlen(inside);
  while (!over) {
    memcpy(changing, outside, length + 1);
    memcpy(changing, inside, length + 1);
  }
  return unused;
}

/// /race/way is a directory, then a link to where ".." leads out, then a directory again.
static void *change_links(void *unused) {
  while (!over) {
    rename("/race/way", "/race/aside");
    symlink("../../../../../..", "/race/way");
    unlink("/race/way");
    rename("/race/aside", "/race/way");
    symlink("/", "/race/turn");
    unlink("/race/turn");
    mkdir("/race/turn", 0755);
    rmdir("/race/turn");
  }
  return unused;
}

/// A directory below moves up while others climb out of it.
static void *change_depth(void *unused) {
  while (!over) {
    rename("/race/a/b/c", "/race/c");
    rename("/race/c", "/race/a/b/c");
  }
  return unused;
}

static void look(int file, const char *path) {
  unsigned char bytes[4096];
  ssize_t count = read(file, bytes, sizeof bytes);
  if (count > 0 && has_needle(bytes, (size_t)count) && escapes++ < 10) printf("racer: read the secret through %s\n", path);
  close(file);
}

static void call_all(const char *path) {
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file >= 0) look(file, path);
  file = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
  if (file >= 0) {
    if (write(file, "!", 1) < 0) abort();
    close(file);
  }
  struct stat status;
  if (stat(path, &status) == 0 && status.st_size > 1 << 20) truncate(path, 0);
  chmod(path, 0644);
  access(path, W_OK);
  struct timespec times[2] = {{1, 0}, {1, 0}};
  utimensat(AT_FDCWD, path, times, 0);
  calls += 7;
}

static void call_rarely(const char *path) {
  char target[256];
  if (readlink(path, target, sizeof target) > 0) calls++;
  if (link(path, "/race/linked") == 0) {
    int file = open("/race/linked", O_RDONLY | O_CLOEXEC);
    if (file >= 0) look(file, "a hard link");
    unlink("/race/linked");
  }
  rename(path, "/race/renamed");
  rename("/race/renamed", inside);
  unlink(path);
  close(open(inside, O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
  pid_t child = vfork();
  if (child == 0) {
    // Whatever program is at the other end of the race: it would say the secret.
    execl(path, path, NULL);
    _exit(126);
  }
  int status;
  waitpid(child, &status, 0);
  int queue = inotify_init1(IN_CLOEXEC);
  inotify_add_watch(queue, path, IN_ALL_EVENTS);
  close(queue);
  calls += 6;
}

static void *call_changing(void *unused) {
  for (int i = 0; !over; i++) {
    call_all(changing);
    if (i % 20 == 0) call_rarely(changing);
  }
  return unused;
}

static void *call_through_links(void *unused) {
  char through[600], turned[600], deep[600];
  snprintf(through, sizeof through, "/race/way%s", outside_name);
  snprintf(turned, sizeof turned, "/race/turn/../../../../..%s", outside_name);
  snprintf(deep, sizeof deep, "/race/a/b/c/../../../../../../../../..%s", outside_name);
  while (!over) {
    call_all(through);
    call_all(turned);
    call_all(deep);
    call_all(climbing);
  }
  return unused;
}

/// Its own working directory is moved under it.
static void *climb(void *unused) {
  if (syscall(SYS_unshare, 0x200) != 0) calls++;  // CLONE_FS; a filter may refuse it
  int start = open("/race/a/b/c", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  char up[600];
  snprintf(up, sizeof up, "../../../../../../../../..%s", outside_name);
  while (!over) {
    int file = openat(start, up, O_RDONLY | O_CLOEXEC);
    if (file >= 0) look(file, up);
    int parent = openat(start, "../../../..", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (parent >= 0) {
      file = openat(parent, outside_name + 1, O_RDONLY | O_CLOEXEC);
      if (file >= 0) look(file, "a parent directory");
      close(parent);
    }
    mkdirat(start, "../../../../../../canary/made", 0755);
    unlinkat(start, up, 0);
    calls += 4;
  }
  return unused;
}

static void race(const char *target, int seconds) {
  snprintf(outside, sizeof outside, "%s", target);
  snprintf(outside_name, sizeof outside_name, "%s", target);
  snprintf(climbing, sizeof climbing, "/race/inside/../../../../../../../../../..%s", target);
  // Padded with slashes to one length.
  while (strlen(inside) < strlen(outside)) memmove(inside + 1, inside, strlen(inside) + 1);
  while (strlen(outside) < strlen(inside)) memmove(outside + 1, outside, strlen(outside) + 1), outside[0] = '/';
  memcpy(changing, inside, sizeof changing);
  over = 0;
  void *(*jobs[])(void *) = {change_bytes, change_links, change_depth, call_changing, call_changing, call_through_links, climb};
  enum { count = sizeof jobs / sizeof *jobs };
  pthread_t threads[count];
  for (int i = 0; i < count; i++) pthread_create(&threads[i], NULL, jobs[i], NULL);
  sleep((unsigned)seconds);
  over = 1;
  for (int i = 0; i < count; i++) pthread_join(threads[i], NULL);
}

int main(int count, char **arguments) {
  if (count < 3) return 2;
  mkdir("/race", 0755);
  mkdir("/race/inside", 0755);
  mkdir("/race/way", 0755);
  mkdir("/race/a", 0755);
  mkdir("/race/a/b", 0755);
  mkdir("/race/a/b/c", 0755);
  close(open(inside, O_CREAT | O_WRONLY, 0644));
  for (int i = 2; i < count; i++) race(arguments[i], atoi(arguments[1]));
  printf("racer: %d escapes\n", escapes);
  if (calls < 100) printf("racer: only %ld calls\n", calls);
  return escapes != 0 || calls < 100;
}
