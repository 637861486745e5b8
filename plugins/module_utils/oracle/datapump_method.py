# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Data Pump job as a part of a plan. Private to lockstep.backup: not a public interface.

The server writes into the directory object's folder. When the dump belongs elsewhere on the same volume, it is written under the
job's name and moved when it is judged good.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.feature import Task
from ansible_collections.lockstep.backup.plugins.module_utils.oracle import plsql
from ansible_collections.lockstep.backup.plugins.module_utils.oracle.datapump import AWAY, DataPump, Progress
from ansible_collections.lockstep.backup.plugins.module_utils.oracle.files import DumpNames, name_key, same_folder, sizes_by_key
from ansible_collections.lockstep.backup.plugins.module_utils.oracle.grants import Journal
from ansible_collections.lockstep.backup.plugins.module_utils.oracle.holding import Holding
from ansible_collections.lockstep.backup.plugins.module_utils.oracle.request import Request
from ansible_collections.lockstep.backup.plugins.module_utils.oracle.steps import Step
from ansible_collections.lockstep.backup.plugins.module_utils.oracle.verdict import Verdict

DROP_ORPHAN, START, WAIT, MOVE, CLEAR = "drop_master_table", "start_datapump_job", "wait", "move", "clear_directory"
# Set by the module itself, by their own options.
RESERVED = frozenset({"FLASHBACK_SCN", "FLASHBACK_TIME", "COMPRESSION", "KEEP_MASTER"})


@dataclasses.dataclass(frozen=True)
class Place:
    """Where the server writes (``folder`` of the directory object, on the host) and where it goes (``target``)."""

    folder: str
    target: str
    written: DumpNames
    wanted: DumpNames
    written_log: str
    log: str
    moves: bool


def place_of(task: Task, request: Request, job: str, directory_path: str) -> Place:
    host = task.host
    target = host.parent(request.dump)
    several = request.params["parallel"] > 1
    wanted = DumpNames(host.basename(request.dump), several)
    log_beside = same_folder(host.platform, host.parent(request.log), directory_path)
    if same_folder(host.platform, target, directory_path) and log_beside:
        return Place(directory_path, target, wanted, wanted, request.log, request.log, False)
    written_log = host.join(directory_path, f"{job}.log")
    return Place(directory_path, target, DumpNames(f"{job}.dmp", several), wanted, written_log, request.log, True)


def settings_of(request: Request, scn: int | None) -> dict[str, str | int]:
    """For SET_PARAMETER; slug ``option_invalid``."""
    settings: dict[str, str | int] = {}
    params = request.params
    if request.state == "exported":
        if params["consistent"] and scn is not None:
            settings["FLASHBACK_SCN"] = scn
        # METADATA_ONLY is what the server does when it is not told.
        if params["compression"] != "metadata_only":
            settings["COMPRESSION"] = params["compression"].upper()
    for name, value in params["extra_parameters"].items():
        if name.upper() in RESERVED:
            raise LockstepError("option_invalid", f"extra_parameters cannot set {name}: the module sets it itself. Remove it.")
        text = str(value)
        settings[name.upper()] = int(text) if text.isdigit() else text
    return settings


def export_filters(request: Request) -> dict[str, str]:
    """Without the statistics, as with statistics=none of exp: they are gathered anew after an import, and cost outage now."""
    schemas = {} if request.full else {"SCHEMA_LIST": plsql.quoted_list(request.schema)}
    return {**schemas, "EXCLUDE_PATH_LIST": plsql.quoted_list("STATISTICS")}


class DatapumpExport:
    """One export by Data Pump."""

    def __init__(self, task: Task, request: Request, holding: Holding, pump: DataPump, place: Place) -> None:
        self.task, self.request, self.holding = task, request, holding
        self.pump, self.place = pump, place
        self.scn: int | None = None
        self.orphan = False
        self.adopted = False
        self.progress = Progress(None)
        self.seconds = 0.0
        self.finished = False

    def plan(self, adopted: bool) -> list[Step]:
        waiting = Step(WAIT, f"Wait for the job {self.pump.job}, at most {self.pump.timeout:g} s.")
        if adopted:
            self.adopted = True
            return [waiting]
        steps = []
        if self.orphan:
            steps.append(Step(DROP_ORPHAN, f"Drop the master table of the job {self.pump.job}, which no process works on."))
        details = {"files": [self.place.written.template], "directory": self.request.directory, "parameters": self._settings()}
        steps.append(Step(START, f"Start the Data Pump job {self.pump.job} for {self.request.subject}.", details=details))
        return [*steps, waiting]

    def plan_end(self) -> list[Step]:
        return [Step(CLEAR, f"After a failure, leave no master table, and no dump in {self.place.folder}.", True)]

    def plan_move(self) -> list[Step]:
        if not self.place.moves:
            return []
        return [Step(MOVE, f"Move the dump and its log from {self.place.folder} to {self.place.target}.")]

    def actions(self) -> dict[str, t.Callable[[], None]]:
        return {
            DROP_ORPHAN: self.pump.drop_orphan,
            START: self._start,
            WAIT: self._wait,
            MOVE: self._move,
            CLEAR: self._clear,
        }

    def journal(self, journal: Journal) -> Journal:
        return dataclasses.replace(journal, datapump_job=self.pump.job, datapump_log=self.place.written_log)

    def _settings(self) -> dict[str, str | int]:
        return settings_of(self.request, self.scn)

    def _start(self) -> None:
        host = self.task.host
        begin(
            self.task,
            self.holding,
            self.pump,
            files={self.place.written.template: plsql.DUMP_FILE, host.basename(self.place.written_log): plsql.LOG_FILE},
            directory=str(self.request.directory),
            filters=export_filters(self.request),
            remaps=(),
            parameters=self._settings(),
            parallel=self.request.params["parallel"],
        )

    def _wait(self) -> None:
        self.seconds, self.progress = waited(self.task, self.holding, self.pump)

    def judge(self) -> tuple[Verdict, str, t.Mapping[str, int]]:
        verdict, tail = self.pump.judge(self.progress, self.place.written_log, self.request.allowed)
        sizes = self._sizes()
        self.finished = not self.place.moves
        return verdict, tail, sizes

    def _sizes(self) -> dict[str, int]:
        """By the names that the files have in the end; a run that died while moving has moved some of them."""
        host = self.task.host
        places = [(self.place.folder, self.place.written)]
        if self.adopted and self.place.moves:
            places.append((self.place.target, self.place.wanted))
        sizes: dict[str, int] = {}
        for folder, names in places:
            for entry in host.list_folder(folder):
                number = names.number_of(host.basename(entry.path), host.platform)
                if number is not None and not entry.is_dir:
                    sizes[self.place.wanted.numbered(number)] = entry.size
        return sizes

    def _move(self) -> None:
        host = self.task.host
        for entry in host.list_folder(self.place.folder):
            number = self.place.written.number_of(host.basename(entry.path), host.platform)
            if number is not None:
                host.rename(entry.path, host.join(self.place.target, self.place.wanted.numbered(number)))
        host.rename(self.place.written_log, self.place.log)
        self.finished = True

    def _clear(self) -> None:
        """After a failure: the log is kept where it is looked for, and a useless dump under the job's name gives back its space."""
        if self.finished or self.holding.journal is None or self.holding.kept_back:
            return
        with self.holding.keeping_journal():
            self.pump.drop_orphan()
        if not self.place.moves:
            return
        host = self.task.host
        entries = host.list_folder(self.place.folder)
        for entry in entries:
            if self.place.written.number_of(host.basename(entry.path), host.platform) is not None:
                host.remove(entry.path)
        if name_key(host.platform, host.basename(self.place.written_log)) in sizes_by_key(host, entries):
            host.rename(self.place.written_log, self.place.log)


def begin(task: Task, holding: Holding, pump: DataPump, **definition: t.Any) -> None:
    """Start the job in a session that began after the role was granted: an older one does not have it."""
    try:
        pump.sessions.renewed(pump.login)
        pump.start(**definition)
    except BaseException as error:
        if not isinstance(error, LockstepError) or error.slug in AWAY:
            stop_after(task, holding, pump, error)
        raise


def waited(task: Task, holding: Holding, pump: DataPump) -> tuple[float, Progress]:
    """Seconds and last state of a job that has ended. When waiting fails, the job is stopped; while it cannot be, the journal
    stays, and the next run stops it."""
    began = task.clock.monotonic()
    try:
        progress = pump.wait()
    except BaseException as error:
        stop_after(task, holding, pump, error)
        raise
    return task.clock.monotonic() - began, progress


def stop_after(task: Task, holding: Holding, pump: DataPump, error: BaseException) -> None:
    try:
        with holding.keeping_journal():
            if isinstance(error, LockstepError) and error.slug in AWAY:
                raise LockstepError(error.slug, "the database is away.")
            pump.stop()
    except LockstepError as second:
        task.warn(f"The Data Pump job {pump.job} could not be stopped: {second.message}")
