#!/usr/bin/env bash
# buf lint over the contract: STANDARD and COMMENTS, as proto/buf.yaml says.
set -euo pipefail
source "$(dirname "$0")/buf.sh"

describe "$root/proto" "$scratch/now.binpb"
buf lint "$scratch/now.binpb" --config "$root/proto/buf.yaml"
echo "the contract follows the rules"
