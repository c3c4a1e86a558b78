# Sourced by the other scripts: makes .venv with fxnorm and the extras named in EXTRAS, once, and puts it first on PATH.
cd "$(dirname "${BASH_SOURCE[0]}")/.."
stamp=.venv/installed
wanted="$(cat setup.cfg shell/constraints.txt | cksum) ${EXTRAS:-}"
if [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ]; then
  "${PYTHON:-python3}" -m venv .venv
  echo "installing fxnorm into .venv"
  .venv/bin/python -m pip install --quiet --disable-pip-version-check -c shell/constraints.txt -e ".${EXTRAS:+[$EXTRAS]}"
  echo "$wanted" > "$stamp"
fi
export PATH="$PWD/.venv/bin:$PATH"
