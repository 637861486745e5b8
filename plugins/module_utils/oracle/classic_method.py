# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""exp and imp as a part of a plan. Private to lockstep.backup: not a public interface."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.feature import Task
from ansible_collections.lockstep.backup.plugins.module_utils.oracle import parfile
from ansible_collections.lockstep.backup.plugins.module_utils.oracle.classic import Classic
from ansible_collections.lockstep.backup.plugins.module_utils.oracle.grants import Journal
from ansible_collections.lockstep.backup.plugins.module_utils.oracle.holding import REMOVE_PARAMETER_FILE, Holding
from ansible_collections.lockstep.backup.plugins.module_utils.oracle.request import EXPORTED, Request
from ansible_collections.lockstep.backup.plugins.module_utils.oracle.steps import Step
from ansible_collections.lockstep.backup.plugins.module_utils.oracle.verdict import Verdict

WRITE_PARAMETER_FILE, RUN, WAIT, REMOVE_JOB = "write_parameter_file", "run", "wait", "remove_job"


def tool_for(task: Task, request: Request, charset: str) -> Classic:
    """The tool of the request's state, with the folder of its job: the same for the same set, so that it is found again."""
    host, params = task.host, request.params
    tool = "exp" if request.state == EXPORTED else "imp"
    return Classic(
        task=task,
        tool=tool,
        program=params[f"{tool}_program"],
        parameter_file=host.join(request.folder, f"{request.work}.par"),
        job_folder=host.join(request.jobs_folder, f"oracle-{request.work}"),
        log=request.log,
        environment=parfile.environment(charset, {str(name): str(value) for name, value in params["environment"].items()}),
        timeout=params["timeout"],
        allowed=request.allowed,
        full=request.full,
        secrets=request.secrets,
    )


class ClassicMethod:
    """exp or imp as one part of a plan."""

    def __init__(self, tool: Classic, holding: Holding, parameters: t.Sequence[tuple[str, str]], charset: str, dump: str) -> None:
        self.tool, self.holding, self.parameters, self.charset, self.dump = tool, holding, parameters, charset, dump
        self.exit_code: int | None = None
        self.seconds = 0.0

    def plan(self, adopted: bool) -> list[Step]:
        removal = Step(REMOVE_PARAMETER_FILE, f"Remove the parameter file {self.tool.parameter_file}.", True)
        if adopted:
            return [Step(WAIT, f"Wait for the job {self.tool.job_folder}, at most {self.tool.timeout:g} s."), removal]
        names = {"parameters": [name for name, _value in self.parameters]}
        details = {
            "argv": self.tool.argv,
            "environment": sorted(self.tool.environment),
            "nls_lang": self.tool.environment["NLS_LANG"],
        }
        return [
            Step(WRITE_PARAMETER_FILE, f"Write {self.tool.parameter_file}, which only this account may read.", details=names),
            Step(
                RUN, f"Run {self.tool.program} as the job {self.tool.job_folder}, at most {self.tool.timeout:g} s.", details=details
            ),
            removal,
        ]

    def plan_move(self) -> list[Step]:
        return []

    def plan_end(self) -> list[Step]:
        return [Step(REMOVE_JOB, f"Remove the job folder {self.tool.job_folder}.", True)]

    def actions(self) -> dict[str, t.Callable[[], None]]:
        return {
            WRITE_PARAMETER_FILE: lambda: self.tool.write_parameters(self.parameters, self.charset),
            RUN: self._run,
            WAIT: self._wait,
            REMOVE_JOB: self._remove_job,
        }

    def journal(self, journal: Journal) -> Journal:
        return dataclasses.replace(journal, parameter_file=self.tool.parameter_file, job_folder=self.tool.job_folder)

    def _run(self) -> None:
        self.tool.start()
        self._wait()

    def _wait(self) -> None:
        began = self.tool.task.clock.monotonic()
        try:
            self.exit_code = self.tool.wait().exit_code
        except BaseException:
            # Nobody will judge it any more, and its privileges are about to be revoked.
            self._stop()
            raise
        finally:
            self.seconds = self.tool.task.clock.monotonic() - began

    def _stop(self) -> None:
        try:
            with self.holding.keeping_journal():
                self.tool.task.host.stop_job(self.tool.job_folder)
        except LockstepError as error:
            self.tool.task.warn(f"The job {self.tool.job_folder} could not be stopped: {error.message}")

    def _remove_job(self) -> None:
        if self.holding.journal is not None and self.holding.kept_back == 0:
            self.tool.task.host.remove(self.tool.job_folder)

    def verdict(self) -> tuple[Verdict, str]:
        return self.tool.judge(self.exit_code)

    def judge(self) -> tuple[Verdict, str, t.Mapping[str, int]]:
        verdict, tail = self.verdict()
        found = self.tool.task.host.stat(self.dump)
        return verdict, tail, {} if found is None else {self.tool.task.host.basename(self.dump): found.size}
