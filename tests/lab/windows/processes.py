# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The process list of a simulated machine."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import threading
import time
import typing as t

from tests.lab.windows.clock import MachineClock
from tests.lab.windows.users import SYSTEM, User


@dataclasses.dataclass
class Process:
    """One process. ``job`` is the shell that it ends with, or None; ``window`` tells that it closes on request from its session.

    ``on_close`` is what it does then instead of ending. ``on_break``: it has a console, and this is what it does on Ctrl+Break.
    """

    pid: int
    parent_pid: int
    name: str
    executable: str | None
    command_line: str | None
    user: User
    created: datetime.datetime
    session_id: int = 0
    job: str | None = None
    window: bool = False
    killed: bool = False
    on_killed: t.Callable[[], None] = lambda: None
    on_close: t.Callable[[], None] | None = None
    on_break: t.Callable[[], None] | None = None
    began: float = dataclasses.field(default_factory=time.monotonic)


class ProcessTable:
    """All processes, by id. Ids are multiples of four and are not used again. ``seconds``: how long all of a name have really
    worked that ended by themselves."""

    def __init__(self, clock: MachineClock) -> None:
        self._clock = clock
        self._lock = threading.RLock()
        self._processes: dict[int, Process] = {}
        self.seconds: dict[str, float] = collections.defaultdict(float)
        self._next_pid = 600
        self._add(Process(0, 0, "System Idle Process", None, None, SYSTEM, clock.now()))
        self._add(Process(4, 0, "System", None, None, SYSTEM, clock.now()))
        wininit = self.start(r"C:\Windows\System32\wininit.exe", "wininit.exe", parent_pid=4)
        self.services_pid = self.start(
            r"C:\Windows\System32\services.exe", r"C:\Windows\system32\services.exe", parent_pid=wininit.pid
        ).pid
        svchost = r"C:\Windows\System32\svchost.exe"
        self.wmi_pid = self.start(
            r"C:\Windows\System32\wbem\WmiPrvSE.exe", r"C:\Windows\system32\wbem\wmiprvse.exe", parent_pid=self.services_pid
        ).pid
        self.scheduler_pid = self.start(
            svchost, r"C:\Windows\system32\svchost.exe -k netsvcs -p -s Schedule", parent_pid=self.services_pid
        ).pid

    def _add(self, process: Process) -> None:
        self._processes[process.pid] = process

    def start(
        self,
        executable: str,
        command_line: str,
        parent_pid: int | None = None,
        user: User = SYSTEM,
        session_id: int = 0,
        job: str | None = None,
        window: bool = False,
        on_killed: t.Callable[[], None] = lambda: None,
    ) -> Process:
        with self._lock:
            self._next_pid += 4
            process = Process(
                self._next_pid,
                self.services_pid if parent_pid is None else parent_pid,
                executable.rpartition("\\")[2],
                executable,
                command_line,
                user,
                self._clock.now(),
                session_id,
                job,
                window,
                on_killed=on_killed,
            )
            self._add(process)
            return process

    def ended(self, process: Process) -> None:
        with self._lock:
            if self._processes.pop(process.pid, None) is not None:
                self.seconds[process.name.lower()] += time.monotonic() - process.began

    def find(self, pid: int) -> Process | None:
        return self._processes.get(pid)

    def all(self) -> list[Process]:
        with self._lock:
            return list(self._processes.values())

    def named(self, name: str) -> list[Process]:
        return [process for process in self.all() if process.name.lower() == name.lower()]

    def children(self, pid: int) -> list[Process]:
        return [process for process in self.all() if process.parent_pid == pid and process.pid != 0]

    def kill(self, process: Process) -> None:
        """TerminateProcess: only this one; its children live on."""
        with self._lock:
            if process.pid in (0, 4) or process.pid not in self._processes:
                return
            process.killed = True
            self._processes.pop(process.pid)
        process.on_killed()
        self._clock.wake()

    def kill_tree(self, process: Process) -> list[Process]:
        """It and all its descendants, as they are now; returns them, parents first."""
        found = [process]
        for one in found:
            found += [child for child in self.children(one.pid) if child not in found]
        # Parents first: none goes on because its child has ended.
        for one in found:
            self.kill(one)
        return found

    def kill_job(self, job: str) -> None:
        # In the order of their beginning, so parents first here too.
        for process in self.all():
            if process.job == job:
                self.kill(process)
