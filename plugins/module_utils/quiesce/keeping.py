# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeping the host's lease while a tool works. Private to lockstep.backup: not a public interface."""

from __future__ import annotations

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.feature import Task
from ansible_collections.lockstep.backup.plugins.module_utils.jobs import CONNECTION_SLUGS
from ansible_collections.lockstep.backup.plugins.module_utils.quiesce import held

FIRST_RENEWAL = 1 / 30
NEXT_RENEWALS = 1 / 3


class LeaseKeeper:
    """Renews the lease of ``journal`` to ``max_outage`` seconds; with None for either it does nothing."""

    def __init__(self, task: Task, journal: str | None, max_outage: int | None) -> None:
        self.task = task
        # The lease was armed before this task began, how long before is not known here: so the first renewal comes early, but
        # not at once, because a tool that ends within seconds should not have to wait for it.
        self.max_outage = max_outage or 0
        self.journal = journal if max_outage else None
        self.next_renewal = self.max_outage * FIRST_RENEWAL

    def poll(self, elapsed: float) -> None:
        """To be called often, with the seconds since the tool began. A lost connection is left to the next call; other errors are
        those of :func:`held.renew_lease`, above all ``lease_fired``."""
        if self.journal is None or elapsed < self.next_renewal:
            return
        try:
            held.renew_lease(self.task, self.journal, self.max_outage)
        except LockstepError as error:
            if error.slug not in CONNECTION_SLUGS:
                raise
            return
        self.next_renewal = elapsed + self.max_outage * NEXT_RENEWALS

    def give_up(self) -> None:
        """Renew no more."""
        self.journal = None
