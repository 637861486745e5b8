# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One call of the module on one vault: its lock, its time, its plan. Private to lockstep.backup: not a public interface."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import json
import secrets
import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.feature import Task
from ansible_collections.lockstep.backup.plugins.module_utils.host.absent import read_or_none
from ansible_collections.lockstep.backup.plugins.module_utils.vault import backup_log, catalogue, names, schema, step_log, times
from ansible_collections.lockstep.backup.plugins.module_utils.vault import manifest as manifests
from ansible_collections.lockstep.backup.plugins.module_utils.vault.actions import (
    RELEASE_LOCK,
    RENAME,
    TAKE_LOCK,
    WRITE,
    Action,
    Performer,
    Plan,
    shown,
)
from ansible_collections.lockstep.backup.plugins.module_utils.vault.layout import Listing, Vault, check_path
from ansible_collections.lockstep.backup.plugins.module_utils.vault.lock import MINE, OVER, Lock

Texts = t.Dict[str, t.Callable[[], str]]


@dataclasses.dataclass
class Work:
    """A plan with the texts that it writes, and the sets that it marks as failed."""

    plan: Plan = dataclasses.field(default_factory=list)
    texts: Texts = dataclasses.field(default_factory=dict)
    marked: list[str] = dataclasses.field(default_factory=list)
    log_before: str = ""
    log_after: str = ""

    def write(self, path: str, text: t.Callable[[], str], reason: str = "") -> None:
        self.plan.append(Action(WRITE, path, reason=reason))
        self.texts[path] = text


class Session:
    """Made once per call; reads the host's clock once and counts on from there."""

    def __init__(self, task: Task) -> None:
        self.task, self.params, self.host = task, task.params, task.host
        check_path(task.host, task.params["path"])
        names.check_installation(task.params["installation"])
        self.vault = Vault(task.host, task.params["path"], task.params["installation"])
        self.now = task.host.now()
        self._began = task.clock.monotonic()
        self.lock = Lock(self.vault, task.owner, task.dead_run, times.iso(self.now))
        self._log_text: str | None = None
        self.done: Plan = []
        """What was planned, and executed outside check mode, so far."""

    def moment(self) -> str:
        """The host's time now, ISO 8601, without asking it again."""
        return times.iso(self.now + datetime.timedelta(seconds=self.task.clock.monotonic() - self._began))

    def new_manifest(self, name: str) -> manifests.Manifest:
        """The manifest of a set that begins now, from the options. Slug ``option_invalid`` for hosts that do not fit."""
        params = self.params
        host = params["host"] or self.host.name
        hosts = params["hosts"] or [host]
        if host not in hosts or len(set(hosts)) != len(hosts):
            raise LockstepError(
                "option_invalid",
                f"hosts ({', '.join(hosts)}) must name each host that holds a part once, and {host} among them.",
                option="hosts",
            )
        opening = manifests.Opening(
            name=name,
            set_id=params["set_id"] or names.make_set_id(params["installation"], name, secrets.token_hex(4)),
            installation=params["installation"],
            # Only in check mode a manifest is made without it, for a set that was not really opened.
            system=params["system"] or params["installation"],
            host=host,
            hosts=hosts,
            trigger=params["trigger"],
            started=self.moment(),
        )
        return manifests.opened(opening, self.task.owner)

    # the lock
    def enter(self) -> str:
        """Take the lock (in check mode: see whether it could be taken); what was found of it. Slug ``run_in_progress``."""
        found = self.lock.look() if self.task.check_mode else self.lock.take()
        reason = "what the run that is over has left is taken over" if found == OVER else ""
        self.done.append(Action(TAKE_LOCK, self.vault.lock, reason=reason))
        return found

    def enter_without_open_set(self) -> str:
        """The same for what must not be done while this very run has a set open. Slug ``set_open``."""
        found = self.enter()
        if found == MINE:
            self._refuse_open_set()
        return found

    def _refuse_open_set(self) -> None:
        folder = self.vault.folder(catalogue.FAILED)
        for name in sorted(filter(names.is_set_name, self.vault.folders_in(folder) or ()), reverse=True):
            entry = self.vault.entry(catalogue.FAILED, name)
            if entry.status == catalogue.IS_UNFINISHED and self.is_mine(entry):
                raise LockstepError(
                    "set_open",
                    f"This run already has set {name} open in the vault {self.vault.path} on {self.host.name}. Commit it or mark "
                    "it as failed first.",
                    set=name,
                    set_id=entry.set_id,
                    folder=self.vault.set_folder(catalogue.FAILED, name),
                )

    def leave(self) -> None:
        """Give the lock back."""
        self.done.append(Action(RELEASE_LOCK, self.vault.lock))
        if not self.task.check_mode:
            self.lock.release()

    @contextlib.contextmanager
    def giving_back(self) -> t.Iterator[None]:
        """The lock is given back when the work inside fails, so that an error does not block the next run."""
        try:
            yield
        except LockstepError as error:
            if not self.task.check_mode:
                self.lock.release_after(error)
            raise

    def is_mine(self, entry: catalogue.Entry) -> bool:
        return entry.manifest is not None and entry.manifest["owner"]["run_id"] == self.task.owner.run_id

    # doing
    def perform(self, work: Work, others: t.Mapping[str, t.Callable[[Action], None]] | None = None) -> None:
        """Execute the plan, or in check mode only note it."""
        if not self.task.check_mode:
            Performer(self.host, work.texts, others or {}).perform(work.plan)
        self.done += work.plan

    def mark(self, work: Work, entry: catalogue.Entry, error: str) -> catalogue.Entry:
        """Plan that a set is a failed one, in Failed; the entry as it is then. The mark comes before the move: a set whose
        way back was cut short is not good where it lies."""
        if entry.manifest is None:
            return entry
        manifest = dict(entry.manifest)
        if manifest["state"] != schema.FAILED:
            manifest = manifests.failed(manifest, self.moment(), error)
            work.write(self.vault.manifest(entry.folder, entry.name), lambda: manifests.as_text(manifest), f"failed: {error}")
            log = self.host.join(self.vault.set_folder(entry.folder, entry.name), manifests.STEP_LOG)
            work.write(log, lambda: self.vault.text_file(step_log.write(manifest)))
        if entry.folder != catalogue.FAILED:
            source = self.vault.set_folder(entry.folder, entry.name)
            work.plan.append(Action(RENAME, source, self.vault.set_folder(catalogue.FAILED, entry.name)))
        work.marked.append(entry.name)
        return catalogue.Entry(entry.name, catalogue.FAILED, catalogue.IS_FAILED, manifest["error"] or error, manifest)

    def recover(self, listing: Listing) -> Work:
        """Finish what runs that are over have left: their unfinished sets are failed ones, and BACKUP.LOG is as the sets are.

        Whoever holds the lock may do this for every other run's unfinished set: only the holder of the lock can commit.
        """
        work = Work()
        known = {entry.name: entry for entry in self.vault.entries(listing)}
        for entry in list(known.values()):
            if entry.status == catalogue.IS_UNFINISHED and not self.is_mine(entry):
                run = entry.manifest["owner"]["run_id"] if entry.manifest else "unknown"
                known[entry.name] = self.mark(work, entry, f"run {run} ended before the set was complete")
        self.write_log(work, self.lines(listing, {name: entry.log_line() for name, entry in known.items()}))
        self.perform(work)
        return work

    # BACKUP.LOG
    def log_text(self) -> str:
        """The file as it was before; read once, for nobody else writes it while this run has the lock."""
        if self._log_text is None:
            self._log_text = read_or_none(self.host, self.vault.backup_log) or ""
        return self._log_text

    def lines(self, listing: Listing, known: t.Mapping[str, backup_log.Line], trust_log: bool = True) -> list[backup_log.Line]:
        """A line for each set of the listing: the known one, else the one in the file if it agrees with the set's folder (so that
        not every manifest is read again), else one made from the set."""
        before = backup_log.read(self.log_text()) if trust_log else []
        written = {line.name: line for line in before}

        def line(folder: str, name: str) -> backup_log.Line:
            old = written.get(name)
            if name in known:
                return known[name]
            if old is not None and (old.status == backup_log.FAILED) == (folder == catalogue.FAILED):
                return old
            return self.vault.entry(folder, name).log_line()

        placed = {name: folder for folder in catalogue.FOLDERS for name in listing.sets[folder]}
        found = [line(folder, name) for name, folder in placed.items()]
        return found + backup_log.kept_attempts(before, placed)

    def write_log(self, work: Work, lines: t.Sequence[backup_log.Line]) -> None:
        """Plan to write BACKUP.LOG, if it would differ."""
        work.log_before, work.log_after = self.log_text(), backup_log.write(lines)
        self._log_text = work.log_after
        if work.log_after != work.log_before:
            work.write(self.vault.backup_log, lambda: self.vault.text_file(work.log_after))

    def result(self, work: Work | None = None, **more: t.Any) -> dict[str, t.Any]:
        """The task's result: what was done, or in check mode would be, and the change of BACKUP.LOG as a diff."""
        found: dict[str, t.Any] = {"changed": True, "vault": self.vault.path, "plan": shown(self.done), **more}
        if self.task.diff_mode and work is not None and work.log_before != work.log_after:
            found["diff"] = {
                "before_header": self.vault.backup_log,
                "after_header": self.vault.backup_log,
                "before": work.log_before,
                "after": work.log_after,
            }
        return found


def plain(value: t.Any, option: str) -> t.Any:
    """A deep copy in JSON's own types. Slug ``option_invalid`` for what JSON cannot hold."""
    try:
        return json.loads(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise LockstepError("option_invalid", f"{option} cannot be written as JSON: {error}.", option=option) from None


def check_manifest(manifest: t.Mapping[str, t.Any]) -> None:
    """Slug ``option_invalid`` when the options make no valid manifest."""
    found = schema.problem(manifest)
    if found:
        raise LockstepError("option_invalid", f"The options make no valid manifest: {found}.")
