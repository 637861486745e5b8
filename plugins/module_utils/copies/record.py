# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``copy.json``, which says what a copy of a set holds. Pure. Private to lockstep.backup: not a public interface."""

from __future__ import annotations

import dataclasses
import json
import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.vault.catalogue import IS_DAMAGED, IS_GOOD, RECENT, Entry

RECORD = "copy.json"
PARTIAL = ".partial"
"""Behind a set's name while it is copied: what is cut short leaves nothing that looks like a copy."""
OWNER = "owner.json"
"""Whose unfinished copy it is."""


@dataclasses.dataclass(frozen=True)
class CopiedFile:
    name: str
    size: int
    sha256: str

    def as_dict(self) -> dict[str, t.Any]:
        return {"name": self.name, "bytes": self.size, "sha256": self.sha256}


@dataclasses.dataclass(frozen=True)
class CopyRecord:
    """``made``: ISO 8601, by the host's clock."""

    set_name: str
    set_id: str
    made: str
    files: tuple[CopiedFile, ...]

    def as_dict(self) -> dict[str, t.Any]:
        return {"set": self.set_name, "set_id": self.set_id, "made": self.made, "files": [file.as_dict() for file in self.files]}

    def as_text(self) -> str:
        return json.dumps(dict(self.as_dict(), schema=1), indent=2) + "\n"

    @classmethod
    def from_text(cls, text: str) -> CopyRecord:
        """Raises ValueError (also KeyError or TypeError) for what is no record."""
        data = json.loads(text)
        if data["schema"] != 1:
            raise ValueError(f"schema {data['schema']!r} is not known")
        files = tuple(CopiedFile(str(file["name"]), int(file["bytes"]), str(file["sha256"])) for file in data["files"])
        return cls(str(data["set"]), str(data["set_id"]), str(data["made"]), files)


def assess(name: str, text: str | None, sizes: t.Mapping[str, int]) -> Entry:
    """What the copy in the folder ``name`` is: ``text`` of its record (None: there is none), ``sizes`` of its files by lower-case
    name. A good one's ``manifest`` is its record."""
    if text is None:
        return Entry(name, RECENT, IS_DAMAGED, f"it has no {RECORD}")
    try:
        record = CopyRecord.from_text(text)
    except (ValueError, KeyError, TypeError) as error:
        return Entry(name, RECENT, IS_DAMAGED, f"its {RECORD} cannot be read ({error})")
    problem = "" if record.set_name == name else f"its {RECORD} is that of set {record.set_name}"
    for file in record.files:
        size = sizes.get(file.name.lower())
        if size != file.size:
            problem = problem or f"{file.name} " + ("is missing" if size is None else f"has {size} bytes instead of {file.size}")
    return Entry(name, RECENT, IS_DAMAGED if problem else IS_GOOD, problem, record.as_dict())
