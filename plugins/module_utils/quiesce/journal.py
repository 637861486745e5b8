# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal's content, and what it decides. Pure. Private to lockstep.backup: not a public interface.

The whole ordered intent is written once, before the first stop, and not again before each stop: a write is a round trip
inside the outage, and it would add nothing that recovery uses. Recovery starts the units that are recorded as having run
and do not run now, in start order; whether the interrupted run had already asked one of them to stop is seen from its
live state, which no record could tell as well (a record written before a stop does not know whether the stop happened).
The one thing given up: a unit that a person stopped by hand during somebody's interrupted quiesce is started by the recovery.
After a resume that did not succeed as a whole, the journal is written again with only what is still to be done.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
import re
import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.owner import Owner
from ansible_collections.lockstep.backup.plugins.module_utils.quiesce.plan import Unit

SCHEMA = 1
QUIESCED = "quiesced"
RESUMING = "resuming"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")


@dataclasses.dataclass(frozen=True)
class Journal:
    """``wanted`` is the option ``units`` as given; ``units`` is what it meant, in stop order. ``since`` is the host's wall
    clock. ``boot_id`` and ``monotonic`` (seconds) are of the machine where the feature ran, for a duration that no change of
    a clock falsifies."""

    name: str
    owner: Owner
    since: datetime.datetime
    boot_id: str
    monotonic: float
    wanted: tuple[t.Mapping[str, t.Any], ...]
    units: tuple[Unit, ...]
    armed_until: datetime.datetime | None = None
    phase: str = QUIESCED

    def dumps(self) -> str:
        data = {
            "schema": SCHEMA,
            "name": self.name,
            "phase": self.phase,
            "owner": self.owner.as_dict(),
            "since": self.since.isoformat(),
            "boot_id": self.boot_id,
            "monotonic": self.monotonic,
            "armed_until": self.armed_until.isoformat() if self.armed_until else None,
            "wanted": [dict(entry) for entry in self.wanted],
            "units": [unit.as_dict() for unit in self.units],
        }
        return json.dumps(data, indent=1) + "\n"

    @classmethod
    def loads(cls, text: str, path: str) -> Journal:
        """Raise ``journal_damaged`` for anything that is not a journal of this schema."""
        try:
            data = json.loads(text)
            if data["schema"] != SCHEMA:
                raise ValueError(f"schema {data['schema']} is not {SCHEMA}")
            return cls(
                name=str(data["name"]),
                owner=Owner.from_dict(data["owner"]),
                since=datetime.datetime.fromisoformat(data["since"]),
                boot_id=str(data["boot_id"]),
                monotonic=float(data["monotonic"]),
                wanted=tuple(data["wanted"]),
                units=tuple(Unit.from_dict(unit) for unit in data["units"]),
                armed_until=datetime.datetime.fromisoformat(data["armed_until"]) if data["armed_until"] else None,
                phase=str(data["phase"]),
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise LockstepError(
                "journal_damaged",
                f"The journal {path} cannot be read ({error}). It says which units a run has stopped: look at it, start what "
                "has to run by hand, then remove its folder.",
                journal=path,
            ) from error

    def outage_seconds(self, now: datetime.datetime, here: str, monotonic: float) -> float:
        """Since the outage began. By the monotonic clock when the same boot of the same machine counts, else by the wall."""
        if here == self.boot_id and here != "unknown" and monotonic >= self.monotonic:
            return monotonic - self.monotonic
        return max(0.0, (now - self.since).total_seconds())


def check_name(name: str) -> None:
    """Raise ``invalid_name`` for what cannot be the name of a file and of a timer on every platform."""
    if not _NAME.fullmatch(name):
        raise LockstepError(
            "invalid_name",
            f"The name {name!r} cannot name a journal: use letters, digits, dot, underscore and hyphen, at most 80 of them, "
            "beginning with a letter or digit.",
        )


def refuse_other_units(journal: Journal, wanted: t.Sequence[t.Mapping[str, t.Any]], path: str) -> None:
    """Raise ``units_differ`` when this run already holds the journal for something else."""
    if list(journal.wanted) != list(wanted):
        raise LockstepError(
            "units_differ",
            f"The journal {path} of this run records other units than the task gives. Use another name for them, or resume "
            f"{journal.name} first.",
            journal=path,
            recorded=[dict(entry) for entry in journal.wanted],
        )


def refuse_unfinished(journal: Journal, mine: Owner, path: str) -> None:
    """Raise ``unfinished_quiesce`` when the journal has to be resumed before anything is stopped under its name."""
    if journal.owner.run_id == mine.run_id and journal.phase == QUIESCED:
        return
    raise LockstepError(
        "unfinished_quiesce",
        f"The quiesce {journal.name} of {journal.owner.describe()}, begun {journal.since.isoformat()}, was never resumed "
        f"completely ({path}). Run state: resumed for it first; what it stopped may still be stopped.",
        journal=path,
        owner=journal.owner.as_dict(),
    )
