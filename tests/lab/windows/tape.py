# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tape drive of a simulated machine, with what its Win32 functions answer, and the tapes that people put into it."""

from __future__ import annotations

import json
import pathlib
import struct
import threading
import typing as t

from tests.lab.windows import errors
from tests.lab.windows.errors import WinError
from tests.lab.windows.faults import Faults

DEVICE = r"\\.\Tape0"
MARK = -1
GENEROUS = 4 * 10**9
"""Bytes of a DDS-2 tape."""
EARLY_WARNING = 64 << 10
"""Bytes before the end from which on every write is answered with ERROR_END_OF_MEDIA, although it is done."""
STRANGER = "stranger"
_LENGTH = struct.Struct(">i")


def _write_json(path: pathlib.Path, content: t.Mapping[str, t.Any]) -> None:
    """As a whole: a program that uses the drive may read it just now."""
    new = path.with_name(path.name + ".new")
    new.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    new.replace(path)


class MediaInfo(t.NamedTuple):
    """TAPE_GET_MEDIA_PARAMETERS. ``remaining``: bytes between the present position and the end of the tape."""

    capacity: int
    remaining: int
    write_protected: bool


class Tape:
    """One tape: ``NAME.tape`` holds its blocks and file marks, each preceded by its length, and ``NAME.json`` what it is."""

    def __init__(self, folder: pathlib.Path, name: str) -> None:
        self.name = name
        self._data = folder / f"{name}.tape"
        self._about = folder / f"{name}.json"
        self._ends: list[int] = []
        self._lengths: list[int] = []
        self._load()

    def _load(self) -> None:
        place = 0
        with self._data.open("rb") as source:
            while head := source.read(_LENGTH.size):
                length = _LENGTH.unpack(head)[0]
                place = source.seek(max(0, length), 1)
                self._lengths.append(length)
                self._ends.append(place)

    @property
    def about(self) -> dict[str, t.Any]:
        """``capacity`` in bytes, ``write_protected``, and ``bad_block``: which record cannot be read or written, or null."""
        found: dict[str, t.Any] = json.loads(self._about.read_text(encoding="utf-8"))
        return found

    def change(self, **about: t.Any) -> None:
        _write_json(self._about, {**self.about, **about})

    @property
    def capacity(self) -> int:
        return int(self.about["capacity"])

    @property
    def write_protected(self) -> bool:
        return bool(self.about["write_protected"])

    @property
    def records(self) -> list[bytes | None]:
        """Everything on it: blocks, and None for each file mark."""
        return [self.read(number) for number in range(len(self._lengths))]

    def __len__(self) -> int:
        return len(self._lengths)

    def is_mark(self, number: int) -> bool:
        return self._lengths[number] == MARK

    def read(self, number: int) -> bytes | None:
        length = self._lengths[number]
        if length == MARK:
            return None
        with self._data.open("rb") as source:
            source.seek(self._ends[number] - length)
            return source.read(length)

    def used(self, records: int) -> int:
        """Bytes of data in the first records."""
        return sum(max(0, length) for length in self._lengths[:records])

    def write(self, number: int, block: bytes | None) -> None:
        """Put a record at this place: whatever was there and behind is gone."""
        place = self._ends[number - 1] if number else 0
        del self._ends[number:], self._lengths[number:]
        length = MARK if block is None else len(block)
        with self._data.open("r+b") as target:
            target.truncate(place)
            target.seek(place)
            target.write(_LENGTH.pack(length) + (block or b""))
            self._ends.append(target.tell())
        self._lengths.append(length)

    def replace(self, records: t.Sequence[bytes | None]) -> None:
        """Make this all that is on it, past every protection: what happened to the tape elsewhere."""
        self._data.write_bytes(b"")
        self._ends, self._lengths = [], []
        for number, record in enumerate(records):
            self.write(number, record)


class TapeDrive:
    """A drive and a shelf of tapes in ``folder``. What tapes hold and which one is in outlives the process.

    People ``insert`` and ``eject``; programs ``open`` it. Its Win32 functions raise WinError with the codes of winerror.h.
    """

    def __init__(self, folder: pathlib.Path, faults: Faults, device: str = DEVICE) -> None:
        self.folder, self.device, self.faults = folder, device, faults
        folder.mkdir(parents=True, exist_ok=True)
        self.lock = threading.RLock()
        self.opened: TapeHandle | None = None
        self.position = 0
        self._state = folder / "drive.json"
        self._tapes = {path.stem: Tape(folder, path.stem) for path in folder.glob("*.tape")}
        self._seen = self.loaded
        self._changed = False

    # what people do
    @property
    def loaded(self) -> Tape | None:
        """The tape that is in."""
        if self.faults.on("tape_empty"):
            return None
        if self.faults.on("tape_wrong"):
            name = self.faults.text("tape_wrong", STRANGER)
            if name not in self._tapes:
                self.new(name).replace([b"TAPE\0\0\x03\0" + b"somebody's own" * 70, None])
            return self._tapes[name]
        if not self._state.exists():
            return None
        name = json.loads(self._state.read_text(encoding="utf-8"))["loaded"]
        return self._tapes.get(name) if name is not None else None

    def tapes(self) -> list[Tape]:
        return [self._tapes[name] for name in sorted(self._tapes)]

    def tape(self, name: str) -> Tape:
        """KeyError when there is none."""
        return self._tapes[name]

    def new(self, name: str, capacity: int = GENEROUS, write_protected: bool = False) -> Tape:
        """A blank tape on the shelf. ValueError when one has this name."""
        if name in self._tapes:
            raise ValueError(f"there is a tape {name} already")
        about = {"capacity": capacity, "write_protected": write_protected, "bad_block": None}
        _write_json(self.folder / f"{name}.json", about)
        (self.folder / f"{name}.tape").write_bytes(b"")
        self._tapes[name] = Tape(self.folder, name)
        return self._tapes[name]

    def insert(self, name: str) -> None:
        """Put a tape in, in place of the one that is there. KeyError when there is none of this name."""
        self._put(self._tapes[name])

    def eject(self) -> None:
        """Take the tape out by the drive's own button."""
        self._put(None)

    def _put(self, tape: Tape | None) -> None:
        with self.lock:
            _write_json(self._state, {"loaded": None if tape is None else tape.name})
            self._changed, self.position, self._seen = True, 0, self.loaded

    # what other programs than Lockstep do
    def write_foreign(self, blocks: t.Sequence[bytes]) -> None:
        """Overwrite the loaded tape from its beginning: these blocks, and a file mark. Raises WinError, also when it is full."""
        self._foreign(blocks, append=False)

    def append_foreign(self, blocks: t.Sequence[bytes]) -> None:
        """The same behind what is on it. What fitted before it was full stays there."""
        self._foreign(blocks, append=True)

    def _foreign(self, blocks: t.Sequence[bytes], append: bool) -> None:
        handle = self.open()
        try:
            handle.await_ready()
            if append:
                handle.space_to_end()
            else:
                handle.rewind()
            for block in blocks:
                _written, code = handle.write(block)
                if code:
                    raise WinError(code, self.device)
            handle.write_mark()
        finally:
            handle.close()

    # what Windows does
    def open(self) -> TapeHandle:
        """CreateFile, which nobody else must have done."""
        with self.lock:
            if self.opened is not None or self.faults.on("tape_busy"):
                raise WinError(errors.SHARING_VIOLATION, self.device)
            self.opened = TapeHandle(self, self.faults)
            return self.opened

    def tell_events(self) -> None:
        """A change of tapes and a reset of the bus are told once, by whatever is asked first."""
        loaded = self.loaded
        if loaded is not self._seen:
            self._seen, self.position, self._changed = loaded, 0, True
        if self._changed or self.faults.count_down("tape_media_changed"):
            self._changed = False
            raise WinError(errors.MEDIA_CHANGED, self.device)
        if self.faults.count_down("tape_bus_reset"):
            self.position = 0
            raise WinError(errors.BUS_RESET, self.device)


class TapeHandle:
    """The device, opened. Each function but ``close`` raises WinError."""

    def __init__(self, drive: TapeDrive, faults: Faults) -> None:
        self._drive, self._faults = drive, faults

    def close(self) -> None:
        with self._drive.lock:
            self._drive.opened = None

    def await_ready(self) -> None:
        """Ask for the status until nothing new is told."""
        while True:
            try:
                self.status()
            except WinError as error:
                if error.code not in (errors.MEDIA_CHANGED, errors.BUS_RESET):
                    raise
            else:
                return

    def _tape(self) -> Tape:
        self._drive.tell_events()
        tape = self._drive.loaded
        if tape is None:
            raise WinError(errors.NO_MEDIA_IN_DRIVE, self._drive.device)
        return tape

    def _protected(self, tape: Tape) -> bool:
        return tape.write_protected or self._faults.on("tape_write_protected")

    def status(self) -> None:
        """GetTapeStatus."""
        self._tape()
        if self._faults.on("tape_cleaning"):
            raise WinError(errors.DEVICE_REQUIRES_CLEANING, self._drive.device)

    def media(self) -> MediaInfo:
        """GetTapeParameters with GET_TAPE_MEDIA_INFORMATION."""
        tape = self._tape()
        left = 0 if self._faults.on("tape_full") else max(0, tape.capacity - tape.used(self._drive.position))
        return MediaInfo(tape.capacity, left, self._protected(tape))

    def load(self) -> None:
        """PrepareTape with TAPE_LOAD: draws in what lies in the opening. Here a tape is in as soon as it is inserted."""
        self._tape()

    def unload(self) -> None:
        """PrepareTape with TAPE_UNLOAD: rewinds, and gives the tape back."""
        self._tape()
        if self._faults.on("tape_jammed"):
            raise WinError(errors.UNABLE_TO_UNLOAD_MEDIA, self._drive.device)
        self._drive.eject()

    def rewind(self) -> None:
        """SetTapePosition with TAPE_REWIND."""
        self._tape()
        self._drive.position = 0

    def space_files(self, count: int) -> None:
        """SetTapePosition with TAPE_SPACE_FILEMARKS, forward."""
        tape = self._tape()
        for _unused in range(count):
            while self._drive.position < len(tape) and not tape.is_mark(self._drive.position):
                self._drive.position += 1
            if self._drive.position >= len(tape):
                raise WinError(errors.NO_DATA_DETECTED, self._drive.device)
            self._drive.position += 1

    def space_to_end(self) -> None:
        """SetTapePosition with TAPE_SPACE_END_OF_DATA."""
        self._drive.position = len(self._tape())

    def read(self, size: int) -> tuple[bytes, int]:
        """ReadFile, which is behind a file mark when it has met one: the block, and in the warning zone also an error's code."""
        tape, place = self._tape(), self._drive.position
        if place >= len(tape):
            raise WinError(errors.NO_DATA_DETECTED, self._drive.device)
        if self._is_bad(tape):
            raise WinError(errors.CRC, self._drive.device)
        self._drive.position += 1
        block = tape.read(place)
        if block is None:
            raise WinError(errors.FILEMARK_DETECTED, self._drive.device)
        if len(block) > size:
            raise WinError(errors.MORE_DATA, self._drive.device)
        in_zone = tape.used(self._drive.position) > tape.capacity - EARLY_WARNING
        return block, errors.END_OF_MEDIA if in_zone else 0

    def write(self, block: bytes) -> tuple[int, int]:
        """WriteFile: how many bytes were written, and the error's code or 0. In the warning zone there are both."""
        tape = self._writable()
        used = tape.used(self._drive.position)
        if self._is_bad(tape):
            raise WinError(errors.IO_DEVICE, self._drive.device)
        if self._faults.on("tape_full") or used + len(block) > tape.capacity:
            return 0, errors.EOM_OVERFLOW
        tape.write(self._drive.position, bytes(block))
        self._drive.position += 1
        return len(block), errors.END_OF_MEDIA if used + len(block) > tape.capacity - EARLY_WARNING else 0

    def write_mark(self) -> None:
        """WriteTapemark with one TAPE_FILEMARKS."""
        tape = self._writable()
        tape.write(self._drive.position, None)
        self._drive.position += 1
        if tape.used(self._drive.position) > tape.capacity - EARLY_WARNING:
            raise WinError(errors.END_OF_MEDIA, self._drive.device)

    def _writable(self) -> Tape:
        tape = self._tape()
        if self._protected(tape):
            raise WinError(errors.WRITE_PROTECT, self._drive.device)
        return tape

    def _is_bad(self, tape: Tape) -> bool:
        bad = self._faults.number("tape_bad_block", -1.0) if self._faults.on("tape_bad_block") else tape.about["bad_block"]
        return bad is not None and 0 <= bad <= self._drive.position
