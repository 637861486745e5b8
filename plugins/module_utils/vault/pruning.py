# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets move to Archive and are deleted by number. Private to lockstep.backup: not a public interface."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.feature import Task
from ansible_collections.lockstep.backup.plugins.module_utils.host.absent import read_or_none
from ansible_collections.lockstep.backup.plugins.module_utils.vault import catalogue, names, retention, step_log, times
from ansible_collections.lockstep.backup.plugins.module_utils.vault import manifest as manifests
from ansible_collections.lockstep.backup.plugins.module_utils.vault.actions import REMOVE, RENAME, Action
from ansible_collections.lockstep.backup.plugins.module_utils.vault.layout import Listing
from ansible_collections.lockstep.backup.plugins.module_utils.vault.lock import OVER
from ansible_collections.lockstep.backup.plugins.module_utils.vault.session import Session, Work

_COUNTED = (catalogue.RECENT, catalogue.ARCHIVE)


def pruned(task: Task) -> dict[str, t.Any]:
    """Slugs: ``set_in_future``, ``set_open``, ``run_in_progress``, ``option_invalid``."""
    params = task.params
    retention.check_numbers(params["keep_recent"], params["keep_archive"])
    session = Session(task)
    found = session.enter_without_open_set()
    with session.giving_back():
        listing = session.vault.listing()
        recovered = False
        if found == OVER or task.dead_run:
            recovered = bool(session.recover(listing).plan)
            listing = session.vault.listing()
        pruning = _Pruning(session, listing, recovered)
        pruning.run()
        session.leave()
    return pruning.result()


class _Pruning:
    def __init__(self, session: Session, listing: Listing, recovered: bool) -> None:
        self.recovered = recovered
        self.session, self.vault, self.params = session, session.vault, session.params
        self.listing = listing
        self.work = Work()
        self.entries: list[catalogue.Entry] = []
        self.unconfirmed: list[catalogue.Entry] = []
        self.decided = retention.Retention()

    def run(self) -> None:
        """Look, decide, and do it."""
        session = self.session
        self._refuse_future(names.names_in_future(self.listing.all_sets, session.now.date()))
        self._plan_remains()
        if self._over_number():
            self.decided = self._decide()
            self._plan(self.decided)
        if self.work.plan:
            session.write_log(self.work, session.lines(self._after(self.decided), {e.name: e.log_line() for e in self.entries}))
            session.perform(self.work)

    def result(self) -> dict[str, t.Any]:
        decided = self.decided
        deleted = [entry.name for entry in decided.delete]
        good = [entry for entry in self.entries if entry.good and entry.name not in deleted]
        return self.session.result(
            self.work,
            changed=self.recovered or bool(self.work.plan),
            archived=[entry.name for entry in decided.archive if entry.name not in deleted],
            deleted=deleted,
            failed_deleted=[entry.name for entry in decided.delete_failed],
            kept=[entry.name for entry in good] if self.entries else [n for folder in _COUNTED for n in self.listing.sets[folder]],
            damaged=[entry.as_dict() for entry in self.entries if entry.status == catalogue.IS_DAMAGED],
            unconfirmed=[{"set": entry.name, "set_id": entry.set_id} for entry in self.unconfirmed],
        )

    def _over_number(self) -> bool:
        """Names suffice to see that nothing is to be done: what is not good could only make the numbers smaller."""
        recent, archive = (len(self._names(folder)) for folder in _COUNTED)
        return bool(recent > self.params["keep_recent"] or archive > self.params["keep_archive"])

    def _names(self, folder: str) -> t.Sequence[str]:
        """In check mode with the set that the run would have committed."""
        expected = self.params["set"] if self.session.task.check_mode and folder == catalogue.RECENT else None
        found = self.listing.sets[folder]
        return [*found, expected] if expected and expected not in self.listing.all_sets else found

    def _decide(self) -> retention.Retention:
        session = self.session
        self.entries = self.vault.entries(self.listing, _COUNTED)
        self._refuse_future(catalogue.sets_in_future(self.entries, session.now, self.params["clock_skew"]))
        expected = set(self._names(catalogue.RECENT)) - set(self.listing.sets[catalogue.RECENT])
        hypothetical = [catalogue.Entry(name, catalogue.RECENT, catalogue.IS_GOOD) for name in expected]
        self.unconfirmed = retention.unconfirmed(self.entries, self.params["primary_sets"])
        self._warn()
        numbers = (self.params["keep_recent"], self.params["keep_archive"])
        decided = retention.plan(self.entries + hypothetical, *numbers, uncounted=self.unconfirmed)
        if decided.delete:
            # Only now the failed ones matter, and only those older than what is deleted.
            older = [name for name in self.listing.sets[catalogue.FAILED] if name < decided.delete[-1].name]
            failed = [self.vault.entry(catalogue.FAILED, name) for name in older]
            self.entries += catalogue.without_doubles(failed, self.listing.sets)
            self._refuse_future(catalogue.sets_in_future(self.entries, session.now, self.params["clock_skew"]))
            decided = retention.plan(self.entries + hypothetical, *numbers, uncounted=self.unconfirmed)
        return decided

    def _refuse_future(self, future: t.Sequence[str]) -> None:
        if future:
            raise LockstepError(
                "set_in_future",
                f"The vault {self.vault.path} on {self.session.host.name} holds sets dated in the future ({', '.join(future)}), or "
                f"the host's clock is wrong: it says {times.iso(self.session.now)}. Nothing is deleted until that is set right: "
                "correct the clock, or move those sets out of the vault.",
                sets=list(future),
                clock=times.iso(self.session.now),
            )

    def _warn(self) -> None:
        for entry in self.entries:
            if not entry.good:
                self.session.task.warn(
                    f"{self.session.host.name}: set {entry.name} in {entry.folder} is {entry.status} ({entry.problem}). It is "
                    "neither counted nor deleted."
                )
        for entry in self.unconfirmed:
            self.session.task.warn(
                f"{self.session.host.name}: set {entry.name} was not committed on the first host of its installation. It is "
                "neither counted nor deleted; mark it as failed."
            )

    def _plan_remains(self) -> None:
        """What deletions and locks that were cut short have left goes first."""
        half_deleted = [self.vault.set_folder(folder, name) for folder, name in self.listing.half_deleted]
        remains = [*half_deleted, *self.listing.left_locks]
        self.work.plan += [Action(REMOVE, path, reason="left by a run that was cut short") for path in remains]

    def _plan(self, decided: retention.Retention) -> None:
        for entry in decided.archive:
            source, target = (self.vault.set_folder(folder, entry.name) for folder in (entry.folder, catalogue.ARCHIVE))
            self.work.plan.append(Action(RENAME, source, target, f"more than {self.params['keep_recent']} in Recent"))
        for entry in decided.delete:
            self._plan_deletion(catalogue.ARCHIVE, entry.name, f"more than {self.params['keep_archive']} in Archive")
        for entry in decided.delete_failed:
            self._plan_deletion(catalogue.FAILED, entry.name, "failed, and a newer good set is deleted")
        newest = catalogue.newest_good(self.entries)
        if newest is not None and self.work.plan:
            log = self.vault.host.join(self.vault.set_folder(newest.folder, newest.name), manifests.STEP_LOG)
            self.work.write(log, lambda: self._step_log(log, decided))

    def _plan_deletion(self, folder: str, name: str, reason: str) -> None:
        path = self.vault.set_folder(folder, name)
        self.work.plan += [Action(RENAME, path, path + names.DELETING, reason), Action(REMOVE, path + names.DELETING)]

    def _step_log(self, path: str, decided: retention.Retention) -> str:
        """The newest set's log with what was pruned after it, as HotBackup logs it."""
        at = self.session.moment()
        lines = [step_log.line(at, "SET_ARCHIVED", entry.name) for entry in decided.archive]
        lines += [step_log.line(at, "SET_DELETED", entry.name) for entry in (*decided.delete, *decided.delete_failed)]
        return self.vault.text_file((read_or_none(self.vault.host, path) or "") + "".join(lines))

    def _after(self, decided: retention.Retention) -> Listing:
        gone = {(catalogue.ARCHIVE, entry.name) for entry in decided.delete} | {(e.folder, e.name) for e in decided.delete_failed}
        moved = {entry.name for entry in decided.archive}
        placed = [
            (catalogue.ARCHIVE if folder == catalogue.RECENT and name in moved else folder, name)
            for folder in catalogue.FOLDERS
            for name in self._names(folder)
        ]
        stay = [place for place in placed if place not in gone]
        sets = {folder: sorted(name for where, name in stay if where == folder) for folder in catalogue.FOLDERS}
        return dataclasses.replace(self.listing, sets=sets, half_deleted=(), left_locks=())
