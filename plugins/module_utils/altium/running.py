# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Executing a plan of avbackup. Private to lockstep.backup: not a public interface."""

from __future__ import annotations

import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.altium import judging, planning
from ansible_collections.lockstep.backup.plugins.module_utils.altium.record import ADOPT, STOP, look_at_previous
from ansible_collections.lockstep.backup.plugins.module_utils.altium.settings import BACKUP, Settings
from ansible_collections.lockstep.backup.plugins.module_utils.altium.watch import Watch
from ansible_collections.lockstep.backup.plugins.module_utils.checks import Check, pids, refuse_failed
from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.execution import Duty, Execution, Step, tail
from ansible_collections.lockstep.backup.plugins.module_utils.feature import Task
from ansible_collections.lockstep.backup.plugins.module_utils.host.base import FOLDERS, JOB_RUNNING
from ansible_collections.lockstep.backup.plugins.module_utils.jobs import wait_until_gone

LOG_LINES = 10000
MOST_FAILED_ZIPS = 9


class AvbackupExecution(Execution):
    def __init__(self, task: Task, settings: Settings, checks: t.Sequence[Check], plan: t.Sequence[Step]) -> None:
        self.settings, self.checks = settings, checks
        outcome = {
            "zip": {"path": settings.zip_path, "bytes": None, "sha256": None},
            "log": None,
            "log_tail": "",
            "tool_version": None,
            "grade": None,
            "grade_reasons": [],
            "units_stopped_again": [],
            "share_of_last": None,
            "checks": [check.as_dict() for check in checks],
        }
        super().__init__(task, "avbackup", settings.quiesced, plan, outcome)

    def actions(self) -> dict[str, t.Callable[[Step], None]]:
        return {
            planning.CHECK: lambda step: refuse_failed(self.checks),
            planning.STOP_JOB: self._stop_old_job,
            planning.MAKE_FOLDER: self._make_folder,
            planning.RUN: self._run,
            planning.WAIT: self._wait,
            planning.RECHECK_UNITS: lambda step: self.recheck_units(step["quiesced"]),
            planning.MEASURE_ZIP: lambda step: self._measure_zip(),
            planning.READ_ZIP: self._read_zip,
            planning.COMPARE_SHA256: self._compare_sha256,
            planning.KEEP_LOG: lambda step: self._keep_log(),
            planning.REMOVE_JOB: self.remove_job,
        }

    def duties(self) -> list[Duty]:
        return [self._keep_log, self._set_zip_aside] if self.settings.operation == BACKUP else [self._keep_log]

    def _make_folder(self, step: Step) -> None:
        self.host.make_folder(step["path"])
        self.outcome["changed"] = True

    def _stop_old_job(self, step: Step) -> None:
        self.task.warn(f"{self.host.name}: the job {step['job']} of a run that is over still ran and is stopped.")
        self.host.stop_job(step["job"])
        self.outcome["changed"] = True
        still = wait_until_gone(self.task, [self.settings.program])
        if still:
            raise LockstepError(
                "tool_running",
                f"{self.settings.program} still runs ({pids(still)}) after the job {step['job']} of a run that "
                "is over was stopped. End it, and look whether the server's services run again.",
            )

    def _run(self, step: Step) -> None:
        try:
            self.host.start_job(step["job"], step["argv"], cwd=step["cwd"])
        except LockstepError as error:
            if error.slug != "job_exists":
                raise
            if not self._take_over_job(step):
                self.host.start_job(step["job"], step["argv"], cwd=step["cwd"])
        # Recorded after the start, not before: that way it takes no time of the outage, since the tool works meanwhile. Should
        # the control node die just in between, only the job's name tells whose it is: state=recovered with the same path stops it.
        self._wait(step, record=True)

    def _take_over_job(self, step: Step) -> bool:
        """Whether the job in the folder is this run's own and is waited for; else the folder is free afterwards."""
        previous = look_at_previous(self.task, self.settings)
        if previous.action == ADOPT:
            return True
        if previous.action == STOP and previous.record is not None:
            self._stop_old_job({"job": previous.record.job_folder})
        if self.host.job_status(step["job"]).state == JOB_RUNNING:
            raise LockstepError(
                "tool_running",
                f"avbackup works already with {self.settings.zip_path} as the job {step['job']}, and who started it is not known. "
                "Wait until it has ended.",
            )
        self.host.remove(step["job"], FOLDERS)
        return False

    def _wait(self, step: Step, record: bool = False) -> None:
        watch = Watch(self.task, self.settings)
        self.wait_for_exit(step, watch.poll, first=watch.record if record else lambda: None)
        judging.refuse_exit_code(self.settings, self.outcome["exit_code"])
        if watch.broken is not None:
            raise watch.broken

    def _measure_zip(self) -> None:
        found = self.host.stat(self.settings.zip_path)
        size = judging.size_of_zip(self.settings.zip_path, found.size if found and not found.is_dir else None)
        self.outcome["zip"]["bytes"] = size
        self.outcome["share_of_last"] = judging.share_of_last(size, self.settings.last_bytes)
        warning = judging.size_warning(self.settings, size)
        if warning:
            self.task.warn(warning)

    def _read_zip(self, step: Step) -> None:
        judging.refuse_zip_problem(step["path"], self.host.zip_problem(step["path"]))

    def _compare_sha256(self, step: Step) -> None:
        self.outcome["zip"]["sha256"] = found = self.host.sha256(step["path"])
        judging.refuse_other_sha256(step["path"], step["expected"], found)

    def _keep_log(self) -> None:
        """Copy the job's output to the log and forget the job. Without a log the backup still is one: only a warning."""
        folder = self.settings.job_folder
        output = self.host.job_output(folder, LOG_LINES)
        self.outcome["log_tail"] = tail(output)
        try:
            self.host.write_text(self.settings.log, output if output.endswith("\n") else output + "\n")
        except LockstepError as error:
            self.task.warn(f"The log {self.settings.log} could not be written, the output stays in {folder}: {error.message}")
            return
        self.outcome.update(log=self.settings.log, job=None)
        self.host.remove(folder, FOLDERS)

    def _set_zip_aside(self) -> None:
        """What a failed backup wrote is kept to be looked at, under a name that nobody takes for a backup."""
        path = self.settings.zip_path
        found = self.host.stat(path)
        if found is None:
            return
        names = [path + ".failed", *(f"{path}.failed{number}" for number in range(2, MOST_FAILED_ZIPS + 1))]
        self.outcome["zip"].update(path=self.rename_aside(path, names), bytes=found.size)
