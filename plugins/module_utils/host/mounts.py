# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which paths of a POSIX machine lie on its own disks. Pure. Private to lockstep.backup: not a public interface."""

from __future__ import annotations

import dataclasses
import re
import typing as t

# Also what a virtual machine shares with the machine below it: a disk, but not one of its own.
_FOREIGN = frozenset(
    "9p acfs afpfs afs beegfs ceph cifs coda davfs ftp ftpfs gfs glusterfs gpfs lustre ncpfs ncp nfs nfs4 ocfs2 orangefs prl_fs "
    "pvfs2 smb2 smb3 smbfs vboxsf virtiofs vmhgfs webdav".split()
)
_LOCAL_FUSE = frozenset({"fuse.ntfs-3g", "fuse.ntfs", "fuse.exfat", "fuse.lxcfs", "fuseblk", "fuse.mergerfs", "fuse.portal"})


@dataclasses.dataclass(frozen=True)
class Mount:
    folder: str
    kind: str


def parse_proc_mounts(text: str) -> list[Mount]:
    """``/proc/self/mounts``: blanks and the like are octal escapes (fstab(5))."""
    fields = (line.split(" ") for line in text.splitlines())
    return [Mount(_unescaped(words[1]), words[2]) for words in fields if len(words) > 2]


def _unescaped(word: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match.group(1), 8)), word)


def parse_mount_listing(text: str) -> list[Mount]:
    """What ``mount`` prints on macOS and the BSDs: ``device on /folder (kind, options)``."""
    matches = (re.match(r".* on (/.*) \(([^,)]+)[,)]", line) for line in text.splitlines())
    return [Mount(match.group(1), match.group(2)) for match in matches if match]


def kind_of(path: str, mounts: t.Sequence[Mount]) -> str | None:
    """The kind of the file system that a resolved path lies on: the last mount of the longest folder above it."""
    found: Mount | None = None
    for mount in mounts:
        inside = path == mount.folder or path.startswith(mount.folder.rstrip("/") + "/")
        if inside and (found is None or len(mount.folder) >= len(found.folder)):
            found = mount
    return found.kind if found else None


def is_local_kind(kind: str | None) -> bool:
    """Unknown FUSE file systems count as foreign: most of them lead to another machine."""
    if kind is None or kind in _FOREIGN:
        return False
    return not kind.startswith("fuse.") or kind in _LOCAL_FUSE
