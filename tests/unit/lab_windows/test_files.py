# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file tree of the simulated machine."""

from __future__ import annotations

import pytest

from tests.lab.windows import errors
from tests.lab.windows.errors import WinError
from tests.lab.windows.machine import Machine
from tests.unit.lab_windows.conftest import Runner


def test_names_are_found_without_regard_to_case_and_keep_theirs(machine: Machine) -> None:
    machine.files.make_folder(r"C:\Some Folder")
    machine.files.write(r"c:\SOME FOLDER\Name.TXT", b"x")
    assert machine.files.names(r"C:\some folder") == ["Name.TXT"]
    machine.files.rename(r"C:\some folder\name.txt", r"C:\some folder\NAME.txt")
    assert machine.files.names(r"C:\some folder") == ["NAME.txt"]


@pytest.mark.parametrize(
    ("path", "code"),
    [
        (r"C:\missing\x", errors.PATH_NOT_FOUND),
        (r"C:\a?b", errors.INVALID_NAME),
        (r"\\server\share\x", errors.BAD_NETWORK_PATH),
        (r"Z:\x", errors.PATH_NOT_FOUND),
        (r"D:\x", errors.PATH_NOT_FOUND),
        (r"C:\Windows", errors.ACCESS_DENIED),
    ],
)
def test_writing_where_it_cannot_be_done_gives_windows_error(machine: Machine, path: str, code: int) -> None:
    with pytest.raises(WinError) as caught:
        machine.files.write(path, b"")
    assert caught.value.code == code


def test_space_is_taken_and_given_back(machine: Machine) -> None:
    disk = machine.files.disks["C:"]
    before = disk.free
    assert before is not None
    machine.files.write(r"C:\x", b"12345")
    assert disk.free == before - 5
    machine.files.write(r"C:\x", b"123")
    assert disk.free == before - 3
    machine.files.remove_file(r"C:\x")
    assert disk.free == before


def test_a_disk_without_space_takes_no_byte(machine: Machine) -> None:
    machine.files.disks["C:"].free = 3
    with pytest.raises(WinError) as caught:
        machine.files.write(r"C:\x", b"1234")
    assert caught.value.code == errors.DISK_FULL
    assert machine.files.size(r"C:\x") == 0


def test_the_fault_of_a_full_disk_can_come_after_some_bytes(machine: Machine) -> None:
    machine.faults.set("disk_full_after", 5)
    machine.files.write(r"C:\x", b"1234")
    with pytest.raises(WinError):
        machine.files.write(r"C:\y", b"12")
    machine.faults.clear("disk_full_after")
    machine.faults.set("disk_full")
    with pytest.raises(WinError):
        machine.files.write(r"C:\z", b"1")
    machine.faults.clear()
    machine.files.write(r"C:\z", b"1")


def test_what_is_open_can_be_read_but_neither_renamed_nor_deleted(machine: Machine) -> None:
    machine.files.make_folder(r"C:\f")
    with machine.files.open(r"C:\f\x") as target:
        target.write(b"abc")
        assert machine.files.read(r"C:\f\x") == b"abc"
        for refused in (
            lambda: machine.files.rename(r"C:\f", r"C:\g"),
            lambda: machine.files.remove_file(r"C:\f\x"),
            lambda: machine.files.remove_folder(r"C:\f", recursive=True),
            lambda: machine.files.write(r"C:\f\x", b""),
        ):
            with pytest.raises(WinError) as caught:
                refused()
            assert caught.value.code == errors.SHARING_VIOLATION
    machine.files.rename(r"C:\f", r"C:\g")
    assert machine.files.read(r"C:\g\x") == b"abc"


def test_renaming_never_replaces_unless_told(machine: Machine) -> None:
    machine.files.write(r"C:\a", b"a")
    machine.files.write(r"C:\b", b"b")
    with pytest.raises(WinError) as caught:
        machine.files.rename(r"C:\a", r"C:\b")
    assert caught.value.code == errors.ALREADY_EXISTS
    machine.files.rename(r"C:\a", r"C:\b", replace=True)
    assert machine.files.read(r"C:\b") == b"a"


def test_times_of_files_are_the_machines(machine: Machine) -> None:
    machine.clock.freeze()
    machine.clock.jump(-86400)
    machine.files.write(r"C:\x", b"")
    assert abs((machine.files.modified(r"C:\x") - machine.clock.now()).total_seconds()) < 0.001


def test_rights_are_recorded_and_follow_a_rename(run: Runner, machine: Machine) -> None:
    machine.files.make_folder(r"C:\f")
    machine.files.write(r"C:\f\x", b"")
    assert run(r"icacls.exe C:\f\x /inheritance:r /grant:r *S-1-5-18:F *S-1-5-32-544:(F)").code == 0
    machine.files.rename(r"C:\f", r"C:\g")
    assert machine.files.permissions == {r"c:\g\x": ["/inheritance:r", "/grant:r", "*S-1-5-18:F", "*S-1-5-32-544:(F)"]}
    assert run(r"icacls.exe C:\nothing /grant:r *S-1-5-18:F").code == 2
