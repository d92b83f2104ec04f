#!/usr/bin/env bash
# Sourced by tests of logitctl: a folder of the test's own, its processes, and
# what logitctl must answer. Set `name` before.
set -euo pipefail

source_dir="${LOGITD_SOURCE_DIR:-$(cd "$(dirname "$0")/../.." && pwd)}"
bin="${LOGITD_BUILD_DIR:-$source_dir/.build/release}/bin"
box="$(mktemp -d "/tmp/logitd-$name-test.XXXXXX")"
export LOGITD_TARGET="unix:$box/logitd.sock"
pids=()

cleanup() {
  local pid
  for pid in "${pids[@]}"; do
    kill "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
  done
  rm -rf "$box"
}
trap cleanup EXIT

fail() {
  echo "FAILED: $*" >&2
  cat "$box/output" >&2 || true
  exit 1
}

# expect CODE PART ARGS...: logitctl ARGS exits with CODE and says PART.
expect() {
  local code=$1 part=$2 status=0
  shift 2
  "$bin/logitctl" "$@" >"$box/output" 2>&1 </dev/null || status=$?
  [[ $status -eq $code ]] || fail "exit code $status, not $code: $*"
  grep -qF -- "$part" "$box/output" || fail "does not say \"$part\": $*"
}
