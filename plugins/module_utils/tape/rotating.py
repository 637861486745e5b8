# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tape in the drive is changed: loaded, ejected, advanced. Private to lockstep.backup: not a public interface."""

from __future__ import annotations

import datetime
import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.feature import Task
from ansible_collections.lockstep.backup.plugins.module_utils.tape import (
    moments,
    permission,
    placing,
    policies,
    settings,
    sticker,
    writing,
)
from ansible_collections.lockstep.backup.plugins.module_utils.tape.catalogue import complete_writes
from ansible_collections.lockstep.backup.plugins.module_utils.tape.session import Result, Session


def loaded(task: Task) -> Result:
    """The tape that the policy has for now, or the one that is named, is in the drive and may be written."""
    session = Session(task)
    with session.locked():
        choice = writing.choose(session, ())
        label = t.cast(str, choice.tape)
        barcode = placing.bring(session, label, choice.why)
        if not task.check_mode or placing.is_in(session, label):
            _writable(session, barcode, choice)
        session.save(f"{label} is in the drive")
        life = sticker.life_warning(session.pool, session.catalogue.tapes[label], session.moment())
        if life:
            session.warn(life)
    return session.result(tape=label, choice=choice.as_dict(), drive=session.drive.status().as_dict())


def _writable(session: Session, barcode: str | None, choice: policies.Choice) -> None:
    identity = session.identify()
    if choice.how == policies.APPEND:
        problem = permission.appending(identity, session.catalogue, session.pool, barcode)
    else:
        problem = permission.overwriting(identity, session.catalogue, session.pool, barcode, session.moment())
    if problem is not None:
        raise problem
    status = session.drive.status()
    if status.write_protected or status.needs_cleaning:
        slug = "tape_write_protected" if status.write_protected else "drive_needs_cleaning"
        what = (
            f"Tape {identity.name} is write-protected. Move its tab." if status.write_protected else "The drive asks to be cleaned."
        )
        raise LockstepError(slug, what, tape=identity.name)


def ejected(task: Task) -> Result:
    """The drive is empty, and the catalogue knows where its tape went."""
    session = Session(task)
    with session.locked():
        label = placing.eject(session, task.params["location"])
        session.save("where the tape is")
    text = _sticker(session, label)
    return session.result(tape=label, sticker=text)


def _sticker(session: Session, label: str | None) -> str | None:
    tape = session.catalogue.tapes.get(label or "")
    if tape is None:
        return None
    params = session.params
    date = session.now.date()
    if tape.last_written is not None:
        date = moments.day(tape.last_written, session.now.tzinfo)
    return sticker.sticker(params["title"] or tape.pool, params["server"] or session.host.name, date, tape.label)


def advanced(task: Task) -> Result:
    """No more is appended to the tape in use, and the next one of the rotation is in the drive, or is asked for."""
    session = Session(task)
    with session.locked():
        closed = _close_open(session)
        choice = policies.choose(
            session.policy,
            session.pool,
            session.catalogue,
            policies.Question(_next_run(session), placing.present_labels(session)),
        )
        if choice.tape is None:
            session.save("the tape in use is closed")
            raise LockstepError("no_tape_free" if choice.due else "tape_not_due", choice.why, passed_over=list(choice.passed_over))
        text = None if placing.is_in(session, choice.tape) else _sticker(session, placing.eject(session, task.params["location"]))
        inserted = _insert(session, choice.tape, choice.why)
        session.save(f"{choice.tape} is next")
    where = session.catalogue.tapes[choice.tape].location
    return session.result(tape=choice.tape, choice=choice.as_dict(), closed=closed, inserted=inserted, location=where, sticker=text)


def _insert(session: Session, label: str, why: str) -> bool:
    """Without a changer and without time to wait, it is enough to have said which tape is next."""
    if session.changer is None and not session.params["wait_seconds"] and not placing.is_in(session, label):
        placing.ask(session, label, why)
        return False
    placing.bring(session, label, why)
    return True


def _close_open(session: Session) -> list[str]:
    pool = session.pool
    complete = complete_writes(session.catalogue, pool.name)
    closed = [tape for tape in session.catalogue.of_pool(pool.name) if pool.use_days and tape.label in complete and not tape.closed]
    for tape in closed:
        tape.closed = True
        tape.note(session.text_moment(), "closed")
        session.act("close", tape.label, "nothing more is appended to it")
    return [tape.label for tape in closed]


def _next_run(session: Session) -> datetime.datetime:
    """The given date, or the policy's next day after today."""
    if session.params["date"] is not None:
        return settings.moment_of(session.params["date"], session.now)
    for ahead in range(1, 400):
        day = session.now + datetime.timedelta(days=ahead)
        if policies.is_run(session.policy, day.date()):
            return day
    raise settings.invalid("policy", "has no day with a run within a year.")
