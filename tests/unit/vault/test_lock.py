# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lock of a vault, when two runs come at the same moment."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.owner import Owner
from ansible_collections.lockstep.backup.plugins.module_utils.vault.layout import Vault
from ansible_collections.lockstep.backup.plugins.module_utils.vault.lock import FREE, MINE, OVER, Lock
from tests.unit.fake_host import FakeHost
from tests.unit.vault.world import OTHER, OWNER, World, fake_world

THIRD = Owner("run3", "control3", "boot3", 4713, "300", "third")
SINCE = "2026-11-21T03:13:00+00:00"


def lock(world: World, owner: Owner, dead_run: str | None = None) -> Lock:
    return Lock(Vault(world.host, world.path, "berlin"), owner, dead_run, SINCE)


def between(world: World, operation: str, ends_with: str, happens: t.Callable[[], object]) -> None:
    """Let something happen once, right before a change on the host."""
    host = t.cast(FakeHost, world.host)

    def before(done: str, path: str) -> None:
        if done == operation and path.endswith(ends_with):
            host.before_write = lambda operation, path: None
            happens()

    host.before_write = before


def test_a_free_lock_is_taken_released_and_leaves_nothing(world: World) -> None:
    first = lock(world, OWNER)
    assert first.take() == FREE
    assert lock(world, OWNER).take() == MINE
    assert world.root() == ["Lock"]
    first.release()
    assert world.root() == []


def test_the_holder_is_named_with_its_time(world: World) -> None:
    lock(world, OWNER).take()
    with pytest.raises(LockstepError) as caught:
        lock(world, OTHER).take()
    assert caught.value.slug == "run_in_progress"
    assert caught.value.details == {"owner": OWNER.as_dict(), "since": SINCE}
    assert world.root() == ["Lock"]


def test_of_two_runs_at_the_same_moment_one_gets_it() -> None:
    world = fake_world()
    between(world, "rename", "\\Lock", lambda: lock(world, OTHER).take())
    with pytest.raises(LockstepError) as caught:
        lock(world, OWNER).take()
    assert caught.value.details["owner"] == OTHER.as_dict()
    assert world.root() == ["Lock"]


def test_of_two_runs_that_take_over_the_same_dead_lock_one_gets_it() -> None:
    world = fake_world()
    dead = lock(world, OWNER)
    dead.take()
    away = f"\\Lock.{t.cast(t.Any, dead.holder()).token}"
    between(world, "rename", away, lambda: lock(world, THIRD, OWNER.run_id).take())
    with pytest.raises(LockstepError) as caught:
        lock(world, OTHER, OWNER.run_id).take()
    assert caught.value.slug == "run_in_progress"
    assert t.cast(t.Any, lock(world, THIRD).holder()).owner == THIRD
    assert world.root() == ["Lock"]


def test_a_run_that_comes_between_breaking_and_taking_keeps_the_lock() -> None:
    world = fake_world()
    lock(world, OWNER).take()
    taking = lock(world, OTHER, OWNER.run_id)
    # The second rename to Lock is the one after breaking; the first one finds the dead lock there.
    between(world, "rename", "\\Lock", lambda: between(world, "rename", "\\Lock", lambda: lock(world, THIRD).take()))
    with pytest.raises(LockstepError) as caught:
        taking.take()
    assert caught.value.slug == "run_in_progress"
    assert t.cast(t.Any, lock(world, THIRD).holder()).owner == THIRD


def test_a_prepared_lock_that_is_cleaned_away_is_a_lost_race() -> None:
    world = fake_world()
    host = t.cast(FakeHost, world.host)
    prepared: list[str] = []

    def clean() -> None:
        prepared.extend(path for path in host.folders if "Lock." in path)
        for path in prepared:
            host.remove(path)

    between(world, "rename", "\\Lock", clean)
    with pytest.raises(LockstepError) as caught:
        lock(world, OWNER).take()
    assert caught.value.slug == "run_in_progress"
    assert prepared


def test_a_lock_released_at_the_very_moment_is_taken() -> None:
    world = fake_world()
    holder = lock(world, OTHER)
    holder.take()
    taking = lock(world, OWNER)
    original = taking.holder

    def gone() -> object:
        holder.release()
        return original()

    taking.holder = gone  # type: ignore[method-assign,assignment]  # lets the other run act between two requests
    assert taking.take() == FREE
    assert t.cast(t.Any, original()).owner == OWNER


def test_looking_changes_nothing(world: World) -> None:
    assert lock(world, OWNER).look() == FREE
    assert world.host.stat(world.path) is None
    lock(world, OWNER).take()
    assert lock(world, OWNER).look() == MINE
    assert lock(world, OTHER, OWNER.run_id).look() == OVER
    with pytest.raises(LockstepError):
        lock(world, OTHER).look()
