# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A set is not good: it stays under Failed, or goes back there. Private to lockstep.backup: not a public interface."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.feature import Task
from ansible_collections.lockstep.backup.plugins.module_utils.vault import backup_log, catalogue, names
from ansible_collections.lockstep.backup.plugins.module_utils.vault.layout import Listing
from ansible_collections.lockstep.backup.plugins.module_utils.vault.lock import OVER
from ansible_collections.lockstep.backup.plugins.module_utils.vault.session import Session, Work

LONGEST_REASON = 1200
"""Characters: in a manifest, even all of them escaped fit into a line that Windows can write. The output has the whole text."""


def failed(task: Task) -> dict[str, t.Any]:
    """Slugs: ``set_missing``, ``set_damaged``, ``set_committed``, ``run_in_progress``. The lock is given back in every case."""
    if task.params["set"]:
        names.check_set_name(task.params["set"])
    session = Session(task)
    found = session.enter()
    with session.giving_back():
        listing = session.vault.listing()
        work = Work()
        entries = _entries(session, listing, everything=not task.params["set"] or found == OVER or bool(task.dead_run))
        known = {entry.name: entry.log_line() for entry in entries}
        for entry in _to_mark(session, entries):
            known[entry.name] = session.mark(work, entry, _reason(session, entry)).log_line()
        moved = _as_marked(listing, work.marked)
        lines = session.lines(moved, known)
        if not work.marked and not task.params["set"] and task.params["error"]:
            lines = backup_log.with_line(lines, _attempt(session))
        session.write_log(work, lines)
        session.perform(work)
        session.leave()
    return session.result(work, changed=bool(work.plan), sets=work.marked, folder=session.vault.folder(catalogue.FAILED))


def _entries(session: Session, listing: Listing, everything: bool) -> list[catalogue.Entry]:
    if everything:
        return session.vault.entries(listing)
    name = session.params["set"]
    found = [session.vault.entry(folder, name) for folder in catalogue.FOLDERS if name in listing.sets[folder]]
    return catalogue.without_doubles(found, listing.sets)


def _to_mark(session: Session, entries: t.Sequence[catalogue.Entry]) -> list[catalogue.Entry]:
    """The named set; beside it, where all were looked at, every unfinished one: its run is over, for this one has the lock."""
    name = session.params["set"]
    marked = [entry for entry in entries if entry.status == catalogue.IS_UNFINISHED and entry.name != name]
    if not name:
        return marked
    named = [entry for entry in entries if entry.name == name]
    if not named and session.task.check_mode:
        return marked
    if not named:
        raise LockstepError(
            "set_missing",
            f"There is no set {name} in the vault {session.vault.path} on {session.host.name}, so it cannot be marked as failed.",
            set=name,
        )
    entry = named[0]
    if entry.folder == catalogue.FAILED and entry.status == catalogue.IS_FAILED:
        return marked
    _refuse(session, entry)
    return [*marked, entry]


def _refuse(session: Session, entry: catalogue.Entry) -> None:
    """Raise unless the set may be marked."""
    manifest = entry.manifest
    unreadable = entry.status == catalogue.IS_DAMAGED and entry.folder == catalogue.FAILED
    if manifest is None or unreadable or entry.status == catalogue.IS_FOREIGN:
        raise LockstepError(
            "set_damaged",
            f"Set {entry.name} in {entry.folder} on {session.host.name} is not touched: {entry.problem}. Look at it by hand.",
            set=entry.name,
        )
    wanted = session.params["set_id"] or entry.set_id
    if entry.set_id != wanted:
        raise LockstepError(
            "set_mismatch",
            f"Set {entry.name} on {session.host.name} has the id {entry.set_id}, not {wanted}. It is not touched.",
            set=entry.name,
            set_id=entry.set_id,
        )
    if entry.status == catalogue.IS_UNFINISHED:
        return
    primary = manifest["hosts"][0]
    if manifest["host"] == primary:
        why = "this host is the commit point, and what is good there is good"
    elif session.params["primary_sets"] is None:
        why = f"give primary_sets, the ids of the good sets on {primary}, to prove that it was not committed there"
    elif entry.set_id in session.params["primary_sets"]:
        why = f"{primary} has committed it, too"
    else:
        return
    raise LockstepError(
        "set_committed",
        f"Set {entry.name} is committed on {session.host.name} and is not taken back: {why}.",
        set=entry.name,
        set_id=entry.set_id,
    )


def _reason(session: Session, entry: catalogue.Entry) -> str:
    if session.is_mine(entry) or entry.name == session.params["set"]:
        return (session.params["error"] or "the run reported a failure without a reason")[:LONGEST_REASON]
    run = entry.manifest["owner"]["run_id"] if entry.manifest else "unknown"
    return f"run {run} ended before the set was complete"


def _as_marked(listing: Listing, marked: t.Collection[str]) -> Listing:
    sets = {folder: [name for name in found if name not in marked] for folder, found in listing.sets.items()}
    sets[catalogue.FAILED] = sorted([*sets[catalogue.FAILED], *marked])
    return dataclasses.replace(listing, sets=sets)


def _attempt(session: Session) -> backup_log.Line:
    return backup_log.failed_attempt(session.now, session.params["trigger"], session.task.owner.user, session.params["error"])
