# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file tree of a simulated machine: real files below a folder of this machine, with Windows' rules."""

from __future__ import annotations

import datetime
import io
import ntpath
import os
import pathlib
import re
import shutil
import threading
import typing as t

from tests.lab.windows import errors
from tests.lab.windows.clock import MachineClock
from tests.lab.windows.errors import WinError
from tests.lab.windows.faults import Faults

FIXED, NETWORK, CD_ROM = 3, 4, 5
_INVALID = re.compile(r'[<>"|?*\x00-\x1f]')


def _find(base: str, parts: t.Sequence[str]) -> str | None:
    """The path below ``base`` whose names are these without regard to case; None where there is none."""
    path = "/".join((base, *parts))
    if not parts or os.path.lexists(path):
        return path
    folder = _find(base, parts[:-1])
    if folder is None:
        return None
    wanted = parts[-1].lower()
    try:
        return next((f"{folder}/{name}" for name in os.listdir(folder) if name.lower() == wanted), None)
    except OSError:
        return None


class Disk:
    """A drive letter. ``free`` is what WMI shows and what writing is charged against; None where there is no medium."""

    def __init__(self, letter: str, drive_type: int, size: int | None, free: int | None) -> None:
        self.letter, self.drive_type, self.size, self.free = letter, drive_type, size, free


class OpenFile(io.RawIOBase):
    """A file opened for writing: charged to the disk, and locked against renaming and deleting until it is closed."""

    def __init__(self, tree: FileTree, path: str, real: pathlib.Path, append: bool, seekable: bool) -> None:
        self._tree, self._path = tree, path
        self._real = real
        self._seekable = seekable
        # Reading is needed by zipfile, which looks at what it has written.
        self._file: t.BinaryIO = real.open("r+b" if append else "w+b")
        if append:
            self._file.seek(0, os.SEEK_END)

    def write(self, data: t.Any) -> int:
        content = bytes(data)
        grown = max(0, self._file.tell() + len(content) - os.fstat(self._file.fileno()).st_size)
        self._tree.charge(self._path, grown)
        written = self._file.write(content)
        self._file.flush()
        return written

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def read(self, size: int = -1) -> bytes:
        return self._file.read(size)

    def seekable(self) -> bool:
        return self._seekable

    def writable(self) -> bool:
        return True

    def close(self) -> None:
        if not self.closed:
            self._file.close()
            self._tree.stamp(self._real)
            self._tree.unlock(self._path)
        super().close()


class FileTree:
    """Drives below ``root`` (``root/C``). All paths are absolute Windows paths; errors are WinError."""

    def __init__(self, root: pathlib.Path, clock: MachineClock, faults: Faults, disks: t.Iterable[Disk]) -> None:
        self.root, self._clock, self._faults = root, clock, faults
        self.disks: dict[str, Disk] = {disk.letter.upper(): disk for disk in disks}
        self.permissions: dict[str, list[str]] = {}
        """What icacls was told, by lower-case path: the arguments after the path."""
        self.exclusive: set[str] = set()
        """Files (by ``key``) that a program has opened for itself alone: nobody can read them."""
        self._open: dict[str, int] = {}
        self._lock = threading.RLock()
        for disk in tuple(self.disks.values()):
            self.add_disk(disk)

    def add_disk(self, disk: Disk) -> None:
        self.disks[disk.letter.upper()] = disk
        if disk.drive_type == FIXED:
            (self.root / disk.letter[0]).mkdir(parents=True, exist_ok=True)

    # names
    def real(self, path: str) -> pathlib.Path | None:
        """The file of this machine that holds ``path``; None where there is nothing."""
        drive, tail = ntpath.splitdrive(ntpath.normpath(path.replace("/", "\\")))
        disk = self.disks.get(drive.upper())
        if disk is None or disk.drive_type != FIXED:
            return None
        parts = [part.rstrip(". ") or part for part in tail.split("\\") if part]
        found = _find(f"{self.root}/{disk.letter[0]}", parts)
        return pathlib.Path(found) if found is not None else None

    def _target(self, path: str) -> pathlib.Path:
        """Where ``path`` is or would be made; its folder must be there."""
        path = ntpath.normpath(path.replace("/", "\\"))
        existing = self.real(path)
        if existing is not None:
            return existing
        folder, name = ntpath.split(path)
        if path.startswith("\\\\"):
            raise WinError(errors.BAD_NETWORK_PATH, path)
        if not name or _INVALID.search(name) or ":" in name:
            raise WinError(errors.INVALID_NAME, path)
        parent = self.real(folder)
        if parent is None or not parent.is_dir():
            raise WinError(errors.PATH_NOT_FOUND, path)
        return parent / (name.rstrip(". ") or name)

    def _existing(self, path: str) -> pathlib.Path:
        found = self.real(path)
        if found is not None:
            return found
        folder = ntpath.dirname(ntpath.normpath(path))
        raise WinError(errors.FILE_NOT_FOUND if self.is_dir(folder) else errors.PATH_NOT_FOUND, path)

    @staticmethod
    def key(path: str) -> str:
        return ntpath.normpath(path.replace("/", "\\")).lower()

    # questions
    def exists(self, path: str) -> bool:
        return self.real(path) is not None

    def is_dir(self, path: str) -> bool:
        found = self.real(path)
        return found is not None and found.is_dir()

    def is_file(self, path: str) -> bool:
        found = self.real(path)
        return found is not None and found.is_file()

    def size(self, path: str) -> int:
        return self._existing(path).stat().st_size

    def modified(self, path: str) -> datetime.datetime:
        return datetime.datetime.fromtimestamp(self._existing(path).stat().st_mtime, self._clock.zone)

    def names(self, folder: str) -> list[str]:
        """What lies directly in it, in NTFS's order."""
        found = self._existing(folder)
        if not found.is_dir():
            raise WinError(errors.PATH_NOT_FOUND, folder)
        return sorted((entry.name for entry in found.iterdir()), key=str.upper)

    def walk(self, folder: str) -> t.Iterator[str]:
        """All files below, folder by folder."""
        below = []
        for name in self.names(folder):
            path = ntpath.join(folder, name)
            if self.is_dir(path):
                below.append(path)
            else:
                yield path
        for path in below:
            yield from self.walk(path)

    def read(self, path: str) -> bytes:
        found = self._existing(path)
        if found.is_dir():
            raise WinError(errors.ACCESS_DENIED, path)
        if self.key(path) in self.exclusive:
            raise WinError(errors.SHARING_VIOLATION, path)
        return found.read_bytes()

    # space, locks and times
    def charge(self, path: str, size: int) -> None:
        """Take ``size`` bytes (negative: give back) of the path's disk."""
        drive = ntpath.splitdrive(path)[0].upper()
        disk = self.disks[drive]
        with self._lock:
            if size > 0 and self._faults.on("disk_full") and drive == self._faults.text("disk_full", "C:").upper():
                raise WinError(errors.DISK_FULL, path)
            limited = size > 0 and drive == "C:" and self._faults.on("disk_full_after")
            if limited and self._faults.take_from("disk_full_after", size) < 0:
                raise WinError(errors.DISK_FULL, path)
            if disk.free is not None:
                if size > disk.free:
                    raise WinError(errors.DISK_FULL, path)
                disk.free -= size

    def lock(self, path: str) -> None:
        with self._lock:
            self._open[self.key(path)] = self._open.get(self.key(path), 0) + 1

    def unlock(self, path: str) -> None:
        with self._lock:
            left = self._open.get(self.key(path), 0) - 1
            if left > 0:
                self._open[self.key(path)] = left
            else:
                self._open.pop(self.key(path), None)

    def in_use(self, path: str) -> bool:
        """Whether the path or anything below is held open."""
        wanted = self.key(path)
        with self._lock:
            return any(name == wanted or name.startswith(wanted.rstrip("\\") + "\\") for name in self._open)

    def stamp(self, real: pathlib.Path) -> None:
        """Give it the machine's time as its time of modification."""
        moment = self._clock.now().timestamp()
        try:
            os.utime(real, (moment, moment))
        except FileNotFoundError:
            return

    def _refuse_in_use(self, path: str) -> None:
        if self.in_use(path):
            raise WinError(errors.SHARING_VIOLATION, path)

    # changes
    def open(self, path: str, append: bool = False, seekable: bool = False) -> OpenFile:
        """For writing; replaces the content unless ``append``. One writer at a time."""
        with self._lock:
            if self.key(path) in self._open:
                raise WinError(errors.SHARING_VIOLATION, path)
            target = self._target(path)
            if target.is_dir():
                raise WinError(errors.ACCESS_DENIED, path)
            exists = target.is_file()
            if exists and not append:
                self.charge(path, -target.stat().st_size)
            self.lock(path)
            try:
                return OpenFile(self, path, target, append and exists, seekable)
            except OSError:
                self.unlock(path)
                raise WinError(errors.ACCESS_DENIED, path) from None

    def write(self, path: str, content: bytes) -> None:
        with self.open(path) as target:
            target.write(content)

    def make_folder(self, path: str) -> None:
        """With parents; ALREADY_EXISTS when anything is there."""
        if self.exists(path):
            raise WinError(errors.ALREADY_EXISTS, path)
        parent = ntpath.dirname(ntpath.normpath(path))
        if parent == path:
            raise WinError(errors.PATH_NOT_FOUND, path)
        if not self.exists(parent):
            self.make_folder(parent)
        target = self._target(path)
        target.mkdir()
        self.stamp(target)

    def ensure_folder(self, path: str) -> None:
        if not self.is_dir(path):
            self.make_folder(path)

    def remove_file(self, path: str) -> None:
        found = self._existing(path)
        if found.is_dir():
            raise WinError(errors.ACCESS_DENIED, path)
        self._refuse_in_use(path)
        size = found.stat().st_size
        found.unlink()
        self.permissions.pop(self.key(path), None)
        self.charge(path, -size)

    def remove_folder(self, path: str, recursive: bool) -> None:
        found = self._existing(path)
        if not found.is_dir():
            raise WinError(errors.INVALID_NAME, path)
        self._refuse_in_use(path)
        if not recursive and any(found.iterdir()):
            raise WinError(errors.DIRECTORY_NOT_EMPTY, path)
        size = sum(entry.stat().st_size for entry in found.rglob("*") if entry.is_file())
        shutil.rmtree(found)
        prefix = self.key(path)
        for name in [name for name in self.permissions if name == prefix or name.startswith(prefix + "\\")]:
            del self.permissions[name]
        self.charge(path, -size)

    def rename(self, source: str, target: str, replace: bool = False) -> None:
        """Within one drive; ALREADY_EXISTS unless ``replace`` and both are files."""
        with self._lock:
            found = self._existing(source)
            self._refuse_in_use(source)
            same = self.key(source) == self.key(target)
            if self.exists(target) and not same:
                if not replace:
                    raise WinError(errors.ALREADY_EXISTS, target)
                if self.is_dir(target) or found.is_dir():
                    raise WinError(errors.ACCESS_DENIED, target)
                self._refuse_in_use(target)
                self.remove_file(target)
            new = self._target(ntpath.dirname(target) if same else target)
            found.rename(new / ntpath.basename(target) if same else new)
            old, moved = self.key(source), self.key(target)
            for name in [name for name in self.permissions if name == old or name.startswith(old + "\\")]:
                self.permissions[moved + name[len(old) :]] = self.permissions.pop(name)

    def copy(self, source: str, target: str) -> None:
        """The copy keeps the time of the last change, as Windows' own does."""
        self.write(target, self.read(source))
        changed = self._existing(source).stat().st_mtime
        os.utime(self._existing(target), (changed, changed))
