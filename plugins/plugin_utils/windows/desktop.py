# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs on a user's desktop. Private to lockstep.backup: not a public interface.

What comes over WinRM lives in session 0 and reaches no desktop: no window, and no console. So whatever has to happen there is
done by tasks of the task scheduler that run with the token of the user who is logged on. They are removed when all runs again.
"""

from __future__ import annotations

import collections.abc
import hashlib
import json
import ntpath
import re
import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.host.base import RUNNING, STOPPED, UnitStatus
from ansible_collections.lockstep.backup.plugins.plugin_utils.windows import powershell
from ansible_collections.lockstep.backup.plugins.plugin_utils.windows.batch import TASK_FOLDER, session_task_xml
from ansible_collections.lockstep.backup.plugins.plugin_utils.windows.machine import WindowsMachine
from ansible_collections.lockstep.backup.plugins.plugin_utils.windows.quoting import command_line, quote_path
from ansible_collections.lockstep.backup.plugins.plugin_utils.windows.wsman import CIMV2, TASK_SCHEDULER, wql_text

CTRL_BREAK = powershell.Script(
    "ctrl-break",
    """$ErrorActionPreference = 'Stop'
Add-Type -TypeDefinition @'
using System.ComponentModel;
using System.Runtime.InteropServices;
public static class LockstepConsole {
    delegate bool Handler(uint kind);
    static readonly Handler Stay = delegate(uint kind) { return true; };
    [DllImport("kernel32.dll", SetLastError = true)] static extern bool FreeConsole();
    [DllImport("kernel32.dll", SetLastError = true)] static extern bool AttachConsole(uint process);
    [DllImport("kernel32.dll", SetLastError = true)] static extern bool SetConsoleCtrlHandler(Handler handler, bool add);
    [DllImport("kernel32.dll", SetLastError = true)] static extern bool GenerateConsoleCtrlEvent(uint kind, uint group);
    static void Require(bool done) { if (!done) throw new Win32Exception(Marshal.GetLastWin32Error()); }
    public static void Break(uint process) {
        FreeConsole();
        Require(AttachConsole(process));
        Require(SetConsoleCtrlHandler(Stay, true));
        Require(GenerateConsoleCtrlEvent(1, 0));
    }
}
'@
[LockstepConsole]::Break([uint32]$args[0])
""",
)
"""Press Ctrl+Break in the console of a process. Windows lets only those do it that have joined that console (Console Functions in
Microsoft's documentation), which no program of its own does. Everybody in the console hears it, hence the script's own handler."""


class DesktopPrograms:
    """One unit: the one instance of a program in the session of its user that its definition describes."""

    def __init__(self, host: WindowsMachine, definition: collections.abc.Mapping[str, t.Any]) -> None:
        self._host = host
        self._definition = definition
        self._desktop: collections.abc.Mapping[str, t.Any] = definition["desktop"]
        self._user = str(self._desktop["user"])
        self._owners: dict[str, bool] = {}

    def find(self, pattern: str | None, path_under: str | None) -> list[UnitStatus]:
        raise LockstepError("unit_kind_unsupported", f"{self._host.name}: programs on a desktop are named one by one.")

    def status(self, name: str) -> UnitStatus:
        pids = self._processes(name)
        return UnitStatus("process", name, RUNNING if pids else STOPPED, pids[0] if pids else None, self._program(name))

    def statuses(self, names: collections.abc.Sequence[str]) -> list[UnitStatus]:
        return [self.status(name) for name in names]

    def dependents(self, name: str) -> list[str]:
        return []

    def refuse_unfit(self, name: str) -> None:
        """Slugs ``user_not_logged_on``, ``unit_ambiguous``, ``tool_missing``."""
        self._refuse_logged_off(name)
        pids = self._processes(name)
        if len(pids) > 1:
            raise LockstepError(
                "unit_ambiguous",
                f"{self._host.name}: {len(pids)} processes are {name} (ids {', '.join(map(str, pids))}). Each one needs an entry "
                "of its own, with its own start argv and a desktop.command_line that only its own command line has.",
                pids=pids,
            )
        for program in (self._start(name)["argv"], self._desktop.get("close_argv"), self._desktop.get("confirm_argv")):
            if program and self._host.is_absolute(program[0]) and self._host.stat(program[0]) is None:
                raise LockstepError("tool_missing", f"{self._host.name}: {program[0]} does not exist, which {name} needs.")

    def stop(self, name: str, force: bool) -> None:
        pids = self._processes(name)
        if force:
            for pid in pids:
                self._host.run(["taskkill.exe", "/PID", str(pid), "/T", "/F"])
            return
        if not pids:
            return
        actions = [self._close_argv(pid) for pid in pids]
        if self._desktop.get("confirm_argv"):
            actions.append(self._desktop["confirm_argv"])
        task = session_task_xml(self._user, actions, None, enabled=True, endless=False)
        self._run_task("close", name, task, [["schtasks.exe", "/change", "/tn", self._task("start", name), "/ENABLE"]])

    def _close_argv(self, pid: int) -> list[str]:
        if self._desktop["close"] == "ctrl_break":
            return powershell.file_command(powershell.place_of(self._host, CTRL_BREAK), str(pid))
        if self._desktop["close"] == "command":
            return list(self._desktop["close_argv"])
        return ["taskkill.exe", "/PID", str(pid)]

    def start(self, name: str) -> None:
        self._refuse_logged_off(name)
        # Of the task that was prepared there is never more than one instance, however often it is asked for.
        if self._host.run(self.start_command(name)).exit_code != 0:
            self._run_task("start", name, self._start_task(name, enabled=True), [])

    def start_command(self, name: str) -> list[str]:
        return ["schtasks.exe", "/run", "/tn", self._task("start", name)]

    def prepare(self, name: str) -> None:
        """The start task, which cannot be run before the unit was asked to stop: nobody starts a second copy of what still runs."""
        if self._desktop["close"] == "ctrl_break":
            # The user in whose session it runs has to read it.
            powershell.place(self._host, CTRL_BREAK, private=False)
        done = self._host.register_task(self._task("start", name), self._start_task(name, False), self._path("start", name))
        self._refuse_failure(name, "registered", done.exit_code, done.stderr)

    def dismiss(self, name: str) -> None:
        lines = [f"del /f /q {quote_path(self._path(what, name))} 2>nul" for what in ("start", "close")]
        lines += [command_line(["schtasks.exe", "/delete", "/tn", self._task(what, name), "/f"]) for what in ("start", "close")]
        self._host.cmd("&".join(lines))
        left = [self._task(what, name) for what in ("start", "close") if self._task_exists(what, name)]
        if left:
            raise LockstepError("unit_refused", f"{self._host.name}: the scheduled task {left[0]} cannot be deleted.")

    # processes

    def _program(self, name: str) -> str:
        return str(self._desktop.get("program") or name)

    def _processes(self, name: str) -> list[int]:
        where = f"WHERE Name={wql_text(self._program(name))}"
        found = self._host.session.query(CIMV2, f"SELECT ProcessId, SessionId, CommandLine FROM Win32_Process {where}")
        pattern = self._desktop.get("command_line") or ""
        return [
            int(process["ProcessId"])
            for process in found
            if process.get("SessionId") != "0"
            and re.search(pattern, process.get("CommandLine") or "", re.IGNORECASE)
            and self._is_users(process["ProcessId"])
        ]

    def _is_users(self, pid: str) -> bool:
        """Whether the process belongs to the unit's user. Asked once for each: an owner does not change."""
        if pid not in self._owners:
            try:
                owner = self._host.session.invoke(f"{CIMV2}/Win32_Process", "GetOwner", {"Handle": pid}, repeatable=True)
            except LockstepError as error:
                if error.slug != "instance_not_found":
                    raise
                return False
            domain, _backslash, user = self._user.rpartition("\\")
            same_domain = domain in ("", ".") or str(owner.get("Domain")).lower() == domain.lower()
            self._owners[pid] = same_domain and str(owner.get("User")).lower() == user.lower()
        return self._owners[pid]

    def _refuse_logged_off(self, name: str) -> None:
        explorers = self._host.session.query(CIMV2, "SELECT ProcessId FROM Win32_Process WHERE Name='explorer.exe'")
        if not any(self._is_users(explorer["ProcessId"]) for explorer in explorers):
            raise LockstepError(
                "user_not_logged_on",
                f"{self._user} is not logged on to {self._host.name}: nobody can start or close {name}, which lives on that user's "
                "desktop. Log on there, and leave the session open or disconnected.",
                user=self._user,
            )

    # tasks

    def _task(self, what: str, name: str) -> str:
        """One for each unit, whatever it is called; the same for every run that stops it."""
        digest = hashlib.sha256(json.dumps([name.lower(), self._definition], sort_keys=True).encode()).hexdigest()
        return f"{TASK_FOLDER}desktop-{what}-{digest[:16]}"

    def _path(self, what: str, name: str) -> str:
        return ntpath.join(self._host.state_folder, f"{ntpath.basename(self._task(what, name))}.xml")

    def _task_exists(self, what: str, name: str) -> bool:
        where = f"WHERE TaskName={wql_text(ntpath.basename(self._task(what, name)))} AND TaskPath={wql_text(TASK_FOLDER)}"
        return bool(self._host.session.query(TASK_SCHEDULER, f"SELECT TaskName FROM MSFT_ScheduledTask {where}"))

    def _start_task(self, name: str, enabled: bool) -> str:
        start = self._start(name)
        return session_task_xml(self._user, [start["argv"]], start.get("cwd"), enabled, endless=True)

    def _start(self, name: str) -> collections.abc.Mapping[str, t.Any]:
        return t.cast("collections.abc.Mapping[str, t.Any]", self._definition["start"])

    def _run_task(self, what: str, name: str, definition: str, then: list[list[str]]) -> None:
        task = self._task(what, name)
        done = self._host.register_task(task, definition, self._path(what, name), [*then, ["schtasks.exe", "/run", "/tn", task]])
        self._refuse_failure(name, "run", done.exit_code, done.stderr)

    def _refuse_failure(self, name: str, what: str, exit_code: int, answer: str) -> None:
        if exit_code != 0:
            raise LockstepError(
                "unit_refused",
                f"{self._host.name}: the scheduled task that starts or closes {name} could not be {what}: {answer.strip()}",
            )
