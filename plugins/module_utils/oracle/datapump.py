# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Data Pump jobs through DBMS_DATAPUMP. Private to lockstep.backup: not a public interface.

The job belongs to the server from its start on: it survives our connection, and is found again by its name.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.feature import Task
from ansible_collections.lockstep.backup.plugins.module_utils.host.absent import read_or_none
from ansible_collections.lockstep.backup.plugins.module_utils.jobs import pause_before_poll
from ansible_collections.lockstep.backup.plugins.module_utils.oracle import plsql
from ansible_collections.lockstep.backup.plugins.module_utils.oracle.dictionary import Dictionary
from ansible_collections.lockstep.backup.plugins.module_utils.oracle.failures import (
    CONNECTION_LOST,
    LISTENER_DOWN,
    NOT_OPEN,
    database_error,
)
from ansible_collections.lockstep.backup.plugins.module_utils.oracle.names import quoted
from ansible_collections.lockstep.backup.plugins.module_utils.oracle.session import Login, Session, Sessions
from ansible_collections.lockstep.backup.plugins.module_utils.oracle.verdict import (
    LOG_BYTES,
    TAIL_LINES,
    Verdict,
    failed,
    judge_datapump,
)

# The database may restart its listener, or a firewall drop the connection, without the job being hurt.
RECONNECT_SECONDS = 120.0
# Between the end of a job and the removal of its master table.
CLEARING_SECONDS = 15.0
AWAY = frozenset({CONNECTION_LOST, LISTENER_DOWN, NOT_OPEN, "oracle_service_unknown"})

# "Job does not exist", "not attached through this handle": how GET_STATUS and ATTACH say that the job has ended.
GONE = frozenset({"ORA-31626", "ORA-31623"})
# With these the reason is in GET_STATUS only.
DETAILED = frozenset({"ORA-39001", "ORA-39002", "ORA-31627", "ORA-39000", "ORA-39006"})

SCHEMA, FULL = "SCHEMA", "FULL"
# Before START_JOB: the server deletes it when the session that defines it ends.
DEFINING = "DEFINING"
IDLING = "IDLING"
NOT_RUNNING = "NOT RUNNING"
ENDED = frozenset({"COMPLETED", "STOPPED", NOT_RUNNING})
STATUS_OUT: t.Mapping[str, type] = {"state": str, "percent": float, "errors": float, "texts": str}


@dataclasses.dataclass(frozen=True)
class Progress:
    """``state`` None: the job is gone, so it has ended."""

    state: str | None
    percent: int = 0
    errors: int | None = None


@dataclasses.dataclass(frozen=True)
class DataPump:
    """One job of one account. ``operation``: EXPORT or IMPORT; ``mode``: SCHEMA or FULL."""

    task: Task
    sessions: Sessions
    login: Login
    operation: str
    job: str
    timeout: float
    mode: str = SCHEMA

    def _dictionary(self, session: Session) -> Dictionary:
        return Dictionary(session, dba=False, account=self.login.user, schema=self.login.user)

    def state(self) -> str | None:
        """As the dictionary lists it; None when it does not."""
        found: str | None = self.sessions.repeatable(self.login, lambda session: self._dictionary(session).datapump_state(self.job))
        return found

    def is_orphan(self) -> bool:
        """Whether a master table of this very name is there that no process works on; slug ``datapump_busy`` when one does."""
        state = self.state()
        if state not in (None, NOT_RUNNING):
            raise LockstepError(
                "datapump_busy",
                f"The Data Pump job {self.job} of {self.login.where} is {state}. Wait until it has ended, or stop it (STOP_JOB).",
            )
        return state is not None

    def drop_orphan(self) -> None:
        """Remove that master table, if it is there."""
        if not self.is_orphan():
            return
        self.sessions.of(self.login).execute(f"DROP TABLE {quoted(self.login.user)}.{quoted(self.job)} PURGE")

    def start(
        self,
        files: t.Mapping[str, int],
        directory: str,
        filters: t.Mapping[str, str],
        remaps: t.Sequence[tuple[str, str, str]],
        parameters: t.Mapping[str, str | int],
        parallel: int,
    ) -> None:
        """Define and start; afterwards the job goes on without us. See ``plsql.start`` for the arguments.

        When the connection was lost before the answer came, it is looked up whether the job began.
        """
        try:
            session = self.sessions.of(self.login)
            opening = {"operation": self.operation, "mode": self.mode, "job": self.job}
            handle = session.call(plsql.OPEN, opening, {"handle": int})["handle"]
            block, binds = plsql.start(files, directory, filters, remaps, parameters, parallel)
            try:
                session.call(block, {**binds, "handle": handle}, {})
            except LockstepError as error:
                raise self._explained(session, handle, error) from error
        except LockstepError as error:
            if error.slug != CONNECTION_LOST or self._once_back(self.state) is None:
                raise

    def _explained(self, session: Session, handle: t.Any, error: LockstepError) -> LockstepError:
        """The error with what GET_STATUS tells of it; the job that could not be defined is left, and so deleted."""
        if error.slug == CONNECTION_LOST:
            return error
        texts = ""
        try:
            if not DETAILED.isdisjoint(error.details.get("oracle_codes", ())):
                texts = session.call(plsql.STATUS, {"handle": handle}, STATUS_OUT)["texts"] or ""
            session.call(plsql.DETACH, {"handle": handle}, {})
        except LockstepError as second:
            self.task.warn(f"The Data Pump job {self.job} could not be asked about its error: {second.message}")
        codes = "\n".join(error.details.get("oracle_codes", ()))
        return database_error(f"{texts}\n{error.message}" if texts else f"{error.message}\n{codes}", self.login.where)

    def _once_back(self, work: t.Callable[[], t.Any]) -> t.Any:
        """``work``, repeated while the database is away, for a while. Only for what may be done twice."""
        began = self.task.clock.monotonic()
        while True:
            try:
                return work()
            except LockstepError as error:
                waited = self.task.clock.monotonic() - began
                if error.slug not in AWAY or waited > RECONNECT_SECONDS:
                    raise
                self.sessions.drop(self.login)
                self.task.clock.sleep(pause_before_poll(waited))

    def _attach(self) -> t.Any:
        """A handle in the present session; None when the job is gone."""
        try:
            binds = {"job": self.job, "account": self.login.user}
            return self.sessions.of(self.login).call(plsql.ATTACH, binds, {"handle": int})["handle"]
        except LockstepError as error:
            if GONE.isdisjoint(error.details.get("oracle_codes", ())):
                raise
            return None

    def _ask(self, handle: t.Any) -> Progress:
        try:
            answer = self.sessions.of(self.login).call(plsql.STATUS, {"handle": handle}, STATUS_OUT)
        except LockstepError as error:
            if GONE.isdisjoint(error.details.get("oracle_codes", ())):
                raise
            return Progress(None)
        errors = answer["errors"]
        return Progress(str(answer["state"]), int(answer["percent"] or 0), None if errors is None else int(errors))

    def _detach(self, handle: t.Any) -> None:
        """The server clears away a job that has ended when nobody is attached to it any more. What fails here is seen there."""
        try:
            self.sessions.of(self.login).call(plsql.DETACH, {"handle": handle}, {})
        except LockstepError as error:
            if error.slug not in AWAY and GONE.isdisjoint(error.details.get("oracle_codes", ())):
                raise

    def _state_in_the_end(self) -> str | None:
        """As the dictionary lists it, once the server has had a moment to clear away a job that has ended."""
        began = self.task.clock.monotonic()
        while True:
            state: str | None = self._once_back(self.state)
            elapsed = self.task.clock.monotonic() - began
            if state in (None, NOT_RUNNING) or elapsed > CLEARING_SECONDS:
                return state
            self.task.clock.sleep(pause_before_poll(elapsed))

    def wait(self) -> Progress:
        """Until it has ended: its last state (None: it was gone before it could be asked) and its count of errors.

        A lost connection is opened anew and attached to the job again. Slug ``job_timeout``: the job was stopped first.
        """
        began = self.task.clock.monotonic()
        handle: t.Any = None
        attached_to: Session | None = None
        last = Progress(None)
        shown = 0

        def ask() -> Progress:
            nonlocal handle, attached_to
            session = self.sessions.of(self.login)
            if session is not attached_to:
                # Attaching to a stopped job would wake it up, to idle for ever.
                if self.state() == NOT_RUNNING:
                    return Progress(NOT_RUNNING)
                handle, attached_to = self._attach(), session
            return Progress(None) if handle is None else self._ask(handle)

        while True:
            progress: Progress = self._once_back(ask)
            if progress.state is None:
                return Progress(None, 100, last.errors)
            if progress.state == IDLING:
                # It was stopped, and nothing will make it go on.
                self.stop()
                return progress
            if progress.state in ENDED:
                if handle is not None:
                    self._detach(handle)
                return progress
            last = progress
            if progress.percent != shown:
                shown = progress.percent
                self.task.progress(f"Data Pump {self.operation.lower()} {self.job}: {shown} %")
            elapsed = self.task.clock.monotonic() - began
            if elapsed > self.timeout:
                self.stop()
                raise LockstepError(
                    "job_timeout",
                    f"The Data Pump job {self.job} of {self.login.where} did not end within {self.timeout:g} s and was stopped at "
                    f"{progress.percent} %.",
                    percent=progress.percent,
                )
            self.task.clock.sleep(pause_before_poll(elapsed))

    def stop(self) -> None:
        """End the job and remove its master table; no error when it has ended."""
        self.sessions.drop(self.login)
        if self._once_back(self.state) == NOT_RUNNING:
            self.drop_orphan()
            return
        handle = self._once_back(self._attach)
        if handle is None:
            return
        try:
            self.sessions.of(self.login).call(plsql.STOP, {"handle": handle}, {})
        except LockstepError as error:
            if GONE.isdisjoint(error.details.get("oracle_codes", ())):
                raise

    def judge(self, progress: Progress, log: str, allowed: t.Collection[str]) -> tuple[Verdict, str]:
        """``log``: its path on the host. The verdict and the end of the log; raises its slug."""
        text = read_or_none(self.task.host, log, LOG_BYTES) or ""
        listed = self._state_in_the_end()
        verdict = judge_datapump(self.operation, progress.state, progress.errors, listed, text, allowed, self.mode == FULL)
        tail = "\n".join(text.splitlines()[-TAIL_LINES:])
        if not verdict.good:
            raise failed(verdict, f"The Data Pump job {self.job} of {self.login.where}", log, tail)
        return verdict, tail
