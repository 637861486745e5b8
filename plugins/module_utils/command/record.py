# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The last job of a command: whose it is, and what a new task does about it. Private to lockstep.backup."""

from __future__ import annotations

import dataclasses
import datetime
import json

from ansible_collections.lockstep.backup.plugins.module_utils.command.settings import Settings
from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.feature import Task
from ansible_collections.lockstep.backup.plugins.module_utils.host.absent import read_or_none
from ansible_collections.lockstep.backup.plugins.module_utils.host.base import JOB_ABSENT, JOB_EXITED, JOB_RUNNING, Host, JobStatus
from ansible_collections.lockstep.backup.plugins.module_utils.owner import Owner, refuse_foreign

START = "start"
ADOPT = "adopt"
STOP = "stop"


@dataclasses.dataclass(frozen=True)
class Record:
    """Written before the program is started, so that there is never a job that nobody knows. ``started``: the host's clock then;
    ``previous_log``: where the log of the run before was put."""

    owner: Owner
    argv: tuple[str, ...]
    started: datetime.datetime
    previous_log: str | None

    def as_text(self) -> str:
        data = dict(dataclasses.asdict(self), started=self.started.isoformat(), schema=1)
        return json.dumps(data, indent=2) + "\n"

    @classmethod
    def from_text(cls, text: str) -> Record:
        """Raises ValueError (also KeyError or TypeError) for what is no record."""
        data = json.loads(text)
        return cls(
            owner=Owner.from_dict(data["owner"]),
            argv=tuple(map(str, data["argv"])),
            started=datetime.datetime.fromisoformat(data["started"]),
            previous_log=data["previous_log"],
        )


def read_record(host: Host, path: str) -> Record | None:
    """None where there is none, or none that can be read: then a running job has no known owner and is refused."""
    text = read_or_none(host, path)
    try:
        return None if text is None else Record.from_text(text)
    except (ValueError, KeyError, TypeError):
        return None


@dataclasses.dataclass(frozen=True)
class Previous:
    """``action`` is start, adopt or stop; ``status`` is the old job's."""

    action: str
    status: JobStatus
    record: Record | None

    @property
    def left(self) -> bool:
        """Whether there is something of an old job to be removed."""
        return self.status.state != JOB_ABSENT


def look_at_previous(task: Task, settings: Settings) -> Previous:
    """What is known of this command's last job; slugs as of ``decide``."""
    status = task.host.job_status(settings.job_folder)
    record = None if status.state == JOB_ABSENT else read_record(task.host, settings.record)
    return Previous(decide(settings, record, status, task.owner, task.dead_run), status, record)


def decide(settings: Settings, record: Record | None, status: JobStatus, mine: Owner, dead_run: str | None) -> str:
    """What to do about an old job: ``start`` (nothing stands in the way), ``adopt`` or ``stop``; or refuse.

    Adopted is only a job of this very run with the same argv (its task was repeated after a lost connection): it is waited for and
    judged, never started twice. One that an ended run left behind is stopped and not adopted, because nobody knows whether what it
    needed (stopped units, the right tape) held meanwhile. Slugs ``run_in_progress`` and ``tool_running``.
    """
    if status.state not in (JOB_RUNNING, JOB_EXITED):
        return START
    own = record is not None and record.owner.run_id == mine.run_id
    if own and record is not None and record.argv == settings.argv:
        return ADOPT
    refuse_foreign_job(settings, record, status, mine, dead_run)
    if status.state == JOB_EXITED:
        return START
    if own:
        raise LockstepError(
            "tool_running",
            f"{settings.name} still runs as the job {settings.job_folder}, with another argv than this task's. Wait until it has "
            "ended, or give this one another name.",
        )
    return STOP


def refuse_foreign_job(settings: Settings, record: Record | None, status: JobStatus, mine: Owner, dead_run: str | None) -> None:
    """Raise unless a job is this run's, or one's that is proven to be over; also an ended one, which its run may just be about to
    judge. Slugs ``run_in_progress``, ``tool_running``."""
    if record is not None:
        what = f"{settings.name}, with the job {settings.job_folder},"
        refuse_foreign(what, record.owner, mine, dead_run, record.started.isoformat())
    elif status.state == JOB_RUNNING:
        raise LockstepError(
            "tool_running",
            f"{settings.name} still runs as the job {settings.job_folder}, and who started it is not known ({settings.record} is "
            "missing or cannot be read). Wait until it has ended.",
        )


def previous_log_name(log: str, modified: datetime.datetime, attempt: int) -> str:
    """Where the log of an earlier run goes: beside it, named by when it was last written (UTC)."""
    stamp = modified.astimezone(datetime.timezone.utc).strftime("%Y%m%d-%H%M%S")
    return f"{log}.{stamp}" + (f".{attempt}" if attempt > 1 else "")
