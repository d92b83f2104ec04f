#!/usr/bin/env bash
# Builds logitd_bench (release, clang) and the peer, runs all, prints the table.
#
#   tests/bench/run.sh [--quick] [--build_dir=DIR] [--no_build] [FLAG...]
#
# --quick: small rows, few samples, the peer only if it is there already; under
# a minute once built. Other flags go to logitd_bench.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
build_dir=$root/.build/release
build=1
quick=0
flags=()
for argument in "$@"; do
  case $argument in
    --build_dir=*) build_dir=${argument#*=} ;;
    --no_build) build=0 ;;
    --quick) quick=1 flags+=("$argument") ;;
    -h | --help)
      sed -n '2,/^set /s/^# \{0,1\}//p' "$0"
      exit 0
      ;;
    *) flags+=("$argument") ;;
  esac
done

if ((build)); then
  [[ -f $build_dir/CMakeCache.txt ]] ||
    cmake -S "$root" -B "$build_dir" -G Ninja -DCMAKE_BUILD_TYPE=Release \
      -DCMAKE_CXX_COMPILER=clang++
  cmake --build "$build_dir" --target logitd_bench --parallel 2
fi

# Without a peer the bench goes on, and its lines count as not met.
peer_dir=$build_dir/peer
if ((!quick)); then
  "$root/tests/bench/peer.sh" "$peer_dir" || echo "peer not available"
fi

exec "$build_dir/bin/logitd_bench" --peer_dir="$peer_dir" "${flags[@]}"
