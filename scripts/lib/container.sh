# SPDX-License-Identifier: Apache-2.0
# Runs one container of a bundle that umoci unpacked, with crun. To be sourced.
#
#   container_start BUNDLE   starts it; its output goes to BUNDLE/log
#   container_fetch URL      fetches a page from inside its network, waiting up to 20 s for it
#   container_stop           safe in a trap, also when nothing was started
#
# The container has a network namespace of its own with nothing but loopback, so its port 8080 is free
# whatever else runs on the machine.

container_pid=
container_bundle=

container_start() {
  local name
  name="caisson-$$-$RANDOM"
  container_bundle=$1
  command -v crun >/dev/null || {
    echo "error: crun is not installed; run scripts/setup" >&2
    return 3
  }
  container_configure "$container_bundle/config.json"
  # crun refuses machines with both cgroup hierarchies; in a mount namespace with only the second it runs.
  # unshare's --fork and --kill-child end all of it with the outermost process.
  unshare --mount --net --pid --fork --kill-child --propagation private -- bash -euc '
    ip link set lo up 2>/dev/null || ifconfig lo up
    mount -t proc proc /proc
    if [ "$(stat -f -c %T /sys/fs/cgroup)" != cgroup2fs ]; then
      umount -R /sys/fs/cgroup
      mount -t cgroup2 none /sys/fs/cgroup
    fi
    mkdir -p "$1/state"
    exec crun --root "$1/state" --cgroup-manager disabled run --bundle "$1" "$2"
  ' sh "$container_bundle" "$name" >"$container_bundle/log" 2>&1 </dev/null &
  container_pid=$!
  sleep 0.5
  kill -0 "$container_pid" 2>/dev/null || {
    echo "error: crun could not run the container (it needs root and the mount, pid and net namespaces):" >&2
    cat "$container_bundle/log" >&2
    container_pid=
    return 3
  }
}

# No terminal, no resource limits, the network of whoever starts it.
container_configure() {
  python3 - "$1" <<'CONFIGURE'
import json, sys
path = sys.argv[1]
with open(path) as file:
    config = json.load(file)
config["process"]["terminal"] = False
config["process"].pop("rlimits", None)
config["linux"].pop("resources", None)
config["linux"].pop("cgroupsPath", None)
config["linux"].pop("seccomp", None)
config["linux"]["namespaces"] = [
    n for n in config["linux"]["namespaces"] if n["type"] not in ("network", "cgroup")
]
config["mounts"] = [m for m in config["mounts"] if m.get("type") != "cgroup"]
with open(path, "w") as file:
    json.dump(config, file)
CONFIGURE
}

container_fetch() {
  local i inside
  for ((i = 0; i < 100; i++)); do
    # The first child of unshare lives in the namespaces.
    inside=$(pgrep -P "$container_pid" | head -n 1)
    if [ -n "$inside" ] && nsenter --target "$inside" --net curl -fsS --noproxy '*' --max-time 2 "$1" 2>/dev/null; then
      return 0
    fi
    kill -0 "$container_pid" 2>/dev/null || return 1
    sleep 0.2
  done
  return 1
}

container_stop() {
  [ -n "$container_pid" ] || return 0
  kill -KILL "$container_pid" 2>/dev/null || true
  wait "$container_pid" 2>/dev/null || true
  container_pid=
}
