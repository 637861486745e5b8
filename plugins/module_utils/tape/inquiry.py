# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the catalogue, the drive and the changer say. Changes nothing. Private to lockstep.backup: not a public interface."""

from __future__ import annotations

import datetime
import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.feature import Task
from ansible_collections.lockstep.backup.plugins.module_utils.tape import identity as identities
from ansible_collections.lockstep.backup.plugins.module_utils.tape import permission, placing, policies, settings, sticker
from ansible_collections.lockstep.backup.plugins.module_utils.tape.drive import DriveStatus
from ansible_collections.lockstep.backup.plugins.module_utils.tape.identity import Identity
from ansible_collections.lockstep.backup.plugins.module_utils.tape.session import Result, Session


def query(task: Task) -> Result:
    """Needs no lock. The drive is left alone while a run holds the lock: reading a label moves the tape."""
    session = Session(task)
    session.read_catalogue()
    holder = session.lock.holder()
    pool = session.given_pool
    tapes = session.catalogue.of_pool(pool.name) if pool else list(session.catalogue.tapes.values())
    moment = settings.moment_of(task.params["date"], session.now)
    choice: policies.Choice | None = None
    if pool is not None:
        for tape in tapes:
            life = sticker.life_warning(pool, tape, session.now)
            if life:
                session.warn(life)
        question = policies.Question(moment, placing.present_labels(session) if task.params["changer"] and holder is None else None)
        choice = policies.choose(session.policy, pool, session.catalogue, question)
    free = task.params["device"] and holder is None
    return {
        "changed": False,
        "catalogue": session.path,
        "tapes": [sticker.statistics(pool, tape, session.now) for tape in sorted(tapes, key=lambda tape: tape.label)],
        "sets": [vars(found) for found in session.catalogue.sets.values() if pool is None or found.pool == pool.name],
        "choice": choice.as_dict() if choice is not None else None,
        "lock": holder.as_dict() if holder else None,
        "drive": _drive(session, choice, moment) if free else None,
        "life_warnings": session.warnings,
    }


def _drive(session: Session, choice: policies.Choice | None, moment: datetime.datetime) -> dict[str, t.Any]:
    """A drive that does not answer is no reason not to tell what the catalogue says."""
    try:
        status = session.drive.status()
        identity = session.identify() if status.loaded and not status.needs_cleaning else None
        told: dict[str, t.Any] = {**status.as_dict(), "tape": identity.as_dict() if identity else None}
        if choice is not None and identity is not None:
            told["permission"] = _permission(session, choice, identity, status, moment)
    except LockstepError as error:
        return {"error": error.message, "error_code": error.slug}
    return told


def _permission(
    session: Session, choice: policies.Choice, identity: Identity, status: DriveStatus, moment: datetime.datetime
) -> dict[str, t.Any]:
    """Whether the tape in the drive may be written at ``moment``, as the policy has it, and how much fits."""
    pool = session.pool
    overwrites = choice.how != policies.APPEND
    wish = permission.Wish(overwrites, session.params["needed_bytes"] or 0, moment)
    problem: LockstepError | None
    if choice.tape is None:
        problem = LockstepError("no_tape_free" if choice.due else "tape_not_due", choice.why)
    else:
        problem = permission.wrong_tape(identity, session.catalogue, None, choice.tape)
        problem = problem or permission.writing(identity, session.catalogue, pool, None, status, wish)
    tape = session.catalogue.tapes.get(identity.name) if identity.kind == identities.OURS else None
    return {
        "allowed": problem is None,
        "error_code": problem.slug if problem else None,
        "msg": problem.message if problem else "",
        "room": permission.room(status, pool, tape, not overwrites) if tape is not None else None,
        "warning": permission.loss(session.catalogue, tape) if tape is not None and overwrites else None,
    }
