# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""state: failed."""

from __future__ import annotations

import pytest

from tests.unit.vault.world import OTHER, OWNER, World


def test_the_set_stays_under_failed_with_the_reason_and_the_lock_is_released(world: World) -> None:
    name = world.opened()["set"]
    result = world.run("failed", set=name, error="avbackup ended with exit code 5")
    assert result["sets"] == [name]
    assert world.names("Failed") == [name]
    manifest = world.manifest("Failed", name)
    assert (manifest["state"], manifest["error"]) == ("failed", "avbackup ended with exit code 5")
    assert "SET_FAILED|avbackup ended with exit code 5" in world.text("Failed", name, "HB.LOG")
    assert world.log() == [[name, "Failed", "avbackup ended with exit code 5"]]
    assert "Lock" not in world.root()


def test_failing_twice_changes_nothing_the_second_time_and_keeps_the_first_reason(world: World) -> None:
    name = world.opened()["set"]
    world.run("failed", set=name, error="first")
    before = world.everything()
    result = world.run("failed", set=name, error="second")
    assert (result["changed"], result["sets"]) == (False, [])
    assert world.everything() == before


def test_without_a_name_whatever_this_run_has_open_is_failed(world: World) -> None:
    name = world.opened()["set"]
    assert world.run("failed", error="interrupted")["sets"] == [name]
    assert world.manifest("Failed", name)["error"] == "interrupted"


def test_an_attempt_without_a_set_gets_a_line_without_a_number(world: World) -> None:
    world.backup()
    result = world.run("failed", error="the preflight failed", trigger="Scheduled")
    assert result["changed"] is True
    assert world.log() == [["26112101", "Succeeded", ""], ["261121**", "Failed", "the preflight failed"]]
    world.next_day()
    world.backup()
    assert [line[0] for line in world.log()] == ["26112101", "261121**", "26112201"]


def test_with_nothing_open_and_no_reason_nothing_changes(world: World) -> None:
    world.backup()
    before = world.everything()
    assert world.run("failed")["changed"] is False
    assert world.everything() == before


def test_a_run_that_is_over_leaves_no_open_set(world: World) -> None:
    name = world.opened()["set"]
    result = world.run("failed", owner=OTHER, dead_run=OWNER.run_id)
    assert result["sets"] == [name]
    assert world.manifest("Failed", name)["error"] == "run run1 ended before the set was complete"
    assert "Lock" not in world.root()


def test_another_runs_open_set_is_not_touched(world: World) -> None:
    name = world.opened()["set"]
    before = world.everything()
    assert world.slug_of("failed", owner=OTHER, set=name) == "run_in_progress"
    assert world.everything() == before


def test_a_set_that_does_not_exist_is_an_error_and_the_lock_is_given_back(world: World) -> None:
    world.opened()
    assert world.slug_of("failed", set="26112177") == "set_missing"
    assert "Lock" not in world.root()


@pytest.mark.parametrize("primary_sets", [None, [], ["berlin-x"]])
def test_what_is_good_at_the_commit_point_is_never_taken_back(world: World, primary_sets: list[str] | None) -> None:
    name = world.backup()
    before = world.everything()
    assert world.slug_of("failed", set=name, primary_sets=primary_sets) == "set_committed"
    assert world.everything() == before


def test_a_set_with_another_id_is_not_touched(world: World) -> None:
    name = world.opened()["set"]
    assert world.slug_of("failed", set=name, set_id="berlin-other") == "set_mismatch"
    assert world.manifest("Failed", name)["state"] == "open"


def test_a_damaged_manifest_is_left_for_a_person(world: World) -> None:
    name = world.opened()["set"]
    world.put(world.host.join(world.path, "Failed", name, "manifest.json"), b"{")
    assert world.slug_of("failed", set=name) == "set_damaged"
    assert world.text("Failed", name, "manifest.json") == "{"


def test_a_set_without_a_manifest_is_a_failed_one_already(world: World) -> None:
    world.host.make_folder(world.host.join(world.path, "Failed", "26112101"))
    result = world.run("failed", set="26112101", error="why")
    assert result["sets"] == []
    assert world.log() == [["26112101", "Failed", "it has no manifest.json: its run ended before it began"]]


def test_naming_a_set_does_not_hide_what_a_dead_run_has_left(world: World) -> None:
    old = world.failed_backup()
    left = world.opened()["set"]
    assert world.run("failed", owner=OTHER, dead_run=OWNER.run_id, set=old)["sets"] == [left]
    assert world.manifest("Failed", left)["state"] == "failed"


def test_the_list_never_claims_that_a_set_under_failed_succeeded(world: World) -> None:
    first = world.failed_backup()
    world.put(world.host.join(world.path, "BACKUP.LOG"), world.text("BACKUP.LOG").replace("|Failed|", "|Succeeded|").encode())
    second = world.failed_backup()
    assert [line[:2] for line in world.log()] == [[first, "Failed"], [second, "Failed"]]
