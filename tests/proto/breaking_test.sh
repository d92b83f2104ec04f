#!/usr/bin/env bash
# buf breaking: the contract of the work tree against the last commit whose
# contract differs from it. Fields are only added; nothing moves or goes away.
set -euo pipefail
source "$(dirname "$0")/buf.sh"

skip() {
  echo "skipped: $*"
  exit "$skipped"
}

# The newest commit whose protos are not those of the work tree. In a clean
# clone that is the one before the last change of the contract.
differing_commit() {
  local commit
  while read -r commit; do
    if ! git diff --quiet "$commit" -- 'proto/*.proto'; then
      echo "$commit"
      return
    fi
  done < <(git log --format=%H -- 'proto/*.proto')
}

cd "$root"
git rev-parse --verify -q HEAD >/dev/null ||
    skip "no git history here, so nothing to compare with"
commit="$(differing_commit)"
[[ -n $commit ]] || skip "no commit in this clone has another contract"

mkdir "$scratch/then"
git archive "$commit" proto | tar -x -C "$scratch/then"
describe "$scratch/then/proto" "$scratch/then.binpb" ||
    skip "the contract of $commit does not compile"
describe "$root/proto" "$scratch/now.binpb"
buf breaking "$scratch/now.binpb" --against "$scratch/then.binpb" \
    --config "$root/proto/buf.yaml"
echo "nothing breaks that commit $commit had"
