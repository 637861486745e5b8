# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The last avbackup job of a host: whose it is, and what a new task does about it. Private to lockstep.backup."""

from __future__ import annotations

import dataclasses
import json

from ansible_collections.lockstep.backup.plugins.module_utils.altium.settings import BACKUP, Settings
from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.feature import Task
from ansible_collections.lockstep.backup.plugins.module_utils.host.absent import read_or_none
from ansible_collections.lockstep.backup.plugins.module_utils.host.base import JOB_EXITED, JOB_RUNNING, Host, JobStatus
from ansible_collections.lockstep.backup.plugins.module_utils.owner import Owner, refuse_foreign

START = "start"
ADOPT = "adopt"
STOP = "stop"


@dataclasses.dataclass(frozen=True)
class JobRecord:
    """What was started last. One per host: avbackup works on the whole server, so two at once are never right."""

    owner: Owner
    operation: str
    zip_path: str
    job_folder: str
    started: str

    def as_text(self) -> str:
        return json.dumps(dict(dataclasses.asdict(self), schema=1), indent=2) + "\n"

    @classmethod
    def from_text(cls, text: str) -> JobRecord:
        """Raises ValueError (also KeyError or TypeError) for what is no record."""
        data = json.loads(text)
        return cls(
            owner=Owner.from_dict(data["owner"]),
            operation=str(data["operation"]),
            zip_path=str(data["zip_path"]),
            job_folder=str(data["job_folder"]),
            started=str(data["started"]),
        )


def read_record(host: Host, path: str) -> JobRecord | None:
    """None where there is none, or none that can be read: then a running avbackup has no known owner and is refused."""
    text = read_or_none(host, path)
    try:
        return None if text is None else JobRecord.from_text(text)
    except (ValueError, KeyError, TypeError):
        return None


def decide(settings: Settings, record: JobRecord, status: JobStatus, mine: Owner, dead_run: str | None) -> str:
    """What to do about the recorded job: ``start`` (nothing stands in the way), ``adopt`` or ``stop``; or refuse.

    Adopted is only a job of this very run for the same zip (its task was repeated after a lost connection): it is waited
    for and judged, never started twice. A job that an ended run left behind is stopped and not adopted, because nobody
    knows whether the server stayed quiesced meanwhile; a restore is not stopped, because that would leave half of the data.
    Slugs: ``run_in_progress`` and ``tool_running``.
    """
    if status.state not in (JOB_RUNNING, JOB_EXITED):
        return START
    same_job = record.job_folder == settings.job_folder and record.operation == settings.operation
    own = record.owner.run_id == mine.run_id
    if own and same_job:
        return ADOPT
    if status.state == JOB_EXITED:
        return START
    what = f"The avbackup {record.operation} with {record.zip_path} that still runs as job {record.job_folder}"
    refuse_foreign(what, record.owner, mine, dead_run, record.started)
    if record.operation == BACKUP and not own:
        return STOP
    raise LockstepError("tool_running", f"{what}, was started by {record.owner.describe()}. Wait until it has ended.")


@dataclasses.dataclass(frozen=True)
class Previous:
    """``action`` is start, adopt or stop; the record is there for adopt and stop."""

    action: str = START
    record: JobRecord | None = None


def look_at_previous(task: Task, settings: Settings) -> Previous:
    """What is known of the host's last avbackup job, and what to do about it; slugs as of ``decide``."""
    record = read_record(task.host, settings.record)
    if record is None:
        return Previous()
    status = task.host.job_status(record.job_folder)
    return Previous(decide(settings, record, status, task.owner, task.dead_run), record)


def write_record(task: Task, settings: Settings) -> None:
    record = JobRecord(task.owner, settings.operation, settings.zip_path, settings.job_folder, task.host.now().isoformat())
    task.host.write_text(settings.record, record.as_text())
