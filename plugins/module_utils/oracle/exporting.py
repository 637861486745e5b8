# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Exporting a schema: what is looked at, the plan, and doing it. Private to lockstep.backup: not a public interface."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.feature import Task
from ansible_collections.lockstep.backup.plugins.module_utils.host.base import FileInfo
from ansible_collections.lockstep.backup.plugins.module_utils.oracle import record as records
from ansible_collections.lockstep.backup.plugins.module_utils.oracle.files import DumpNames, name_key, size_problem, sizes_by_key
from ansible_collections.lockstep.backup.plugins.module_utils.oracle.findings import Facts, Finding
from ansible_collections.lockstep.backup.plugins.module_utils.oracle.grants import Journal
from ansible_collections.lockstep.backup.plugins.module_utils.oracle.holding import Holding
from ansible_collections.lockstep.backup.plugins.module_utils.oracle.request import Request
from ansible_collections.lockstep.backup.plugins.module_utils.oracle.steps import Step, perform
from ansible_collections.lockstep.backup.plugins.module_utils.oracle.verdict import Verdict

MAKE_FOLDER, REMOVE_OLD_LOG, JUDGE, RECORD = "make_folder", "remove_old_log", "judge", "write_record"


@dataclasses.dataclass
class Outcome:
    """What is known so far; a failure reports it as far as it came."""

    facts: Facts | None = None
    findings: t.Sequence[Finding] = ()
    scn: int | None = None
    verdict: Verdict | None = None
    tail: str = ""
    seconds: float = 0.0
    sizes: t.Mapping[str, int] = dataclasses.field(default_factory=dict)
    recovered: dict[str, t.Any] | None = None
    steps: list[dict[str, t.Any]] = dataclasses.field(default_factory=list)


class Method(t.Protocol):
    """One way to export: by exp, or by Data Pump."""

    def plan(self, adopted: bool) -> list[Step]:
        """From after the grant up to the revoke."""

    def plan_move(self) -> list[Step]:
        """After the judgement: what has to be put in its place."""

    def plan_end(self) -> list[Step]:
        """At last: what has to be cleared."""

    def actions(self) -> dict[str, t.Callable[[], None]]: ...

    def journal(self, journal: Journal) -> Journal:
        """The journal with what this method will leave behind."""

    def judge(self) -> tuple[Verdict, str, t.Mapping[str, int]]:
        """Verdict, end of the log, and the dump's files with their sizes. Raises what speaks against the export."""

    seconds: float


def refuse_existing(task: Task, request: Request, names: DumpNames, there: t.Iterable[FileInfo]) -> None:
    """Nothing is ever written over: exp would do so without a word. Slug ``dump_exists``."""
    found = names.among([task.host.basename(entry.path) for entry in there], task.host.platform)
    if found:
        raise LockstepError(
            "dump_exists",
            f"{request.dump} exists already ({', '.join(found)}). It may be part of a set, so it is not written over. Give "
            "another path, "
            "or remove it.",
            path=request.dump,
        )


def finished_before(task: Task, request: Request, names: DumpNames, there: t.Iterable[FileInfo]) -> records.Record | None:
    """The record of this very export, when it was finished and judged good before; None when it has to be made."""
    platform, host = task.host.platform, task.host
    sizes = sizes_by_key(host, there)
    path = records.path_for(request.dump)
    if name_key(platform, host.basename(path)) not in sizes:
        return None
    record = records.Record.loads(host.read_text(path), path)
    asked = (request.set_id, request.full, request.schema, request.method)
    same = (record.set_id, record.full, record.schema, record.method) == asked
    recorded = {name_key(platform, name): size for name, size in record.files.items()}
    complete = {name: sizes[name] for name in names.among(sizes, platform)} == recorded
    return record if same and complete else None


class Export:
    """One export, from its plan to its record."""

    def __init__(self, task: Task, request: Request, holding: Holding, method: Method, outcome: Outcome) -> None:
        self.task, self.request, self.holding, self.method, self.outcome = task, request, holding, method, outcome

    def plan(self, folder_there: bool, old_log: bool, adopted: bool) -> list[Step]:
        folder = self.task.host.parent(self.request.dump)
        steps = [] if folder_there else [Step(MAKE_FOLDER, f"Make the folder {folder}.")]
        steps += self.holding.plan_taking(adopted)
        if old_log and not adopted:
            steps.append(Step(REMOVE_OLD_LOG, f"Remove the log {self.request.log} of an earlier attempt that left no dump."))
        steps += self.method.plan(adopted)
        steps += self.holding.plan_revoke()
        steps.append(Step(JUDGE, f"Judge the log {self.request.log}, the tool's end and the size of the dump."))
        steps += self.method.plan_move()
        steps.append(Step(RECORD, f"Write {records.path_for(self.request.dump)}."))
        return steps + self.method.plan_end() + self.holding.plan_forgetting()

    def run(self, plan: t.Sequence[Step]) -> None:
        """Do it; raises the slug of what failed, with everything known in the details of the error."""
        host = self.task.host
        actions: dict[str, t.Callable[[], None]] = {
            MAKE_FOLDER: lambda: host.make_folder(host.parent(self.request.dump)),
            REMOVE_OLD_LOG: lambda: host.remove(self.request.log),
            JUDGE: self._judge,
            RECORD: self._record,
            **self.holding.actions(self._journal),
            **self.method.actions(),
        }
        perform(plan, actions, self.task.clock, self.outcome.steps)

    def _journal(self) -> Journal:
        return self.method.journal(self.holding.new_journal(self.task.host.now(), self.outcome.scn))

    def _judge(self) -> None:
        self.outcome.seconds = round(self.method.seconds, 3)
        verdict, tail, sizes = self.method.judge()
        self.outcome.verdict, self.outcome.tail, self.outcome.sizes = verdict, tail, sizes
        problem = size_problem(sizes, verdict.rows)
        if problem is not None:
            raise LockstepError(
                "dump_truncated" if sizes else "dump_missing",
                f"The log {self.request.log} says that the export succeeded, but {problem} ({self.request.dump}). Look at the "
                "disk and at what "
                "else writes there, and export again.",
                log_tail=tail,
            )

    def _record(self) -> None:
        facts, verdict = self.outcome.facts, self.outcome.verdict
        if facts is None or verdict is None:
            raise AssertionError("the record follows the judgement")
        record = records.Record(
            set_id=self.request.set_id,
            schema=self.request.schema,
            service=self.request.service,
            method=self.request.method,
            consistent=bool(self.request.params["consistent"]),
            scn=self.outcome.scn,
            version=facts.version,
            charset=facts.charset,
            files=self.outcome.sizes,
            log=self.task.host.basename(self.request.log),
            tables=verdict.tables,
            finished=self.task.host.now().isoformat(),
            full=self.request.full,
        )
        self.task.host.write_text(records.path_for(self.request.dump), record.dumps())
