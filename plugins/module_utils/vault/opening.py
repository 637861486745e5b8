# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A set begins: the lock, its folder under Failed, its manifest. Private to lockstep.backup: not a public interface."""

from __future__ import annotations

import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.feature import Task
from ansible_collections.lockstep.backup.plugins.module_utils.vault import catalogue, names, times
from ansible_collections.lockstep.backup.plugins.module_utils.vault import manifest as manifests
from ansible_collections.lockstep.backup.plugins.module_utils.vault.actions import MAKE_FOLDER, Action
from ansible_collections.lockstep.backup.plugins.module_utils.vault.layout import Listing, check_local
from ansible_collections.lockstep.backup.plugins.module_utils.vault.lock import OVER
from ansible_collections.lockstep.backup.plugins.module_utils.vault.session import Session, Work, check_manifest


def opened(task: Task) -> dict[str, t.Any]:
    """Slugs: ``set_open``, ``set_exists``, ``names_exhausted``, ``run_in_progress``, ``option_invalid``, ``path_not_local``."""
    if task.params["set"]:
        names.check_set_name(task.params["set"])
    session = Session(task)
    found = session.enter_without_open_set()
    with session.giving_back():
        listing = session.vault.listing()
        if listing.missing:
            check_local(task.host, session.vault.path)
        recovered = session.recover(listing) if found == OVER or task.dead_run else Work()
        return _open(session, listing, recovered)


def _open(session: Session, listing: Listing, recovered: Work) -> dict[str, t.Any]:
    name = _free_name(session, listing)
    manifest = session.new_manifest(name)
    check_manifest(manifest)
    vault = session.vault
    folder = vault.set_folder(catalogue.FAILED, name)
    work = Work()
    work.plan += [Action(MAKE_FOLDER, vault.folder(missing)) for missing in listing.missing]
    work.plan.append(Action(MAKE_FOLDER, folder))
    work.write(vault.manifest(catalogue.FAILED, name), lambda: manifests.as_text(manifest))
    session.perform(work)
    shown = {key: manifest[key] for key in ("set", "set_id", "installation", "system", "host", "hosts", "started")}
    return session.result(recovered, **shown, folder=folder, recovered=recovered.marked)


def _free_name(session: Session, listing: Listing) -> str:
    taken = listing.all_sets + [name[: -len(names.DELETING)] for _folder, name in listing.half_deleted]
    today = session.now.date()
    future = names.names_in_future(taken, today)
    if future:
        # A backup is made all the same: it is better than none, and pruning stops with an error.
        session.task.warn(
            f"{session.host.name}: the vault holds sets dated in the future ({', '.join(future)}; the host's clock says "
            f"{times.iso(session.now)}). The new set will look older than those. Nothing is pruned until that is set right."
        )
    wanted = session.params["set"]
    if wanted in taken:
        raise LockstepError(
            "set_exists",
            f"The vault {session.vault.path} on {session.host.name} already holds a set {wanted}. Choose a name that is free on "
            "all hosts of the installation, or leave it out on the first host.",
            set=wanted,
        )
    return wanted or names.next_name(taken, today)
