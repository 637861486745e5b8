# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""findstr, chcp, ping, timeout, hostname, taskkill."""

from __future__ import annotations

import re
import typing as t

from tests.lab.windows.execution import Execution
from tests.lab.windows.tool import Tool, always

FINDSTR_LONGEST_LINE = 8191


def findstr(run: Execution) -> int:
    """Only ``findstr "^"`` from standard input: copies it, with findstr's own habits at the ends of lines."""
    if run.arguments != ["^"]:
        return run.unknown("findstr with other arguments than ^")
    lines = run.read_input().split(b"\n")
    if lines and lines[-1] == b"":
        lines.pop()
    for number, line in enumerate(lines, 1):
        if len(line) > FINDSTR_LONGEST_LINE:
            run.err(f"FINDSTR: Line {number} is too long.\n")
            continue
        run.stdout.write(line + (b"\n" if line.endswith(b"\r") else b"\r\n"))
    return 0 if lines else 1


def chcp(run: Execution) -> int:
    arguments = run.arguments
    if arguments:
        if arguments[0] not in ("65001", "437", "850", "1252"):
            return run.unknown("chcp")
        run.console.code_page = int(arguments[0])
    run.out(f"Active code page: {run.console.code_page}\n")
    return 0


def ping(run: Execution) -> int:
    """The classic way to wait: n echoes take n-1 seconds."""
    match = re.fullmatch(r"-n (\d+) 127\.0\.0\.1", " ".join(run.arguments))
    if match is None:
        return run.unknown("ping other than -n N 127.0.0.1")
    run.sleep(max(0, int(match.group(1)) - 1))
    run.out("Reply from 127.0.0.1: bytes=32 time<1ms TTL=128\n" * int(match.group(1)))
    return 0


def timeout(run: Execution) -> int:
    """It wants a console's keyboard, which no remote or scheduled program has."""
    run.err("ERROR: Input redirection is not supported, exiting the process immediately.\n")
    return 1


def hostname(run: Execution) -> int:
    run.out(run.machine.name.upper() + "\n")
    return 0


def taskkill(run: Execution) -> int:
    arguments = [argument.lower() for argument in run.arguments]
    force, tree = "/f" in arguments, "/t" in arguments
    rest = [argument for argument in arguments if argument not in ("/f", "/t")]
    if len(rest) != 2 or rest[0] != "/pid" or not rest[1].isdigit():
        return run.unknown("taskkill by anything but /PID")
    process = run.machine.processes.find(int(rest[1]))
    if process is None:
        run.err(f'ERROR: The process "{rest[1]}" not found.\n')
        return 128
    allowed = run.user.admin or process.user == run.user
    # A window hears of it only from within its own session.
    asked = process.window and process.session_id == run.process.session_id
    if not allowed or not (force or asked):
        why = "This process can only be terminated forcefully (with /F option)." if allowed else "Access is denied."
        run.err(f"ERROR: The process with PID {process.pid} could not be terminated.\nReason: {why}\n")
        return 1
    if not force and process.on_close is not None:
        targets = [process]
        process.on_close()
    elif tree:
        targets = run.machine.processes.kill_tree(process)
    else:
        targets = [process]
        run.machine.processes.kill(process)
    for target in reversed(targets):
        if force:
            run.out(f"SUCCESS: The process with PID {target.pid} has been terminated.\n")
        else:
            run.out(f"SUCCESS: Sent termination signal to the process with PID {target.pid}.\n")
    return 0


TOOLS: t.Mapping[str, Tool] = {
    "findstr.exe": Tool(findstr, always),
    "chcp.com": Tool(chcp, always),
    "ping.exe": Tool(ping, always),
    "timeout.exe": Tool(timeout, always),
    "hostname.exe": Tool(hostname, always),
    "taskkill.exe": Tool(taskkill),
}
