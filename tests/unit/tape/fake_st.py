# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Linux' st driver and a drive in memory: what its system calls answer, with its ways (facts: the driver's own documentation)."""

from __future__ import annotations

import dataclasses
import errno
import os
import struct

from ansible_collections.lockstep.backup.plugins.module_utils.tape import scsi

MARK = None


@dataclasses.dataclass
class Medium:
    """A tape: blocks and marks. ``early_warning`` bytes before the end the driver refuses one write."""

    items: list[bytes | None] = dataclasses.field(default_factory=list)
    capacity: int = 10**9
    early_warning: int = 64 << 10
    protected: bool = False
    cleaning: bool = False
    bad_block: int | None = None
    jammed: bool = False
    garbage: bool = False
    """The drive reports the end of data as the end of the medium, and does not say how much it has read (as tgt does)."""


class FakeSt:
    """One device file. ``inserted`` is the tape in the drive."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.inserted: Medium | None = None
        self.position = 0
        self.warned = False
        self.handles: dict[int, int] = {}
        self.flags: list[int] = []
        self.busy = False
        self.end_of_data = False

    def open(self, path: str, flags: int) -> int:
        self.flags.append(flags)
        if path != self.path:
            raise OSError(errno.ENOENT, "No such file or directory")
        if self.busy or self.handles:
            raise OSError(errno.EBUSY, "Device or resource busy")
        handle = 100 + len(self.flags)
        self.handles[handle] = flags
        self.warned = False
        return handle

    def close(self, handle: int) -> None:
        del self.handles[handle]

    def medium(self) -> Medium:
        if self.inserted is None:
            raise OSError(errno.ENOMEDIUM, "No medium found")
        return self.inserted

    def read(self, handle: int, size: int) -> bytes:
        medium = self.medium()
        if self.position >= len(medium.items):
            # Behind a mark the driver gives nothing once; on a blank tape it fails at once.
            self.end_of_data = True
            if medium.garbage:
                return bytes(size)
            if self.position and medium.items[self.position - 1] is MARK:
                return b""
            raise OSError(errno.EIO, "Input/output error")
        item = medium.items[self.position]
        self._refuse_bad(medium)
        self.position += 1
        self.end_of_data = False
        return b"" if item is None else item

    def write(self, handle: int, block: bytes) -> int:
        medium = self.medium()
        assert self.handles[handle] & os.O_RDWR
        if medium.protected:
            raise OSError(errno.EACCES, "Permission denied")
        del medium.items[self.position :]
        used = sum(len(item or b"") for item in medium.items)
        if used + len(block) > medium.capacity - medium.early_warning and not self.warned:
            self.warned = True
            raise OSError(errno.ENOSPC, "No space left on device")
        if used + len(block) > medium.capacity:
            raise OSError(errno.ENOSPC, "No space left on device")
        self._refuse_bad(medium)
        medium.items.append(bytes(block))
        self.position += 1
        return len(block)

    def _refuse_bad(self, medium: Medium) -> None:
        if medium.bad_block is not None and self.position >= medium.bad_block:
            raise OSError(errno.EIO, "Input/output error")

    def ioctl(self, handle: int, request: int, argument: bytes) -> bytes:
        if request == scsi.MTIOCGET:
            return struct.pack("lllllii", 0x72, 0, 0, self._bits(), 0, 0, 0)
        assert request == scsi.MTIOCTOP
        operation, count = struct.unpack("hxxi", argument)
        medium = self.inserted
        if medium is None:
            raise OSError(errno.EIO if operation == scsi.NOP else errno.ENOMEDIUM, "No medium found")
        if operation == scsi.REW:
            self.position, self.end_of_data, self.warned = 0, False, False
        elif operation == scsi.FSF:
            self._forward(medium, count)
        elif operation == scsi.WEOF:
            del medium.items[self.position :]
            medium.items.append(MARK)
            self.position += 1
        elif operation == scsi.OFFL:
            if medium.jammed:
                raise OSError(errno.EIO, "Input/output error")
            self.inserted, self.position = None, 0
        else:
            assert operation in (scsi.NOP, scsi.LOAD, scsi.SETBLK), operation
        return argument

    def _forward(self, medium: Medium, count: int) -> None:
        for _unused in range(count):
            while self.position < len(medium.items) and medium.items[self.position] is not MARK:
                self.position += 1
            if self.position >= len(medium.items):
                self.end_of_data = True
                raise OSError(errno.EIO, "Input/output error")
            self.position += 1

    def _bits(self) -> int:
        if self.inserted is None:
            return scsi.GMT_DR_OPEN
        bits = scsi.GMT_ONLINE
        bits |= scsi.GMT_WR_PROT if self.inserted.protected else 0
        bits |= scsi.GMT_CLN if self.inserted.cleaning else 0
        # The driver takes a blank tape's for the end of the medium, and what is behind a file mark for the end of the data.
        at_mark = self.position > 0 or not self.inserted.garbage
        bits |= (scsi.GMT_EOD if at_mark else scsi.GMT_EOT) if self.end_of_data else 0
        return bits
