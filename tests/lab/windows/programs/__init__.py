# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The programs that every simulated machine has."""

from __future__ import annotations

import typing as t

from tests.lab.windows.cmd.interpreter import cmd_exe
from tests.lab.windows.programs import archives, iis, powershell, security, services, small, tasks
from tests.lab.windows.tool import Tool

SYSTEM_PROGRAMS: t.Mapping[str, Tool] = {
    "cmd.exe": Tool(cmd_exe),
    **small.TOOLS,
    **security.TOOLS,
    **archives.TOOLS,
    **services.TOOLS,
    **iis.TOOLS,
    **tasks.TOOLS,
    **powershell.TOOLS,
}
