# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All that features know of a tape drive. Private to lockstep.backup: not a public interface.

Work on a tape is a list of steps, which a drive executes at one go. So a drive that is reached over a network needs one request for
the whole of it, and all drives behave alike. Every list begins with REWIND: nobody relies on where the tape was left.
"""

from __future__ import annotations

import dataclasses
import typing as t

REWIND, SPACE_FILES = "rewind", "space_files"
READ_GROUP, READ_FILE = "read_group", "read_file"
WRITE_BLOCKS, WRITE_FILE, WRITE_MARK = "write_blocks", "write_file", "write_mark"

FILE_MARK, END_OF_DATA, END_OF_TAPE, END_OF_FILE = "file_mark", "end_of_data", "end_of_tape", "end_of_file"
ERROR = "error"

MAX_BLOCK = 1 << 20
MAX_GROUP = 16
"""A group of labels has at most so many blocks; what has more is somebody else's data, and is not read further."""


@dataclasses.dataclass(frozen=True)
class DriveStatus:
    """``loaded``: a tape is in and can be used. ``blank`` is not told here: only reading tells. ``remaining``: bytes to the end of
    the tape, where the drive knows. ``barcode``: of the loaded tape, where the drive itself can tell."""

    loaded: bool
    write_protected: bool = False
    needs_cleaning: bool = False
    capacity: int | None = None
    remaining: int | None = None

    def as_dict(self) -> dict[str, t.Any]:
        return dataclasses.asdict(self)


@dataclasses.dataclass(frozen=True)
class Step:
    """One step. ``count``: tape files for SPACE_FILES. ``blocks``: for WRITE_BLOCKS. ``path``: the file that WRITE_FILE reads from
    ``offset`` to its end; the file that READ_FILE writes at ``offset`` (None: it only computes the hash). ``block_size``: bytes."""

    step: str
    count: int = 1
    blocks: t.Sequence[bytes] = ()
    path: str | None = None
    offset: int = 0
    block_size: int = 0


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What a step came to. ``end`` is why it ended: FILE_MARK, END_OF_DATA (nothing is written beyond), END_OF_TAPE (no room for
    more data; a label and a file mark still fit on most tapes), END_OF_FILE (all of the file is on the tape), ERROR, or None. For
    READ_FILE and WRITE_FILE ``bytes``, ``blocks`` and ``sha256`` of what went through."""

    step: str
    end: str | None = None
    blocks: t.Sequence[bytes] = ()
    bytes: int = 0
    count: int = 0
    sha256: str = ""
    error: str = ""


class Drive(t.Protocol):
    """One drive. Slugs of all methods: ``drive_missing``, ``drive_busy``, ``drive_failed``, ``drive_needs_cleaning``."""

    name: str

    def status(self) -> DriveStatus:
        """As it is now; never waits for a tape."""

    def load(self) -> None:
        """Draw in a tape that lies in the opening. No error when there is none: ``status`` tells."""

    def unload(self) -> None:
        """Rewind and eject. No error when it is empty. Slug ``drive_jammed``."""

    def perform(self, steps: t.Sequence[Step]) -> list[Outcome]:
        """In order, up to the first one that ends at END_OF_DATA, END_OF_TAPE or with an ERROR of the medium, which is the last
        outcome then. Slugs ``drive_empty``, ``tape_write_protected``; for files those of the host."""

    def take_over(self) -> None:
        """End what a run that is over still has the drive do. Only for who has the lock. Slug ``drive_busy``."""


class Waiter(t.Protocol):
    """Waits for a detached job of the host, and calls ``on_poll`` now and then with the elapsed seconds."""

    def __call__(self, folder: str, on_poll: t.Callable[[float], None]) -> object: ...


class RemoteDrives(t.Protocol):
    """A host whose drives this process does not reach itself."""

    def tape_drive(self, path: str, folder: str, wait: Waiter, progress: t.Callable[[str], None]) -> Drive:
        """The drive at ``path``; ``folder`` may hold what its jobs need."""
