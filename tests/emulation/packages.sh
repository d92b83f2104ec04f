#!/usr/bin/env bash
# Unpacks Debian packages of any architecture into a folder: no root, and the
# system's own packages and architectures stay as they are.
set -euo pipefail

usage() {
  cat <<'USAGE'
usage: tests/emulation/packages.sh FOLDER PACKAGE[:ARCH]...

Downloads the packages with a private apt under .build/emulation/apt, from the
sources that this machine uses (signatures are checked), and unpacks them into
FOLDER. Nothing is downloaded when FOLDER holds the same list already. The
name linux-image-cloud-amd64 stands for the kernel that it depends on.
USAGE
}

root="$(cd "$(dirname "$0")/../.." && pwd)"
readonly apt="$root/.build/emulation/apt"
readonly architectures=(amd64 arm64)

# The release's own suites among the machine's sources, whatever their format:
# "URI SUITE" lines.
debian_sources() {
  local codename
  codename="$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)"
  apt-get update --print-uris |
      sed -nE "s,^'(.*)/dists/($codename(-updates|-security)?)/InRelease'.*,\1 \2,p"
}

# A private apt, with the machine's keys and its proxy, if it has one.
write_configuration() {
  local uri suite arch
  mkdir -p "$apt"/{lists,archives}/partial "$apt"/{parts,preferences.d}
  : >"$apt/status"
  debian_sources | while read -r uri suite; do
    echo "deb [arch=$(IFS=,; echo "${architectures[*]}")] $uri $suite main"
  done >"$apt/sources.list"
  {
    apt-config dump | grep -E '^Acquire::([Hh]ttps?|[Ff]tp|Check-|Retries)' || true
    cat <<CONFIGURATION
Dir::State "$apt";
Dir::State::lists "$apt/lists";
Dir::State::status "$apt/status";
Dir::Cache "$apt";
Dir::Cache::archives "$apt/archives";
Dir::Etc::sourcelist "$apt/sources.list";
Dir::Etc::sourceparts "-";
Dir::Etc::parts "$apt/parts";
Dir::Etc::main "-";
Dir::Etc::preferences "-";
Dir::Etc::preferencesparts "$apt/preferences.d";
Acquire::Languages "none";
APT::Sandbox::User "$(id -un)";
CONFIGURATION
    for arch in "${architectures[@]}"; do
      echo "APT::Architectures { \"$arch\"; };"
    done
  } >"$apt/apt.conf"
  if [[ ! -s $apt/sources.list ]]; then
    echo "packages.sh: this machine's apt knows no Debian source" >&2
    exit 1
  fi
}

private_apt() {
  local tool=$1
  shift
  APT_CONFIG="$apt/apt.conf" "$tool" -qq "$@"
}

# The kernel behind the name that always means the newest one.
real_names() {
  local name
  for name in "$@"; do
    if [[ $name == linux-image-cloud-amd64* ]]; then
      name="$(private_apt apt-cache depends linux-image-cloud-amd64:amd64 |
          awk '/Depends: linux-image/ {print $2; exit}')"
      name="${name%%:*}:amd64"
    fi
    echo "$name"
  done
}

main() {
  case ${1:-} in
    -h | --help) usage; exit 0 ;;
  esac
  if [[ $# -lt 2 ]]; then
    usage >&2
    exit 2
  fi
  local folder=$1 list archive names
  shift
  mkdir -p "$apt"
  exec 8>"$apt/lock"  # one at a time
  flock 8
  list="$(printf '%s\n' "$@")"
  if [[ -e $folder/.packages && $(<"$folder/.packages") == "$list" ]]; then
    return
  fi
  echo "packages.sh: downloading $*"
  write_configuration
  private_apt apt-get update
  mapfile -t names < <(real_names "$@")
  rm -rf "$folder" "$apt/download"
  mkdir -p "$folder" "$apt/download"
  (cd "$apt/download" && private_apt apt-get download "${names[@]}")
  for archive in "$apt"/download/*.deb; do
    dpkg -x "$archive" "$folder"
  done
  rm -rf "$apt/download"
  echo "$list" >"$folder/.packages"  # last: an interrupted run starts again
}

main "$@"
