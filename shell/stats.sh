#!/usr/bin/env bash
# Average features of the training songs of a corpus.  bash shell/stats.sh MUSDB18-HQ [stats.json]
set -euo pipefail
corpus=${1:?usage: bash shell/stats.sh CORPUS [FILE]}
out=${2:-stats.json}
source "$(dirname "$0")/environment.sh"
fxnorm stats compute "$corpus" --split train -o "$out"
fxnorm stats show "$out"
fxnorm stats plot "$out" -o "${out%.json}.png"
