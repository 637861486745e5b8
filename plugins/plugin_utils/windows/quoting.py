# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How Windows and cmd.exe read command lines. Private to lockstep.backup: not a public interface.

Source of the rules: Microsoft's documentation of CommandLineToArgvW and of cmd.exe's /s and /c switches.
"""

from __future__ import annotations

import collections.abc
import re

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError

_PLAIN = re.compile(r"[A-Za-z0-9_\-./\\:=,+@~#$]+\Z")


def quote_argument(argument: str) -> str:
    """One argument as CommandLineToArgvW and the C run time give it back. No NUL and no line end can be passed."""
    if "\0" in argument or "\n" in argument or "\r" in argument:
        raise LockstepError("argument_invalid", f"A Windows command line cannot carry a line end or NUL: {argument!r}.")
    if _PLAIN.match(argument):
        return argument
    quoted = re.sub(r'(\\*)"', r'\1\1\\"', argument)
    quoted = re.sub(r"(\\+)\Z", r"\1\1", quoted)
    return f'"{quoted}"'


def command_line(argv: collections.abc.Sequence[str]) -> str:
    """The whole command line of a program. The first word is a file name: it has no escapes, so no quote can be in it."""
    if not argv or not argv[0] or '"' in argv[0]:
        raise LockstepError("argument_invalid", f"Not a program name: {list(argv)[:1]!r}.")
    return " ".join([f'"{argv[0]}"', *(quote_argument(argument) for argument in argv[1:])])


def quote_path(path: str) -> str:
    """A path inside a line for cmd.exe. In quotes only ``%`` (and a quote itself) would still mean something."""
    if re.search(r'["%\r\n\0<>|?*]', path):
        raise LockstepError("path_invalid", f"{path!r} has a character that no path given to cmd.exe may have.")
    return f'"{path}"'


def batch_line(argv: collections.abc.Sequence[str]) -> str:
    """A program's line inside a .cmd file: as :func:`command_line`, safe from cmd.exe's own characters.

    Outside of quotes cmd.exe would act on ``& | < > ^ ( )``: every argument that has one is quoted. An embedded quote flips
    cmd.exe's idea of being inside quotes for the rest of the line, so a line with both is refused rather than guessed at.
    Another batch file runs in a cmd.exe of its own: without that, or with ``call`` alone, a plain ``exit`` in it would end this
    one, too, and nobody would learn its exit code. ``call`` is there because /c takes quotes away from a line that begins with
    one; it reads percent signs once more.
    """
    line = command_line(argv)
    if argv[0].lower().endswith((".cmd", ".bat")):
        if "%" in line:
            raise LockstepError("argument_invalid", f"A percent sign cannot be passed to a batch file: {line!r}.")
        line = f"cmd.exe /d /c call {line}"
    if any('"' in argument for argument in argv) and re.search(r"[&|<>^()]", line):
        raise LockstepError("argument_invalid", f"A batch file cannot carry both a quote and one of &|<>^() in {line!r}.")
    return line.replace("%", "%%")
