#!/usr/bin/env bash
# Builds the documentation into docs/_build/html; warnings are errors.  bash shell/docs.sh [options of sphinx-build]
set -euo pipefail
EXTRAS=docs,train
source "$(dirname "$0")/environment.sh"
cd "$root"
rm -rf docs/reference/api  # pages of modules that are gone
exec python -m sphinx -W --keep-going -n -q "$@" docs docs/_build/html
