#!/usr/bin/env bash
# The top README: the paths it names exist, and its buf curl line works against
# a running server, through reflection.
set -euo pipefail

source_dir="${LOGITD_SOURCE_DIR:-$(cd "$(dirname "$0")/../.." && pwd)}"
bin="${LOGITD_BUILD_DIR:-$source_dir/.build/release}/bin"
box="$(mktemp -d /tmp/logitd-readme-test.XXXXXX)"
pid=

cleanup() {
  if [[ -n $pid ]]; then
    kill "$pid" || true
    wait "$pid" || true
  fi
  rm -rf "$box"
}
trap cleanup EXIT

fail() {
  echo "FAILED: $*" >&2
  exit 1
}

paths_exist() {
  local path count=0
  # What stands in backticks or begins a line of the map and looks like a path.
  while read -r path; do
    count=$((count + 1))
    [[ -e $source_dir/$path ]] || fail "README.md names $path"
  done < <(grep -oE '`(proto|sampler|service|tests|deploy)/[a-z0-9_./-]*`' \
      "$source_dir/README.md" | tr -d '`')
  [[ $count -ge 8 ]] || fail "only $count paths were read from README.md"
  echo "ok: $count paths exist"
}

buf_curl_works() {
  local line socket="$box/logitd.sock"
  line="$(sed -n 's|^ *\(buf curl .*\)|\1|p' "$source_dir/README.md")"
  [[ $line == *GetServerInfo ]] || fail "README.md has no buf curl line"
  "$bin/logitd" --listen "unix:$socket" >"$box/log" 2>&1 &
  pid=$!
  for _ in {1..100}; do
    [[ ! -S $socket ]] || break
    sleep 0.1
  done
  export PATH="$source_dir/.build/npm/node_modules/.bin:$PATH"
  command -v buf >/dev/null || fail "no buf: run deploy/dependencies.sh --test"
  bash -c "${line//\/run\/logitd\/logitd.sock/$socket}" >"$box/answer" ||
      { cat "$box/log" >&2; fail "$line"; }
  grep -q '"semantics"' "$box/answer" || fail "$(cat "$box/answer")"
  echo "ok: buf curl answers"
}

paths_exist
buf_curl_works
