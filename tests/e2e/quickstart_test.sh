#!/usr/bin/env bash
# deploy/quickstart.sh on the programs of this build: what it shows, that its
# checks can fail, and that nothing of it stays behind.
set -euo pipefail

source_dir="${LOGITD_SOURCE_DIR:-$(cd "$(dirname "$0")/../.." && pwd)}"
bin="${LOGITD_BUILD_DIR:-$source_dir/.build/release}/bin"
quickstart="$source_dir/deploy/quickstart.sh"
# Sockets have short names: not under the build folder.
box="$(mktemp -d /tmp/logitd-qs-test.XXXXXX)"
mkdir "$box/tmp" "$box/bin"
export TMPDIR="$box/tmp"

passed=0

fail() {
  echo "FAILED: $*" >&2
  cat "$box/output" >&2 || true
  exit 1
}

# Processes that serve a socket of this box.
ours() {
  local folder
  for folder in /proc/[0-9]*; do
    if tr '\0' ' ' 2>/dev/null <"$folder/cmdline" |
        grep -qF -- "--listen unix:$box/"; then
      echo "${folder#/proc/}"
    fi
  done
}

# Stops what a failed test may have left.
cleanup() {
  local pid
  for pid in $(ours); do
    kill "$pid" || true
  done
  rm -rf "$box"
}
trap cleanup EXIT

ok() {
  passed=$((passed + 1))
  echo "ok: $*"
}

nothing_left() {
  [[ -z $(ls -A "$TMPDIR") ]] || fail "left behind: $(ls -A "$TMPDIR")"
  [[ -z $(ours) ]] || fail "still running: $(ours)"
}

shows_and_checks() {
  "$quickstart" --bin "$bin" >"$box/output" 2>&1 || fail "exit code $?"
  local part
  for part in "both texts are identical: checked" \
      "the texts of seed 42 are identical: checked" \
      "the texts of seeds 42 and 99 differ: checked" \
      "counts of seed 42 are identical: checked" \
      "temperature 0.3" "temperature 2.0" "top_p 0.3" "top_p 1.0" \
      "bytes of requests" "tokens sampled" "buf curl" "Both have stopped"; do
    grep -qF -- "$part" "$box/output" || fail "not shown: $part"
  done
  nothing_left
  ok "shows texts that are checked, and cleans up"
}

# A program that answers `generate` with another text every time.
checks_can_fail() {
  ln -s "$bin/logitd" "$bin/logitd-demo-model" "$box/bin/"
  cat >"$box/bin/logitctl" <<FAKE
#!/usr/bin/env bash
set -euo pipefail
if [[ \$1 == generate ]]; then
  echo "text \$RANDOM\$RANDOM"
else
  exec "$bin/logitctl" "\$@"
fi
FAKE
  chmod +x "$box/bin/logitctl"
  if "$quickstart" --bin "$box/bin" >"$box/output" 2>&1; then
    fail "texts that differ were taken for identical"
  fi
  grep -qF "both texts differ" "$box/output" || fail "another failure"
  nothing_left
  ok "fails loudly when texts at temperature 0 differ"
}

dead_server_is_told() {
  printf '#!/bin/sh\necho out of luck >&2\nexit 7\n' >"$box/logitd"
  chmod +x "$box/logitd"
  ln -sf "$box/logitd" "$box/bin/logitd"
  if "$quickstart" --bin "$box/bin" >"$box/output" 2>&1; then
    fail "a dead server was not noticed"
  fi
  grep -qF "out of luck" "$box/output" || fail "the server's words are hidden"
  nothing_left
  ok "shows the words of a server that does not start"
}

keeps_on_request() {
  "$quickstart" --bin "$bin" --keep >"$box/output" 2>&1 || fail "exit code $?"
  local target stop
  target="$(sed -n 's/^export LOGITD_TARGET=//p' "$box/output")"
  stop="$(sed -n 's/^stop and remove:  //p' "$box/output")"
  "$bin/logitctl" health --target "$target" >/dev/null || fail "not running"
  bash -c "$stop"
  for _ in {1..100}; do
    [[ -n $(ours) ]] || break
    sleep 0.1
  done
  nothing_left
  ok "keeps the servers with --keep and says how to stop them"
}

refuses_unknown_flags() {
  local status=0
  "$quickstart" --nonsense >"$box/output" 2>&1 || status=$?
  [[ $status -eq 2 ]] || fail "exit code $status"
  nothing_left
  ok "refuses unknown flags"
}

refuses_unknown_flags
shows_and_checks
checks_can_fail
dead_server_is_told
keeps_on_request
echo "$passed passed, 0 failed"
