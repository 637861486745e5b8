# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When the control node dies during Friday's full backup or Monday's return, the server helps itself, and the next one recovers.

A run's changes are numbered, as in test_kills. Killed Fridays in a row, by turns early and late in the run, end with one that
nobody disturbs; so do killed Mondays. The site's own export is in force, so that the suspension has something to keep away.
"""

from __future__ import annotations

import collections.abc
import json
import re
import typing as t

import pytest

from tests.integration.etravel import NAME, QUICK, Server, succeeded
from tests.integration.killing import Chosen, Point, Run, at, never, wait_until
from tests.lab.record import AFTER, BEFORE

FULL, EXPORTS = {"FUL001": "full-1", "FUL002": "full-2"}, ("export-1", "export-2")
FRIDAY_CHANGES, MONDAY_CHANGES = 120, 10
"""More than an undisturbed run makes; a kill that comes too late is none, and that run ends well."""
FRIDAY_KILLS, MONDAY_KILLS = 10, 3
PAST_THE_LEASE = 2 * 3600 + 60.0
"""Seconds; the role's etravel_max_outage is two hours."""
SITE: t.Mapping[str, t.Any] = {
    "etravel_exports_by": "site",
    "etravel_overwrite_accepted": True,
    "etravel_tape_wait": 30,
    # Two tapes have to do for all these Fridays.
    "etravel_full_pool": {"name": "full", "tapes": 2, "retention_days": 0, "keep_newer": 0},
    **QUICK,
}


class Weeks:
    """``story`` is what was done so far, for messages."""

    def __init__(self, server: Server) -> None:
        self.server = server
        server.machine.tasks.enable(server.export_task, True)
        self.exports = {tape: server.records(tape) for tape in EXPORTS}
        self.story: list[str] = []

    def run(self, playbook: str, chosen: Chosen, inserts: collections.abc.Sequence[str]) -> Run:
        with (
            self.server.operator.at_the_drive(inserts),
            Run(self.server.lab, chosen, playbook, limit=NAME, **SITE) as run,
        ):
            run.wait()
        self.story.append(f"{playbook} killed {run.killed_at[0]} {run.killed_at[1]}" if run.killed_at else f"{playbook} ended")
        self.what_must_hold()
        return run

    def friday(self, chosen: Chosen = never) -> Run:
        run = self.run("etravel_full_backup", chosen, [self._next_tape()])
        told = re.search(r"-e etravel_label_overwrite=(foreign-[0-9a-f]+)", run.output)
        if told is None or run.killed_at is not None:
            return run
        # A run that was killed had overwritten the tape and could not record it: a person does as the refusal says.
        assert "Nothing was stopped. Not ready:" in run.output
        name = next(label for label, tape in FULL.items() if tape == self._loaded())
        label = {"etravel_label_pool": "full", "etravel_label_name": name, "etravel_label_overwrite": told.group(1)}
        succeeded(self.server.run("etravel_label_tape", **label))
        self.story.append("labelled again")
        return self.run("etravel_full_backup", chosen, [self._next_tape()])

    def _next_tape(self) -> str:
        """The tape that is asked for: what was never written, else what was written longest ago."""
        catalogue = json.loads(self.server.state_folder("tapes", NAME, "tapes.json").read_text(encoding="utf-8"))
        tapes = [(tape["last_written"] or "", tape["label"]) for tape in catalogue["tapes"] if tape["label"] in FULL]
        return FULL[min(tapes)[1]]

    def _loaded(self) -> str | None:
        loaded = self.server.drive.loaded
        return None if loaded is None else loaded.name

    def monday(self, chosen: Chosen = never) -> Run:
        if self._loaded() not in EXPORTS:
            self.server.drive.insert(EXPORTS[1])
        return self.run("etravel_return", chosen, [])

    def what_must_hold(self) -> None:
        """Also in the very moment of a kill."""
        server = self.server
        if server.site_exports():
            assert self._loaded() in EXPORTS, self.story
        else:
            assert server.suspended(), self.story
        for tape in EXPORTS:
            assert server.records(tape) == self.exports[tape], self.story
        if self.is_stopped():
            assert server.state_folder("quiesce", NAME, "journal.json").is_file(), self.story
            assert [task.full_name for task in server.machine.tasks.all() if "Lockstep" in task.path], self.story
        for name in server.sets(full=True):
            if name.isdigit():
                assert server.vault("Recent", name, "backup.log", full=True).stat().st_size > 0, self.story

    def is_stopped(self) -> bool:
        services = self.server.machine.services
        return any(services[name].state == "Stopped" for name in ("W3SVC", "OracleTNSListener", "OracleServiceDTA"))

    def lease_fires(self) -> None:
        """Time passes, and no control node is there."""
        self.server.machine.clock.advance(PAST_THE_LEASE)
        wait_until(lambda: not self.is_stopped(), f"the lease starts all units; {self.story}")
        self.story.append("the lease fired")
        self.what_must_hold()

    def ended_well(self, run: Run) -> None:
        assert run.killed_at is None
        assert run.process.returncode == 0, f"{self.story}\n{run.output}"
        self.server.service_is_back()
        self.server.nothing_is_left()


@pytest.fixture
def weeks(server: Server) -> Weeks:
    return Weeks(server)


def spread(last: int, count: int) -> list[int]:
    """So many numbers from 1 to ``last``, late and early by turns."""
    numbers = [1 + index * (last - 1) // (count - 1) for index in range(count)]
    half = len(numbers) // 2
    early, late = numbers[:half], numbers[half:]
    return [number for pair in zip(late, [*early, 0], strict=False) for number in pair if number]


def point(change: int) -> Point:
    return Point(change, AFTER) if change % 2 else Point(change, BEFORE)


@pytest.mark.parametrize("part", range(3))
def test_a_full_backup_killed_anywhere_harms_no_tape_and_the_next_one_recovers(weeks: Weeks, part: int) -> None:
    for index, change in enumerate(spread(FRIDAY_CHANGES, FRIDAY_KILLS)[part::3]):
        run = weeks.friday(at(point(change)))
        if run.killed_at is None:
            weeks.ended_well(run)
            weeks.server.drive.insert(EXPORTS[0])
        elif index % 2:
            weeks.lease_fires()
    weeks.ended_well(weeks.friday())
    assert weeks.server.suspended()
    assert weeks.server.newest(full=True)["details"]["tape"] in ("FUL001", "FUL002")
    assert any("killed" in told for told in weeks.story)


def test_a_return_killed_anywhere_lets_no_export_near_a_wrong_tape_and_the_next_one_recovers(weeks: Weeks) -> None:
    weeks.ended_well(weeks.friday())
    for change in spread(MONDAY_CHANGES, MONDAY_KILLS):
        weeks.monday(at(point(change)))
    weeks.ended_well(weeks.monday())
    assert not weeks.server.suspended()
    assert weeks.server.site_exports()


def test_the_kills_reach_every_step_of_both_runs(weeks: Weeks) -> None:
    friday = weeks.friday()
    weeks.ended_well(friday)
    assert FRIDAY_CHANGES * 3 // 4 < len(friday.changes) <= FRIDAY_CHANGES
    monday = weeks.monday()
    weeks.ended_well(monday)
    assert MONDAY_CHANGES // 2 < len(monday.changes) <= MONDAY_CHANGES
