# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Command lines for Windows, read back by an independent parser of the same rules."""

from __future__ import annotations

import mslex
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.plugin_utils.windows.quoting import (
    batch_line,
    command_line,
    quote_argument,
    quote_path,
)

ARGUMENT = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0\r\n") | st.sampled_from('"\\ \t%^&'), max_size=30
)


def batch_line_if_possible(argv: list[str]) -> str:
    """Empty for arguments that no batch file can carry."""
    try:
        return batch_line(argv)
    except LockstepError as error:
        if error.slug != "argument_invalid":
            raise
        return ""


@given(st.lists(ARGUMENT, max_size=5))
def test_every_argument_list_is_read_back_unchanged(arguments: list[str]) -> None:
    line = command_line(["C:\\Program Files\\tool.exe", *arguments])
    assert mslex.split(line, like_cmd=False) == ["C:\\Program Files\\tool.exe", *arguments]


@pytest.mark.parametrize(
    ("argument", "quoted"),
    [
        ("", '""'),
        ("plain", "plain"),
        ("C:\\Backups\\", "C:\\Backups\\"),
        ("two words", '"two words"'),
        ("ends with backslash\\", '"ends with backslash\\\\"'),
        ('say "hi"', '"say \\"hi\\""'),
        ("a&b", '"a&b"'),
    ],
)
def test_quoting_adds_only_what_is_needed(argument: str, quoted: str) -> None:
    assert quote_argument(argument) == quoted


@pytest.mark.parametrize("argument", ["two\nlines", "return\r", "nul\0"])
def test_an_argument_that_no_command_line_can_carry_is_refused(argument: str) -> None:
    with pytest.raises(LockstepError) as caught:
        quote_argument(argument)
    assert caught.value.slug == "argument_invalid"


@pytest.mark.parametrize("program", ["", 'to"ol.exe'])
def test_a_program_name_without_a_meaning_is_refused(program: str) -> None:
    with pytest.raises(LockstepError, match="Not a program name"):
        command_line([program])


def test_a_percent_sign_in_a_batch_file_is_no_variable() -> None:
    assert batch_line(["tool.exe", "100%PATH%"]) == '"tool.exe" "100%%PATH%%"'


@pytest.mark.parametrize("program", ["C:\\site\\start it.cmd", "C:\\site\\start it.BAT"])
def test_a_batch_file_is_called_so_that_the_lines_after_it_are_run(program: str) -> None:
    assert batch_line([program, "now"]) == f'cmd.exe /d /c call "{program}" now'
    with pytest.raises(LockstepError, match="percent sign"):
        batch_line([program, "100%"])


@given(st.lists(ARGUMENT, max_size=4))
def test_a_batch_line_leaves_none_of_cmds_own_characters_outside_of_quotes(arguments: list[str]) -> None:
    inside = False
    for character in batch_line_if_possible(["tool.exe", *arguments]):
        inside = not inside if character == '"' else inside
        assert inside or character not in "&|<>^()"


@pytest.mark.parametrize("path", ["C:\\a%b", 'C:\\a"b', "C:\\a\nb", "C:\\a*b"])
def test_a_path_that_cmd_would_read_differently_is_refused(path: str) -> None:
    with pytest.raises(LockstepError) as caught:
        quote_path(path)
    assert caught.value.slug == "path_invalid"
