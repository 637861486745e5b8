# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's tape drive: what Windows' functions answer, and what people and other programs do."""

from __future__ import annotations

import typing as t

import pytest

from tests.lab.windows import errors
from tests.lab.windows.errors import WinError
from tests.lab.windows.machine import Machine
from tests.lab.windows.tape import EARLY_WARNING, TapeDrive


@pytest.fixture
def drive(machine: Machine) -> TapeDrive:
    made = machine.add_tape_drive()
    made.new("one", capacity=200_000)
    made.insert("one")
    return made


def code_of(call: t.Callable[[], object]) -> int:
    with pytest.raises(WinError) as caught:
        call()
    return caught.value.code


def test_a_change_of_tapes_is_told_once_and_then_the_tape_is_at_its_beginning(drive: TapeDrive) -> None:
    handle = drive.open()
    assert code_of(handle.status) == errors.MEDIA_CHANGED
    handle.status()
    drive.eject()
    assert code_of(handle.status) == errors.MEDIA_CHANGED
    assert code_of(handle.status) == errors.NO_MEDIA_IN_DRIVE


def test_blocks_and_marks_are_read_as_they_were_written_also_by_the_next_process(drive: TapeDrive) -> None:
    handle = drive.open()
    handle.await_ready()
    for block in (b"a" * 100, b"b" * 50):
        assert handle.write(block) == (len(block), 0)
    handle.write_mark()
    handle.write(b"c")
    handle.close()
    again = TapeDrive(drive.folder, drive.faults).open()
    assert [again.read(1000), again.read(1000)] == [(b"a" * 100, 0), (b"b" * 50, 0)]
    assert code_of(lambda: again.read(1000)) == errors.FILEMARK_DETECTED
    assert again.read(1000)[0] == b"c"
    assert code_of(lambda: again.read(1000)) == errors.NO_DATA_DETECTED
    again.rewind()
    again.space_files(1)
    assert again.read(1000)[0] == b"c"
    assert code_of(lambda: again.space_files(1)) == errors.NO_DATA_DETECTED


def test_writing_ends_what_was_behind(drive: TapeDrive) -> None:
    drive.write_foreign([b"old"] * 5)
    drive.write_foreign([b"new"])
    drive.append_foreign([b"more"])
    assert drive.loaded is not None
    assert drive.loaded.records == [b"new", None, b"more", None]


def test_near_the_end_writes_are_done_and_warned_of_and_at_the_end_refused(drive: TapeDrive) -> None:
    handle = drive.open()
    handle.await_ready()
    block = b"x" * (200_000 - EARLY_WARNING)
    assert handle.write(block) == (len(block), 0)
    assert handle.media().remaining == EARLY_WARNING
    assert handle.write(b"x") == (1, errors.END_OF_MEDIA)
    assert handle.write(b"x" * EARLY_WARNING) == (0, errors.EOM_OVERFLOW)
    handle.close()
    assert code_of(lambda: drive.append_foreign([b"y" * EARLY_WARNING])) == errors.EOM_OVERFLOW


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("tape_empty", errors.NO_MEDIA_IN_DRIVE),
        ("tape_write_protected", errors.WRITE_PROTECT),
        ("tape_cleaning", errors.DEVICE_REQUIRES_CLEANING),
        ("tape_full", errors.EOM_OVERFLOW),
        ("tape_bad_block", errors.IO_DEVICE),
        ("tape_busy", errors.SHARING_VIOLATION),
    ],
)
def test_faults_keep_programs_from_writing(machine: Machine, drive: TapeDrive, fault: str, code: int) -> None:
    machine.faults.set(fault, 0 if fault == "tape_bad_block" else None)
    assert code_of(lambda: drive.write_foreign([b"x"])) == code
    machine.faults.clear(fault)
    drive.write_foreign([b"x"])


def test_another_tape_is_in_while_the_fault_lasts(machine: Machine, drive: TapeDrive) -> None:
    machine.faults.set("tape_wrong")
    assert drive.loaded is not None
    assert drive.loaded.name == "stranger"
    handle = drive.open()
    assert code_of(handle.status) == errors.MEDIA_CHANGED
    assert handle.read(1000)[0].startswith(b"TAPE")
    machine.faults.clear("tape_wrong")
    assert code_of(handle.status) == errors.MEDIA_CHANGED
    assert code_of(lambda: handle.read(1000)) == errors.NO_DATA_DETECTED


def test_a_jammed_drive_keeps_its_tape(machine: Machine, drive: TapeDrive) -> None:
    handle = drive.open()
    handle.await_ready()
    machine.faults.set("tape_jammed")
    assert code_of(handle.unload) == errors.UNABLE_TO_UNLOAD_MEDIA
    machine.faults.clear("tape_jammed")
    handle.unload()
    assert drive.loaded is None
    assert [tape.name for tape in drive.tapes()] == ["one"]
