# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the catalogue says of a tape from before its first block is written. Private to lockstep.backup: not a public interface."""

from __future__ import annotations

import datetime

from ansible_collections.lockstep.backup.plugins.module_utils.tape import moments
from ansible_collections.lockstep.backup.plugins.module_utils.tape.catalogue import Catalogue, StoredSet, Tape
from ansible_collections.lockstep.backup.plugins.module_utils.tape.policies import Pool


def begin(catalogue: Catalogue, stored: StoredSet, tape: Tape, pool: Pool, moment: datetime.datetime, appending: bool) -> list[str]:
    """``stored`` gets the tape as its last one. The ids of the sets that are lost with it."""
    at, lost = moments.text(moment), []
    if appending:
        kept = moments.later(moment, pool.retention(tape.group))
        tape.expires = max(tape.expires or "", kept)
        tape.note(at, f"appended {stored.set_id}")
    else:
        lost = catalogue.forget_sets_on(tape.label)
        tape.first_written = at
        tape.expires = moments.later(moment, pool.protected_days(tape.group))
        tape.used_bytes, tape.files, tape.closed = 0, 0, False
        tape.note(at, f"overwritten for {stored.set_id}" + (f", had {', '.join(lost)}" if lost else ""))
    tape.last_written = at
    tape.writes += 1
    stored.tapes.append({"label": tape.label, "volume_id": tape.volume_id, "first_file": tape.files, "segments": []})
    catalogue.sets[stored.set_id] = stored
    return lost
