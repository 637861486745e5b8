# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""For features that work while units are quiesced. Private to lockstep.backup: not a public interface.

``name`` is the name of the journal; its folder is under the task's ``state_folder``. Every function raises
``not_quiesced`` when there is no such journal, ``run_in_progress`` when another run holds it, and ``lease_fired`` when the
host has started the units by itself.
"""

from __future__ import annotations

import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.feature import Task
from ansible_collections.lockstep.backup.plugins.module_utils.host import base
from ansible_collections.lockstep.backup.plugins.module_utils.quiesce import units
from ansible_collections.lockstep.backup.plugins.module_utils.quiesce.execute import refuse_returned
from ansible_collections.lockstep.backup.plugins.module_utils.quiesce.journal import Journal, refuse_unfinished
from ansible_collections.lockstep.backup.plugins.module_utils.quiesce.store import Store


def still_quiesced(task: Task, name: str) -> list[base.UnitStatus]:
    """The recorded units that do not stay stopped, in stop order; empty when all is quiet."""
    store, journal = _held(task, name)
    store.refuse_fired(journal)
    return units.verify_stopped(task, journal.units)


def stop_again(task: Task, name: str, returned: t.Sequence[base.UnitStatus]) -> None:
    """Stop those of ``returned`` that the journal records as having run, in its order, and verify that all is stopped.

    Slugs ``unit_refused``, ``unit_not_stopped``, and ``unit_returned`` for a unit that did not run before: what this run
    has not stopped is not its to stop. Nothing is resumed here; that is left to the caller's ``state: resumed``.
    """
    store, journal = _held(task, name)
    again = {(status.kind, status.name) for status in returned}
    for unit in journal.units:
        if unit.ran and (unit.kind, unit.name) in again:
            units.stop_unit(task, unit)
    store.refuse_fired(journal)
    refuse_returned(task, units.verify_stopped(task, journal.units))


def stop_returned(task: Task, name: str, after: str) -> list[str]:
    """Look after a tool (``after``) has worked, and stop again what runs: the names of those units. Slugs as of ``stop_again``,
    whose details hold them as ``units_stopped_again``."""
    returned = still_quiesced(task, name)
    names = [unit.name for unit in returned]
    if returned:
        task.warn(f"{task.host.name}: {', '.join(names)} ran again after {after}; stopping again.")
        try:
            stop_again(task, name, returned)
        except LockstepError as error:
            error.details["units_stopped_again"] = names
            raise
    return names


def renew_lease(task: Task, name: str, max_outage: float) -> None:
    """Move the lease's deadline to ``max_outage`` seconds from now."""
    store, journal = _held(task, name)
    store.renew(journal, max_outage)


def _held(task: Task, name: str) -> tuple[Store, Journal]:
    store = Store(task, name)
    journal = store.read_mine()
    if journal is None:
        raise LockstepError(
            "not_quiesced",
            f"Nothing is quiesced under the name {name} on {task.host.name} ({store.path} is missing). Run "
            "win_service_quiesce with state: quiesced before this, in the same play.",
            journal=store.path,
        )
    refuse_unfinished(journal, task.owner, store.path)
    return store, journal
