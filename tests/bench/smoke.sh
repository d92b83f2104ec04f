#!/usr/bin/env bash
# Runs the bench's quick mode and checks the shape of what it prints, never a
# time: smoke.sh BUILD_DIR.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
output=$("$here/run.sh" --quick --no_build --build_dir="$1")

expect() {
  if ! grep -Eq "$1" <<< "$output"; then
    echo "no line matches: $1"
    echo "$output"
    exit 1
  fi
}

expect '^machine: .+ cores, load [0-9.]+$'
expect '^build: .+; kernels: [A-Za-z0-9_]+$'
for section in core growth adversarial real peer session laws knobs reads \
  metrics service summary; do
  expect "^== $section"
done
number='[0-9.e+-]+'
expect "R = $number us = $number GB/s \(.+/.+/[148]\); memcpy $number us"
expect '^work +row +p10 us +p50 us +p99 us +xR +p50 +must +aim +met$'
expect "^greedy +peaked 32000( +$number){5} +- +1.05 +-$"
expect "^.+ +flat 32000( +$number){5} +<=24 +16 +(met|NOT MET)$"
expect "^top_k +peaked 32000( +$number){5} +- +- +-$"
expect "^  beyond no knob: .*\[top_k\] [+-]$number"
expect "^most: [a-z_0-9 ]+ +(peaked|wide|trigram) [0-9]+ +- +- +- +$number +- +<=3 +- +(met|NOT MET)$"
expect '^allocations, all profiles +peaked 32000 +- +- +- +0 +- +<=0 +- +met$'
expect "^metrics on / off: greedy +peaked 32000( +$number){4} +- +<=1.02 +1.01 +(met|NOT MET)$"
expect "^cold bf16 / fp32 +k40 .* +- +- +- +$number +- +<=0.65 +- +(met|NOT MET)$"
expect "^two spinning threads: $number"'x$'
expect "^counting a row: $number ns alone, $number ns beside another thread$"
expect "(^peer not available: .+|^  peer:.* us = array $number \+ chain $number)"
expect '^must: [0-9]+ of [0-9]+ met$'
output=$("$1/bin/logitd_instructions" --kernels=auto --steps=1)
expect "^$number ns  peaked: greedy$"
expect "^$number ns  wide: bf16 T.8 only$"
echo "shape as expected"
