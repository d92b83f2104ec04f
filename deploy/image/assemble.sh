#!/usr/bin/env bash
# Lays out the files of the images: programs, the shared libraries they need,
# profiles, licences, package data and SBOM. Debian 12; no root needed.
set -euo pipefail

usage() {
  cat <<'USAGE'
usage: deploy/image/assemble.sh --bin FOLDER --out FOLDER

  --bin FOLDER  where logitd, logitctl and logitd-demo-model are
  --out FOLDER  must not exist; gets four folders, which the Dockerfile copies:
                runtime/ and runtime-owned/ (what uid 65532 may write to), and
                demo/, what the demo image has on top
USAGE
}

root="$(cd "$(dirname "$0")/../.." && pwd)"
readonly root
readonly here="$root/deploy/image"
readonly language_model=/usr/share/pocketsphinx/model/en-us/en-us.lm.bin
bin=
out=

fail() {
  echo "assemble.sh: $*" >&2
  exit 1
}

parse() {
  while [[ $# -gt 0 ]]; do
    case $1 in
      --bin) bin="$(cd "$2" && pwd)"; shift ;;
      --out) out="$2"; shift ;;
      -h | --help) usage; exit 0 ;;
      *) usage >&2; exit 2 ;;
    esac
    shift
  done
  [[ -n $bin && -n $out ]] || { usage >&2; exit 2; }
  [[ ! -e $out ]] || fail "$out is there already"
}

# libraries PROGRAM...: the paths of all shared libraries they load, the dynamic
# loader too.
libraries() {
  local output
  output="$(ldd "$@")" || fail "ldd $*"
  if grep -q 'not found' <<<"$output"; then
    fail "missing: $(grep 'not found' <<<"$output" | tr -s '\t\n' ' ')"
  fi
  awk '$2 == "=>" {print $3} $1 ~ /^\// && $2 ~ /^\(/ {print $1}' \
      <<<"$output" | LC_ALL=C sort -u
}

# package_of FILE: dpkg knows some files by the name before /lib became /usr/lib.
package_of() {
  local real found
  real="$(readlink -f "$1")"
  found="$(dpkg-query -S "$1" "/usr$1" "${1#/usr}" "$real" "${real#/usr}" \
      2>/dev/null || true)"
  [[ -n $found ]] || fail "no package has $1"
  head -n 1 <<<"$found" | cut -d: -f1
}

# add_library FOLDER FILE: as /usr/lib/..., where both names lead.
add_library() {
  local file=$2
  [[ $file == /usr/* ]] || file="/usr$file"
  install -D -m 755 "$(readlink -f "$2")" "$1$file"
}

# add_package FOLDER PACKAGE: its licence, and its data where scanners of images
# look when there is no dpkg.
add_package() {
  install -D -m 644 "/usr/share/doc/$2/copyright" \
      "$1/usr/share/doc/$2/copyright"
  mkdir -p "$1/var/lib/dpkg/status.d"
  dpkg-query -s "$2" >"$1/var/lib/dpkg/status.d/$2"
}

# fill FOLDER WITHOUT PROGRAM...: the programs with all they need, except the
# libraries listed in the file WITHOUT. Leaves FOLDER.libraries and .packages.
fill() {
  local folder=$1 without=$2 program library package
  shift 2
  for program in "$@"; do
    install -D -m 755 "$bin/$program" "$folder/usr/bin/$program"
    strip --strip-unneeded "$folder/usr/bin/$program"
  done
  libraries "${@/#/$bin/}" | LC_ALL=C comm -23 - "$without" \
      >"$folder.libraries"
  while read -r library; do
    add_library "$folder" "$library"
    package_of "$library"
  done <"$folder.libraries" | LC_ALL=C sort -u >"$folder.packages"
  while read -r package; do
    add_package "$folder" "$package"
  done <"$folder.packages"
}

system_files() {
  local folder=$1 name
  # The loader's name is part of every program: /lib64 or /lib leads to it.
  for name in lib lib64; do
    if [[ -L /$name ]]; then
      mkdir -p "$folder/usr/$name"
      ln -s "usr/$name" "$folder/$name"
    fi
  done
  mkdir -p "$folder/etc"
  cat >"$folder/etc/passwd" <<'PASSWD'
root:x:0:0:root:/:/sbin/nologin
logitd:x:65532:65532:logitd:/:/sbin/nologin
PASSWD
  printf 'root:x:0:\nlogitd:x:65532:\n' >"$folder/etc/group"
  # What describes the packages also says what they are made for.
  install -D -m 644 /etc/os-release "$folder/usr/lib/os-release"
  ln -s ../usr/lib/os-release "$folder/etc/os-release"
}

assemble_runtime() {
  local folder="$out/runtime"
  fill "$folder" /dev/null logitd logitctl
  system_files "$folder"
  mkdir -p "$folder/run" "$folder/etc/logitd/profiles"
  install -D -m 644 -t "$folder/usr/share/logitd/profiles" \
      "$root"/deploy/profiles/*.yaml
  install -D -m 644 "$root/.github/LICENSE" \
      "$folder/usr/share/doc/logitd/copyright"
  "$here/sbom.sh" --name logitd --root "$folder" \
      --packages "$folder.packages" >"$out/sbom.json"
  mv "$out/sbom.json" "$folder/usr/share/logitd/sbom.spdx.json"
  mkdir -p "$out/runtime-owned/run/logitd" "$out/runtime-owned/var/lib/logitd"
}

assemble_demo() {
  local folder="$out/demo"
  fill "$folder" "$out/runtime.libraries" logitd-demo-model
  install -D -m 644 "$language_model" "$folder$language_model"
  add_package "$folder" pocketsphinx-en-us
  { cat "$folder.packages" "$out/runtime.packages"
    echo pocketsphinx-en-us; } | LC_ALL=C sort -u >"$out/all.packages"
  "$here/sbom.sh" --name logitd-demo --root "$folder" \
      --packages "$out/all.packages" >"$out/sbom.json"
  install -D -m 644 "$out/sbom.json" \
      "$folder/usr/share/logitd-demo/sbom.spdx.json"
}

main() {
  parse "$@"
  mkdir -p "$out"
  out="$(cd "$out" && pwd)"
  assemble_runtime
  assemble_demo
  rm -f "$out"/*.libraries "$out"/*.packages "$out/sbom.json"
}

main "$@"
