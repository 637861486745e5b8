# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a site's own program wrote gets into the catalogue. Private to lockstep.backup: not a public interface."""

from __future__ import annotations

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.feature import Task
from ansible_collections.lockstep.backup.plugins.module_utils.tape import changer as changers
from ansible_collections.lockstep.backup.plugins.module_utils.tape import identity as identities
from ansible_collections.lockstep.backup.plugins.module_utils.tape import placing, rotating, seals, settings
from ansible_collections.lockstep.backup.plugins.module_utils.tape.catalogue import COMPLETE, StoredSet, Tape
from ansible_collections.lockstep.backup.plugins.module_utils.tape.identity import Identity
from ansible_collections.lockstep.backup.plugins.module_utils.tape.session import Result, Session


def sealed(task: Task) -> Result:
    """Record that ``set_id`` is on the tape in the drive. Unchanged when the catalogue has it there already."""
    session = Session(task)
    if task.check_mode and _is_still_to_come(session):
        return _planned(session)
    with session.locked():
        tape = _expected(session)
        if not session.drive.status().loaded:
            raise LockstepError(
                "drive_empty",
                f"There is no tape in the drive {session.drive.name}, and {tape.label} should be. Nobody knows what was written.",
                tape=tape.label,
            )
        identity = session.identify()
        session.act("read", tape.label, "how it begins")
        stored = session.catalogue.sets.get(task.params["set_id"])
        if stored is None or not _is_sealed(stored, tape, identity):
            stored = _seal(session, tape, identity)
        session.save(f"{stored.set_id} is on {tape.label}")
    return session.result(
        set=vars(stored), tape=tape.label, found=identity.as_dict(), sticker=rotating.sticker_of(session, tape.label)
    )


def _is_still_to_come(session: Session) -> bool:
    """Whether the tape that is named was only planned to be loaded: in the check mode of a whole playbook nobody has put it in."""
    session.read_catalogue()
    tape = session.catalogue.tapes.get(session.params["tape"] or "")
    return tape is not None and tape.pool == session.pool.name and tape.location != placing.IN_DRIVE


def _planned(session: Session) -> Result:
    label = session.params["tape"]
    with session.locked():
        session.act("seal", label, f"it holds {session.params['set_id']}")
    return session.result(set=None, tape=label, found=None, sticker=rotating.sticker_of(session, label))


def _expected(session: Session) -> Tape:
    """The tape that the catalogue has in the drive, for its own label is gone. Slugs ``tape_unknown``, ``tape_wrong``."""
    known = session.catalogue.tapes.values()
    tape = next((tape for tape in known if tape.location == placing.IN_DRIVE), None)
    named = session.params["tape"]
    if tape is None or named not in (None, tape.label):
        has = "none" if tape is None else tape.label
        raise LockstepError(
            "tape_unknown" if tape is None else "tape_wrong",
            f"The catalogue has {has} in the drive{f', and {named} is named' if named else ''}. Load the tape with state=loaded "
            "before another program overwrites it: then it is known which one that is.",
            tape=named,
        )
    if tape.pool != session.pool.name:
        raise LockstepError(
            "tape_wrong", f"Tape {tape.label} in the drive is of pool {tape.pool}. Pools never mix.", tape=tape.label
        )
    barcode = session.changer.inventory()["drive"] if session.changer is not None else None
    if barcode and not changers.carries(barcode, tape.label):
        raise LockstepError("tape_wrong", f"The tape in the drive has the barcode {barcode}, and should be {tape.label}.")
    return tape


def _is_sealed(stored: StoredSet, tape: Tape, identity: Identity) -> bool:
    if stored.format and identity.sealed and identity.name == tape.label and identity.info["set_id"] == stored.set_id:
        return True
    if stored.state == COMPLETE:
        raise LockstepError(
            "set_exists", f"Set {stored.set_id} is on tape already. Give the new one an id of its own.", set_id=stored.set_id
        )
    return False


def _seal(session: Session, tape: Tape, identity: Identity) -> StoredSet:
    size = session.params["bytes"] or 0
    if size < 0:
        raise settings.invalid("bytes", "cannot be less than 0.")
    problem = seals.objection(identity, tape)
    # In check mode the other program has not run, and the tape is as it was.
    if problem is not None and not (session.task.check_mode and problem.slug == "tape_not_overwritten"):
        raise problem
    if identity.kind == identities.FOREIGN and not identity.fingerprint:
        session.warn(f"Tape {tape.label} begins with a file mark. It will not be recognised, and will count as a foreign tape.")
    session.check_lock()
    at = session.text_moment()
    stored = StoredSet(session.params["set_id"], tape.pool, COMPLETE, at, 0, [], [], format=identity.format or "unknown")
    lost = seals.seal(session.catalogue, stored, tape, session.pool, session.moment(), identity, size)
    session.act("seal", tape.label, f"{identity.describe()} holds {stored.set_id}{'; lost: ' + ', '.join(lost) if lost else ''}")
    return stored
