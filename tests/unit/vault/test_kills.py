# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run may end at any moment, between any two changes on the host: the promises hold, and the next run sets things right."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from tests.unit.fake_host import FakeHost
from tests.unit.vault.world import OTHER, OWNER, PART, Killed, Result, World, fake_world

Step = t.Callable[[World], object]
NUMBERS: Result = {"keep_recent": 2, "keep_archive": 1}


def host_of(world: World) -> FakeHost:
    assert isinstance(world.host, FakeHost)
    return world.host


class Fault:
    """Ends the run, or breaks the connection, at the n-th change on the host. Deleting a folder then stops halfway."""

    def __init__(self, world: World, moment: int, fault: t.Callable[[], BaseException]) -> None:
        self.host, self.left, self.fault, self.struck = host_of(world), moment, fault, False

    def __enter__(self) -> t.Self:
        self.host.before_write = self.change
        return self

    def __exit__(self, *_ended: object) -> None:
        self.host.before_write = lambda operation, path: None

    def change(self, operation: str, path: str) -> None:
        if self.struck or self.left > 0:
            self.left -= 1
            return
        self.struck = True
        below = sorted(file for file in self.host.files if file.startswith(path + "\\"))
        if operation == "remove" and below:
            del self.host.files[below[0]]
        raise self.fault()


def lost() -> LockstepError:
    return LockstepError("connection_lost", "the connection is gone")


def on_host(world: World, state: str, **options: t.Any) -> Result:
    """As the action plugin does it: a run that is proven to be over is taken over."""
    try:
        return world.run(state, owner=OTHER, **options)
    except LockstepError as error:
        if error.details.get("owner") != OWNER.as_dict():
            raise
        return world.run(state, owner=OTHER, dead_run=OWNER.run_id, **options)


def a_vault_with_a_past() -> World:
    world = fake_world()
    for _day in range(2):
        world.failed_backup()
        world.backup()
        world.run("pruned", **NUMBERS)
        world.next_day()
    world.backup()
    world.backup()
    world.next_day()
    return world


def open_set(world: World) -> Result:
    return world.opened()


def commit_set(world: World) -> Result:
    return world.committed(world.names("Failed")[-1])


def fail_set(world: World) -> Result:
    return world.run("failed", set=world.names("Failed")[-1], error="why")


def prune_sets(world: World) -> Result:
    return world.run("pruned", **NUMBERS)


def with_an_open_set(world: World) -> None:
    opened = world.opened()
    world.put(world.host.join(opened["folder"], "vault.zip"), PART)


def nothing_more(world: World) -> None:
    assert "Lock" not in world.root()


STEPS: list[tuple[t.Callable[[World], None], Step]] = [
    (nothing_more, open_set),
    (with_an_open_set, commit_set),
    (with_an_open_set, fail_set),
    (nothing_more, prune_sets),
]


def goods(world: World) -> list[str]:
    """Sets that really are good, without asking the module: whole parts in Recent or Archive, and a manifest that says so."""
    found = []
    for folder in ("Recent", "Archive"):
        for name in world.names(folder):
            files = {world.host.basename(info.path) for info in world.host.list_folder(world.host.join(world.path, folder, name))}
            if len(name) == 8 and {"manifest.json", "vault.zip", "RESTORE.txt", "HB.LOG"} <= files:
                whole = world.text(folder, name, "vault.zip") == PART.decode()
                found += [name] if whole and world.manifest(folder, name)["state"] == "committed" else []
    return sorted(found)


def promises_hold(world: World, newest: str) -> None:
    """At every moment, before anybody has set anything right."""
    told = world.run("query", owner=OTHER)
    assert [entry["set"] for entry in told["catalogue"] if entry["status"] == "good"] == goods(world)
    assert told["damaged"] == []
    assert max(goods(world)) >= newest
    in_recent = [name for name in world.names("Recent") if len(name) == 8]
    assert set(in_recent) <= set(goods(world)), "something that is not complete is in Recent"


def all_is_right(world: World) -> None:
    """After the next run."""
    assert "Lock" not in world.root()
    told = world.run("query")
    assert told["unfinished"] == []
    assert told["lock"] is None
    assert world.run("rebuilt")["changed"] is False, "BACKUP.LOG was not what the sets are"
    world.backup(owner=OTHER)
    world.run("pruned", owner=OTHER, **NUMBERS)
    assert sorted(world.root()) == ["Archive", "BACKUP.LOG", "Failed", "Recent"]
    assert [name for folder in ("Failed", "Recent", "Archive") for name in world.names(folder) if len(name) != 8] == []
    assert (len(world.names("Recent")), len(world.names("Archive"))) == (2, 1)


def moments(prepare: t.Callable[[World], None], step: Step) -> range:
    """The numbers of all changes that the step makes, and one beyond."""
    world = a_vault_with_a_past()
    prepare(world)
    with Fault(world, 10**6, Killed) as fault:
        step(world)
    return range(10**6 - fault.left + 1)


def struck(prepare: t.Callable[[World], None], step: Step, moment: int, fault: t.Callable[[], BaseException]) -> tuple[World, str]:
    """The vault after the fault at that moment of the step, and the newest set that was good before."""
    world = a_vault_with_a_past()
    prepare(world)
    newest = max(goods(world))
    with Fault(world, moment, fault) as active:
        try:
            step(world)
            assert not active.struck or fault is lost
        except (Killed, LockstepError):
            assert active.struck
    return world, newest


@pytest.mark.parametrize(("prepare", "step"), STEPS)
@pytest.mark.parametrize("recovery", ["failed", "opened", "pruned", "rebuilt"])
def test_after_a_kill_at_any_moment_the_promises_hold_and_the_next_run_sets_things_right(
    prepare: t.Callable[[World], None], step: Step, recovery: str
) -> None:
    assert len(moments(prepare, step)) > 4
    for moment in moments(prepare, step):
        world, newest = struck(prepare, step, moment, Killed)
        promises_hold(world, newest)
        if recovery == "opened":
            on_host(world, "opened", system="x")
            world.run("failed", owner=OTHER)
        else:
            on_host(world, recovery, **(NUMBERS if recovery == "pruned" else {}))
        promises_hold(world, newest)
        all_is_right(world)


@pytest.mark.parametrize(("prepare", "step"), STEPS)
def test_after_a_lost_connection_at_any_moment_the_same_run_can_mark_its_set_as_failed(
    prepare: t.Callable[[World], None], step: Step
) -> None:
    for moment in moments(prepare, step):
        world, newest = struck(prepare, step, moment, lost)
        promises_hold(world, newest)
        world.run("failed")
        promises_hold(world, newest)
        all_is_right(world)


def test_after_a_lost_connection_at_any_moment_of_a_commit_the_same_run_can_commit_again() -> None:
    for moment in moments(with_an_open_set, commit_set):
        world, _newest = struck(with_an_open_set, commit_set, moment, lost)
        new = max(world.run("query")["catalogue"], key=lambda entry: entry["set"])["set"]
        world.committed(new)
        assert world.status()[new] == "good"
        assert world.text("Recent", new, "HB.LOG").count("SET_COMMITTED") == 1
        # What is left when the connection went while the lock was given back is no lock, and is removed by pruning.
        all_is_right(world)


def test_a_run_that_takes_over_may_be_killed_at_any_moment_too() -> None:
    for first in moments(with_an_open_set, commit_set):
        second = 0
        while True:
            world, newest = struck(with_an_open_set, commit_set, first, Killed)
            with Fault(world, second, Killed) as fault:
                try:
                    on_host(world, "failed")
                except Killed:
                    assert fault.struck
            promises_hold(world, newest)
            third = OWNER.run_id if fault.struck else None
            finish(world, third)
            promises_hold(world, newest)
            all_is_right(world)
            if not fault.struck:
                break
            second += 1


def finish(world: World, dead: str | None) -> None:
    """A third run: both others are over."""
    for over in (dead, OTHER.run_id):
        try:
            world.run("failed", owner=t.cast(t.Any, THIRD), dead_run=over)
            return
        except LockstepError as error:
            if error.slug != "run_in_progress":
                raise
    raise AssertionError("no run could take over")


THIRD = type(OWNER)("run3", "control3", "boot3", 4713, "300", "third")


@pytest.mark.parametrize(("prepare", "step"), STEPS)
def test_a_killed_runs_lock_is_respected_by_runs_that_cannot_prove_its_end(prepare: t.Callable[[World], None], step: Step) -> None:
    refused = 0
    for moment in moments(prepare, step):
        world, _newest = struck(prepare, step, moment, Killed)
        if "Lock" in world.root():
            before = world.everything()
            assert world.slug_of("opened", owner=OTHER, system="x") == "run_in_progress"
            assert world.everything() == before
            refused += 1
    assert refused > 2
