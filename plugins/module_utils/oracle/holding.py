# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one export or import holds on the host and in the database, and gives back. Private to lockstep.backup."""

from __future__ import annotations

import dataclasses
import datetime
import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.feature import Task
from ansible_collections.lockstep.backup.plugins.module_utils.host.base import FILES, JOB_EXITED, JOB_RUNNING
from ansible_collections.lockstep.backup.plugins.module_utils.oracle.datapump import DEFINING, NOT_RUNNING, DataPump
from ansible_collections.lockstep.backup.plugins.module_utils.oracle.files import name_key
from ansible_collections.lockstep.backup.plugins.module_utils.oracle.grants import Journal, Privileges, missing_role, planned_undo
from ansible_collections.lockstep.backup.plugins.module_utils.oracle.privileges import Grants, JournalFile
from ansible_collections.lockstep.backup.plugins.module_utils.oracle.request import Request
from ansible_collections.lockstep.backup.plugins.module_utils.oracle.session import Sessions
from ansible_collections.lockstep.backup.plugins.module_utils.oracle.steps import Step, perform

JOURNAL, ADOPT, GRANT, REVOKE, REMOVE_JOURNAL = "write_journal", "adopt_journal", "grant", "revoke", "remove_journal"
REMOVE_PARAMETER_FILE, STOP_JOB, STOP_DATAPUMP = "remove_parameter_file", "stop_job", "stop_datapump_job"


class Holding:
    """The journal of one account at one service, and all that is done on its word."""

    def __init__(self, task: Task, request: Request, sessions: Sessions) -> None:
        self.task, self.request, self.sessions = task, request, sessions
        self.host = task.host
        self.file = JournalFile(self.host, self.host.join(request.folder, f"{request.key}.json"))
        self.grants = Grants(sessions, request.admin, request.account)
        self.journal: Journal | None = None
        self.before: Privileges | None = None
        self.role: str | None = None
        self.granted: list[str] = []
        self.revoked: list[str] = []
        self.kept_back = 0
        self.planned_leftover: Journal | None = None

    # what another run, or an earlier task of this one, left
    def leftover(self) -> Journal | None:
        """None when nothing is left. Slugs ``run_in_progress``, ``journal_damaged``."""
        found = self.file.read()
        if found is not None:
            self.file.refuse_foreign(found, self.task.owner, self.task.dead_run)
        return found

    def is_this_work(self, found: Journal) -> bool:
        wanted = (self.request.state, self.request.method, self.request.set_id, self.request.dump)
        return (found.operation, found.method, found.set_id, found.dump) == wanted

    def classic_job_there(self, found: Journal) -> bool:
        """Whether its job runs, or has ended and waits to be judged."""
        return found.job_folder is not None and self.host.job_status(found.job_folder).state in (JOB_RUNNING, JOB_EXITED)

    def datapump_job_there(self, found: Journal) -> bool:
        """Whether its job works, or ended and left its log. A log of this job's name is never from another job."""
        state = self.pump_of(found).state()
        if state is not None:
            return state not in (NOT_RUNNING, DEFINING)
        return found.datapump_log is not None and self.host.stat(found.datapump_log) is not None

    def pump_of(self, found: Journal) -> DataPump:
        operation = "IMPORT" if found.operation == "imported" else "EXPORT"
        login = self.request.own_login
        return DataPump(self.task, self.sessions, login, operation, str(found.datapump_job), self.request.params["timeout"])

    def recovery_plan(self, found: Journal) -> list[Step]:
        """Everything is tried; only when all of it worked, the journal goes."""
        steps = []
        if found.parameter_file:
            steps.append(Step(REMOVE_PARAMETER_FILE, f"Remove the parameter file {found.parameter_file}.", True))
        if found.job_folder:
            steps.append(Step(STOP_JOB, f"Stop the job {found.job_folder}, if it runs, and remove its folder.", True))
        if found.datapump_job:
            steps.append(
                Step(STOP_DATAPUMP, f"Stop the Data Pump job {found.datapump_job}, if it runs; drop its master table.", True)
            )
        if found.granted:
            text = f"Revoke {', '.join(found.granted)} from {found.account}, as far as it was not there before."
            steps.append(Step(REVOKE, text, True, details={"roles": list(found.granted)}))
        steps.append(Step(REMOVE_JOURNAL, f"Remove the journal {self.file.path}.", last=True))
        return steps

    def recover(self, found: Journal) -> dict[str, t.Any]:
        """Put back what the journal names; what was done. The journal stays when anything failed."""
        done: list[dict[str, t.Any]] = []
        revoked: list[str] = []

        def remove_parameter_file() -> None:
            # Also what is left of a write that was cut short: it may hold the password, too.
            wanted = name_key(self.host.platform, str(found.parameter_file))
            for info in self.host.list_folder(self.host.parent(self.file.path), FILES):
                name = name_key(self.host.platform, info.path)
                if name == wanted or name.startswith(f"{wanted}."):
                    self.host.remove(info.path)

        def stop_job() -> None:
            folder = str(found.job_folder)
            if self.host.job_status(folder).state == JOB_RUNNING:
                self.host.stop_job(folder)
            self.host.remove(folder)

        def stop_datapump_job() -> None:
            pump = self.pump_of(found)
            if pump.state() is not None:
                pump.stop()

        def revoke() -> None:
            revoked.extend(self.grants.undo(found))

        actions = {
            REMOVE_PARAMETER_FILE: remove_parameter_file,
            STOP_JOB: stop_job,
            STOP_DATAPUMP: stop_datapump_job,
            REVOKE: revoke,
            REMOVE_JOURNAL: self.file.remove,
        }
        try:
            perform(self.recovery_plan(found), actions, self.task.clock, done)
        except LockstepError as error:
            raise LockstepError(
                error.slug,
                f"What an unfinished run left behind ({self.file.path}) could not be put back: {error.message}",
                **{**error.details, "leftover": found.describe(), "steps": done},
            ) from error
        return dict(found.describe(), statements=revoked, steps=done)

    # what this run does
    def look(self) -> None:
        """Read what the account has, when a role is wanted. In check mode a leftover is not put back: its journal tells."""
        if self.request.role is None:
            return
        planned = self.planned_leftover
        self.before = planned.before if planned is not None and planned.before else self.grants.read()
        self.role = missing_role(self.request.role, self.before, self.request.account)

    def take_over(self, found: Journal) -> None:
        """Go on with the work of a run that is over."""
        self.journal = dataclasses.replace(found, owner=self.task.owner)
        self.before = found.before
        self.role = found.granted[0] if found.granted else None
        self.granted = list(found.granted)

    def new_journal(self, since: datetime.datetime, scn: int | None) -> Journal:
        """Of this request; what the method leaves behind is added by it."""
        return Journal(
            account=self.request.account,
            service=self.request.service,
            set_id=self.request.set_id,
            operation=self.request.state,
            method=self.request.method,
            dump=self.request.dump,
            owner=self.task.owner,
            since=since,
            before=self.before,
            granted=(self.role,) if self.role else (),
            scn=scn,
        )

    def plan_taking(self, adopted: bool) -> list[Step]:
        if adopted:
            return [Step(ADOPT, f"Take over the journal {self.file.path} and its job.")]
        steps = [Step(JOURNAL, f"Write the journal {self.file.path}.")]
        if self.role is not None:
            text = f"Grant {self.role} to {self.request.account}, and see that it has it."
            steps.append(Step(GRANT, text, details={"role": self.role}))
        return steps

    def plan_revoke(self) -> list[Step]:
        if self.role is None or self.before is None:
            return []
        statements = planned_undo(self.role, self.before, self.request.account)
        text = f"Revoke {self.role} from {self.request.account}, and see that all is as before."
        return [Step(REVOKE, text, True, details={"statements": statements})]

    def plan_forgetting(self) -> list[Step]:
        return [Step(REMOVE_JOURNAL, f"Remove the journal {self.file.path}.", True)]

    def actions(self, journal: t.Callable[[], Journal]) -> dict[str, t.Callable[[], None]]:
        def write() -> None:
            made = journal()
            self.file.create(made)
            self.journal = made

        def adopt() -> None:
            if self.journal is not None:
                self.file.replace(self.journal)

        def remove_parameter_file() -> None:
            if self.journal is not None and self.journal.parameter_file is not None:
                with self.keeping_journal():
                    self.host.remove(self.journal.parameter_file)

        def grant() -> None:
            # Counted as granted even when the answer is lost: the undoing finds out.
            self.granted.append(str(self.role))
            self.grants.grant(str(self.role))

        def revoke() -> None:
            if self.journal is not None and self.granted:
                with self.keeping_journal():
                    self.revoked.extend(self.grants.undo(self.journal))

        def remove_journal() -> None:
            # When something could not be given back, the next run needs the journal.
            if self.journal is not None and self.kept_back == 0:
                self.file.remove()

        return {
            JOURNAL: write,
            ADOPT: adopt,
            GRANT: grant,
            REMOVE_PARAMETER_FILE: remove_parameter_file,
            REVOKE: revoke,
            REMOVE_JOURNAL: remove_journal,
        }

    def keeping_journal(self) -> KeepingJournal:
        return KeepingJournal(self)

    def described(self) -> dict[str, t.Any]:
        return {"elevated_role": self.role, "granted": list(self.granted), "revoked": list(self.revoked)}


class KeepingJournal:
    """A block that gives something back: when it fails, the journal is not removed."""

    def __init__(self, holding: Holding) -> None:
        self.holding = holding

    def __enter__(self) -> None:
        self.holding.kept_back += 1

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: object) -> None:
        if kind is None:
            self.holding.kept_back -= 1
