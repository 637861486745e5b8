# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The feature avbackup. Private to lockstep.backup: not a public interface."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.altium import planning
from ansible_collections.lockstep.backup.plugins.module_utils.altium.checks import Facts, check_paths, judge
from ansible_collections.lockstep.backup.plugins.module_utils.altium.drilling import drilled
from ansible_collections.lockstep.backup.plugins.module_utils.altium.gathering import gather, path_facts
from ansible_collections.lockstep.backup.plugins.module_utils.altium.record import (
    ADOPT,
    STOP,
    Previous,
    look_at_previous,
    read_record,
)
from ansible_collections.lockstep.backup.plugins.module_utils.altium.running import AvbackupExecution
from ansible_collections.lockstep.backup.plugins.module_utils.altium.settings import (
    ARGUMENT_SPEC,
    CHECKED,
    DRILLED,
    PRESENT,
    RECOVERED,
    RESTORE,
    RESTORED,
    VERIFIED,
    Settings,
    settings_from,
)
from ansible_collections.lockstep.backup.plugins.module_utils.checks import Check, refuse_failed
from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.feature import Feature, Task
from ansible_collections.lockstep.backup.plugins.module_utils.host.base import JOB_RUNNING
from ansible_collections.lockstep.backup.plugins.module_utils.owner import refuse_foreign
from ansible_collections.lockstep.backup.plugins.module_utils.quiesce.grading import grade

SAME_VERSION = (
    "avbackup restores only into the version of the Enterprise Server that made the backup, and no expected_version was given. "
    "Compare the version with what the tool's log beside the zip tells."
)


def run(task: Task) -> dict[str, t.Any]:
    """The module's result; slugs are in docs/errors.md."""
    settings = settings_from(task.params, task.host)
    return _STATES[task.params["state"]](task, settings)


def _checked(task: Task, settings: Settings) -> dict[str, t.Any]:
    execution = _prepare(task, dataclasses.replace(settings, preflight=True), ask_units=False)
    return _planned(execution, changed=False)


def _present(task: Task, settings: Settings) -> dict[str, t.Any]:
    execution = _prepare(task, settings, ask_units=not task.check_mode)
    if task.check_mode:
        return _planned(execution, changed=True)
    outcome = execution.execute()
    grade_found, reasons = grade("avbackup", settings.quiesced, outcome["units_stopped_again"])
    return dict(outcome, grade=grade_found, grade_reasons=reasons)


def _restored(task: Task, settings: Settings) -> dict[str, t.Any]:
    if settings.expected_version is None:
        task.warn(SAME_VERSION)
    # In check mode the plan is what the person wants to see before confirming it.
    settings = dataclasses.replace(settings, confirm=settings.confirm or task.check_mode)
    execution = _prepare(task, settings, ask_units=not task.check_mode)
    return _planned(execution, changed=True) if task.check_mode else execution.execute()


def _verified(task: Task, settings: Settings) -> dict[str, t.Any]:
    execution = AvbackupExecution(task, settings, [], planning.verification_plan(settings))
    # In the check mode of a whole playbook, the zip has not been made: only the plan can be shown.
    return execution.outcome if task.check_mode else execution.execute()


def _recovered(task: Task, settings: Settings) -> dict[str, t.Any]:
    """Stop the job that makes this zip, and forget it. That its run is over is the caller's knowledge where no record says more.

    Slugs: ``run_in_progress``, ``tool_running``.
    """
    there = task.host.stat(settings.job_folder) is not None
    status = task.host.job_status(settings.job_folder) if there else None
    record = read_record(task.host, settings.record) if there else None
    if record is not None and record.job_folder == settings.job_folder:
        what = f"The avbackup backup with {record.zip_path}, the job {record.job_folder}"
        refuse_foreign(what, record.owner, task.owner, task.dead_run, record.started)
    plan = planning.recovery_plan(settings, status.state == JOB_RUNNING) if status is not None else []
    execution = AvbackupExecution(task, settings, [], plan)
    return _planned(execution, changed=there) if task.check_mode else execution.execute()


def _planned(execution: AvbackupExecution, changed: bool) -> dict[str, t.Any]:
    try:
        refuse_failed(execution.checks)
    except LockstepError as error:
        raise LockstepError(error.slug, error.message, **execution.outcome, failed_step=planning.CHECK, also_failed=[]) from error
    return dict(execution.outcome, changed=changed)


def _prepare(task: Task, settings: Settings, ask_units: bool) -> AvbackupExecution:
    """Ask, judge and plan. Changes nothing; a failed check is raised by the plan's first step, so that the plan is known."""
    if settings.operation == RESTORE or settings.preflight:
        checks, facts, previous = _preflight(task, settings, ask_units)
    else:
        checks, facts, previous = _least(task, settings)
    names = [check.name for check in checks]
    old_job = previous.record.job_folder if previous.record else None
    if settings.operation == RESTORE:
        plan = planning.restore_plan(settings, names, previous.action, old_job)
    else:
        make = None if facts.folder_there else task.host.parent(settings.zip_path)
        plan = planning.backup_plan(settings, names, previous.action, old_job, make)
    execution = AvbackupExecution(task, settings, checks, plan)
    execution.outcome["tool_version"] = facts.tool_version
    return execution


def _preflight(task: Task, settings: Settings, ask_units: bool) -> tuple[list[Check], Facts, Previous]:
    paths = check_paths(path_facts(task.host, settings))
    if not paths.ok:
        # Nothing more is asked about a path that may not even be one: a look at an unreachable share can take minutes.
        return [paths], Facts(), Previous()
    previous = look_at_previous(task, settings)
    if previous.action == ADOPT:
        return [_adopted(settings)], Facts(), previous
    facts = gather(task, settings, previous, ask_units)
    return [paths, *judge(settings, facts)], facts, previous


def _least(task: Task, settings: Settings) -> tuple[list[Check], Facts, Previous]:
    """The looks that are never left out. The record is read only where they found something that it may explain."""
    found = task.host.stat(settings.zip_path)
    running = task.host.processes(settings.program)
    previous = look_at_previous(task, settings) if found or running else Previous()
    if previous.action == ADOPT:
        return [_adopted(settings)], Facts(), previous
    facts = Facts(
        zip_bytes=found.size if found and not found.is_dir else None,
        zip_is_folder=bool(found and found.is_dir),
        tool_pids=tuple(running),
        tool_is_ours=previous.action == STOP,
    )
    return judge(settings, facts), facts, previous


def _adopted(settings: Settings) -> Check:
    return Check("target", True, f"This run's own job {settings.job_folder} is waited for and judged, not started again.")


_STATES: t.Mapping[str, t.Callable[[Task, Settings], dict[str, t.Any]]] = {
    CHECKED: _checked,
    PRESENT: _present,
    RESTORED: _restored,
    VERIFIED: _verified,
    DRILLED: drilled,
    RECOVERED: _recovered,
}

FEATURE = Feature(
    name="avbackup",
    run=run,
    argument_spec=ARGUMENT_SPEC,
    required_by={"max_outage": ("quiesced",)},
    required_if=(("state", DRILLED, ("scratch_folder",)),),
)
