# SPDX-License-Identifier: Apache-2.0
"""A pod from within: runs in mount and PID namespaces of its own, which end with it, and there starts crun."""
import json
import os
import shutil
import subprocess
import sys

from . import bundle, secrets

PATH = "PATH=/usr/local/bin:/kaniko:/usr/sbin:/usr/bin:/sbin:/bin"
PACKAGE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__)))))


def empty_directory(path, kind):
    """An emptyDir as the kubelet makes it."""
    os.makedirs(path)
    own(path, kind, kind.volume_mode)


def own(path, kind, mode):
    os.chown(path, kind.base, kind.base + kind.volume_group)
    os.chmod(path, mode)


def run(file):
    with open(file) as source:
        plan = json.load(source)
    kind = bundle.KINDS[plan["kind"]]
    scratch = plan["scratch"]
    call("mount", "-t", "proc", "proc", "/proc")
    if call("stat", "-f", "-c", "%T", "/sys/fs/cgroup") != "cgroup2fs":
        # crun refuses a machine with both hierarchies.
        call("umount", "-R", "/sys/fs/cgroup")
        call("mount", "-t", "cgroup2", "none", "/sys/fs/cgroup")

    root = writable_copy(kind, plan["root"], scratch)
    volumes, canaries = make_volumes(kind, plan, scratch)
    environment = [PATH, "HOME=/", "HOSTNAME=pod", "DOCKER_CONFIG=/kaniko/.docker", "KUBERNETES_SERVICE_HOST=10.0.0.1"]
    environment += secrets.environment()
    folder = os.path.join(scratch, "bundle")
    os.mkdir(folder)
    configuration = bundle.configuration(kind, root, plan["command"], environment, volumes)
    with open(f"{folder}/config.json", "w") as out:
        json.dump(configuration, out)
    status = contain(["crun", "--root", f"{scratch}/crun", "--cgroup-manager", "disabled"], folder, plan["terminate"])
    for canary in canaries:
        for change in canary.changes():
            print(f"error: canary {canary.folder} was touched: {change}", file=sys.stderr)
            status = status or 1
    return status


def contain(crun, folder, last_word):
    """Runs the container; once it says the last word, if any, it is told to end as a kubelet tells it."""
    command = [*crun, "run", "--bundle", folder, "pod"]
    if not last_word:
        return subprocess.run(command).returncode
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    for line in process.stdout:
        print(line, end="", file=sys.stderr)
        if line.strip() == last_word:
            call(*crun, "kill", "pod", "TERM")
    return process.wait()


def writable_copy(kind, image, scratch):
    """The layer that a runtime puts over an image; the image stays as it is."""
    layer = os.path.join(scratch, "layer")
    if kind.base:
        # Runtimes map the ids of the mount; a copy with moved ids looks the same inside.
        call("cp", "-a", image, layer)
        call("chown", "-Rh", f"{kind.base}:{kind.base}", layer)
        return layer
    merged = os.path.join(scratch, "merged")
    os.makedirs(f"{layer}/upper", 0o755)
    os.makedirs(f"{layer}/work")
    os.makedirs(merged)
    places = f"lowerdir={image},upperdir={layer}/upper,workdir={layer}/work"
    call("mount", "-t", "overlay", "overlay", "-o", places, merged)
    return merged


def make_volumes(kind, plan, scratch):
    """(source, destination, is read only) of what a kubelet mounts, and the canaries among them."""
    owner = kind.base + kind.uid
    made = os.path.join(scratch, "volumes")
    for name in ("tmp", "kaniko"):
        empty_directory(f"{made}/{name}", kind)
    secrets.write_service_account(f"{made}/account", owner)
    secrets.write_registry_credentials(f"{made}/config.json", kind.base)
    for name, text in (("hosts", "127.0.0.1 localhost\n"), ("hostname", "pod\n"), ("termination-log", "")):
        secrets.write(f"{made}/{name}", text, 0o644 if name != "termination-log" else 0o666, kind.base)
    shutil.copy("/etc/resolv.conf", f"{made}/resolv.conf")

    canaries = []
    volumes = [(plan["workspace"], "/workspace", False), (f"{made}/tmp", "/tmp", False)]
    for place in ("/canary", "/workspace/canary"):
        source = f"{made}/canary{len(canaries)}"
        os.mkdir(source)
        call("mount", "-t", "tmpfs", "-o", "strictatime,mode=0777", "canary", source)
        canaries.append(secrets.Canary(source, owner))
        volumes.append((source, place, False))
    volumes += [
        (f"{made}/hosts", "/etc/hosts", False),
        (f"{made}/hostname", "/etc/hostname", False),
        (f"{made}/resolv.conf", "/etc/resolv.conf", False),
        (f"{made}/termination-log", "/dev/termination-log", False),
        (f"{made}/account", "/var/run/secrets/kubernetes.io/serviceaccount", True),
        (f"{made}/config.json", "/kaniko/.docker/config.json", True),
    ]
    if plan["context"]:
        volumes += [(plan["context"], "/context", True), (plan["dockerfile"], "/Dockerfile", True)]
    return volumes + extra_volumes(), canaries


def extra_volumes():
    """Programs of the tests, for commands that are not builds."""
    programs = os.path.join(PACKAGE, ".build/pods/programs")
    return [(programs, "/pod-tests", True)] if os.path.isdir(programs) else []


def call(*arguments):
    result = subprocess.run(arguments, stdout=subprocess.PIPE, text=True)
    if result.returncode != 0:
        sys.exit(f"error: {' '.join(arguments)} failed")
    return result.stdout.strip()
