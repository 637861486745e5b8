# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a vault holds, and BACKUP.LOG made anew from it. Private to lockstep.backup: not a public interface."""

from __future__ import annotations

import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.feature import Task
from ansible_collections.lockstep.backup.plugins.module_utils.vault import catalogue, names, times
from ansible_collections.lockstep.backup.plugins.module_utils.vault.layout import check_local
from ansible_collections.lockstep.backup.plugins.module_utils.vault.lock import OVER
from ansible_collections.lockstep.backup.plugins.module_utils.vault.session import Session, Work


def query(task: Task) -> dict[str, t.Any]:
    """Reads every manifest; changes nothing and needs no lock. Slugs: ``path_not_local``, ``lock_unreadable``."""
    session = Session(task)
    vault = session.vault
    check_local(task.host, vault.path)
    listing = vault.listing()
    entries = vault.entries(listing)
    holder = session.lock.holder() if listing.locked else None
    future = names.names_in_future(listing.all_sets, session.now.date())
    future += catalogue.sets_in_future(entries, session.now, task.params["clock_skew"])
    newest = catalogue.newest_good(entries)
    return {
        "changed": False,
        "vault": vault.path,
        "exists": len(listing.missing) < len(catalogue.FOLDERS),
        **_about(entries),
        "lock": holder.as_dict() if holder else None,
        "next_name": _next_name(listing.all_sets, session),
        "newest": newest.as_dict() if newest else None,
        "last_sizes": {part["path"]: part["bytes"] for part in newest.manifest["parts"]} if newest and newest.manifest else {},
        "future": sorted(set(future)),
        "clock": times.iso(session.now),
        "free_bytes": task.host.free_bytes(vault.path),
    }


def rebuilt(task: Task) -> dict[str, t.Any]:
    """BACKUP.LOG from the sets alone. Slugs: ``set_open``, ``run_in_progress``."""
    session = Session(task)
    found = session.enter_without_open_set()
    with session.giving_back():
        listing = session.vault.listing()
        recovered = session.recover(listing) if found == OVER or task.dead_run else Work()
        if recovered.plan and not task.check_mode:
            listing = session.vault.listing()
        entries = session.vault.entries(listing)
        work = Work()
        session.write_log(work, session.lines(listing, {entry.name: entry.log_line() for entry in entries}, trust_log=False))
        session.perform(work)
        session.leave()
    changed = bool(work.plan or recovered.plan)
    return session.result(work, changed=changed, recovered=recovered.marked, **_about(entries))


def _about(entries: t.Sequence[catalogue.Entry]) -> dict[str, t.Any]:
    def having(status: str) -> list[dict[str, t.Any]]:
        return [entry.as_dict() for entry in entries if entry.status == status]

    return {
        "catalogue": [entry.as_dict() for entry in entries],
        "good_sets": [entry.set_id for entry in entries if entry.good],
        "unfinished": having(catalogue.IS_UNFINISHED),
        "damaged": having(catalogue.IS_DAMAGED),
        "foreign": having(catalogue.IS_FOREIGN),
    }


def _next_name(taken: t.Sequence[str], session: Session) -> str | None:
    """None when all names of the day are taken: that is for ``opened`` to refuse."""
    try:
        return names.next_name(taken, session.now.date())
    except LockstepError:
        return None
