# SPDX-License-Identifier: Apache-2.0
# A registry on a free loopback port, with storage in a folder of its own. To be sourced.
#
#   registry_start FOLDER [HTPASSWD [TLS]]   sets registry (host:port) and registry_pid; TLS is a folder with
#                                            certificate.pem and key.pem
#   registry_stop                            safe in a trap, also when nothing was started

registry=
registry_pid=

registry_start() {
  local folder=$1 htpasswd=${2:-} tls=${3:-} program i
  program=$(command -v docker-registry) || {
    echo "error: docker-registry is not installed; run scripts/setup" >&2
    return 3
  }
  mkdir -p "$folder"
  {
    printf 'version: 0.1\nlog: {level: info, accesslog: {disabled: false}}\n'
    printf 'storage: {filesystem: {rootdirectory: "%s/storage"}, delete: {enabled: true}}\n' "$folder"
    printf 'http: {addr: "127.0.0.1:0", secret: loopback%s}\n' \
      "${tls:+, tls: {certificate: \"$tls/certificate.pem\", key: \"$tls/key.pem\"\}}"
    [ -z "$htpasswd" ] || printf 'auth: {htpasswd: {realm: caisson, path: "%s"}}\n' "$htpasswd"
  } >"$folder/config.yml"
  : >"$folder/log"
  OTEL_TRACES_EXPORTER=none "$program" serve "$folder/config.yml" >"$folder/log" 2>&1 </dev/null &
  registry_pid=$!
  # It chooses the port itself, so no other program can take it in between.
  for ((i = 0; i < 200; i++)); do
    registry=$(sed -n 's/.*msg="listening on \([0-9.:]*\)[",].*/\1/p' "$folder/log" | head -n 1)
    [ -z "$registry" ] || return 0
    kill -0 "$registry_pid" 2>/dev/null || break
    sleep 0.05
  done
  echo "error: the registry did not start:" >&2
  cat "$folder/log" >&2
  registry_stop
  return 3
}

registry_stop() {
  [ -n "$registry_pid" ] || return 0
  kill "$registry_pid" 2>/dev/null || true
  wait "$registry_pid" 2>/dev/null || true
  registry_pid=
}
