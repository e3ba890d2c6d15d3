# Sourced by `train`, `retouch` and `evaluate`: a virtual environment with the pinned packages, made on first use.
# MOSHAO_VENV names another place for it. Interrupted halfway, the next call goes on.
venv=${MOSHAO_VENV:-$here/.venv}
ready=$venv/.ready-$(cksum < "$here/requirements.txt" | cut -d' ' -f1)
if [ ! -f "$ready" ]; then
    # What can be said before ten minutes of download is said before.
    pictures=${MOSHAO_TEST_DATA:-$(cd "$here/../../.." && pwd)/shared/data}
    case " $* " in
    *" --help "* | *" -h "*)
        sed -n '2,/^set /s/^# \{0,1\}//p' "$0"
        echo "The options are listed once the environment stands: run it without --help first ($here/README.md has examples)."
        exit 0
        ;;
    *" --data"* | *" --speed "*) ;;
    *)
        if [ ! -d "$pictures/fire-dataset/images" ]; then
            echo "$pictures: no fire-dataset/images there; name the data folder with --data or MOSHAO_TEST_DATA" >&2
            exit 1
        fi
        ;;
    esac
    python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
        echo "Python 3.11 or later is needed; \`python3\` here is: $(python3 --version 2>&1)" >&2
        exit 1
    }
    echo "setting up $venv (once: downloads about 4 GB, takes 7 GB of disk, ten minutes)" >&2
    python3 -m venv "$venv"
    "$venv/bin/pip" install --disable-pip-version-check -r "$here/requirements.txt" >&2 || {
        echo "$venv is not complete (the reason stands above); run the same command again, it goes on" >&2
        exit 1
    }
    touch "$ready"
fi
PATH="$venv/bin:$PATH"
export PYTHONDONTWRITEBYTECODE=1
