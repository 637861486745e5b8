# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Executing a plan of backup_command. Private to lockstep.backup: not a public interface."""

from __future__ import annotations

import datetime
import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.checks import Check, pids, refuse_failed
from ansible_collections.lockstep.backup.plugins.module_utils.command import formats, judging, planning
from ansible_collections.lockstep.backup.plugins.module_utils.command.record import Previous, Record, previous_log_name
from ansible_collections.lockstep.backup.plugins.module_utils.command.settings import Settings
from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.execution import Duty, Execution, Step, tail
from ansible_collections.lockstep.backup.plugins.module_utils.feature import Task
from ansible_collections.lockstep.backup.plugins.module_utils.jobs import Progress, wait_until_gone
from ansible_collections.lockstep.backup.plugins.module_utils.quiesce.keeping import LeaseKeeper

OUTPUT_LINES = 100000
RECONNECT_WITHIN = 600.0
"""Seconds: a program that works for hours is worth waiting for a host that restarts its network."""
MOST_PREVIOUS_LOGS = 9
LONGEST_LINE = 8000
"""Bytes of a line of the kept output; Windows takes little more (see the Windows host's ``write_text``)."""


class CommandExecution(Execution):
    def __init__(
        self, task: Task, settings: Settings, checks: t.Sequence[Check], plan: t.Sequence[Step], previous: Previous
    ) -> None:
        self.settings, self.checks = settings, checks
        self.started: datetime.datetime | None = previous.record.started if previous.record else None
        self.previous_log: str | None = previous.record.previous_log if previous.record else None
        outcome = {
            "started": None,
            "log": {"path": settings.log, "format": settings.expected.log_format, "previous": None, "kept": None, "tail": ""},
            "counts": formats.Counts().as_dict(),
            "output": None,
            "output_tail": "",
            "units_stopped_again": [],
            "grade": None,
            "grade_reasons": [],
            "checks": [check.as_dict() for check in checks],
        }
        super().__init__(task, settings.name, settings.quiesced, plan, outcome)

    def actions(self) -> dict[str, t.Callable[[Step], None]]:
        return {
            planning.CHECK: lambda step: refuse_failed(self.checks),
            planning.STOP_JOB: self._stop_old_job,
            planning.REMOVE_JOB: self._remove_job,
            planning.PUT_LOG_ASIDE: self._put_log_aside,
            planning.RECORD: self._record,
            planning.RUN: self._run,
            planning.WAIT: self._wait,
            planning.RECHECK_UNITS: lambda step: self.recheck_units(step["quiesced"]),
            planning.JUDGE_EXIT_CODE: lambda step: judging.refuse_exit_code(self.settings, self.outcome["exit_code"]),
            planning.JUDGE_LOG: lambda step: self._judge_log(),
            planning.KEEP_LOG: lambda step: self._keep_log(),
            planning.KEEP_OUTPUT: lambda step: self._keep_output(),
        }

    def duties(self) -> list[Duty]:
        return [self._show_log, self._keep_log, self._keep_output, self._forget_job]

    # before
    def _stop_old_job(self, step: Step) -> None:
        name = self.settings.name
        self.task.warn(f"{self.host.name}: {name}, started by a run that is over, still ran as the job {step['job']}: stopped.")
        self.host.stop_job(step["job"])
        self.outcome["changed"] = True
        still = wait_until_gone(self.task, self.settings.idle_programs)
        if still:
            raise LockstepError(
                "tool_running",
                f"On {self.host.name} still runs {' or '.join(self.settings.idle_programs)} ({pids(still)}) after "
                f"the job {step['job']} of a run that is over was stopped. End it.",
            )

    def _remove_job(self, step: Step) -> None:
        self.remove_job(step)
        self.outcome["job"] = None

    def _put_log_aside(self, step: Step) -> None:
        """What is in the log afterwards is of this run, whether the program appends to it or not. Nothing of it is deleted."""
        path = step["path"]
        found = self.host.stat(path)
        if found is None:
            return
        names = [previous_log_name(path, found.modified, attempt) for attempt in range(1, MOST_PREVIOUS_LOGS + 1)]
        self.previous_log = self.rename_aside(path, names)
        self.outcome["changed"] = True

    def _record(self, step: Step) -> None:
        self.started = self.host.now()
        record = Record(self.task.owner, self.settings.argv, self.started, self.previous_log)
        self.host.write_text(step["path"], record.as_text(), new_folder=True)
        self.outcome["changed"] = True

    # the program
    def _run(self, step: Step) -> None:
        self.host.start_job(step["job"], step["argv"], cwd=step["cwd"])
        self._wait(step)

    def _wait(self, step: Step) -> None:
        self.outcome["started"] = self.started.isoformat() if self.started else None
        self.outcome["log"]["previous"] = self.previous_log
        progress = Progress(self.task, self.settings.name)
        lease = LeaseKeeper(self.task, self.settings.quiesced, self.settings.max_outage)

        def poll(elapsed: float) -> None:
            progress.poll(elapsed)
            lease.poll(elapsed)

        self.wait_for_exit(step, poll, reconnect_within=RECONNECT_WITHIN)

    # after
    def _judge_log(self) -> None:
        settings = self.settings
        if settings.log is not None and self.started is not None:
            judging.refuse_old_log(settings, self.host.stat(settings.log), self.started)
        text = self._log_text()
        where = f"The log {settings.log}" if settings.log else f"The output of {settings.program}"
        self.outcome["log"]["tail"] = tail(text)
        findings = formats.read(text, settings.expected)
        self.outcome["counts"] = findings.counts.as_dict()
        judging.refuse_findings(settings, where, findings)
        warning = judging.skipped_warning(settings, where, findings)
        if warning:
            self.task.warn(f"{self.host.name}: {warning}")

    def _log_text(self) -> str:
        if self.settings.log is None:
            return self.host.job_output(self.settings.job_folder, OUTPUT_LINES)
        return self.host.read_text(self.settings.log, code_page=self.settings.log_code_page)

    def _keep_log(self) -> None:
        """The backup is one without the copy, too: only a warning. Whoever needs the copy finds it missing."""
        settings = self.settings
        if settings.keep_log is None:
            return
        try:
            if settings.log is None:
                self.host.write_text(settings.keep_log, _writable(self._log_text()))
            else:
                self.host.copy_file(settings.log, settings.keep_log)
        except LockstepError as error:
            self.task.warn(f"The log could not be kept as {settings.keep_log}: {error.message}")
            return
        self.outcome["log"]["kept"] = settings.keep_log

    def _keep_output(self) -> None:
        settings = self.settings
        output = self.host.job_output(settings.job_folder, OUTPUT_LINES)
        self.outcome["output_tail"] = tail(output)
        try:
            self.host.write_text(settings.output, _writable(output), new_folder=True)
        except LockstepError as error:
            self.task.warn(f"The output of {settings.name} could not be kept as {settings.output}: {error.message}")
            return
        self.outcome.update(output=settings.output, changed=True)

    # failures
    def _show_log(self) -> None:
        log = self.settings.log
        if not self.outcome["log"]["tail"] and (log is None or self.host.stat(log) is not None):
            self.outcome["log"]["tail"] = tail(self._log_text())

    def _forget_job(self) -> None:
        """A repeated task starts the program anew."""
        self._remove_job({"job": self.settings.job_folder})


def _writable(text: str) -> str:
    """With a line end at its end, and without lines that are longer than a host takes."""
    return "".join(f"{line.encode()[:LONGEST_LINE].decode('utf-8', 'ignore')}\n" for line in text.splitlines())
