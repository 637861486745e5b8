# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drive and changer in a folder: each tape a folder with a capacity. Private to lockstep.backup: not a public interface.

It behaves as a real drive does, so that everything can be tried without one. Below the drive's folder: ``drive.json`` names the
tape that is in (a person changes tapes by writing another name into it); ``slots.json`` lists what a changer's slots hold;
``tapes/<name>/`` is one tape, with its capacity, barcode and write protection in ``tape.json``, and each tape file in a file of its
own, of blocks that are preceded by their length. A tape file whose name ends in ``.open`` has no file mark behind it.
"""

from __future__ import annotations

import json
import os
import struct
import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.host.posix_files import explained, replace
from ansible_collections.lockstep.backup.plugins.module_utils.tape.blocks import EndOfData, EndOfTape, LocalDrive, MediumError
from ansible_collections.lockstep.backup.plugins.module_utils.tape.drive import DriveStatus

RESERVE = 64 << 10
"""Bytes that remain for labels after the early warning, as real tapes have some."""
_LENGTH = struct.Struct(">I")


def read_json(path: str) -> dict[str, t.Any]:
    with explained("this host", path), open(path, encoding="utf-8") as source:
        try:
            content = json.load(source)
        except ValueError as error:
            raise LockstepError("drive_failed", f"{path} cannot be understood: {error}. Correct it.", path=path) from None
    return t.cast("dict[str, t.Any]", content)


def write_json(path: str, content: t.Mapping[str, t.Any]) -> None:
    with explained("this host", path):
        replace(path, (json.dumps(content, indent=1, sort_keys=True) + "\n").encode(), private=False)


class FolderDrive(LocalDrive):
    """The drive in ``folder``. Faults that ``tape.json`` may name, for trying what happens: ``jammed``, ``cleaning``, and
    ``bad_block``, the number of the first block of a tape file that cannot be read or written."""

    def __init__(self, folder: str) -> None:
        self.name = self.folder = folder
        if not os.path.isdir(os.path.join(folder, "tapes")):
            raise LockstepError(
                "drive_missing", f"There is no drive in {folder}: it needs a folder named tapes. Correct device.path."
            )

    def status(self) -> DriveStatus:
        name = self.loaded()
        if name is None:
            return DriveStatus(False)
        about = self.about(name)
        used = sum(os.path.getsize(path) for path in _files(self.tape(name)))
        return DriveStatus(
            True,
            write_protected=bool(about.get("write_protected")),
            needs_cleaning=bool(about.get("cleaning")),
            capacity=about["capacity"] - RESERVE,
            remaining=max(0, about["capacity"] - RESERVE - used),
        )

    def loaded(self) -> str | None:
        """The name of the tape that is in."""
        state = os.path.join(self.folder, "drive.json")
        name = read_json(state).get("tape") if os.path.exists(state) else None
        return name if name is not None and os.path.isdir(self.tape(name)) else None

    def tape(self, name: str) -> str:
        return os.path.join(self.folder, "tapes", name)

    def about(self, name: str) -> dict[str, t.Any]:
        return read_json(os.path.join(self.tape(name), "tape.json"))

    def load(self) -> None:
        """Nothing to do: whatever drive.json names is in."""

    def insert(self, name: str | None) -> None:
        write_json(os.path.join(self.folder, "drive.json"), {"tape": name})

    def unload(self) -> None:
        name = self.loaded()
        if name is not None:
            if self.about(name).get("jammed"):
                raise LockstepError("drive_jammed", f"The drive {self.name} does not give its tape back. Look at the drive.")
            self.insert(None)

    def open(self, writing: bool) -> FolderTape:
        name = t.cast(str, self.loaded())
        return FolderTape(self.tape(name), self.about(name))


def _files(tape: str) -> list[str]:
    return sorted(os.path.join(tape, name) for name in os.listdir(tape) if name.endswith((".file", ".open")))


class FolderTape:
    """A tape that is open. What is written at a place is the last thing on the tape from then on, as on a real one."""

    def __init__(self, path: str, about: t.Mapping[str, t.Any]) -> None:
        self.path, self.capacity = path, int(about["capacity"])
        self._bad_block = about.get("bad_block")
        self._paths = _files(path)
        self._index = 0
        self._block = 0
        self._handle: t.BinaryIO | None = None
        self._writing = False
        self._used = 0
        self._warned = False

    def rewind(self) -> None:
        self._end_writing()
        self._drop()
        self._paths, self._index, self._block = _files(self.path), 0, 0

    def space_files(self, count: int) -> None:
        self._drop()
        marks = sum(path.endswith(".file") for path in self._paths[self._index :])
        if marks < count:
            raise EndOfData
        self._index, self._block = self._index + count, 0

    def read(self) -> bytes | None:
        if self._index >= len(self._paths):
            raise EndOfData
        if self._handle is None:
            self._handle = open(self._paths[self._index], "rb")  # noqa: SIM115 - it stays open over calls
        head = self._handle.read(_LENGTH.size)
        if not head:
            marked = self._paths[self._index].endswith(".file")
            self._drop()
            self._index, self._block = self._index + 1, 0
            if not marked:
                raise EndOfData
            return None
        self._refuse_bad_block()
        self._block += 1
        return self._handle.read(_LENGTH.unpack(head)[0])

    def write(self, block: bytes) -> None:
        self._begin_writing()
        limit = self.capacity - (0 if self._warned else RESERVE)
        if self._used + _LENGTH.size + len(block) > limit:
            self._warned = True
            raise EndOfTape
        self._refuse_bad_block()
        handle = t.cast(t.BinaryIO, self._handle)
        with explained("this host", self.path):
            handle.write(_LENGTH.pack(len(block)))
            handle.write(block)
        self._used += _LENGTH.size + len(block)
        self._block += 1

    def write_mark(self) -> None:
        self._begin_writing()
        self._drop()
        path = self._paths[self._index]
        os.rename(path, path[: -len("open")] + "file")
        self._writing = False
        self._index, self._block = self._index + 1, 0
        self._paths = _files(self.path)

    def close(self) -> None:
        self._end_writing()
        self._drop()

    def _begin_writing(self) -> None:
        if self._writing:
            return
        # Whoever writes in the middle of a tape file keeps what is before; here writing always begins behind a mark.
        self._drop()
        for path in self._paths[self._index :]:
            os.unlink(path)
        self._used = sum(os.path.getsize(path) for path in self._paths[: self._index])
        path = os.path.join(self.path, f"{self._index:06d}.open")
        self._handle = open(path, "wb")  # noqa: SIM115 - it stays open over calls
        self._paths = [*self._paths[: self._index], path]
        self._writing, self._block = True, 0

    def _end_writing(self) -> None:
        """A driver leaves a file mark behind what was written last."""
        if self._writing:
            self.write_mark()

    def _refuse_bad_block(self) -> None:
        if self._bad_block is not None and self._block >= self._bad_block:
            raise MediumError(f"block {self._block} of tape file {self._index} cannot be read or written")

    def _drop(self) -> None:
        if self._handle is not None:
            if self._writing:
                self._handle.flush()
                os.fsync(self._handle.fileno())
            self._handle.close()
            self._handle = None


class FolderChanger:
    """The changer beside a ``FolderDrive``: ``slots.json`` holds {"slots": {"1": name or null}}."""

    def __init__(self, drive: FolderDrive) -> None:
        self.drive = drive
        self.name = self._path = os.path.join(drive.folder, "slots.json")

    def inventory(self) -> dict[str, t.Any]:
        """{"drive": barcode or "" for a full drive without one, None when empty; "slots": {number: the same}}."""
        loaded = self.drive.loaded()
        slots = read_json(self._path)["slots"]
        return {
            "drive": None if loaded is None else self._barcode(loaded),
            "slots": {int(number): None if name is None else self._barcode(name) for number, name in slots.items()},
        }

    def load(self, slot: int) -> None:
        state = read_json(self._path)
        name = state["slots"][str(slot)]
        self.drive.insert(name)
        state["slots"][str(slot)] = None
        write_json(self._path, state)

    def unload(self, slot: int) -> None:
        name = self.drive.loaded()
        self.drive.unload()
        state = read_json(self._path)
        state["slots"][str(slot)] = name
        write_json(self._path, state)

    def _barcode(self, name: str) -> str:
        return str(self.drive.about(name).get("barcode") or "")
