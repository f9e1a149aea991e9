# SPDX-License-Identifier: Apache-2.0
# Where the Swift toolchain is. To be sourced.

swift_version=6.3.1
swift_home="${XDG_DATA_HOME:-$HOME/.local/share}/swift"

# Prints the folder of the first `swift` of the right version; fails when there is none.
swift_folder() {
  local candidate folder
  for candidate in "$(command -v swift || true)" /opt/swift/usr/bin/swift "$swift_home/usr/bin/swift"; do
    [ -x "$candidate" ] || continue
    folder=$(dirname "$(readlink -f "$candidate")")
    if "$candidate" --version 2>/dev/null | grep -q "Swift version ${swift_version//./\\.}\b"; then
      printf '%s\n' "$folder"
      return
    fi
  done
  return 1
}
