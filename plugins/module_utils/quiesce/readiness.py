# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting until started units are ready to work. Private to lockstep.backup: not a public interface."""

from __future__ import annotations

import dataclasses
import datetime
import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.feature import Task
from ansible_collections.lockstep.backup.plugins.module_utils.host.absent import read_or_none
from ansible_collections.lockstep.backup.plugins.module_utils.host.base import Host
from ansible_collections.lockstep.backup.plugins.module_utils.jobs import CONNECTION_SLUGS, pause_before_poll
from ansible_collections.lockstep.backup.plugins.module_utils.quiesce import conditions
from ansible_collections.lockstep.backup.plugins.module_utils.quiesce.conditions import Mark, Ready
from ansible_collections.lockstep.backup.plugins.module_utils.quiesce.plan import Unit

_QUOTED_MESSAGE = 300
"""Characters of an event's message that are quoted: some fill pages."""


def take_mark(host: Host, ready: Ready) -> Mark:
    position = len(_log_text(host, ready))
    return Mark(position, position, _moment(host, ready))


def _moment(host: Host, ready: Ready) -> str:
    """Nobody is asked for the time who need not know it: this is done during outages."""
    return host.now().isoformat() if ready.get("event_log") else ""


def with_marks(host: Host, units: t.Sequence[Unit]) -> list[Unit]:
    """The units as the journal keeps them: for what comes back without this run's doing, all counts from here on."""
    return [dataclasses.replace(unit, mark=take_mark(host, unit.ready)) if unit.ready and unit.ran else unit for unit in units]


def mark_after_failure(host: Host, ready: Ready, mark: Mark) -> Mark:
    """For the next try: what was reported up to now is known, and what was signed in stays so."""
    since = _moment(host, ready)
    if since:
        # The times of events have whole seconds.
        since = (datetime.datetime.fromisoformat(since) + datetime.timedelta(seconds=1)).isoformat()
    return Mark(mark.expect_from, len(_log_text(host, ready)), since)


def await_ready(task: Task, unit: Unit, mark: Mark, began: float) -> None:
    """Wait until all that is expected is in the log, and nothing that is refused is there or in the event log.

    ``began`` is when the start began, by the task's clock: the unit's deadline counts from there. Slug ``unit_not_ready``.
    """
    while True:
        elapsed = task.clock.monotonic() - began
        late = elapsed > unit.timeout
        try:
            text = _log_text(task.host, unit.ready)
            absent = conditions.missing(unit.ready, text, mark)
            _refuse_errors(task.host, unit, text, mark, with_events=late or not absent)
            if not absent:
                return
            if late:
                raise _not_ready(
                    task.host, unit, f"within {unit.timeout:g} s its log {unit.ready['log']} did not say {' nor '.join(absent)}"
                )
        except LockstepError as error:
            if error.slug not in CONNECTION_SLUGS or late:
                raise
        task.clock.sleep(pause_before_poll(elapsed))


def refuse_errors(host: Host, unit: Unit, mark: Mark) -> None:
    """Raise ``unit_not_ready`` when the unit has reported an error since the mark."""
    _refuse_errors(host, unit, _log_text(host, unit.ready), mark, with_events=True)


def _refuse_errors(host: Host, unit: Unit, text: str, mark: Mark, with_events: bool) -> None:
    line = conditions.refused_line(unit.ready, text, mark)
    if line is not None:
        raise _not_ready(host, unit, f"its log {unit.ready['log']} says: {line.strip()}", line=line.strip())
    events = unit.ready.get("event_log")
    if events and with_events:
        found = host.error_events(events["log"], events["source"], datetime.datetime.fromisoformat(mark.since))
        if found:
            said = " ".join(found[0].split())[:_QUOTED_MESSAGE]
            raise _not_ready(
                host, unit, f"{events['source']} reported an error in the event log {events['log']}: {said}", line=said
            )


def _not_ready(host: Host, unit: Unit, why: str, line: str | None = None) -> LockstepError:
    # Whatever else it is, it runs: its state is seen again when the plan is verified.
    return LockstepError(
        "unit_not_ready",
        f"{unit.kind} {unit.name} on {host.name} runs and is not ready: {why}. Mend that, or start it again by hand.",
        unit={"kind": unit.kind, "name": unit.name, "state": "running"},
        line=line,
    )


def _log_text(host: Host, ready: Ready) -> str:
    """Empty where there is no log, or not yet."""
    path = ready.get("log")
    return read_or_none(host, path) or "" if path else ""
