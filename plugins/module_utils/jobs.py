# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for detached jobs. Private to lockstep.backup: not a public interface."""

from __future__ import annotations

import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.feature import Task
from ansible_collections.lockstep.backup.plugins.module_utils.host.base import JOB_EXITED, JOB_RUNNING, JobStatus

LONGEST_PAUSE = 1.0
PROGRESS_EVERY = 60.0
STOPPED_WITHIN = 30.0
"""Seconds that processes have to be gone after they were ended."""
CONNECTION_SLUGS = frozenset({"unreachable", "connection_lost", "host_timeout", "quota_exceeded"})


def pause_before_poll(elapsed: float) -> float:
    """Seconds to wait when ``elapsed`` seconds have passed: short work is noticed at once, long work costs few requests.

    At most a twentieth of the time already spent (so that waiting adds at most 5 %), between 10 ms and one second.
    """
    return min(LONGEST_PAUSE, max(0.01, elapsed / 20))


def wait_for_job(
    task: Task,
    folder: str,
    timeout: float,
    reconnect_within: float = 120.0,
    on_poll: t.Callable[[float], None] = lambda elapsed: None,
) -> JobStatus:
    """Poll until the job has ended; its status is ``exited``.

    A lost connection is retried for ``reconnect_within`` seconds: the job goes on meanwhile. ``on_poll`` is called after each
    poll with the elapsed seconds. Slugs: ``job_timeout`` (the job's processes were ended first) and ``job_lost``, both with
    the tail of the output as ``output``; the connection's own slug when it stays lost.
    """
    began = task.clock.monotonic()
    last_answer = began
    while True:
        now = task.clock.monotonic()
        try:
            status: JobStatus | None = task.host.job_status(folder)
            last_answer = now
        except LockstepError as error:
            if error.slug not in CONNECTION_SLUGS or now - last_answer > reconnect_within:
                raise
            task.warn(f"{task.host.name}: {error.message} The job in {folder} goes on; asking again.")
            status = None
        if status is not None and status.state == JOB_EXITED:
            return status
        if status is not None and status.state != JOB_RUNNING:
            raise LockstepError(
                "job_lost",
                f"The job in {folder} on {task.host.name} ended without leaving an exit code (state {status.state}): it was "
                "killed, or the machine restarted. Nothing that it made can be trusted.",
                output=task.host.job_output(folder),
            )
        if now - began > timeout:
            task.host.stop_job(folder)
            raise LockstepError(
                "job_timeout",
                f"The job in {folder} on {task.host.name} did not end within {timeout:g} s and was stopped. See in its "
                "output what held it up, or give it a longer timeout.",
                output=task.host.job_output(folder),
            )
        if status is not None:
            on_poll(now - began)
        task.clock.sleep(pause_before_poll(now - began))


def wait_until_gone(task: Task, programs: t.Sequence[str], within: float = STOPPED_WITHIN) -> list[int]:
    """Ids of the processes of these programs that are still there after ``within`` seconds; empty as soon as none is."""
    began = task.clock.monotonic()
    while True:
        still = [pid for program in programs for pid in task.host.processes(program)]
        elapsed = task.clock.monotonic() - began
        if not still or elapsed > within:
            return still
        task.clock.sleep(pause_before_poll(elapsed))


class Progress:
    """Tells once a minute that something still works."""

    def __init__(self, task: Task, what: str) -> None:
        self.task, self.what = task, what
        self.due = PROGRESS_EVERY

    def poll(self, elapsed: float) -> None:
        """``elapsed``: seconds since it began."""
        if elapsed >= self.due:
            self.task.progress(f"{self.what} has run for {elapsed / 60:.0f} min")
            self.due = elapsed + PROGRESS_EVERY
