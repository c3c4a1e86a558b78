#!/usr/bin/env bash
# How near do mixes come to those that a person made? An HTML report, with JSON and CSV beside it.
#   bash shell/evaluate.sh                                       the built-in corpus: baselines, and a boosted model trained on it
#   bash shell/evaluate.sh MUSDB18-HQ report.html -m runs/musdb_tdcn -m runs/boosted [options of fxnorm evaluate]
#   MODELS="runs/learn/run" bash shell/evaluate.sh               the built-in corpus, and more models
set -euo pipefail
EXTRAS=${EXTRAS:-train,boosted}
source "$(dirname "$0")/environment.sh"
if [ $# -ge 2 ]; then
  songs=$1
  out=$2
  shift 2
  exec fxnorm evaluate "$songs" -m sum -m normalized-sum -m naive -o "$out" "$@"
fi
[ $# = 0 ] || { echo "usage: bash shell/evaluate.sh [SONGS REPORT.html [options]]" >&2; exit 2; }
place="$root/runs/evaluation"
models=(-m sum -m normalized-sum -m naive -m "$place/boosted")
for model in ${MODELS:-}; do models+=(-m "$model"); done
fxnorm corpus synth "$place" --songs 40 --seconds 30
fxnorm normalize "$place/wet" -o "$place/normalized" -q
[ -d "$place/boosted" ] || fxnorm train "$root/recipes/boosted.yaml" corpus="$place/normalized" -o "$place/boosted"
exec fxnorm evaluate "$place/wet" --dry "$place/dry" "${models[@]}" -o "$place/report.html"
