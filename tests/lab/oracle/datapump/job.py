# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One Data Pump job: its definition, its states, and its progress in time."""

from __future__ import annotations

import dataclasses
import datetime
import typing as t

from tests.lab.oracle.datapump.log import JobLog
from tests.lab.oracle.errors import OracleError

if t.TYPE_CHECKING:
    from tests.lab.oracle.database import Database, Principal
    from tests.lab.oracle.datapump.work import Work

DEFINING, EXECUTING, COMPLETED = "DEFINING", "EXECUTING", "COMPLETED"
STOPPED, IDLING, NOT_RUNNING = "STOPPED", "IDLING", "NOT RUNNING"
FINAL_STATES = frozenset({COMPLETED, STOPPED})
HALFWAY = 0.5


@dataclasses.dataclass(frozen=True)
class FileSpec:
    """A file in a directory object."""

    directory: str
    name: str
    reuse: bool = False


class Job:
    """``percent`` and ``state`` are as of the last ``advance()``, which every observer calls first."""

    def __init__(self, database: Database, principal: Principal, name: str, operation: str, mode: str) -> None:
        self.database, self.principal = database, principal
        self.owner, self.name, self.operation, self.mode = principal.user, name, operation, mode
        self.state = DEFINING
        self.dump_files: list[FileSpec] = []
        self.log_file: FileSpec | None = None
        self.schemas: list[str] = []
        self.remap: dict[str, str] = {}
        self.parameters: dict[str, t.Any] = {}
        self.excluded: list[str] = []
        self.degree = 1
        self.attached: set[tuple[int, int]] = set()
        self.api_errors: list[OracleError] = []
        self.error_count = 0
        self.percent = 0
        self.seconds = 0.0
        self.worked = 0.0
        self.total_bytes = 0
        self.started_at: datetime.datetime | None = None
        self.log = JobLog(database)
        self._work: Work | None = None
        self._seen_at = 0.0

    @property
    def is_alive(self) -> bool:
        return self.state in (DEFINING, EXECUTING, IDLING)

    @property
    def quoted_name(self) -> str:
        return f'"{self.owner}"."{self.name}"'

    def start(self, work: Work) -> None:
        """Open the files and begin. ``work`` raises OracleError for what prevents the start."""
        database = self.database
        self.log.has_times = str(self.parameters.get("LOGTIME", "NONE")).upper() in ("ALL", "LOGFILE")
        if self.log_file is not None:
            self.log.open(self.log_file)
        work.prepare()
        self.log.add(f"Starting {self.quoted_name}:  ")
        self._work = work
        slow = database.faults.value("slow_job")
        self.seconds = database.job_seconds if slow is None else float(slow)
        self.total_bytes = work.total_bytes
        self.started_at, self._seen_at = database.clock.now(), database.clock.monotonic()
        self.state = EXECUTING
        self.advance()
        if self.state == EXECUTING:
            for watcher in database.job_watchers:
                watcher()

    def advance(self) -> None:
        """Do what is due by now. A folder that is full or gone stops the job, as it would stop a real one."""
        if self.state != EXECUTING:
            return
        try:
            self._advance()
        except OSError:
            self._fail(no_space=True)

    def _advance(self) -> None:
        faults = self.database.faults
        now = self.database.clock.monotonic()
        since, self._seen_at = now - self._seen_at, now
        if "job_hangs" in faults:
            self._work_until(min(HALFWAY, self._fraction()))
            return
        self.worked += since
        fraction = self._fraction()
        if fraction >= HALFWAY and faults.value("orphan_master"):
            self._work_until(HALFWAY)
            self._die()
        elif fraction >= HALFWAY and ("job_fatal" in faults or ("no_space" in faults and self.operation == "EXPORT")):
            self._work_until(HALFWAY)
            self._fail(no_space="no_space" in faults)
        else:
            self._work_until(fraction)
            if fraction >= 1.0 and self.state == EXECUTING:
                self._complete()

    def _fraction(self) -> float:
        return 1.0 if self.seconds <= 0 else min(1.0, self.worked / self.seconds)

    def _work_until(self, fraction: float) -> None:
        work = self._work
        if work is None:
            return
        while work.done < int(fraction * work.steps + 1e-9):
            self.error_count += work.step()
        self.percent = int(100 * fraction)

    def _complete(self) -> None:
        faults = self.database.faults
        if self._work is not None:
            self._work.finish(truncated="truncated_dump" in faults)
        self.error_count += int(faults.value("job_errors") or 0)
        how = f"completed with {self.error_count} error(s)" if self.error_count else "successfully completed"
        if "log_without_end" not in faults:
            self.log.add(f"Job {self.quoted_name} {how} at {self._moment()}{self._elapsed()}")
        self.state = COMPLETED
        self._leave(keep_master=bool(int(self.parameters.get("KEEP_MASTER") or 0)))

    def _fail(self, no_space: bool) -> None:
        self.error_count += 1
        if no_space:
            path = self.database.host_path(self.dump_files[0].directory, self.dump_files[0].name)
            self.log.add("ORA-39095: Dump file space has been exhausted: Unable to allocate 8192 bytes")
            self.log.add(f'ORA-31617: unable to write to dump file "{path}"')
            self.log.add('ORA-19502: write error on file "{path}", block number 1 (block size=4096)'.replace("{path}", path))
            self.log.add("ORA-27072: File I/O error")
        else:
            self.log.add("ORA-39126: Worker unexpected fatal error in KUPW$WORKER.UNLOAD_DATA [] ")
            self.log.add("ORA-00600: internal error code, arguments: [kdsgrp1], [], [], [], [], [], [], []")
        self.log.add(f"Job {self.quoted_name} stopped due to fatal error at {self._moment()}{self._elapsed()}")
        self._stop_and_keep_master()

    def _die(self) -> None:
        """The processes are gone without a word; the master table stays."""
        self._stop_and_keep_master(NOT_RUNNING)

    def _stop_and_keep_master(self, state: str = STOPPED) -> None:
        self.state = state
        self.log.close()
        self.database.jobs.pop((self.owner, self.name), None)

    def stop(self, keep_master: bool) -> None:
        """STOP_JOB. Without its master table a job cannot go on later, and an export's dump files are deleted."""
        if self.state == EXECUTING:
            self.log.add(f"Job {self.quoted_name} stopped by user request at {self._moment()}{self._elapsed()}")
        if keep_master:
            self._stop_and_keep_master()
            return
        self._give_up()

    def _give_up(self) -> None:
        if self.operation == "EXPORT":
            for spec in self.dump_files:
                self.database.resolve_path(self.database.host_path(spec.directory, spec.name)).unlink(missing_ok=True)
        self.state = STOPPED
        self._leave(keep_master=False)

    def detach(self, session: int, handle: int) -> None:
        self.attached.discard((session, handle))
        if self.state == DEFINING and not self.attached:
            self._give_up()

    def _leave(self, keep_master: bool) -> None:
        self.log.close()
        self.database.jobs.pop((self.owner, self.name), None)
        if not keep_master:
            self.database.tables[self.owner].pop(self.name, None)

    def _moment(self) -> str:
        return self.database.clock.now().strftime("%a %b %d %H:%M:%S %Y")

    def _elapsed(self) -> str:
        seconds = int(self.worked)
        return f" elapsed 0 {seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
