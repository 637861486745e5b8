# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeping the host's lease while avbackup works. Private to lockstep.backup: not a public interface."""

from __future__ import annotations

from ansible_collections.lockstep.backup.plugins.module_utils.altium.record import write_record
from ansible_collections.lockstep.backup.plugins.module_utils.altium.settings import RESTORE, Settings
from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.feature import Task
from ansible_collections.lockstep.backup.plugins.module_utils.jobs import CONNECTION_SLUGS
from ansible_collections.lockstep.backup.plugins.module_utils.quiesce import held

FIRST_RENEWAL = 1 / 30
NEXT_RENEWALS = 1 / 3
PROGRESS_EVERY = 60.0


class Watch:
    """``poll`` is called with the elapsed seconds after each look at the job that found it running."""

    def __init__(self, task: Task, settings: Settings) -> None:
        self.task = task
        self.settings = settings
        self.next_progress = PROGRESS_EVERY
        self.broken: LockstepError | None = None
        # The lease was armed before this task began, how long before is not known here: so the first renewal comes early, but
        # not at once, because a tool that ends within seconds should not have to wait for it.
        self.max_outage = settings.max_outage or 0
        self.journal = settings.quiesced if settings.max_outage else None
        self.next_renewal = self.max_outage * FIRST_RENEWAL
        self.recorded = True

    def poll(self, elapsed: float) -> None:
        if elapsed >= self.next_progress:
            self.task.progress(f"avbackup {self.settings.operation} has run for {elapsed / 60:.0f} min")
            self.next_progress = elapsed + PROGRESS_EVERY
        if not self.recorded:
            self.record()
        if self.journal is not None and elapsed >= self.next_renewal:
            self._renew(self.journal, elapsed)

    def record(self) -> None:
        """Write down whose job it is; with a lost connection that waits for the next poll, as the job does not wait."""
        try:
            write_record(self.task, self.settings)
            self.recorded = True
        except LockstepError as error:
            if error.slug not in CONNECTION_SLUGS:
                raise
            self.recorded = False

    def _renew(self, journal: str, elapsed: float) -> None:
        try:
            held.renew_lease(self.task, journal, self.max_outage)
        except LockstepError as error:
            if error.slug in CONNECTION_SLUGS:
                return
            if self.settings.operation != RESTORE:
                raise
            # To stop a restore halfway would leave half of the data: it goes on to its end and is then reported as failed.
            self.task.warn(f"{error.message} The restore goes on to its end, because half a restore is worse.")
            self.broken = error
            self.journal = None
            return
        self.next_renewal = elapsed + self.max_outage * NEXT_RENEWALS
