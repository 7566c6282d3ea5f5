#!/bin/sh
# Runs the project's Python with the given arguments in the project's folder, after making or renewing .venv.
# The scripts of .venv/bin are never used: their first line can't hold a space, nor more than 127 bytes.
set -eu
cd "$(dirname "$0")/.."

fits() {
    "$@" -c 'import sys; sys.exit(sys.version_info < (3, 12))' >/dev/null 2>&1
}

run_environment() {
    # The environment's own is the last resort, since its renewal removes it.
    for python in python3 python3.14 python3.13 python3.12 python .venv/bin/python; do
        if fits "$python"; then
            "$python" -I deploy/environment.py
            return
        fi
    done
    if fits uv run --no-project --python '>=3.12' python; then
        uv run --no-project --python '>=3.12' python -I deploy/environment.py
        return
    fi
    echo "Python 3.12 or later was not found: install it (Debian, Ubuntu: apt install python3 python3-venv; macOS: brew install python), or install uv." >&2
    exit 1
}

run_environment
# Which process was started by which: the command goes on as this process, and wants to end with its parent.
export STARTED_BY="$$ $PPID"
exec .venv/bin/python "$@"
