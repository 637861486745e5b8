# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the lab reads command lines: programs, arguments, quotes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.lockstep.backup.plugins.plugin_utils.windows.quoting import command_line
from tests.lab.windows.cmd.interpreter import command_of
from tests.lab.windows.cmdline import split_arguments, split_program


@pytest.mark.parametrize(
    ("tail", "arguments"),
    [
        ("", []),
        (" a  b\tc", ["a", "b", "c"]),
        (' "a b" c', ["a b", "c"]),
        (r' a\\b d"e f"g h', [r"a\\b", "de fg", "h"]),
        (r" a\\\"b c d", ['a\\"b', "c", "d"]),
        (r' a\\\\"b c" d e', [r"a\\b c", "d", "e"]),
        (r' "C:\a b\\" x', ["C:\\a b\\", "x"]),
        (' ""', [""]),
        (' "a""b"', ['a"b']),
    ],
)
def test_arguments_are_split_by_the_rules_of_command_line_to_argv(tail: str, arguments: list[str]) -> None:
    assert split_arguments(tail) == arguments


@given(st.lists(st.text(st.characters(exclude_characters="\0\r\n", exclude_categories=["Cs"])), max_size=5))
def test_what_the_client_quotes_arrives_as_it_was(arguments: list[str]) -> None:
    name, tail = split_program(command_line(["C:\\Program Files\\x.exe", *arguments]))
    assert (name, split_arguments(tail)) == ("C:\\Program Files\\x.exe", arguments)


@pytest.mark.parametrize(
    ("tail", "line"),
    [
        (' /d /s /c "type "C:\\a b""', 'type "C:\\a b"'),
        (' /d /c ""C:\\a b\\run.cmd""', '"C:\\a b\\run.cmd"'),
        (' /c "C:\\a b\\run.cmd"', '"C:\\a b\\run.cmd"'),
        (' /c "C:\\a b\\run.cmd" & x', '"C:\\a b\\run.cmd" & x'),
        (" /c echo x", "echo x"),
        (' /c "echo x"', "echo x"),
        (' /s /c "C:\\a b\\run.cmd"', "C:\\a b\\run.cmd"),
        (" /k echo x", None),
    ],
)
def test_cmd_takes_the_outer_quotes_off_as_documented(tail: str, line: str | None) -> None:
    assert command_of(tail, lambda name: name.endswith("run.cmd"))[0] == line
