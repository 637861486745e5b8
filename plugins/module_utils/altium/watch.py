# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done while avbackup works. Private to lockstep.backup: not a public interface."""

from __future__ import annotations

from ansible_collections.lockstep.backup.plugins.module_utils.altium.record import write_record
from ansible_collections.lockstep.backup.plugins.module_utils.altium.settings import RESTORE, Settings
from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.feature import Task
from ansible_collections.lockstep.backup.plugins.module_utils.jobs import CONNECTION_SLUGS, Progress
from ansible_collections.lockstep.backup.plugins.module_utils.quiesce.keeping import LeaseKeeper


class Watch:
    """``poll`` is called with the elapsed seconds after each look at the job that found it running."""

    def __init__(self, task: Task, settings: Settings) -> None:
        self.task = task
        self.settings = settings
        self.progress = Progress(task, f"avbackup {settings.operation}")
        self.lease = LeaseKeeper(task, settings.quiesced, settings.max_outage)
        self.broken: LockstepError | None = None
        self.recorded = True

    def poll(self, elapsed: float) -> None:
        self.progress.poll(elapsed)
        if not self.recorded:
            self.record()
        self._keep_lease(elapsed)

    def record(self) -> None:
        """Write down whose job it is; with a lost connection that waits for the next poll, as the job does not wait."""
        try:
            write_record(self.task, self.settings)
            self.recorded = True
        except LockstepError as error:
            if error.slug not in CONNECTION_SLUGS:
                raise
            self.recorded = False

    def _keep_lease(self, elapsed: float) -> None:
        try:
            self.lease.poll(elapsed)
        except LockstepError as error:
            if self.settings.operation != RESTORE:
                raise
            # To stop a restore halfway would leave half of the data: it goes on to its end and is then reported as failed.
            self.task.warn(f"{error.message} The restore goes on to its end, because half a restore is worse.")
            self.broken = error
            self.lease.give_up()
