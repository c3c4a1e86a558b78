#!/usr/bin/env bash
# Train the published Wave-U-Net on the output of shell/normalize.sh.
#   bash shell/train_waveunet.sh NORMALIZED [key=value ...] [options of fxnorm train]
set -euo pipefail
corpus=${1:?usage: bash shell/train_waveunet.sh NORMALIZED [key=value ...] [options]}
shift
EXTRAS=train
source "$(dirname "$0")/environment.sh"
exec fxnorm train "$root/recipes/musdb_waveunet.yaml" corpus="$corpus" "$@"
