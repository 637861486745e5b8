# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which files a dump consists of, by name. Pure. Private to lockstep.backup: not a public interface."""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.host.base import WINDOWS, FileInfo, Host


def same_folder(platform: str, one: str, other: str) -> bool:
    def plain(path: str) -> str:
        return path.replace("/", "\\").rstrip("\\").casefold() if platform == WINDOWS else path.rstrip("/")

    return plain(one) == plain(other)


def sizes_by_key(host: Host, entries: t.Iterable[FileInfo]) -> dict[str, int]:
    """Sizes of the files by their keys for comparison: Windows lists names in lower case."""
    return {name_key(host.platform, host.basename(entry.path)): entry.size for entry in entries if not entry.is_dir}


def name_key(platform: str, name: str) -> str:
    """For comparing names of files as the platform does."""
    return name.casefold() if platform == WINDOWS else name


@dataclasses.dataclass(frozen=True)
class DumpNames:
    """The dump's file names: one file, or with ``several`` as many as Data Pump's workers write (``%U``: 01 to 99)."""

    base: str
    several: bool

    @property
    def _parts(self) -> tuple[str, str]:
        stem, dot, extension = self.base.rpartition(".")
        return (stem, dot + extension) if dot else (self.base, "")

    @property
    def template(self) -> str:
        stem, extension = self._parts
        return f"{stem}_%U{extension}" if self.several else self.base

    def number_of(self, name: str, platform: str) -> str | None:
        """``_01``… for a file of this dump ("" for its only one), None for any other file."""
        if not self.several:
            return "" if name_key(platform, name) == name_key(platform, self.base) else None
        stem, extension = self._parts
        flags = re.IGNORECASE if platform == WINDOWS else 0
        found = re.match(f"{re.escape(stem)}(_[0-9]{{2}}){re.escape(extension)}\\Z", name, flags)
        return found.group(1) if found else None

    def numbered(self, number: str) -> str:
        stem, extension = self._parts
        return f"{stem}{number}{extension}"

    def among(self, names: t.Iterable[str], platform: str) -> list[str]:
        return sorted(name for name in names if self.number_of(name, platform) is not None)


def size_problem(sizes: t.Mapping[str, int], rows: int) -> str | None:
    """What is implausible about a dump of these files: a row takes at least one byte, also compressed ones on the average."""
    if not sizes:
        return "there is no dump"
    empty = [name for name, size in sorted(sizes.items()) if size == 0]
    if empty:
        return f"{', '.join(empty)} is empty"
    if sum(sizes.values()) < rows // 8:
        return f"it has {sum(sizes.values())} bytes, and the log says {rows} rows"
    return None
