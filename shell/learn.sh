#!/usr/bin/env bash
# Does a network learn? Makes 40 synthetic songs, trains the small TDCN on them for about ten minutes on two CPU cores, and
# prints how near it comes to the engineer's mixes of songs it has not heard.  bash shell/learn.sh [key=value ...]
set -euo pipefail
EXTRAS=train
source "$(dirname "$0")/environment.sh"
cd "$root"
exec python -m tests.benchmarks.learning "$@"
