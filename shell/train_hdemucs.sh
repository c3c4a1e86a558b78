#!/usr/bin/env bash
# Fine-tune HDemucs to mix, on the output of shell/normalize.sh.
#   bash shell/train_hdemucs.sh NORMALIZED [key=value ...] [options of fxnorm train]
set -euo pipefail
corpus=${1:?usage: bash shell/train_hdemucs.sh NORMALIZED [key=value ...] [options]}
shift
EXTRAS=train,hdemucs
source "$(dirname "$0")/environment.sh"
exec fxnorm train "$root/recipes/musdb_hdemucs.yaml" corpus="$corpus" "$@"
