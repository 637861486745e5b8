# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""BACKUP.LOG as the HotBackup Overview shows it."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.lockstep.backup.plugins.module_utils.vault import backup_log

# The three lines of the overview, which are facts of the format.
OVERVIEW = """\
07101904|On Demand|10/19/2007 08:34:21|10/19/2007 08:34:43|Succeeded|N/A|FRANK||||ErrorInfo|
07101905|Scheduled|10/19/2007 10:00:00|10/19/2007 10:01:00|Succeeded|N/A|||||ErrorInfo|
071022**|Scheduled|10/22/2007 12:00:00|10/22/2007 12:01:01|Failed|N/A|||||ErrorInfo|
"""

SECONDS = st.integers(0, 2**32).map(lambda seconds: datetime.datetime.fromtimestamp(seconds, datetime.UTC))
MOMENTS = st.one_of(st.just(""), SECONDS.map(lambda at: at.strftime("%m/%d/%Y %H:%M:%S")))
TEXTS = st.text(max_size=40).map(backup_log.one_line)
DAYS = st.dates(datetime.date(2000, 1, 1), datetime.date(2099, 12, 31)).map(lambda day: day.strftime("%y%m%d"))
NUMBERS = st.one_of(st.integers(1, 99).map(lambda number: f"{number:02d}"), st.just("**"))
LINES = st.builds(
    backup_log.Line,
    name=st.builds("{}{}".format, DAYS, NUMBERS),
    trigger=st.sampled_from(["Scheduled", "On Demand", ""]),
    started=MOMENTS,
    ended=MOMENTS,
    status=st.sampled_from(["Succeeded", "Failed"]),
    user=TEXTS,
    error=TEXTS,
)


def test_the_lines_of_the_overview_are_read_and_written_back_unchanged() -> None:
    lines = backup_log.read(OVERVIEW)
    assert [(line.name, line.trigger, line.status, line.user) for line in lines] == [
        ("07101904", "On Demand", "Succeeded", "FRANK"),
        ("07101905", "Scheduled", "Succeeded", ""),
        ("071022**", "Scheduled", "Failed", ""),
    ]
    assert backup_log.write(lines) == OVERVIEW


@given(st.lists(LINES, unique_by=lambda line: (line.name, line.started)))
def test_what_is_written_is_read_back(lines: list[backup_log.Line]) -> None:
    text = backup_log.write(lines)
    assert sorted(backup_log.read(text), key=repr) == sorted(lines, key=repr)
    assert backup_log.write(backup_log.read(text)) == text


@given(st.text())
def test_any_text_becomes_one_field_of_one_line(text: str) -> None:
    line = backup_log.Line("07102301", "Scheduled", "", "", "Failed", error=text, user=text)
    written = backup_log.write([line])
    assert len(written.splitlines()) == 1
    assert written.count("|") == 11


@pytest.mark.parametrize(
    "broken",
    [
        "07101904|On Demand|10/19/2007 08:34:21|10/19/2007 08:34:43|Succeeded|N/A|FRANK||||ErrorInfo",
        "07101904|On Demand|19/10/2007 08:34:21|10/19/2007 08:34:43|Succeeded|N/A|||||ErrorInfo|",
        "07101904|On Demand|10/19/2007 08:34:21|10/19/2007 08:34:43|Finished|N/A|||||ErrorInfo|",
        "07101904|By hand|10/19/2007 08:34:21|10/19/2007 08:34:43|Succeeded|N/A|||||ErrorInfo|",
        "07101999x|On Demand|10/19/2007 08:34:21|10/19/2007 08:34:43|Succeeded|N/A|||||ErrorInfo|",
        "0713****|On Demand|10/19/2007 08:34:21|10/19/2007 08:34:43|Failed|N/A|||||ErrorInfo|",
        "",
        "some words",
    ],
)
def test_a_line_that_is_not_surely_understood_is_left_out(broken: str) -> None:
    assert backup_log.read(broken + "\n" + OVERVIEW) == backup_log.read(OVERVIEW)


def test_an_attempt_sorts_after_the_sets_of_its_day() -> None:
    attempt = backup_log.failed_attempt(datetime.datetime(2007, 10, 23, 12, tzinfo=datetime.UTC), "Scheduled", "x", "why")
    lines = [attempt, *(backup_log.line_without_manifest(name, "") for name in ("07102401", "07102399"))]
    assert [line.name for line in backup_log.read(backup_log.write(lines))] == ["07102399", "071023**", "07102401"]


def test_attempts_go_with_the_sets_that_are_older() -> None:
    lines = [line for line in backup_log.read(OVERVIEW) if not line.has_set]
    assert backup_log.kept_attempts(lines, ["07102201", "07102301"]) == lines
    assert backup_log.kept_attempts(lines, ["07102301"]) == []
    assert backup_log.kept_attempts(lines, []) == lines
