# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``win_service_quiesce``: stop units in order, start what ran. Private to lockstep.backup: not a public interface."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.feature import OWNER_SPEC, Feature, Task
from ansible_collections.lockstep.backup.plugins.module_utils.host import base
from ansible_collections.lockstep.backup.plugins.module_utils.jobs import CONNECTION_SLUGS
from ansible_collections.lockstep.backup.plugins.module_utils.owner import boot_id
from ansible_collections.lockstep.backup.plugins.module_utils.quiesce import plan, units
from ansible_collections.lockstep.backup.plugins.module_utils.quiesce.execute import (
    Outage,
    Work,
    begin_journal,
    quiesce,
    resume,
    resume_work,
)
from ansible_collections.lockstep.backup.plugins.module_utils.quiesce.journal import (
    RESUMING,
    Journal,
    refuse_other_units,
    refuse_unfinished,
)
from ansible_collections.lockstep.backup.plugins.module_utils.quiesce.plan import Unit, Wanted
from ansible_collections.lockstep.backup.plugins.module_utils.quiesce.store import Store

_ARGV = {"argv": {"type": "list", "elements": "str", "required": True}}

UNIT_SPEC: t.Mapping[str, t.Any] = {
    "type": "list",
    "elements": "dict",
    "options": {
        "kind": {"type": "str", "required": True, "choices": list(plan.KINDS)},
        "name": {"type": "str"},
        "pattern": {"type": "str"},
        "path_under": {"type": "str"},
        "timeout": {"type": "int", "default": 120},
        "force": {"type": "bool", "default": False},
        "start_position": {"type": "int", "default": 0},
        "start": {"type": "dict", "options": dict(_ARGV, cwd={"type": "str"})},
        "stop": {"type": "dict", "options": _ARGV},
        "check": {"type": "dict", "options": _ARGV},
        "desktop": {
            "type": "dict",
            "options": {
                "user": {"type": "str", "required": True},
                "program": {"type": "str"},
                "command_line": {"type": "str"},
                "close": {"type": "str", "choices": ["window", "ctrl_break", "command"], "default": "window"},
                "close_argv": {"type": "list", "elements": "str"},
                "confirm_argv": {"type": "list", "elements": "str"},
            },
            "required_if": [["close", "command", ["close_argv"]]],
        },
        "ready": {
            "type": "dict",
            "options": {
                "log": {"type": "str"},
                "expect": {"type": "list", "elements": "str"},
                "refuse": {"type": "list", "elements": "str"},
                "event_log": {
                    "type": "dict",
                    "options": {"log": {"type": "str", "default": "Application"}, "source": {"type": "str", "required": True}},
                },
            },
            "required_by": {"expect": ["log"], "refuse": ["log"]},
        },
    },
    "required_one_of": [["name", "pattern", "path_under"]],
    "mutually_exclusive": [["name", "pattern"], ["name", "path_under"]],
    "required_if": [
        ["kind", "process", ["name", "start"]],
        ["kind", "command", ["name", "start", "stop", "check"]],
    ],
}


def run(task: Task) -> dict[str, t.Any]:
    """The feature's one function; errors are those of the state's function."""
    return {"quiesced": quiesced, "resumed": resumed, "query": query}[task.params["state"]](task)


def quiesced(task: Task) -> dict[str, t.Any]:
    """Stop the units, or make sure that they are stopped when this run has stopped them already, and renew the lease."""
    store = Store(task, task.params["name"])
    wanted = [Wanted.from_params(entry) for entry in task.params["units"]]
    max_outage = task.params.get("max_outage")
    journal = store.read_mine()
    if journal is None:
        found = units.find_units(task, wanted)
        work = Work(found, [unit.before for unit in found], plan.quiesce_plan(found, store.path, max_outage))
        if task.check_mode:
            return _quiesced_result(task, store, None, work, True)
        try:
            journal = quiesce(task, store, work, lambda: begin_journal(task, store, wanted, found))
            return _quiesced_result(task, store, journal, work, True)
        except LockstepError as error:
            if error.slug != "path_exists":
                raise
        journal = _winner(store)
    if task.check_mode and journal.owner.run_id != task.owner.run_id:
        return _planned_after_recovery(task, store, journal, max_outage)
    refuse_unfinished(journal, task.owner, store.path)
    refuse_other_units(journal, [entry.as_dict() for entry in wanted], store.path)
    store.refuse_fired(journal)
    states = [status.state for status in units.statuses_of(task, journal.units)]
    work = Work(journal.units, states, plan.renewal_plan(journal.units, states, max_outage))
    if not task.check_mode:
        held = journal
        journal = quiesce(task, store, work, lambda: held)
    return _quiesced_result(task, store, journal, work, work.stops)


def _planned_after_recovery(task: Task, store: Store, journal: Journal, max_outage: int | None) -> dict[str, t.Any]:
    """What a quiesce would do once the units run again that a dead run left stopped. Its owner is in ``left_by``."""
    work = Work(journal.units, [unit.before for unit in journal.units], plan.quiesce_plan(journal.units, store.path, max_outage))
    return dict(_quiesced_result(task, store, None, work, True), left_by=journal.owner.as_dict())


def resumed(task: Task) -> dict[str, t.Any]:
    """Start the units that ran, in start order, give up the lease, and forget the journal. Without a journal: nothing."""
    store = Store(task, task.params["name"])
    journal = store.read_mine()
    if journal is None:
        return _nothing_to_resume(task, store)
    ordered = plan.start_order(journal.units)
    work = resume_work(store, journal, ordered, _states_if_it_answers(task, ordered))
    # After a resume that did not succeed as a whole, what runs was started by that resume.
    running = [unit.name for unit in ordered if work.state(unit) == base.RUNNING and journal.phase != RESUMING]
    result: dict[str, t.Any] = {"changed": True, "journal": store.path, "ran_again": running}
    if journal.owner.run_id != task.owner.run_id:
        result["recovered_from"] = journal.owner.as_dict()
        if not task.check_mode:
            # From here on a third run has to wait for this one, and not only for the dead one.
            journal = dataclasses.replace(journal, owner=task.owner, phase=RESUMING)
            store.write(journal)
    if task.check_mode:
        fired = journal.armed_until is not None and store.fired()
    else:
        done = resume(task, store, journal, work)
        fired = done.lease_fired
        result.update(outage=done.outage.as_dict(), lease_log=done.lease_log)
    result.update(lease=_lease_facts(journal, fired), lease_fired=fired, units=work.unit_facts(), plan=work.plan_facts())
    return _with_diff(task, result, base.RUNNING)


def _nothing_to_resume(task: Task, store: Store) -> dict[str, t.Any]:
    """In the check mode of a whole playbook nothing was stopped before this task: with ``units`` it plans as if they had been."""
    result: dict[str, t.Any] = {"units": [], "plan": [], "journal": None, "ran_again": []}
    result.update(lease=_lease_facts(None, False), lease_fired=False)
    if task.check_mode and task.params.get("units"):
        found = units.find_units(task, [Wanted.from_params(entry) for entry in task.params["units"]])
        ordered = plan.start_order(found)
        steps = plan.resume_plan(ordered, [base.STOPPED] * len(ordered), task.params.get("max_outage") is not None, store.path)
        result["plan"] = Work(ordered, [base.STOPPED] * len(ordered), steps).plan_facts()
    return dict(result, changed=bool(result["plan"]))


def query(task: Task) -> dict[str, t.Any]:
    """The units' present states, and the journal with its owner, age and lease, whoever holds it. Changes nothing."""
    store = Store(task, task.params["name"])
    journal = store.read()
    if journal is None:
        statuses = _present(task)
        return {"changed": False, "units": units.facts_of(statuses), "journal": None, "lease": _lease_facts(None, False)}
    fired = journal.armed_until is not None and store.fired()
    facts = units.facts_of(units.statuses_of(task, journal.units))
    now = task.host.now()
    return {
        "changed": False,
        "units": [dict(fact, before=unit.before) for fact, unit in zip(facts, journal.units)],
        "journal": store.path,
        "owner": journal.owner.as_dict(),
        "phase": journal.phase,
        "outage": Outage(journal.since, None, journal.outage_seconds(now, boot_id(), task.clock.monotonic())).as_dict(),
        "lease": _lease_facts(journal, fired),
        "lease_fired": fired,
    }


def _present(task: Task) -> list[base.UnitStatus]:
    statuses = []
    for wanted in map(Wanted.from_params, task.params.get("units") or ()):
        driver = task.host.unit_driver(wanted.kind, wanted.definition)
        if wanted.name is not None:
            statuses.append(driver.status(wanted.name))
        else:
            statuses.extend(driver.find(wanted.pattern, wanted.path_under))
    return statuses


def _states_if_it_answers(task: Task, ordered: t.Sequence[Unit]) -> list[str]:
    try:
        return [status.state for status in units.statuses_of(task, ordered)]
    except LockstepError as error:
        if error.slug not in CONNECTION_SLUGS:
            raise
        return [base.UNKNOWN] * len(ordered)


def _winner(store: Store) -> Journal:
    """The journal that another task put in place while this one was making its own."""
    journal = store.read_mine()
    if journal is None:
        raise LockstepError(
            "journal_damaged",
            f"The folder {store.folder} exists without a journal. Lockstep never leaves it so: look at it, then remove it.",
            journal=store.path,
        )
    return journal


def _quiesced_result(task: Task, store: Store, journal: Journal | None, work: Work, changed: bool) -> dict[str, t.Any]:
    result: dict[str, t.Any] = {
        "changed": changed,
        "units": work.unit_facts(),
        "plan": work.plan_facts(),
        "journal": store.path,
        "lease": _lease_facts(journal, False),
        "lease_fired": False,
    }
    if journal is not None:
        seconds = journal.outage_seconds(journal.since, boot_id(), task.clock.monotonic())
        result["outage"] = Outage(journal.since, None, seconds).as_dict()
    return _with_diff(task, result, base.STOPPED)


def _lease_facts(journal: Journal | None, fired: bool) -> dict[str, t.Any]:
    armed = journal.armed_until if journal else None
    return {"armed_until": armed.isoformat() if armed else None, "fired": fired}


def _with_diff(task: Task, result: dict[str, t.Any], aim: str) -> dict[str, t.Any]:
    if task.diff_mode:
        acted = {(step["kind"], step["name"]) for step in result["plan"] if step["action"] in (plan.STOP, plan.START)}
        now = {(step["kind"], step["name"]): step["state"] for step in result["plan"] if "state" in step}
        result["diff"] = {
            "before": "".join(f"{kind} {name}: {state}\n" for (kind, name), state in now.items()),
            "after": "".join(f"{kind} {name}: {aim if (kind, name) in acted else state}\n" for (kind, name), state in now.items()),
        }
    return result


FEATURE = Feature(
    name="win_service_quiesce",
    run=run,
    argument_spec={
        "state": {"type": "str", "choices": ["quiesced", "resumed", "query"], "default": "quiesced"},
        "name": {"type": "str", "required": True},
        "units": UNIT_SPEC,
        "state_folder": {"type": "str"},
        "max_outage": {"type": "int"},
        **OWNER_SPEC,
    },
    required_if=[["state", "quiesced", ["units"]]],
)
