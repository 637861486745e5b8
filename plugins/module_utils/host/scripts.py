# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What PosixHost leaves to sh. Private to lockstep.backup: not a public interface.

Arguments reach the constant scripts as positional parameters, so that nothing has to be quoted into them. Written for any
POSIX shell: a redirection that fails ends the shell when it belongs to a special built-in (``:``, ``exec``), hence ``true``.
"""

from __future__ import annotations

import shlex
import typing as t

_JOB = r"""
folder=$1
shift
printf '%s\n' "$$" >"$folder/group.tmp" && mv "$folder/group.tmp" "$folder/group" || exit 1
(
    "$@"
    printf '%s\n' "$?" >"$folder/exit.tmp"
    mv "$folder/exit.tmp" "$folder/exit"
) &
"""

_DETACHED = """
if [ -n "$1" ]; then cd "$1" || exit 1; fi
shift
"$@" </dev/null >/dev/null 2>&1 &
"""

# The clock is read at least every half minute, because sleeping does not count while a machine is suspended. Whoever
# renames the file first, this script or the one that gives the timer up, decides whether it fires.
_TIMER = r"""
armed=$1
at=$2
script=$3
printf '%s\n' "$$" >"$armed" || exit 1
(
    while left=$((at - $(date +%s))) && [ "$left" -gt 0 ]; do
        [ "$left" -lt 30 ] || left=30
        sleep "$left"
    done
    mv "$armed" "$armed.fired" && /bin/sh "$script"
    rm -f "$armed.fired"
) &
"""


def job_argv(folder: str, argv: t.Sequence[str]) -> list[str]:
    """Runs ``argv`` in the background; ``group`` in the folder holds its process group, ``exit`` its exit code at the end."""
    return ["/bin/sh", "-c", _JOB, "lockstep-job", folder, *argv]


def detached_argv(argv: t.Sequence[str], cwd: str | None) -> list[str]:
    """Starts ``argv`` in the background and is done."""
    return ["/bin/sh", "-c", _DETACHED, "lockstep-start", cwd or "", *argv]


def timer_argv(armed: str, at: int, script: str) -> list[str]:
    """Waits in the background until the wall clock says ``at`` (seconds since 1970); then runs the script, if ``armed`` exists."""
    return ["/bin/sh", "-c", _TIMER, "lockstep-timer", armed, str(at), script]


def timer_script(commands: t.Sequence[t.Sequence[str]], log: str, marker: str) -> str:
    """The lease's script: a person can read what will happen, and run it by hand."""
    lines = [
        "#!/bin/sh",
        "# Lockstep lease: the run that stopped these units did not come back in time. They are started again, in order.",
        # A timer's own environment knows few folders.
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:$PATH",
        "export PATH",
        f"true >{shlex.quote(marker)}",
        f"log={shlex.quote(log)}",
        'true >>"$log" || log=/dev/null',
        'say() { printf \'%s %s\\n\' "$(date \'+%Y-%m-%dT%H:%M:%S%z\')" "$1" >>"$log"; }',
        "say 'lease fired'",
    ]
    for argv in commands:
        words = " ".join(map(shlex.quote, argv))
        lines.append(f"say {shlex.quote(words)}")
        lines.append(f'{words} </dev/null >>"$log" 2>&1')
        lines.append('say "exit code $?"')
    return "\n".join(lines) + "\n"
