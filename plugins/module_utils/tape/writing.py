# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A set is written to tape, over as many tapes as it takes. Private to lockstep.backup: not a public interface.

The catalogue says that a tape's old sets are gone before its first block is written, and that the new set is complete after every
part was read back. So whatever is interrupted leaves a set that is not complete, and never one that only looks so.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.feature import Task
from ansible_collections.lockstep.backup.plugins.module_utils.tape import (
    permission,
    placing,
    policies,
    recording,
    sections,
    settings,
    sticker,
)
from ansible_collections.lockstep.backup.plugins.module_utils.tape.catalogue import COMPLETE, WRITING, StoredSet, Tape
from ansible_collections.lockstep.backup.plugins.module_utils.tape.session import Result, Session

_UNKNOWN_SIZE = 1
"""Bytes: the least that a part can have."""


def written(task: Task) -> Result:
    """Write ``parts`` as ``set_id``. Unchanged when the catalogue has this set complete."""
    session = Session(task)
    with session.locked():
        known = session.catalogue.sets.get(task.params["set_id"])
        if known is None or known.state != COMPLETE:
            stored, choice = _write_set(session)
        else:
            _refuse_other(session, known)
            stored, choice = known, None
    tape = session.catalogue.tapes[stored.tapes[-1]["label"]]
    text = sticker.sticker(
        task.params["title"] or session.pool.name, task.params["server"] or session.host.name, session.now.date(), tape.label
    )
    return session.result(set=vars(stored), tape=tape.label, choice=choice.as_dict() if choice else None, sticker=text)


def _refuse_other(session: Session, known: StoredSet) -> None:
    given = {part["name"]: part for part in _named(session)}
    same = set(given) == {part["name"] for part in known.parts}
    if not same or known.pool != session.pool.name:
        raise LockstepError(
            "set_exists",
            f"Set {known.set_id} is on tape already, in pool {known.pool} and with other parts. Give the new one an id of its own.",
            set_id=known.set_id,
        )


def _named(session: Session) -> list[dict[str, t.Any]]:
    named = [dict(part, name=part["name"] or session.host.basename(part["path"])) for part in session.params["parts"]]
    if not named or len({part["name"] for part in named}) != len(named):
        raise settings.invalid("parts", "must not be empty, and each part needs a name of its own.")
    for part in named:
        if "/" in part["name"] or "\\" in part["name"] or part["name"] in (".", ".."):
            raise settings.invalid("parts", f"has a name that is no plain file name: {part['name']}.")
    return named


def _parts(session: Session) -> list[dict[str, t.Any]]:
    """The parts with sizes and hashes. Slugs ``part_missing``, ``part_size``, ``part_hash``."""
    found = []
    for part in _named(session):
        info = session.host.stat(part["path"])
        if info is None and session.task.check_mode:
            # In the check mode of a whole playbook they have not been made, and how large they will be is not known.
            found.append({"name": part["name"], "path": part["path"], "bytes": _UNKNOWN_SIZE, "sha256": part["sha256"] or ""})
            continue
        if info is None or info.is_dir:
            raise LockstepError(
                "part_missing", f"Part {part['path']} is not there on {session.host.name}, or is no file.", part=part["path"]
            )
        if info.size == 0:
            raise LockstepError("part_size", f"Part {part['path']} is empty. An empty part is never written.", part=part["path"])
        digest = session.host.sha256(part["path"])
        if part["sha256"] and part["sha256"].lower() != digest:
            raise LockstepError(
                "part_hash",
                f"Part {part['path']} has the SHA-256 {digest}, and should have {part['sha256']}. It is not written to tape.",
                part=part["path"],
            )
        found.append({"name": part["name"], "path": part["path"], "bytes": info.size, "sha256": digest})
    return found


def _write_set(session: Session) -> tuple[StoredSet, policies.Choice]:
    parts = _parts(session)
    stored = StoredSet(
        set_id=session.params["set_id"],
        pool=session.pool.name,
        state=WRITING,
        written=session.text_moment(),
        block_size=session.params["block_size"],
        parts=parts,
        tapes=[],
    )
    work = sections.Remaining([part["bytes"] for part in parts])
    first: policies.Choice | None = None
    used: list[str] = []
    while not work.done:
        choice = choose(session, used)
        first = first or choice
        label = t.cast(str, choice.tape)
        used.append(label)
        _on_one_tape(session, stored, work, choice)
        if not work.done:
            placing.eject(session, None)
    stored.state = COMPLETE
    session.save(f"set {stored.set_id} is complete")
    return stored, t.cast(policies.Choice, first)


def choose(session: Session, used: t.Sequence[str]) -> policies.Choice:
    """The tape of the policy, or the one that is named. Slugs ``no_tape_free``, ``tape_not_due``, ``tape_unknown``."""
    named = session.params["tape"]
    if named and not used:
        tape = session.catalogue.tapes.get(named)
        if tape is None:
            raise LockstepError("tape_unknown", f"The catalogue has no tape {named}. Label it, or import it.", tape=named)
        against = policies.unusable(session.pool, tape, placing.present_labels(session))
        if against:
            raise LockstepError("no_tape_free", f"Tape {named} is named, and cannot be used: {against}.", tape=named)
        question = policies.Question(session.moment(), exclude=set(session.catalogue.tapes) - {named})
        opened = policies.choose(
            dataclasses.replace(session.policy, kind=policies.CYCLE), session.pool, session.catalogue, question
        )
        how = policies.APPEND if opened.how == policies.APPEND else policies.OVERWRITE
        return policies.Choice(named, how, f"Tape {named} is named explicitly.", tape.group)
    question = policies.Question(
        session.moment(),
        placing.present_labels(session),
        used,
        ignore_calendar=bool(used) or session.params["any_day"],
    )
    choice = policies.choose(session.policy, session.pool, session.catalogue, question)
    if choice.tape is None:
        raise LockstepError(
            "no_tape_free" if choice.due else "tape_not_due",
            choice.why,
            passed_over=list(choice.passed_over),
        )
    return choice


def _on_one_tape(session: Session, stored: StoredSet, work: sections.Remaining, choice: policies.Choice) -> None:
    label = t.cast(str, choice.tape)
    barcode = placing.bring(session, label, choice.why)
    tape = session.catalogue.tapes[label]
    life = sticker.life_warning(session.pool, tape, session.moment())
    if life:
        session.warn(life)
    appending = choice.how == policies.APPEND
    if not session.task.check_mode or placing.is_in(session, label):
        try:
            _permit(session, barcode, appending, work.bytes_left)
        except LockstepError as error:
            if _close_full(session, tape, appending, error):
                _save_after(session, f"{tape.label} is appended to no more", error)
            raise
    section = _begin(session, stored, tape, appending, work)
    try:
        _transfer(session, stored, tape, section, work)
    except LockstepError as error:
        _close_full(session, tape, appending, error)
        _note_failure(session, stored, tape, error)
        raise


def _permit(session: Session, barcode: str | None, appending: bool, needed: int) -> None:
    """The last look before the first block."""
    wish = permission.Wish(not appending, 0 if session.params["span"] else needed, session.moment())
    problem = permission.writing(session.identify(), session.catalogue, session.pool, barcode, session.drive.status(), wish)
    if problem is not None:
        raise problem


def _begin(session: Session, stored: StoredSet, tape: Tape, appending: bool, work: sections.Remaining) -> sections.Section:
    """What the catalogue says from before the first block on."""
    moment = session.moment()
    recording.begin(session.catalogue, stored, tape, session.pool, moment, appending)
    session.save(f"{tape.label} holds nothing else from here on" if not appending else f"{tape.label} is appended to")
    return sections.Section(
        installation=session.catalogue.installation,
        tape=tape,
        stored=stored,
        sequence=len(stored.tapes),
        first_file=tape.files,
        moment=moment,
        appending=appending,
        plan=work.pending(),
    )


def _transfer(session: Session, stored: StoredSet, tape: Tape, section: sections.Section, work: sections.Remaining) -> None:
    place = stored.tapes[-1]
    if section.appending:
        session.act(
            "verify", tape.label, "the end of the set before is where the catalogue says", lambda: _check_end(session, section)
        )
    for index, offset in section.plan:
        part = stored.parts[index]
        session.act("write_part", tape.label, f"{part['path']} from byte {offset}")
    if session.task.check_mode:
        work.finish()
    else:
        outcomes = session.drive.perform(section.data_steps())
        segments, full = sections.segments_of(section, outcomes)
        # Its own label tells what it is again.
        tape.seal = None
        if not segments and not section.appending and session.params["span"]:
            raise LockstepError(
                "drive_failed", f"Tape {tape.label} is full before its first block. Take another tape.", tape=tape.label
            )
        work.advance(segments)
        place["segments"] = segments
        if not work.done and not session.params["span"]:
            raise LockstepError(
                "tape_full", f"Tape {tape.label} was full before the set was complete, and span is off.", tape=tape.label
            )
        if segments:
            sections.refuse_error(session.drive.perform(section.trailer_steps(segments, work.done)), tape.label, allow_full=full)
    size = sum(segment["bytes"] for segment in place["segments"])
    tape.used_bytes += size
    tape.total_bytes += size
    tape.files = section.first_file + 2 + len(place["segments"])
    tape.closed = tape.closed or not work.done
    if session.params["verify"]:
        session.act(
            "verify", tape.label, "every part is read back and its SHA-256 compared", lambda: _verify(session, section, place)
        )
        stored.verified = session.text_moment()
    if not place["segments"] and not session.task.check_mode:
        # Nothing of the set fitted behind the one before.
        stored.tapes.pop()
    session.save(f"what is on {tape.label}")


def _check_end(session: Session, section: sections.Section) -> None:
    outcomes = session.drive.perform(section.before_steps())
    if not sections.ends_a_set(outcomes[-1]):
        raise LockstepError(
            "tape_mismatch",
            f"Tape {section.tape.label} does not end where the catalogue says (tape file {section.first_file}), so nothing is "
            "appended to it. Take over what is on it with state=imported.",
            tape=section.tape.label,
        )


def _verify(session: Session, section: sections.Section, place: t.Mapping[str, t.Any]) -> None:
    problem = sections.difference(place["segments"], session.drive.perform(section.verify_steps(len(place["segments"]))))
    if problem:
        raise LockstepError(
            "tape_verify_failed",
            f"Tape {section.tape.label} does not read back as it was written: {problem}. Clean the drive, or use another tape.",
            tape=section.tape.label,
        )


def _note_failure(session: Session, stored: StoredSet, tape: Tape, error: LockstepError) -> None:
    session.catalogue.give_up(stored, error.message)
    if error.slug in ("drive_failed", "tape_verify_failed"):
        tape.errors += 1
    tape.note(session.text_moment(), f"failed: {error.message}")
    _save_after(session, f"set {stored.set_id} failed", error)


def _close_full(session: Session, tape: Tape, appending: bool, error: LockstepError) -> bool:
    """Whether the tape is closed now: the next run asks for the next one, and does not fail at this one for days."""
    if not appending or error.slug != "tape_full" or session.task.check_mode:
        return False
    tape.closed = True
    tape.note(session.text_moment(), f"closed: {error.message}")
    return True


def _save_after(session: Session, what: str, error: LockstepError) -> None:
    """What went wrong before is what is raised."""
    try:
        session.save(what)
    except LockstepError as second:
        error.details.setdefault("catalogue_not_written", second.message)
