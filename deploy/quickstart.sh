#!/usr/bin/env bash
# From a fresh clone to text: builds logitd, starts it beside a language model,
# shows what the knobs do, checks what it shows, stops what it started.
set -euo pipefail

usage() {
  cat <<'USAGE'
usage: deploy/quickstart.sh [--keep] [--bin FOLDER]

  --keep        leaves logitd and the demo model running, and says how to use
                and how to stop them
  --bin FOLDER  takes the programs from FOLDER; installs and builds nothing

Debian 12; root or sudo where packages are missing. Exit code 0: everything
shown was also checked.
USAGE
}

root="$(cd "$(dirname "$0")/.." && pwd)"
readonly root
bin="$root/.build/release/bin"
keep=false
build=true
folder=     # Sockets, logs and texts of this run.
pids=()     # What this run started.

say() { printf '\n== %s\n' "$*"; }

fail() {
  printf '\nquickstart.sh: FAILED: %s\n' "$*" >&2
  exit 1
}

parse() {
  while [[ $# -gt 0 ]]; do
    case $1 in
      --keep) keep=true ;;
      --bin)
        [[ $# -ge 2 ]] || { usage >&2; exit 2; }
        [[ -d $2 ]] || fail "--bin: no folder $2"
        bin="$(cd "$2" && pwd)"
        build=false
        shift
        ;;
      -h | --help) usage; exit 0 ;;
      *) usage >&2; exit 2 ;;
    esac
    shift
  done
}

# ---- build ------------------------------------------------------------------

build_programs() {
  say "packages (deploy/dependencies.sh --build)"
  "$root/deploy/dependencies.sh" --build
  say "build (.build/release; minutes, the first time)"
  (
    cd "$root"
    cmake --preset release -DLOGITD_TESTS=OFF >"$folder/configure.log" 2>&1 ||
        { cat "$folder/configure.log"; exit 1; }
    cmake --build --preset release -j "$(nproc)" \
        --target logitd logitctl logitd-demo-model
  ) || fail "the build"
}

# ---- processes --------------------------------------------------------------

# start NAME COMMAND...: in the background, its output in $folder/NAME.log.
start() {
  local name=$1
  shift
  "$@" >"$folder/$name.log" 2>&1 </dev/null &
  pids+=($!)
}

# wait_for NAME PID TARGET: until it serves.
wait_for() {
  local name=$1 pid=$2 target=$3
  for _ in {1..150}; do
    if "$bin/logitctl" health --target "$target" --timeout 1 \
        >/dev/null 2>&1; then
      return
    fi
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.2
  done
  cat "$folder/$name.log" >&2
  fail "$name does not serve $target"
}

start_servers() {
  export LOGITD_TARGET="unix:$folder/logitd.sock"
  export LOGITD_DEMO_MODEL="unix:$folder/demo-model.sock"
  say "logitd at $LOGITD_TARGET, a language model at $LOGITD_DEMO_MODEL"
  start logitd "$bin/logitd" --listen "$LOGITD_TARGET" \
      --admin_http 127.0.0.1:0 --admin_http_port_file "$folder/admin_port"
  start demo-model "$bin/logitd-demo-model" --listen "$LOGITD_DEMO_MODEL"
  wait_for logitd "${pids[0]}" "$LOGITD_TARGET"
  wait_for demo-model "${pids[1]}" "$LOGITD_DEMO_MODEL"
  [[ -s $folder/admin_port ]] || fail "logitd wrote no $folder/admin_port"
  metrics_url="http://127.0.0.1:$(<"$folder/admin_port")/metrics"
}

stop_servers() {
  local pid failed=0
  for pid in "${pids[@]}"; do
    kill -TERM "$pid" 2>/dev/null || true
  done
  for pid in "${pids[@]}"; do
    wait "$pid" || failed=1
  done
  pids=()
  return "$failed"
}

# Whatever happens, nothing of ours stays behind.
cleanup() {
  stop_servers || true
  if [[ -n $folder ]]; then
    rm -rf "$folder"
  fi
}

# ---- what is shown ----------------------------------------------------------

# text NAME ARGS...: prints a text as it comes and keeps it as $folder/NAME.
text() {
  local name=$1
  shift
  printf '\n$ logitctl generate %s\n' "$*"
  "$bin/logitctl" generate "$@" 2>"$folder/summary" | tee "$folder/$name" ||
      { cat "$folder/summary" >&2; fail "logitctl generate $*"; }
  [[ -s $folder/$name ]] || fail "no text from logitctl generate $*"
  cat "$folder/summary"
}

# numbers NAME ARGS...: keeps every token with its numbers as $folder/NAME.
numbers() {
  local name=$1
  shift
  "$bin/logitctl" generate "$@" --show-numbers --quiet >"$folder/$name" ||
      fail "logitctl generate $* --show-numbers"
}

# same WHAT A B: the files must be equal.
same() {
  cmp "$folder/$2" "$folder/$3" >&2 || fail "$1 differ"
  echo "-> $1 are identical: checked"
}

# different WHAT A B: the files must not be equal.
different() {
  if cmp -s "$folder/$2" "$folder/$3"; then
    fail "$1 are identical"
  fi
  echo "-> $1 differ: checked"
}

sweep() {
  printf '\n$ logitctl sweep %s\n' "$*"
  "$bin/logitctl" sweep "$@" || fail "logitctl sweep $*"
}

show_texts() {
  local short=(--min-tokens 12 --max-tokens 30)
  say "temperature 0 takes the likeliest word every time, and soon repeats itself"
  text greedy_a --temperature 0 --max-tokens 30
  text greedy_b --temperature 0 --max-tokens 30
  same "both texts" greedy_a greedy_b

  say "a seed is a text that anybody can have again"
  text seed_42_a --seed 42 "${short[@]}"
  text seed_42_b --seed 42 "${short[@]}"
  text seed_99 --seed 99 "${short[@]}"
  same "the texts of seed 42" seed_42_a seed_42_b
  different "the texts of seeds 42 and 99" seed_42_a seed_99
  numbers numbers_a --seed 42 "${short[@]}"
  numbers numbers_b --seed 42 "${short[@]}"
  same "all log-probabilities and candidate counts of seed 42" \
      numbers_a numbers_b

  say "one knob, five values, the same chance: temperature"
  sweep --knob temperature --values 0.3,0.7,1.0,1.5,2.0 --seed 42 "${short[@]}"
  say "one knob, three values, the same chance: top_p at temperature 1"
  sweep --knob top_p --values 0.3,0.7,1.0 --temperature 1 --seed 42 \
      "${short[@]}"
}

profiles() {
  printf '\n$ logitctl profiles %s\n' "$*"
  "$bin/logitctl" profiles "$@" || fail "logitctl profiles $*"
}

show_profiles() {
  local short=(--seed 42 --min-tokens 12 --max-tokens 30)
  say "a profile: knobs as managed configuration, created, pinned and changed by RPC"
  echo 'default_params: {temperature: 0.5}' >"$folder/story.yaml"
  cat "$folder/story.yaml"
  profiles create story -f "$folder/story.yaml"
  text story_1 --profile story "${short[@]}"
  profiles update story --set default_params.temperature=1.3
  profiles diff story | tee "$folder/difference"
  grep -qxF 'default_params.temperature: 0.5 -> 1.3' "$folder/difference" ||
      fail "the difference is not the knob that was changed"
  echo "-> the difference is the knob that was changed: checked"
  text story_2 --profile story "${short[@]}"
  text story_1_again --profile story@1 "${short[@]}"
  different "the texts of the two revisions" story_1 story_2
  same "the texts of revision 1, before and after the change" \
      story_1 story_1_again
}

# An agent thinks aloud, then acts: one session, two ways to choose, switched by
# a token that the model itself writes.
show_phases() {
  local end agent=(--profile agent --ignore-eos --max-tokens 50)
  say "phases: sentences of ideas and sentences of decisions, in one session"
  end="$("$bin/logitctl" tokenize '</s>')" || fail "logitctl tokenize"
  cat >"$folder/agent.yaml" <<AGENT
description: thinks aloud for a sentence, decides in the next
labels: {task: ideas, task.decide: facts}
default_params: {temperature: 1.1}
phases:
  - name: decide
    enter: [{tokens: $end}]
    leave: [{tokens: $end}]
    default_params: {temperature: 0, presence_penalty: 1}
AGENT
  cat "$folder/agent.yaml"
  profiles create agent -f "$folder/agent.yaml"
  text agent_42 "${agent[@]}" --seed 42 --show-phases
  text agent_7 "${agent[@]}" --seed 7 --show-phases
  numbers agent_numbers "${agent[@]}" --seed 42
  awk -F '\t' '$4 == "decide" {++decide; if ($3 != 1) ++wrong}
               $4 == "base" {++base; if ($3 > 1) ++drawn}
               END {exit !(decide > 5 && base > 5 && drawn > 0 && !wrong)}' \
      "$folder/agent_numbers" || fail "the phases do not choose as they must"
  echo "-> each word of decide is the likeliest one, the others are drawn: checked"
}

# metric NAME: its sum over all labels.
metric() {
  awk -v name="$1" '$1 == name || index($1, name "{") == 1 {sum += $2; found = 1}
                    END {if (!found) exit 1; printf "%.0f\n", sum}' \
      "$folder/metrics" || fail "no $1 at $metrics_url"
}

show_metrics() {
  local received sent tokens
  say "what travelled, from $metrics_url"
  curl --noproxy '*' -sS -f -o "$folder/metrics" "$metrics_url" ||
      fail "no metrics at $metrics_url"
  received="$(metric logitd_received_bytes_total)"
  sent="$(metric logitd_sent_bytes_total)"
  tokens="$(metric logitd_tokens_total)"
  printf '%15d bytes of requests, nearly all of them logits\n' "$received"
  printf '%15d bytes of replies\n' "$sent"
  printf '%15d tokens sampled\n' "$tokens"
  [[ $tokens -ge $(wc -l <"$folder/numbers_a") ]] ||
      fail "fewer tokens counted than shown"
  [[ $received -gt $sent && $sent -gt 0 ]] || fail "the bytes are not believable"
}

show_next() {
  say "where to look next"
  cat <<NEXT
README.md                     the rooms of this repository, a reading order
logitctl generate --help      every knob: its range, its off value, its effect
logitctl sweep --help         one knob over several values, texts side by side
logitctl info                 what this server is, may and can do
proto/logitd/v1/              the contract, commented as a manual
service/profiles/README.md    the profile file, tasks, the linter's rules
$metrics_url   while it runs (--keep)
and, through reflection, with no proto file at hand:
  buf curl --protocol grpc --http2-prior-knowledge \\
      --unix-socket ${LOGITD_TARGET#unix:} \\
      -d '{}' http://localhost/logitd.v1.SamplingService/GetServerInfo
NEXT
}

finish() {
  if $keep; then
    say "still running"
    cat <<KEPT
export LOGITD_TARGET=$LOGITD_TARGET
export LOGITD_DEMO_MODEL=$LOGITD_DEMO_MODEL
export PATH=$bin:\$PATH
stop and remove:  kill ${pids[*]}; rm -rf $folder
KEPT
    trap - EXIT
    return
  fi
  say "stopping logitd (${pids[0]}) and the demo model (${pids[1]})"
  stop_servers || fail "a server did not stop with exit code 0"
  echo "Both have stopped; their sockets and logs are removed."
  if $build; then
    echo "Left behind: .build/release ($(du -sh "$root/.build/release" |
        cut -f1)) and the Debian packages of deploy/packages.txt."
  fi
}

main() {
  parse "$@"
  folder="$(mktemp -d "${TMPDIR:-/tmp}/logitd-quickstart.XXXXXX")"
  trap cleanup EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  if $build; then
    build_programs
  fi
  command -v curl >/dev/null || fail "curl is missing: apt-get install curl"
  local program
  for program in logitd logitctl logitd-demo-model; do
    [[ -x $bin/$program ]] || fail "no program $bin/$program"
  done
  start_servers
  show_texts
  show_profiles
  show_phases
  show_metrics
  show_next
  finish
}

main "$@"
