#!/usr/bin/env bash
# Mutation testing of the sampler: mutation.py says what can be asked for.
set -euo pipefail
exec /usr/bin/python3 "$(dirname "$0")/mutation.py" "$@"
