# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the script does that presses Ctrl+Break in another program's console."""

from __future__ import annotations

from tests.lab.windows.execution import Execution


def press_ctrl_break(run: Execution, arguments: list[str]) -> int:
    """Only programs of the same session can join a console; one without a console has none to join."""
    if len(arguments) != 1 or not arguments[0].isdigit():
        return run.unknown("the arguments of the script for Ctrl+Break")
    process = run.machine.processes.find(int(arguments[0]))
    if process is None or process.on_break is None or process.session_id != run.process.session_id:
        run.err('Exception calling "Break" with "1" argument(s): "The handle is invalid"\n')
        return 1
    process.on_break()
    return 0
