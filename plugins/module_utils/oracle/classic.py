# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""exp and imp on the host. Private to lockstep.backup: not a public interface."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.feature import Task
from ansible_collections.lockstep.backup.plugins.module_utils.host.absent import read_or_none
from ansible_collections.lockstep.backup.plugins.module_utils.host.base import JobStatus
from ansible_collections.lockstep.backup.plugins.module_utils.jobs import wait_for_job
from ansible_collections.lockstep.backup.plugins.module_utils.oracle import parfile
from ansible_collections.lockstep.backup.plugins.module_utils.oracle.failures import scrub
from ansible_collections.lockstep.backup.plugins.module_utils.oracle.verdict import (
    LOG_BYTES,
    TAIL_LINES,
    Verdict,
    failed,
    judge_classic,
)

NEARLY_FULL_BYTES = 1024 * 1024


@dataclasses.dataclass(frozen=True)
class Classic:
    """One run of exp or imp. ``secrets``: what must not come out of the tool's words."""

    task: Task
    tool: str
    program: str
    parameter_file: str
    job_folder: str
    log: str
    environment: t.Mapping[str, str]
    timeout: float
    allowed: t.Collection[str]
    full: bool
    secrets: t.Sequence[str | None]

    @property
    def argv(self) -> list[str]:
        # By its bare name in its own folder: a path with blanks would reach exp in quotes that it does not understand.
        return [self.program, f"parfile={self.task.host.basename(self.parameter_file)}"]

    def write_parameters(self, parameters: t.Sequence[tuple[str, str]], charset: str) -> None:
        self.task.host.write_text(self.parameter_file, parfile.render(parameters, charset), private=True)

    def start(self) -> None:
        host = self.task.host
        host.start_job(self.job_folder, self.argv, cwd=host.parent(self.parameter_file), env=self.environment)

    def wait(self) -> JobStatus:
        """Slugs ``job_timeout``, ``job_lost``, with what the tool said."""
        try:
            return wait_for_job(self.task, self.job_folder, self.timeout)
        except LockstepError as error:
            if "output" in error.details:
                error.details["output"] = scrub(str(error.details["output"]), self.secrets)
            raise

    def judge(self, exit_code: int | None) -> tuple[Verdict, str]:
        """The verdict, and the end of the log. Raises its slug (``export_failed`` where nothing better is known)."""
        log = scrub(read_or_none(self.task.host, self.log, LOG_BYTES) or "", self.secrets)
        source = "the log"
        if not log.strip():
            # A tool that cannot begin, or cannot open its log, says why on its error output only.
            log = scrub(self.task.host.job_output(self.job_folder, TAIL_LINES), self.secrets)
            source = "its output (there is no log)"
        verdict = judge_classic(self.tool, exit_code, log, self.allowed, self.full)
        if source != "the log":
            verdict = dataclasses.replace(verdict, problems=(*verdict.problems, "there is no log"))
        tail = "\n".join(log.splitlines()[-TAIL_LINES:])
        if not verdict.good and not verdict.codes and self.task.host.free_bytes(self.log) < NEARLY_FULL_BYTES:
            # On a full disk neither the log nor the output could take the message.
            verdict = dataclasses.replace(verdict, slug="no_space", problems=(*verdict.problems, "the disk is full"))
        if not verdict.good:
            raise failed(verdict, f"{self.tool} on {self.task.host.name}", self.log, tail)
        return verdict, tail
