# SPDX-License-Identifier: Apache-2.0
# Makes copies of programs that bring their libraries and their dynamic loader with them. To be sourced.
#
#   relocate PROGRAM TARGET LIBRARIES PREFIX   copies PROGRAM to TARGET and all it loads into LIBRARIES;
#                                              the copy runs where the copies lie below PREFIX
#   copy_licence FILE LICENCES                 the licence of the Debian package that FILE is from
#   copy_common_licences LICENCES              the texts those refer to

# A program that loads the machine's own libraries by name alone would run with whatever lies in /lib.
relocate() {
  local program=$1 target=$2 libraries=$3 prefix=$4 loader library
  mkdir -p "$(dirname "$target")" "$libraries"
  loader=$(patchelf --print-interpreter "$program")
  install -m 0755 "$loader" "$libraries/$(basename "$loader")"
  relocated+=("$(readlink -f "$loader")")
  while read -r library; do
    relocated+=("$(readlink -f "$library")")
    [ -e "$libraries/$(basename "$library")" ] ||
      install -m 0644 "$library" "$libraries/$(basename "$library")"
    strip --strip-unneeded "$libraries/$(basename "$library")"
  done < <(libraries_of "$program")
  install -m 0755 "$program" "$target"
  strip "$target"
  # The old tag (DT_RPATH): it also holds for what the libraries load, and goes before LD_LIBRARY_PATH.
  patchelf --set-interpreter "$prefix/$(basename "$loader")" --force-rpath --set-rpath "$prefix" "$target"
}
# What was copied, by the names it has on this machine.
relocated=()

libraries_of() {
  local listing
  listing=$(ldd "$1")
  if grep -F 'not found' <<<"$listing" >&2; then
    echo "error: $1 does not find its libraries on this machine" >&2
    exit 3
  fi
  awk '$2 == "=>" { print $3 }' <<<"$listing"
}

copy_licence() {
  local file=$1 licences=$2 owner
  # Debian 12 lists most libraries below /lib, where they are by way of a link.
  owner=$(dpkg-query -S "$file" 2>/dev/null || dpkg-query -S "${file#/usr}" 2>/dev/null) || {
    echo "error: no Debian package owns $file, so its licence is not known" >&2
    exit 3
  }
  owner=${owner%%:*}
  [ ! -e "$licences/$owner" ] || return 0
  install -D -m 0644 "/usr/share/doc/$owner/copyright" "$licences/$owner"
}

copy_common_licences() {
  local licences=$1 name
  grep -rhoE '/usr/share/common-licenses/[A-Za-z0-9.-]*[A-Za-z0-9]' "$licences" | sort -u |
    while read -r name; do
      [ ! -f "$name" ] || install -D -m 0644 "$name" "$licences/common-licenses/$(basename "$name")"
    done
}
