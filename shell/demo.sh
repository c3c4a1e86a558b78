#!/usr/bin/env bash
# The whole main job on a synthetic corpus, in minutes, on a CPU.  bash shell/demo.sh [folder]
set -euo pipefail
source "$(dirname "$0")/environment.sh"
exec fxnorm demo -o "${1:-demo}"
