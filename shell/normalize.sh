#!/usr/bin/env bash
# Effect-normalised copy of a corpus.  bash shell/normalize.sh MUSDB18-HQ OUT [options of fxnorm normalize]
set -euo pipefail
corpus=${1:?usage: bash shell/normalize.sh CORPUS OUT [options]}
out=${2:?usage: bash shell/normalize.sh CORPUS OUT [options]}
shift 2
source "$(dirname "$0")/environment.sh"
fxnorm normalize "$corpus" -o "$out" "$@"
