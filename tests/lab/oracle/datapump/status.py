# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What GET_STATUS returns, as the object type ku$_Status."""

from __future__ import annotations

from tests.lab.oracle.datapump.job import Job
from tests.lab.oracle.plsql.values import Collection, Record

WIP, JOB_DESC, JOB_STATUS, JOB_ERROR = 1, 2, 4, 8


def status_record(job: Job, mask: int, seen: int) -> Record:
    """Parts that the mask does not ask for are NULL, as in the real thing. ``seen``: log lines told before."""
    wip = _entries([line for line in job.log.lines[seen:] if not line.startswith("ORA-")])
    errors = [line for error in job.api_errors for line in str(error).split("\n")]
    errors += [line for line in job.log.lines[seen:] if line.startswith("ORA-")]
    if mask & JOB_ERROR:
        job.api_errors = []
    return Record(
        {
            "MASK": mask & ~(0 if wip.elements else WIP) & ~(0 if errors else JOB_ERROR),
            "WIP": wip if mask & WIP and wip.elements else None,
            "JOB_DESCRIPTION": _description(job) if mask & JOB_DESC else None,
            "JOB_STATUS": _job_status(job) if mask & JOB_STATUS else None,
            "ERROR": _entries(errors) if mask & JOB_ERROR and errors else None,
        }
    )


def _entries(lines: list[str]) -> Collection:
    def number(line: str) -> int:
        return -int(line[4:9]) if line.startswith("ORA-") else 0

    return Collection(
        Record({"LOGLINENUMBER": position, "ERRORNUMBER": number(line), "LOGTEXT": line}) for position, line in enumerate(lines, 1)
    )


def _job_status(job: Job) -> Record:
    return Record(
        {
            "JOB_NAME": job.name,
            "OPERATION": job.operation,
            "JOB_MODE": job.mode,
            "BYTES_PROCESSED": job.total_bytes * job.percent // 100,
            "TOTAL_BYTES": job.total_bytes,
            "PERCENT_DONE": job.percent,
            "DEGREE": job.degree,
            "ERROR_COUNT": job.error_count,
            "STATE": job.state,
            "PHASE": 1,
            "RESTART_COUNT": 0,
            "WORKER_STATUS_LIST": Collection(),
            "FILES": Collection(),
        }
    )


def _description(job: Job) -> Record:
    return Record(
        {
            "JOB_NAME": job.name,
            "OPERATION": job.operation,
            "JOB_MODE": job.mode,
            "OWNER": job.owner,
            "START_TIME": job.started_at,
            "MAX_DEGREE": job.degree,
            "LOG_FILE": job.log_file.name if job.log_file else None,
            "INSTANCE": job.database.name.lower(),
            "DB_VERSION": job.database.version,
            "SCN": job.parameters.get("FLASHBACK_SCN"),
        }
    )
