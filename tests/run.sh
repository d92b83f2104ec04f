#!/usr/bin/env bash
# From a fresh Debian 12 to tested: installs, builds, runs all tests.
set -euo pipefail

usage() {
  cat <<'USAGE'
usage: tests/run.sh [--fast | --long]

  (no option)  everything that must pass: the release build with all tests;
               sampler, session and service under ASan+UBSan and, without the
               sampler's tests of one thread, under TSan;
               the product with gcc; other instruction sets under emulation
  --fast       the release build with all tests, nothing else
  --long       on top: clang-tidy, all tests with gcc and no precompiled
               header, 200 mutants of the sampler, the table of what was checked
               of each knob, the image from sources, LOGITD_LONG=1, with which
               tests take more samples, and LOGITD_QUIET=1 one by one for
               those that hold bounds of time

Logs: .build/logs/<stage>.log. LOGITD_JOBS sets the parallel jobs (all cores).
A second run compiles nothing again.
USAGE
}

root="$(cd "$(dirname "$0")/.." && pwd)"
readonly root
readonly logs="$root/.build/logs"
jobs="${LOGITD_JOBS:-$(nproc)}"
readonly jobs

stages=()   # "seconds|verdict|name", for the table
passed=0
failed=0
first_failure=

# count LOG VERDICT: a stage that reports tests counts them; any other is one.
count() {
  local line
  line="$(grep -E '^[0-9]+% tests passed, [0-9]+ tests? failed out of [0-9]+' \
      "$1" | tail -n 1 || true)"
  if [[ $line =~ ,\ ([0-9]+)\ tests?\ failed\ out\ of\ ([0-9]+) ]]; then
    failed=$((failed + BASH_REMATCH[1]))
    passed=$((passed + BASH_REMATCH[2] - BASH_REMATCH[1]))
    return
  fi
  line="$(grep -E '^[0-9]+ passed, [0-9]+ failed' "$1" | tail -n 1 || true)"
  if [[ $line =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed ]]; then
    passed=$((passed + BASH_REMATCH[1]))
    failed=$((failed + BASH_REMATCH[2]))
  elif [[ $2 == ok ]]; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
  fi
}

# stage NAME COMMAND...: runs it, keeps its log and time; false if it failed.
stage() {
  local name=$1 log="$logs/$1.log" start=$SECONDS verdict=ok
  shift
  printf '\n==== %s\n' "$name"
  # 9 is the lock: nothing that a test leaves behind may hold it.
  "$@" 2>&1 </dev/null 9>&- | tee "$log" 9>&- || verdict=FAILED
  count "$log" "$verdict"
  stages+=("$((SECONDS - start))|$verdict|$name")
  if [[ $verdict == FAILED ]]; then
    first_failure="${first_failure:-$name}"
    return 1
  fi
}

configure_and_build() {
  cmake --preset "$1" -DLOGITD_REQUIRE_ROOMS=ON &&
      cmake --build --preset "$1" -j "$jobs"
}

# run_ctest PRESET. clang 14's sanitizers cannot place their shadow memory on
# kernels that randomise more than 28 bits of an address.
run_ctest() {
  local without_aslr=() bits
  bits="$(cat /proc/sys/vm/mmap_rnd_bits 2>/dev/null || echo 28)"
  if [[ $1 == ?san && $bits -gt 28 ]] && setarch -R true 2>/dev/null; then
    without_aslr=(setarch -R)
  fi
  "${without_aslr[@]}" ctest --preset "$1" -j "$jobs"
}

# build_and_test PRESET: false if it does not build; a failed test is noted.
build_and_test() {
  stage "build-$1" configure_and_build "$1" || return 1
  stage "test-$1" run_ctest "$1" || true
}

check_format() {
  local files
  mapfile -t files < <(git ls-files -co --exclude-standard '*.h' '*.cc')
  clang-format --dry-run -Werror "${files[@]}"
}

# The suites of the files that hold bounds of time when nothing else runs.
hold_bounds_of_time() {
  local files suites
  mapfile -t files < <(git grep -l 'IsQuiet()' -- 'tests/*_test.cc')
  suites="$(sed -nE 's/^TEST(_F|_P)?\(([A-Za-z]+),.*/\2/p' "${files[@]}" |
      sort -u | paste -sd '|')"
  LOGITD_QUIET=1 ctest --preset release -j 1 --no-tests=error \
      -R "(^|/)($suites)\\."
}

# Without the precompiled header, which clang-tidy cannot read.
check_clang_tidy() {
  local files
  mapfile -t files < <(git ls-files -co --exclude-standard \
      'sampler/*.cc' 'service/*.cc')
  cmake --preset debug -B .build/tidy -DLOGITD_PCH=OFF -DLOGITD_TESTS=OFF >/dev/null &&
      cmake --build .build/tidy -j "$jobs" --target logitd_proto &&
      printf '%s\n' "${files[@]}" |
      xargs -P "$jobs" -n 1 clang-tidy --quiet -p .build/tidy
}

report() {
  local entry seconds verdict name
  printf '\n%8s  %-7s %s\n' seconds verdict stage
  for entry in "${stages[@]}"; do
    IFS='|' read -r seconds verdict name <<<"$entry"
    printf '%8d  %-7s %s\n' "$seconds" "$verdict" "$name"
  done
  printf '%8d          in all\n\n' "$SECONDS"
  if [[ -n $first_failure ]]; then
    echo "FAILED first: $first_failure (log: .build/logs/$first_failure.log)"
    what_failed "$logs/$first_failure.log"
  fi
  echo "$passed passed, $failed failed"
  not_executed
}

# what_failed LOG: names of tests, what the first of them found, and what a
# sanitizer did: the end of the output is all that some see.
what_failed() {
  {
    grep -E '^[[:space:]]+[0-9]+ - .*\((Failed|Timeout|Not Run|.*Exception)' \
        "$1" | head -n 20
    grep -E '^\[  FAILED  \] [A-Za-z]' "$1" | sort -u | head -n 20
    grep -m 3 -A 12 -E '^[^ ]+:[0-9]+: Failure$' "$1"
    grep -m 1 -A 30 -E 'runtime error:|ERROR: [A-Za-z]+Sanitizer|WARNING: Thread' \
        "$1"
  } || true
}

# What did not run stands last, where nobody overlooks it.
not_executed() {
  local entry name
  for entry in "${stages[@]}"; do
    name="${entry##*|}"
    sed -nE -e "s/^NOT EXECUTED: (.*)/NOT EXECUTED ($name): \1/p" \
        -e "s/^[[:space:]]+[0-9]+ - (.*) \((Skipped|Disabled)\)$/NOT EXECUTED ($name): \1/p" \
        "$logs/$name.log"
  done
}

run_stages() {
  stage packages deploy/dependencies.sh --build --test --emulation || return 0
  stage format check_format || true
  build_and_test release || return 0
  if [[ $mode == fast ]]; then
    return 0
  fi
  build_and_test asan || true
  build_and_test tsan || true
  stage build-gcc configure_and_build gcc || true
  LOGITD_BUILD_DIR="$root/.build/release" \
      stage emulation tests/emulation/run.sh || true
  if [[ $mode == long ]]; then
    stage bounds-of-time hold_bounds_of_time || true
    stage clang-tidy check_clang_tidy || true
    build_and_test gcc-tests || true
    LOGITD_BUILD_DIR="$root/.build/release" \
        stage mutation tests/mutation/run.sh --sample 200 --seed 20261201 \
        --least 0.95 || true
    LOGITD_BUILD_DIR="$root/.build/release" \
        stage semantics-table tests/semantics_table.sh || true
    LOGITD_SOURCE_DIR="$root" LOGITD_BUILD_DIR="$root/.build/release" \
        stage image-from-sources /usr/bin/python3 tests/deploy/builder.py || true
  fi
}

main() {
  mode=default
  while [[ $# -gt 0 ]]; do
    case $1 in
      --fast | --long) mode="${1#--}" ;;
      -h | --help) usage; exit 0 ;;
      *) usage >&2; exit 2 ;;
    esac
    shift
  done
  if [[ $mode == long ]]; then
    export LOGITD_LONG=1
  fi
  cd "$root"
  mkdir -p "$logs"
  exec 9>"$root/.build/lock"  # two runs in one tree would spoil each other
  flock -n 9 || { echo "waiting for another tests/run.sh"; flock 9; }
  SECONDS=0
  run_stages
  report
  [[ -z $first_failure ]]
}

main "$@"
