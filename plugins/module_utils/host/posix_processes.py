# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes of this machine. Private to lockstep.backup: not a public interface."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import typing as t

_LONGEST_SHORT_NAME = 15
"""The kernel keeps that many bytes of a program's name (proc(5))."""


@dataclasses.dataclass(frozen=True)
class Process:
    """``executable`` is None where this account may not see it."""

    pid: int
    short_name: str
    executable: str | None
    argv: tuple[str, ...]

    def is_program(self, name: str) -> bool:
        """Whether its program has this file name, or this path when ``name`` is one. A script counts by its own name."""
        if self._fits(self.executable, name):
            return True
        if self.short_name != os.path.basename(name)[:_LONGEST_SHORT_NAME]:
            return False
        return any(self._fits(word, name) for word in self.argv[:2])

    @staticmethod
    def _fits(path: str | None, name: str) -> bool:
        return path is not None and (path if "/" in name else os.path.basename(path)) == name


def all_processes() -> t.Iterator[Process]:
    """All without this one. A zombie has neither program nor argv any more, so it is no program's."""
    entries = os.listdir("/proc") if os.path.isdir("/proc/self") else None
    for process in _from_ps() if entries is None else map(_from_proc, filter(str.isdigit, entries)):
        if process is not None and process.pid != os.getpid():
            yield process


def _from_proc(entry: str) -> Process | None:
    folder = f"/proc/{entry}"
    try:
        with open(f"{folder}/comm", encoding="utf-8", errors="replace") as source:
            short_name = source.read().rstrip("\n")
        with open(f"{folder}/cmdline", encoding="utf-8", errors="surrogateescape") as source:
            argv = tuple(source.read().rstrip("\0").split("\0"))
    except (FileNotFoundError, ProcessLookupError):
        return None
    try:
        # The kernel marks a program whose file was replaced or removed.
        executable: str | None = os.readlink(f"{folder}/exe").replace(" (deleted)", "")
    except OSError:
        executable = None
    return Process(int(entry), short_name, executable, argv)


def _from_ps() -> t.Iterator[Process]:
    listing = subprocess.run(["ps", "-axww", "-o", "pid=,stat=,comm="], capture_output=True, text=True, check=False)
    for line in listing.stdout.splitlines():
        pid, state, program = (*line.split(None, 2), "", "")[:3]
        if program and not state.startswith("Z"):
            yield Process(int(pid), os.path.basename(program)[:_LONGEST_SHORT_NAME], program, (program,))
