#!/usr/bin/env bash
# Pretrain the front end of the TDCN on the output of shell/normalize.sh, then train the TDCN from it:
#   bash shell/pretrain.sh NORMALIZED [key=value ...] [options of fxnorm train]
#   bash shell/train_tdcn.sh NORMALIZED init_from=runs/musdb_tdcn_pretrain
set -euo pipefail
corpus=${1:?usage: bash shell/pretrain.sh NORMALIZED [key=value ...] [options]}
shift
EXTRAS=train
source "$(dirname "$0")/environment.sh"
exec fxnorm train "$root/recipes/musdb_tdcn_pretrain.yaml" corpus="$corpus" "$@"
