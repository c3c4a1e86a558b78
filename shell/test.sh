#!/usr/bin/env bash
# Runs every check of the project: lint, types, tests.  bash shell/test.sh [arguments for pytest]
set -euo pipefail
EXTRAS=dev,train,boosted,cluster,hdemucs,oracles
source "$(dirname "$0")/environment.sh"
cd "$root"
ruff check .
ruff format --check .
mypy
exec pytest -n "${JOBS:-auto}" "$@"
