#!/usr/bin/env bash
# Sourced by the tests of this folder: finds buf and makes descriptor sets.
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT

readonly skipped=77  # what tests/CMakeLists.txt tells ctest to call "skipped"

# buf ARGUMENT...: the pinned buf that deploy/dependencies.sh --test installs.
buf() {
  local program="$root/.build/npm/node_modules/.bin/buf"
  if [[ ! -x $program ]]; then
    echo "no buf: run deploy/dependencies.sh --test" >&2
    return 1
  fi
  "$program" "$@"
}

# describe PROTO_FOLDER OUT: the descriptor set of all protos of ours.
describe() {
  local protos
  mapfile -t protos < <(cd "$1" && find logitd -name '*.proto' | LC_ALL=C sort)
  protoc -I "$1" -I /usr/share/gocode/src/github.com/gogo/googleapis \
      -I /usr/share/grpc-proto --include_imports --include_source_info \
      -o "$2" "${protos[@]}"
}
