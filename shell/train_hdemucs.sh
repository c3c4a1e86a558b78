#!/usr/bin/env bash
# HDemucs, fine-tuned to mix, trained on a corpus that shell/normalize.sh made.
#   bash shell/train_hdemucs.sh NORMALIZED [key=value ...] [options of fxnorm train]
set -euo pipefail
corpus=${1:?usage: bash shell/train_hdemucs.sh NORMALIZED [key=value ...] [options]}
shift
EXTRAS=train,hdemucs
source "$(dirname "$0")/environment.sh"
exec fxnorm train "$root/recipes/musdb_hdemucs.yaml" corpus="$corpus" "$@"
