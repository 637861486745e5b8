# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""state: query and state: rebuilt."""

from __future__ import annotations

from tests.unit.vault.world import OTHER, OWNER, PART, World


def test_an_absent_vault_is_described_and_not_made(world: World) -> None:
    result = world.run("query")
    assert (result["exists"], result["catalogue"], result["newest"], result["lock"]) == (False, [], None, None)
    assert result["next_name"] == "26112101"
    assert result["clock"] == "2026-11-21T03:13:00+00:00"
    assert result["free_bytes"] > 0
    assert world.host.stat(world.path) is None


def test_the_catalogue_tells_the_state_of_each_set(world: World) -> None:
    good = world.backup()
    failed = world.failed_backup()
    damaged = world.backup()
    world.put(world.host.join(world.path, "Recent", damaged, "vault.zip"), b"")
    unfinished = world.opened()["set"]
    result = world.run("query", owner=OTHER)
    assert world.status() == {good: "good", failed: "failed", damaged: "damaged", unfinished: "unfinished"}
    assert result["good_sets"] == [result["newest"]["set_id"]]
    assert result["newest"]["set"] == good
    assert result["last_sizes"] == {"vault.zip": len(PART)}
    assert [entry["set"] for entry in result["damaged"]] == [damaged]
    assert result["damaged"][0]["problem"] == f"vault.zip has 0 bytes instead of {len(PART)}"
    assert result["unfinished"][0]["owner"]["run_id"] == OWNER.run_id
    assert result["lock"]["owner"]["run_id"] == OWNER.run_id
    assert result["next_name"] == "26112105"


def test_sets_ahead_of_the_clock_are_named(world: World) -> None:
    name = world.backup()
    world.next_day(-10)
    assert world.run("query")["future"] == [name]
    world.next_day(10)
    assert world.run("query")["future"] == []


def test_a_day_without_a_free_name_has_no_next_name(world: World) -> None:
    world.host.make_folder(world.host.join(world.path, "Recent", "26112199"))
    assert world.run("query")["next_name"] is None


def test_the_list_is_rebuilt_from_the_sets_alone(world: World) -> None:
    world.backup(trigger="On Demand")
    world.failed_backup()
    world.backup()
    text = world.text("BACKUP.LOG")
    world.host.remove(world.host.join(world.path, "BACKUP.LOG"))
    result = world.run("rebuilt")
    assert result["changed"] is True
    assert world.text("BACKUP.LOG") == text
    assert [entry["status"] for entry in result["catalogue"]] == ["good", "failed", "good"]
    assert world.run("rebuilt")["changed"] is False


def test_a_list_that_claims_too_much_is_put_right(world: World) -> None:
    name = world.backup()
    world.put(world.host.join(world.path, "Recent", name, "vault.zip"), b"x")
    line = world.text("BACKUP.LOG")
    world.put(world.host.join(world.path, "BACKUP.LOG"), (line + line.replace(name, "26112155")).encode())
    world.run("rebuilt")
    assert world.log() == [[name, "Failed", f"vault.zip has 1 bytes instead of {len(PART)}"]]


def test_rebuilding_waits_for_other_runs_and_for_ones_own_set(world: World) -> None:
    world.opened()
    assert world.slug_of("rebuilt") == "set_open"
    assert world.slug_of("rebuilt", owner=OTHER) == "run_in_progress"


def test_rebuilding_after_a_dead_run_marks_its_set(world: World) -> None:
    left = world.opened()["set"]
    result = world.run("rebuilt", owner=OTHER, dead_run=OWNER.run_id)
    assert result["recovered"] == [left]
    assert [entry["status"] for entry in result["catalogue"]] == ["failed"]
    assert [line[:2] for line in world.log()] == [[left, "Failed"]]


def test_a_list_that_another_program_has_spoilt_heals_with_the_next_failure_or_pruning(world: World) -> None:
    good = world.backup()
    world.put(world.host.join(world.path, "BACKUP.LOG"), b"\xff\xfe garbage")
    failed = world.failed_backup()
    assert [line[:2] for line in world.log()] == [[good, "Succeeded"], [failed, "Failed"]]
