#!/usr/bin/env bash
# The published Wave-U-Net, trained on a corpus that shell/normalize.sh made.
#   bash shell/train_waveunet.sh NORMALIZED [key=value ...] [options of fxnorm train]
set -euo pipefail
corpus=${1:?usage: bash shell/train_waveunet.sh NORMALIZED [key=value ...] [options]}
shift
EXTRAS=train
source "$(dirname "$0")/environment.sh"
exec fxnorm train "$root/recipes/musdb_waveunet.yaml" corpus="$corpus" "$@"
