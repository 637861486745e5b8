# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""state: committed."""

from __future__ import annotations

import pytest

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from tests.unit.vault.world import OTHER, PART, World, sha256

ZIP = {"path": "vault.zip", "kind": "zip"}


def opened_with_part(world: World, data: bytes = PART, path: str = "vault.zip") -> str:
    opened = world.opened()
    world.put(world.host.join(opened["folder"], *path.split("/")), data)
    return str(opened["set"])


def test_a_set_with_all_its_parts_moves_to_recent_and_the_lock_is_released(world: World) -> None:
    name = opened_with_part(world)
    result = world.committed(name)
    assert world.names("Recent") == [name]
    assert world.names("Failed") == []
    assert "Lock" not in world.root()
    assert result["parts"][0]["bytes"] == len(PART)
    assert result["parts"][0]["sha256"] == sha256(PART)
    assert result["commit_point"] is True
    assert world.manifest("Recent", name) == result["manifest"]
    assert world.status() == {name: "good"}


def test_the_manifest_holds_what_the_run_tells(world: World) -> None:
    name = opened_with_part(world, path="zips/vault.zip")
    outage = {"started": "2026-11-21T03:13:10+00:00", "ended": "2026-11-21T03:18:10+00:00", "seconds": 300.0}
    world.committed(
        name,
        grade="degraded",
        grade_reasons=["avbackup restarted W3SVC"],
        parts=[{"path": "zips\\vault.zip", "kind": "zip", "tool": "avbackup.exe", "tool_version": "5.0", "log": "x.log"}],
        units=[{"kind": "service", "name": "W3SVC"}],
        outage=outage,
        steps=[{"at": "2026-11-21T03:14:00+00:00", "step": "BACKUP_TOOL", "detail": "exit code 0"}],
        restore_steps=["Stop IIS."],
        details={"schema": "AESUSER313", "scn": 4711},
    )
    manifest = world.manifest("Recent", name)
    assert manifest["parts"][0]["path"] == "zips/vault.zip"
    assert manifest["outage"] == outage
    assert manifest["details"] == {"schema": "AESUSER313", "scn": 4711}
    assert manifest["grade_reasons"] == ["avbackup restarted W3SVC"]
    steps = [line.split("|")[1] for line in world.text("Recent", name, "HB.LOG").splitlines()]
    # PART_VERIFIED and SET_COMMITTED are of the moment of the task, which stands still at 03:13:00 here.
    assert steps == ["l:SET_OPENED", "l:PART_VERIFIED", "l:SET_COMMITTED", "l:OUTAGE_STARTED", "l:BACKUP_TOOL", "l:OUTAGE_ENDED"]
    assert "1. Stop IIS." in world.text("Recent", name, "RESTORE.txt")


def test_the_list_of_sets_gets_its_line(world: World) -> None:
    name = opened_with_part(world)
    result = world.run("committed", set=name, grade="hot", parts=[ZIP], diff_mode=True)
    line = f"{name}|Scheduled|11/21/2026 03:13:00|11/21/2026 03:13:00|Succeeded|N/A|||||ErrorInfo|\n"
    assert world.text("BACKUP.LOG") == line
    assert (result["diff"]["before"], result["diff"]["after"]) == ("", line)


def test_a_run_on_demand_names_its_user_in_the_list(world: World) -> None:
    world.backup(trigger="On Demand")
    assert "|N/A|backup||||ErrorInfo|" in world.text("BACKUP.LOG")


def test_committing_twice_is_one_commit(world: World) -> None:
    name = opened_with_part(world)
    first = world.committed(name)
    before = world.everything()
    second = world.committed(name)
    assert second["changed"] is False
    assert second["manifest"] == first["manifest"]
    assert world.everything() == before


@pytest.mark.parametrize(
    ("data", "part", "slug"),
    [
        (None, ZIP, "part_missing"),
        (b"", ZIP, "part_size"),
        (PART, {**ZIP, "bytes": len(PART) + 1}, "part_size"),
        (PART, {**ZIP, "sha256": "0" * 64}, "part_hash"),
        (PART, {**ZIP, "path": "other/vault.zip"}, "part_missing"),
        (b"truncated", ZIP, "part_damaged"),
    ],
)
def test_a_part_that_is_not_what_it_should_be_never_gets_to_recent(
    world: World, data: bytes | None, part: dict[str, object], slug: str
) -> None:
    opened = world.opened()
    file = world.host.join(opened["folder"], "vault.zip")
    if data is not None:
        world.put(file, data)
    if data == b"truncated" and hasattr(world.host, "zip_problems"):
        world.host.zip_problems[file] = "no end of the central directory"
    with pytest.raises(LockstepError) as caught:
        world.committed(opened["set"], parts=[part])
    assert caught.value.slug == slug
    assert caught.value.details["part"] == part["path"]
    assert world.names("Recent") == []
    assert world.manifest("Failed", opened["set"])["state"] == "open"
    assert "Lock" in world.root()


def test_what_is_missing_is_found_before_anything_is_read(world: World) -> None:
    name = opened_with_part(world)
    with pytest.raises(LockstepError) as caught:
        world.committed(name, parts=[ZIP, {"path": "missing.dmp", "kind": "file"}])
    assert caught.value.details["failed_action"]["action"] == "measure"


def test_expected_size_and_hash_that_fit_are_accepted(world: World) -> None:
    name = opened_with_part(world)
    assert world.committed(name, parts=[{**ZIP, "bytes": len(PART), "sha256": sha256(PART).upper()}])["changed"]


def test_after_a_bad_part_was_put_right_the_same_run_commits(world: World) -> None:
    name = opened_with_part(world, b"")
    assert world.slug_of("committed", set=name, grade="hot", parts=[ZIP]) == "part_size"
    world.put(world.host.join(world.path, "Failed", name, "vault.zip"), PART)
    world.committed(name)
    assert world.status() == {name: "good"}


def test_a_set_that_was_never_opened_is_not_committed(world: World) -> None:
    assert world.slug_of("committed", set="26112101", grade="hot", parts=[ZIP]) == "set_missing"


def test_a_failed_set_is_never_committed(world: World) -> None:
    name = world.failed_backup()
    assert world.slug_of("committed", set=name, grade="hot", parts=[ZIP]) == "set_failed"


def test_a_set_with_another_id_is_not_committed(world: World) -> None:
    name = opened_with_part(world)
    assert world.slug_of("committed", set=name, set_id="berlin-26112101-other", grade="hot", parts=[ZIP]) == "set_mismatch"
    assert world.slug_of("committed", set=name, installation="paris", grade="hot", parts=[ZIP]) == "set_mismatch"


def test_a_set_whose_manifest_is_not_understood_is_not_committed(world: World) -> None:
    name = opened_with_part(world)
    world.put(world.host.join(world.path, "Failed", name, "manifest.json"), b'{"schema_version": 2}')
    assert world.slug_of("committed", set=name, grade="hot", parts=[ZIP]) == "set_damaged"


def test_without_the_lock_nothing_is_committed(world: World) -> None:
    name = opened_with_part(world)
    world.host.remove(world.host.join(world.path, "Lock"))
    assert world.slug_of("committed", set=name, grade="hot", parts=[ZIP]) == "lock_lost"
    assert world.names("Recent") == []


def test_a_run_whose_lock_was_taken_over_cannot_commit_any_more(world: World) -> None:
    name = opened_with_part(world)
    world.opened(owner=OTHER, dead_run="run1")
    assert world.slug_of("committed", set=name, grade="hot", parts=[ZIP]) == "set_failed"


def test_another_runs_set_is_not_committed(world: World) -> None:
    name = opened_with_part(world)
    assert world.slug_of("committed", owner=OTHER, set=name, grade="hot", parts=[ZIP]) == "run_in_progress"


@pytest.mark.parametrize(
    "options",
    [
        {"grade": "degraded"},
        {"parts": []},
        {"parts": [{"path": "../x", "kind": "file"}]},
        {"outage": {"started": "yesterday", "ended": "today", "seconds": 1.0}},
        {"outage": {"started": "2026-11-21T03:13:00Z", "ended": "2026-11-21T03:13:00Z", "seconds": -1.0}},
        {"steps": [{"at": "soon", "step": "x"}]},
        {"details": {"when": float("nan")}},
    ],
)
def test_options_that_make_no_valid_manifest_are_refused_before_anything_is_read(world: World, options: dict[str, object]) -> None:
    name = opened_with_part(world)
    before = world.everything()
    assert world.slug_of("committed", **{"set": name, "grade": "hot", "parts": [ZIP], **options}) == "option_invalid"
    assert world.everything() == before


def test_texts_for_people_have_the_line_ends_of_their_platform(world: World) -> None:
    name = world.backup()
    windows = world.host.platform == "windows"
    for parts in (("BACKUP.LOG",), ("Recent", name, "HB.LOG"), ("Recent", name, "RESTORE.txt")):
        file = world.host.join(world.path, *parts)
        lines = world.text(*parts).count("\n")
        size = world.host.stat(file)
        assert size is not None
        assert size.size == len(world.text(*parts).encode()) + (lines if windows else 0)
