# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running PowerShell, for the few things that Windows offers nowhere else. Private to lockstep.backup: not a public interface.

Scripts are constants of this collection: nothing is ever put into their text. What they work on reaches them as data, in ``$args``.
Short work leaves nothing on the host: the script comes over standard input, as Ansible's own modules for Windows do. For work that
outlives the connection, and for what runs in somebody's session, the script is a file.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.host.absent import read_or_none
from ansible_collections.lockstep.backup.plugins.plugin_utils.windows.quoting import command_line

if t.TYPE_CHECKING:
    from ansible_collections.lockstep.backup.plugins.module_utils.host.base import Completed, Host
    from ansible_collections.lockstep.backup.plugins.plugin_utils.windows.machine import WindowsMachine

PROGRAM = "powershell.exe"
SWITCHES = ("-NoLogo", "-NoProfile", "-NonInteractive", "-ExecutionPolicy", "Bypass")
BOOTSTRAP = """$ErrorActionPreference = 'Stop'
$lines = @($input)
$script = [Text.Encoding]::ASCII.GetString([Convert]::FromBase64String($lines[0]))
& ([ScriptBlock]::Create($script)) $lines[1]
"""
"""Runs the script in the first line of standard input (base 64) with the second line as its argument."""


@dataclasses.dataclass(frozen=True)
class Script:
    """``text``: ASCII, with lines of at most 8000 characters, the last one ended. Its exit code is that of PowerShell."""

    name: str
    text: str

    @property
    def file_name(self) -> str:
        """Scripts of other versions of this collection have other names, so that none replaces one that runs."""
        return f"{self.name}-{hashlib.sha256(self.text.encode('ascii')).hexdigest()[:12]}.ps1"


def run(host: WindowsMachine, script: Script, argument: str, timeout: float, repeatable: bool = False) -> Completed:
    """Run to its end with one argument: ASCII, without line ends. ``repeatable``: also again after a lost connection, because it
    changes nothing. Slugs: those of ``Host.run``."""
    code = base64.b64encode(script.text.encode("ascii")).decode("ascii")
    encoded = base64.b64encode(BOOTSTRAP.encode("utf-16-le")).decode("ascii")
    line = command_line([PROGRAM, *SWITCHES, "-EncodedCommand", encoded])
    return host.session.command(line, f"{code}\r\n{argument}\r\n".encode("ascii"), timeout, repeatable)


def place_of(host: Host, script: Script) -> str:
    """Where ``place`` puts it."""
    return host.join(host.state_folder, "scripts", script.file_name)


def place(host: Host, script: Script, private: bool = True) -> str:
    """The script's file on the host, written unless it is there as it should be.

    ``private``: only this account, SYSTEM and Administrators may read it. Slugs: those of ``Host.write_text``.
    """
    path = place_of(host, script)
    if read_or_none(host, path) != script.text:
        host.write_text(path, script.text, private=private, new_folder=True)
    return path


def file_command(path: str, *arguments: str) -> list[str]:
    """The argv that runs a placed script."""
    return [PROGRAM, *SWITCHES, "-File", path, *arguments]
