# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""state: verified."""

from __future__ import annotations

import pytest

from tests.unit.vault.world import OTHER, World


def test_a_good_set_is_verified_without_a_lock_and_without_a_change(world: World) -> None:
    name = world.backup()
    result = world.run("verified", owner=OTHER, set=name)
    assert (result["changed"], result["set"], result["grade"]) == (False, name, "quiesced")
    assert result["manifest"]["set_id"] == result["set_id"]
    assert [step["action"] for step in result["plan"]] == ["verify"]


def test_a_part_that_changed_without_changing_its_size_is_named(world: World) -> None:
    name = world.backup()
    world.put(world.host.join(world.path, "Recent", name, "vault.zip"), b"the DATA of the vault")
    assert world.slug_of("verified", set=name) in ("part_hash", "part_damaged")


@pytest.mark.parametrize("wanted", ["26112199", "26112101"])
def test_what_is_not_there_or_not_good_cannot_be_verified(world: World, wanted: str) -> None:
    assert world.failed_backup() == "26112101"
    assert world.slug_of("verified", set=wanted) == {"26112199": "set_missing", "26112101": "set_not_good"}[wanted]


def test_a_set_with_another_id_is_not_the_one_that_was_meant(world: World) -> None:
    name = world.backup()
    assert world.slug_of("verified", set=name, set_id=f"berlin-{name}-00000000") == "set_mismatch"


def test_a_drill_is_dated_in_the_sets_own_log_and_leaves_the_set_good(world: World) -> None:
    name = world.backup()
    before = world.text("Recent", name, "HB.LOG")
    result = world.run("verified", set=name, drill="52 bytes unpacked")
    assert result["changed"] is True
    added = world.text("Recent", name, "HB.LOG")[len(before) :]
    assert added.strip() == "11/21/2026 03:13:00|l:DRILL_SUCCEEDED|52 bytes unpacked"
    assert world.status() == {name: "good"}
    assert world.run("query")["lock"] is None


def test_a_drill_waits_for_another_runs_lock(world: World) -> None:
    name = world.backup()
    world.opened(owner=OTHER)
    assert world.slug_of("verified", set=name, drill="x") == "run_in_progress"


def test_check_mode_shows_what_would_be_read_and_written(world: World) -> None:
    name = world.backup()
    result = world.run("verified", set=name, drill="x", check_mode=True)
    assert [step["action"] for step in result["plan"]] == ["verify", "take_lock", "write", "release_lock"]
    assert "DRILL" not in world.text("Recent", name, "HB.LOG")
