#!/usr/bin/env bash
# The knobs, and what the tests of this run found out about each.
set -euo pipefail

usage() {
  cat <<'USAGE'
usage: tests/semantics_table.sh [--help]

Runs the tests that compare the sampler with its textbooks, turn its knobs and
try their ranges, and prints one table of what they wrote down: a row for each
field of SamplingParams in the compiled contract, with

  range, off value  as refused and tried by this run's tests
  source            the paper or peer that params.proto names
  rows compared     with an oracle, on all targets, the knob deciding something
  worst error       of a probability, against the oracle's
  direction test    the test that turned the knob (sampler/knob_tests.tsv)
  dialects          whose textbook, or engine, the knob was compared with

The last line is "complete: X of N knobs": X have no empty cell. A test that
failed, or is not there, leaves its cells empty. Exit code 0: X is N and all
tests passed.

Builds nothing but llama.cpp's own chain: first build sampler_test, peers_test
and profiles_test. Takes as many minutes as the agreement tests. LOGITD_BUILD_DIR
is the build (.build/release), LOGITD_JOBS the parallel jobs (all cores).
USAGE
}

root="$(cd "$(dirname "$0")/.." && pwd)"
readonly root
readonly build="${LOGITD_BUILD_DIR:-$root/.build/release}"
readonly jobs="${LOGITD_JOBS:-$(nproc)}"
scratch="$(mktemp -d)"
readonly scratch
trap 'rm -rf "$scratch"' EXIT

table() {
  /usr/bin/python3 "$root/tests/sampler/semantics_table.py" "$@"
}

# run_tests PROGRAM FILTER: writes what its tests found out, and keeps the log
# of those that fail. A failure is the table's matter.
run_tests() {
  local program="$build/bin/$1" shard pids=()
  if [[ ! -x $program ]]; then
    echo "semantics_table.sh: no $program: build it first" >&2
    exit 2
  fi
  for ((shard = 0; shard < jobs; ++shard)); do
    LOGITD_KNOB_NOTES=1 GTEST_TOTAL_SHARDS="$jobs" GTEST_SHARD_INDEX="$shard" "$program" \
        --gtest_filter="$2" --gtest_output="json:$scratch/$1.$shard.json" \
        >"$scratch/$1.$shard.log" 2>&1 &
    pids+=($!)
  done
  for ((shard = 0; shard < jobs; ++shard)); do
    wait "${pids[shard]}" || tail -n 40 "$scratch/$1.$shard.log" >&2
  done
}

main() {
  case "${1:-}" in
    "") ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
  esac
  cd "$root"
  # Without it llama.cpp's chain is not compared, and its column says so.
  bash tests/bench/peer.sh "$build/peer" >"$scratch/peer.log" 2>&1 || true
  run_tests sampler_test "$(table --filter)"
  run_tests peers_test 'LlamaChainTest.The*Keep*'
  run_tests profiles_test 'BadFiles.AreRefused*'
  table "$scratch"/*.json
}

main "$@"
