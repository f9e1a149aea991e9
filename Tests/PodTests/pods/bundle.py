# SPDX-License-Identifier: Apache-2.0
"""What a kubelet and containerd make of each kind of pod, as OCI bundles for crun."""
import dataclasses

from . import seccomp

# What containerd and docker leave to a container.
DEFAULT_CAPABILITIES = """
CAP_AUDIT_WRITE CAP_CHOWN CAP_DAC_OVERRIDE CAP_FOWNER CAP_FSETID CAP_KILL CAP_MKNOD CAP_NET_BIND_SERVICE CAP_NET_RAW
CAP_SETFCAP CAP_SETGID CAP_SETPCAP CAP_SETUID CAP_SYS_CHROOT
""".split()
# By their bits, linux/capability.h.
ALL_CAPABILITIES = """
CAP_CHOWN CAP_DAC_OVERRIDE CAP_DAC_READ_SEARCH CAP_FOWNER CAP_FSETID CAP_KILL CAP_SETGID CAP_SETUID CAP_SETPCAP
CAP_LINUX_IMMUTABLE CAP_NET_BIND_SERVICE CAP_NET_BROADCAST CAP_NET_ADMIN CAP_NET_RAW CAP_IPC_LOCK CAP_IPC_OWNER
CAP_SYS_MODULE CAP_SYS_RAWIO CAP_SYS_CHROOT CAP_SYS_PTRACE CAP_SYS_PACCT CAP_SYS_ADMIN CAP_SYS_BOOT CAP_SYS_NICE
CAP_SYS_RESOURCE CAP_SYS_TIME CAP_SYS_TTY_CONFIG CAP_MKNOD CAP_LEASE CAP_AUDIT_WRITE CAP_AUDIT_CONTROL CAP_SETFCAP
CAP_MAC_OVERRIDE CAP_MAC_ADMIN CAP_SYSLOG CAP_WAKE_ALARM CAP_BLOCK_SUSPEND CAP_AUDIT_READ CAP_PERFMON CAP_BPF
CAP_CHECKPOINT_RESTORE
""".split()



def own_capabilities():
    """All that this machine has itself; a virtual machine or an outer container may lack some."""
    with open("/proc/self/status") as file:
        mask = next(int(line.split()[1], 16) for line in file if line.startswith("CapBnd:"))
    return tuple(name for bit, name in enumerate(ALL_CAPABILITIES) if mask >> bit & 1)


MASKED = """
/proc/acpi /proc/asound /proc/interrupts /proc/kcore /proc/keys /proc/latency_stats /proc/timer_list /proc/timer_stats
/proc/sched_debug /proc/scsi /sys/firmware /sys/devices/virtual/powercap
""".split()
READ_ONLY = "/proc/bus /proc/fs /proc/irq /proc/sys /proc/sysrq-trigger".split()

# The first id outside that `hostUsers: false` gives to 0 inside; 65536 follow.
USER_NAMESPACE_BASE = 65536 * 9000
FILE_SYSTEM_GROUP = 1000660000


@dataclasses.dataclass(frozen=True)
class Kind:
    """A kind of pod: the parts of its security context that decide what a builder can do in it."""

    uid: int = 0
    gid: int = 0
    groups: tuple = ()
    capabilities: tuple = ()
    no_new_privileges: bool = False
    read_only: bool = False
    privileged: bool = False
    user_namespace: bool = False
    volume_mode: int = 0o777
    volume_group: int = 0

    @property
    def base(self):
        """The id outside of root inside."""
        return USER_NAMESPACE_BASE if self.user_namespace else 0


KINDS = {
    "restricted": Kind(uid=65532, gid=65532, no_new_privileges=True),
    "read-only": Kind(uid=65532, gid=65532, no_new_privileges=True, read_only=True),
    "openshift": Kind(
        uid=1000650000, gid=0, groups=(FILE_SYSTEM_GROUP,), no_new_privileges=True,
        volume_mode=0o2777, volume_group=FILE_SYSTEM_GROUP,
    ),
    "root": Kind(capabilities=tuple(DEFAULT_CAPABILITIES)),
    "few-capabilities": Kind(capabilities=("CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER")),
    "no-capabilities": Kind(no_new_privileges=True),
    "user-namespace": Kind(capabilities=tuple(DEFAULT_CAPABILITIES), user_namespace=True),
    "privileged": Kind(capabilities=own_capabilities(), privileged=True),
}


def configuration(kind, root, arguments, environment, volumes, directory="/"):
    """The config.json of a bundle.

    `volumes` is a list of (source, destination, is read only). The network is that of the machine, as with
    `hostNetwork: true`, so that a registry on a loopback port and the package mirror are within reach.
    """
    sets = {name: list(kind.capabilities) for name in ("bounding", "effective", "permitted")}
    if kind.uid != 0:
        sets = {"bounding": list(kind.capabilities)}
    process = {
        "terminal": False,
        "user": {"uid": kind.uid, "gid": kind.gid, "additionalGids": list(kind.groups)},
        "args": arguments,
        "env": environment,
        "cwd": directory,
        "capabilities": sets,
        "noNewPrivileges": kind.no_new_privileges,
    }
    linux = {"namespaces": [{"type": name} for name in ("pid", "ipc", "uts", "mount")]}
    if kind.user_namespace:
        linux["namespaces"].append({"type": "user"})
        mapping = [{"containerID": 0, "hostID": kind.base, "size": 65536}]
        linux["uidMappings"] = linux["gidMappings"] = mapping
    if not kind.privileged:
        linux["maskedPaths"] = MASKED
        linux["readonlyPaths"] = READ_ONLY
        linux["seccomp"] = seccomp.profile(set(kind.capabilities))
    return {
        "ociVersion": "1.0.2",
        "hostname": "pod",
        "root": {"path": root, "readonly": kind.read_only},
        "process": process,
        "mounts": kernel_mounts(kind) + [bind(*volume) for volume in volumes],
        "linux": linux,
    }


def kernel_mounts(kind):
    sys_options = [] if kind.privileged else ["ro"]
    # Only the owner of the network namespace may mount a sysfs of it.
    sys = (
        {"destination": "/sys", "type": "bind", "source": "/sys", "options": ["rbind", "nosuid", "noexec", "nodev", "ro"]}
        if kind.user_namespace
        else mount("/sys", "sysfs", ["nosuid", "noexec", "nodev"] + sys_options)
    )
    return [
        mount("/proc", "proc", ["nosuid", "noexec", "nodev"]),
        mount("/dev", "tmpfs", ["nosuid", "strictatime", "mode=755", "size=65536k"]),
        mount("/dev/pts", "devpts", ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]),
        mount("/dev/shm", "tmpfs", ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]),
        mount("/dev/mqueue", "mqueue", ["nosuid", "noexec", "nodev"]),
        sys,
        bind("/sys/fs/cgroup", "/sys/fs/cgroup", not kind.privileged),
    ]


def mount(destination, type, options):
    return {"destination": destination, "type": type, "source": type, "options": options}


def bind(source, destination, is_read_only):
    options = ["rbind", "rprivate", "ro" if is_read_only else "rw"]
    return {"destination": destination, "type": "bind", "source": source, "options": options}
