# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ordered steps, the same for check mode and for a real run. Pure. Private to lockstep.backup: not a public interface."""

from __future__ import annotations

import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.altium.record import ADOPT, START, STOP
from ansible_collections.lockstep.backup.plugins.module_utils.altium.settings import Settings

CHECK = "check"
STOP_JOB = "stop_job"
MAKE_FOLDER = "make_folder"
RUN = "run"
WAIT = "wait"
RECHECK_UNITS = "recheck_units"
MEASURE_ZIP = "measure_zip"
READ_ZIP = "read_zip"
COMPARE_SHA256 = "compare_sha256"
KEEP_LOG = "keep_log"
REMOVE_JOB = "remove_job"

Step = t.Dict[str, t.Any]


def backup_plan(
    settings: Settings, checks: t.Sequence[str], action: str = START, old_job: str | None = None, make: str | None = None
) -> list[Step]:
    """``action`` is what the last job asks for, ``old_job`` its folder, ``make`` the folder to be made for the zip.

    The units are looked at as soon as avbackup has ended, before anything else: each second that a service runs unnoticed
    is a second in which it may change data that the next part of the set is to fit.
    """
    steps = _up_to_the_end_of_the_tool(settings, checks, action, old_job, make)
    steps.append({"step": MEASURE_ZIP, "path": settings.zip_path})
    if settings.verify:
        steps.append({"step": READ_ZIP, "path": settings.zip_path})
    steps.append({"step": KEEP_LOG, "path": settings.log})
    return steps


def restore_plan(settings: Settings, checks: t.Sequence[str], action: str = START, old_job: str | None = None) -> list[Step]:
    """A damaged or foreign zip is found before avbackup touches the server's data."""
    steps = _up_to_the_end_of_the_tool(settings, checks, action, old_job, None)
    if action != ADOPT:
        place = next(index for index, step in enumerate(steps) if step["step"] == RUN)
        steps[place:place] = verification_plan(settings)
    steps.append({"step": KEEP_LOG, "path": settings.log})
    return steps


def verification_plan(settings: Settings) -> list[Step]:
    steps: list[Step] = [
        {"step": MEASURE_ZIP, "path": settings.zip_path},
        {"step": READ_ZIP, "path": settings.zip_path},
    ]
    if settings.expected_sha256:
        steps.append({"step": COMPARE_SHA256, "path": settings.zip_path, "expected": settings.expected_sha256})
    return steps


def recovery_plan(settings: Settings, running: bool) -> list[Step]:
    """For the job of a run that is over."""
    stop: list[Step] = [{"step": STOP_JOB, "job": settings.job_folder}] if running else []
    return [*stop, {"step": REMOVE_JOB, "job": settings.job_folder}]


def _up_to_the_end_of_the_tool(
    settings: Settings, checks: t.Sequence[str], action: str, old_job: str | None, make: str | None
) -> list[Step]:
    steps: list[Step] = [{"step": CHECK, "checks": list(checks)}]
    if action == STOP:
        steps.append({"step": STOP_JOB, "job": old_job})
    if make is not None:
        steps.append({"step": MAKE_FOLDER, "path": make})
    if action == ADOPT:
        steps.append({"step": WAIT, "job": settings.job_folder, "timeout": settings.timeout})
    else:
        steps.append(
            {
                "step": RUN,
                "argv": list(settings.argv),
                "cwd": settings.tool_folder,
                "job": settings.job_folder,
                "timeout": settings.timeout,
            }
        )
    if settings.quiesced is not None:
        steps.append({"step": RECHECK_UNITS, "quiesced": settings.quiesced})
    return steps
