# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The first two phases of cmd.exe's reading: percent expansion of a line, and modifiers of ``%~x`` variables."""

from __future__ import annotations

import ntpath
import typing as t

Lookup = t.Callable[[str], str | None]
"""A variable's value, or None where it is not defined."""

MODIFIERS = "fdpnxsatz"


class UnknownModifier(Exception):
    """A ``%~`` modifier that the lab does not know."""


def modify(value: str, modifiers: str, size_of: t.Callable[[str], int | None], absolute: t.Callable[[str], str]) -> str:
    """``value`` as ``%~<modifiers>`` gives it; the quotes around it are always taken away."""
    value = value.strip('"')
    if not modifiers:
        return value
    path = absolute(value)
    drive, tail = ntpath.splitdrive(path)
    folder, name = ntpath.split(tail)
    stem, extension = ntpath.splitext(name)
    parts = {
        "d": drive,
        "p": folder if folder.endswith("\\") else folder + "\\",
        "n": stem,
        "x": extension,
    }
    if modifiers == "f":
        return path
    if modifiers == "z":
        size = size_of(path)
        return "" if size is None else str(size)
    if any(one not in parts for one in modifiers):
        raise UnknownModifier(modifiers)
    return "".join(parts[one] for one in "dpnx" if one in modifiers)


def expand_batch_line(line: str, arguments: t.Sequence[str], variable: Lookup, modified: t.Callable[[str, str], str]) -> str:
    """A line of a batch file: ``%%``, ``%1``, ``%*``, ``%~dp0``, ``%NAME%``; an undefined variable is nothing."""
    result: list[str] = []
    position = 0
    while position < len(line):
        character = line[position]
        if character != "%":
            result.append(character)
            position += 1
            continue
        following = line[position + 1 : position + 2]
        if following == "%":
            result.append("%")
            position += 2
        elif following == "*":
            result.append(" ".join(arguments[1:]))
            position += 2
        elif following.isdigit():
            number = int(following)
            result.append(arguments[number] if number < len(arguments) else "")
            position += 2
        elif following == "~":
            end = position + 2
            while end < len(line) and line[end].lower() in MODIFIERS:
                end += 1
            number = int(line[end]) if end < len(line) and line[end].isdigit() else -1
            if number < 0:
                raise UnknownModifier(line[position : end + 1])
            value = arguments[number] if number < len(arguments) else ""
            result.append(modified(value, line[position + 2 : end].lower()))
            position = end + 1
        else:
            end = line.find("%", position + 1)
            if end < 0:
                position += 1
                continue
            result.append(_value(line[position + 1 : end], variable) or "")
            position = end + 1
    return "".join(result)


def expand_command_line(line: str, variable: Lookup) -> str:
    """A line given to ``cmd /c``: only ``%NAME%``; an undefined variable stays as it is written."""
    result: list[str] = []
    position = 0
    while position < len(line):
        if line[position] == "%":
            end = line.find("%", position + 1)
            value = _value(line[position + 1 : end], variable) if end > position + 1 else None
            if value is not None:
                result.append(value)
                position = end + 1
                continue
        result.append(line[position])
        position += 1
    return "".join(result)


def _value(name: str, variable: Lookup) -> str | None:
    value = variable(name.partition(":")[0])
    if ":" in name and value is not None:
        raise UnknownModifier(name)
    return value
