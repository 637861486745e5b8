# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""whoami and icacls."""

from __future__ import annotations

import re
import typing as t

from tests.lab.windows import errors
from tests.lab.windows.execution import Execution
from tests.lab.windows.tool import Tool, always

_GROUPS = (
    ("Everyone", "Well-known group", "S-1-1-0", False),
    ("BUILTIN\\Administrators", "Alias", "S-1-5-32-544", True),
    ("BUILTIN\\Users", "Alias", "S-1-5-32-545", False),
    ("NT AUTHORITY\\NETWORK", "Well-known group", "S-1-5-2", False),
    ("NT AUTHORITY\\Authenticated Users", "Well-known group", "S-1-5-11", False),
    ("NT AUTHORITY\\This Organization", "Well-known group", "S-1-5-15", False),
    ("NT AUTHORITY\\NTLM Authentication", "Well-known group", "S-1-5-64-10", False),
)
_ATTRIBUTES = "Mandatory group, Enabled by default, Enabled group"


def whoami(run: Execution) -> int:
    arguments = [argument.lower() for argument in run.arguments]
    if not arguments:
        run.out(run.user.qualified + "\n")
        return 0
    if sorted(arguments[1:]) != sorted(["/fo", "csv", "/nh"]) or arguments[0] not in ("/user", "/groups"):
        return run.unknown("whoami")
    if arguments[0] == "/user":
        run.out(f'"{run.user.qualified}","{run.user.sid}"\n')
        return 0
    for name, kind, sid, admins_only in _GROUPS:
        if run.user.admin or not admins_only:
            owner = ", Group owner" if admins_only else ""
            run.out(f'"{name}","{kind}","{sid}","{_ATTRIBUTES}{owner}"\n')
    level, sid = ("High", "S-1-16-12288") if run.user.admin else ("Medium", "S-1-16-8192")
    run.out(f'"Mandatory Label\\{level} Mandatory Level","Label","{sid}",""\n')
    return 0


_GRANT = re.compile(r"(\*S-1-[0-9-]+|[\w\\ .-]+):(\((OI|CI|IO|NP|I)\))*(\(?(F|M|RX|R|W|D)\)?)$", re.IGNORECASE)


def icacls(run: Execution) -> int:
    """Rights are only recorded (``machine.files.permissions``)."""
    arguments = run.arguments
    if not arguments:
        return run.unknown("icacls without a path")
    path, rest = run.path(arguments[0]), arguments[1:]
    if not run.machine.files.exists(path):
        run.err(f"{arguments[0]}: {errors.TEXTS[errors.FILE_NOT_FOUND]}\n")
        run.out("Successfully processed 0 files; Failed processing 1 files\n")
        return 2
    grants = 0
    for argument in rest:
        lowered = argument.lower()
        if lowered in (
            "/inheritance:r",
            "/inheritance:e",
            "/inheritance:d",
            "/grant:r",
            "/grant",
            "/q",
            "/c",
            "/t",
            "/l",
            "/remove",
        ):
            continue
        if not _GRANT.match(argument.split(":", 1)[1] if lowered.startswith("/grant") else argument):
            run.err(f'Invalid parameter "{argument}"\n')
            run.machine.report_unknown("program", f"icacls {argument}")
            return 87
        grants += 1
    if rest:
        run.machine.files.permissions[run.machine.files.key(path)] = rest
        run.out(f"processed file: {arguments[0]}\n")
    else:
        run.out(f"{arguments[0]} {' '.join(run.machine.files.permissions.get(run.machine.files.key(path), ['(I)']))}\n\n")
    run.out("Successfully processed 1 files; Failed processing 0 files\n")
    return 0


TOOLS: t.Mapping[str, Tool] = {
    "whoami.exe": Tool(whoami, always),
    "icacls.exe": Tool(icacls, lambda arguments: len(arguments) == 1),
}
