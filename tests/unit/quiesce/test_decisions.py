# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pure decisions of quiesce, by tables and properties."""

from __future__ import annotations

import dataclasses
import datetime

import hypothesis
import pytest
from hypothesis import strategies as st

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.host import base
from ansible_collections.lockstep.backup.plugins.module_utils.quiesce import plan
from ansible_collections.lockstep.backup.plugins.module_utils.quiesce.journal import (
    QUIESCED,
    RESUMING,
    Journal,
    check_name,
    refuse_unfinished,
)
from ansible_collections.lockstep.backup.plugins.module_utils.quiesce.plan import Unit
from ansible_collections.lockstep.backup.plugins.module_utils.quiesce.store import describe_age
from tests.unit.fake_host import OTHER, OWNER

WHEN = datetime.datetime(2026, 11, 21, 3, 13, tzinfo=datetime.timezone(datetime.timedelta(hours=2)))


def unit(name: str, before: str = base.RUNNING, position: int = 0) -> Unit:
    return Unit("service", name, before, 120.0, start_position=position)


def journal(*units: Unit, phase: str = QUIESCED) -> Journal:
    return Journal("job", OWNER, WHEN, "boot1", 1000.0, ({"kind": "service", "name": "a"},), units, phase=phase)


@pytest.mark.parametrize(
    ("before", "ran"),
    [
        (base.RUNNING, True),
        (base.STARTING, True),
        (base.STOPPED, False),
        (base.STOPPING, False),
        (base.PAUSED, False),
        (base.ABSENT, False),
        (base.UNKNOWN, False),
    ],
)
def test_only_what_ran_or_was_on_its_way_up_is_ever_started(before: str, ran: bool) -> None:
    assert unit("a", before).ran is ran
    assert [u.name for u in plan.start_order([unit("a", before)])] == (["a"] if ran else [])


@pytest.mark.parametrize(
    ("positions", "order"),
    [
        ((0, 0, 0), "cba"),
        ((0, 0, 1), "bac"),
        ((-1, 0, 0), "acb"),
        ((1, 2, 3), "abc"),
        ((3, 2, 1), "cba"),
        ((5, 5, 0), "cba"),
    ],
)
def test_start_order_is_by_position_and_then_the_reverse_of_the_stop_order(positions: tuple[int, ...], order: str) -> None:
    units = [unit(name, position=position) for name, position in zip("abc", positions, strict=True)]
    assert "".join(u.name for u in plan.start_order(units)) == order


@pytest.mark.parametrize(
    ("before", "state", "action"),
    [
        (base.RUNNING, base.RUNNING, plan.STOP),
        (base.STARTING, base.STARTING, plan.STOP),
        (base.RUNNING, base.STARTING, plan.STOP),
        (base.RUNNING, base.STOPPED, plan.LEAVE),
        (base.RUNNING, base.STOPPING, plan.LEAVE),
        (base.STOPPED, base.STOPPED, plan.LEAVE),
        (base.STOPPED, base.RUNNING, plan.LEAVE),
    ],
)
def test_only_a_unit_that_ran_and_runs_is_stopped(before: str, state: str, action: str) -> None:
    assert [step.action for step in plan.stop_steps([unit("a", before)], [state])] == [action]


@pytest.mark.parametrize("max_outage", [None, 60.0])
def test_plans_record_and_arm_before_the_first_stop_and_give_up_the_lease_after_the_last_start(max_outage: float | None) -> None:
    units = [unit("a"), unit("b", base.STOPPED)]
    stops = [step.action for step in plan.quiesce_plan(units, "j", max_outage)]
    assert stops == [plan.RECORD, *([plan.ARM_LEASE] if max_outage else []), plan.STOP, plan.LEAVE, plan.VERIFY]
    starts = [step.action for step in plan.resume_plan(units[:1], [base.STOPPED], max_outage is not None, "j")]
    assert starts == [plan.START, plan.VERIFY, *([plan.DISARM_LEASE] if max_outage else []), plan.FORGET]


def test_units_are_one_on_windows_whatever_their_case_and_two_elsewhere() -> None:
    assert plan.unit_key(base.WINDOWS, "service", "W3SVC") == plan.unit_key(base.WINDOWS, "service", "w3svc")
    assert plan.unit_key(base.POSIX, "service", "Web") != plan.unit_key(base.POSIX, "service", "web")
    assert plan.unit_key(base.WINDOWS, "site", "a") != plan.unit_key(base.WINDOWS, "service", "a")


STATES = st.sampled_from([base.RUNNING, base.STOPPED, base.STARTING, base.STOPPING])
UNITS = st.lists(
    st.builds(
        Unit,
        kind=st.sampled_from(plan.KINDS),
        name=st.text(min_size=1),
        before=STATES,
        timeout=st.floats(1, 1e6),
        force=st.booleans(),
        start_position=st.integers(-9, 9),
        definition=st.just({"start": {"argv": ["a", 'b "c"'], "cwd": None}}),
        dependent_of=st.one_of(st.none(), st.text()),
    )
)


@hypothesis.given(UNITS, st.one_of(st.none(), st.just(WHEN)))
def test_a_journal_reads_back_as_it_was_written(units: list[Unit], armed_until: datetime.datetime | None) -> None:
    written = dataclasses.replace(journal(*units), armed_until=armed_until)
    assert Journal.loads(written.dumps(), "j") == written


@hypothesis.given(st.data())
def test_a_truncated_journal_is_never_taken_for_a_whole_one(data: st.DataObject) -> None:
    text = journal(unit("a"), unit("b")).dumps()
    cut = data.draw(st.integers(0, len(text) - 3))
    with pytest.raises(LockstepError) as caught:
        Journal.loads(text[:cut], "j")
    assert caught.value.slug == "journal_damaged"


@pytest.mark.parametrize(
    ("boot", "monotonic", "wall_seconds", "expected"),
    [
        ("boot1", 1090.0, 5, 90.0),
        ("boot1", 1090.0, -3600, 90.0),
        ("boot2", 7.0, 80, 80.0),
        ("boot2", 7.0, -3600, 0.0),
        ("boot1", 900.0, 80, 80.0),
    ],
)
def test_the_outage_is_measured_by_a_clock_that_nobody_can_set(
    boot: str, monotonic: float, wall_seconds: int, expected: float
) -> None:
    now = WHEN + datetime.timedelta(seconds=wall_seconds)
    assert journal().outage_seconds(now, boot, monotonic) == expected


def test_an_unknown_boot_is_not_the_same_boot() -> None:
    unknown = dataclasses.replace(journal(), boot_id="unknown")
    assert unknown.outage_seconds(WHEN + datetime.timedelta(seconds=80), "unknown", 1090.0) == 80.0


@pytest.mark.parametrize("name", ["a", "altium", "eTravel-1", "x.y_z", "9" * 80])
def test_ordinary_names_are_accepted(name: str) -> None:
    check_name(name)


@pytest.mark.parametrize(
    ("owner", "phase", "refused"),
    [(OWNER, QUIESCED, False), (OWNER, RESUMING, True), (OTHER, QUIESCED, True), (OTHER, RESUMING, True)],
)
def test_only_this_runs_own_unbroken_quiesce_can_be_continued(owner: object, phase: str, refused: bool) -> None:
    held = journal(phase=phase)
    mine = OWNER if owner is OWNER else OTHER
    if refused:
        with pytest.raises(LockstepError) as caught:
            refuse_unfinished(held, mine, "j")
        assert caught.value.slug == "unfinished_quiesce"
    else:
        refuse_unfinished(held, mine, "j")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s ago"), (59, "59 s ago"), (60, "1 min ago"), (3600, "1 h 0 min ago"), (-5, "in the future: a clock was changed")],
)
def test_ages_are_said_in_words(seconds: int, text: str) -> None:
    assert describe_age(datetime.timedelta(seconds=seconds)) == text
