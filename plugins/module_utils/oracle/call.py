# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all states have in common: leftovers, facts, findings, results. Private to lockstep.backup: not a public interface."""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.feature import Task
from ansible_collections.lockstep.backup.plugins.module_utils.oracle import parfile
from ansible_collections.lockstep.backup.plugins.module_utils.oracle.datapump import FULL, SCHEMA, DataPump
from ansible_collections.lockstep.backup.plugins.module_utils.oracle.dictionary import Dictionary
from ansible_collections.lockstep.backup.plugins.module_utils.oracle.exporting import Outcome
from ansible_collections.lockstep.backup.plugins.module_utils.oracle.findings import (
    ERROR,
    WARNING,
    Facts,
    Finding,
    Wanted,
    about_database,
    examine,
    refuse,
)
from ansible_collections.lockstep.backup.plugins.module_utils.oracle.grants import DBA, Journal
from ansible_collections.lockstep.backup.plugins.module_utils.oracle.holding import Holding
from ansible_collections.lockstep.backup.plugins.module_utils.oracle.names import datapump_job
from ansible_collections.lockstep.backup.plugins.module_utils.oracle.request import (
    CLASSIC,
    DATAPUMP,
    EXPORTED,
    IMPORTED,
    QUERY,
    Request,
)
from ansible_collections.lockstep.backup.plugins.module_utils.oracle.session import Sessions
from ansible_collections.lockstep.backup.plugins.module_utils.oracle.steps import Step

TOOL_RELEASE = re.compile(r"(?:Export|Import): Release (\S+)")
PROBE_SECONDS = 60.0


class Call:
    """One task: the request, the sessions, and what is known so far."""

    def __init__(self, task: Task, request: Request, sessions: Sessions) -> None:
        self.task, self.request, self.sessions = task, request, sessions
        self.holding = Holding(task, request, sessions)
        self.outcome = Outcome()
        self.recovery: list[Step] = []

    # leftovers
    def settle_leftover(self) -> Journal | None:
        """What an unfinished run left, when its work can be gone on with; anything else is put back first (in check mode: is
        planned to be). Slugs ``run_in_progress``, ``privileges_left`` and others."""
        found = self.holding.leftover()
        if found is None:
            return None
        if self.holding.is_this_work(found) and self.is_alive(found):
            return found
        if self.task.check_mode:
            self.recovery = self.holding.recovery_plan(found)
            self.holding.planned_leftover = found
        else:
            self.outcome.recovered = self.holding.recover(found)
        return None

    def is_alive(self, found: Journal) -> bool:
        if found.method == CLASSIC:
            return self.holding.classic_job_there(found)
        return found.datapump_job is not None and self.holding.datapump_job_there(found)

    # facts
    def ask(self, question: t.Callable[[Dictionary], t.Any]) -> t.Any:
        """Over the administrator's session, or the account's own."""
        request = self.request

        def work(session: t.Any) -> t.Any:
            return question(Dictionary(session, request.admin is not None, request.account, request.schema))

        return self.sessions.repeatable(request.asker, work)

    def gather(self) -> Facts:
        """Facts and findings; with ``preflight=false`` only what the work itself needs."""
        request, preflight = self.request, bool(self.request.params["preflight"])
        facts: Facts = self.ask(lambda dictionary: dictionary.basics())
        if preflight:
            basics = facts
            details = Dictionary.details_of_all if request.full else Dictionary.details
            facts = self.ask(lambda dictionary: details(dictionary, basics, request.directory))
        elif request.directory is not None and request.method == DATAPUMP:
            directory = request.directory
            path = self.ask(lambda dictionary: dictionary.directory_path(directory))
            facts = dataclasses.replace(facts, directory_path=path)
        self.holding.look()
        if preflight and request.directory is not None and facts.directory_path is not None:
            facts = dataclasses.replace(facts, directory_rights=self._directory_rights(request.directory))
        if preflight and request.full:
            facts = dataclasses.replace(facts, enabled_roles=self._enabled_roles())
        self.outcome.facts = facts
        wanted = self._wanted(preflight)
        found = examine(facts, wanted) if preflight else list(about_database(facts, wanted))
        self.outcome.findings = found
        return facts

    def refuse_findings(self) -> None:
        """Raise the first error among the findings. With preflight and without one, see that the account itself can log on: it
        is the administrator who has answered so far, and a wrong password would else show only with everything stopped."""
        request = self.request
        refuse(self.outcome.findings)
        if not request.params["preflight"] or request.login is None:
            return
        if request.method == CLASSIC:
            parfile.userid(request.account, request.login.password, None, request.net_service)
        if request.login not in self.sessions.open:
            self.sessions.of(request.login)
            # A role that is granted later is enabled only in sessions that begin after that.
            self.sessions.drop(request.login)

    def _directory_rights(self, directory: str) -> frozenset[str] | None:
        """None where DBA decides, or will decide: what a DBA may do with a directory is not told by grants on it."""
        before = self.holding.before or self.ask(lambda dictionary: dictionary.privileges())
        if DBA in before.enabled or self.holding.role == DBA:
            return None
        roles = before.enabled | ({self.holding.role} if self.holding.role else frozenset())
        rights: frozenset[str] | None = self.ask(lambda dictionary: dictionary.directory_rights(directory, roles))
        return rights

    def _enabled_roles(self) -> frozenset[str]:
        """While the work is done."""
        before = self.holding.before or self.ask(lambda dictionary: dictionary.privileges())
        granted = {self.holding.role} if self.holding.role else set()
        enabled: frozenset[str] = before.enabled | granted
        return enabled

    def _wanted(self, preflight: bool) -> Wanted:
        request, host = self.request, self.task.host
        folder = host.parent(request.dump) if request.dump else None
        exports = request.state in (EXPORTED, QUERY)
        return Wanted(
            operation=EXPORTED if exports else request.state,
            method=request.method,
            schema=request.schema,
            account=request.account,
            elevate=request.elevate,
            consistent=bool(request.params["consistent"]),
            directory=request.directory,
            dump_folder=folder,
            free_bytes=host.free_bytes(folder) if folder and preflight and exports else None,
            min_free_ratio=request.params["min_free_ratio"],
            full=request.full,
        )

    def probe_tool(self) -> str | None:
        """The release of exp or imp on the host, None for Data Pump. Slug ``tool_missing``."""
        if self.request.method != CLASSIC:
            return None
        program = self.request.params["imp_program" if self.request.state == IMPORTED else "exp_program"]
        done = self.task.host.run([program, "help=y"], timeout=PROBE_SECONDS)
        found = TOOL_RELEASE.search(done.stdout + done.stderr)
        if found is None:
            raise LockstepError(
                "tool_missing",
                f"{program} on {self.task.host.name} does not answer as exp and imp do (exit code {done.exit_code}). Correct "
                "exp_program or imp_program; ORACLE_HOME may have to be set in environment.",
                output=(done.stdout + done.stderr)[-1000:],
            )
        return found.group(1)

    def check_dump_is_local(self) -> None:
        if self.request.dump and not self.task.host.is_local(self.request.dump):
            raise LockstepError(
                "path_not_local",
                f"{self.request.dump} does not lie on a disk of {self.task.host.name}: a session over the network reaches no "
                "share. "
                "Give a local path.",
                path=self.request.dump,
            )

    def pump(self, operation: str) -> DataPump:
        request = self.request
        mode = FULL if request.full else SCHEMA
        job = datapump_job(operation, FULL if request.full else request.schema, request.set_id)
        return DataPump(self.task, self.sessions, request.own_login, operation, job, request.params["timeout"], mode)

    # results
    def parts(self) -> dict[str, t.Any]:
        """What is known, for results and for failures."""
        outcome, request, host = self.outcome, self.request, self.task.host
        parts: dict[str, t.Any] = {
            "schema": None if request.full else request.schema,
            "full": request.full,
            "service": request.service,
            "method": request.method,
            "set_id": request.set_id,
            "findings": [finding.as_dict() for finding in outcome.findings],
            "recovered": outcome.recovered,
            "plan": outcome.steps,
            **self.holding.described(),
        }
        if outcome.facts is not None:
            parts.update(version=outcome.facts.version, charset=outcome.facts.charset, scn=outcome.scn)
        if outcome.verdict is not None:
            verdict = outcome.verdict
            parts.update(tables=dict(verdict.tables), rows=verdict.rows, log_warnings=list(verdict.warnings))
            parts.update(seconds=outcome.seconds, log={"path": request.log, "tail": outcome.tail})
        if outcome.sizes:
            folder = host.parent(request.dump)
            files = [{"path": host.join(folder, name), "bytes": size} for name, size in sorted(outcome.sizes.items())]
            parts["dump"] = {"path": request.dump, "bytes": sum(outcome.sizes.values()), "files": files}
        return parts

    def planned(self, plan: t.Sequence[Step]) -> dict[str, t.Any]:
        """The result of check mode."""
        return dict(self.parts(), changed=True, plan=[step.as_dict() for step in [*self.recovery, *plan]])


def leftover_finding(call: Call) -> list[Finding]:
    """For preflight: an unfinished run, which the next export would take over, or wait for in vain."""
    found = call.holding.file.read()
    if found is None:
        return []
    what = f"The journal {call.holding.file.path} of {found.owner.describe()}, since {found.since.isoformat()}, is left"
    try:
        call.holding.file.refuse_foreign(found, call.task.owner, call.task.dead_run)
    except LockstepError as error:
        return [Finding(ERROR, error.slug, error.message)]
    return [
        Finding(WARNING, "unfinished_run", f"{what}: what it names is put back before the next export, or with state=recovered.")
    ]
