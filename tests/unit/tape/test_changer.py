# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The changer: mtx' output, and whole tasks with a changer in a folder and with a program that answers as mtx does."""

from __future__ import annotations

import json
import pathlib
import typing as t

import pytest

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.host.base import Completed
from ansible_collections.lockstep.backup.plugins.module_utils.tape import changer
from tests.unit.tape.kit import EXPORT, InMemory, Site
from tests.unit.tape.kit import site as make_site

# The ways in which mtx 1.3.12 prints drives and slots.
STATUS = """\
  Storage Changer /dev/changer:2 Drives, 8 Slots ( 2 Import/Export )
Data Transfer Element 0:Full (Storage Element 1 Loaded):VolumeTag = TST001L6                        \n\
Data Transfer Element 1:Empty
      Storage Element 1:Empty
      Storage Element 2:Full :VolumeTag=TST002L6                        \n\
      Storage Element 3:Full
      Storage Element 7 IMPORT/EXPORT:Empty:VolumeTag=
      Storage Element 8 IMPORT/EXPORT:Full :VolumeTag=CLN001L1
"""


def test_mtx_status_is_understood() -> None:
    slots = {1: None, 2: "TST002L6", 3: "", 7: None, 8: "CLN001L1"}
    assert changer.parse_status(STATUS, 0) == {"drive": "TST001L6", "slots": slots}
    assert changer.parse_status(STATUS, 1)["drive"] is None
    with pytest.raises(ValueError, match="no drive 5"):
        changer.parse_status(STATUS, 5)


def test_cleaning_tapes_are_told_by_their_barcode() -> None:
    assert changer.is_cleaning("CLN001L1")
    assert not changer.is_cleaning("EXP001L6")


def test_a_barcode_is_the_label_alone_or_with_the_type_of_the_medium() -> None:
    assert all(changer.carries(barcode, "EXP001") for barcode in ("EXP001", "EXP001L6", "EXP001LT"))
    assert not any(changer.carries(barcode, "E1") for barcode in ("", "E", "E10L6", "E100", "E1L", "E1L66", "XE1L6"))
    assert changer.slot_with({"slots": {1: "E10L6", 2: None, 3: "E1L6"}}, "E1") == 3


class Mtx:
    """A changer with one drive and four slots that answers as mtx does, around the drive in memory."""

    def __init__(self, equipment: InMemory) -> None:
        self.equipment = equipment
        self.slots: dict[int, str | None] = {1: None, 2: None, 3: None, 4: None}
        self.commands: list[list[str]] = []
        self.broken = False

    def run(self, argv: t.Sequence[str], stdin: str | None = None, timeout: float = 60.0) -> Completed:
        self.commands.append(list(argv[3:]))
        assert argv[:3] == ["mtx", "-f", "/dev/sg3"]
        if self.broken:
            said = "mtx: Request Sense: Sense Key=Illegal Request\nMOVE MEDIUM from Element Address 2 to 1001 Failed\n"
            return Completed(tuple(argv), 1, "", said)
        action, *numbers = argv[3:]
        if action == "status":
            inside = self.equipment.inside()
            lines = ["  Storage Changer /dev/sg3:1 Drives, 4 Slots ( 0 Import/Export )"]
            lines.append(
                f"Data Transfer Element 0:Full (Storage Element 1 Loaded):VolumeTag = {inside}  " if inside else self.empty
            )
            lines += [
                f"      Storage Element {slot}:{f'Full :VolumeTag={name}' if name else 'Empty'}"
                for slot, name in self.slots.items()
            ]
            return Completed(tuple(argv), 0, "\n".join(lines) + "\n", "")
        slot = int(numbers[0])
        if action == "load":
            self.equipment.insert(self.slots[slot])
            self.slots[slot] = None
        else:
            # The drive has ejected it to the arm by now.
            self.slots[slot] = self.ejected
        return Completed(tuple(argv), 0, "", "")

    empty = "Data Transfer Element 0:Empty"
    ejected: str | None = None


@pytest.fixture(params=["folder", "mtx"])
def library(request: pytest.FixtureRequest, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """Four slots, with the tapes EXP001L6, EXP002L6 and a cleaning tape."""
    site = make_site("folder" if request.param == "folder" else "scsi", tmp_path, monkeypatch)
    names = ["EXP001L6", "EXP002L6", "CLN001L1"]
    for name in names:
        site.equipment.make(name)
        if request.param == "folder":
            site.equipment.set(name, "barcode", name)
    if request.param == "folder":
        slots = {"1": names[0], "2": names[1], "3": names[2], "4": None}
        pathlib.Path(site.equipment.device["path"], "slots.json").write_text(json.dumps({"slots": slots}), encoding="utf-8")
        monkeypatch.setattr(site, "library", {"kind": "folder"}, raising=False)
    else:
        equipment = t.cast(InMemory, site.equipment)
        mtx = Mtx(equipment)
        mtx.slots.update({1: names[0], 2: names[1], 3: names[2]})

        def eject(handle: int, request: int, argument: bytes, plain: t.Any = equipment.st.ioctl) -> bytes:
            mtx.ejected = equipment.inside() or mtx.ejected
            return t.cast(bytes, plain(handle, request, argument))

        monkeypatch.setattr(equipment.st, "ioctl", eject)
        monkeypatch.setattr(site.host, "run", mtx.run)
        monkeypatch.setattr(site, "library", {"kind": "mtx", "path": "/dev/sg3"}, raising=False)
    return site


def run(site: Site, state: str, **params: t.Any) -> dict[str, t.Any]:
    return site.run(state, **{"changer": getattr(site, "library"), "pool": EXPORT, **params})  # noqa: B009 - added by the fixture


def test_tapes_are_labelled_by_their_barcodes_loaded_written_and_put_back(library: Site) -> None:
    for label in ("EXP001", "EXP002"):
        assert run(library, "labelled", tape=label)["tape"] == label
    for day, label in enumerate(("EXP001", "EXP002", "EXP001")):
        written = run(library, "written", set_id=f"set{day}", parts=[library.part("a.dmp", b"x" * 99)])
        assert written["tape"] == label
        library.later(days=3)
    out = run(library, "ejected")
    assert out["tape"] == "EXP001"
    assert library.catalogue().tapes["EXP001"].location.startswith("slot ")
    assert not run(library, "ejected")["changed"]


def test_all_tapes_but_cleaning_ones_are_imported(library: Site) -> None:
    for label in ("EXP001", "EXP002"):
        run(library, "labelled", tape=label)
    run(library, "ejected")
    pathlib.Path(library.path, "tapes.json").unlink()
    found = run(library, "imported")["imported"]
    assert sorted(entry["barcode"] for entry in found) == ["EXP001L6", "EXP002L6"]
    assert sorted(library.catalogue().tapes) == ["EXP001", "EXP002"]


def test_a_tape_whose_barcode_is_another_is_not_labelled_or_written(library: Site) -> None:
    run(library, "labelled", tape="EXP001")
    with pytest.raises(LockstepError) as caught:
        run(library, "labelled", tape="EXP777")
    assert caught.value.slug == "tape_mismatch"

    def change(data: dict[str, t.Any]) -> None:
        data["tapes"][0]["barcode"] = "EXP001L9"

    library.change_catalogue(change)
    with pytest.raises(LockstepError) as caught:
        run(library, "written", set_id="set1", parts=[library.part("a.dmp")])
    assert caught.value.slug == "tape_mismatch"


def test_a_tape_that_is_due_and_not_in_the_changer_is_passed_over_with_the_reason(library: Site) -> None:
    run(library, "labelled", tape="EXP001")

    def add(data: dict[str, t.Any]) -> None:
        data["tapes"].append({**data["tapes"][0], "label": "EXP000", "barcode": None})

    library.change_catalogue(add)
    choice = run(library, "loaded")["choice"]
    assert choice["tape"] == "EXP001"
    assert choice["passed_over"] == ({"tape": "EXP000", "why": "it is not in the changer"},)


def test_a_changer_that_fails_is_quoted(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = make_site("scsi", tmp_path, monkeypatch)
    mtx = Mtx(t.cast(InMemory, site.equipment))
    mtx.broken = True
    monkeypatch.setattr(site.host, "run", mtx.run)
    with pytest.raises(LockstepError, match="MOVE MEDIUM") as caught:
        site.run("ejected", changer={"kind": "mtx", "path": "/dev/sg3"})
    assert caught.value.slug == "changer_failed"


def test_a_tape_that_is_another_inside_than_its_barcode_says_is_not_read(library: Site) -> None:
    run(library, "labelled", tape="EXP001")
    run(library, "written", set_id="set1", parts=[library.part("a.dmp")])
    library.equipment.scribble("EXP001L6", [b"somebody else's"])
    with pytest.raises(LockstepError) as caught:
        run(library, "restored", set_id="set1", dest=str(library.folder / "restored"))
    assert caught.value.slug == "tape_foreign"
