# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record beside a dump, and the names of its files."""

from __future__ import annotations

import pytest

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.host.base import POSIX, WINDOWS
from ansible_collections.lockstep.backup.plugins.module_utils.oracle.files import DumpNames, same_folder, size_problem
from ansible_collections.lockstep.backup.plugins.module_utils.oracle.record import Record

RECORD = Record(
    set_id="26112101",
    schema="AESUSER313",
    service="xe",
    method="classic",
    consistent=True,
    scn=None,
    version="19.21.0.0.0",
    charset="AL32UTF8",
    files={"A.dmp": 10},
    log="A.log",
    tables={"ITEM": 3},
    finished="2026-11-21T03:13:00+00:00",
)


def test_a_record_reads_back_as_it_was_written() -> None:
    assert Record.loads(RECORD.dumps(), "p") == RECORD


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"format": 2}', RECORD.dumps().replace('"set_id"', '"set"'), RECORD.dumps().replace("10", '"10"')],
)
def test_a_record_that_is_not_understood_is_no_record(text: str) -> None:
    with pytest.raises(LockstepError) as caught:
        Record.loads(text, "C:\\A.dmp.lockstep.json")
    assert caught.value.slug == "record_damaged"


@pytest.mark.parametrize(
    ("base", "several", "name", "platform", "number"),
    [
        ("A.dmp", False, "A.dmp", WINDOWS, ""),
        ("A.dmp", False, "a.DMP", WINDOWS, ""),
        ("A.dmp", False, "a.DMP", POSIX, None),
        ("A.dmp", False, "A.dmp.lockstep.json", WINDOWS, None),
        ("A.dmp", True, "A_07.dmp", POSIX, "_07"),
        ("A.dmp", True, "a_07.DMP", WINDOWS, "_07"),
        ("A.dmp", True, "A.dmp", POSIX, None),
        ("A.dmp", True, "A_7.dmp", POSIX, None),
        ("A+B", True, "A+B_01", POSIX, "_01"),
        ("A+B", True, "AAB_01", POSIX, None),
    ],
)
def test_the_files_of_a_dump_are_known_by_their_names(
    base: str, several: bool, name: str, platform: str, number: str | None
) -> None:
    names = DumpNames(base, several)
    assert names.number_of(name, platform) == number
    if number is not None and platform == POSIX:
        assert names.numbered(number) == name


@pytest.mark.parametrize(
    ("platform", "one", "other", "same"),
    [
        (WINDOWS, "C:\\Backups", "c:/backups/", True),
        (WINDOWS, "C:\\Backups", "C:\\Backups2", False),
        (POSIX, "/backups", "/backups/", True),
        (POSIX, "/backups", "/Backups", False),
    ],
)
def test_folders_are_compared_as_the_platform_does(platform: str, one: str, other: str, same: bool) -> None:
    assert same_folder(platform, one, other) is same


@pytest.mark.parametrize(
    ("sizes", "rows", "good"),
    [
        ({"A": 1000}, 1000, True),
        ({"A": 1000}, 8000, True),
        ({"A": 1000}, 8100, False),
        ({"A": 0}, 0, False),
        ({"A": 10, "B": 0}, 0, False),
        ({}, 0, False),
    ],
)
def test_a_dump_without_bytes_or_with_too_few_is_implausible(sizes: dict[str, int], rows: int, good: bool) -> None:
    assert (size_problem(sizes, rows) is None) is good
