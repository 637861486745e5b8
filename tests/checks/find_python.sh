#!/usr/bin/env bash
# Print the Python to make the virtual environment with: 3.11 where there is one, since the lock was tried with it.
set -euo pipefail

for candidate in python3.11 python3 python3.12 python3.13; do
    # Asked, not just looked up: version managers leave commands on PATH for versions that are not active.
    if "$candidate" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        echo "$candidate"
        exit
    fi
done
echo "No Python 3.11 or later with venv and ensurepip was found. Install one (Debian, Ubuntu: apt-get install python3 python3-venv)." >&2
exit 1
