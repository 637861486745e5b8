# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When Monday's return must have happened, and what is said about it."""

from __future__ import annotations

import datetime

import hypothesis
import pytest
from ansible.errors import AnsibleFilterError
from hypothesis import strategies

from ansible_collections.lockstep.backup.plugins.filter.suspension import suspension
from ansible_collections.lockstep.backup.plugins.module_utils import suspension as suspensions

FRIDAY = "2026-11-20T18:00:00+01:00"
WEEKEND = ["saturday", "sunday", "monday"]


@pytest.mark.parametrize(
    ("now", "state", "says"),
    [
        ("2026-11-20T18:01:00+01:00", "suspended", "3 d 9 h 12 min are left until the export of Tuesday 2026-11-24 03:13"),
        ("2026-11-22T03:13:05+01:00", "suspended", "1 d 23 h 59 min are left"),
        ("2026-11-23T03:13:05+01:00", "awaited", "THE RETURN IS MISSING so far. The exports are suspended since Friday 2026-11-20"),
        ("2026-11-23T17:00:00+01:00", "awaited", "10 h 13 min are left until the export of Tuesday 2026-11-24 03:13"),
        ("2026-11-24T03:12:50+01:00", "overdue", "THE RETURN IS MISSING."),
        ("2026-11-24T03:13:05+01:00", "overdue", "the export of Tuesday 2026-11-24 03:13 was due 0 h 0 min ago"),
        ("2026-11-26T03:13:00+01:00", "overdue", "was due 2 d 0 h 0 min ago"),
    ],
)
def test_the_week_of_the_document(now: str, state: str, says: str) -> None:
    found = suspension(FRIDAY, now, "03:13", WEEKEND)
    assert found["state"] == state
    assert says in found["text"]
    assert (found["due"], found["date"]) == ("2026-11-24T03:13:00+01:00", "2026-11-24")


def test_nothing_is_suspended_and_the_next_export_is_named() -> None:
    found = suspension(None, "2026-11-24T04:00:00+01:00", "3:13", WEEKEND)
    assert (found["state"], found["due"]) == ("running", "2026-11-25T03:13:00+01:00")
    assert found["text"] == "The next export is that of Wednesday 2026-11-25 03:13, in 23 h 13 min."


@pytest.mark.parametrize(
    ("since", "due"),
    [
        ("2026-11-21T01:00:00+01:00", "2026-11-24T03:13:00+01:00"),
        ("2026-11-19T18:00:00+01:00", "2026-11-20T03:13:00+01:00"),
        ("2026-11-20T17:00:00+00:00", "2026-11-24T03:13:00+01:00"),
    ],
)
def test_a_full_backup_on_another_day_needs_its_return_before_the_next_export_that_is_not_left_out(since: str, due: str) -> None:
    assert suspension(since, "2026-11-21T02:00:00+01:00", "03:13", WEEKEND)["due"] == due


@pytest.mark.parametrize(
    ("time", "days", "says"),
    [
        ("3.13", WEEKEND, "no time of day"),
        ("24:00", WEEKEND, "no time of day"),
        ("03:13", ["Samstag"], "English weekdays"),
        ("03:13", list(suspensions.DAYS), "not all seven"),
    ],
)
def test_what_cannot_be_understood_is_refused(time: str, days: list[str], says: str) -> None:
    with pytest.raises(AnsibleFilterError, match=says):
        suspension(FRIDAY, FRIDAY, time, days)


@hypothesis.given(
    start=strategies.integers(0, 4 * 366 * 86400),
    hours=strategies.integers(0, 24 * 20),
    days=strategies.sets(strategies.sampled_from(suspensions.DAYS), max_size=6),
)
def test_the_export_that_needs_the_return_is_the_first_one_that_is_not_left_out(start: int, hours: int, days: set[str]) -> None:
    began = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC) + datetime.timedelta(seconds=start)
    now = began + datetime.timedelta(hours=hours)
    found = suspensions.judge(began.isoformat(), now.isoformat(), "03:13", sorted(days))
    assert began < found.due <= began + datetime.timedelta(days=7)
    assert suspensions.DAYS[found.due.weekday()] not in days
    between = [began + datetime.timedelta(days=ahead) for ahead in range((found.due.date() - began.date()).days + 1)]
    exports = [day.replace(hour=3, minute=13, second=0) for day in between]
    assert all(suspensions.DAYS[export.weekday()] in days for export in exports if began < export < found.due)
    assert (found.state == suspensions.OVERDUE) == (now + suspensions.SLACK >= found.due)
    if found.state == suspensions.SUSPENDED:
        assert any(now < export < found.due for export in exports)
