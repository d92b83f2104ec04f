#!/usr/bin/env bash
# Executes the digest program on every instruction set, under emulation where
# this processor has none, and compares each digest with the golden one.
set -euo pipefail

usage() {
  cat <<'USAGE'
usage: tests/emulation/run.sh [option...]

  --target native|avx512|arm  only this part (may be given again): this
                   processor, AVX-512 under bochs, NEON and SVE under qemu
  --program FILE   the program for the first two; default: logitd_digest of
                   $LOGITD_BUILD_DIR, or built here with clang
  --golden FILE    what to compare with (tests/golden/digest.txt)
  --long           every SVE target at every vector length, and more planted
                   mistakes
  --allow-missing  a target that could not be executed is no failure

Downloads, builds and scratch: .build/emulation. The second run builds and
downloads nothing. LOGITD_JOBS sets how many run at once (all cores).
Exit code: 0 all digests equal and every planted mistake seen; 1 otherwise.
USAGE
}

root="$(cd "$(dirname "$0")/../.." && pwd)"
readonly root
readonly here="$root/tests/emulation"
readonly cache="$root/.build/emulation"
readonly arm_root="$cache/arm64"
readonly arm_packages=({libhwy1,libhwy-dev,libabsl20220623,libabsl-dev}:arm64
                       {libssl3,libssl-dev,libxxhash-dev}:arm64)
readonly avx512="avx512f avx512bw avx512cd avx512dq avx512vl"
readonly limit=1200  # seconds; only against hanging

parts=()
program=
golden="$root/tests/golden/digest.txt"
long=0
allow_missing=0
jobs="${LOGITD_JOBS:-$(nproc)}"
readonly jobs

# One entry per digest that was, or should have been, computed.
labels=()   # "AVX3 under bochs"
targets=()  # "AVX3"
wants=()    # same; DIFFERS for a planted mistake; FAILED for a wrong processor
names=()    # of its files in $scratch: .log, .code, .ms
missing=()  # "AVX3 under bochs: why"
running=()  # process ids of what we started

now_ms() { echo $((${EPOCHREALTIME/./} / 1000)); }

in_seconds() { printf '%d.%d' $(($1 / 1000)) $(($1 % 1000 / 100)); }

# timed WHAT COMMAND...: shows the output only on failure.
timed() {
  local what=$1 start log=$scratch/stage.log
  shift
  start="$(now_ms)"
  if "$@" >"$log" 2>&1; then
    printf '%8s s  %s\n' "$(in_seconds $(($(now_ms) - start)))" "$what"
  else
    cat "$log"
    return 1
  fi
}

# build FOLDER CMAKE-ARGUMENT...: the digest program alone.
build() {
  local folder=$1
  shift
  if [[ ! -e $folder/build.ninja ]]; then
    cmake -S "$here" -B "$folder" -G Ninja "$@"
  fi
  cmake --build "$folder" -j "$jobs" --target logitd_digest
}

# ---- executions -------------------------------------------------------------

# In a shell of its own: keeps the output, the exit code and the time; ends
# what it started when it is ended.
execute() {
  local name=$1 code=0 start child
  trap - EXIT
  shift
  start="$(now_ms)"
  "$@" >"$scratch/$name.log" 2>&1 </dev/null &
  child=$!
  trap 'kill "$child" 2>/dev/null; wait "$child"; exit 143' TERM
  wait "$child" || code=$?
  echo $(($(now_ms) - start)) >"$scratch/$name.ms"
  echo "$code" >"$scratch/$name.code"
}

# start NAME COMMAND...: at most $jobs at once.
start() {
  while [[ $(jobs -rp | wc -l) -ge $jobs ]]; do
    wait -n || true
  done
  execute "$@" &
  running+=($!)
}

# expect WANT NAME TARGET WHERE: NAME's log must hold TARGET's digest.
expect() {
  wants+=("$1")
  names+=("$2")
  targets+=("$3")
  labels+=("$3 $4")
}

native() {
  local compiler=$1 file=$2 target
  (execute "native-$compiler" "$file")
  while read -r target; do
    expect same "native-$compiler" "$target" "natively, $compiler"
    native_targets+=("$compiler $file $target")
  done < <(awk '$1 == "digest" {print $2}' "$scratch/native-$compiler.log")
  if [[ $(<"$scratch/native-$compiler.code") != 0 ]]; then
    expect same "native-$compiler" "every target" "natively, $compiler"
  fi
}

run_native() {
  local entry compiler file target name
  native_targets=()
  native clang "$program"
  if command -v g++ >/dev/null; then
    timed "build with gcc" build "$cache/gcc" -DCMAKE_CXX_COMPILER=g++ || exit 1
    native gcc "$cache/gcc/bin/logitd_digest"
  else
    missing+=("SCALAR natively, gcc: g++ is not installed")
  fi
  if [[ " ${targets[*]} " != *" AVX2 "* ]]; then
    missing+=("AVX2 natively: this processor has none")
  fi
  for entry in "${native_targets[@]}"; do
    read -r compiler file target <<<"$entry"
    name="plant-$compiler-$target"
    start "$name" "$file" --target "$target" --plant
    expect DIFFERS "$name" "$target" "natively, $compiler, with a planted mistake"
  done
}

# guest NAME MODEL ARGUMENT...: the program in a guest.
guest() {
  local name=$1 model=$2
  shift 2
  echo "/$(basename "$program") $*" >"$scratch/$name.commands"
  start "$name" "$here/guest.sh" --model "$model" --features "$avx512" \
      --limit "$limit" "$scratch/$name.commands" "$program"
}

run_avx512() {
  guest bochs corei7_icelake_u --target AVX3
  expect same bochs AVX3 "under bochs"
  if [[ $long == 1 ]]; then
    guest bochs-plant corei7_icelake_u --target AVX3 --plant
    expect DIFFERS bochs-plant AVX3 "under bochs, with a planted mistake"
    guest bochs-none corei7_haswell_4770 --target AVX3
    expect FAILED bochs-none AVX3 "under bochs, on a processor without it"
  fi
}

qemu() {
  local name=$1 processor=$2
  shift 2
  start "$name" timeout "$limit" qemu-aarch64-static -cpu "$processor" \
      -L /usr/aarch64-linux-gnu \
      -E LD_LIBRARY_PATH="$arm_root/usr/lib/aarch64-linux-gnu" \
      "$cache/arm64-build/bin/logitd_digest" "$@"
}

# sve BITS TARGET...
sve() {
  local bits=$1 target
  shift
  for target in "$@"; do
    qemu "sve-$bits-$target" "max,sve-max-vq=$((bits / 128))" --target "$target"
    expect same "sve-$bits-$target" "$target" "of $bits bits, under qemu"
  done
}

build_arm() {
  local tool
  for tool in qemu-aarch64-static aarch64-linux-gnu-g++; do
    if ! command -v "$tool" >/dev/null; then
      missing+=("NEON, SVE under qemu: $tool is not installed")
      return 1
    fi
  done
  if ! timed "libraries for arm64" \
      "$here/packages.sh" "$arm_root" "${arm_packages[@]}"; then
    missing+=("NEON, SVE under qemu: their libraries could not be downloaded")
    return 1
  fi
  timed "build for arm64" build "$cache/arm64-build" \
      -DCMAKE_TOOLCHAIN_FILE="$here/arm64.cmake" \
      -DLOGITD_ARM64_ROOT="$arm_root" || exit 1
}

# The wide vectors first: they take longest.
run_arm() {
  if [[ $long == 1 ]]; then
    sve 256 SVE_256 SVE SVE2
    sve 512 SVE SVE2
    sve 2048 SVE SVE2
    sve 128 SVE2_128 SVE SVE2
    qemu neon-plant cortex-a72 --target NEON --plant
    expect DIFFERS neon-plant NEON "under qemu, with a planted mistake"
  else
    sve 256 SVE_256
    sve 512 SVE
    sve 2048 SVE2
    sve 128 SVE2_128
  fi
  qemu neon cortex-a72 --target NEON
  expect same neon NEON "under qemu"
}

# ---- verdicts ---------------------------------------------------------------

# The digest and the number of cases on the first line that is no comment.
read_golden() {
  local line
  line="$(grep -vE '^(#|$)' "$golden" 2>/dev/null | head -n 1 || true)"
  local pattern='([0-9a-f]{16}).*(cases=[0-9]+)'
  if [[ ! $line =~ $pattern ]]; then
    echo "run.sh: no digest in $golden" >&2
    exit 1
  fi
  echo "${BASH_REMATCH[1]} ${BASH_REMATCH[2]}"
}

# verdict NAME TARGET: "same", or what is wrong.
verdict() {
  local log="$scratch/$1.log" code line
  code="$(cat "$scratch/$1.code" 2>/dev/null || echo none)"
  line="$(grep -aE "^digest $2 " "$log" | tail -n 1 || true)"
  if [[ $code != 0 ]]; then
    echo "FAILED, exit code $code: $(tail -n 1 "$log")"
  elif [[ -z $line ]]; then
    echo "FAILED: it printed no digest"
  elif [[ ${line#"digest $2 "} == "$expected" ]]; then
    echo same
  else
    echo "DIFFERS: ${line#"digest $2 "} instead of $expected"
  fi
}

# judge I: counts entry I and prints its line.
judge() {
  local name=${names[$1]} want=${wants[$1]} is
  is="$(verdict "$name" "${targets[$1]}")"
  if [[ $name == bochs* && $(cat "$scratch/$name.code") == 3 ]]; then
    missing+=("${labels[$1]}: $(tail -n 1 "$scratch/$name.log")")
    return
  fi
  if [[ $is == "$want"* ]]; then
    passed=$((passed + 1))
    is="as it must: $is"
  else
    failed=$((failed + 1))
    [[ $want == same ]] || is="NOT SEEN: $is"
    [[ $is == FAILED* ]] && cat "$scratch/$name.log"
  fi
  printf '%8s s  %s: %s\n' \
      "$(in_seconds "$(<"$scratch/$name.ms")")" "${labels[$1]}" "$is"
}

report() {
  local i entry
  for i in "${!names[@]}"; do
    judge "$i"
  done
  printf '%8s s  in all\n' "$(in_seconds $(($(now_ms) - begin)))"
  if [[ $allow_missing == 0 ]]; then
    failed=$((failed + ${#missing[@]}))
  fi
  echo "$passed passed, $failed failed"
  for entry in "${missing[@]}"; do
    echo "NOT EXECUTED: $entry"
  done
}

clean_up() {
  local id
  for id in "${running[@]}"; do
    kill "$id" 2>/dev/null || true
  done
  wait
  rm -rf "$scratch"
}

find_program() {
  if [[ -z $program && -n ${LOGITD_BUILD_DIR:-} ]]; then
    program="$LOGITD_BUILD_DIR/bin/logitd_digest"
  fi
  if [[ -z $program ]]; then
    timed "build with clang" \
        build "$cache/clang" -DCMAKE_CXX_COMPILER=clang++ || exit 1
    program="$cache/clang/bin/logitd_digest"
  fi
  if [[ ! -x $program ]]; then
    echo "run.sh: there is no program $program" >&2
    exit 1
  fi
  program="$(realpath "$program")"
}

wanted() {
  [[ ${#parts[@]} -eq 0 || " ${parts[*]} " == *" $1 "* ]]
}

main() {
  while [[ $# -gt 0 ]]; do
    case $1 in
      --target)
        case ${2:-} in
          native | avx512 | arm) parts+=("$2") ;;
          *) usage >&2; exit 2 ;;
        esac
        shift ;;
      --program) program=$2; shift ;;
      --golden) golden=$2; shift ;;
      --long) long=1 ;;
      --allow-missing) allow_missing=1 ;;
      -h | --help) usage; exit 0 ;;
      *) usage >&2; exit 2 ;;
    esac
    shift
  done
  begin="$(now_ms)"
  passed=0
  failed=0
  expected="$(read_golden)"
  readonly expected
  mkdir -p "$cache"
  scratch="$(mktemp -d "$cache/run.XXXXXX")"
  trap clean_up EXIT
  trap 'exit 130' INT TERM
  find_program
  # The guest is the longest single run: it starts first.
  if wanted avx512; then run_avx512; fi
  if wanted native; then run_native; fi
  if wanted arm && build_arm; then run_arm; fi
  wait
  report
  [[ $failed -eq 0 ]]
}

main "$@"
