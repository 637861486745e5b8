# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal and the lease on the host. Private to lockstep.backup: not a public interface."""

from __future__ import annotations

import dataclasses
import datetime
import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.feature import Task
from ansible_collections.lockstep.backup.plugins.module_utils.host import base
from ansible_collections.lockstep.backup.plugins.module_utils.host.absent import read_or_none
from ansible_collections.lockstep.backup.plugins.module_utils.owner import refuse_foreign
from ansible_collections.lockstep.backup.plugins.module_utils.quiesce.journal import Journal, check_name
from ansible_collections.lockstep.backup.plugins.module_utils.quiesce.plan import Unit, start_order

LOG_TAIL_BYTES = 16384


class Store:
    """One journal's folder: ``journal.json``, the lease's script, its log, and its marker, which exists once it has fired."""

    def __init__(self, task: Task, name: str) -> None:
        check_name(name)
        self.task, self.host, self.name = task, task.host, name
        self.root = self.host.join(task.params.get("state_folder") or self.host.state_folder, "quiesce")
        self.folder = self.host.join(self.root, name)
        self.path = self.host.join(self.folder, "journal.json")
        self.script = self.host.join(self.folder, "resume.cmd" if self.host.platform == base.WINDOWS else "resume.sh")
        self.log = self.host.join(self.folder, "lease.log")
        self.marker = self.host.join(self.folder, "lease.fired")
        self.timer = f"lease-{name}"

    def read(self) -> Journal | None:
        """None when there is no journal; slug ``journal_damaged``."""
        text = read_or_none(self.host, self.path)
        return None if text is None else Journal.loads(text, self.path)

    def read_mine(self) -> Journal | None:
        """As ``read``, but the journal of another run that is not proven to be over raises ``run_in_progress``."""
        journal = self.read()
        if journal is not None:
            age = self.host.now() - journal.since
            since = f"{journal.since.isoformat()} ({describe_age(age)})"
            what = f"The journal {self.path} on {self.host.name}"
            refuse_foreign(what, journal.owner, self.task.owner, self.task.dead_run, since)
        return journal

    def prepare(self, units: t.Sequence[Unit], leased: bool) -> None:
        """Make the folder of a new journal, with the lease's script, under a name of this run's own.

        Before that, what the units need on the host to be stopped and started.
        """
        draft = self._draft()
        self.host.remove(draft)
        for unit in start_order(units):
            self._driver(unit).prepare(unit.name)
        if leased:
            self._write_script(self.host.join(draft, self.host.basename(self.script)), units)

    def create(self, journal: Journal) -> None:
        """Put the prepared folder in place with its journal; slug ``path_exists`` when another run was faster.

        It is complete before it is renamed: of two runs that begin at once the second finds the name taken, and what is
        left of an interrupted attempt never counts as a journal.
        """
        draft = self._draft()
        self.host.write_text(self.host.join(draft, self.host.basename(self.path)), journal.dumps(), private=True, new_folder=True)
        self.host.rename(draft, self.folder)

    def write(self, journal: Journal) -> None:
        self.host.write_text(self.path, journal.dumps(), private=True)

    def forget(self) -> None:
        """Remove the journal at once, by a rename, so that no later run's new folder can be hit by a slow removal."""
        draft = self._draft()
        self.host.remove(draft)
        self.host.rename(self.folder, draft)
        self.host.remove(draft, base.FOLDERS)
        self._sweep()

    def _draft(self) -> str:
        # No name of a journal can contain a tilde.
        return self.host.join(self.root, f"{self.name}~{self.task.owner.run_id}")

    def _sweep(self) -> None:
        """Remove what interrupted runs left beside the journals: a draft lives for seconds, and none is a lock."""
        mine = f"{self.name}~".lower()
        there = self.host.list_folder(self.root, base.FOLDERS)
        drafts = [info for info in there if self.host.basename(info.path).lower().startswith(mine)]
        if drafts:
            oldest = self.host.now() - datetime.timedelta(days=1)
            for info in drafts:
                if info.modified < oldest:
                    self.host.remove(info.path)

    def arm(self, journal: Journal) -> None:
        """Set the host's timer to the deadline that the journal has, if it has one."""
        if journal.armed_until is not None:
            self.host.arm_timer(self.timer, journal.armed_until, self.script)

    def renew(self, journal: Journal, max_outage: float) -> Journal:
        """Move the deadline to ``max_outage`` seconds from now; slug ``lease_fired`` when it had come already.

        The marker is looked for after the timer was set: from then on the old deadline cannot strike any more.
        """
        renewed = dataclasses.replace(journal, armed_until=self.host.now() + datetime.timedelta(seconds=max_outage))
        if journal.armed_until is None:
            self._write_script(self.script, renewed.units)
        self.write(renewed)
        self.arm(renewed)
        self.refuse_fired(renewed)
        return renewed

    def fired(self) -> bool:
        return self.host.stat(self.marker, base.FILES) is not None

    def fired_log(self) -> str:
        """What the lease did, in its own words; empty when it left none."""
        return read_or_none(self.host, self.log, LOG_TAIL_BYTES) or ""

    def refuse_fired(self, journal: Journal) -> None:
        """Raise ``lease_fired`` when the host itself has started the units: whatever was made meanwhile is not consistent."""
        if journal.armed_until is not None and self.fired():
            raise LockstepError(
                "lease_fired",
                f"The lease of {self.name} ran out, and {self.host.name} started its units again by itself ({self.log}). What "
                "was being made is not consistent. Run state: resumed, and give the next run a longer max_outage.",
                journal=self.path,
                lease_log=self.fired_log(),
            )

    def _driver(self, unit: Unit) -> base.UnitDriver:
        return self.host.unit_driver(unit.kind, unit.definition)

    def dismiss(self, units: t.Sequence[Unit]) -> None:
        """Remove what was put on the host to stop and start these units. What stays harms nobody: it is told, no more."""
        for unit in units:
            try:
                self._driver(unit).dismiss(unit.name)
            except LockstepError as error:
                self.task.warn(f"Something that was made to start {unit.kind} {unit.name} stayed on the host: {error.message}")

    def _write_script(self, path: str, units: t.Sequence[Unit]) -> None:
        commands = [self._driver(unit).start_command(unit.name) for unit in start_order(units)]
        self.host.write_text(path, self.host.timer_script(commands, self.log, self.marker), private=True, new_folder=True)


def describe_age(age: datetime.timedelta) -> str:
    """For messages: ``3 h 12 min ago``; a time in the future is said to be one."""
    seconds = int(age.total_seconds())
    if seconds < 0:
        return "in the future: a clock was changed"
    hours, minutes = divmod(seconds // 60, 60)
    if hours:
        return f"{hours} h {minutes} min ago"
    return f"{minutes} min ago" if minutes else f"{seconds} s ago"
