# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Executing the plan of a tool that works as a job of the host. Private to lockstep.backup: not a public interface."""

from __future__ import annotations

import abc
import functools
import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.feature import Task
from ansible_collections.lockstep.backup.plugins.module_utils.host.base import FOLDERS
from ansible_collections.lockstep.backup.plugins.module_utils.jobs import CONNECTION_SLUGS, wait_for_job
from ansible_collections.lockstep.backup.plugins.module_utils.quiesce import held

Step = t.Dict[str, t.Any]
Duty = t.Callable[[], None]
TAIL_LINES = 50


class Execution(abc.ABC):
    """One plan on one host. What is known at any moment is in ``outcome``: the result, or part of a failure's details.

    ``tool`` is its name for people; ``quiesced`` the journal of the units that must stay stopped meanwhile.
    """

    def __init__(self, task: Task, tool: str, quiesced: str | None, plan: t.Sequence[Step], outcome: dict[str, t.Any]) -> None:
        self.task, self.host, self.tool, self.quiesced, self.plan = task, task.host, tool, quiesced, plan
        self.began = False
        self.units_rechecked = False
        self.outcome = {"changed": False, "exit_code": None, "seconds": None, "job": None, "plan": list(plan), **outcome}

    @abc.abstractmethod
    def actions(self) -> t.Mapping[str, t.Callable[[Step], None]]:
        """What carries out each kind of step."""

    @abc.abstractmethod
    def duties(self) -> list[Duty]:
        """What must happen also after a failure, once the tool began."""

    def execute(self) -> dict[str, t.Any]:
        """The outcome; a failure raises its slug with the outcome so far, ``failed_step`` and ``also_failed``."""
        actions = self.actions()
        current = ""
        try:
            for step in self.plan:
                current = step["step"]
                actions[current](step)
        except LockstepError as error:
            raise self._failure(error, current) from error
        return self.outcome

    def wait_for_exit(
        self, step: Step, poll: t.Callable[[float], None], reconnect_within: float = 120.0, first: Duty = lambda: None
    ) -> None:
        """``first`` is done while the tool works. After a failure a job that must not go on is stopped."""
        self.began = True
        self.outcome.update(changed=True, job=step["job"])
        began = self.task.clock.monotonic()
        try:
            first()
            status = wait_for_job(self.task, step["job"], step["timeout"], reconnect_within, poll)
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

    def remove_job(self, step: Step) -> None:
        self.host.remove(step["job"], FOLDERS)
        self.outcome["changed"] = True

    def recheck_units(self, journal: str) -> None:
        self.units_rechecked = True
        self.outcome["units_stopped_again"] = held.stop_returned(self.task, journal, self.tool)

    def rename_aside(self, path: str, names: t.Sequence[str]) -> str:
        """Give it the first of these names that is free; which one. Slug ``path_exists`` when none is."""
        for name in names:
            try:
                self.host.rename(path, name)
            except LockstepError as error:
                if error.slug != "path_exists" or name == names[-1]:
                    raise
                continue
            break
        return name

    def _failure(self, error: LockstepError, step: str) -> LockstepError:
        """The error with all that is known; before that, what must happen also after a failure.

        A connection that stays lost leaves the job alone: it is found again by the repeated task or the next run.
        """
        message = error.message
        also_failed: list[str] = []
        if self.began and error.slug in CONNECTION_SLUGS:
            message += f" {self.tool} was left to itself as the job {self.outcome['job']}: run the same task again to wait for it."
        elif self.began:
            also_failed = self._after_failure()
        details = {**self.outcome, "failed_step": step, "also_failed": also_failed}
        details.update((name, value) for name, value in error.details.items() if name != "output")
        return LockstepError(error.slug, message, **details)

    def _after_failure(self) -> list[str]:
        duties = self.duties()
        if self.quiesced is not None and not self.units_rechecked:
            duties.insert(0, functools.partial(self.recheck_units, self.quiesced))
        problems = []
        for duty in duties:
            try:
                duty()
            except LockstepError as error:
                problems.append(error.message)
        return problems


def tail(text: str) -> str:
    return "\n".join(text.splitlines()[-TAIL_LINES:])
