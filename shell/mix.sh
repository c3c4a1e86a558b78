#!/usr/bin/env bash
# Dry stems into a mix by a trained run; by the sum of the normalised stems where MODEL is normalized-sum.
#   bash shell/mix.sh MODEL STEMS MIX [options of fxnorm mix]
#   bash shell/mix.sh runs/musdb_tdcn my_song/ my_song.wav --lufs -14
#   bash shell/mix.sh runs/musdb_tdcn songs/ mixes/
set -euo pipefail
usage="usage: bash shell/mix.sh MODEL STEMS MIX [options]"
model=${1:?$usage}
stems=${2:?$usage}
out=${3:?$usage}
shift 3
case "$model" in sum | normalized-sum | naive) ;; *) EXTRAS=${EXTRAS:-train,boosted} ;; esac  # and hdemucs for an HDemucs
source "$(dirname "$0")/environment.sh"
exec fxnorm mix "$stems" --model "$model" -o "$out" "$@"
