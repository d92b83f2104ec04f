#!/usr/bin/env bash
# The table of what a step must cost: ours, R and llama.cpp in one process, with
# what must be reached and what is aimed at. Takes what run.sh takes.
set -euo pipefail
exec "$(dirname "$0")/run.sh" --only=core,adversarial,peer,session,metrics "$@"
