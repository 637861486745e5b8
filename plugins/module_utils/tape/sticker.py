# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is printed on a tape's sticker, and what is said of its age. Private to lockstep.backup: not a public interface."""

from __future__ import annotations

import datetime
import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.tape import moments, policies
from ansible_collections.lockstep.backup.plugins.module_utils.tape.catalogue import Tape


def sticker(title: str, server: str, date: datetime.date, label: str) -> str:
    """The three lines of the document's step 6 (what it is, the server, the date), and the tape's label below.

    Source: Backing Up the eTravel System, "Starting the Scheduler and the World Wide Web Service", step 6.
    """
    return f"{title}\n{server}\n{date.isoformat()}\n{label}"


def statistics(pool: policies.Pool | None, tape: Tape, moment: datetime.datetime) -> dict[str, t.Any]:
    """For results: what a person asks about a tape."""
    age = max(0, (moment - moments.when(tape.labelled)).days)
    found = dict(vars(tape), age_days=age, kept_until=None, life_used=None)
    if pool is not None:
        found.update(kept_until=policies.retained_until(pool, tape), life_used=round(policies.worn(pool, tape, moment), 3))
    return found


def life_warning(pool: policies.Pool, tape: Tape, moment: datetime.datetime) -> str | None:
    """A sentence when the tape's configured life is over or ends soon."""
    used = policies.worn(pool, tape, moment)
    if used < pool.life_warning:
        return None
    age = max(0, (moment - moments.when(tape.labelled)).days)
    state = "has reached the end of its life" if used >= 1 else "comes near the end of its life"
    return f"Tape {tape.label} {state}: written {tape.writes} times, {age} days old. Label a new one to take its place."
