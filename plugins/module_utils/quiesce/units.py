# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stopping and starting units, each until it holds. Private to lockstep.backup: not a public interface."""

from __future__ import annotations

import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.feature import Task
from ansible_collections.lockstep.backup.plugins.module_utils.host import base
from ansible_collections.lockstep.backup.plugins.module_utils.jobs import CONNECTION_SLUGS, pause_before_poll
from ansible_collections.lockstep.backup.plugins.module_utils.quiesce import plan
from ansible_collections.lockstep.backup.plugins.module_utils.quiesce.plan import Unit, Wanted

FORCED_WITHIN = 30.0
"""Seconds that a unit has to be gone after it was killed."""


def find_units(task: Task, entries: t.Sequence[Wanted]) -> list[Unit]:
    """What the entries mean on this host, in stop order: each unit once, its running dependents before it.

    Slugs ``unit_missing`` and ``unit_state_unknown``, and what a driver has against a unit. Changes nothing.
    """
    platform = task.host.platform
    plan.refuse_invalid(entries, platform)
    named: dict[tuple[str, str], Wanted] = {}
    statuses: list[base.UnitStatus] = []
    for entry in entries:
        matches = [(plan.unit_key(platform, status.kind, status.name), status) for status in _matches(task, entry)]
        statuses.extend(status for key, status in matches if key not in named)
        named.update((key, entry) for key, _unused in matches if key not in named)
    plan.refuse_unclear(statuses)
    current = {plan.unit_key(platform, status.kind, status.name): status for status in statuses}
    found: dict[tuple[str, str], Unit] = {}
    # One for each entry: it remembers what it has found of dependents.
    drivers = {id(entry): task.host.unit_driver(entry.kind, entry.definition) for entry in named.values()}
    for status in statuses:
        key = plan.unit_key(platform, status.kind, status.name)
        entry = named[key]
        driver = drivers[id(entry)]
        driver.refuse_unfit(status.name)
        # What does not run has no dependents that run.
        for name in driver.dependents(status.name) if status.state != base.STOPPED else ():
            dependent = plan.unit_key(platform, status.kind, name)
            if dependent in found:
                continue
            if dependent not in current:
                current[dependent] = driver.status(name)
                plan.refuse_unclear([current[dependent]])
            by = None if dependent in named else status.name
            found[dependent] = plan.record(named.get(dependent, entry), current[dependent], by)
        found.setdefault(key, plan.record(entry, status))
    return list(found.values())


def _matches(task: Task, entry: Wanted) -> list[base.UnitStatus]:
    driver = task.host.unit_driver(entry.kind, entry.definition)
    if entry.name is not None:
        return [driver.status(entry.name)]
    matches = driver.find(entry.pattern, entry.path_under)
    if not matches:
        raise LockstepError(
            "unit_missing",
            f"No {entry.describe()} exists on {task.host.name}. Nothing was stopped. Correct units.",
            missing=[entry.describe()],
        )
    return matches


def status_of(task: Task, unit: Unit) -> base.UnitStatus:
    return task.host.unit_driver(unit.kind, unit.definition).status(unit.name)


def statuses_of(task: Task, units: t.Sequence[Unit]) -> list[base.UnitStatus]:
    """The units' states, in their order, with one question for each kind of unit."""
    found: dict[tuple[str, str], base.UnitStatus] = {}
    pending = list(units)
    while pending:
        first = pending[0]
        alike = [unit for unit in pending if (unit.kind, unit.definition) == (first.kind, first.definition)]
        driver = task.host.unit_driver(first.kind, first.definition)
        for unit, status in zip(alike, driver.statuses([unit.name for unit in alike])):
            found[(unit.kind, unit.name)] = status
        pending = [unit for unit in pending if unit not in alike]
    return [found[(unit.kind, unit.name)] for unit in units]


def stop_unit(task: Task, unit: Unit) -> base.UnitStatus:
    """Stop it and wait until it has stopped; killed after its deadline when it may be.

    Slugs ``unit_refused`` (the platform's answer) and ``unit_not_stopped``, both with the unit, its state and process.
    """
    try:
        return _stop_and_wait(task, unit, False, unit.timeout)
    except LockstepError as error:
        if not unit.force or error.slug not in ("unit_refused", "unit_not_stopped"):
            raise
        task.warn(f"{unit.kind} {unit.name} did not stop by itself within {unit.timeout:g} s; killing it: {error.message}")
    return _stop_and_wait(task, unit, True, FORCED_WITHIN)


def _stop_and_wait(task: Task, unit: Unit, force: bool, timeout: float) -> base.UnitStatus:
    driver = task.host.unit_driver(unit.kind, unit.definition)
    began = task.clock.monotonic()
    asked = False
    ready = True
    status = base.UnitStatus(unit.kind, unit.name, base.UNKNOWN)
    seen: base.UnitStatus | None = None
    while True:
        elapsed = task.clock.monotonic() - began
        try:
            if ready and not asked:
                # A request whose answer is lost is repeated only after a look at the unit.
                ready = False
                seen = driver.stop(unit.name, force)
                asked = True
            status = seen or driver.status(unit.name)
            seen = None
            ready = force or status.state == base.RUNNING
            if status.state == base.STOPPED:
                return status
        except LockstepError as error:
            if error.slug == "unit_refused":
                status = driver.status(unit.name)
                if status.state == base.STOPPED:
                    # It ended by itself just before, and there was nothing to stop any more.
                    return status
                # Windows takes no stop for what is still on its way up: ask again when it is up.
                if status.state != base.STARTING or elapsed > timeout:
                    raise _refused(unit, status, task.host.name, error) from error
            elif error.slug not in CONNECTION_SLUGS or elapsed > timeout:
                raise
        if elapsed > timeout:
            raise LockstepError(
                "unit_not_stopped",
                f"{unit.kind} {unit.name} on {task.host.name} did not stop within {timeout:g} s: it is {_words(status)}. Find out "
                "what holds it, or allow force for it, or give it a longer timeout.",
                unit=_facts(status),
            )
        task.clock.sleep(pause_before_poll(elapsed))


def _refused(unit: Unit, status: base.UnitStatus, host: str, error: LockstepError) -> LockstepError:
    return LockstepError(
        "unit_refused",
        f"{error.message} ({unit.kind} {unit.name} on {host} is {_words(status)}.)",
        **dict(error.details, unit=_facts(status)),
    )


def start_unit(task: Task, unit: Unit, known: str = base.UNKNOWN) -> bool:
    """Start it unless it runs, and wait until it runs; whether it had to be started.

    ``known`` is its state as just seen, so that nobody asks twice while the service is away. A lost connection is retried
    until the unit's deadline: nothing matters more than giving the service back.
    Slugs ``unit_refused`` and ``unit_not_started``, both with the unit, its state and process.
    """
    driver = task.host.unit_driver(unit.kind, unit.definition)
    began = task.clock.monotonic()
    asked = was_starting = False
    seen: base.UnitStatus | None = None
    while True:
        elapsed = task.clock.monotonic() - began
        status = base.UnitStatus(unit.kind, unit.name, base.UNKNOWN)
        try:
            if known != base.STOPPED:
                status = seen or driver.status(unit.name)
                seen, known = None, status.state
            if known == base.RUNNING:
                return asked
            if known == base.STOPPED and not asked:
                known = base.UNKNOWN
                seen = driver.start(unit.name)
                asked = True
                continue
            known = base.UNKNOWN
        except LockstepError as error:
            if error.slug == "unit_refused":
                status = driver.status(unit.name)
                if status.state not in (base.RUNNING, base.STARTING):
                    raise _refused(unit, status, task.host.name, error) from error
                asked = True
            elif error.slug not in CONNECTION_SLUGS or elapsed > unit.timeout:
                raise
        ended = was_starting and status.state == base.STOPPED
        if ended or status.state == base.ABSENT or elapsed > unit.timeout:
            reason = "ended again while it was starting" if ended else f"does not run after {elapsed:.0f} s"
            raise not_started(task, status, reason)
        was_starting = was_starting or status.state == base.STARTING
        task.clock.sleep(pause_before_poll(elapsed))


def not_started(task: Task, status: base.UnitStatus, reason: str) -> LockstepError:
    return LockstepError(
        "unit_not_started",
        f"{status.kind} {status.name} on {task.host.name} {reason}: it is {_words(status)}. Look at its own log.",
        unit=_facts(status),
    )


def verify_stopped(task: Task, units: t.Sequence[Unit]) -> list[base.UnitStatus]:
    """The units that do not stay stopped. One that is still on its way down is waited for."""
    returned = []
    for unit, seen in zip(units, statuses_of(task, units)):
        began, status = task.clock.monotonic(), seen
        while status.state == base.STOPPING and task.clock.monotonic() - began <= unit.timeout:
            task.clock.sleep(pause_before_poll(task.clock.monotonic() - began))
            status = status_of(task, unit)
        if status.state != base.STOPPED:
            returned.append(status)
    return returned


def _words(status: base.UnitStatus) -> str:
    process = "" if status.pid is None else f", process {status.pid}"
    detail = "" if status.detail in ("", status.state) else f" ({status.detail})"
    return f"{status.state}{detail}{process}"


def _facts(status: base.UnitStatus) -> dict[str, t.Any]:
    return {"kind": status.kind, "name": status.name, "state": status.state, "pid": status.pid, "detail": status.detail}


def facts_of(statuses: t.Iterable[base.UnitStatus]) -> list[dict[str, t.Any]]:
    """For results and error details."""
    return [_facts(status) for status in statuses]
