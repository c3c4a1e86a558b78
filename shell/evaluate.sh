#!/usr/bin/env bash
# Compare mixes with human mixes: an HTML report, with JSON and CSV beside it.
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
folder="$root/runs/evaluation"
models=(-m sum -m normalized-sum -m naive -m "$folder/boosted")
for model in ${MODELS:-}; do models+=(-m "$model"); done
fxnorm corpus synth "$folder" --songs 40 --seconds 30
fxnorm normalize "$folder/wet" -o "$folder/normalized" -q
[ -d "$folder/boosted" ] || fxnorm train "$root/recipes/boosted.yaml" corpus="$folder/normalized" -o "$folder/boosted"
exec fxnorm evaluate "$folder/wet" --dry-stems "$folder/dry" "${models[@]}" -o "$folder/report.html"
