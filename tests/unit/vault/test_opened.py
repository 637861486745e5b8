# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""state: opened."""

from __future__ import annotations

import datetime
import re

import pytest

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from tests.unit.vault.world import OTHER, OWNER, World, fake_world


def test_a_set_begins_under_failed_with_its_manifest_and_the_lock(world: World) -> None:
    result = world.opened()
    assert result["set"] == "26112101"
    assert re.fullmatch("berlin-26112101-[0-9a-f]{8}", result["set_id"])
    assert result["folder"] == world.host.join(world.path, "Failed", "26112101")
    manifest = world.manifest("Failed", "26112101")
    assert (manifest["state"], manifest["set_id"], manifest["started"]) == ("open", result["set_id"], "2026-11-21T03:13:00+00:00")
    assert sorted(world.root()) == ["Archive", "Failed", "Lock", "Recent"]
    assert world.run("query")["lock"]["owner"]["run_id"] == OWNER.run_id


def test_a_second_set_of_the_day_gets_the_next_number(world: World) -> None:
    world.backup()
    world.failed_backup()
    assert world.opened()["set"] == "26112103"


def test_the_date_is_that_of_the_host_in_its_own_time_zone() -> None:
    world = fake_world()
    world.set_clock(datetime.datetime(2026, 11, 21, 23, 30, tzinfo=datetime.timezone(datetime.timedelta(hours=-8))))
    assert world.opened()["set"] == "26112101"


def test_the_second_host_gets_the_name_and_the_id_of_the_first(world: World) -> None:
    second = fake_world("ora1")
    first = world.opened()
    result = second.opened(set=first["set"], set_id=first["set_id"])
    assert (result["set"], result["set_id"]) == (first["set"], first["set_id"])


@pytest.mark.parametrize("where", ["Failed", "Recent"])
def test_a_name_that_is_taken_in_any_folder_is_refused_and_the_lock_given_back(world: World, where: str) -> None:
    name = world.backup() if where == "Recent" else world.failed_backup()
    assert world.slug_of("opened", system="x", set=name, set_id="berlin-x") == "set_exists"
    assert "Lock" not in world.root()


def test_opening_again_while_this_runs_set_is_open_names_that_set(world: World) -> None:
    first = world.opened()
    with pytest.raises(LockstepError) as caught:
        world.opened()
    assert caught.value.slug == "set_open"
    assert caught.value.details["set_id"] == first["set_id"]
    assert "Lock" in world.root()
    assert world.names("Failed") == [first["set"]]


def test_another_run_cannot_open_and_leaves_nothing_behind(world: World) -> None:
    world.opened()
    before = world.everything()
    with pytest.raises(LockstepError) as caught:
        world.opened(owner=OTHER)
    assert caught.value.slug == "run_in_progress"
    assert caught.value.details["owner"]["run_id"] == OWNER.run_id
    assert world.everything() == before


def test_the_lock_of_another_run_is_not_broken_by_its_age(world: World) -> None:
    world.opened()
    world.next_day(365)
    assert world.slug_of("opened", owner=OTHER, system="x") == "run_in_progress"


def test_a_run_that_is_over_is_taken_over_and_its_set_marked_as_failed(world: World) -> None:
    left = world.opened()["set"]
    result = world.opened(owner=OTHER, dead_run=OWNER.run_id)
    assert result["recovered"] == [left]
    assert result["set"] == "26112102"
    assert world.manifest("Failed", left)["error"] == f"run {OWNER.run_id} ended before the set was complete"
    assert world.log() == [[left, "Failed", f"run {OWNER.run_id} ended before the set was complete"]]
    assert world.run("query")["lock"]["owner"]["run_id"] == OTHER.run_id
    assert [name for name in world.root() if name.startswith("Lock.")] == []


def test_a_good_set_of_a_run_that_is_over_stays_good(world: World) -> None:
    good = world.backup()
    world.opened()
    world.opened(owner=OTHER, dead_run=OWNER.run_id)
    assert world.status()[good] == "good"


def test_the_wrong_dead_run_opens_nothing(world: World) -> None:
    world.opened()
    assert world.slug_of("opened", owner=OTHER, system="x", dead_run="run7") == "run_in_progress"


def test_a_lock_that_does_not_name_its_owner_is_not_taken(world: World) -> None:
    world.host.make_folder(world.host.join(world.path, "Lock"))
    world.put(world.host.join(world.path, "Lock", "notes.txt"), b"?")
    assert world.slug_of("opened", system="x") == "lock_unreadable"
    world.put(world.host.join(world.path, "Lock", "owner.json"), b"{}")
    assert world.slug_of("opened", system="x") == "lock_unreadable"


def test_a_set_in_the_future_is_warned_of_but_the_backup_is_made(world: World) -> None:
    name = world.backup()
    world.next_day(-7)
    assert world.opened()["set"] == "26111401"
    assert name in world.warnings[0]


def test_the_hundredth_set_of_a_day_is_refused(world: World) -> None:
    world.host.make_folder(world.host.join(world.path, "Archive", "26112199"))
    assert world.slug_of("opened", system="x") == "names_exhausted"
    assert "Lock" not in world.root()


@pytest.mark.parametrize(
    ("options", "slug"),
    [
        ({"installation": "../berlin"}, "option_invalid"),
        ({"set": "2611**"}, "option_invalid"),
        ({"hosts": ["ora1"], "host": "aes1"}, "option_invalid"),
        ({"hosts": ["aes1", "aes1"], "host": "aes1"}, "option_invalid"),
        ({"hosts": ["aes1", ""], "host": "aes1"}, "option_invalid"),
        ({"path": "Backups"}, "path_not_absolute"),
    ],
)
def test_bad_options_are_refused_and_nothing_is_left_locked(world: World, options: dict[str, object], slug: str) -> None:
    assert world.slug_of("opened", **{"system": "x", **options}) == slug
    assert world.host.stat(world.host.join(world.path, "Lock")) is None


@pytest.mark.parametrize(("path", "slug"), [("\\\\nas\\backups", "path_not_absolute"), ("Z:\\backups", "path_not_local")])
def test_a_share_or_a_mapped_drive_is_no_place_for_a_vault(path: str, slug: str) -> None:
    world = fake_world(path=path)
    assert world.slug_of("opened", system="x") == slug
    assert world.slug_of("query") == slug
