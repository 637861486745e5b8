# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bringing a tape into the drive and out of it, by a changer or by a person. Private to lockstep.backup: not a public interface."""

from __future__ import annotations

import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.tape import changer as changers
from ansible_collections.lockstep.backup.plugins.module_utils.tape import permission
from ansible_collections.lockstep.backup.plugins.module_utils.tape.changer import Changer
from ansible_collections.lockstep.backup.plugins.module_utils.tape.identity import Identity
from ansible_collections.lockstep.backup.plugins.module_utils.tape.session import Session

IN_DRIVE = "drive"


def present_labels(session: Session) -> set[str] | None:
    """Labels of the catalogue's tapes that the changer has, or None without a changer that reads barcodes."""
    changer = session.changer
    if changer is None:
        return None
    inventory = changer.inventory()
    codes = [code for code in (inventory["drive"], *inventory["slots"].values()) if code]
    if not codes:
        return None
    return {label for label in session.catalogue.tapes if any(changers.carries(code, label) for code in codes)}


def bring(session: Session, label: str, why: str) -> str | None:
    """Have the tape in the drive: the right one, as its label on tape says. Its barcode, where a changer reads it.

    In check mode a tape that is not in yet is only planned, and so is looking at its label. Slugs ``tape_not_inserted``,
    ``tape_wrong``, ``changer_failed``, and those of ``permission.disagreement``.
    """
    changer = session.changer
    barcode = _by_changer(session, changer, label, why) if changer is not None else None
    if changer is None:
        _by_person(session, label, why)
    elif not session.task.check_mode or _was_in(changer, label):
        await_ready(session)
        problem = permission.wrong_tape(session.identify(), session.catalogue, barcode, label)
        if problem:
            raise problem
    session.act("check_label", label, "the label on tape is that of the catalogue")
    _settle(session, label, IN_DRIVE)
    return barcode


def is_in(session: Session, label: str) -> bool:
    """Whether the tape is in the drive, by its own label."""
    if not session.drive.status().loaded:
        return False
    return permission.wrong_tape(session.identify(), session.catalogue, None, label) is None


def eject(session: Session, location: str | None) -> str | None:
    """Empty the drive; the label of the tape that was in it, if the catalogue has it. ``location``: where it goes."""
    status = session.drive.status()
    changer = session.changer
    if changer is not None:
        inventory = changer.inventory()
        if inventory["drive"] is None:
            return None
        label = next((known for known in session.catalogue.tapes if changers.carries(inventory["drive"], known)), None)
        slot = _free(changer, inventory)
        session.act("unload", label or inventory["drive"] or session.drive.name, f"to slot {slot}", lambda: changer.unload(slot))
        location = location or f"slot {slot}"
    else:
        if not status.loaded:
            return None
        identity = session.identify()
        label = identity.name if permission.disagreement(identity, session.catalogue, None) is None else None
        session.act("eject", label or identity.describe(), "", session.drive.unload)
    if label is not None:
        _settle(session, label, location or "")
    return label


def _settle(session: Session, label: str, location: str) -> None:
    for tape in session.catalogue.tapes.values():
        if location == IN_DRIVE and tape.location == IN_DRIVE and tape.label != label:
            tape.location = ""
    session.catalogue.tapes[label].location = location


def _was_in(changer: Changer, label: str) -> bool:
    return changers.carries(changer.inventory()["drive"] or "", label)


def _free(changer: Changer, inventory: t.Mapping[str, t.Any]) -> int:
    slot = changers.free_slot(inventory)
    if slot is None:
        raise LockstepError(
            "changer_failed", f"The changer {changer.name} has no free slot for the tape in the drive. Take a tape out."
        )
    return slot


def _by_changer(session: Session, changer: Changer, label: str, why: str) -> str | None:
    inventory = changer.inventory()
    loaded: str | None = inventory["drive"]
    if loaded is not None and changers.carries(loaded, label):
        return loaded
    slot = changers.slot_with(inventory, label)
    if slot is None:
        raise LockstepError(
            "tape_not_inserted",
            f"Tape {label} is not in the changer {changer.name}{_where(session, label)}. {why} Put it into a slot.",
            tape=label,
        )
    if loaded is not None:
        home = _free(changer, inventory)
        session.act("unload", loaded or session.drive.name, f"to slot {home}", lambda: changer.unload(home))
        for tape in session.catalogue.tapes.values():
            if loaded and changers.carries(loaded, tape.label):
                tape.location = f"slot {home}"
    session.act("load", label, f"from slot {slot}: {why}", lambda: changer.load(slot))
    barcode: str = inventory["slots"][slot]
    return barcode


def await_ready(session: Session) -> None:
    """A drive takes its time to draw a tape in."""
    deadline = session.task.clock.monotonic() + session.params["load_timeout"]
    session.drive.load()
    while not session.drive.status().loaded:
        if session.task.clock.monotonic() >= deadline:
            raise LockstepError(
                "drive_empty",
                f"The drive {session.drive.name} is not ready {session.params['load_timeout']:g} s after loading. Look at it.",
            )
        session.task.clock.sleep(1.0)


def _by_person(session: Session, label: str, why: str) -> None:
    """Ask for the tape unless it is in, and wait for it. What is wrong with a wrong one is said as soon as it is in."""
    seen: Identity | None = None
    problem: LockstepError | None = None
    asked = False
    deadline = session.task.clock.monotonic() + (0 if session.task.check_mode else session.params["wait_seconds"])
    request = _request(session, label, why)
    while True:
        # Never told to load here: a drive would draw in again the tape that it has just given back.
        if session.drive.status().loaded:
            identity = session.identify()
            if identity != seen:
                seen, problem = identity, permission.wrong_tape(identity, session.catalogue, None, label)
                if problem is None:
                    return
                _tell(session, problem.message)
        else:
            seen = None
        if not asked:
            asked = True
            ask(session, label, why)
            if session.task.check_mode:
                session.act("load", label, "by a person")
                return
        if session.task.clock.monotonic() >= deadline:
            if problem is not None and seen is not None:
                raise problem
            raise LockstepError("tape_not_inserted", f"Nobody inserted the tape in time. {request}", tape=label)
        session.task.clock.sleep(session.params["poll_seconds"])
        session.check_lock()


def ask(session: Session, label: str, why: str) -> None:
    """Say which tape is to be inserted, and do not wait for it."""
    request = _request(session, label, why)
    session.act("ask", label, request, lambda: _tell(session, request))


def _request(session: Session, label: str, why: str) -> str:
    return f"Insert tape {label} into the drive {session.drive.name} on {session.host.name}{_where(session, label)}. {why}"


def _tell(session: Session, message: str) -> None:
    """To whoever changes tapes: as progress, and to the site's command."""
    session.task.progress(message)
    if session.params["notify"] and not session.task.check_mode:
        try:
            done = session.host.run(session.params["notify"], stdin=message + "\n")
        except LockstepError as error:
            session.warn(f"The command of notify failed: {error.message}")
            return
        if done.exit_code:
            session.warn(f"The command of notify ended with exit code {done.exit_code}: {' '.join(done.stderr.split())}")


def _where(session: Session, label: str) -> str:
    tape = session.catalogue.tapes.get(label)
    if tape is None or not tape.location or tape.location == IN_DRIVE:
        return ""
    return f" (it should be: {tape.location})"
