# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""powershell.exe: it knows Lockstep's own constant scripts, and no other."""

from __future__ import annotations

import base64
import binascii
import re
import typing as t

from ansible_collections.lockstep.backup.plugins.plugin_utils.windows import desktop
from tests.lab.windows.execution import Execution
from tests.lab.windows.tool import Tool

_SWITCHES = {"-noprofile": 0, "-noninteractive": 0, "-windowstyle": 1, "-encodedcommand": 1}
_CTRL_BREAK = re.compile(re.escape(desktop.CTRL_BREAK).replace("%d", r"(\d+)"))


def _script(arguments: list[str]) -> str | None:
    """The text of -EncodedCommand; None when the lab does not know this command line."""
    found, rest = None, list(arguments)
    while rest:
        switch = rest.pop(0).lower()
        if switch not in _SWITCHES or len(rest) < _SWITCHES[switch]:
            return None
        value = rest.pop(0) if _SWITCHES[switch] else ""
        if switch == "-encodedcommand":
            try:
                found = base64.b64decode(value, validate=True).decode("utf-16-le")
            except (binascii.Error, UnicodeDecodeError):
                return None
    return found


def powershell(run: Execution) -> int:
    script = _script(run.arguments)
    if script is None:
        return run.unknown("powershell")
    pressed = _CTRL_BREAK.fullmatch(script)
    if pressed is None:
        return run.unknown("a script of powershell")
    return _press_ctrl_break(run, int(pressed.group(1)))


def _press_ctrl_break(run: Execution, pid: int) -> int:
    process = run.machine.processes.find(pid)
    if process is None or process.on_break is None or process.session_id != run.process.session_id:
        run.err('Exception calling "Break" with "1" argument(s): "The handle is invalid"\n')
        return 1
    process.on_break()
    return 0


TOOLS: t.Mapping[str, Tool] = {desktop.POWERSHELL: Tool(powershell)}
"""By full path: it lies in a folder of its own."""
