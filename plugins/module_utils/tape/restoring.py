# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A set is read from its tapes. Private to lockstep.backup: not a public interface."""

from __future__ import annotations

import functools
import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.feature import Task
from ansible_collections.lockstep.backup.plugins.module_utils.tape import drive as drives
from ansible_collections.lockstep.backup.plugins.module_utils.tape import placing, sections
from ansible_collections.lockstep.backup.plugins.module_utils.tape.catalogue import COMPLETE, StoredSet
from ansible_collections.lockstep.backup.plugins.module_utils.tape.drive import Step
from ansible_collections.lockstep.backup.plugins.module_utils.tape.session import Result, Session


def restored(task: Task) -> Result:
    """Read the parts of ``set_id`` into ``dest``. Files that are there already with the right hash are left alone."""
    session = Session(task)
    with session.locked():
        stored = session.catalogue.sets.get(task.params["set_id"])
        if stored is None or stored.state != COMPLETE:
            known = "the catalogue does not have it" if stored is None else f"it is {stored.state} ({stored.error})"
            raise LockstepError(
                "set_not_on_tape",
                f"Set {task.params['set_id']} cannot be read from tape: {known}. state=query lists the sets that are complete.",
                set_id=task.params["set_id"],
            )
        if stored.format:
            raise LockstepError(
                "set_not_on_tape",
                f"Set {stored.set_id} was written by another program ({stored.format}), which alone can read it. Insert tape "
                f"{stored.tapes[0]['label']}, and follow that program's own procedure.",
                set_id=stored.set_id,
            )
        missing = [part for part in stored.parts if not _is_there(session, part)]
        if missing:
            _read(session, stored, missing)
    files = [session.host.join(task.params["dest"], part["name"]) for part in stored.parts]
    return session.result(set=vars(stored), files=files)


def _is_there(session: Session, part: t.Mapping[str, t.Any]) -> bool:
    target = session.host.join(session.params["dest"], part["name"])
    if session.host.stat(target) is None:
        return False
    if session.host.sha256(target) != part["sha256"]:
        raise LockstepError(
            "path_exists", f"{target} is there, and is another file than the set's. Restore into an empty folder.", path=target
        )
    return True


def _read(session: Session, stored: StoredSet, missing: t.Sequence[t.Mapping[str, t.Any]]) -> None:
    names = {part["name"] for part in missing}
    partial = {name: session.host.join(session.params["dest"], f"{name}.partial") for name in names}
    session.act("make_folder", session.params["dest"], "", lambda: session.host.make_folder(session.params["dest"]))
    for place in stored.tapes:
        segments = [segment for segment in place["segments"] if segment["part"] in names]
        if segments:
            placing.bring(session, place["label"], f"It holds set {stored.set_id}.")
            for segment in segments:
                target = partial[segment["part"]]
                session.act(
                    "read_part", place["label"], target, functools.partial(_segment, session, place["label"], segment, target)
                )
            session.catalogue.tapes[place["label"]].reads += 1
            session.save(f"{place['label']} was read")
    for part in missing:
        source, target = partial[part["name"]], session.host.join(session.params["dest"], part["name"])
        session.act("rename", target, "its SHA-256 is that of the set", functools.partial(_finish, session, source, part, target))


def _segment(session: Session, label: str, segment: t.Mapping[str, t.Any], path: str) -> None:
    steps = [
        Step(drives.REWIND),
        Step(drives.SPACE_FILES, segment["file"]),
        Step(drives.READ_FILE, path=path, offset=segment["offset"]),
    ]
    problem = sections.difference([segment], session.drive.perform(steps))
    if problem:
        session.catalogue.tapes[label].errors += 1
        session.catalogue.tapes[label].note(session.text_moment(), f"failed: {problem}")
        session.save(f"{label} could not be read")
        raise LockstepError(
            "tape_verify_failed",
            f"Tape {label} does not read back as it was written: {problem}. Clean the drive and try again, or take another set.",
            tape=label,
        )


def _finish(session: Session, source: str, part: t.Mapping[str, t.Any], target: str) -> None:
    found = session.host.sha256(source)
    if found != part["sha256"]:
        raise LockstepError(
            "part_hash", f"Part {part['name']} has the SHA-256 {found}, and had {part['sha256']} when it was written."
        )
    session.host.rename(source, target)
