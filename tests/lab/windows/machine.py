# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One simulated Windows machine: everything it has, put together."""

from __future__ import annotations

import datetime
import pathlib
import threading
import typing as t

from tests.lab.record import Recorder
from tests.lab.windows import execution
from tests.lab.windows.clock import MachineClock
from tests.lab.windows.event_log import EventLog
from tests.lab.windows.execution import Console, Environment, Execution
from tests.lab.windows.faults import Faults
from tests.lab.windows.files import CD_ROM, FIXED, NETWORK, Disk, FileTree
from tests.lab.windows.iis import Iis
from tests.lab.windows.processes import ProcessTable
from tests.lab.windows.programs import SYSTEM_PROGRAMS, powershell
from tests.lab.windows.services import ServiceManager
from tests.lab.windows.sessions import Sessions
from tests.lab.windows.tape import TapeDrive
from tests.lab.windows.tasks import TaskScheduler
from tests.lab.windows.tool import Tool
from tests.lab.windows.users import SYSTEM, User, Users

GIB = 2**30


class Machine:
    """A Windows Server 2019. ``root`` is the folder of its disks on this machine (``root/C``)."""

    version = "10.0.17763.6414"
    caption = "Microsoft Windows Server 2019 Standard"

    def __init__(
        self,
        name: str,
        root: pathlib.Path,
        recorder: Recorder | None = None,
        accounts: tuple[tuple[str, str, bool], ...] = (("Administrator", "lab", True),),
        clock: MachineClock | None = None,
    ) -> None:
        self.name = name
        self.root = root
        self.recorder = recorder or Recorder()
        self.clock = clock or MachineClock()
        self.booted = self.clock.now() - datetime.timedelta(days=3)
        self.faults = Faults(self._faults_changed)
        self._jumped = 0.0
        self.on_faults: list[t.Callable[[], None]] = []
        """Called after each change of the faults, for those that must do something at once."""
        disks = [
            Disk("C:", FIXED, 100 * GIB, 60 * GIB),
            Disk("D:", CD_ROM, None, None),
            Disk("Z:", NETWORK, 1000 * GIB, 500 * GIB),
        ]
        self.files = FileTree(root, self.clock, self.faults, disks)
        self.users = Users(name, accounts)
        self.processes = ProcessTable(self.clock)
        self.sessions = Sessions(self.processes)
        for user in self.users:
            # Whoever comes first in the accounts sits at the console.
            self.sessions.log_on(user)
            break
        self.events = EventLog(self.clock)
        self.services = ServiceManager(self.clock, self.faults, self.processes)
        self.iis = Iis(self.services, self.processes, self.faults, self.clock)
        self.tasks = TaskScheduler(self)
        self.tape_drive: TapeDrive | None = None
        """Only where ``add_tape_drive`` was called."""
        self.programs: dict[str, Tool] = {}
        """By lower-case file name. A program runs only where its file is."""
        self.file_versions: dict[str, str] = {}
        """By lower-case path, of programs whose files carry one."""
        self.environment: dict[str, str] = {
            "SystemDrive": "C:",
            "SystemRoot": r"C:\Windows",
            "windir": r"C:\Windows",
            "ComSpec": r"C:\Windows\system32\cmd.exe",
            "Path": rf"C:\Windows\system32;C:\Windows;C:\Windows\System32\Wbem;{powershell.FOLDER}",
            "PATHEXT": ".COM;.EXE;.BAT;.CMD;.VBS;.JS",
            "ProgramData": r"C:\ProgramData",
            "ProgramFiles": r"C:\Program Files",
            "ProgramFiles(x86)": r"C:\Program Files (x86)",
            "COMPUTERNAME": name.upper(),
            "OS": "Windows_NT",
        }
        self.lock = threading.RLock()
        for folder in (r"C:\Windows\Temp", r"C:\Windows\System32\Tasks", r"C:\ProgramData", r"C:\Program Files (x86)"):
            self.files.ensure_folder(folder)
        for file_name, tool in SYSTEM_PROGRAMS.items():
            folder = {"appcmd.exe": r"C:\Windows\System32\inetsrv", "powershell.exe": powershell.FOLDER}.get(
                file_name, r"C:\Windows\System32"
            )
            self.install(rf"{folder}\{file_name}", tool)

    def install(self, path: str, tool: Tool) -> None:
        """Put a program's file in its place (its content does not matter) and make the lab know it."""
        name = path.rpartition("\\")[2].lower()
        self.programs[name] = tool
        if not self.files.exists(path):
            self.files.ensure_folder(path.rpartition("\\")[0])
            self.files.write(path, b"MZ simulated program " + name.encode())

    def add_tape_drive(self) -> TapeDrive:
        """The drive ``\\\\.\\Tape0``; its tapes lie beside the machine's disks."""
        self.tape_drive = TapeDrive(self.root / "tapes", self.faults)
        return self.tape_drive

    def _faults_changed(self) -> None:
        wanted = self.faults.number("clock_jump", 0.0)
        if wanted != self._jumped:
            self._jumped, before = wanted, self._jumped
            self.clock.jump(wanted - before)
        for callback in tuple(self.on_faults):
            callback()
        self.clock.wake()

    def report_unknown(self, kind: str, text: str) -> None:
        self.recorder.report_unknown(self.name, kind, text)

    def default_environment(self, user: User) -> Environment:
        environment = Environment(self.environment)
        environment["USERNAME"] = f"{self.name.upper()}$" if user is SYSTEM else user.name
        environment["TEMP"] = environment["TMP"] = r"C:\Windows\Temp"
        return environment

    def create_detached(self, command_line: str, folder: str | None, user: User) -> Execution:
        """Win32_Process.Create: a process with a console of its own that belongs to nobody. Raises WinError."""
        run, program = execution.prepare(
            self,
            command_line,
            user=user,
            parent_pid=self.processes.wmi_pid,
            cwd=folder or r"C:\Windows\System32",
            environment=self.default_environment(user),
            console=Console(),
        )
        execution.start(run, program)
        return run

    def close(self) -> None:
        """End everything that runs here."""
        self.tasks.close()
        for process in self.processes.all():
            process.killed = True
            if process.job is not None:
                # It may wait for input of a client that will not come back.
                process.on_killed()
        self.clock.wake()
