#!/usr/bin/env bash
# ansible-test sanity over a copy of the collection: it resolves links, and wants .../ansible_collections/lockstep/backup.
set -euo pipefail

checks=$(realpath "$(dirname "$0")")
build=$(realpath "$checks/../../build")
home=$build/sanity-home
log=$build/sanity.log
version=$(python -c 'import sys; print("%d.%d" % sys.version_info[:2])')

# ansible-test keeps its virtual environments and its copy of get-pip.py in the home folder. It gets one of its own, so that
# ours is not found by other projects; pip's settings and cache are still the user's.
mkdir -p "$home/.ansible/test/cache" "$home/.config" "$home/.cache"
for shared in .pip .config/pip .cache/pip; do
    if [[ -e $HOME/$shared ]]; then
        ln -sfn "$HOME/$shared" "$home/$shared"
    fi
done
# The name holds the version of pip that ansible-test of this ansible-core wants.
cp "$checks/get_pip.py" "$home/.ansible/test/cache/get_pip_24_2.py"

cd "$1"
status=0
# Shown is what it checks and finds; how it fills its virtual environments is only in the log.
HOME=$home ansible-test sanity --venv --python "$version" --color no 2>&1 \
    | tee "$log" \
    | grep --line-buffered --extended-regexp '^(Running sanity test|ERROR|FATAL: The|See documentation|WARNING: Required)' \
    || status=$?
if [[ $status != 0 ]]; then
    # What a test wrote to its standard error stands after FATAL, in lines of any form.
    sed --quiet '/^FATAL: Command/,$p' "$log" | cut --characters=-500 | head --lines=40 >&2
    echo "All that ansible-test said is in $log" >&2
fi
exit "$status"
