# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which tape is next: tables for each policy. What holds over years is in test_years.py."""

from __future__ import annotations

import datetime
import typing as t

import pytest

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.tape import moments, policies, recording
from ansible_collections.lockstep.backup.plugins.module_utils.tape.catalogue import COMPLETE, WRITING, Catalogue, StoredSet, Tape

START = datetime.datetime(2026, 11, 20, 18, 0, tzinfo=datetime.UTC)  # a Friday
CYCLE = policies.Policy(policies.CYCLE)
WEEKDAYS = policies.Policy(policies.WEEKDAY, days=("monday", "tuesday", "friday"))
GFS = policies.Policy(policies.GFS)


def pool(tapes: int = 3, retention: float = 1, name: str = "export", **more: t.Any) -> policies.Pool:
    kept = {"": retention, **more.pop("groups", {})}
    return policies.Pool(name, tapes, kept, "EXP{n:03d}", **more)


def tape(label: str, group: str = "", pool_name: str = "export") -> Tape:
    return Tape(label, "v" + label, pool_name, group, moments.text(START - datetime.timedelta(days=1)))


def stock(policy: policies.Policy, each: int, pool_name: str = "export") -> Catalogue:
    prefix = pool_name[:1].upper()
    groups = policies.groups(policy)
    tapes = [tape(f"{prefix}{n}{number}", group, pool_name) for n, group in enumerate(groups) for number in range(each)]
    return Catalogue("etravel", {found.label: found for found in tapes})


def record(catalogue: Catalogue, chosen: policies.Pool, label: str, moment: datetime.datetime, how: str, ends: bool = True) -> None:
    set_id = f"{label}-{moments.text(moment)}"
    stored = StoredSet(set_id, chosen.name, WRITING, moments.text(moment), 1024, [], [])
    recording.begin(catalogue, stored, catalogue.tapes[label], chosen, moment, how == policies.APPEND)
    if ends:
        stored.state = COMPLETE
    else:
        catalogue.give_up(stored, "made to fail")


def ask(policy: policies.Policy, chosen: policies.Pool, catalogue: Catalogue, moment: datetime.datetime) -> policies.Choice:
    return policies.choose(policy, chosen, catalogue, policies.Question(moment))


def run(policy: policies.Policy, chosen: policies.Pool, catalogue: Catalogue, days: t.Iterable[int]) -> list[str | None]:
    """The tapes of these days, each written completely."""
    used = []
    for day in days:
        moment = START + datetime.timedelta(days=day)
        choice = ask(policy, chosen, catalogue, moment)
        used.append(choice.tape)
        if choice.tape:
            record(catalogue, chosen, choice.tape, moment, str(choice.how))
    return used


def test_a_cycle_uses_new_tapes_first_and_then_the_oldest() -> None:
    assert run(CYCLE, pool(), stock(CYCLE, 3), range(5)) == ["E00", "E01", "E02", "E00", "E01"]


def test_a_skipped_run_does_not_skip_a_tape() -> None:
    assert run(CYCLE, pool(), stock(CYCLE, 3), [0, 3, 20, 21]) == ["E00", "E01", "E02", "E00"]


def test_weekday_sets_belong_to_their_days() -> None:
    catalogue = stock(WEEKDAYS, 2)
    assert run(WEEKDAYS, pool(), catalogue, [0, 1, 3, 4, 7, 14]) == ["E20", None, "E00", "E10", "E21", "E20"]


def test_a_day_without_a_run_names_the_next_one() -> None:
    policy = policies.Policy(policies.CYCLE, days=("friday",), holidays=(datetime.date(2026, 11, 27),))
    choice = ask(policy, pool(), stock(policy, 2), START + datetime.timedelta(days=7))
    assert not choice.due
    assert choice.why == "2026-11-27 is a holiday: no tape is used. The next run is on 2026-12-04."
    choice = ask(policy, pool(), stock(policy, 2), START + datetime.timedelta(days=1))
    assert "a Saturday, which has no run" in choice.why


def group_names(days: t.Iterable[int]) -> list[str]:
    catalogue = stock(GFS, 9)
    names = ("son", "father", "grandfather")
    return [names[int(str(label)[1])] for label in run(GFS, pool(retention=0), catalogue, days)]


def test_a_week_begins_with_a_father_and_a_month_with_a_grandfather() -> None:
    # From Friday 20 November on: the first run of the month, then sons; 27 November; 4 December is the first one of December.
    assert group_names([0, 1, 3, 7, 8, 14, 15, 21]) == [
        "grandfather",
        "son",
        "son",
        "father",
        "son",
        "grandfather",
        "son",
        "father",
    ]


def test_a_weekly_run_that_was_skipped_is_made_up_by_the_next_one() -> None:
    assert group_names([0, 1, 10, 11]) == ["grandfather", "son", "father", "son"]


def test_a_monthly_run_that_failed_is_made_up_by_the_next_one() -> None:
    catalogue = stock(GFS, 3)
    first = ask(GFS, pool(), catalogue, START)
    record(catalogue, pool(), str(first.tape), START, policies.OVERWRITE, ends=False)
    assert ask(GFS, pool(), catalogue, START + datetime.timedelta(days=1)).group == policies.GRANDFATHER


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"missing": ("E00",)}, "it is missing"),
        ({"damaged": ("E00",)}, "it is damaged"),
    ],
)
def test_missing_and_damaged_tapes_are_passed_over_with_the_reason(change: dict[str, t.Any], why: str) -> None:
    choice = ask(CYCLE, pool(**change), stock(CYCLE, 2), START)
    assert choice.tape == "E01"
    assert choice.passed_over == ({"tape": "E00", "why": why},)


def test_a_tape_with_too_many_errors_is_passed_over() -> None:
    catalogue = stock(CYCLE, 2)
    catalogue.tapes["E00"].errors = 3
    assert ask(CYCLE, pool(), catalogue, START).passed_over[0]["why"] == "it has had 3 errors"


def test_a_worn_tape_comes_last_but_is_better_than_none() -> None:
    catalogue = stock(CYCLE, 2)
    catalogue.tapes["E00"].writes = 10
    worn = pool(life_writes=10)
    assert ask(CYCLE, worn, catalogue, START).tape == "E01"
    del catalogue.tapes["E01"]
    assert ask(CYCLE, worn, catalogue, START).tape == "E00"


def test_when_no_tape_is_free_each_one_is_explained() -> None:
    catalogue = stock(CYCLE, 2)
    run(CYCLE, pool(retention=10), catalogue, [0, 1])
    choice = ask(CYCLE, pool(retention=10), catalogue, START + datetime.timedelta(days=2))
    assert choice.tape is None
    assert choice.due
    assert "E00: it is kept until 2026-11-30" in choice.why
    assert "label another one" in choice.why


def test_a_jump_of_the_clock_does_not_cost_the_last_good_set() -> None:
    catalogue = stock(CYCLE, 1)
    run(CYCLE, pool(1), catalogue, [0])
    choice = ask(CYCLE, pool(1), catalogue, START + datetime.timedelta(days=3650))
    assert choice.tape is None
    assert "only 0 newer sets" in choice.why


def test_a_clock_that_went_back_is_an_error_and_a_small_correction_is_not() -> None:
    catalogue = stock(CYCLE, 3)
    run(CYCLE, pool(), catalogue, [0])
    assert ask(CYCLE, pool(), catalogue, START - datetime.timedelta(minutes=4)).tape == "E01"
    with pytest.raises(LockstepError) as caught:
        ask(CYCLE, pool(), catalogue, START - datetime.timedelta(hours=1))
    assert caught.value.slug == "tape_in_future"
