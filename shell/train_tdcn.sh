#!/usr/bin/env bash
# Train the published TDCN on the output of shell/normalize.sh.
#   bash shell/train_tdcn.sh NORMALIZED [key=value ...] [options of fxnorm train]
set -euo pipefail
corpus=${1:?usage: bash shell/train_tdcn.sh NORMALIZED [key=value ...] [options]}
shift
EXTRAS=train
source "$(dirname "$0")/environment.sh"
exec fxnorm train "$root/recipes/musdb_tdcn.yaml" corpus="$corpus" "$@"
