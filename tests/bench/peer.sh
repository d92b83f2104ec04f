#!/usr/bin/env bash
# Builds the peer that the bench and the dialects' tests compare with:
# llama.cpp's sampler, as the npm package llama.rn carries it. Fetched by name
# and checked against a pinned hash; its code stays in the build folder.
#
#   peer.sh OUT_DIR
#
# Leaves peer_gcc.so, peer_clang.so and version in OUT_DIR; or the reason in
# OUT_DIR/why, and exits 1.
set -euo pipefail

readonly NAME=llama.rn
readonly VERSION=0.12.9
readonly INTEGRITY="sha512-uRsTVARp1KnDkDg00FvOGIrN6SZfMqYVJfCOdxN9FSyGufLC\
+Aad6oFWZVEO8vmtNqu+JBlsCGevP4sJGifAvg=="

here=$(cd "$(dirname "$0")" && pwd)
out=${1:?usage: peer.sh OUT_DIR}
mkdir -p "$out"
cd "$out"
rm -f why

give_up() {
  rm -f peer_gcc.so peer_clang.so version
  echo "$*" | tee why
  exit 1
}

integrity_of() {
  node -p "'sha512-' + require('crypto').createHash('sha512').update(
    require('fs').readFileSync('$1')).digest('base64')"
}

fetch() {
  local tarball=$NAME-$VERSION.tgz
  if [[ ! -f $tarball || $(integrity_of "$tarball") != "$INTEGRITY" ]]; then
    rm -rf "$tarball" package
    command -v npm > /dev/null || give_up "npm is not installed"
    timeout 120 npm pack "$NAME@$VERSION" --ignore-scripts \
      --loglevel=error --fetch-retries=1 --fetch-timeout=30000 > npm.log 2>&1 ||
      give_up "npm pack $NAME@$VERSION failed: $(grep -m1 'npm error' npm.log || true)"
  fi
  [[ $(integrity_of "$tarball") == "$INTEGRITY" ]] ||
    give_up "integrity of $tarball differs from the pinned hash"
  [[ -d package/cpp ]] || tar -xzf "$tarball" package/cpp ||
    give_up "cannot unpack $tarball"
}

# Our side of it, with the flags and the compiler of the caller.
glue() {
  "$compiler" "${flags[@]}" -Wall -Wextra -Werror -isystem package/cpp \
    -I"$here" -c "$here/$1.cc" -o "$tag.$1.o" 2>> "$tag.log"
}

# The peer's code is built alone; what it names and nobody calls stays open.
compile() {
  local tag=$1 compiler=$2 object=peer_$1.so
  local flags=(-O3 -march=native -DNDEBUG -std=c++17 -fPIC)
  local newer=1 source
  for source in peer_glue.cc peer_abi.h peer_chain_glue.cc peer_chain_abi.h \
    peer.sh; do
    [[ $object -nt $here/$source ]] || newer=0
  done
  if ((newer)); then
    return
  fi
  if ! command -v "$compiler" > /dev/null; then
    echo "no $compiler"
    return
  fi
  "$compiler" "${flags[@]}" -Ipackage/cpp -c package/cpp/llama-sampler.cpp \
    -o "$tag.sampler.o" 2> "$tag.log" &&
    glue peer_glue && glue peer_chain_glue &&
    "$compiler" -shared -Wl,--unresolved-symbols=ignore-all \
      "$tag".{sampler,peer_glue,peer_chain_glue}.o -o "$object" \
      2>> "$tag.log" ||
    { rm -f "$object"; echo "$compiler failed: see $out/$tag.log"; }
}

fetch
compile gcc g++
compile clang clang++
[[ -f peer_gcc.so || -f peer_clang.so ]] || give_up "no compiler could build it"
build=$(sed -n 's/.*BUILD_NUMBER = \([0-9]*\).*/\1/p' \
  package/cpp/common/build-info.cpp)
echo "$NAME $VERSION (llama.cpp b${build:-?})" | tee version
