# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be stopped and started on Windows. Private to lockstep.backup: not a public interface.

Return codes of Win32_Service's methods, states of scheduled tasks and appcmd's output: Microsoft's documentation.
"""

from __future__ import annotations

import collections.abc
import fnmatch
import ntpath
import re
import typing as t
import xml.etree.ElementTree as ET

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.host.base import (
    ABSENT,
    PAUSED,
    RUNNING,
    STARTING,
    STOPPED,
    STOPPING,
    UNKNOWN,
    LeavesNothing,
    UnitDriver,
    UnitStatus,
)
from ansible_collections.lockstep.backup.plugins.module_utils.host.command_units import CommandUnits
from ansible_collections.lockstep.backup.plugins.plugin_utils.windows.desktop import DesktopPrograms
from ansible_collections.lockstep.backup.plugins.plugin_utils.windows.machine import WindowsMachine
from ansible_collections.lockstep.backup.plugins.plugin_utils.windows.quoting import command_line
from ansible_collections.lockstep.backup.plugins.plugin_utils.windows.wsman import CIMV2, TASK_SCHEDULER, wql_text

APPCMD = "C:\\Windows\\System32\\inetsrv\\appcmd.exe"
_REFUSED = 97
"""Exit code of a command line whose first command failed; none of appcmd's own."""


def windows_unit_driver(host: WindowsMachine, kind: str, definition: collections.abc.Mapping[str, t.Any]) -> UnitDriver:
    if kind == "service":
        return Services(host)
    if kind in ("app_pool", "site"):
        return WebUnits(host, kind)
    if kind == "scheduled_task":
        return ScheduledTasks(host)
    if kind == "process":
        return DesktopPrograms(host, definition) if definition.get("desktop") else Processes(host, definition)
    if kind == "command":
        return CommandUnits(host, definition)
    raise LockstepError("unit_kind_unsupported", f"{host.name}: Windows has no units of kind {kind}.")


def _named(name: str, pattern: str | None) -> bool:
    return pattern is None or fnmatch.fnmatchcase(name.lower(), pattern.lower())


def _placed(executable: str | None, folder: str | None) -> bool:
    return folder is None or (executable or "").lower().startswith(ntpath.normpath(folder).lower() + "\\")


_Answer = t.TypeVar("_Answer")


def _ask(work: collections.abc.Callable[[], _Answer], holds: collections.abc.Callable[[], bool]) -> _Answer | None:
    """Ask once; after a lost connection look whether it was heard, and ask once more if not. Stop and start bear repetition."""
    try:
        return work()
    except LockstepError as error:
        if error.slug != "connection_lost":
            raise
        return None if holds() else work()


def _in_order(kind: str, names: collections.abc.Sequence[str], found: collections.abc.Iterable[UnitStatus]) -> list[UnitStatus]:
    """One status for each name, whatever order and case Windows answers in."""
    known = {unit.name.lower(): unit for unit in found}
    return [known.get(name.lower(), UnitStatus(kind, name, ABSENT)) for name in names]


class Services(LeavesNothing):
    """Windows services by CIM: nothing is started for it, and nothing is localised."""

    _STATES: t.ClassVar = {
        "Running": RUNNING,
        "Stopped": STOPPED,
        "Start Pending": STARTING,
        "Stop Pending": STOPPING,
        "Continue Pending": STARTING,
        "Pause Pending": STOPPING,
        "Paused": PAUSED,
    }
    _ACCEPTED = 0
    _STOPPED_ALREADY: t.ClassVar = {5, 6}
    _RUNS_ALREADY = 10
    _ANSWERS: t.ClassVar = {
        1: "not supported",
        2: "access denied",
        3: "services that depend on it are running",
        4: "the control is not valid for it",
        5: "it cannot accept the control in its present state",
        6: "it is not active",
        7: "it did not answer in time",
        8: "unknown failure",
        9: "its program was not found",
        10: "it is running already",
        11: "the service database is locked",
        12: "a service that it depends on was deleted",
        13: "a service that it depends on cannot be found or did not start",
        14: "it is disabled",
        15: "its account could not log on",
        16: "it is marked for deletion",
        17: "it has no thread",
        18: "circular dependency",
    }

    def __init__(self, host: WindowsMachine) -> None:
        self._host = host
        self._dependents: dict[str, list[str]] = {}

    def _uri(self) -> str:
        return f"{CIMV2}/Win32_Service"

    def find(self, pattern: str | None, path_under: str | None) -> list[UnitStatus]:
        found = self._host.session.query(CIMV2, "SELECT Name, State, ProcessId, PathName FROM Win32_Service")
        units = map(self._unit, found)
        return [unit for unit in units if _named(unit.name, pattern) and _placed(unit.executable, path_under)]

    def _unit(self, service: collections.abc.Mapping[str, t.Any]) -> UnitStatus:
        state = str(service.get("State"))
        pid = int(service.get("ProcessId") or 0)
        executable = _executable(service.get("PathName") or "")
        return UnitStatus("service", service["Name"], self._STATES.get(state, UNKNOWN), pid or None, executable, state)

    def status(self, name: str) -> UnitStatus:
        service = self._host.session.get(self._uri(), {"Name": name})
        return self._unit(service) if service else UnitStatus("service", name, ABSENT)

    def statuses(self, names: collections.abc.Sequence[str]) -> list[UnitStatus]:
        where = " OR ".join(f"Name={wql_text(name)}" for name in names)
        found = self._host.session.query(CIMV2, f"SELECT Name, State, ProcessId, PathName FROM Win32_Service WHERE {where}")
        return _in_order("service", names, map(self._unit, found))

    def dependents(self, name: str) -> list[str]:
        if name in self._dependents:
            return self._dependents[name]
        found: list[str] = []
        wql = f"ASSOCIATORS OF {{Win32_Service.Name={wql_text(name)}}} WHERE AssocClass=Win32_DependentService Role=Antecedent"
        for service in self._host.session.query(CIMV2, wql):
            if service.get("State") != "Stopped":
                found += [*self.dependents(service["Name"]), service["Name"]]
        self._dependents[name] = list(dict.fromkeys(found))
        return self._dependents[name]

    def stop(self, name: str, force: bool) -> None:
        if force:
            pid = self.status(name).pid
            if pid is not None:
                self._host.session.invoke(f"{CIMV2}/Win32_Process", "Terminate", {"Handle": str(pid)}, {"Reason": "1"})
            return
        _ask(
            lambda: self._control(name, "StopService", {self._ACCEPTED} | self._STOPPED_ALREADY),
            lambda: self.status(name).state in (STOPPED, STOPPING),
        )

    def start(self, name: str) -> None:
        _ask(
            lambda: self._control(name, "StartService", {self._ACCEPTED, self._RUNS_ALREADY}),
            lambda: self.status(name).state in (RUNNING, STARTING),
        )

    def _control(self, name: str, method: str, accepted: collections.abc.Set[int]) -> None:
        code = int(self._host.session.invoke(self._uri(), method, {"Name": name}).get("ReturnValue") or -1)
        if code in self._STOPPED_ALREADY and code in accepted and self.status(name).state not in (STOPPED, STOPPING):
            # 5 is also the answer of a running service that takes no stop.
            accepted = {self._ACCEPTED}
        if code not in accepted:
            why = self._ANSWERS.get(code, "unknown answer")
            raise LockstepError("unit_refused", f"{self._host.name}: {method} of {name}: {why} (code {code}).", code=code)

    def start_command(self, name: str) -> list[str]:
        return ["net.exe", "start", name]


def _executable(path_name: str) -> str:
    """The program in a service's command line: quoted, or up to .exe, since unquoted paths may contain blanks."""
    match = re.match(r'\s*"([^"]+)"|\s*(.+?\.exe)\b|\s*(\S+)', path_name, re.IGNORECASE)
    return next((group for group in match.groups() if group), "") if match else ""


class WebUnits(LeavesNothing):
    """Application pools and sites of IIS by appcmd, whose XML is not localised."""

    _STATES: t.ClassVar = {"Started": RUNNING, "Stopped": STOPPED, "Starting": STARTING, "Stopping": STOPPING}
    _OBJECTS: t.ClassVar = {"app_pool": ("apppool", "APPPOOL"), "site": ("site", "SITE")}

    def __init__(self, host: WindowsMachine, kind: str) -> None:
        self._host = host
        self._kind = kind
        self._object, self._element = self._OBJECTS[kind]

    def _list(self, name: str | None = None, verb: str | None = None) -> list[UnitStatus]:
        """One or all, by one command line, which stops or starts the one first if there is a ``verb``.

        An application pool counts as stopped only when its worker process has ended, too: Stop comes back before that, and the
        process still has files open.
        """
        chosen = [] if name is None else [self._selector(name)]
        lines = [] if verb is None else [f"{command_line([APPCMD, verb, self._object, *chosen])} || exit {_REFUSED}"]
        lines.append(command_line([APPCMD, "list", self._object, *chosen, "/xml"]))
        if self._kind == "app_pool":
            lines.append(command_line([APPCMD, "list", "wp", "/xml"]))
        done = self._host.cmd(" & ".join(lines))
        answer = (done.stdout + done.stderr).strip()
        if verb is not None and done.exit_code == _REFUSED:
            raise LockstepError("unit_refused", f"{self._host.name}: appcmd {verb} {self._object} {name}: {answer}")
        # Each command prints a document of its own; an empty list may be none at all.
        begin, *texts = re.split(r"(?=<\?xml )", done.stdout)
        texts += [begin] if verb is None else []
        try:
            documents = [ET.fromstring(text.strip()) for text in texts if text.strip()]
        except ET.ParseError:
            # What went wrong, it says in plain text.
            documents = []
        if not documents and answer:
            raise LockstepError(
                "tool_failed",
                f"{self._host.name}: appcmd list {self._object}: {answer} Only an administrator may ask IIS, and only where it is "
                "installed.",
            )
        workers = {
            (worker.get("APPPOOL.NAME") or "").lower(): int(worker.get("WP.NAME") or 0)
            for document in documents
            for worker in document.iter("WP")
        }
        return [self._unit(entry, workers) for document in documents for entry in document.iter(self._element)]

    def _unit(self, entry: ET.Element, workers: collections.abc.Mapping[str, int]) -> UnitStatus:
        name, detail = entry.get(f"{self._element}.NAME") or "", entry.get("state") or ""
        state, pid = self._STATES.get(detail, UNKNOWN), workers.get(name.lower())
        if state == STOPPED and pid is not None:
            return UnitStatus(self._kind, name, STOPPING, pid, detail="Stopped, its worker process still runs")
        return UnitStatus(self._kind, name, state, pid, detail=detail)

    def _selector(self, name: str) -> str:
        return f"/{self._object}.name:{name}"

    def find(self, pattern: str | None, path_under: str | None) -> list[UnitStatus]:
        if path_under is not None:
            raise LockstepError("unit_kind_unsupported", f"Units of kind {self._kind} are not found by folder (path_under).")
        return [unit for unit in self._list() if _named(unit.name, pattern)]

    def status(self, name: str) -> UnitStatus:
        return _in_order(self._kind, [name], self._list(name))[0]

    def statuses(self, names: collections.abc.Sequence[str]) -> list[UnitStatus]:
        return _in_order(self._kind, names, self._list())

    def dependents(self, name: str) -> list[str]:
        return []

    def stop(self, name: str, force: bool) -> UnitStatus | None:
        pid = self.status(name).pid if force else None
        if pid is not None:
            self._host.session.invoke(f"{CIMV2}/Win32_Process", "Terminate", {"Handle": str(pid)}, {"Reason": "1"})
            return None
        return _ask(lambda: self._control("stop", name), lambda: self.status(name).state in (STOPPED, STOPPING))

    def start(self, name: str) -> UnitStatus | None:
        return _ask(lambda: self._control("start", name), lambda: self.status(name).state in (RUNNING, STARTING))

    def _control(self, verb: str, name: str) -> UnitStatus:
        return _in_order(self._kind, [name], self._list(name, verb))[0]

    def start_command(self, name: str) -> list[str]:
        return [APPCMD, "start", self._object, self._selector(name)]


class ScheduledTasks(LeavesNothing):
    """Scheduled tasks by CIM. A task "runs" while it is enabled: what is stopped is its schedule.

    A name is the full path (``\\Folder\\Name``), or a bare name in the root folder.
    """

    _DISABLED = "1"
    _ACTIVE = "4"

    def __init__(self, host: WindowsMachine) -> None:
        self._host = host

    @staticmethod
    def _split(name: str) -> tuple[str, str]:
        folder, leaf = ntpath.split(name)
        return ("\\" if folder in ("", "\\") else f"\\{folder.strip(chr(92))}\\"), leaf

    def find(self, pattern: str | None, path_under: str | None) -> list[UnitStatus]:
        if path_under is not None:
            raise LockstepError("unit_kind_unsupported", "Scheduled tasks are not found by the folder of a program (path_under).")
        found = self._host.session.query(TASK_SCHEDULER, "SELECT * FROM MSFT_ScheduledTask")
        units = [self._unit(f"{task['TaskPath']}{task['TaskName']}", task) for task in found]
        return [unit for unit in units if _named(unit.name, pattern)]

    def _unit(self, name: str, task: collections.abc.Mapping[str, t.Any]) -> UnitStatus:
        state = str(task.get("State"))
        enabled = str((task.get("Settings") or {}).get("Enabled", state != self._DISABLED)).lower() == "true"
        if enabled:
            meaning = RUNNING
        else:
            # Disabling leaves a run that already began alone.
            meaning = STOPPING if state == self._ACTIVE else STOPPED
        return UnitStatus("scheduled_task", name, meaning, detail=f"state {state}")

    def status(self, name: str) -> UnitStatus:
        folder, leaf = self._split(name)
        where = f"WHERE TaskName={wql_text(leaf)} AND TaskPath={wql_text(folder)}"
        found = self._host.session.query(TASK_SCHEDULER, f"SELECT * FROM MSFT_ScheduledTask {where}")
        return self._unit(name, found[0]) if found else UnitStatus("scheduled_task", name, ABSENT)

    def statuses(self, names: collections.abc.Sequence[str]) -> list[UnitStatus]:
        return [self.status(name) for name in names]

    def dependents(self, name: str) -> list[str]:
        return []

    def stop(self, name: str, force: bool) -> None:
        if force:
            self._control("StopByName", name)
            return
        _ask(lambda: self._control("DisableByName", name), lambda: self.status(name).state != RUNNING)

    def start(self, name: str) -> None:
        _ask(lambda: self._control("EnableByName", name), lambda: self.status(name).state == RUNNING)

    def _control(self, method: str, name: str) -> None:
        folder, leaf = self._split(name)
        try:
            outcome = self._host.session.invoke(
                f"{TASK_SCHEDULER}/PS_ScheduledTask", method, arguments={"TaskName": leaf, "TaskPath": folder}
            )
        except LockstepError as error:
            # This class answers with faults where others answer with codes.
            if error.slug not in ("protocol_error", "access_denied"):
                raise
            raise LockstepError("unit_refused", f"{self._host.name}: {method} of {name}: {error.message}") from error
        if int(outcome.get("ReturnValue") or 0) != 0:
            raise LockstepError("unit_refused", f"{self._host.name}: {method} of {name}: code {outcome.get('ReturnValue')}.")

    def start_command(self, name: str) -> list[str]:
        folder, leaf = self._split(name)
        return ["schtasks.exe", "/change", "/tn", f"{folder}{leaf}", "/ENABLE"]


class Processes(LeavesNothing):
    """Programs by their file name. Closing is asked for politely; a program that has no window to ask refuses (see the docs)."""

    def __init__(self, host: WindowsMachine, definition: collections.abc.Mapping[str, t.Any]) -> None:
        self._host = host
        self._definition = definition

    def find(self, pattern: str | None, path_under: str | None) -> list[UnitStatus]:
        found = self._host.session.query(CIMV2, "SELECT Name, ProcessId, ExecutablePath FROM Win32_Process")
        units = [
            UnitStatus("process", process["Name"], RUNNING, int(process["ProcessId"]), process.get("ExecutablePath"))
            for process in found
        ]
        chosen = [unit for unit in units if _named(unit.name, pattern) and _placed(unit.executable, path_under)]
        return list({unit.name.lower(): unit for unit in chosen}.values())

    def status(self, name: str) -> UnitStatus:
        pids = self._host.processes(name)
        return UnitStatus("process", name, RUNNING if pids else STOPPED, pids[0] if pids else None)

    def statuses(self, names: collections.abc.Sequence[str]) -> list[UnitStatus]:
        return [self.status(name) for name in names]

    def dependents(self, name: str) -> list[str]:
        return []

    def stop(self, name: str, force: bool) -> None:
        for pid in self._host.processes(name):
            done = self._host.run(["taskkill.exe", "/PID", str(pid), *(["/T", "/F"] if force else [])])
            if done.exit_code != 0 and pid in self._host.processes(name):
                answer = (done.stdout + done.stderr).strip()
                raise LockstepError("unit_refused", f"{self._host.name}: {name} (process {pid}) does not close: {answer}", pid=pid)

    def start(self, name: str) -> None:
        start = self._start(name)
        arguments = {"CommandLine": command_line(start["argv"])}
        if start.get("cwd"):
            arguments["CurrentDirectory"] = start["cwd"]
        outcome = self._host.session.invoke(f"{CIMV2}/Win32_Process", "Create", arguments=arguments)
        if outcome.get("ReturnValue") != "0":
            raise LockstepError("unit_refused", f"{self._host.name}: {name} was not started (code {outcome.get('ReturnValue')}).")

    def start_command(self, name: str) -> list[str]:
        return ["cmd.exe", "/d", "/c", "start", "", *self._start(name)["argv"]]

    def _start(self, name: str) -> collections.abc.Mapping[str, t.Any]:
        start = self._definition.get("start")
        if not start or not start.get("argv"):
            raise LockstepError(
                "unit_refused", f"{self._host.name}: how the process {name} is started must be said in its unit (start: argv)."
            )
        return t.cast("collections.abc.Mapping[str, t.Any]", start)
