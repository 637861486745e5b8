# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Executing a plan of backup_command. Private to lockstep.backup: not a public interface."""

from __future__ import annotations

import datetime
import functools
import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.checks import Check, pids, refuse_failed
from ansible_collections.lockstep.backup.plugins.module_utils.command import formats, judging, planning
from ansible_collections.lockstep.backup.plugins.module_utils.command.planning import Step
from ansible_collections.lockstep.backup.plugins.module_utils.command.record import Previous, Record, previous_log_name
from ansible_collections.lockstep.backup.plugins.module_utils.command.settings import Settings
from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.feature import Task
from ansible_collections.lockstep.backup.plugins.module_utils.jobs import (
    CONNECTION_SLUGS,
    Progress,
    wait_for_job,
    wait_until_gone,
)
from ansible_collections.lockstep.backup.plugins.module_utils.quiesce import held
from ansible_collections.lockstep.backup.plugins.module_utils.quiesce.keeping import LeaseKeeper

TAIL_LINES = 50
OUTPUT_LINES = 100000
RECONNECT_WITHIN = 600.0
"""Seconds: a program that works for hours is worth waiting for a host that restarts its network."""
MOST_PREVIOUS_LOGS = 9
LONGEST_LINE = 8000
"""Bytes of a line of the kept output; Windows takes little more (see the Windows host's ``write_text``)."""


class Execution:
    """One plan on one host. What is known at any moment is in ``outcome``: the result, or part of a failure's details."""

    def __init__(
        self, task: Task, settings: Settings, checks: t.Sequence[Check], plan: t.Sequence[Step], previous: Previous
    ) -> None:
        self.task, self.host, self.settings, self.checks, self.plan = task, task.host, settings, checks, plan
        self.began = False
        self.units_rechecked = False
        self.started: datetime.datetime | None = previous.record.started if previous.record else None
        self.previous_log: str | None = previous.record.previous_log if previous.record else None
        self.outcome: dict[str, t.Any] = {
            "changed": False,
            "exit_code": None,
            "seconds": None,
            "started": None,
            "job": None,
            "log": {"path": settings.log, "format": settings.expected.log_format, "previous": None, "kept": None, "tail": ""},
            "counts": formats.Counts().as_dict(),
            "output": None,
            "output_tail": "",
            "units_stopped_again": [],
            "grade": None,
            "grade_reasons": [],
            "checks": [check.as_dict() for check in checks],
            "plan": list(plan),
        }

    def execute(self) -> dict[str, t.Any]:
        """The outcome; a failure raises its slug with the outcome so far, ``failed_step`` and ``also_failed``."""
        actions: dict[str, t.Callable[[Step], None]] = {
            planning.CHECK: lambda step: refuse_failed(self.checks),
            planning.STOP_JOB: self._stop_old_job,
            planning.REMOVE_JOB: self._remove_job,
            planning.PUT_LOG_ASIDE: self._put_log_aside,
            planning.RECORD: self._record,
            planning.RUN: self._run,
            planning.WAIT: self._wait,
            planning.RECHECK_UNITS: lambda step: self._recheck_units(step["quiesced"]),
            planning.JUDGE_EXIT_CODE: lambda step: judging.refuse_exit_code(self.settings, self.outcome["exit_code"]),
            planning.JUDGE_LOG: lambda step: self._judge_log(),
            planning.KEEP_LOG: lambda step: self._keep_log(),
            planning.KEEP_OUTPUT: lambda step: self._keep_output(),
        }
        current = ""
        try:
            for step in self.plan:
                current = step["step"]
                actions[current](step)
        except LockstepError as error:
            raise self._failure(error, current) from error
        return self.outcome

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
        self.host.remove(step["job"])
        self.outcome.update(changed=True, job=None)

    def _put_log_aside(self, step: Step) -> None:
        """What is in the log afterwards is of this run, whether the program appends to it or not. Nothing of it is deleted."""
        path = step["path"]
        found = self.host.stat(path)
        if found is None:
            return
        for attempt in range(1, MOST_PREVIOUS_LOGS + 1):
            name = previous_log_name(path, found.modified, attempt)
            try:
                self.host.rename(path, name)
            except LockstepError as error:
                if error.slug != "path_exists" or attempt == MOST_PREVIOUS_LOGS:
                    raise
                continue
            self.previous_log = name
            self.outcome["changed"] = True
            return

    def _record(self, step: Step) -> None:
        self.started = self.host.now()
        record = Record(self.task.owner, self.settings.argv, self.started, self.previous_log)
        self.host.make_folder(self.host.parent(step["path"]))
        self.host.write_text(step["path"], record.as_text())
        self.outcome["changed"] = True

    # the program
    def _run(self, step: Step) -> None:
        self.host.start_job(step["job"], step["argv"], cwd=step["cwd"])
        self._wait(step)

    def _wait(self, step: Step) -> None:
        self.began = True
        self.outcome.update(changed=True, job=step["job"], started=self.started.isoformat() if self.started else None)
        self.outcome["log"]["previous"] = self.previous_log
        began = self.task.clock.monotonic()
        progress = Progress(self.task, self.settings.name)
        lease = LeaseKeeper(self.task, self.settings.quiesced, self.settings.max_outage)

        def poll(elapsed: float) -> None:
            progress.poll(elapsed)
            lease.poll(elapsed)

        try:
            status = wait_for_job(self.task, step["job"], step["timeout"], RECONNECT_WITHIN, poll)
        except LockstepError as error:
            if error.slug not in CONNECTION_SLUGS and error.slug not in ("job_timeout", "job_lost"):
                self._stop_job(step["job"])
            raise
        finally:
            self.outcome["seconds"] = round(self.task.clock.monotonic() - began, 3)
        self.outcome["exit_code"] = status.exit_code

    def _stop_job(self, folder: str) -> None:
        """A failure here must not hide why the job has to be stopped."""
        try:
            self.host.stop_job(folder)
        except LockstepError as error:
            self.task.warn(f"The job {folder} could not be stopped: {error.message}")

    # after
    def _recheck_units(self, journal: str) -> None:
        self.units_rechecked = True
        self.outcome["units_stopped_again"] = held.stop_returned(self.task, journal, self.settings.name)

    def _judge_log(self) -> None:
        settings = self.settings
        if settings.log is not None and self.started is not None:
            judging.refuse_old_log(settings, self.host.stat(settings.log), self.started)
        text = self._log_text()
        where = f"The log {settings.log}" if settings.log else f"The output of {settings.program}"
        self.outcome["log"]["tail"] = _tail(text)
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
        self.outcome["output_tail"] = _tail(output)
        try:
            self.host.make_folder(self.host.parent(settings.output))
            self.host.write_text(settings.output, _writable(output))
        except LockstepError as error:
            self.task.warn(f"The output of {settings.name} could not be kept as {settings.output}: {error.message}")
            return
        self.outcome.update(output=settings.output, changed=True)

    # failures
    def _failure(self, error: LockstepError, step: str) -> LockstepError:
        """The error with all that is known; before that, what must happen also after a failure.

        A connection that stays lost leaves the job alone: it is found again by the repeated task.
        """
        message = error.message
        also_failed: list[str] = []
        if self.began and error.slug in CONNECTION_SLUGS:
            message += f" {self.settings.name} was left to itself as a job: run the same task again to wait for it."
        elif self.began:
            also_failed = self._after_failure()
        details = {**self.outcome, "failed_step": step, "also_failed": also_failed}
        details.update((name, value) for name, value in error.details.items() if name != "output")
        return LockstepError(error.slug, message, **details)

    def _after_failure(self) -> list[str]:
        journal = self.settings.quiesced
        duties: list[t.Callable[[], None]] = [self._show_log, self._keep_log, self._keep_output, self._forget_job]
        if journal is not None and not self.units_rechecked:
            duties.insert(0, functools.partial(self._recheck_units, journal))
        problems = []
        for duty in duties:
            try:
                duty()
            except LockstepError as error:
                problems.append(error.message)
        return problems

    def _show_log(self) -> None:
        log = self.settings.log
        if not self.outcome["log"]["tail"] and (log is None or self.host.stat(log) is not None):
            self.outcome["log"]["tail"] = _tail(self._log_text())

    def _forget_job(self) -> None:
        """A repeated task starts the program anew."""
        self._remove_job({"job": self.settings.job_folder})


def _tail(text: str) -> str:
    return "\n".join(text.splitlines()[-TAIL_LINES:])


def _writable(text: str) -> str:
    """With a line end at its end, and without lines that are longer than a host takes."""
    return "".join(f"{line.encode()[:LONGEST_LINE].decode('utf-8', 'ignore')}\n" for line in text.splitlines())
