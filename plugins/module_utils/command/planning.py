# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ordered steps, the same for check mode and for a real run. Pure. Private to lockstep.backup: not a public interface."""

from __future__ import annotations

import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.command.record import ADOPT, STOP, Previous
from ansible_collections.lockstep.backup.plugins.module_utils.command.settings import Settings
from ansible_collections.lockstep.backup.plugins.module_utils.host.base import JOB_RUNNING

CHECK = "check"
STOP_JOB = "stop_job"
REMOVE_JOB = "remove_job"
PUT_LOG_ASIDE = "put_log_aside"
RECORD = "record"
RUN = "run"
WAIT = "wait"
RECHECK_UNITS = "recheck_units"
JUDGE_EXIT_CODE = "judge_exit_code"
JUDGE_LOG = "judge_log"
KEEP_LOG = "keep_log"
KEEP_OUTPUT = "keep_output"

Step = t.Dict[str, t.Any]


def finished_plan(settings: Settings, checks: t.Sequence[str], previous: Previous) -> list[Step]:
    """The units are looked at as soon as the program has ended: each second that one runs unnoticed it may change data."""
    job = settings.job_folder
    steps: list[Step] = [{"step": CHECK, "checks": list(checks)}]
    if previous.action == ADOPT:
        steps.append({"step": WAIT, "job": job, "timeout": settings.timeout})
    else:
        if previous.action == STOP:
            steps.append({"step": STOP_JOB, "job": job})
        if previous.left:
            steps.append({"step": REMOVE_JOB, "job": job})
        if settings.log is not None:
            steps.append({"step": PUT_LOG_ASIDE, "path": settings.log})
        steps.append({"step": RECORD, "path": settings.record})
        run = {"step": RUN, "argv": list(settings.argv), "cwd": settings.cwd, "job": job, "timeout": settings.timeout}
        steps.append(run)
    if settings.quiesced is not None:
        steps.append({"step": RECHECK_UNITS, "quiesced": settings.quiesced})
    steps.append({"step": JUDGE_EXIT_CODE, "success_codes": list(settings.success_codes)})
    steps.append({"step": JUDGE_LOG, "path": settings.log, "log_format": settings.expected.log_format})
    if settings.keep_log is not None:
        steps.append({"step": KEEP_LOG, "path": settings.keep_log})
    steps += [{"step": KEEP_OUTPUT, "path": settings.output}, {"step": REMOVE_JOB, "job": job}]
    return steps


def recovered_plan(settings: Settings, previous: Previous) -> list[Step]:
    """For the job of a run that is over."""
    if not previous.left:
        return []
    stop: list[Step] = [{"step": STOP_JOB, "job": settings.job_folder}] if previous.status.state == JOB_RUNNING else []
    keep: Step = {"step": KEEP_OUTPUT, "path": settings.output}
    return [*stop, keep, {"step": REMOVE_JOB, "job": settings.job_folder}]
