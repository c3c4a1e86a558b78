#!/usr/bin/env bash
# On a machine with an NVIDIA GPU, in under 8 minutes: the tests that need one, and the speed of the three networks.
#   bash shell/gpu_check.sh
set -euo pipefail
EXTRAS=dev,train,hdemucs
source "$(dirname "$0")/environment.sh"
cd "$root"
python -m pytest -q -m gpu -n 0 -rs
exec python -m tests.benchmarks.networks "$@"
