# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the catalogue, the drive and the changer say. Changes nothing. Private to lockstep.backup: not a public interface."""

from __future__ import annotations

import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.feature import Task
from ansible_collections.lockstep.backup.plugins.module_utils.tape import placing, policies, settings, sticker
from ansible_collections.lockstep.backup.plugins.module_utils.tape.session import Result, Session


def query(task: Task) -> Result:
    """Needs no lock. The drive is left alone while a run holds the lock: reading a label moves the tape."""
    session = Session(task)
    session.read_catalogue()
    holder = session.lock.holder()
    pool = session.given_pool
    tapes = session.catalogue.of_pool(pool.name) if pool else list(session.catalogue.tapes.values())
    moment = settings.moment_of(task.params["date"], session.now)
    choice = None
    if pool is not None:
        for tape in tapes:
            life = sticker.life_warning(pool, tape, session.now)
            if life:
                session.warn(life)
        question = policies.Question(moment, placing.present_labels(session) if task.params["changer"] and holder is None else None)
        choice = policies.choose(session.policy, pool, session.catalogue, question).as_dict()
    return {
        "changed": False,
        "catalogue": session.path,
        "tapes": [sticker.statistics(pool, tape, session.now) for tape in sorted(tapes, key=lambda tape: tape.label)],
        "sets": [vars(found) for found in session.catalogue.sets.values() if pool is None or found.pool == pool.name],
        "choice": choice,
        "lock": holder.as_dict() if holder else None,
        "drive": _drive(session) if task.params["device"] and holder is None else None,
        "life_warnings": session.warnings,
    }


def _drive(session: Session) -> dict[str, t.Any]:
    """A drive that does not answer is no reason not to tell what the catalogue says."""
    try:
        status = session.drive.status()
        identity = session.identify().as_dict() if status.loaded and not status.needs_cleaning else None
    except LockstepError as error:
        return {"error": error.message, "error_code": error.slug}
    return {**status.as_dict(), "tape": identity}
