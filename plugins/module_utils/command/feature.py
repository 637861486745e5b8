# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The feature backup_command. Private to lockstep.backup: not a public interface."""

from __future__ import annotations

import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.checks import Check, refuse_failed
from ansible_collections.lockstep.backup.plugins.module_utils.command import planning
from ansible_collections.lockstep.backup.plugins.module_utils.command.checks import make_checks
from ansible_collections.lockstep.backup.plugins.module_utils.command.record import (
    ADOPT,
    START,
    Previous,
    look_at_previous,
    read_record,
    refuse_foreign_job,
)
from ansible_collections.lockstep.backup.plugins.module_utils.command.running import OUTPUT_LINES, CommandExecution
from ansible_collections.lockstep.backup.plugins.module_utils.command.settings import (
    ARGUMENT_SPEC,
    CHECKED,
    FINISHED,
    QUERY,
    RECOVERED,
    REQUIRED_IF,
    Settings,
    settings_from,
)
from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.execution import tail
from ansible_collections.lockstep.backup.plugins.module_utils.feature import Feature, Task
from ansible_collections.lockstep.backup.plugins.module_utils.host.base import JOB_ABSENT, JOB_RUNNING
from ansible_collections.lockstep.backup.plugins.module_utils.quiesce.grading import grade


def run(task: Task) -> dict[str, t.Any]:
    """The module's result; slugs are in docs/errors.md."""
    return _STATES[task.params["state"]](task, settings_from(task.params, task.host))


def _checked(task: Task, settings: Settings) -> dict[str, t.Any]:
    return _planned(_prepare(task, settings, ask_units=False), changed=False)


def _finished(task: Task, settings: Settings) -> dict[str, t.Any]:
    execution = _prepare(task, settings, ask_units=not task.check_mode)
    if task.check_mode:
        return _planned(execution, changed=True)
    outcome = execution.execute()
    found, reasons = grade(settings.name, settings.quiesced, outcome["units_stopped_again"])
    return dict(outcome, grade=found, grade_reasons=reasons)


def _prepare(task: Task, settings: Settings, ask_units: bool) -> CommandExecution:
    """Ask, judge and plan. Changes nothing; a failed check is raised by the plan's first step, so that the plan is known."""
    previous = look_at_previous(task, settings)
    if previous.action == ADOPT:
        checks = [Check("program", True, f"This run's own job {settings.job_folder} is waited for and judged, not started again.")]
    else:
        checks = make_checks(task, settings, previous, ask_units)
    plan = planning.finished_plan(settings, [check.name for check in checks], previous)
    return CommandExecution(task, settings, checks, plan, previous)


def _planned(execution: CommandExecution, changed: bool) -> dict[str, t.Any]:
    try:
        refuse_failed(execution.checks)
    except LockstepError as error:
        details = dict(execution.outcome, failed_step=planning.CHECK, also_failed=[])
        raise LockstepError(error.slug, error.message, **details) from error
    return dict(execution.outcome, changed=changed)


def _recovered(task: Task, settings: Settings) -> dict[str, t.Any]:
    """Stop the job if it still works, and forget it. Slugs ``run_in_progress``, ``tool_running``."""
    previous = _old_job(task, settings)
    refuse_foreign_job(settings, previous.record, previous.status, task.owner, task.dead_run)
    execution = CommandExecution(task, settings, [], planning.recovered_plan(settings, previous), previous)
    return _planned(execution, changed=previous.left) if task.check_mode else execution.execute()


def _query(task: Task, settings: Settings) -> dict[str, t.Any]:
    previous = _old_job(task, settings)
    record, status = previous.record, previous.status
    output = task.host.job_output(settings.job_folder, OUTPUT_LINES) if previous.left else ""
    return {
        "changed": False,
        "job_state": status.state,
        "job": settings.job_folder if previous.left else None,
        "exit_code": status.exit_code,
        "started": record.started.isoformat() if record else None,
        "seconds": (task.host.now() - record.started).total_seconds() if record and status.state == JOB_RUNNING else None,
        "owner": record.owner.as_dict() if record else None,
        "output_tail": tail(output),
        "plan": [],
    }


def _old_job(task: Task, settings: Settings) -> Previous:
    status = task.host.job_status(settings.job_folder)
    record = None if status.state == JOB_ABSENT else read_record(task.host, settings.record)
    return Previous(START, status, record)


_STATES: t.Mapping[str, t.Callable[[Task, Settings], dict[str, t.Any]]] = {
    CHECKED: _checked,
    FINISHED: _finished,
    QUERY: _query,
    RECOVERED: _recovered,
}

FEATURE = Feature(
    name="backup_command",
    run=run,
    argument_spec=ARGUMENT_SPEC,
    required_if=REQUIRED_IF,
    required_by={"max_outage": ("quiesced",)},
)
