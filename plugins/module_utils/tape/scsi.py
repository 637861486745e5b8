# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A tape drive of Linux' st driver, by ioctls. Private to lockstep.backup: not a public interface.

Opening an empty drive the blocking way waits for two minutes, and goes on with whatever tape is put in meanwhile. So it is always
opened with O_NONBLOCK, asked for its status, and only used when a tape is in. Blocks are of variable length.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.tape.blocks import EndOfData, EndOfTape, LocalDrive, MediumError
from ansible_collections.lockstep.backup.plugins.module_utils.tape.drive import MAX_BLOCK, DriveStatus

MTIOCTOP, MTIOCGET = 0x40086D01, 0x80306D02
FSF, WEOF, REW, OFFL, NOP, SETBLK, LOAD = 1, 5, 6, 7, 8, 20, 30
GMT_EOT, GMT_EOD, GMT_WR_PROT = 0x20000000, 0x08000000, 0x04000000
GMT_ONLINE, GMT_DR_OPEN, GMT_CLN = 0x01000000, 0x00040000, 0x8000
_OPERATION, _STATUS = struct.Struct("hxxi"), struct.Struct("lllllii")


class Calls(t.Protocol):
    """The system calls on a device file, replaceable by tests."""

    def open(self, path: str, flags: int) -> int: ...

    def close(self, handle: int) -> None: ...

    def read(self, handle: int, size: int) -> bytes: ...

    def write(self, handle: int, block: bytes) -> int: ...

    def ioctl(self, handle: int, request: int, argument: bytes) -> bytes: ...


class SystemCalls:
    """Those of this machine."""

    open = staticmethod(os.open)
    close = staticmethod(os.close)
    read = staticmethod(os.read)
    write = staticmethod(os.write)

    @staticmethod
    def ioctl(handle: int, request: int, argument: bytes) -> bytes:
        found: bytes = fcntl.ioctl(handle, request, argument)
        return found


class ScsiDrive(LocalDrive):
    """The drive at ``path``, which must be a device that does not rewind when it is closed (``/dev/nst0``)."""

    def __init__(self, path: str, calls: Calls | None = None) -> None:
        self.name = self.path = path
        self._calls: Calls = calls or SystemCalls()

    def status(self) -> DriveStatus:
        handle = self._opened(os.O_RDONLY)
        try:
            # The status is what the drive said last: have it asked anew. Fails for an empty drive, which the status then says.
            self._operate_if_possible(handle, NOP)
            bits = self._bits(handle)
        finally:
            self._calls.close(handle)
        loaded = bool(bits & GMT_ONLINE) and not bits & GMT_DR_OPEN
        return DriveStatus(loaded, write_protected=bool(bits & GMT_WR_PROT), needs_cleaning=bool(bits & GMT_CLN))

    def load(self) -> None:
        handle = self._opened(os.O_RDONLY)
        try:
            self._operate_if_possible(handle, LOAD)
        finally:
            self._calls.close(handle)

    def unload(self) -> None:
        if not self.status().loaded:
            return
        handle = self._opened(os.O_RDONLY)
        try:
            self._calls.ioctl(handle, MTIOCTOP, _OPERATION.pack(OFFL, 1))
        except OSError as error:
            raise LockstepError(
                "drive_jammed", f"The drive {self.name} does not give its tape back: {error.strerror}. Look at the drive."
            ) from error
        finally:
            self._calls.close(handle)

    def open(self, writing: bool) -> ScsiTape:
        handle = self._opened(os.O_RDWR if writing else os.O_RDONLY)
        tape = ScsiTape(self.name, handle, self._calls)
        try:
            tape.operate(SETBLK, 0)
        except MediumError as error:
            self._calls.close(handle)
            raise LockstepError("drive_failed", f"The drive {self.name} takes no blocks of variable length: {error}.") from None
        except BaseException:
            self._calls.close(handle)
            raise
        return tape

    def _opened(self, flags: int) -> int:
        try:
            return self._calls.open(self.path, flags | os.O_NONBLOCK)
        except OSError as error:
            raise _explained(self.name, error) from error

    def _operate_if_possible(self, handle: int, operation: int) -> None:
        try:
            self._calls.ioctl(handle, MTIOCTOP, _OPERATION.pack(operation, 1))
        except OSError as error:
            if error.errno not in (errno.ENOMEDIUM, errno.EIO, errno.EINVAL, errno.ENOSYS):
                raise _explained(self.name, error) from error

    def _bits(self, handle: int) -> int:
        try:
            answer = self._calls.ioctl(handle, MTIOCGET, bytes(_STATUS.size))
        except OSError as error:
            raise _explained(self.name, error) from error
        return t.cast(int, _STATUS.unpack(answer)[3]) & 0xFFFFFFFF


class ScsiTape:
    """A tape that is open. The driver tells the end of the data in three ways: by a read of nothing behind a file mark, by EIO with
    the status bit of it on a blank tape, and, when the drive reports it as the end of the medium and no length, by a whole block of
    whatever was in its buffer."""

    def __init__(self, name: str, handle: int, calls: Calls) -> None:
        self.name, self._handle, self._calls = name, handle, calls
        self._wrote = False
        self._behind_mark = False

    def operate(self, operation: int, count: int = 1) -> None:
        try:
            self._calls.ioctl(self._handle, MTIOCTOP, _OPERATION.pack(operation, count))
        except OSError as error:
            raise self._turned(error) from error

    def rewind(self) -> None:
        self._end_writing()
        self.operate(REW)
        self._behind_mark = False

    def space_files(self, count: int) -> None:
        try:
            self.operate(FSF, count)
        except MediumError:
            # There are fewer file marks. Where the drive does not say that it met the end, it is a bad tape.
            if self._at_end():
                raise EndOfData from None
            raise
        self._behind_mark = True

    def read(self) -> bytes | None:
        try:
            block = self._calls.read(self._handle, MAX_BLOCK)
        except OSError as error:
            if error.errno == errno.EIO and self._at_end():
                raise EndOfData from error
            raise self._turned(error) from error
        if block:
            # What Lockstep writes ends before the end of the medium, and a label is short: no block of its own is mistaken here.
            if len(block) == MAX_BLOCK and self._at_end(GMT_EOD | GMT_EOT):
                raise EndOfData
            self._behind_mark = False
            return block
        if self._behind_mark or self._at_end():
            raise EndOfData
        self._behind_mark = True
        return None

    def write(self, block: bytes) -> None:
        try:
            written = self._calls.write(self._handle, block)
        except OSError as error:
            raise self._turned(error) from error
        self._wrote = True
        if written != len(block):
            raise MediumError(f"only {written} bytes of a block of {len(block)} were written")

    def write_mark(self) -> None:
        self.operate(WEOF)
        self._wrote = False

    def close(self) -> None:
        # The driver would write the file mark itself on closing, and could not tell that it failed.
        try:
            self._end_writing()
        finally:
            self._calls.close(self._handle)

    def _end_writing(self) -> None:
        if self._wrote:
            self._wrote = False
            try:
                self.operate(WEOF)
            except (EndOfTape, MediumError):
                # What is missing at the end is found when it is read back.
                return

    def _at_end(self, bits: int = GMT_EOD) -> bool:
        answer = self._calls.ioctl(self._handle, MTIOCGET, bytes(_STATUS.size))
        return bool(t.cast(int, _STATUS.unpack(answer)[3]) & bits)

    def _turned(self, error: OSError) -> Exception:
        if error.errno == errno.ENOSPC:
            return EndOfTape()
        if error.errno in (errno.EIO, errno.EOVERFLOW, errno.ENOMEM, errno.EINVAL):
            return MediumError(error.strerror or str(error))
        return _explained(self.name, error)


def _explained(name: str, error: OSError) -> LockstepError:
    code = error.errno
    if code in (errno.ENOENT, errno.ENXIO, errno.ENODEV):
        return LockstepError("drive_missing", f"There is no tape drive at {name}: {error.strerror}. Correct device.path.")
    if code == errno.EBUSY:
        return LockstepError("drive_busy", f"Another program uses the drive {name}. Wait until it has ended.")
    if code == errno.ENOMEDIUM:
        return LockstepError("drive_empty", f"There is no tape in the drive {name}.")
    if code in (errno.EROFS, errno.EACCES):
        return LockstepError(
            "tape_write_protected",
            f"The tape in the drive {name} is write-protected, or this account may not use the drive ({error.strerror}).",
        )
    return LockstepError("drive_failed", f"The drive {name} failed: {error.strerror or error}. Look at the drive and its cable.")
