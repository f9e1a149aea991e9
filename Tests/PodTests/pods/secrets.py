# SPDX-License-Identifier: Apache-2.0
"""What lies in a pod that no RUN step may find: made-up secrets, and a tree that shows whether it was touched.

Every secret begins with the same nine letters, so that their base64 begins with the same twelve; `Programs/hunter.c`
looks for both, in disguise.
"""
import base64
import json
import os
import secrets
import stat

PREFIX = "podsecret"


def made_up(name):
    return f"{PREFIX}-{name}-{secrets.token_hex(8)}"


def environment():
    """Secrets as CI systems hand them to a builder."""
    return [f"AWS_SECRET_ACCESS_KEY={made_up('aws')}", f"GIT_PASSWORD={made_up('git')}"]


def write_service_account(folder, owner):
    """A projected volume: files behind the link ..data, only for their owner."""
    data = os.path.join(folder, "..2025_01_01_00_00_00.1")
    os.makedirs(data)
    write(os.path.join(data, "token"), made_up("token"), 0o600, owner)
    write(os.path.join(data, "namespace"), "builds", 0o644, owner)
    os.symlink(os.path.basename(data), os.path.join(folder, "..data"))
    for name in ("token", "namespace"):
        os.symlink(f"..data/{name}", os.path.join(folder, name))


def write_registry_credentials(file, owner):
    # "robot:" is six letters, so the secret begins at a boundary of base64.
    pair = base64.b64encode(f"robot:{made_up('registry')}".encode()).decode()
    text = json.dumps({"auths": {"registry.example.org": {"auth": pair}}})
    write(file, text, 0o644, owner)


def write(path, text, mode, owner):
    with open(path, "w") as file:
        file.write(text)
    os.chmod(path, mode)
    os.chown(path, owner, owner)


class Canary:
    """A tree that everybody may read, write and remove, on a file system that notes each access."""

    def __init__(self, folder, owner):
        self.folder = folder
        os.makedirs(os.path.join(folder, "directory/below"))
        for name in ("file", "directory/file", "directory/below/file"):
            write(os.path.join(folder, name), made_up("canary") + "\n", 0o666, owner)
        write(os.path.join(folder, "program"), f"#!/bin/sh\necho {made_up('program')}\n", 0o777, owner)
        os.symlink("file", os.path.join(folder, "link"))
        for name in ("directory", "directory/below"):
            os.chmod(os.path.join(folder, name), 0o777)
        self.before = self.state()

    def state(self):
        """Everything about each entry, times of access included; looking does not change it."""
        found, queue = {}, [""]
        while queue:
            name = queue.pop()
            path = os.path.join(self.folder, name) if name else self.folder
            status = os.lstat(path)
            found[name or "."] = (
                status.st_ino, status.st_mode, status.st_uid, status.st_gid, status.st_nlink, status.st_size,
                status.st_atime_ns, status.st_mtime_ns, status.st_ctime_ns,
            )
            if stat.S_ISDIR(status.st_mode):
                descriptor = os.open(path, os.O_RDONLY | os.O_NOATIME)
                queue += [os.path.join(name, entry) for entry in os.listdir(descriptor)]
                os.close(descriptor)
        return found

    def changes(self):
        """One line for each entry that was read, written, made or removed since."""
        after = self.state()
        names = sorted(set(self.before) | set(after))
        return [
            f"{name}: was {self.before.get(name)}, is {after.get(name)}"
            for name in names
            if self.before.get(name) != after.get(name)
        ]
