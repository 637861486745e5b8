# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""state: pruned."""

from __future__ import annotations

import datetime

import pytest

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from tests.unit.vault.world import OTHER, OWNER, PART, World


def days(world: World, number: int) -> list[str]:
    """One good set a day."""
    names = []
    for _day in range(number):
        names.append(world.backup())
        world.next_day()
    return names


def test_the_numbers_of_the_overview_four_recent_and_two_archived(world: World) -> None:
    names = days(world, 7)
    result = world.run("pruned")
    assert world.names("Recent") == names[3:]
    assert world.names("Archive") == names[1:3]
    assert (result["archived"], result["deleted"], result["kept"]) == (names[1:3], names[:1], names[1:])
    assert [line[0] for line in world.log()] == names[1:]
    assert "Lock" not in world.root()


def test_pruning_after_each_backup_keeps_the_numbers(world: World) -> None:
    for _day in range(8):
        world.backup()
        world.run("pruned", keep_recent=2, keep_archive=1)
        world.next_day()
    assert world.names("Recent") == ["26112701", "26112801"]
    assert world.names("Archive") == ["26112601"]
    assert world.names("Failed") == []


def test_with_nothing_over_the_numbers_nothing_changes(world: World) -> None:
    names = days(world, 4)
    before = world.everything()
    result = world.run("pruned")
    assert (result["changed"], result["kept"]) == (False, names)
    assert world.everything() == before


def test_a_failed_set_goes_with_the_first_newer_good_set_that_is_deleted(world: World) -> None:
    first_failed = world.failed_backup()
    good = world.backup()
    second_failed = world.failed_backup()
    world.backup()
    result = world.run("pruned", keep_recent=1, keep_archive=0)
    assert (result["deleted"], result["failed_deleted"]) == ([good], [first_failed])
    assert world.names("Failed") == [second_failed]


def test_failed_sets_are_never_counted(world: World) -> None:
    good = world.backup()
    for _try in range(5):
        world.failed_backup()
    world.run("pruned", keep_recent=1, keep_archive=0)
    assert world.status()[good] == "good"


@pytest.mark.parametrize("damage", ["truncated", "missing", "manifest", "version", "state"])
def test_a_damaged_set_is_neither_counted_nor_deleted_and_is_warned_of(world: World, damage: str) -> None:
    good, damaged = days(world, 2)
    file = world.host.join(world.path, "Recent", damaged)
    if damage == "truncated":
        world.put(world.host.join(file, "vault.zip"), PART[:-1])
    elif damage == "missing":
        world.host.remove(world.host.join(file, "vault.zip"))
    elif damage == "manifest":
        world.host.remove(world.host.join(file, "manifest.json"))
    else:
        text = world.text("Recent", damaged, "manifest.json")
        old, new = {"version": ('"schema_version": 1', '"schema_version": 2'), "state": ('"committed"', '"open"')}[damage]
        world.put(world.host.join(file, "manifest.json"), text.replace(old, new).encode())
    result = world.run("pruned", keep_recent=1, keep_archive=0)
    assert world.names("Recent") == [good, damaged]
    assert [entry["set"] for entry in result["damaged"]] == [damaged]
    assert damaged in world.warnings[-1]


def test_another_installations_set_is_neither_counted_nor_deleted(world: World) -> None:
    foreign = days(world, 1)[0]
    world.run("query", installation="paris")
    names = [world.backup(installation="berlin")]
    file = world.host.join(world.path, "Recent", foreign, "manifest.json")
    world.put(
        file, world.text("Recent", foreign, "manifest.json").replace('"installation": "berlin"', '"installation": "paris"').encode()
    )
    world.run("pruned", keep_recent=1, keep_archive=0)
    assert world.names("Recent") == [foreign, *names]


def test_a_name_in_two_folders_is_damaged_in_both(world: World) -> None:
    names = days(world, 3)
    for file in ("manifest.json", "vault.zip"):
        world.put(world.host.join(world.path, "Archive", names[0], file), world.text("Recent", names[0], file).encode())
    assert world.status()[names[0]] == "damaged"
    world.run("pruned", keep_recent=1, keep_archive=0)
    assert world.names("Archive") == [names[0]]
    assert world.names("Recent") == [names[0], names[2]]


def test_the_newest_good_set_stays_even_in_an_archive_of_none(world: World) -> None:
    name = world.backup()
    world.host.rename(world.host.join(world.path, "Recent", name), world.host.join(world.path, "Archive", name))
    world.run("pruned", keep_recent=1, keep_archive=0)
    assert world.names("Archive") == [name]


def test_folders_that_are_no_sets_are_left_alone(world: World) -> None:
    days(world, 3)
    other = world.host.join(world.path, "Recent", "before the update")
    world.put(world.host.join(other, "x"), b"x")
    world.run("pruned", keep_recent=1, keep_archive=0)
    assert world.names("Recent") == ["26112301", "before the update"]


@pytest.mark.parametrize("keep_archive", [0, 5])
@pytest.mark.parametrize("back", [datetime.timedelta(days=10), datetime.timedelta(hours=1)])
def test_nothing_is_moved_or_deleted_while_a_set_is_ahead_of_the_clock(
    world: World, back: datetime.timedelta, keep_archive: int
) -> None:
    for _set in range(3):
        world.backup()
    world.set_clock(world.host.now() - back)
    before = world.everything()
    with pytest.raises(LockstepError) as caught:
        world.run("pruned", keep_recent=1, keep_archive=keep_archive)
    assert caught.value.slug == "set_in_future"
    assert world.everything() == before


def test_a_failed_set_ahead_of_the_clock_stops_pruning_too(world: World) -> None:
    days(world, 3)
    world.next_day(30)
    world.failed_backup()
    world.next_day(-30)
    assert world.slug_of("pruned", keep_recent=1, keep_archive=0) == "set_in_future"


def test_a_small_difference_of_clocks_is_allowed(world: World) -> None:
    world.backup()
    world.backup()
    world.set_clock(world.host.now() - datetime.timedelta(seconds=299))
    assert world.run("pruned", keep_recent=1, keep_archive=0)["deleted"] == ["26112101"]


def test_pruning_waits_for_the_set_that_this_run_has_open(world: World) -> None:
    days(world, 3)
    world.opened()
    assert world.slug_of("pruned", keep_recent=1) == "set_open"
    assert world.slug_of("pruned", keep_recent=1, owner=OTHER) == "run_in_progress"
    assert "Lock" in world.root()


def test_a_deletion_that_was_cut_short_is_finished(world: World) -> None:
    world.backup()
    world.put(world.host.join(world.path, "Archive", "26110101.deleting", "vault.zip"), PART)
    world.put(world.host.join(world.path, "Lock.run0-1234", "owner.json"), b"{}")
    result = world.run("pruned")
    assert result["changed"] is True
    assert world.names("Archive") == []
    assert sorted(world.root()) == ["Archive", "BACKUP.LOG", "Failed", "Recent"]


def test_a_dead_runs_set_is_marked_before_pruning(world: World) -> None:
    left = world.opened()["set"]
    world.run("pruned", owner=OTHER, dead_run=OWNER.run_id)
    assert world.manifest("Failed", left)["state"] == "failed"


def test_the_newest_sets_log_tells_what_was_pruned_after_it(world: World) -> None:
    names = days(world, 3)
    world.run("pruned", keep_recent=1, keep_archive=1)
    lines = world.text("Recent", names[2], "HB.LOG").splitlines()
    assert [line.split("|", 1)[1] for line in lines[-3:]] == [
        f"l:SET_ARCHIVED|{names[0]}",
        f"l:SET_ARCHIVED|{names[1]}",
        f"l:SET_DELETED|{names[0]}",
    ]


@pytest.mark.parametrize("numbers", [(0, 2), (4, -1), (100, 2)])
def test_numbers_that_cannot_be_kept_are_refused(world: World, numbers: tuple[int, int]) -> None:
    assert world.slug_of("pruned", keep_recent=numbers[0], keep_archive=numbers[1]) == "option_invalid"
