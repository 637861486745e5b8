# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When the control node dies during a run of the eTravel server's week, the server helps itself, and the next run recovers.

The state after each change of Friday's full backup, of Monday's return and of a daily export is produced once, in chains as in
test_kills: a killed run begins with what the one before left, and the last one of a chain is disturbed by nobody.
"""

from __future__ import annotations

import itertools

import pytest

from tests.integration.etravel import Server
from tests.integration.killing import at, chains, state_after
from tests.integration.weeks import EXPORTS, Days, Weeks

FRIDAY_CHANGES, MONDAY_CHANGES, DAY_CHANGES = 99, 8, 80
"""At least as many as an undisturbed run makes; a kill that comes too late is none, and that run ends well."""


@pytest.fixture
def weeks(server: Server) -> Weeks:
    return Weeks(server)


@pytest.fixture
def days(server: Server) -> Days:
    return Days(server)


@pytest.mark.parametrize("chain", chains(FRIDAY_CHANGES, 16), ids=itertools.count(1))
def test_a_full_backup_killed_anywhere_harms_no_tape_and_the_next_one_recovers(weeks: Weeks, chain: list[int]) -> None:
    for index, change in enumerate(chain):
        run = weeks.friday(at(state_after(change)))
        if run.killed_at is None:
            weeks.ended_well(run)
            weeks.server.drive.insert(EXPORTS[0])
        elif (min(chain) + index) % 3 == 0:
            weeks.lease_fires()
    weeks.ended_well(weeks.friday())
    assert weeks.server.suspended()
    assert weeks.server.newest(full=True)["details"]["tape"] in ("FUL001", "FUL002")
    assert any("killed" in told for told in weeks.story)


def test_a_return_killed_anywhere_lets_no_export_near_a_wrong_tape_and_the_next_one_recovers(weeks: Weeks) -> None:
    last = MONDAY_CHANGES - 1
    for killed in ([1, 2, 3], [4], [5], range(6, last + 1)):
        weeks.ended_well(weeks.friday())
        for change in killed:
            weeks.monday(at(state_after(change)))
        weeks.ended_well(weeks.monday())
        assert not weeks.server.suspended()
        assert weeks.server.site_exports()
    assert len([told for told in weeks.story if told.startswith("etravel_return killed")]) >= last - 1


@pytest.mark.parametrize("chain", chains(DAY_CHANGES, 20), ids=itertools.count(1))
def test_an_export_killed_anywhere_spoils_no_copy_and_the_next_one_is_on_disks_and_tape(days: Days, chain: list[int]) -> None:
    for change in chain:
        run = days.day(at(state_after(change)))
        if run.killed_at is None:
            days.ended_well(run)
    days.ended_well(days.day())
    assert any("killed" in told for told in days.story)


def test_the_kills_reach_every_step_of_the_full_backup_and_the_return(weeks: Weeks) -> None:
    friday = weeks.friday()
    weeks.ended_well(friday)
    assert FRIDAY_CHANGES * 3 // 4 < len(friday.changes) <= FRIDAY_CHANGES
    monday = weeks.monday()
    weeks.ended_well(monday)
    assert MONDAY_CHANGES // 2 < len(monday.changes) <= MONDAY_CHANGES


def test_the_kills_reach_every_step_of_an_export(days: Days) -> None:
    # The first one makes folders that the later ones find.
    for run in (days.day(), days.day()):
        days.ended_well(run)
        assert DAY_CHANGES * 3 // 4 < len(run.changes) <= DAY_CHANGES + 1
