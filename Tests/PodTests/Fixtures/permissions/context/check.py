# SPDX-License-Identifier: Apache-2.0
"""As anna (1500, groups 1500 and 44): what must work, what must be refused, and that access(2) says the same."""
import errno
import os
import subprocess


def refused(call, *arguments, number=errno.EACCES, **named):
    try:
        call(*arguments, **named)
    except OSError as error:
        assert error.errno == number, (call, arguments, error)
        return
    raise AssertionError(("not refused", call, arguments))


def answers(path, text):
    for letter, mode in zip("rwx", (os.R_OK, os.W_OK, os.X_OK)):
        assert os.access(path, mode) == (letter in text), (path, letter)
        assert os.access(path, mode, effective_ids=True) == (letter in text), (path, letter)


answers("/etc/shadow", "")
answers("/etc/passwd", "r")
answers("/etc", "rx")
answers("/d/shut", "")
answers("/d/shut/file", "")
answers("/d/enter", "x")
answers("/d/none", "")
answers("/d/own", "")
answers("/d/group-only", "r")
answers("/d/acl", "r")
answers("/d/hidden", "x")
answers("/d/group", "rwx")
answers("/tmp", "rwx")

refused(open, "/etc/shadow")
refused(open, "/etc/new", "w")
refused(open, "/etc/passwd", "a")
refused(os.truncate, "/etc/passwd", 0)
refused(os.open, "/etc/passwd", os.O_RDONLY | os.O_TRUNC)
refused(os.mkdir, "/new")
refused(os.unlink, "/etc/passwd")
refused(os.rename, "/etc/passwd", "/etc/passwd2")
refused(os.rename, "/etc/passwd", "/tmp/passwd")
refused(os.symlink, "x", "/etc/x")
refused(os.listdir, "/d/shut")
refused(os.listdir, "/d/enter")
refused(os.stat, "/d/shut/file")
refused(os.stat, "/d/shut/absent")
refused(os.chdir, "/d/shut")
refused(os.chdir, "/d/shut/..")
refused(open, "/d/none")
refused(open, "/d/own")
refused(open, "/d/hidden", "rb")
refused(os.execv, "/d/not-ours", ["x"])
refused(os.execv, "/etc/passwd", ["x"])
refused(os.setxattr, "/etc/passwd", "user.x", b"")
refused(os.utime, "/etc/passwd", number=errno.EACCES)
refused(os.utime, "/etc/passwd", (0, 0), number=errno.EPERM)
refused(os.chmod, "/etc/passwd", 0o666, number=errno.EPERM)
refused(os.chown, "/etc/passwd", 1500, -1, number=errno.EPERM)
refused(os.chown, "/d/none", 1501, -1, number=errno.EPERM)
refused(os.chown, "/d/none", -1, 50, number=errno.EPERM)
refused(os.unlink, "/d/sticky/roots", number=errno.EPERM)
refused(os.rename, "/d/sticky/roots", "/d/sticky/r2", number=errno.EPERM)
refused(os.mknod, "/tmp/device", 0o20666, os.makedev(1, 3), number=errno.EPERM)
refused(os.rmdir, "/d/annas/roots.d", number=errno.ENOTEMPTY)
refused(open, "/d/annas/roots", "w")
refused(os.unlink, "/d/annas/roots.d/f")
refused(os.setuid, 0, number=errno.EPERM)
refused(os.chroot, "/", number=errno.EPERM)

assert open("/d/enter/known").read() == "x\n"
assert open("/d/group-only").read() == "x\n"
assert open("/d/acl").read() == "x\n"
refused(open, "/d/acl", "a")
refused(open, "/d/group-only", "a")
open("/d/sticky/roots", "w").write("over")
os.chmod("/d/none", 0o600)
open("/d/none", "a").write("mine")
os.chmod("/d/own", 0o4711)
os.chown("/d/none", -1, 44)
assert os.stat("/d/none").st_gid == 44
os.unlink("/d/annas/roots")
open("/d/group/file", "w").write("x")
assert os.stat("/d/group/file").st_gid == 44
os.mkdir("/d/group/sub")
assert os.stat("/d/group/sub").st_mode & 0o2000
open("/d/group/sgid", "w").close()
os.chmod("/d/group/sgid", 0o2755)
assert os.stat("/d/group/sgid").st_mode & 0o2000
assert subprocess.run(["/d/hidden"]).returncode == 0
assert subprocess.run(["/d/script"], stderr=subprocess.DEVNULL).returncode != 0, "its interpreter cannot read it"
descriptor = os.open("/tmp/write-only", os.O_CREAT | os.O_WRONLY, 0o000)
os.write(descriptor, b"into a file nobody may open")
refused(open, "/tmp/write-only")
os.unlink("/tmp/write-only")
os.makedirs("/tmp/mine/deep")
os.chmod("/tmp/mine", 0o000)
refused(os.stat, "/tmp/mine/deep")
refused(os.rmdir, "/tmp/mine/deep")
os.chmod("/tmp/mine", 0o700)
os.rmdir("/tmp/mine/deep")
os.rmdir("/tmp/mine")
