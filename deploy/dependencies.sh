#!/usr/bin/env bash
# Installs what logitd needs on Debian 12. Quick and offline when all is there.
set -euo pipefail

usage() {
  cat <<'USAGE'
usage: deploy/dependencies.sh [--build] [--test] [--emulation]

  --build      compilers, libraries and tools to build logitd (the default)
  --test       what the tests need on top: sanitizers, format, buf (from npm)
  --emulation  what tests/emulation needs on top: bochs, qemu, arm64 compiler

The packages are listed in deploy/packages.txt; those missing are installed
with apt-get, as root or through sudo. buf goes to .build/npm.
USAGE
}

root="$(cd "$(dirname "$0")/.." && pwd)"
readonly npm_folder="$root/.build/npm"
readonly buf_version=1.75.0

group_packages() {
  awk -v group="[$1]" '/^\[/ {inside = ($0 == group); next}
                       inside && NF && !/^#/ {print $1}' \
      "$root/deploy/packages.txt"
}

installed() {
  local status
  status="$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null || true)"
  [[ $status == installed ]]
}

as_root() {
  if [[ $(id -u) -eq 0 ]]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    echo "dependencies.sh: root or sudo is needed for: $*" >&2
    exit 1
  fi
}

install_packages() {
  local missing=() package
  for package in "$@"; do
    installed "$package" || missing+=("$package")
  done
  if [[ ${#missing[@]} -eq 0 ]]; then
    return
  fi
  echo "dependencies.sh: installing ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  as_root apt-get update -q
  as_root apt-get install -q -y --no-install-recommends "${missing[@]}"
}

install_buf() {
  local manifest="$npm_folder/node_modules/@bufbuild/buf/package.json"
  if grep -qs "\"version\": \"$buf_version\"" "$manifest" &&
      "$npm_folder/node_modules/.bin/buf" --version >/dev/null 2>&1; then
    return
  fi
  # Any npm will do; a machine without one gets Debian's.
  command -v npm >/dev/null || install_packages nodejs npm
  echo "dependencies.sh: installing buf $buf_version"
  npm install --prefix "$npm_folder" --no-save --no-audit --no-fund \
      --ignore-scripts --loglevel=error "@bufbuild/buf@$buf_version"
}

main() {
  local groups=() group packages
  while [[ $# -gt 0 ]]; do
    case $1 in
      --build | --test | --emulation) groups+=("${1#--}") ;;
      -h | --help) usage; exit 0 ;;
      *) usage >&2; exit 2 ;;
    esac
    shift
  done
  if [[ ${#groups[@]} -eq 0 ]]; then
    groups=(build)
  fi
  for group in "${groups[@]}"; do
    mapfile -t packages < <(group_packages "$group")
    install_packages "${packages[@]}"
    if [[ $group == test ]]; then
      install_buf
    fi
  done
}

main "$@"
