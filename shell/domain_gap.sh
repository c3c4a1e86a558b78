#!/usr/bin/env bash
# Distance between wet and dry stems before and after normalisation, of 20 synthetic songs or of your own folders.
#   bash shell/domain_gap.sh [WET DRY]
set -euo pipefail
source "$(dirname "$0")/environment.sh"
case $# in
  0)
    fxnorm corpus synth "$root/runs/domain_gap" --songs 20 --seconds 30
    fxnorm domain-gap "$root/runs/domain_gap/wet" "$root/runs/domain_gap/dry"
    ;;
  2) fxnorm domain-gap "$1" "$2" ;;
  *)
    echo "usage: bash shell/domain_gap.sh [WET DRY]" >&2
    exit 2
    ;;
esac
