#!/usr/bin/env bash
# How many instructions a step of each core profile executes, which no load and
# no other machine changes: under callgrind, and for AVX-512, which it does not
# know, in bochs' guest, whose clock counts them.
set -euo pipefail

usage() {
  cat <<'USAGE'
usage: tests/bench/instructions.sh [--kernels NAME] [--no_build]

  --kernels NAME   EMU128 or AVX2, under callgrind; AVX3, under bochs, with what
                   the guest's kernel does meanwhile (below 1 %). All three if
                   none is given
  --no_build       logitd_instructions of $LOGITD_BUILD_DIR (.build/release) is
                   there

Prints instructions of a step for V = 151,936: in thousands, and for each logit.
Needs valgrind when it is built and run, and for AVX3 what tests/emulation needs.
USAGE
}

root="$(cd "$(dirname "$0")/../.." && pwd)"
readonly root
readonly build="${LOGITD_BUILD_DIR:-$root/.build/release}"
readonly program="$build/bin/logitd_instructions"
readonly vocab=151936
readonly steps=8
scratch="$(mktemp -d)"
readonly scratch
trap 'rm -rf "$scratch"' EXIT

# Lines of "INSTRUCTIONS<tab>PROFILE", of all steps, in the order of their run.
under_callgrind() {
  if ! command -v valgrind >/dev/null; then
    echo "valgrind is not installed: install it, and build anew" >&2
    return 1
  fi
  valgrind --quiet --tool=callgrind --instr-atstart=no \
      --callgrind-out-file="$scratch/dump" \
      "$program" --kernels="$1" --steps="$steps"
  local file number
  for ((number = 1; ; ++number)); do
    file="$scratch/dump.$number"
    [[ -e $file ]] || break
    awk -v OFS='\t' '
      sub(/^desc: Trigger: Client Request: /, "") {name = $0}
      /^totals: / {total = $2}
      END {if (name != "") print total, name}' "$file"
  done
}

# A nanosecond of the guest is a twentieth of an instruction: guest.sh has it
# make 50 million in a second.
under_bochs() {
  echo "/logitd_instructions --kernels=$1 --steps=$steps" >"$scratch/commands"
  "$root/tests/emulation/guest.sh" --features avx512f "$scratch/commands" \
      "$program" |
      awk -v OFS='\t' -v steps="$steps" '
        $2 == "ns" {ns = $1; sub(/^[^ ]+ +ns +/, ""); sub(/\r$/, "")
                    print ns * steps / 20, $0}'
}

table() {
  awk -F'\t' -v target="$1" -v steps="$steps" -v vocab="$vocab" '
    BEGIN {printf "%-36s %8s  %s\n", target, "thousand", "a logit"}
    {n = $1 / steps; printf "%-36s %8.1f  %7.2f\n", $2, n / 1000, n / vocab
     ++lines}
    END {if (!lines) {print "nothing was counted"; exit 1}}'
}

chosen=()
build_first=1
while [[ $# -gt 0 ]]; do
  case $1 in
    --kernels) chosen+=("${2:?}"); shift ;;
    --no_build) build_first=0 ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
  esac
  shift
done
[[ ${#chosen[@]} -gt 0 ]] || chosen=(EMU128 AVX2 AVX3)
if ((build_first)); then
  cmake --build "$build" --target logitd_instructions --parallel 2 >&2
fi
for target in "${chosen[@]}"; do
  case $target in
    AVX3*) under_bochs "$target" | table "$target" ;;
    *) rm -f "$scratch"/dump*; under_callgrind "$target" | table "$target" ;;
  esac
done
