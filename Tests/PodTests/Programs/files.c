// SPDX-License-Identifier: Apache-2.0
//
// What few programs ask of a file system, and some do: O_TMPFILE, renames that exchange, files without names, openat2,
// descriptors as directories. Each check names itself when it fails. What is left below the working directory is the
// same each time.

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

static int failures;

#define check(condition)                                                                   \
  do {                                                                                     \
    errno = 0;                                                                             \
    if (!(condition)) {                                                                    \
      fprintf(stderr, "files: line %d: %s: %s\n", __LINE__, #condition, strerror(errno)); \
      failures++;                                                                          \
    }                                                                                      \
  } while (0)
#define refused(call, number) check((call) < 0 && errno == (number))

static int make(const char *name, const char *text) {
  int file = open(name, O_CREAT | O_RDWR | O_TRUNC, 0644);
  if (file >= 0 && write(file, text, strlen(text)) < 0) file = -1;
  return file;
}

static struct stat status(const char *name) {
  struct stat found;
  memset(&found, 0, sizeof found);
  check(lstat(name, &found) == 0);
  return found;
}

static void unnamed(void) {
  int file = open(".", O_TMPFILE | O_RDWR, 0640);
  check(file >= 0);
  check(write(file, "tmp", 3) == 3);
  check(fchown(file, 21, 22) == 0);
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", file);
  check(linkat(AT_FDCWD, path, AT_FDCWD, "from-tmpfile", AT_SYMLINK_FOLLOW) == 0);
  check(status("from-tmpfile").st_uid == 21 && status("from-tmpfile").st_size == 3);
  close(file);

  file = make("unlinked", "x");
  check(unlink("unlinked") == 0);
  struct stat found;
  check(fchmod(file, 0600) == 0 && fchown(file, 5, 6) == 0);
  check(fstat(file, &found) == 0 && found.st_nlink == 0 && found.st_uid == 5 && (found.st_mode & 07777) == 0600);
  check(pwrite(file, "more", 4, 1) == 4 && ftruncate(file, 2) == 0);
  close(file);
  refused(open("unlinked", O_RDONLY), ENOENT);
}

static void renames(void) {
  close(make("r1", "1"));
  close(make("r2", "22"));
  check(chown("r1", 31, 31) == 0);
  check(syscall(SYS_renameat2, AT_FDCWD, "r1", AT_FDCWD, "r2", 2) == 0);  // RENAME_EXCHANGE
  check(status("r1").st_size == 2 && status("r2").st_size == 1 && status("r2").st_uid == 31);
  refused(syscall(SYS_renameat2, AT_FDCWD, "r1", AT_FDCWD, "r2", 1), EEXIST);  // RENAME_NOREPLACE
  check(mkdir("rd", 0755) == 0);
  refused(rename("r1", "rd"), EISDIR);
  refused(rename("rd", "r1"), ENOTDIR);
  refused(rename("rd", "rd/below"), EINVAL);
  refused(rename("absent", "x"), ENOENT);
  check(link("r1", "r3") == 0 && rename("r1", "r3") == 0 && status("r1").st_nlink == 2);
  refused(link("r1", "r3"), EEXIST);
  refused(mkdir(".", 0755), EEXIST);
  refused(mkdir("rd/..", 0755), EEXIST);
  refused(rmdir("."), EINVAL);
  refused(rmdir("rd/.."), ENOTEMPTY);
  refused(unlink("rd"), EISDIR);
  refused(rmdir("r1"), ENOTDIR);
  refused(mkdir("", 0755), ENOENT);
  refused(open("r1/below", O_RDONLY), ENOTDIR);
  refused(open("r1/", O_RDONLY), ENOTDIR);
  refused(open("rd", O_WRONLY), EISDIR);
  refused(open("r1", O_CREAT | O_EXCL, 0600), EEXIST);
  check(symlink("r1", "rl") == 0);
  refused(open("rl", O_RDONLY | O_NOFOLLOW), ELOOP);
  refused(open("rl", O_CREAT | O_EXCL | O_WRONLY, 0600), EEXIST);
  char small[1];
  check(readlink("rl", small, 1) == 1 && small[0] == 'r');
  refused(readlink("r1", small, 1), EINVAL);
}

static void directories(void) {
  check(mkdir("base", 0755) == 0);
  int base = open("base", O_RDONLY | O_DIRECTORY);
  int path = open("base", O_PATH);
  check(base >= 0 && path >= 0);
  check(mkdirat(base, "inner", 0700) == 0);
  close(openat(path, "inner/file", O_CREAT | O_WRONLY, 0600));
  check(faccessat(base, "inner/file", F_OK, 0) == 0);
  struct stat found;
  check(fstatat(path, "inner/file", &found, 0) == 0 && fstatat(path, "", &found, AT_EMPTY_PATH) == 0 && S_ISDIR(found.st_mode));
  check(rename("base", "base2") == 0);
  check(fstatat(base, "inner/../inner/file", &found, 0) == 0);
  char here[PATH_MAX], there[PATH_MAX];
  check(getcwd(here, sizeof here) != NULL);
  check(fchdir(base) == 0 && getcwd(there, sizeof there) != NULL && strcmp(strrchr(there, '/'), "/base2") == 0);
  check(access("inner/file", F_OK) == 0 && access("../base2/inner", F_OK) == 0);
  check(rename("../base2", "../base3") == 0 && getcwd(there, sizeof there) != NULL && strcmp(strrchr(there, '/'), "/base3") == 0);
  check(chdir("..") == 0 && getcwd(there, sizeof there) != NULL && strcmp(here, there) == 0);
  check(mkdir("lost", 0755) == 0 && chdir("lost") == 0 && rmdir("../lost") == 0);
  check(getcwd(there, sizeof there) == NULL && errno == ENOENT);
  refused(open("new", O_CREAT | O_WRONLY, 0600), ENOENT);
  check(chdir("..") == 0 || chdir(here) == 0);
  close(base);
  close(path);

  check(mkdir("many", 0755) == 0);
  char name[64];
  for (int i = 0; i < 1000; i++) {
    snprintf(name, sizeof name, "many/%04d", i);
    close(open(name, O_CREAT | O_WRONLY, 0644));
  }
  DIR *list = opendir("many");
  int count = 0;
  for (struct dirent *entry; (entry = readdir(list));) {
    if (entry->d_name[0] == '.') continue;
    // Removed while it is being listed.
    check(unlinkat(dirfd(list), entry->d_name, 0) == 0);
    count++;
  }
  closedir(list);
  check(count == 1000 && rmdir("many") == 0);
}

static long open_how(int directory, const char *name, unsigned long long flags, unsigned long long resolve) {
  unsigned long long how[3] = {flags, 0, resolve};
  return syscall(SYS_openat2, directory, name, how, sizeof how);
}

static void resolution(void) {
  enum { no_magic = 2, no_links = 4, beneath = 8, in_root = 16 };
  check(mkdir("jail", 0755) == 0 && mkdir("jail/sub", 0755) == 0);
  close(make("jail/inside", "in"));
  close(make("outside", "out"));
  check(symlink("../outside", "jail/up") == 0 && symlink("/inside", "jail/absolute") == 0 && symlink("inside", "jail/link") == 0);
  int jail = open("jail", O_PATH | O_DIRECTORY);
  check(open_how(jail, "inside", O_RDONLY, beneath) >= 0);
  refused(open_how(jail, "up", O_RDONLY, beneath), EXDEV);
  refused(open_how(jail, "../outside", O_RDONLY, beneath), EXDEV);
  refused(open_how(jail, "/etc/passwd", O_RDONLY, beneath), EXDEV);
  refused(open_how(jail, "link", O_RDONLY, no_links), ELOOP);
  check(open_how(jail, "absolute", O_RDONLY, in_root) >= 0);
  refused(open_how(jail, "../../outside", O_RDONLY, in_root), ENOENT);
  refused(open_how(AT_FDCWD, "/proc/self/exe", O_RDONLY, no_magic), ELOOP);
  refused(open_how(jail, "inside", O_RDONLY, 1ULL << 40), EINVAL);
  close(jail);
}

static void contents(void) {
  int file = make("contents", "0123456789");
  char *mapped = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  check(mapped != MAP_FAILED);
  mapped[0] = 'M';
  check(msync(mapped, 4096, MS_SYNC) == 0);
  int copy = make("copied", "");
  off_t from = 0;
  check(copy_file_range(file, &from, copy, NULL, 10, 0) == 10);
  char text[11] = "";
  check(pread(copy, text, 10, 0) == 10 && strcmp(text, "M123456789") == 0);
  check(truncate("copied", 5) == 0 && status("copied").st_size == 5);
  check(fallocate(copy, 0, 0, 8192) == 0 && status("copied").st_size == 8192);
  check(ftruncate(copy, 4) == 0);
  struct timespec times[2] = {{1, 5}, {1000000000, 123456789}};
  check(utimensat(AT_FDCWD, "copied", times, 0) == 0 && status("copied").st_mtim.tv_nsec == 123456789);
  check(futimens(copy, times) == 0);
  check(symlink("copied", "dated") == 0 && utimensat(AT_FDCWD, "dated", times, AT_SYMLINK_NOFOLLOW) == 0);
  check(status("dated").st_mtim.tv_sec == 1000000000);
  struct timeval old[2] = {{5, 0}, {6, 0}};
  check(utimes("copied", old) == 0 && status("copied").st_mtim.tv_sec == 6);
  int reader = open("copied", O_RDONLY);
  check(write(reader, "x", 1) < 0 && errno == EBADF);
  check(fcntl(reader, F_GETFL) >= 0 && (fcntl(open("copied", O_WRONLY | O_APPEND), F_GETFL) & O_APPEND));
  check(fcntl(open("copied", O_RDONLY | O_CLOEXEC), F_GETFD) == FD_CLOEXEC);
  check(munmap(mapped, 4096) == 0);
}

static void names_and_links(void) {
  check(link("/etc/group", "crossing") == 0 || errno == EXDEV);
  unlink("crossing");
  char deep[PATH_MAX] = "";
  for (int i = 0; i < 60; i++) strcat(deep, "./");
  strcat(deep, "contents");
  check(access(deep, R_OK) == 0);
  char longer[PATH_MAX + 100];
  memset(longer, '/', sizeof longer);
  longer[sizeof longer - 1] = 0;
  refused(access(longer, F_OK), ENAMETOOLONG);
  refused(open((const char *)1, O_RDONLY), EFAULT);
  refused(open("", O_RDONLY), ENOENT);
  char previous[16] = "contents", name[16];
  for (int i = 0; i < 45; i++) {
    snprintf(name, sizeof name, "chain%d", i);
    check(symlink(previous, name) == 0);
    strcpy(previous, name);
  }
  check(access("chain39", R_OK) == 0);
  refused(access("chain44", R_OK), ELOOP);
  for (int i = 0; i < 45; i++) {
    snprintf(name, sizeof name, "chain%d", i);
    unlink(name);
  }
}

static void watches(void) {
  int queue = inotify_init1(IN_NONBLOCK);
  check(inotify_add_watch(queue, ".", IN_CREATE) >= 0);
  close(make("watched", ""));
  char events[1024];
  check(read(queue, events, sizeof events) > 0);
  refused(inotify_add_watch(queue, "absent", IN_CREATE), ENOENT);
  close(queue);
}

int main(void) {
  if (mkdir("by-files", 0755) != 0 || chdir("by-files") != 0) return 2;
  umask(022);
  unnamed();
  renames();
  directories();
  resolution();
  contents();
  names_and_links();
  watches();
  return failures != 0;
}
