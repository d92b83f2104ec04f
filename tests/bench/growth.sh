#!/usr/bin/env bash
# How a step's time grows: with k, p, the temperature, batches, threads. Takes
# what run.sh takes.
set -euo pipefail
exec "$(dirname "$0")/run.sh" --only=growth "$@"
