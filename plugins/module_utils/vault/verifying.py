# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A good set is proven to be still what was committed. Private to lockstep.backup: not a public interface."""

from __future__ import annotations

import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.feature import Task
from ansible_collections.lockstep.backup.plugins.module_utils.host.absent import read_or_none
from ansible_collections.lockstep.backup.plugins.module_utils.vault import catalogue, names, schema, step_log
from ansible_collections.lockstep.backup.plugins.module_utils.vault import manifest as manifests
from ansible_collections.lockstep.backup.plugins.module_utils.vault.actions import VERIFY, WRITE, Action
from ansible_collections.lockstep.backup.plugins.module_utils.vault.session import Session, Work


def verified(task: Task) -> dict[str, t.Any]:
    """Read every part again. Slugs: ``set_missing``, ``set_not_good``, ``set_mismatch``, ``part_damaged``, ``part_hash``; with
    ``drill`` also ``run_in_progress`` and ``set_open``, because then the set's log is written."""
    names.check_set_name(task.params["set"])
    session = Session(task)
    entry = _good_entry(session)
    manifest = t.cast(manifests.Manifest, entry.manifest)
    work = Work()
    for part in manifest["parts"]:
        path = session.vault.part(entry.folder, entry.name, part["path"])
        what = "opens completely, SHA-256" if part["kind"] == schema.ZIP else "SHA-256"
        work.plan.append(Action(VERIFY, path, reason=what))
    session.perform(work, {VERIFY: lambda action: _verify(session, entry, action)})
    if task.params["drill"]:
        session.enter_without_open_set()
        with session.giving_back():
            session.perform(_dated(session, entry))
            session.leave()
    return session.result(
        changed=bool(task.params["drill"]),
        set=entry.name,
        set_id=entry.set_id,
        grade=manifest["grade"],
        folder=session.vault.set_folder(entry.folder, entry.name),
        manifest=manifest,
    )


def _good_entry(session: Session) -> catalogue.Entry:
    name = session.params["set"]
    found = session.vault.find(name)
    if found is None:
        raise LockstepError(
            "set_missing",
            f"There is no set {name} in the vault {session.vault.path} on {session.host.name}. state=query lists those that there "
            "are.",
            set=name,
        )
    entry = session.vault.entry(found[0], name)
    if not entry.good:
        raise LockstepError(
            "set_not_good",
            f"Set {name} in {entry.folder} on {session.host.name} is {entry.status} ({entry.problem}). Only a good set can be "
            "verified.",
            set=name,
            status=entry.status,
        )
    wanted = session.params["set_id"]
    if wanted and entry.set_id != wanted:
        raise LockstepError(
            "set_mismatch",
            f"Set {name} on {session.host.name} has the id {entry.set_id}, not {wanted}. Parts of different sets are not mixed.",
            set=name,
            set_id=entry.set_id,
        )
    return entry


def _verify(session: Session, entry: catalogue.Entry, action: Action) -> None:
    parts = t.cast(manifests.Manifest, entry.manifest)["parts"]
    part = next(p for p in parts if session.vault.part(entry.folder, entry.name, p["path"]) == action.path)
    session.task.progress(f"verifying {part['path']}")
    problem = session.host.zip_problem(action.path) if part["kind"] == schema.ZIP else None
    if problem:
        raise _error(session, entry, part, "part_damaged", f"does not open completely: {problem}")
    found = session.host.sha256(action.path)
    if found != part["sha256"]:
        raise _error(session, entry, part, "part_hash", f"has the SHA-256 {found}, and had {part['sha256']} when it was committed")


def _error(session: Session, entry: catalogue.Entry, part: t.Mapping[str, t.Any], slug: str, problem: str) -> LockstepError:
    return LockstepError(
        slug,
        f"Part {part['path']} of set {entry.name} on {session.host.name} {problem}. Do not restore from this set; look at the "
        "disk, and make a new set.",
        part=part["path"],
        set=entry.name,
    )


def _dated(session: Session, entry: catalogue.Entry) -> Work:
    """The drill's date, in the set's own log."""
    log = session.host.join(session.vault.set_folder(entry.folder, entry.name), manifests.STEP_LOG)
    work = Work()
    work.plan.append(Action(WRITE, log, reason=f"drill: {session.params['drill']}"))
    line = step_log.line(session.moment(), "DRILL_SUCCEEDED", session.params["drill"])
    work.texts[log] = lambda: session.vault.text_file((read_or_none(session.host, log) or "") + line)
    return work
