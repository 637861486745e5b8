# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tapes of an installation and the sets on them, as data and as a file. Private to lockstep.backup: not a public interface.

A set is writing, complete, failed (nothing of it is worth keeping), or partial: tapes say that there is one, and not all of it has
been imported.
"""

from __future__ import annotations

import dataclasses
import json
import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError

FILE_NAME = "tapes.json"
VERSION = 1
WRITING, COMPLETE, FAILED, PARTIAL = "writing", "complete", "failed", "partial"
_HISTORY = 20

Segment = t.Dict[str, t.Any]
"""A stretch of a part on one tape: ``part`` (name), ``offset``, ``bytes``, ``sha256``, ``blocks``, ``file`` (tape file from 0)."""

Seal = t.Dict[str, t.Any]
"""How a tape is known that another program has overwritten with our knowledge: ``fingerprint`` of its beginning, ``format``,
``media_name``, ``set_id``, ``at``."""


@dataclasses.dataclass
class Tape:
    """One tape. Times are ISO 8601 or None; ``files`` is where the next set would be appended, as a number of tape files."""

    label: str
    volume_id: str
    pool: str
    group: str
    labelled: str
    barcode: str | None = None
    location: str = ""
    first_written: str | None = None
    last_written: str | None = None
    expires: str | None = None
    files: int = 1
    used_bytes: int = 0
    closed: bool = False
    damaged: str = ""
    writes: int = 0
    reads: int = 0
    errors: int = 0
    total_bytes: int = 0
    history: list[dict[str, str]] = dataclasses.field(default_factory=list)
    seal: Seal | None = None

    def note(self, at: str, what: str) -> None:
        """Add to the history, of which the last entries are kept."""
        self.history = [*self.history, {"at": at, "what": what}][-_HISTORY:]


@dataclasses.dataclass
class StoredSet:
    """One set. ``tapes`` in order, each with ``label``, ``volume_id``, ``first_file`` and its segments; ``parts`` with ``name``,
    ``path``, ``bytes`` and ``sha256`` of the whole part; none where another program wrote the set, in its own ``format``."""

    set_id: str
    pool: str
    state: str
    written: str
    block_size: int
    parts: list[dict[str, t.Any]]
    tapes: list[dict[str, t.Any]]
    error: str = ""
    verified: str | None = None
    format: str = ""


@dataclasses.dataclass
class Catalogue:
    installation: str
    tapes: dict[str, Tape] = dataclasses.field(default_factory=dict)
    sets: dict[str, StoredSet] = dataclasses.field(default_factory=dict)

    def of_pool(self, pool: str) -> list[Tape]:
        return [tape for tape in self.tapes.values() if tape.pool == pool]

    def sets_on(self, label: str) -> list[StoredSet]:
        return [found for found in self.sets.values() if any(place["label"] == label for place in found.tapes)]

    def forget_sets_on(self, label: str) -> list[str]:
        """The sets that go when this tape is overwritten, also those that have other tapes besides."""
        gone = [found.set_id for found in self.sets_on(label)]
        for set_id in gone:
            del self.sets[set_id]
        return gone

    def give_up(self, stored: StoredSet, error: str, close: bool = True) -> None:
        """The set failed: tapes that hold nothing else that is worth keeping need not be kept for it. Without ``close`` the next
        set may take its place behind the sets that were there before it."""
        stored.state, stored.error = FAILED, error
        for place in stored.tapes:
            tape = self.tapes.get(place["label"])
            if tape is not None:
                tape.closed = tape.closed or close
                if all(other.state == FAILED for other in self.sets_on(tape.label)):
                    tape.expires = None


def complete_writes(catalogue: Catalogue, pool: str) -> dict[str, str]:
    """When each tape of a pool got its newest complete set; tapes without one are left out."""
    newest: dict[str, str] = {}
    for found in catalogue.sets.values():
        if found.pool == pool and found.state == COMPLETE:
            for place in found.tapes:
                newest[place["label"]] = max(found.written, newest.get(place["label"], ""))
    return newest


def write(catalogue: Catalogue) -> str:
    # Shallow on purpose: with 10 000 tapes dataclasses.asdict copies for seconds.
    data = {
        "version": VERSION,
        "installation": catalogue.installation,
        "tapes": [vars(catalogue.tapes[label]) for label in sorted(catalogue.tapes)],
        "sets": [vars(catalogue.sets[set_id]) for set_id in sorted(catalogue.sets)],
    }
    return json.dumps(data, indent=1, sort_keys=True) + "\n"


def read(text: str, installation: str, path: str) -> Catalogue:
    """Slug ``catalogue_damaged`` for what is not understood, ``option_invalid`` for another installation's."""
    try:
        data = json.loads(text)
        if data["version"] != VERSION:
            raise ValueError(f"version {data['version']} is not known")
        tapes = [Tape(**entry) for entry in data["tapes"]]
        sets = [StoredSet(**entry) for entry in data["sets"]]
        found = Catalogue(data["installation"], {tape.label: tape for tape in tapes}, {entry.set_id: entry for entry in sets})
    except (ValueError, KeyError, TypeError) as error:
        raise LockstepError(
            "catalogue_damaged",
            f"The catalogue of tapes {path} cannot be understood ({error}). Move it away, then rebuild it from the tapes with "
            "state=imported. Nothing is written to any tape meanwhile.",
            path=path,
        ) from None
    if found.installation != installation:
        raise LockstepError(
            "option_invalid",
            f"The catalogue {path} is that of installation {found.installation}, not of {installation}. Give each its own folder.",
            option="installation",
        )
    return found
