# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tapes that another program wrote with our knowledge. Pure functions. Private to lockstep.backup: not a public interface.

A site's own backup program knows nothing of our labels and overwrites them. From then on the catalogue knows the tape by the
beginning that the program gave it.
"""

from __future__ import annotations

import datetime

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.tape import identity as identities
from ansible_collections.lockstep.backup.plugins.module_utils.tape import moments
from ansible_collections.lockstep.backup.plugins.module_utils.tape.catalogue import COMPLETE, Catalogue, StoredSet, Tape
from ansible_collections.lockstep.backup.plugins.module_utils.tape.identity import Identity
from ansible_collections.lockstep.backup.plugins.module_utils.tape.policies import Pool


def recognised(identity: Identity, catalogue: Catalogue) -> Identity:
    """A foreign tape that the catalogue knows by its beginning is one of ours."""
    if identity.kind != identities.FOREIGN or not identity.fingerprint:
        return identity
    known = ((tape, tape.seal) for tape in catalogue.tapes.values() if tape.seal is not None)
    found = next(((tape, seal) for tape, seal in known if seal["fingerprint"] == identity.fingerprint), None)
    if found is None:
        return identity
    tape, seal = found
    info = {
        "installation": catalogue.installation,
        "pool": tape.pool,
        "group": tape.group,
        "label": tape.label,
        "volume_id": tape.volume_id,
        "labelled": tape.labelled,
        "set_id": seal["set_id"],
        "written": seal["at"],
        "at": seal["at"],
        "expires": tape.expires,
        "sealed": True,
    }
    return Identity(identities.OURS, tape.label, identity.format, info, identity.fingerprint, identity.media_name)


def objection(identity: Identity, tape: Tape) -> LockstepError | None:
    """Why what is in the drive cannot be what another program has just written onto this tape, or None.

    Slugs ``tape_not_overwritten``, ``tape_wrong``, ``tape_blank``, ``tape_unreadable``.
    """
    found = {"found": identity.as_dict(), "tape": tape.label}
    if identity.kind == identities.BLANK:
        return LockstepError(
            "tape_blank", f"The tape in the drive is blank: nothing was written to it, or it is not {tape.label}.", **found
        )
    if identity.kind == identities.UNREADABLE:
        return LockstepError(
            "tape_unreadable",
            f"The beginning of the tape in the drive cannot be read ({identity.format}), so nobody knows what was written. Clean "
            "the drive, and make the backup again.",
            **found,
        )
    if identity.kind == identities.FOREIGN:
        return None
    if identity.info["volume_id"] != tape.volume_id:
        return LockstepError(
            "tape_wrong",
            f"In the drive is {identity.describe()}, or a tape that begins exactly alike, and {tape.label} was to be overwritten.",
            **found,
        )
    return LockstepError(
        "tape_not_overwritten",
        f"Tape {tape.label} begins as it did before: the program wrote nothing to it, or appended. There is no set on it to be "
        "recorded. See in the program's log where it wrote to.",
        **found,
    )


def seal(
    catalogue: Catalogue, stored: StoredSet, tape: Tape, pool: Pool, moment: datetime.datetime, identity: Identity, size: int
) -> list[str]:
    """The catalogue has the set on the tape, written now and kept from now on. The ids of the sets that are lost with it."""
    at = moments.text(moment)
    lost = catalogue.forget_sets_on(tape.label)
    tape.seal = {
        "fingerprint": identity.fingerprint,
        "format": identity.format,
        "media_name": identity.media_name,
        "set_id": stored.set_id,
        "at": at,
    }
    tape.first_written = tape.last_written = at
    tape.expires = moments.later(moment, pool.retention(tape.group))
    # Nobody but that program could append to it.
    tape.files, tape.used_bytes, tape.closed = 0, size, True
    tape.total_bytes += size
    tape.writes += 1
    tape.note(at, f"overwritten by another program for {stored.set_id}" + (f", had {', '.join(lost)}" if lost else ""))
    stored.state = COMPLETE
    stored.tapes.append({"label": tape.label, "volume_id": tape.volume_id, "first_file": 0, "segments": []})
    catalogue.sets[stored.set_id] = stored
    return lost
