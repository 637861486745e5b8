# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the tape in the drive may be written. Pure functions. Private to lockstep.backup: not a public interface.

Catalogue, label on tape and, with a changer, barcode must agree. A tape of which they do not is never written, except under its own
name, given explicitly.
"""

from __future__ import annotations

import datetime
import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.tape import changer as changers
from ansible_collections.lockstep.backup.plugins.module_utils.tape import identity as identities
from ansible_collections.lockstep.backup.plugins.module_utils.tape import moments, policies
from ansible_collections.lockstep.backup.plugins.module_utils.tape.catalogue import Catalogue, Tape, complete_writes
from ansible_collections.lockstep.backup.plugins.module_utils.tape.drive import DriveStatus
from ansible_collections.lockstep.backup.plugins.module_utils.tape.identity import Identity


def disagreement(identity: Identity, catalogue: Catalogue, barcode: str | None) -> LockstepError | None:
    """What is wrong with taking the tape in the drive for the one that the catalogue knows by its label, or None.

    Slugs ``tape_blank``, ``tape_foreign``, ``tape_unreadable``, ``tape_unknown``, ``tape_mismatch``.
    """
    found = {"found": identity.as_dict(), "barcode": barcode}
    if identity.kind == identities.BLANK:
        return LockstepError(
            "tape_blank", "The tape in the drive is blank. Label it with state=labelled, or insert another one.", **found
        )
    if identity.kind == identities.UNREADABLE:
        return LockstepError(
            "tape_unreadable",
            f"The beginning of the tape in the drive cannot be read ({identity.format}). Clean the drive, or take another tape.",
            **found,
        )
    if identity.kind == identities.FOREIGN or identity.info["installation"] != catalogue.installation:
        return LockstepError(
            "tape_foreign",
            f"In the drive is {identity.describe()}. It is not touched. To use it here all the same, run state=labelled with "
            f"overwrite={identity.name}; everything on it is lost then.",
            **found,
        )
    tape = catalogue.tapes.get(identity.name)
    if tape is None:
        return LockstepError(
            "tape_unknown",
            f"In the drive is {identity.describe()}, which the catalogue does not have. Add it with state=imported.",
            **found,
        )
    wrong = _differences(identity, tape, barcode)
    if wrong:
        return LockstepError(
            "tape_mismatch",
            f"Tape {tape.label}: {'; '.join(wrong)}. It is not written. Find out which of them is right; state=imported takes over "
            "what the tape says.",
            **found,
        )
    return None


def _differences(identity: Identity, tape: Tape, barcode: str | None) -> list[str]:
    info = identity.info
    wrong = []
    if info["volume_id"] != tape.volume_id:
        wrong.append(f"its label was written as volume {info['volume_id']}, and the catalogue has {tape.volume_id}")
    if info["pool"] != tape.pool or info["group"] != tape.group:
        wrong.append(f"its label says pool {info['pool']} {info['group']}, the catalogue says {tape.pool} {tape.group}")
    if barcode is not None and not changers.carries(barcode, tape.label):
        wrong.append(f"its barcode is {barcode}")
    if barcode is not None and tape.barcode is not None and barcode != tape.barcode:
        wrong.append(f"its barcode is {barcode}, and was {tape.barcode}")
    return wrong


def wrong_tape(identity: Identity, catalogue: Catalogue, barcode: str | None, wanted: str) -> LockstepError | None:
    """As ``disagreement``, and slug ``tape_wrong`` for any other tape than ``wanted``."""
    if identity.kind == identities.OURS and identity.name != wanted and identity.info["installation"] == catalogue.installation:
        return LockstepError(
            "tape_wrong",
            f"In the drive is {identity.describe()}, and {wanted} is wanted.",
            found=identity.as_dict(),
            wanted=wanted,
        )
    return disagreement(identity, catalogue, barcode)


def overwriting(
    identity: Identity, catalogue: Catalogue, pool: policies.Pool, barcode: str | None, moment: datetime.datetime
) -> LockstepError | None:
    """What forbids overwriting the tape in the drive from its beginning, or None.

    Slugs beside those of ``disagreement``: ``tape_wrong`` for another pool's, ``tape_retained``, ``tape_in_future``.
    """
    problem = disagreement(identity, catalogue, barcode)
    if problem:
        return problem
    tape = catalogue.tapes[identity.name]
    if tape.pool != pool.name:
        return LockstepError("tape_wrong", f"In the drive is {identity.describe()}. Pools never mix.", found=identity.as_dict())
    members = [other for other in catalogue.of_pool(pool.name) if other.group == tape.group]
    policies.refuse_future(members, moment)
    complete = complete_writes(catalogue, pool.name)
    against = policies.retained(pool, tape, complete, policies.written_in_group(complete, members), moment)
    against = against or _retained_by_label(identity, catalogue, moment)
    if against:
        return LockstepError(
            "tape_retained",
            f"Tape {tape.label} must not be overwritten: {against}.",
            tape=tape.label,
            until=policies.retained_until(pool, tape),
        )
    return None


def _retained_by_label(identity: Identity, catalogue: Catalogue, moment: datetime.datetime) -> str | None:
    """The tape's own word, where the catalogue is older than the tape. A newer one knows what became of the set."""
    info: t.Mapping[str, t.Any] = identity.info
    if info["set_id"] is None or info["expires"] is None or moments.text(moment) >= info["expires"]:
        return None
    if info.get("at", info["written"]) <= (catalogue.tapes[identity.name].last_written or ""):
        return None
    return f"its own label says that set {info['set_id']} is kept until {info['expires']}"


class Wish(t.NamedTuple):
    """What somebody wants to write: from the beginning of the tape or behind what is on it, so many bytes, when."""

    overwrites: bool
    needed: int
    moment: datetime.datetime


def writing(
    identity: Identity, catalogue: Catalogue, pool: policies.Pool, barcode: str | None, status: DriveStatus, wish: Wish
) -> LockstepError | None:
    """What forbids writing to the tape in the drive now, or None.

    Slugs of ``overwriting`` or ``appending``, and ``tape_write_protected``, ``drive_needs_cleaning``, ``tape_full``.
    """
    if wish.overwrites:
        problem = overwriting(identity, catalogue, pool, barcode, wish.moment)
    else:
        problem = appending(identity, catalogue, pool, barcode)
    if problem is not None:
        return problem
    tape = catalogue.tapes[identity.name]
    if status.write_protected:
        return LockstepError(
            "tape_write_protected",
            f"Tape {tape.label} is write-protected. Eject it, move its tab, and insert it again.",
            tape=tape.label,
        )
    if status.needs_cleaning:
        return LockstepError("drive_needs_cleaning", "The drive asks to be cleaned.", tape=tape.label)
    return too_small(tape, wish.needed, room(status, pool, tape, not wish.overwrites))


def room(status: DriveStatus, pool: policies.Pool, tape: Tape, appends: bool) -> int | None:
    """Bytes that fit behind what is on the tape, or on all of it; None where neither the drive nor the pool knows."""
    if appends and status.remaining is not None:
        return status.remaining
    capacity = status.capacity if status.capacity is not None else pool.capacity
    if not capacity:
        return None
    return max(0, capacity - (tape.used_bytes if appends else 0))


def too_small(tape: Tape, needed: int, has: int | None) -> LockstepError | None:
    """Slug ``tape_full`` when it is known that so many bytes do not fit."""
    if has is None or needed <= has:
        return None
    return LockstepError(
        "tape_full",
        f"The set has {needed} bytes, and tape {tape.label} has room for {has}. Nothing was written. Make room with "
        "state=advanced, or allow more than one tape with span=true.",
        tape=tape.label,
        needed=needed,
        room=has,
    )


def loss(catalogue: Catalogue, tape: Tape) -> str:
    """The warning before a tape is overwritten. Source: Backing Up the eTravel System, "Stopping the System and Beginning the
    Backup"."""
    sets = ", ".join(sorted(found.set_id for found in catalogue.sets_on(tape.label)))
    holds = f"It was last written {tape.last_written}" if tape.last_written else "It has never been written"
    return f"Any data on tape {tape.label} will be overwritten. {holds}{f', and holds {sets}' if sets else ''}."


def appending(identity: Identity, catalogue: Catalogue, pool: policies.Pool, barcode: str | None) -> LockstepError | None:
    """What forbids appending to the tape in the drive, or None. Slugs as in ``disagreement``, and ``tape_wrong``."""
    problem = disagreement(identity, catalogue, barcode)
    if problem is None and catalogue.tapes[identity.name].pool != pool.name:
        return LockstepError("tape_wrong", f"In the drive is {identity.describe()}. Pools never mix.", found=identity.as_dict())
    return problem
