#!/usr/bin/env bash
# Train the small TDCN on 40 synthetic songs, about ten minutes on two CPU cores, and print its distance to the engineer's
# mixes of test songs.  bash shell/learn.sh [key=value ...]
set -euo pipefail
EXTRAS=train
source "$(dirname "$0")/environment.sh"
cd "$root"
exec python -m tests.benchmarks.learning "$@"
