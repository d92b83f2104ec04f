#!/usr/bin/env bash
# The twelve mistakes of fixed.txt are noticed. run.sh draws others.
set -euo pipefail
exec "$(dirname "$0")/run.sh" --fixed
