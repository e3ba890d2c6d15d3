# Sourced by `train` and `evaluate`: a virtual environment with the pinned packages, made on first use.
# MOSHAO_VENV names another place for it.
venv=${MOSHAO_VENV:-$here/.venv}
if [ ! -f "$venv/.ready-$(cksum < "$here/requirements.txt" | cut -d' ' -f1)" ]; then
    echo "setting up $venv (once; downloads about 3 GB)" >&2
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet -r "$here/requirements.txt"
    touch "$venv/.ready-$(cksum < "$here/requirements.txt" | cut -d' ' -f1)"
fi
PATH="$venv/bin:$PATH"
export PYTHONDONTWRITEBYTECODE=1
