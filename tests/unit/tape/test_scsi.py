# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The st driver's calls: how it is opened, and what its answers mean."""

from __future__ import annotations

import os
import pathlib

import pytest

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.tape import drive
from ansible_collections.lockstep.backup.plugins.module_utils.tape.drive import Step
from ansible_collections.lockstep.backup.plugins.module_utils.tape.scsi import ScsiDrive
from tests.unit.tape.fake_st import FakeSt, Medium


def test_a_drive_is_never_opened_blocking_and_always_closed(tmp_path: pathlib.Path) -> None:
    st = FakeSt("/dev/nst0")
    tape = ScsiDrive("/dev/nst0", st)
    part = tmp_path / "part"
    part.write_bytes(b"x" * 5000)
    assert not tape.status().loaded
    tape.load()
    tape.unload()
    st.inserted = Medium()
    tape.perform([Step(drive.REWIND), Step(drive.WRITE_FILE, path=str(part), block_size=1024), Step(drive.WRITE_MARK)])
    outcomes = tape.perform([Step(drive.REWIND), Step(drive.READ_FILE)])
    assert (outcomes[-1].bytes, outcomes[-1].count) == (5000, 5)
    tape.unload()
    assert st.flags
    assert all(flags & os.O_NONBLOCK for flags in st.flags)
    assert st.handles == {}


def test_an_empty_drive_is_reported_at_once() -> None:
    tape = ScsiDrive("/dev/nst0", FakeSt("/dev/nst0"))
    with pytest.raises(LockstepError) as caught:
        tape.perform([Step(drive.REWIND)])
    assert caught.value.slug == "drive_empty"


def test_a_drive_that_is_used_or_missing_says_so() -> None:
    st = FakeSt("/dev/nst0")
    st.busy = True
    with pytest.raises(LockstepError) as caught:
        ScsiDrive("/dev/nst0", st).status()
    assert caught.value.slug == "drive_busy"
    with pytest.raises(LockstepError) as caught:
        ScsiDrive("/dev/nst7", st).status()
    assert caught.value.slug == "drive_missing"


def test_going_beyond_the_data_is_told_from_a_bad_tape() -> None:
    st = FakeSt("/dev/nst0")
    st.inserted = Medium([b"block", None])
    tape = ScsiDrive("/dev/nst0", st)
    assert tape.perform([Step(drive.REWIND), Step(drive.SPACE_FILES, 2)])[-1].end == drive.END_OF_DATA
    st.inserted.bad_block = 0
    assert tape.perform([Step(drive.REWIND), Step(drive.READ_GROUP)])[-1].end == drive.ERROR


@pytest.mark.parametrize(("items", "groups"), [([], 0), ([b"label", None], 1)])
def test_what_a_drive_without_a_length_leaves_in_the_buffer_is_no_data(items: list[bytes | None], groups: int) -> None:
    st = FakeSt("/dev/nst0")
    st.inserted = Medium(items, garbage=True)
    outcomes = ScsiDrive("/dev/nst0", st).perform([Step(drive.REWIND), *[Step(drive.READ_GROUP)] * 3])
    assert [(outcome.end, list(outcome.blocks)) for outcome in outcomes[1:]] == [
        *[(drive.FILE_MARK, [b"label"])] * groups,
        (drive.END_OF_DATA, []),
    ]


def test_one_refused_write_at_the_early_warning_does_not_keep_labels_away() -> None:
    st = FakeSt("/dev/nst0")
    st.inserted = Medium(capacity=100_000, early_warning=90_000)
    steps = [Step(drive.REWIND), Step(drive.WRITE_BLOCKS, blocks=(b"x" * 9000, b"label" * 300)), Step(drive.WRITE_MARK)]
    assert [outcome.end for outcome in ScsiDrive("/dev/nst0", st).perform(steps)] == [None, None, None]
