# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carrying out plans: quiesce and resume. Private to lockstep.backup: not a public interface."""

from __future__ import annotations

import dataclasses
import datetime
import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.feature import Task
from ansible_collections.lockstep.backup.plugins.module_utils.host import base
from ansible_collections.lockstep.backup.plugins.module_utils.jobs import CONNECTION_SLUGS
from ansible_collections.lockstep.backup.plugins.module_utils.owner import boot_id
from ansible_collections.lockstep.backup.plugins.module_utils.quiesce import plan, readiness, units
from ansible_collections.lockstep.backup.plugins.module_utils.quiesce.conditions import Mark
from ansible_collections.lockstep.backup.plugins.module_utils.quiesce.journal import RESUMING, Journal
from ansible_collections.lockstep.backup.plugins.module_utils.quiesce.plan import Step, Unit, Wanted
from ansible_collections.lockstep.backup.plugins.module_utils.quiesce.store import Store


class Work:
    """A plan being carried out, and what came of it, for complete and for partial results.

    ``states`` are the units' latest known states, ``seconds`` belong to the steps by their index. ``marks``: from where the
    conditions of the units that were started count.
    """

    def __init__(self, recorded: t.Sequence[Unit], states: t.Sequence[str], steps: t.Sequence[Step]) -> None:
        self.units, self.steps = list(recorded), list(steps)
        self.states = dict(zip(map(_key, recorded), states))
        self.seconds: dict[int, float] = {}
        self.marks: dict[tuple[str, str], Mark] = {}

    @property
    def stops(self) -> bool:
        return any(step.action == plan.STOP for step in self.steps)

    def state(self, unit: Unit) -> str:
        return self.states.get(_key(unit), base.UNKNOWN)

    def note(self, unit: Unit, state: str) -> None:
        self.states[_key(unit)] = state

    def unit_facts(self) -> list[dict[str, t.Any]]:
        spent: dict[tuple[str, str], float] = {}
        for index, seconds in self.seconds.items():
            unit = self.steps[index].unit
            if unit is not None:
                spent[_key(unit)] = round(seconds, 3)
        return [
            {"kind": u.kind, "name": u.name, "before": u.before, "after": self.state(u), "seconds": spent.get(_key(u), 0.0)}
            for u in self.units
        ]

    def plan_facts(self) -> list[dict[str, t.Any]]:
        facts = [step.as_dict() for step in self.steps]
        for index, seconds in self.seconds.items():
            facts[index]["seconds"] = round(seconds, 3)
        return facts


def _key(unit: Unit) -> tuple[str, str]:
    return (unit.kind, unit.name)


def begin_journal(task: Task, store: Store, wanted: t.Sequence[Wanted], found: t.Sequence[Unit]) -> Journal:
    """Put the journal in place. The outage is counted from here: the first stop is the next thing but the lease."""
    max_outage = task.params.get("max_outage")
    store.prepare(found, max_outage is not None)
    now = task.host.now()
    journal = Journal(
        name=store.name,
        owner=task.owner,
        since=now,
        boot_id=boot_id(),
        monotonic=task.clock.monotonic(),
        wanted=tuple(entry.as_dict() for entry in wanted),
        units=tuple(readiness.with_marks(task.host, found)),
        armed_until=None if max_outage is None else now + datetime.timedelta(seconds=max_outage),
    )
    store.create(journal)
    return journal


def quiesce(task: Task, store: Store, work: Work, begin: t.Callable[[], Journal]) -> Journal:
    """Carry out a quiesce or renewal plan; ``begin`` gives the journal (puts it in place, where the plan says so).

    When ``begin`` fails, nothing was stopped. When a later step fails: resume what was stopped, in order, then raise the
    step's error, with the details ``units``, ``plan``, ``journal``, ``resumed`` (all runs again) and ``not_resumed``.
    """
    began = task.clock.monotonic()
    journal = begin()
    for index, step in enumerate(work.steps):
        try:
            journal = _do(task, store, work, step, journal)
        except LockstepError as error:
            work.seconds[index] = task.clock.monotonic() - began
            raise _after_orderly_resume(task, store, journal, work, step.unit, error) from error
        work.seconds[index] = task.clock.monotonic() - began
        began = task.clock.monotonic()
    return journal


def _do(task: Task, store: Store, work: Work, step: Step, journal: Journal) -> Journal:
    if step.unit is not None:
        if step.action == plan.STOP:
            task.progress(f"stopping {step.unit.kind} {step.unit.name}")
            work.note(step.unit, base.UNKNOWN)
            work.note(step.unit, units.stop_unit(task, step.unit).state)
    elif step.action == plan.ARM_LEASE:
        store.arm(journal)
    elif step.action == plan.RENEW_LEASE:
        journal = store.renew(journal, step.facts["max_outage"])
    elif step.action == plan.VERIFY:
        returned = units.verify_stopped(task, work.units)
        store.refuse_fired(journal)
        refuse_returned(task, returned)
        for unit in work.units:
            work.note(unit, base.STOPPED)
    return journal


def refuse_returned(task: Task, returned: t.Sequence[base.UnitStatus]) -> None:
    """Raise ``unit_returned`` when units run that were stopped."""
    if returned:
        names = ", ".join(f"{status.kind} {status.name} ({status.state})" for status in returned)
        raise LockstepError(
            "unit_returned",
            f"{names} on {task.host.name} did not stay stopped: something started it again. Find out what (a watchdog, a "
            "recovery action, a dependent unit that is missing in units) and put that into units, before it.",
            returned=units.facts_of(returned),
        )


def _after_orderly_resume(
    task: Task, store: Store, journal: Journal, work: Work, culprit: Unit | None, error: LockstepError
) -> LockstepError:
    # The unit that would not stop has already used up its deadline: the others must not wait for it once more.
    ordered = plan.start_order(journal.units)
    if culprit is not None:
        ordered.sort(key=lambda unit: _key(unit) == _key(culprit))
    back = resume_work(store, journal, ordered, [base.UNKNOWN] * len(ordered))
    details = dict(error.details, plan=work.plan_facts(), journal=store.path)
    try:
        resume(task, store, journal, back)
        details.update(resumed=True, not_resumed=[])
        message = f"{error.message} All that was stopped runs again."
    except LockstepError as second:
        details.update(resumed=False, not_resumed=second.details.get("not_resumed", []))
        message = f"{error.message} And then: {second.message}"
    for unit in ordered:
        work.note(unit, back.state(unit))
    return LockstepError(error.slug, message, **dict(details, units=work.unit_facts()))


def resume_work(store: Store, journal: Journal, ordered: t.Sequence[Unit], states: t.Sequence[str]) -> Work:
    leased = journal.armed_until is not None
    return Work(ordered, states, plan.resume_plan(ordered, states, leased, store.path))


@dataclasses.dataclass(frozen=True)
class Outage:
    """From just before the first stop to the last start, by the host's wall clock; ``seconds`` so far while it lasts."""

    started: datetime.datetime
    ended: datetime.datetime | None
    seconds: float

    def as_dict(self) -> dict[str, t.Any]:
        ended = self.ended.isoformat(timespec="seconds") if self.ended else None
        return {"started": self.started.isoformat(timespec="seconds"), "ended": ended, "seconds": round(self.seconds, 3)}


@dataclasses.dataclass(frozen=True)
class Resumed:
    """``lease_log`` is what the lease wrote, empty unless it had fired."""

    outage: Outage
    lease_fired: bool
    lease_log: str


def resume(task: Task, store: Store, journal: Journal, work: Work) -> Resumed:
    """Carry out a resume plan.

    Goes on with the others when a unit does not start, and raises ``units_not_resumed`` at the end, with ``not_resumed``;
    the journal then holds what is still to be done, and the lease stays armed.
    """
    failures: list[tuple[Unit, LockstepError]] = []
    fired = False
    log = ""
    outage = Outage(journal.since, None, 0.0)
    for index, step in enumerate(work.steps):
        began = task.clock.monotonic()
        if step.unit is not None:
            failure = _start(task, step.unit, work, failures)
            if failure is not None:
                failures.append((step.unit, failure))
        elif step.action == plan.VERIFY:
            monotonic, now = began, task.host.now() if not failures else journal.since
            outage = Outage(journal.since, now, journal.outage_seconds(now, boot_id(), monotonic))
            failures = failures or _ended_again(task, work)
            if failures:
                raise _not_resumed(task, store, journal, failures, work)
        elif step.action == plan.DISARM_LEASE:
            task.host.disarm_timer(store.timer)
            fired = store.fired()
            log = store.fired_log() if fired else ""
        else:
            store.dismiss(work.units)
            store.forget()
        work.seconds[index] = task.clock.monotonic() - began
    return Resumed(outage, fired, log)


def _start(task: Task, unit: Unit, work: Work, failures: t.Sequence[tuple[Unit, LockstepError]]) -> LockstepError | None:
    if failures and failures[-1][1].slug in CONNECTION_SLUGS:
        # The host did not answer for the whole deadline of a unit: the rest need not wait for theirs.
        return failures[-1][1]
    task.progress(f"starting {unit.kind} {unit.name}")
    try:
        _start_until_ready(task, unit, work)
    except LockstepError as error:
        work.note(unit, error.details.get("unit", {}).get("state", base.UNKNOWN))
        return error
    work.note(unit, base.RUNNING)
    return None


def _start_until_ready(task: Task, unit: Unit, work: Work) -> None:
    """Only what comes after the start counts for its conditions. What has come back by itself is asked for the same."""
    began = task.clock.monotonic()
    fresh = _mark_before_start(task, unit) if unit.ready and work.state(unit) != base.RUNNING else None
    started = units.start_unit(task, unit, work.state(unit))
    if not unit.ready:
        return
    mark = fresh if started else unit.mark
    if mark is None or not (started or _is_another_process(task, unit)):
        return
    work.marks[_key(unit)] = mark
    readiness.await_ready(task, unit, mark, began)


def _mark_before_start(task: Task, unit: Unit) -> Mark | None:
    try:
        return readiness.take_mark(task.host, unit.ready)
    except LockstepError:
        # Nothing keeps a unit from its start. The mark in the journal serves as well, but for what was reported during the stop.
        return unit.mark


def _is_another_process(task: Task, unit: Unit) -> bool:
    """Whether it was started since the outage began: what was never stopped has nothing to say."""
    return unit.pid is None or units.status_of(task, unit).pid != unit.pid


def _ended_again(task: Task, work: Work) -> list[tuple[Unit, LockstepError]]:
    """What does not run any more, and what has reported an error while others were started."""
    failures = []
    for unit, status in zip(work.units, units.statuses_of(task, work.units)):
        work.note(unit, status.state)
        if status.state != base.RUNNING:
            failures.append((unit, units.not_started(task, status, "ended again after its start")))
        elif _key(unit) in work.marks:
            try:
                readiness.refuse_errors(task.host, unit, work.marks[_key(unit)])
            except LockstepError as error:
                failures.append((unit, error))
    return failures


def _for_next_try(task: Task, unit: Unit, work: Work) -> Unit:
    mark = work.marks.get(_key(unit))
    if mark is None:
        return unit
    try:
        return dataclasses.replace(unit, mark=readiness.mark_after_failure(task.host, unit.ready, mark))
    except LockstepError as error:
        task.warn(f"What {unit.kind} {unit.name} has reported up to now will be held against it again: {error.message}")
        return unit


def _not_resumed(
    task: Task, store: Store, journal: Journal, failures: t.Sequence[tuple[Unit, LockstepError]], work: Work
) -> LockstepError:
    failed = {_key(unit) for unit, _unused in failures}
    todo = tuple(_for_next_try(task, unit, work) for unit in journal.units if _key(unit) in failed)
    try:
        store.write(dataclasses.replace(journal, units=todo, phase=RESUMING))
        store.dismiss([unit for unit in journal.units if unit.ran and _key(unit) not in failed])
    except LockstepError as error:
        # The complete journal stays: it says at least as much.
        task.warn(f"The journal {store.path} was not shortened to what is still to be started: {error.message}")
    return LockstepError(
        "units_not_resumed",
        f"Not running again on {task.host.name}: " + "; ".join(error.message for _unused, error in failures) + " The journal keeps "
        "them: run state: resumed again when the cause is gone.",
        not_resumed=[
            {"kind": unit.kind, "name": unit.name, "error_code": error.slug, "msg": error.message} for unit, error in failures
        ],
        units=work.unit_facts(),
        plan=work.plan_facts(),
        journal=store.path,
    )
