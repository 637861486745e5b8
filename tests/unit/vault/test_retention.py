# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which sets move and which are deleted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.vault import catalogue, retention
from ansible_collections.lockstep.backup.plugins.module_utils.vault.catalogue import ARCHIVE, FAILED, RECENT, Entry
from tests.unit.vault import examples

STATUSES = {
    FAILED: [catalogue.IS_FAILED, catalogue.IS_UNFINISHED, catalogue.IS_DAMAGED, catalogue.IS_FOREIGN],
    RECENT: [
        catalogue.IS_GOOD,
        catalogue.IS_GOOD,
        catalogue.IS_GOOD,
        catalogue.IS_DAMAGED,
        catalogue.IS_FOREIGN,
        catalogue.IS_UNFINISHED,
    ],
    ARCHIVE: [catalogue.IS_GOOD, catalogue.IS_GOOD, catalogue.IS_DAMAGED, catalogue.IS_FOREIGN],
}


def set_named(number: int, folder: str, status: str = catalogue.IS_GOOD) -> Entry:
    name = f"2611{number // 99 + 1:02d}{number % 99 + 1:02d}"
    return Entry(name, folder, status, manifest=examples.committed(name))


PLACES = st.sampled_from([(folder, status) for folder, statuses in STATUSES.items() for status in statuses])
VAULTS = st.lists(PLACES, max_size=30).map(lambda places: [set_named(n, *place) for n, place in enumerate(places)])
RECENT_NUMBERS, ARCHIVE_NUMBERS = st.integers(1, 6), st.integers(0, 5)


def after(entries: list[Entry], plan: retention.Retention) -> list[Entry]:
    """The vault when the plan has been executed."""
    gone = {*plan.delete, *plan.delete_failed}
    return [
        Entry(entry.name, ARCHIVE, entry.status, manifest=entry.manifest) if entry in plan.archive else entry
        for entry in entries
        if entry not in gone
    ]


@given(VAULTS, RECENT_NUMBERS, ARCHIVE_NUMBERS)
def test_the_newest_good_set_is_never_deleted(entries: list[Entry], recent: int, archive: int) -> None:
    left = after(entries, retention.plan(entries, recent, archive))
    before, now = catalogue.newest_good(entries), catalogue.newest_good(left)
    assert (before and before.name) == (now and now.name)


@given(VAULTS, RECENT_NUMBERS, ARCHIVE_NUMBERS)
def test_the_numbers_hold_afterwards(entries: list[Entry], recent: int, archive: int) -> None:
    left = after(entries, retention.plan(entries, recent, archive))
    good = [entry for entry in left if entry.good]
    assert sum(entry.folder == RECENT for entry in good) <= recent
    # The one exception: the newest good set of all, found in Archive because somebody emptied Recent.
    excused = bool(good) and good[-1].folder == ARCHIVE
    assert sum(entry.folder == ARCHIVE for entry in good) <= max(archive, int(excused))


@given(VAULTS, RECENT_NUMBERS, ARCHIVE_NUMBERS)
def test_a_second_time_there_is_nothing_to_do(entries: list[Entry], recent: int, archive: int) -> None:
    left = after(entries, retention.plan(entries, recent, archive))
    assert retention.plan(left, recent, archive) == retention.Retention()


@given(VAULTS, RECENT_NUMBERS, ARCHIVE_NUMBERS)
def test_sets_that_are_not_good_change_nothing_about_good_ones(entries: list[Entry], recent: int, archive: int) -> None:
    plan = retention.plan(entries, recent, archive)
    alone = retention.plan([entry for entry in entries if entry.good], recent, archive)
    assert (plan.archive, plan.delete) == (alone.archive, alone.delete)


@given(VAULTS, RECENT_NUMBERS, ARCHIVE_NUMBERS)
def test_failed_sets_go_exactly_when_a_newer_good_one_goes(entries: list[Entry], recent: int, archive: int) -> None:
    plan = retention.plan(entries, recent, archive)
    for entry in entries:
        may_go = entry.folder == FAILED and entry.status in (catalogue.IS_FAILED, catalogue.IS_UNFINISHED)
        assert (entry in plan.delete_failed) == (may_go and any(gone.name > entry.name for gone in plan.delete))


@given(VAULTS, RECENT_NUMBERS, ARCHIVE_NUMBERS)
def test_damaged_and_foreign_sets_are_never_touched(entries: list[Entry], recent: int, archive: int) -> None:
    plan = retention.plan(entries, recent, archive)
    touched = {*plan.archive, *plan.delete, *plan.delete_failed}
    assert not [entry for entry in touched if entry.status in (catalogue.IS_DAMAGED, catalogue.IS_FOREIGN)]


@given(VAULTS, RECENT_NUMBERS, ARCHIVE_NUMBERS)
def test_what_is_deleted_or_moved_is_older_than_what_stays(entries: list[Entry], recent: int, archive: int) -> None:
    plan = retention.plan(entries, recent, archive)
    stay = [entry.name for entry in after(entries, plan) if entry.good and entry.folder == ARCHIVE]
    assert all(gone.name < name for gone in plan.delete for name in stay)


def test_the_example_of_the_overview_three_recent_and_seven_archived() -> None:
    entries = [set_named(n, ARCHIVE) for n in range(7)] + [set_named(n, RECENT) for n in range(7, 11)]
    plan = retention.plan(entries, 3, 7)
    assert plan.archive == (entries[7],)
    assert plan.delete == (entries[0],)


def test_a_vault_without_an_archive_deletes_what_is_over_the_number() -> None:
    entries = [set_named(n, RECENT) for n in range(3)]
    assert retention.plan(entries, 1, 0).delete == tuple(entries[:2])


@given(VAULTS, RECENT_NUMBERS, ARCHIVE_NUMBERS, st.sets(st.integers(0, 29)))
def test_sets_unknown_to_the_commit_point_are_neither_counted_nor_touched(
    entries: list[Entry], recent: int, archive: int, known: set[int]
) -> None:
    primary = {entry.set_id for number, entry in enumerate(entries) if number in known and entry.set_id}
    uncounted = retention.unconfirmed(entries, sorted(primary))
    plan = retention.plan(entries, recent, archive, uncounted)
    assert not {*plan.archive, *plan.delete} & {*uncounted}
    confirmed = [entry for entry in entries if entry.good and entry.set_id in primary]
    left = after(entries, plan)
    assert not confirmed or confirmed[-1].name in [entry.name for entry in left]


def test_sets_that_the_commit_point_has_deleted_already_are_confirmed() -> None:
    entries = [set_named(n, RECENT) for n in range(4)]
    assert retention.unconfirmed(entries, [str(entries[1].set_id), str(entries[2].set_id)]) == [entries[3]]


def test_without_one_set_in_common_nothing_is_confirmed() -> None:
    entries = [set_named(n, RECENT) for n in range(4)]
    assert retention.unconfirmed(entries, ["another"]) == entries
    assert retention.unconfirmed(entries, []) == entries
    assert retention.unconfirmed(entries, None) == []


@pytest.mark.parametrize("numbers", [(0, 2), (-1, 2), (100, 2), (4, -1), (4, 100)])
def test_numbers_that_cannot_be_kept_are_refused(numbers: tuple[int, int]) -> None:
    with pytest.raises(LockstepError) as caught:
        retention.check_numbers(*numbers)
    assert caught.value.slug == "option_invalid"
