# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The service control manager of a simulated machine."""

from __future__ import annotations

import dataclasses
import re
import threading
import typing as t

from tests.lab.windows.clock import MachineClock
from tests.lab.windows.faults import Faults
from tests.lab.windows.processes import Process, ProcessTable

STOPPED, START_PENDING, STOP_PENDING, RUNNING = "Stopped", "Start Pending", "Stop Pending", "Running"

# Return codes of Win32_Service's methods.
ACCEPTED, NOT_SUPPORTED, DENIED, DEPENDENTS_RUNNING, INVALID_CONTROL, CANNOT_ACCEPT, NOT_ACTIVE = range(7)
ALREADY_RUNNING, DEPENDENCY_FAILED, DISABLED, LOGON_FAILED = 10, 13, 14, 15

WIN32_OF_WMI: t.Mapping[int, int] = {
    ACCEPTED: 0,
    NOT_SUPPORTED: 1052,
    DENIED: 5,
    DEPENDENTS_RUNNING: 1051,
    INVALID_CONTROL: 1052,
    CANNOT_ACCEPT: 1061,
    NOT_ACTIVE: 1062,
    ALREADY_RUNNING: 1056,
    DEPENDENCY_FAILED: 1068,
    DISABLED: 1058,
    LOGON_FAILED: 1069,
}
"""What sc.exe and net.exe report for the same refusal."""


@dataclasses.dataclass
class Service:
    """One service. ``start_seconds`` and ``stop_seconds`` are how long it is pending, on the machine's clock."""

    name: str
    display_name: str
    path_name: str
    depends_on: tuple[str, ...] = ()
    start_mode: str = "Auto"
    running: bool = True
    start_seconds: float = 0.0
    stop_seconds: float = 0.0
    accepts_stop: bool = True
    shares_process: bool = False
    """Runs in one svchost.exe with all services of the same ``path_name``."""
    state: str = STOPPED
    exit_code: int = 0
    process: Process | None = None
    due: float | None = None
    """When the pending state ends (the clock's elapsed seconds); None: never."""
    history: list[str] = dataclasses.field(default_factory=list)
    """Every state that it was in, oldest first: what tests look at to see what was done to it."""

    @property
    def executable(self) -> str:
        quoted = re.match(r'"([^"]+)"', self.path_name)
        if quoted:
            return quoted.group(1)
        unquoted = re.match(r".*?\.exe", self.path_name, re.IGNORECASE)
        return unquoted.group(0) if unquoted else self.path_name

    @property
    def pid(self) -> int:
        return self.process.pid if self.process is not None else 0


class ServiceManager:
    """Services by name without regard to case. Pending states end when somebody looks and their time has come."""

    def __init__(self, clock: MachineClock, faults: Faults, processes: ProcessTable) -> None:
        self._clock, self._faults, self._processes = clock, faults, processes
        self._services: dict[str, Service] = {}
        self.lock = threading.RLock()
        """Held during every change; callbacks of ``on_state`` run with it."""
        self.on_state: list[t.Callable[[Service], None]] = []
        """Called after each change of a state."""

    def add(self, service: Service) -> Service:
        self._services[service.name.lower()] = service
        if service.running:
            self._become(service, RUNNING)
        else:
            service.history.append(service.state)
        return service

    # questions
    def find(self, name: str) -> Service | None:
        """By name, or by display name as net.exe does."""
        self.settle()
        found = self._services.get(name.lower())
        if found is not None:
            return found
        return next((one for one in self._services.values() if one.display_name.lower() == name.lower()), None)

    def __getitem__(self, name: str) -> Service:
        self.settle()
        return self._services[name.lower()]

    def all(self) -> list[Service]:
        self.settle()
        return list(self._services.values())

    def dependents(self, service: Service) -> list[Service]:
        """Services that directly rely on it."""
        return [one for one in self.all() if service.name.lower() in (name.lower() for name in one.depends_on)]

    def relied_upon(self, service: Service) -> list[Service]:
        """Services that it directly relies on."""
        return [self._services[name.lower()] for name in service.depends_on if name.lower() in self._services]

    def active_dependents(self, service: Service) -> list[Service]:
        return [one for one in self.dependents(service) if one.state != STOPPED]

    # transitions
    def _become(self, service: Service, state: str) -> None:
        service.state = state
        service.history.append(state)
        if state == RUNNING:
            self._give_process(service)
        elif state == STOPPED:
            self._take_process(service)
        for callback in self.on_state:
            callback(service)

    def _give_process(self, service: Service) -> None:
        if service.shares_process:
            for other in self._services.values():
                if other is not service and other.path_name == service.path_name and other.process is not None:
                    service.process = other.process
                    return
        service.process = self._processes.start(service.executable, service.path_name)
        service.process.on_killed = lambda: self._process_died(service.path_name, service)

    def _take_process(self, service: Service) -> None:
        process, service.process = service.process, None
        if process is not None and not any(other.process is process for other in self._services.values()):
            self._processes.ended(process)

    def _process_died(self, path_name: str, owner: Service) -> None:
        with self.lock:
            process = owner.process
            for service in self._services.values():
                if service.process is not None and service.process is process:
                    service.due = None
                    service.exit_code = 1067
                    self._become(service, STOPPED)

    def settle(self) -> None:
        """Let pending states end whose time has come."""
        with self.lock:
            now = self._clock.elapsed()
            for service in self._services.values():
                while service.due is not None and service.due <= now:
                    service.due = None
                    if service.state == STOP_PENDING:
                        service.exit_code = 0
                        self._become(service, STOPPED)
                        if self._faults.concerns("service_returns", service.name):
                            self._become(service, START_PENDING)
                            service.due = now + service.start_seconds
                    elif service.state == START_PENDING:
                        if self._faults.concerns("service_fails_start", service.name):
                            service.exit_code = 1067
                            self._become(service, STOPPED)
                        else:
                            self._become(service, RUNNING)

    # controls
    def stop(self, service: Service) -> int:
        """StopService: a return code of Win32_Service. Accepted means pending, not done."""
        with self.lock:
            self.settle()
            if service.state in (STOP_PENDING, START_PENDING):
                return CANNOT_ACCEPT
            if service.state == STOPPED:
                return NOT_ACTIVE
            if self.active_dependents(service):
                return DEPENDENTS_RUNNING
            if not service.accepts_stop or self._faults.concerns("service_refuses_stop", service.name):
                return CANNOT_ACCEPT
            self._become(service, STOP_PENDING)
            hangs = self._faults.concerns("service_hangs_stopping", service.name)
            service.due = None if hangs else self._clock.elapsed() + service.stop_seconds
            self.settle()
            return ACCEPTED

    def start(self, service: Service) -> int:
        """StartService: a return code of Win32_Service; starts what it depends on first."""
        with self.lock:
            self.settle()
            if service.state == STOP_PENDING:
                return CANNOT_ACCEPT
            if service.state != STOPPED:
                return ALREADY_RUNNING
            if service.start_mode == "Disabled":
                return DISABLED
            if self._faults.concerns("service_refuses_start", service.name):
                return LOGON_FAILED
            begins = self._clock.elapsed()
            for needed in self.relied_upon(service):
                code = self.start(needed)
                if code not in (ACCEPTED, ALREADY_RUNNING):
                    return DEPENDENCY_FAILED
                if needed.state != RUNNING:
                    if needed.due is None:
                        return DEPENDENCY_FAILED
                    begins = max(begins, needed.due)
            self._become(service, START_PENDING)
            hangs = self._faults.concerns("service_hangs_starting", service.name)
            service.due = None if hangs else begins + service.start_seconds
            self.settle()
            return ACCEPTED

    def wait_while_pending(self, service: Service, timeout: float, cancelled: t.Callable[[], bool]) -> str:
        """What net.exe and other programs do after a control: wait for its end; the state then."""
        deadline = self._clock.elapsed() + timeout

        def left() -> float:
            self.settle()
            now = self._clock.elapsed()
            if service.state not in (START_PENDING, STOP_PENDING) or now >= deadline:
                return 0.0
            return min(deadline, deadline if service.due is None else service.due) - now

        self._clock.wait(left, cancelled)
        return service.state
