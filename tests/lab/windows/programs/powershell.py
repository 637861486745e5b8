# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""powershell.exe, which knows nothing but the constant scripts of this collection, to the letter."""

from __future__ import annotations

import base64
import typing as t

from ansible_collections.lockstep.backup.plugins.plugin_utils.windows import powershell as known
from ansible_collections.lockstep.backup.plugins.plugin_utils.windows.desktop import CTRL_BREAK
from ansible_collections.lockstep.backup.plugins.plugin_utils.windows.tape_script import SCRIPT as TAPE
from tests.lab.windows import errors
from tests.lab.windows.errors import WinError
from tests.lab.windows.execution import Execution
from tests.lab.windows.programs.ctrl_break import press_ctrl_break
from tests.lab.windows.programs.tape_script import tape_script
from tests.lab.windows.tool import Tool

FOLDER = r"C:\Windows\System32\WindowsPowerShell\v1.0"
ScriptRun = t.Callable[[Execution, list[str]], int]

SCRIPTS: dict[str, ScriptRun] = {TAPE.text: tape_script, CTRL_BREAK.text: press_ctrl_break}
"""What each script does, by its text; the arguments are ``$args``."""


def powershell(run: Execution) -> int:
    arguments = run.arguments
    switches, rest = arguments[: len(known.SWITCHES)], arguments[len(known.SWITCHES) :]
    if tuple(switches) != known.SWITCHES or not rest:
        return run.unknown("powershell with other switches")
    if rest[0] == "-EncodedCommand" and len(rest) == 2:
        return _from_input(run, rest[1])
    if rest[0] == "-File" and len(rest) > 1:
        return _from_file(run, rest[1], rest[2:])
    return run.unknown("powershell without a script")


def _from_input(run: Execution, encoded: str) -> int:
    if base64.b64decode(encoded).decode("utf-16-le") != known.BOOTSTRAP:
        return run.unknown("a command for powershell")
    lines = run.read_input().decode("ascii").splitlines()
    return _execute(run, base64.b64decode(lines[0]).decode("ascii"), lines[1:2])


def _from_file(run: Execution, name: str, arguments: list[str]) -> int:
    try:
        text = run.machine.files.read(run.path(name)).decode("ascii")
    except WinError:
        run.out(f"The argument '{name}' to the -File parameter does not exist.\n")
        return -196608
    return _execute(run, text.replace("\r\n", "\n"), arguments)


def _execute(run: Execution, text: str, arguments: list[str]) -> int:
    script = SCRIPTS.get(text)
    if script is None:
        return run.unknown(f"a script that begins with {text[:60]!r}")
    if run.machine.faults.on("powershell_refuses"):
        run.err(f"Add-Type : Cannot add type. {errors.TEXTS[errors.ACCESS_DENIED]}\n")
        return 1
    return script(run, arguments)


TOOLS: t.Mapping[str, Tool] = {"powershell.exe": Tool(powershell)}
