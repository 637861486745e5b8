# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of this machine, with errors that say what is wrong. Private to lockstep.backup: not a public interface."""

from __future__ import annotations

import contextlib
import ctypes
import datetime
import errno
import hashlib
import lzma
import os
import shutil
import stat
import struct
import sys
import typing as t
import zipfile
import zlib

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.host.base import FileInfo

_SLUGS: t.Mapping[int, tuple[str, str]] = {
    errno.ENOENT: ("path_missing", "does not exist"),
    errno.ENOTDIR: ("path_missing", "does not exist, because a file is where a folder should be"),
    errno.EEXIST: ("path_exists", "is there already"),
    errno.ENOTEMPTY: ("path_exists", "is there already"),
    errno.EISDIR: ("access_denied", "is a folder"),
    errno.EACCES: ("access_denied", "must not be touched by this account"),
    errno.EPERM: ("access_denied", "must not be touched by this account"),
    errno.EROFS: ("access_denied", "lies on a file system that is mounted read-only"),
    errno.ENOSPC: ("no_space", "does not fit: there is no space left on its disk"),
    errno.EDQUOT: ("no_space", "does not fit: the quota of this account is used up"),
}

_CHUNK = 1 << 20
_NO_REPLACE_LINUX = 1
_NO_REPLACE_MACOS = 4
_CURRENT_FOLDER = -100


@contextlib.contextmanager
def explained(host: str, path: str) -> t.Iterator[None]:
    """Turn an OSError about ``path`` into a LockstepError."""
    try:
        yield
    except OSError as error:
        slug, words = _SLUGS.get(error.errno or 0, ("file_error", f"cannot be used: {error.strerror or error}"))
        raise LockstepError(slug, f"{host}: {path} {words}.", path=path) from error


def describe(path: str) -> FileInfo | None:
    """What the path leads to; a link that leads nowhere is described itself; None where there is nothing."""
    try:
        found = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        try:
            found = os.lstat(path)
        except (FileNotFoundError, NotADirectoryError):
            return None
    is_dir = stat.S_ISDIR(found.st_mode)
    modified = datetime.datetime.fromtimestamp(found.st_mtime, datetime.timezone.utc)
    return FileInfo(path, is_dir, 0 if is_dir else found.st_size, modified)


def replace(path: str, data: bytes, private: bool) -> None:
    """Write all of a file, durably, under a temporary name beside it, then take its place."""
    temporary = f"{path}.{os.getpid()}.tmp"
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600 if private else 0o666)
    try:
        with os.fdopen(handle, "wb") as target:
            if private:
                os.fchmod(target.fileno(), 0o600)  # a file left there by a killed process may be open to others
            target.write(data)
            target.flush()
            os.fsync(target.fileno())
        os.replace(temporary, path)
    except OSError:
        os.unlink(temporary)
        raise
    sync_folder(os.path.dirname(path))


def sync_folder(path: str) -> None:
    """Make renames in a folder survive a power failure, where the file system can."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EROFS):
            raise
    finally:
        os.close(handle)


def rename_new(source: str, target: str) -> None:
    """Rename; FileExistsError when the target is there. ``os.rename`` would replace a file or an empty folder."""
    library = ctypes.CDLL(None, use_errno=True)
    old, new = os.fsencode(source), os.fsencode(target)
    if sys.platform == "darwin" and hasattr(library, "renamex_np"):
        failed = library.renamex_np(old, new, ctypes.c_uint(_NO_REPLACE_MACOS))
    elif hasattr(library, "renameat2"):
        failed = library.renameat2(_CURRENT_FOLDER, old, _CURRENT_FOLDER, new, ctypes.c_uint(_NO_REPLACE_LINUX))
    else:
        failed = -1
        ctypes.set_errno(errno.ENOSYS)
    if failed:
        code = ctypes.get_errno()
        if code not in (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP):
            raise OSError(code, os.strerror(code), source)
        # A file system or system without that call: look, then rename.
        if os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), target)
        os.rename(source, target)
    sync_folder(os.path.dirname(target))


def copy(source: t.BinaryIO, target: str) -> None:
    """All of the bytes, durably."""
    with open(target, "wb") as made:
        shutil.copyfileobj(source, made, _CHUNK)
        made.flush()
        os.fsync(made.fileno())


def remove(path: str) -> None:
    """A file, a link, or a folder with all below; no error when it is absent."""
    try:
        if stat.S_ISDIR(os.lstat(path).st_mode):
            shutil.rmtree(path)
        else:
            os.unlink(path)
    except (FileNotFoundError, NotADirectoryError):
        # Absent, or something below vanished while it was being removed: then remove what is left.
        if os.path.isdir(path):
            shutil.rmtree(path)


def sha256(path: str) -> str:
    digest = hashlib.sha256()
    with open(path, "rb", buffering=0) as source:
        buffer = memoryview(bytearray(_CHUNK))
        while True:
            count = source.readinto(buffer)
            if not count:
                return digest.hexdigest()
            digest.update(buffer[:count])


def zip_problem(path: str) -> str | None:
    """Read every entry against its checksum. The exceptions are those that zipfile and its decompressors raise on bad data."""
    with open(path, "rb") as source:
        try:
            with zipfile.ZipFile(source) as archive:
                broken = archive.testzip()
                empty = not archive.namelist()
        except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, ValueError, OverflowError) as error:
            return str(error) or type(error).__name__
        except NotImplementedError as error:
            return f"cannot be tested: {error}"
        except RuntimeError as error:
            # zipfile's way to say that an entry is encrypted.
            return f"cannot be tested: {error}"
    if empty:
        return "it has no members"
    return None if broken is None else f"{broken} is damaged"


def tree_bytes(path: str) -> int:
    """The sizes of all files below. What vanishes meanwhile counts nothing; links count themselves."""
    if not stat.S_ISDIR(os.stat(path).st_mode):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path)
    total = 0
    for folder, _unused, names in os.walk(path, onerror=_raise_unless_gone):
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                total += os.lstat(os.path.join(folder, name)).st_size
    return total


def _raise_unless_gone(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error


def existing_parent(path: str) -> str:
    """The path itself, or the nearest folder above it that is there, with links resolved."""
    path = os.path.abspath(path)
    while not os.path.exists(path):
        path = os.path.dirname(path)
    return os.path.realpath(path)
