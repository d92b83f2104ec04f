#!/usr/bin/env bash
# Builds the images logitd and logitd-demo with buildah, podman or docker.
set -euo pipefail

usage() {
  cat <<'USAGE'
usage: deploy/image/build.sh [--bin FOLDER] [--name NAME] [--tag TAG]
                             [--debian IMAGE] [-- OPTION...]

  --bin FOLDER    takes the programs from FOLDER, built on Debian 12: only the
                  small stages are built, from nothing, without a network
  --name NAME     localhost/logitd; the demo image is NAME-demo
  --tag TAG       the version in CMakeLists.txt
  --debian IMAGE  what the builder starts from, best with a digest
  -- OPTION...    for the tool, such as --platform or --volume

LOGITD_IMAGE_TOOL: buildah, podman or docker; else the first that is there.
SOURCE_DATE_EPOCH, in seconds, gives image and SBOM that time: the same files
then make the same image.
USAGE
}

root="$(cd "$(dirname "$0")/../.." && pwd)"
readonly root
readonly dockerfile="$root/deploy/image/Dockerfile"
bin=
name=localhost/logitd
version="$(sed -n 's/^project(logitd VERSION \([0-9.]*\).*/\1/p' \
    "$root/CMakeLists.txt")"
readonly version
tag="$version"
tool="${LOGITD_IMAGE_TOOL:-}"
options=(--label "org.opencontainers.image.version=$version")   # for the tool
context="$root"
scratch=

cleanup() {
  if [[ -n $scratch ]]; then
    rm -rf "$scratch"
  fi
}
trap cleanup EXIT

parse() {
  while [[ $# -gt 0 ]]; do
    case $1 in
      --bin) bin="$(cd "$2" && pwd)"; shift ;;
      --name) name="$2"; shift ;;
      --tag) tag="$2"; shift ;;
      --debian) options+=(--build-arg "DEBIAN=$2"); shift ;;
      --) shift; options+=("$@"); return ;;
      -h | --help) usage; exit 0 ;;
      *) usage >&2; exit 2 ;;
    esac
    shift
  done
}

find_tool() {
  local candidate
  for candidate in $tool buildah podman docker; do
    if command -v "$candidate" >/dev/null; then
      tool="$candidate"
      return
    fi
  done
  echo "build.sh: none of buildah, podman and docker is there" >&2
  exit 1
}

# The small stages alone, as the Dockerfile has them, in a folder with the files.
prepare_from_programs() {
  scratch="$(mktemp -d)"
  context="$scratch/context"
  mkdir "$context"
  "$root/deploy/image/assemble.sh" --bin "$bin" --out "$context/image"
  sed -n '/^FROM scratch AS runtime$/,$p' "$dockerfile" |
      sed 's/^\(COPY\) --from=builder/\1/' >"$context/Dockerfile"
  options+=(-f "$context/Dockerfile")
}

add_options() {
  if [[ -n $bin ]]; then
    prepare_from_programs
  else
    options+=(-f "$dockerfile")
  fi
  # Both images come from one builder; the other tools keep layers unasked.
  if [[ $tool == buildah ]]; then
    options+=(--layers)
  fi
  if [[ -z ${SOURCE_DATE_EPOCH:-} ]]; then
    return
  fi
  if [[ -z $bin ]]; then
    options+=(--build-arg "SOURCE_DATE_EPOCH=$SOURCE_DATE_EPOCH")
  fi
  if [[ $tool != docker ]]; then  # docker reads the environment
    options+=(--timestamp "$SOURCE_DATE_EPOCH")
  fi
}

# build TARGET IMAGE
build() {
  "$tool" build "${options[@]}" --target "$1" -t "$2" "$context"
}

main() {
  parse "$@"
  find_tool
  add_options
  build runtime "$name:$tag"
  build demo "$name-demo:$tag"
  echo "build.sh: made $name:$tag and $name-demo:$tag"
}

main "$@"
