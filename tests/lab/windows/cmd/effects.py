# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a command line would change anything on the machine: known before it runs, for the log of requests."""

from __future__ import annotations

import ntpath
import typing as t

from tests.lab.windows.cmd import syntax
from tests.lab.windows.cmd.builtins import READS_ONLY, builtin_name
from tests.lab.windows.cmd.interpreter import command_of
from tests.lab.windows.cmdline import split_arguments, split_program

if t.TYPE_CHECKING:
    from tests.lab.windows.machine import Machine


def is_mutating(machine: Machine, command_line: str) -> bool:
    """True unless every part of it is known to read only."""
    name, tail = split_program(command_line)
    program = ntpath.basename(name).lower()
    if program in ("cmd", "cmd.exe"):
        line, _switches = command_of(tail, machine.files.is_file)
        try:
            return any(_node_mutates(machine, node) for node in syntax.walk(syntax.parse(line or "")))
        except syntax.SyntaxProblem:
            return True
    tool = machine.programs.get(program if "." in program else program + ".exe") or machine.programs.get(program + ".com")
    return tool is None or not tool.reads_only(split_arguments(tail))


def _node_mutates(machine: Machine, node: syntax.Node) -> bool:
    for redirection in node.redirections:
        if redirection.operator in (">", ">>") and redirection.target.lower() != "nul":
            return True
    if not isinstance(node, syntax.Simple) or not node.text.strip():
        return False
    name, _rest = builtin_name(node.text.lstrip(syntax.DELIMITERS))
    if name is not None:
        return name not in READS_ONLY
    return is_mutating(machine, node.text.strip())
