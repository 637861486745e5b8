# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Command lines: how Windows finds the program in one, and how a C program splits the rest."""

from __future__ import annotations


def split_program(command_line: str) -> tuple[str, str]:
    """The first token without its quotes, and the raw rest, as CreateProcess reads them when no application is named."""
    line = command_line.lstrip(" \t")
    if line.startswith('"'):
        end = line.find('"', 1)
        if end < 0:
            return line[1:], ""
        return line[1:end], line[end + 1 :]
    for position, character in enumerate(line):
        if character in " \t":
            return line[:position], line[position:]
    return line, ""


def split_arguments(tail: str) -> list[str]:
    """The arguments after the program's name, by the rules of CommandLineToArgvW."""
    arguments: list[str] = []
    position, length = 0, len(tail)
    while True:
        while position < length and tail[position] in " \t":
            position += 1
        if position >= length:
            return arguments
        current: list[str] = []
        quoted = False
        while position < length and (quoted or tail[position] not in " \t"):
            backslashes = 0
            while position < length and tail[position] == "\\":
                backslashes += 1
                position += 1
            if position < length and tail[position] == '"':
                current.append("\\" * (backslashes // 2))
                if backslashes % 2:
                    current.append('"')
                elif quoted and tail[position + 1 : position + 2] == '"':
                    current.append('"')
                    position += 1
                else:
                    quoted = not quoted
                position += 1
            elif backslashes:
                current.append("\\" * backslashes)
            else:
                current.append(tail[position])
                position += 1
        arguments.append("".join(current))
