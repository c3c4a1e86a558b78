#!/usr/bin/env bash
# How much of the difference between wet and dry is gone after normalising: 20 synthetic songs, and any wet/dry pair of
# folders.  bash shell/gap.sh [WET DRY]
set -euo pipefail
pair=()
for folder in "$@"; do pair+=("$(realpath "$folder")"); done
source "$(dirname "$0")/environment.sh"
if [ ${#pair[@]} -eq 2 ]; then
  fxnorm gap "${pair[@]}"
else
  fxnorm corpus synth runs/gap --songs 20 --seconds 30
  fxnorm gap runs/gap/wet runs/gap/dry
fi
