#!/usr/bin/env bash
# Run the named targets of the Makefile one after the other, also after a failure, and end with a table of what came of them.
set -euo pipefail

declare -A result seconds
failed=0
for gate in "$@"; do
    printf '\n==== make %s\n' "$gate"
    began=$SECONDS
    if "${MAKE:-make}" "$gate"; then
        result[$gate]=ok
    else
        result[$gate]=FAILED
        failed=1
    fi
    seconds[$gate]=$((SECONDS - began))
done

printf '\n==== result\n'
for gate in "$@"; do
    printf '%-12s %-7s %5d s\n' "$gate" "${result[$gate]}" "${seconds[$gate]}"
done
exit "$failed"
