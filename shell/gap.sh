#!/usr/bin/env bash
# How much of the difference between wet and dry is gone after normalising, on 20 synthetic songs, or on folders of your
# own.  bash shell/gap.sh [WET DRY]
set -euo pipefail
source "$(dirname "$0")/environment.sh"
case $# in
  0)
    fxnorm corpus synth "$root/runs/gap" --songs 20 --seconds 30
    fxnorm domain-gap "$root/runs/gap/wet" "$root/runs/gap/dry"
    ;;
  2) fxnorm domain-gap "$1" "$2" ;;
  *)
    echo "usage: bash shell/gap.sh [WET DRY]" >&2
    exit 2
    ;;
esac
