# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies are complete and compared or not there; a disk that is missing or full is told and does not stop the others."""

from __future__ import annotations

import hashlib
import json
import typing as t

import pytest

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.host import base
from tests.unit.copies.disks import DISKS, SET, SET_ID, SOURCE, DiskHost, failure, present, states
from tests.unit.fake_host import OTHER, OWNER
from tests.unit.quiesce.kit import KilledError

COPY = "D:\\Copies\\26112101\\etravel.dmp"
DIGEST = hashlib.sha256(b"dump" * 1000).hexdigest()


def test_every_disk_gets_a_copy_with_a_record_of_what_it_is() -> None:
    host = DiskHost()
    result = present(host)
    assert (result["changed"], result["good"], result["errors"], states(result)) == (True, 2, [], ["copied", "copied"])
    assert result["files"] == [{"name": "etravel.dmp", "bytes": 4000, "sha256": DIGEST}]
    for disk in DISKS:
        assert host.files[f"{disk}\\26112101\\etravel.dmp"] == host.files[SOURCE]
        record = json.loads(host.files[f"{disk}\\26112101\\copy.json"])
        assert (record["set"], record["set_id"], record["files"]) == (SET, SET_ID, result["files"])
        assert host.sets(disk) == [SET]
        assert {host.basename(entry.path) for entry in host.list_folder(f"{disk}\\26112101")} == {"copy.json", "etravel.dmp"}


def test_a_copy_that_is_there_is_not_made_again() -> None:
    host = DiskHost()
    present(host)
    host.events.clear()
    again = present(host)
    assert (again["changed"], states(again), again["plan"]) == (False, ["present", "present"], [])
    assert present(host, files=[{"path": SOURCE, "sha256": DIGEST.upper()}])["changed"] is False
    assert not [event for event in host.events if event.startswith("copy")]


def test_check_mode_shows_every_step_and_changes_nothing_also_before_the_file_is_made() -> None:
    host = DiskHost()
    del host.files[SOURCE]
    host.folders.remove("D:\\Copies")
    before = (dict(host.files), set(host.folders))
    result = present(host, check_mode=True)
    assert [step["step"] for step in result["plan"]] == ["make_folder", *["copy", "compare", "complete"] * 2]
    assert (result["changed"], before) == (True, (host.files, host.folders))


def test_a_missing_disk_is_an_error_and_the_other_one_gets_its_copy() -> None:
    host = DiskHost()
    host.take_out("D:")
    result = present(host)
    assert (result["good"], states(result)) == (1, ["failed", "copied"])
    assert result["copies"][0]["error_code"] == "path_missing"
    assert result["errors"] == ["D:\\Copies: etravel1: D: does not exist."]
    assert any(event.startswith("warning") and "D:" in event for event in host.events)


def test_on_a_drive_that_is_there_the_folder_is_made_and_elsewhere_it_must_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    host = DiskHost()
    host.folders.remove("D:\\Copies")
    monkeypatch.setattr(host, "platform", base.POSIX)
    assert states(present(host)) == ["failed", "copied"]
    monkeypatch.setattr(host, "platform", base.WINDOWS)
    assert states(present(host)) == ["copied", "present"]


def test_fewer_good_copies_than_wanted_fail_with_all_that_is_known() -> None:
    host = DiskHost()
    host.take_out("D:")
    error = failure(present, host, minimum=2)
    assert error.slug == "copies_too_few"
    assert (error.details["good"], states(error.details), error.details["changed"]) == (1, ["failed", "copied"], True)
    assert "D: does not exist" in error.message
    host.take_out("E:")
    assert failure(present, host).details["good"] == 0


def test_a_disk_that_is_too_full_is_not_begun() -> None:
    host = DiskHost()
    host.drives["D:"] = 3999
    result = present(host)
    assert (states(result), result["copies"][0]["error_code"]) == (["failed", "copied"], "no_space")
    assert host.sets("D:\\Copies") == []


def test_a_disk_that_fills_up_on_the_way_keeps_no_half_copy() -> None:
    host = DiskHost()

    def fill(operation: str, path: str) -> None:
        if operation == "copy" and path.startswith("D:"):
            host.files[path] = b"du"
            raise LockstepError("no_space", "full")

    host.before_write = fill
    result = present(host)
    assert (states(result), result["copies"][0]["error_code"]) == (["failed", "copied"], "no_space")
    assert host.sets("D:\\Copies") == []


def test_a_disk_that_does_not_read_back_what_was_written_has_no_copy() -> None:
    host = DiskHost()
    host.spoil["D:\\Copies\\26112101.partial\\etravel.dmp"] = b"dumq" * 1000
    result = present(host)
    assert (states(result), result["copies"][0]["error_code"]) == (["failed", "copied"], "copy_damaged")
    assert host.sets("D:\\Copies") == []


def test_a_source_that_has_changed_fails_the_task_and_leaves_no_copy() -> None:
    host = DiskHost()
    error = failure(present, host, files=[{"path": SOURCE, "sha256": "0" * 64}])
    assert error.slug == "checksum_mismatch"
    assert [host.sets(disk) for disk in DISKS] == [[], []]


def test_a_source_that_is_missing_fails_before_anything_is_done() -> None:
    host = DiskHost()
    del host.files[SOURCE]
    assert failure(present, host).slug == "path_missing"
    assert [host.sets(disk) for disk in DISKS] == [[], []]


@pytest.mark.parametrize("how", ["other id", "other hash", "other files"])
def test_a_copy_of_another_set_of_that_name_is_never_replaced_or_taken_for_this_one(how: str) -> None:
    host = DiskHost()
    host.have("D:\\Copies", SET, "etravel-other" if how == "other id" else SET_ID, host.files[SOURCE])
    if how == "other files":
        host.files["C:\\Backups\\more.dmp"] = b"more"
    files = {
        "other id": [{"path": SOURCE}],
        "other hash": [{"path": SOURCE, "sha256": "1" * 64}],
        "other files": [{"path": SOURCE}, {"path": "C:\\Backups\\more.dmp"}],
    }[how]
    result = present(host, folders=["D:\\Copies", "E:\\Copies"], files=files) if how != "other hash" else None
    codes = [copy["error_code"] for copy in result["copies"]] if result else [failure_code(host, files)]
    assert codes[0] == "set_mismatch"
    assert host.files[COPY] == host.files[SOURCE]


def failure_code(host: DiskHost, files: list[dict[str, str]]) -> str:
    error = failure(present, host, folders=["D:\\Copies"], files=files)
    return t.cast(str, error.details["copies"][0]["error_code"])


@pytest.mark.parametrize("damage", ["no record", "bad record", "short file", "no file", "other set", "future schema"])
def test_a_copy_that_is_not_what_its_record_says_is_damaged_and_left_alone(damage: str) -> None:
    host = DiskHost()
    host.have("D:\\Copies", SET, SET_ID, host.files[SOURCE])
    record = "D:\\Copies\\26112101\\copy.json"
    if damage in ("short file", "no file"):
        host.files[COPY] = b"du"
        if damage == "no file":
            del host.files[COPY]
    elif damage == "no record":
        del host.files[record]
    else:
        data = json.loads(host.files[record])
        data.update({"other set": {"set": "26112001"}, "future schema": {"schema": 2}}.get(damage, {"files": 7}))
        host.files[record] = json.dumps(data).encode()
    before = dict(host.files)
    result = present(host)
    assert (states(result), result["copies"][0]["error_code"]) == (["failed", "copied"], "set_damaged")
    assert {path: data for path, data in host.files.items() if path.startswith("D:")} == {
        path: data for path, data in before.items() if path.startswith("D:")
    }


def test_two_folders_on_one_drive_give_a_warning() -> None:
    host = DiskHost()
    present(host, folders=["D:\\Copies", "D:\\More"])
    assert any("on one drive" in event for event in host.events)


@pytest.mark.parametrize(
    ("options", "slug"),
    [
        ({"folders": []}, "option_invalid"),
        ({"folders": ["D:\\Copies", "d:\\copies\\"]}, "option_invalid"),
        ({"folders": ["Copies"]}, "path_not_absolute"),
        ({"files": []}, "option_invalid"),
        ({"files": [{"path": "dump"}]}, "path_not_absolute"),
        ({"files": [{"path": SOURCE}, {"path": "D:\\ETRAVEL.dmp"}]}, "option_invalid"),
        ({"files": [{"path": SOURCE, "sha256": "12"}]}, "option_invalid"),
        ({"set": "etravel"}, "option_invalid"),
        ({"minimum": 3}, "option_invalid"),
        ({"minimum": 0}, "option_invalid"),
        ({"keep": 0}, "option_invalid"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(options: dict[str, t.Any], slug: str) -> None:
    host = DiskHost()
    assert failure(present, host, **options).slug == slug


# what was cut short


def kill_at(host: DiskHost, number: int) -> bool:
    """Whether the run was killed before its ``number``-th change."""
    changes = 0

    def count(operation: str, path: str) -> None:
        nonlocal changes
        changes += 1
        if changes == number:
            raise KilledError

    host.before_write = count
    try:
        present(host)
    except KilledError:
        return True
    finally:
        host.before_write = lambda operation, path: None
    return False


def test_a_run_that_is_killed_anywhere_leaves_nothing_that_looks_like_a_copy_and_the_next_one_completes_it() -> None:
    number = 1
    while True:
        host = DiskHost()
        killed = kill_at(host, number)
        for disk in DISKS:
            if host.stat(f"{disk}\\{SET}"):
                assert host.files[f"{disk}\\{SET}\\etravel.dmp"] == host.files[SOURCE]
                assert f"{disk}\\{SET}\\copy.json" in host.files
        result = present(host)
        assert result["good"] == 2
        assert [host.sets(disk) for disk in DISKS] == [[SET], [SET]]
        if not killed:
            assert number > 10
            return
        number += 1


def unfinished(host: DiskHost, owner: object) -> str:
    path = "D:\\Copies\\26112001.partial"
    host.make_folder(path)
    host.files[f"{path}\\owner.json"] = json.dumps({"owner": owner, "since": "2026-11-20T03:13:00+00:00"}).encode()
    return path


def test_an_unfinished_copy_of_a_run_that_may_be_alive_is_left_alone_until_it_is_known_to_be_over() -> None:
    host = DiskHost()
    path = unfinished(host, OTHER.as_dict())
    error = failure(present, host)
    assert (error.slug, error.details["owner"]["run_id"]) == ("run_in_progress", OTHER.run_id)
    assert path in host.folders
    assert present(host, dead_run=OTHER.run_id)["good"] == 2
    assert path not in host.folders


@pytest.mark.parametrize("owner", [OWNER.as_dict(), None, {}])
def test_what_this_run_or_nobody_left_is_removed(owner: object) -> None:
    host = DiskHost()
    path = unfinished(host, owner)
    present(host)
    assert path not in host.folders


def test_a_lost_connection_ends_the_task_and_is_no_missing_disk() -> None:
    host = DiskHost()

    def lose(operation: str, path: str) -> None:
        if operation == "copy":
            raise LockstepError("connection_lost", "gone")

    host.before_write = lose
    assert failure(present, host).slug == "connection_lost"
