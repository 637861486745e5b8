# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check mode shows the whole plan, to the last step, and changes nothing."""

from __future__ import annotations

import typing as t

import pytest

from tests.unit.vault.world import OTHER, OWNER, PART, Result, World

Prepare = t.Callable[[World], tuple[str, Result]]


def plain_open(world: World) -> tuple[str, Result]:
    world.backup()
    return "opened", {"system": "x"}


def first_open(world: World) -> tuple[str, Result]:
    return "opened", {"system": "x"}


def open_after_a_dead_run(world: World) -> tuple[str, Result]:
    world.opened()
    return "opened", {"system": "x", "owner": OTHER, "dead_run": OWNER.run_id}


def commit(world: World) -> tuple[str, Result]:
    opened = world.opened()
    world.put(world.host.join(opened["folder"], "vault.zip"), PART)
    return "committed", {"set": opened["set"], "grade": "hot", "parts": [{"path": "vault.zip", "kind": "zip"}]}


def commit_again(world: World) -> tuple[str, Result]:
    name = world.backup()
    return "committed", {"set": name, "grade": "hot", "parts": [{"path": "vault.zip", "kind": "zip"}]}


def fail(world: World) -> tuple[str, Result]:
    return "failed", {"set": world.opened()["set"], "error": "why"}


def fail_an_attempt(world: World) -> tuple[str, Result]:
    world.backup()
    return "failed", {"error": "why"}


def prune(world: World) -> tuple[str, Result]:
    for _day in range(4):
        world.failed_backup()
        world.backup()
        world.next_day()
    world.put(world.host.join(world.path, "Archive", "26110101.deleting", "x"), b"x")
    return "pruned", {"keep_recent": 2, "keep_archive": 1}


def prune_nothing(world: World) -> tuple[str, Result]:
    world.backup()
    return "pruned", {}


def rebuild(world: World) -> tuple[str, Result]:
    world.backup()
    world.host.remove(world.host.join(world.path, "BACKUP.LOG"))
    return "rebuilt", {}


CASES = [plain_open, first_open, open_after_a_dead_run, commit, commit_again, fail, fail_an_attempt, prune, prune_nothing, rebuild]


@pytest.mark.parametrize("prepare", CASES)
def test_check_mode_changes_nothing_and_shows_what_a_real_run_then_does(world: World, prepare: Prepare) -> None:
    state, options = prepare(world)
    before = world.everything()
    planned = world.run(state, check_mode=True, diff_mode=True, **options)
    assert world.everything() == before
    done = world.run(state, diff_mode=True, **options)
    assert planned["plan"] == done["plan"]
    assert planned["changed"] == done["changed"]
    assert planned.get("diff") == done.get("diff")
    assert (world.everything() != before) == done["changed"]


def test_the_plan_of_a_commit_names_every_step(world: World) -> None:
    state, options = commit(world)
    plan = world.run(state, check_mode=True, **options)["plan"]
    names = [(step["action"], world.host.basename(step["path"])) for step in plan]
    name = options["set"]
    assert names == [
        ("measure", name),
        ("verify", "vault.zip"),
        ("write", "manifest.json"),
        ("write", "RESTORE.txt"),
        ("write", "HB.LOG"),
        ("rename", name),
        ("write", "BACKUP.LOG"),
        ("release_lock", "Lock"),
    ]


@pytest.mark.parametrize("prepare", [fail, prune, prune_nothing, rebuild])
def test_a_plan_begins_with_taking_the_lock_and_ends_with_giving_it_back(world: World, prepare: Prepare) -> None:
    state, options = prepare(world)
    actions = [step["action"] for step in world.run(state, **options)["plan"]]
    assert (actions[0], actions[-1]) == ("take_lock", "release_lock")


def test_a_whole_run_in_check_mode_gets_to_its_end_though_its_set_is_not_there(world: World) -> None:
    world.backup()
    before = world.everything()
    opened = world.run("opened", check_mode=True, system="x")
    committed = world.run(
        "committed",
        check_mode=True,
        set=opened["set"],
        set_id=opened["set_id"],
        grade="hot",
        parts=[{"path": "a.zip", "kind": "zip"}],
    )
    failed = world.run("failed", check_mode=True, set=opened["set"], error="why")
    pruned = world.run("pruned", check_mode=True, set=opened["set"], keep_recent=1, keep_archive=0)
    assert opened["set"] == committed["set"] == "26112102"
    assert committed["set_id"] == opened["set_id"]
    assert [step["action"] for step in committed["plan"]][-3:] == ["rename", "write", "release_lock"]
    assert failed["changed"] is False
    assert pruned["deleted"] == ["26112101"]
    assert world.everything() == before


def test_check_mode_tells_of_another_runs_lock(world: World) -> None:
    world.opened()
    assert world.slug_of("opened", owner=OTHER, system="x", check_mode=True) == "run_in_progress"
    assert world.slug_of("pruned", owner=OTHER, check_mode=True) == "run_in_progress"
