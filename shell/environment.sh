# Sourced by the other scripts: makes .venv with fxnorm and the extras named in EXTRAS, once, and puts it first on PATH.
# The caller's folder stays the current one, so that relative paths mean what they say.
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
stamp="$root/.venv/installed"  # a checksum of what was asked for, then the extras that are there
wanted="$(cat "$root/setup.cfg" "$root/shell/constraints.txt" | cksum | tr ' ' -)"
read -r have extras < "$stamp" 2>/dev/null || true
missing=0
for extra in $(echo "${EXTRAS:-}" | tr , ' '); do
  case ",${extras:-}," in *",$extra,"*) ;; *) missing=1 ;; esac
done
if [ "${have:-}" != "$wanted" ] || [ "$missing" = 1 ]; then
  echo "installing fxnorm into .venv"
  "${PYTHON:-python3}" -m venv "$root/.venv"
  (cd "$root" && .venv/bin/python -m pip install --quiet --disable-pip-version-check \
    -c shell/constraints.txt -e ".${EXTRAS:+[$EXTRAS]}")
  [ "${have:-}" = "$wanted" ] && extras="${extras:-},${EXTRAS:-}" || extras="${EXTRAS:-}"
  echo "$wanted ${extras:-none}" > "$stamp"
fi
export PATH="$root/.venv/bin:$PATH"
