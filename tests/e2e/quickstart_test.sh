#!/usr/bin/env bash
# deploy/quickstart.sh on the programs of this build: what it shows, that its
# checks can fail, and that nothing of it stays behind.
set -euo pipefail

source_dir="${LOGITD_SOURCE_DIR:-$(cd "$(dirname "$0")/../.." && pwd)}"
bin="${LOGITD_BUILD_DIR:-$source_dir/.build/release}/bin"
quickstart="$source_dir/deploy/quickstart.sh"
# Sockets have short names: not under the build folder.
box="$(mktemp -d /tmp/logitd-qs-test.XXXXXX)"
mkdir "$box/tmp" "$box/bin" "$box/path"
ln -s "$bin/logitd" "$bin/logitd-demo-model" "$box/bin/"
install -m 755 /dev/null "$box/bin/logitctl"
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
      "created profiles/story@1" "updated profiles/story@2" \
      "default_params.temperature: 0.5 -> 1.3" \
      "the difference is the knob that was changed: checked" \
      "the texts of the two revisions differ: checked" \
      "revision 1, before and after the change are identical: checked" \
      "created profiles/agent@1" "base: " "decide: " \
      "each word of decide is the likeliest one, the others are drawn: checked" \
      "bytes of requests" "tokens sampled" "buf curl" "Both have stopped"; do
    grep -qF -- "$part" "$box/output" || fail "not shown: $part"
  done
  nothing_left
  ok "shows texts that are checked, and cleans up"
}

# breaks WORDS CASE...: where logitctl has these cases of its arguments the quick
# start fails, and says WORDS.
breaks() {
  local words=$1
  shift
  cat >"$box/bin/logitctl" <<FAKE
#!/usr/bin/env bash
set -euo pipefail
real() { "$bin/logitctl" "\$@"; }
case "\$*" in
  $*
  *) real "\$@" ;;
esac
FAKE
  if PATH="$box/path:$PATH" "$quickstart" --bin "$box/bin" \
      >"$box/output" 2>&1; then
    fail "not noticed: $words"
  fi
  grep -qF -- "FAILED: $words" "$box/output" || fail "another failure: $words"
  nothing_left
  ok "fails loudly: $words"
}

# Texts that are not what they must be.
checks_of_texts_can_fail() {
  breaks "both texts differ" \
      '"generate --temperature 0 "*) echo "text $RANDOM$RANDOM" ;;'
  breaks "the texts of seed 42 differ" \
      '"generate --seed 42 --min-tokens 12 --max-tokens 30")' \
      'echo "text $RANDOM$RANDOM" ;;'
  breaks "the texts of seeds 42 and 99 are identical" \
      '"generate --seed 99 "*) real generate --seed 42 "${@:4}" ;;'
  breaks "all log-probabilities and candidate counts of seed 42 differ" \
      '*" --show-numbers"*) echo "$RANDOM$RANDOM" ;;'
}

# A change that is none, and a revision that is not pinned.
checks_of_profiles_can_fail() {
  breaks "the difference is not the knob that was changed" \
      '"profiles diff "*) echo "default_params.top_p: 0.5 -> 1.3" ;;'
  breaks "the texts of the two revisions are identical" \
      '*" --profile story "*) real generate --profile story@1 "${@:4}" ;;'
  breaks "the texts of revision 1, before and after the change differ" \
      '*" --profile story@1 "*) real generate --profile story "${@:4}" ;;'
}

# A word that was drawn when enough was seen already; a phase that never comes;
# no chance.
checks_of_phases_can_fail() {
  local words="the phases do not choose as they must"
  local numbers='*" --profile agent "*" --show-numbers"*) real "$@" | awk -F "\t"'
  breaks "$words" "$numbers" \
      "'BEGIN {OFS = \"\\t\"} \$4 == \"base\" {++base}" \
      "\$4 == \"decide\" && base > 9 {\$3 = 2} 1' ;;"
  breaks "$words" "$numbers" "'\$4 != \"decide\"' ;;"
  breaks "$words" "$numbers" "'BEGIN {OFS = \"\\t\"} {\$3 = 1} 1' ;;"
}

# measures RECEIVED SENT TOKENS: what the metrics say.
measures() {
  cat >"$box/path/curl" <<CURL
#!/usr/bin/env bash
while [[ \$1 != -o ]]; do shift; done
printf 'logitd_%s_total %d\n' received_bytes $1 sent_bytes $2 tokens $3 >"\$2"
CURL
  chmod +x "$box/path/curl"
}

checks_of_metrics_can_fail() {
  measures 1000 10 0
  breaks "fewer tokens counted than shown"
  measures 10 1000 1000
  breaks "the bytes are not believable"
  measures 1000 0 1000
  breaks "the bytes are not believable"
  rm "$box/path/curl"
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
checks_of_texts_can_fail
checks_of_profiles_can_fail
checks_of_phases_can_fail
checks_of_metrics_can_fail
dead_server_is_told
keeps_on_request
echo "$passed passed, 0 failed"
