# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Importing a dump, and reading one through without importing it. Private to lockstep.backup: not a public interface."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.feature import Task
from ansible_collections.lockstep.backup.plugins.module_utils.host.absent import read_or_none
from ansible_collections.lockstep.backup.plugins.module_utils.host.base import FileInfo
from ansible_collections.lockstep.backup.plugins.module_utils.oracle import plsql
from ansible_collections.lockstep.backup.plugins.module_utils.oracle import record as records
from ansible_collections.lockstep.backup.plugins.module_utils.oracle.datapump import DataPump, Progress
from ansible_collections.lockstep.backup.plugins.module_utils.oracle.datapump_method import (
    CLEAR,
    DROP_ORPHAN,
    START,
    WAIT,
    begin,
    settings_of,
    waited,
)
from ansible_collections.lockstep.backup.plugins.module_utils.oracle.exporting import REMOVE_OLD_LOG, Outcome
from ansible_collections.lockstep.backup.plugins.module_utils.oracle.files import name_key, sizes_by_key
from ansible_collections.lockstep.backup.plugins.module_utils.oracle.grants import Journal
from ansible_collections.lockstep.backup.plugins.module_utils.oracle.holding import Holding
from ansible_collections.lockstep.backup.plugins.module_utils.oracle.request import Request
from ansible_collections.lockstep.backup.plugins.module_utils.oracle.steps import Step, perform
from ansible_collections.lockstep.backup.plugins.module_utils.oracle.verdict import Verdict

JUDGE = "judge"


def record_beside(task: Task, request: Request) -> records.Record | None:
    """None when there is none. Slug ``record_damaged``."""
    path = records.path_for(request.dump)
    text = read_or_none(task.host, path)
    return None if text is None else records.Record.loads(text, path)


def check_files(task: Task, request: Request, record: records.Record | None, there: t.Iterable[FileInfo]) -> dict[str, int]:
    """The dump's files with their sizes, when they are those of the record. Slugs ``dump_missing``, ``dump_truncated``."""
    host = task.host
    sizes = sizes_by_key(host, there)
    expected: dict[str, int | None] = dict(record.files) if record else {host.basename(request.dump): None}
    found: dict[str, int] = {}
    for name, size in expected.items():
        key = name_key(host.platform, name)
        if key not in sizes:
            raise LockstepError(
                "dump_missing", f"{name} is not in {host.parent(request.dump)}. Correct dump, or fetch the file.", path=name
            )
        found[name] = sizes[key]
        if found[name] == 0 or (size is not None and found[name] != size):
            raise LockstepError(
                "dump_truncated",
                f"{name} in {host.parent(request.dump)} has {found[name]} bytes"
                + (f", and had {size} when it was made" if size is not None else "")
                + ". It is damaged: take another copy, or another set.",
                path=name,
                bytes=found[name],
                expected_bytes=size,
            )
    return found


def import_settings(request: Request, source: str) -> tuple[dict[str, str], list[tuple[str, str, str]]]:
    """Filters and remaps of an import of the schema ``source``; of a whole database neither."""
    if request.full:
        return {}, []
    filters = {"SCHEMA_LIST": plsql.quoted_list(source)}
    return filters, [] if source == request.schema else [("REMAP_SCHEMA", source, request.schema)]


class ImportMethod(t.Protocol):
    """By imp, or by Data Pump; see exporting.Method."""

    seconds: float

    def plan(self, adopted: bool) -> list[Step]: ...

    def plan_end(self) -> list[Step]: ...

    def actions(self) -> dict[str, t.Callable[[], None]]: ...

    def journal(self, journal: Journal) -> Journal: ...

    def verdict(self) -> tuple[Verdict, str]: ...


class DatapumpImport:
    """One import by Data Pump."""

    def __init__(self, task: Task, request: Request, holding: Holding, pump: DataPump, source: str, files: t.Iterable[str]) -> None:
        self.task, self.request, self.holding, self.pump = task, request, holding, pump
        self.source, self.files = source, sorted(files)
        self.orphan = False
        self.progress = Progress(None)
        self.finished = False
        self.seconds = 0.0

    def plan(self, adopted: bool) -> list[Step]:
        waiting = Step(WAIT, f"Wait for the job {self.pump.job}, at most {self.pump.timeout:g} s.")
        if adopted:
            return [waiting]
        steps = []
        if self.orphan:
            steps.append(Step(DROP_ORPHAN, f"Drop the master table of the job {self.pump.job}, which no process works on."))
        details = {"files": self.files, "directory": self.request.directory, "parameters": settings_of(self.request, None)}
        what = self.request.subject if self.request.full else f"{self.source} into {self.request.schema}"
        text = f"Start the Data Pump job {self.pump.job}: {what}."
        return [*steps, Step(START, text, details=details), waiting]

    def plan_end(self) -> list[Step]:
        return [Step(CLEAR, "After a failure, leave no master table.", True)]

    def actions(self) -> dict[str, t.Callable[[], None]]:
        return {DROP_ORPHAN: self.pump.drop_orphan, START: self._start, WAIT: self._wait, CLEAR: self._clear}

    def journal(self, journal: Journal) -> Journal:
        return dataclasses.replace(journal, datapump_job=self.pump.job, datapump_log=self.request.log)

    def _start(self) -> None:
        filters, remaps = import_settings(self.request, self.source)
        files = dict.fromkeys(self.files, plsql.DUMP_FILE)
        files[self.task.host.basename(self.request.log)] = plsql.LOG_FILE
        begin(
            self.task,
            self.holding,
            self.pump,
            files=files,
            directory=str(self.request.directory),
            filters=filters,
            remaps=remaps,
            parameters=settings_of(self.request, None),
            parallel=self.request.params["parallel"],
        )

    def _wait(self) -> None:
        self.seconds, self.progress = waited(self.task, self.holding, self.pump)

    def _clear(self) -> None:
        if not self.finished and self.holding.journal is not None and self.holding.kept_back == 0:
            with self.holding.keeping_journal():
                self.pump.drop_orphan()

    def verdict(self) -> tuple[Verdict, str]:
        verdict = self.pump.judge(self.progress, self.request.log, self.request.allowed)
        self.finished = True
        return verdict


class Import:
    """One import, or one reading through of a dump."""

    def __init__(self, task: Task, request: Request, holding: Holding, method: ImportMethod, outcome: Outcome) -> None:
        self.task, self.request, self.holding, self.method, self.outcome = task, request, holding, method, outcome

    def plan(self, adopted: bool, old_log: bool) -> list[Step]:
        steps = self.holding.plan_taking(adopted)
        if old_log and not adopted:
            steps.append(Step(REMOVE_OLD_LOG, f"Remove the log {self.request.log} of an earlier attempt."))
        steps += self.method.plan(adopted)
        steps += self.holding.plan_revoke()
        steps.append(Step(JUDGE, f"Judge the log {self.request.log} and the tool's end."))
        return steps + self.method.plan_end() + self.holding.plan_forgetting()

    def run(self, plan: t.Sequence[Step]) -> None:
        actions: dict[str, t.Callable[[], None]] = {
            REMOVE_OLD_LOG: lambda: self.task.host.remove(self.request.log),
            JUDGE: self._judge,
            **self.holding.actions(self._journal),
            **self.method.actions(),
        }
        perform(plan, actions, self.task.clock, self.outcome.steps)

    def _journal(self) -> Journal:
        return self.method.journal(self.holding.new_journal(self.task.host.now(), None))

    def _judge(self) -> None:
        self.outcome.seconds = round(self.method.seconds, 3)
        self.outcome.verdict, self.outcome.tail = self.method.verdict()
