# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""tape_rotate with Linux' own drivers st and sg and the real mtx. Runs inside the machine of ``tests.uml.machine`` only.

The library is tgt's, which is not a drive in all things: the end of the data has to be told from the buffer's old content,
and it does not eject a tape by itself (the changer takes it all the same).
"""

from __future__ import annotations

import fcntl
import json
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import time
import typing as t

import pytest

from ansible_collections.lockstep.backup.plugins.module_utils.host.posix import PosixHost
from ansible_collections.lockstep.backup.plugins.module_utils.tape import changer, drive, scsi
from ansible_collections.lockstep.backup.plugins.module_utils.tape.drive import Step
from tests.uml.library import CAPACITY, CLEANING, DRIVE, EMPTY_DRIVE, FIRST, LONGEST_CALL, SECOND, THIRD, Library, program


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return tmp_path_factory.mktemp("pristine")


@pytest.fixture
def library(tmp_path: pathlib.Path, pristine: pathlib.Path) -> Library:
    return Library(tmp_path, pristine)


def labelled(library: Library, *tapes: str) -> None:
    for tape in tapes:
        library.done("labelled", tape=tape)


def write(library: Library, set_id: str, *parts: pathlib.Path, **options: t.Any) -> dict[str, t.Any]:
    return library.done("written", set_id=set_id, parts=[{"path": str(part)} for part in parts], **options)


def restore(library: Library, set_id: str, *parts: pathlib.Path) -> None:
    """Read the set, and compare it with what was written."""
    dest = library.folder / f"restored-{set_id}"
    shutil.rmtree(dest, ignore_errors=True)
    library.done("restored", set_id=set_id, dest=str(dest))
    for part in parts:
        assert (dest / part.name).read_bytes() == part.read_bytes()


def rewind() -> None:
    handle = os.open(DRIVE, os.O_RDONLY | os.O_NONBLOCK)
    fcntl.ioctl(handle, scsi.MTIOCTOP, struct.pack("hxxi", scsi.REW, 1))
    os.close(handle)


def first_block() -> bytes:
    """Of the tape in the drive, by dd."""
    rewind()
    return subprocess.run(["dd", f"if={DRIVE}", "bs=1M", "count=1", "status=none"], check=True, capture_output=True).stdout


def overwrite_with_tar(library: Library) -> bytes:
    """Somebody's archive is on the tape in the drive; its first block."""
    somebodys = library.part("payroll.txt", 5000)
    rewind()
    program("tar", "--create", f"--file={DRIVE}", f"--directory={library.folder}", somebodys.name)
    return first_block()


def test_mtx_names_the_slots_and_their_barcodes(library: Library) -> None:
    def ejected() -> None:
        return None

    found = changer.MtxChanger(PosixHost(), library.changer, 0, "mtx", LONGEST_CALL, ejected)
    slots = {1: FIRST, 2: SECOND, 3: THIRD, 4: CLEANING, 5: None, 6: None, 7: None, 8: None}
    assert found.inventory() == {"drive": None, "slots": slots}
    found.load(2)
    assert found.inventory() == {"drive": SECOND, "slots": {**slots, 2: None}}
    # To an import/export element and back: they are slots like the others.
    found.unload(7)
    assert found.inventory() == {"drive": None, "slots": {**slots, 2: None, 7: SECOND}}
    found.load(7)
    found.unload(2)
    assert found.inventory() == {"drive": None, "slots": slots}


def test_an_empty_drive_is_told_at_once_and_not_waited_for(library: Library) -> None:
    empty = {"kind": "scsi", "path": EMPTY_DRIVE}
    began = time.monotonic()
    assert not scsi.ScsiDrive(EMPTY_DRIVE).status().loaded
    library.refused("drive_empty", "labelled", changer=False, device=empty)
    library.refused("drive_empty", "imported", changer=False, device=empty)
    assert library.done("query", changer=False, device=empty)["drive"]["loaded"] is False
    # The driver itself would have waited for 120 s each time.
    assert time.monotonic() - began < LONGEST_CALL


def test_a_missing_and_a_busy_drive_are_told(library: Library) -> None:
    library.refused("drive_missing", "imported", changer=False, device={"kind": "scsi", "path": "/dev/nst9"})
    library.mtx("load", "1", "0")
    handle = os.open(DRIVE, os.O_RDONLY | os.O_NONBLOCK)
    try:
        library.refused("drive_busy", "imported", changer=False)
    finally:
        os.close(handle)


def test_a_process_of_its_own_reads_json_and_prints_json(library: Library) -> None:
    arguments = {
        "state": "query",
        "path": str(library.folder),
        "installation": "etravel",
        "device": {"kind": "scsi", "path": DRIVE},
    }
    module = "ansible_collections.lockstep.backup.plugins.modules.tape_rotate"
    told = subprocess.run(
        [sys.executable, "-m", module],
        input=json.dumps({"ANSIBLE_MODULE_ARGS": arguments}),
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(told.stdout)["drive"] == {
        "loaded": False,
        "write_protected": False,
        "needs_cleaning": False,
        "capacity": None,
        "remaining": None,
        "tape": None,
    }


def test_a_blank_tape_is_loaded_by_its_barcode_and_labelled(library: Library) -> None:
    library.mtx("load", "2", "0")
    assert library.done("query")["drive"]["tape"]["kind"] == "blank"
    result = library.done("labelled", tape="EXP001")
    assert [step["action"] for step in result["plan"]] == ["take_lock", "unload", "load", "label", "write", "release_lock"]
    assert result["found"]["kind"] == "blank"
    assert result["statistics"]["barcode"] == FIRST
    assert first_block()[:10] == b"VOL1EXP001"
    assert library.done("labelled", tape="EXP001")["changed"] is False


def test_check_mode_moves_no_tape(library: Library) -> None:
    labelled(library, "EXP001", "EXP002")
    before = library.mtx("status")
    part = library.part("export.dmp", 1000)
    result = library.done("written", set_id="set1", parts=[{"path": str(part)}], check_mode=True)
    assert [step["action"] for step in result["plan"] if step["action"] in ("unload", "load", "write_part")] == [
        "unload",
        "load",
        "write_part",
    ]
    assert library.mtx("status") == before


def test_a_set_goes_over_two_tapes_and_comes_back_also_from_the_tapes_alone(library: Library) -> None:
    labelled(library, "EXP001", "EXP002")
    parts = [library.part("export.dmp", CAPACITY + 700_000), library.part("manifest.json", 12_345)]
    written = write(library, "set1", *parts)
    assert [place["label"] for place in written["set"]["tapes"]] == ["EXP001", "EXP002"]
    assert written["set"]["state"] == "complete"
    assert write(library, "set1", *parts)["changed"] is False
    restore(library, "set1", *parts)
    told = library.done("query")
    # The catalogue is lost. What the tapes say of themselves is enough.
    (library.folder / "catalogue" / "tapes.json").unlink()
    library.refused("set_not_on_tape", "restored", set_id="set1", dest=str(library.folder / "nowhere"))
    imported = {tape["barcode"]: tape for tape in library.done("imported")["imported"]}
    assert {code: tape["kind"] for code, tape in imported.items()} == {FIRST: "ours", SECOND: "ours", THIRD: "blank"}
    again = library.done("query")
    for found in (told, again):
        for stored in found["sets"]:
            stored.pop("verified")
    assert again["sets"] == told["sets"]
    kept = ("label", "volume_id", "pool", "files", "used_bytes", "first_written", "last_written", "expires", "closed")
    assert [[tape[key] for key in kept] for tape in again["tapes"]] == [[tape[key] for key in kept] for tape in told["tapes"]]
    restore(library, "set1", *parts)


def test_sets_are_appended_and_each_is_read(library: Library) -> None:
    pool = {"name": "export", "tapes": 3, "retention_days": 7, "use_days": 4}
    library.done("labelled", tape="EXP001", pool=pool)
    parts = [library.part(f"export{number}.dmp", 300_000 + number) for number in range(3)]
    for number, part in enumerate(parts):
        how = write(library, f"set{number}", part, pool=pool)["choice"]["how"]
        assert how == ("append" if number else "overwrite")
    for number, part in enumerate(parts):
        restore(library, f"set{number}", part)
    # And nothing may take its place.
    assert "it is kept until" in library.refused("no_tape_free", "loaded", pool={**pool, "use_days": 0})["msg"]


def test_a_foreign_tape_is_refused_and_overwritten_by_its_name_only(library: Library) -> None:
    library.mtx("load", "1", "0")
    before = overwrite_with_tar(library)
    refusal = library.refused("tape_foreign", "labelled", tape="EXP001")
    assert refusal["found"]["format"] == "tar"
    library.refused("tape_foreign", "labelled", tape="EXP001", overwrite="EXP001")
    assert library.done("imported")["imported"][0]["imported"] is False
    library.mtx("load", "1", "0")
    assert first_block() == before
    library.done("labelled", tape="EXP001", overwrite=refusal["found"]["name"])
    assert first_block()[:10] == b"VOL1EXP001"


def test_a_tape_that_was_exchanged_for_a_foreign_one_is_not_written(library: Library) -> None:
    labelled(library, "EXP001")
    before = overwrite_with_tar(library)
    parts = [{"path": str(library.part("export.dmp", 1000))}]
    library.refused("tape_foreign", "written", set_id="set1", parts=parts)
    assert first_block() == before


def test_a_write_protected_tape_is_told_before_anything_is_written(library: Library) -> None:
    labelled(library, "EXP001")
    before = first_block()
    library.protect(True)
    assert library.done("query")["drive"]["write_protected"] is True
    parts = [{"path": str(library.part("export.dmp", 1000))}]
    library.refused("tape_write_protected", "loaded")
    library.refused("tape_write_protected", "written", set_id="set1", parts=parts)
    library.protect(False)
    assert first_block() == before


def test_a_barcode_that_disagrees_with_the_label_stops_everything(library: Library) -> None:
    labelled(library, "EXP001", "EXP002")
    library.done("ejected")
    library.mix_up(FIRST, SECOND)
    parts = [{"path": str(library.part("export.dmp", 1000))}]
    refusal = library.refused("tape_wrong", "written", set_id="set1", parts=parts)
    assert refusal["wanted"] == "EXP001"
    # The label is that of the tape which the barcode promises, and a blank one is not it either.
    library.done("ejected")
    library.mix_up(FIRST, THIRD)
    library.refused("tape_blank", "loaded", tape="EXP001")


def test_a_set_is_loaded_from_the_changer_for_restoring_and_a_tape_that_is_not_in_it_is_asked_for(library: Library) -> None:
    labelled(library, "EXP001", "EXP002")
    part = library.part("export.dmp", 500_000)
    assert write(library, "set1", part)["tape"] == "EXP001"
    assert library.done("loaded", tape="EXP002")["tape"] == "EXP002"
    restore(library, "set1", part)
    library.done("ejected")
    told = library.done("query")
    assert told["drive"]["loaded"] is False
    assert {tape["label"]: tape["location"] for tape in told["tapes"]}["EXP001"] == "slot 1"
    assert told["choice"]["tape"] == "EXP002"


def test_steps_beyond_the_data_end_and_do_not_invent_any(library: Library) -> None:
    labelled(library, "EXP001")
    tape = scsi.ScsiDrive(DRIVE)
    groups = tape.perform([Step(drive.REWIND), *[Step(drive.READ_GROUP)] * 4])
    assert [(outcome.end, len(outcome.blocks)) for outcome in groups[1:]] == [(drive.FILE_MARK, 3), (drive.END_OF_DATA, 0)]
