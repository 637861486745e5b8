# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A drive that this process reads and writes block by block. Private to lockstep.backup: not a public interface."""

from __future__ import annotations

import contextlib
import hashlib
import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.host.posix_files import explained
from ansible_collections.lockstep.backup.plugins.module_utils.tape import drive
from ansible_collections.lockstep.backup.plugins.module_utils.tape.drive import DriveStatus, Outcome, Step


class EndOfTape(Exception):
    """No room: the block was not written."""


class EndOfData(Exception):
    """Nothing is written beyond this place."""


class MediumError(Exception):
    """The tape cannot be read or written here."""


class BlockDevice(t.Protocol):
    """A tape that is open. ``read`` gives None at a file mark, and is behind it then."""

    def rewind(self) -> None: ...

    def space_files(self, count: int) -> None: ...

    def read(self) -> bytes | None: ...

    def write(self, block: bytes) -> None: ...

    def write_mark(self) -> None: ...

    def close(self) -> None: ...


class LocalDrive:
    """Executes steps on the block device that a subclass opens."""

    name: str

    def status(self) -> DriveStatus:
        raise NotImplementedError

    def open(self, writing: bool) -> BlockDevice:
        """Slugs as in ``Drive.perform``. Only called when a tape is loaded, and for writing when it is not protected."""
        raise NotImplementedError

    def perform(self, steps: t.Sequence[Step]) -> list[Outcome]:
        writing = any(step.step in (drive.WRITE_BLOCKS, drive.WRITE_FILE, drive.WRITE_MARK) for step in steps)
        self._check(writing)
        device = self.open(writing)
        outcomes: list[Outcome] = []
        try:
            for step in steps:
                with explained("this host", self.name):
                    outcomes.append(_execute(device, step))
                if outcomes[-1].end in (drive.END_OF_TAPE, drive.END_OF_DATA, drive.ERROR):
                    break
        finally:
            device.close()
        return outcomes

    def take_over(self) -> None:
        """Nothing: what this process does ends with it."""

    def _check(self, writing: bool) -> None:
        status = self.status()
        if status.needs_cleaning:
            raise LockstepError(
                "drive_needs_cleaning", f"The drive {self.name} asks to be cleaned. Insert its cleaning tape, then run again."
            )
        if not status.loaded:
            raise LockstepError("drive_empty", f"There is no tape in the drive {self.name}.")
        if writing and status.write_protected:
            raise LockstepError(
                "tape_write_protected",
                f"The tape in the drive {self.name} is write-protected. Make sure that it is the right one, and move its tab.",
            )


def _execute(device: BlockDevice, step: Step) -> Outcome:
    try:
        return _STEPS[step.step](device, step)
    except EndOfData:
        return Outcome(step.step, drive.END_OF_DATA)
    except EndOfTape:
        return Outcome(step.step, drive.END_OF_TAPE)
    except MediumError as error:
        return Outcome(step.step, drive.ERROR, error=str(error))


def _rewind(device: BlockDevice, step: Step) -> Outcome:
    device.rewind()
    return Outcome(step.step)


def _space_files(device: BlockDevice, step: Step) -> Outcome:
    if step.count:
        device.space_files(step.count)
    return Outcome(step.step)


def _read_group(device: BlockDevice, step: Step) -> Outcome:
    blocks: list[bytes] = []
    end: str | None = None
    while len(blocks) < drive.MAX_GROUP:
        try:
            block = device.read()
        except EndOfData:
            end = drive.END_OF_DATA
            break
        if block is None:
            end = drive.FILE_MARK
            break
        blocks.append(block)
    return Outcome(step.step, end, tuple(blocks), sum(map(len, blocks)), len(blocks))


def _read_file(device: BlockDevice, step: Step) -> Outcome:
    digest, size, count = hashlib.sha256(), 0, 0
    end, problem = drive.FILE_MARK, ""
    with explained("this host", step.path or "the tape"), _target(step) as target:
        while True:
            try:
                block = device.read()
            except EndOfData:
                end = drive.END_OF_DATA
                break
            except MediumError as error:
                end, problem = drive.ERROR, str(error)
                break
            if block is None:
                break
            digest.update(block)
            size, count = size + len(block), count + 1
            if target is not None:
                target.write(block)
    return Outcome(step.step, end, bytes=size, count=count, sha256=digest.hexdigest(), error=problem)


@contextlib.contextmanager
def _target(step: Step) -> t.Iterator[t.BinaryIO | None]:
    """The file to write what is read into, or None when only its hash is wanted."""
    if step.path is None:
        yield None
        return
    with open(step.path, "r+b" if step.offset else "wb") as target:
        target.seek(step.offset)
        yield target


def _write_blocks(device: BlockDevice, step: Step) -> Outcome:
    """Labels. The early warning of the end of the tape refuses one write, so that whoever writes can end with labels."""
    for block in step.blocks:
        try:
            device.write(block)
        except EndOfTape:
            device.write(block)
    return Outcome(step.step, count=len(step.blocks))


def _write_mark(device: BlockDevice, step: Step) -> Outcome:
    device.write_mark()
    return Outcome(step.step)


def _write_file(device: BlockDevice, step: Step) -> Outcome:
    digest, size, count = hashlib.sha256(), 0, 0
    end, problem = drive.END_OF_FILE, ""
    path = t.cast(str, step.path)
    with explained("this host", path), open(path, "rb", buffering=0) as source:
        source.seek(step.offset)
        while True:
            block = _full(source, step.block_size)
            if not block:
                break
            try:
                device.write(block)
            except EndOfTape:
                end = drive.END_OF_TAPE
                break
            except MediumError as error:
                end, problem = drive.ERROR, str(error)
                break
            digest.update(block)
            size, count = size + len(block), count + 1
    return Outcome(step.step, end, bytes=size, count=count, sha256=digest.hexdigest(), error=problem)


def _full(source: t.Any, size: int) -> bytes:
    """A whole block unless the file ends: a file system may give less than it was asked for."""
    block: bytes = source.read(size)
    while block and len(block) < size:
        more: bytes = source.read(size - len(block))
        if not more:
            break
        block += more
    return block


_STEPS: t.Mapping[str, t.Callable[[BlockDevice, Step], Outcome]] = {
    drive.REWIND: _rewind,
    drive.SPACE_FILES: _space_files,
    drive.READ_GROUP: _read_group,
    drive.READ_FILE: _read_file,
    drive.WRITE_BLOCKS: _write_blocks,
    drive.WRITE_FILE: _write_file,
    drive.WRITE_MARK: _write_mark,
}
