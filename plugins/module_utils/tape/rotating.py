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
        overwrites = choice.how == policies.OVERWRITE or task.params["overwrite_accepted"] is not None
        warning = permission.loss(session.catalogue, session.catalogue.tapes[label]) if overwrites else None
        _ask_acceptance(session, label, warning)
        barcode = placing.bring(session, label, choice.why)
        if not task.check_mode or placing.is_in(session, label):
            _writable(session, barcode, overwrites)
        session.save(f"{label} is in the drive")
        life = sticker.life_warning(session.pool, session.catalogue.tapes[label], session.moment())
        if life:
            session.warn(life)
    status = session.drive.status()
    room = permission.room(status, session.pool, session.catalogue.tapes[label], not overwrites)
    return session.result(tape=label, choice=choice.as_dict(), drive=status.as_dict(), room=room, warning=warning)


def _ask_acceptance(session: Session, label: str, warning: str | None) -> None:
    """Whoever has another program overwrite the tape must know what is lost with it."""
    accepted = session.params["overwrite_accepted"]
    if accepted is None or warning is None:
        return
    if not accepted:
        raise LockstepError(
            "overwrite_not_accepted", f"{warning} Run again with overwrite_accepted=true if that is meant.", tape=label
        )
    session.warn(warning)


def _writable(session: Session, barcode: str | None, overwrites: bool) -> None:
    problem = permission.writing(
        session.identify(),
        session.catalogue,
        session.pool,
        barcode,
        session.drive.status(),
        permission.Wish(overwrites, session.params["needed_bytes"] or 0, session.moment()),
    )
    if problem is not None:
        raise problem


def recovered(task: Task) -> Result:
    """What a run that is over has left: locks, what it has still working on the drive, and the sets that it did not complete."""
    session = Session(task)
    with session.locked():
        if not task.check_mode:
            session.drive.take_over()
        session.save("what a run that is over did not complete")
        session.remove_left_locks()
    return session.result()


def ejected(task: Task) -> Result:
    """The drive is empty, and the catalogue knows where its tape went."""
    session = Session(task)
    with session.locked():
        label = placing.eject(session, task.params["location"])
        session.save("where the tape is")
    text = sticker_of(session, label)
    return session.result(tape=label, sticker=text)


def sticker_of(session: Session, label: str | None) -> str | None:
    """Of a tape of the catalogue, with the date of its last set."""
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
        text = None if placing.is_in(session, choice.tape) else sticker_of(session, placing.eject(session, task.params["location"]))
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
