# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random units, dependencies, faults and kills: whatever happens, what ran runs again, in order, and nothing else."""

from __future__ import annotations

import typing as t

import hypothesis
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.feature import Task
from ansible_collections.lockstep.backup.plugins.module_utils.host import base
from ansible_collections.lockstep.backup.plugins.module_utils.owner import Owner
from ansible_collections.lockstep.backup.plugins.module_utils.quiesce import held
from ansible_collections.lockstep.backup.plugins.module_utils.quiesce.journal import Journal
from tests.unit.fake_host import FakeUnit
from tests.unit.quiesce.kit import JOURNAL, KilledError, KitHost, Unit, call, service, task_for

NAMES = "abcdef"
FAULTS = ("refuses", "hangs", "will_not_start", "dies_when_started", "comes_back")


def owner(number: int) -> Owner:
    return Owner(f"run{number}", "control1", "boot1", number, str(number), "backup")


@st.composite
def services(draw: st.DrawFn) -> dict[str, Unit]:
    """Each may need units that come before it in the alphabet, so that there is no circle; what needs a stopped one is stopped."""
    units: dict[str, Unit] = {}
    for name in NAMES:
        needs = tuple(sorted(draw(st.sets(st.sampled_from(sorted(units)), max_size=2)))) if units else ()
        may_run = all(units[other].state == base.RUNNING for other in needs)
        state = draw(st.sampled_from([base.RUNNING, base.STOPPED])) if may_run else base.STOPPED
        units[name] = Unit(state, needs=needs, slow=draw(st.integers(0, 2)))
    return units


class QuiesceMachine(RuleBasedStateMachine):
    """One host, one journal, runs one after the other. Between two complete resumes the set of running units must not change."""

    def __init__(self) -> None:
        super().__init__()
        self.host = KitHost()
        self.ran: set[str] = set()
        self.run = 1
        self.wanted: list[dict[str, t.Any]] = []

    @initialize(units=services())
    def begin(self, units: dict[str, Unit]) -> None:
        self.host = KitHost(**units)
        self.ran = self.host.up()

    @property
    def open(self) -> bool:
        return JOURNAL in self.host.files

    def attempt(self, work: t.Callable[[], object], kill_at: int | None, before_effect: bool = True) -> None:
        """What may fail or die. The death of a process makes the next call another run's."""
        self.host.events.clear()
        self.host.operations.clear()
        self.host.kill_at, self.host.killed_before_effect = kill_at, before_effect
        try:
            work()
        except LockstepError:
            pass
        except KilledError:
            self.run += 1
        self.host.survive()

    def call(self, state: str, **params: t.Any) -> dict[str, t.Any]:
        # Whoever holds the journal, if it is not this run: all earlier runs are over.
        holder = Journal.loads(self.host.files[JOURNAL].decode(), JOURNAL).owner.run_id if self.open else None
        return call(self.host, state, owner=owner(self.run), dead_run=holder, **params)

    def task(self) -> Task:
        return task_for(self.host, {}, owner(self.run))

    @rule(
        data=st.data(),
        max_outage=st.sampled_from([None, 600]),
        kill_at=st.one_of(st.none(), st.integers(1, 80)),
        before_effect=st.booleans(),
    )
    def quiesce(self, data: st.DataObject, max_outage: int | None, kill_at: int | None, before_effect: bool) -> None:
        if not self.open:
            names = data.draw(st.lists(st.sampled_from(NAMES), min_size=1, unique=True))
            self.wanted = [service(name, timeout=3, force=data.draw(st.booleans())) for name in names]
        self.attempt(lambda: self.call("quiesced", units=self.wanted, max_outage=max_outage), kill_at, before_effect)

    @rule(kill_at=st.one_of(st.none(), st.integers(1, 60)), before_effect=st.booleans())
    def resume(self, kill_at: int | None, before_effect: bool) -> None:
        self.attempt(lambda: self.call("resumed"), kill_at, before_effect)

    @rule(name=st.sampled_from(NAMES), fault=st.sampled_from(FAULTS))
    def break_unit(self, name: str, fault: str) -> None:
        setattr(self.host.service(name), fault, True)

    @precondition(lambda self: self.open)
    @rule(name=st.sampled_from(NAMES))
    def somebody_starts_what_was_stopped(self, name: str) -> None:
        unit = self.host.service(name)
        if name in self.ran and unit.state == base.STOPPED:
            unit.state = base.RUNNING

    @precondition(lambda self: "lease-job" in self.host.timers)
    @rule()
    def deadline_comes(self) -> None:
        self.host.settle()
        self.host.fire()

    @precondition(lambda self: self.open)
    @rule(max_outage=st.integers(60, 600), kill_at=st.one_of(st.none(), st.integers(1, 10)))
    def long_job_renews(self, max_outage: int, kill_at: int | None) -> None:
        self.attempt(lambda: held.renew_lease(self.task(), "job", max_outage), kill_at)

    @precondition(lambda self: self.open)
    @rule(kill_at=st.one_of(st.none(), st.integers(1, 20)))
    def long_job_stops_again(self, kill_at: int | None) -> None:
        def work() -> None:
            held.stop_again(self.task(), "job", held.still_quiesced(self.task(), "job"))

        self.attempt(work, kill_at)

    @rule()
    def repair_and_recover(self) -> None:
        """After all faults are gone, one resume has to bring back exactly what ran."""
        for unit in self.host.units["service"].values():
            for fault in FAULTS:
                setattr(unit, fault, False)
            if unit.state in (base.STOPPING, base.STARTING) and not t.cast("Unit", unit).pending:
                unit.state = base.STOPPED
        self.host.settle()
        was_open = self.open
        self.host.events.clear()
        self.call("resumed")
        assert not self.open
        assert self.host.timers == {}
        assert self.host.up() == self.ran
        self.assert_order(self.host.done("start"))
        assert was_open or not self.host.events

    def assert_order(self, started: list[str]) -> None:
        """No unit is started before one that it needs and that was started too."""
        units: dict[str, FakeUnit] = self.host.units["service"]
        for position, name in enumerate(started):
            assert not set(units[name].needs) & set(started[position + 1 :]), started

    @invariant()
    def what_never_ran_is_never_started(self) -> None:
        assert set(self.host.done("start")) <= self.ran

    @invariant()
    def without_a_journal_everything_runs_and_no_timer_can_start_anything(self) -> None:
        if not self.open:
            self.host.settle()
            assert self.host.up() == self.ran
            assert all(script not in self.host.files for _unused, script in self.host.timers.values())

    @invariant()
    def stops_follow_the_dependencies(self) -> None:
        stopped = self.host.done("stop")
        units = self.host.units["service"]
        for position, name in enumerate(stopped):
            later = {other for other in stopped[position + 1 :] if name in units[other].needs}
            # A dependent may be asked again by a later rule of the same call only after somebody started it.
            assert not later - set(stopped[:position]), stopped


QuiesceMachine.TestCase.settings = hypothesis.settings(max_examples=150, stateful_step_count=12, deadline=None)
TestQuiesce = QuiesceMachine.TestCase
