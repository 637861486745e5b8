# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A tape gets its label and its place in a pool. Private to lockstep.backup: not a public interface."""

from __future__ import annotations

import secrets
import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.feature import Task
from ansible_collections.lockstep.backup.plugins.module_utils.tape import changer as changers
from ansible_collections.lockstep.backup.plugins.module_utils.tape import drive as drives
from ansible_collections.lockstep.backup.plugins.module_utils.tape import identity as identities
from ansible_collections.lockstep.backup.plugins.module_utils.tape import labels, permission, placing, policies, settings
from ansible_collections.lockstep.backup.plugins.module_utils.tape.catalogue import Tape
from ansible_collections.lockstep.backup.plugins.module_utils.tape.drive import Step
from ansible_collections.lockstep.backup.plugins.module_utils.tape.identity import Identity
from ansible_collections.lockstep.backup.plugins.module_utils.tape.session import Result, Session


def labelled(task: Task) -> Result:
    """Write a label onto the tape in the drive: a blank one, or the one that ``overwrite`` names."""
    session = Session(task)
    group = task.params["group"] or ""
    if group not in policies.groups(session.policy):
        known = ", ".join(policies.groups(session.policy)) or "none"
        raise settings.invalid("group", f"({group}) is no group of the policy {session.policy.kind}; its groups are: {known}.")
    with session.locked():
        barcode = _present(session)
        identity = session.identify()
        label = task.params["tape"] or _label(session, identity, barcode, group)
        if not labels.is_label(label):
            raise settings.invalid("tape", f"({label}) must be 1 to 6 capital letters and digits.")
        if not _is_labelled(session, identity, label, barcode, group):
            _check(session, identity, label, barcode, group)
            _write(session, identity, label, barcode, group)
    return session.result(tape=label, found=identity.as_dict(), statistics=vars(session.catalogue.tapes[label]))


def _present(session: Session) -> str | None:
    """The barcode of the tape in the drive. With a changer, the tape that is named is loaded by its barcode."""
    changer = session.changer
    if changer is not None:
        wanted = session.params["tape"]
        inventory = changer.inventory()
        loaded: str | None = inventory["drive"]
        slot = changers.slot_with(inventory, wanted) if wanted else None
        if slot is not None and not changers.carries(loaded or "", wanted):
            if session.task.check_mode:
                raise settings.invalid("tape", f"{wanted} is not in the drive, and check mode loads nothing. Load it first.")
            if loaded is not None:
                placing.eject(session, None)
            session.act("load", wanted, f"from slot {slot}", lambda: changer.load(slot))
            loaded = inventory["slots"][slot]
        placing.await_ready(session)
        return loaded or None
    session.drive.load()
    if not session.drive.status().loaded:
        raise LockstepError("drive_empty", f"There is no tape in the drive {session.drive.name}. Insert the one to be labelled.")
    return None


def _label(session: Session, identity: Identity, barcode: str | None, group: str) -> str:
    """The label that the tape has already, that of its barcode, or the pool's next free one."""
    known = session.catalogue.tapes.get(identity.name)
    if known is not None and _is_labelled(session, identity, known.label, barcode, group):
        return known.label
    if barcode:
        return barcode[:6]
    numbers = range(1, len(session.catalogue.tapes) + 2)
    return next(name for name in (session.pool.naming.format(n=n) for n in numbers) if name not in session.catalogue.tapes)


def _is_labelled(session: Session, identity: Identity, label: str, barcode: str | None, group: str) -> bool:
    tape = session.catalogue.tapes.get(label)
    if tape is None or identity.name != label or (tape.pool, tape.group) != (session.pool.name, group):
        return False
    if identity.sealed and session.params["overwrite"]:
        # It is known by what another program wrote, and is to get a label again.
        return False
    return permission.disagreement(identity, session.catalogue, barcode) is None


def _check(session: Session, identity: Identity, label: str, barcode: str | None, group: str) -> None:
    pool, given = session.pool, session.params["overwrite"]
    if barcode and not changers.carries(barcode, label):
        raise LockstepError("tape_mismatch", f"The tape in the drive has the barcode {barcode}, so its label cannot be {label}.")
    _may_write(session, identity, barcode, given)
    known = session.catalogue.tapes.get(label)
    gone = known is not None and (known.damaged or label in (*pool.missing, *pool.damaged))
    if known is not None and not gone and _overwritten_in_drive(identity, known):
        _refuse_retained(session, known, pool)
        gone = True
    if known is not None and not gone and identity.name != label:
        raise settings.invalid(
            "tape",
            f"({label}) is the label of another tape. Choose a free one, or list {label} in pool.missing or pool.damaged if this "
            "tape is to take its place.",
        )
    if known is not None and policies.retained_until(pool, known) and not gone:
        problem = permission.overwriting(identity, session.catalogue, pool, barcode, session.moment())
        if problem:
            raise problem
    others = [
        tape for tape in session.catalogue.of_pool(pool.name) if tape.group == group and tape.label not in (label, identity.name)
    ]
    lost = [tape for tape in others if tape.damaged or tape.label in (*pool.missing, *pool.damaged)]
    if len(others) - len(lost) >= pool.tapes:
        whose = f" of group {group}" if group else ""
        raise LockstepError(
            "pool_full", f"Pool {pool.name} has its {pool.tapes} tapes{whose} already. Raise pool.tapes to add one."
        )


def _overwritten_in_drive(identity: Identity, known: Tape) -> bool:
    """Whether the tape in the drive may be this one, with its label lost to another program that failed or was not recorded."""
    return identity.kind == identities.FOREIGN and known.location == placing.IN_DRIVE


def _may_write(session: Session, identity: Identity, barcode: str | None, given: str | None) -> None:
    """Only a blank tape is written without its name; one of ours besides only when its retention is over."""
    if identity.kind == identities.BLANK:
        return
    problem = permission.disagreement(identity, session.catalogue, barcode)
    # A tape that cannot be read has no name but the one on its outside.
    name = barcode if identity.kind == identities.UNREADABLE and barcode else identity.name
    if given != name:
        if problem is not None and problem.slug in ("tape_foreign", "tape_unreadable"):
            raise problem
        raise LockstepError(
            "tape_foreign",
            f"In the drive is {identity.describe()}. It is labelled anew only when it is named: overwrite={name}.",
            found=identity.as_dict(),
        )
    if identity.kind == identities.OURS and identity.info["installation"] == session.catalogue.installation:
        if problem is not None:
            raise problem
        own = session.catalogue.tapes[identity.name]
        pool = session.pool if own.pool == session.pool.name else None
        _refuse_retained(session, own, pool)


def _refuse_retained(session: Session, tape: Tape, pool: policies.Pool | None) -> None:
    until = policies.retained_until(pool, tape) if pool else tape.expires
    if until is not None and session.text_moment() < until:
        raise LockstepError(
            "tape_retained",
            f"Tape {tape.label} must not be overwritten: it is kept until {until}.",
            tape=tape.label,
            until=until,
        )


def _write(session: Session, identity: Identity, label: str, barcode: str | None, group: str) -> None:
    volume_id, at = secrets.token_hex(6), session.text_moment()
    date = session.moment().date()
    info = {
        "installation": session.catalogue.installation,
        "pool": session.pool.name,
        "group": group,
        "label": label,
        "volume_id": volume_id,
        "set_id": None,
        "written": at,
        "expires": None,
        "labelled": at,
    }
    blocks = (
        labels.vol1(label, session.catalogue.installation),
        labels.hdr1("", label, 1, date, date),
        labels.info_block(info),
    )
    steps = [Step(drives.REWIND), Step(drives.WRITE_BLOCKS, blocks=blocks), Step(drives.WRITE_MARK)]
    reason = f"pool {session.pool.name}{' group ' + group if group else ''}; in the drive is {identity.describe()}"
    session.act("label", label, reason, lambda: _label_now(session, steps, volume_id))
    for name in {label, identity.name} & set(session.catalogue.tapes):
        session.catalogue.forget_sets_on(name)
        del session.catalogue.tapes[name]
    tape = Tape(label, volume_id, session.pool.name, group, at, barcode, placing.IN_DRIVE)
    tape.note(at, "labelled")
    session.catalogue.tapes[label] = tape
    # Only now: a tape that could not be labelled is not in the catalogue.
    session.save(f"{label} belongs to pool {session.pool.name}")


def _label_now(session: Session, steps: t.Sequence[Step], volume_id: str) -> None:
    session.check_lock()
    last = session.drive.perform(steps)[-1]
    if last.end is not None:
        raise LockstepError("drive_failed", f"The label could not be written: {last.error or last.end}. Take another tape.")
    if session.identify().info.get("volume_id") != volume_id:
        raise LockstepError("tape_verify_failed", "What was written as the tape's label reads back differently. Take another tape.")
