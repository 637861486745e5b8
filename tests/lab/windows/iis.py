# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Internet Information Services of a simulated machine: application pools and sites."""

from __future__ import annotations

import dataclasses

from tests.lab.windows.clock import MachineClock
from tests.lab.windows.faults import Faults
from tests.lab.windows.processes import Process, ProcessTable
from tests.lab.windows.services import RUNNING, Service, ServiceManager

STARTED, STOPPED, UNKNOWN = "Started", "Stopped", "Unknown"
WORKER = r"C:\Windows\System32\inetsrv\w3wp.exe"


@dataclasses.dataclass
class Pool:
    """An application pool. ``auto_start`` decides its state when WAS starts; ``has_worker``: requests keep a w3wp.exe busy,
    which ends ``drain_seconds`` (of the machine's clock) after the pool has stopped."""

    name: str
    auto_start: bool = True
    has_worker: bool = False
    drain_seconds: float = 0.0
    state: str = STOPPED
    worker: Process | None = None
    worker_due: float | None = None
    history: list[str] = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Site:
    name: str
    site_id: int
    bindings: str
    auto_start: bool = True
    state: str = STOPPED


class Iis:
    """Pools live with the service WAS, sites with W3SVC: without it their state is Unknown and nothing can be changed."""

    def __init__(self, services: ServiceManager, processes: ProcessTable, faults: Faults, clock: MachineClock) -> None:
        self._services, self._processes, self._faults, self._clock = services, processes, faults, clock
        self._pools: dict[str, Pool] = {}
        self._sites: dict[str, Site] = {}
        # One lock for both: services change pools and sites, and these ask for the services' states.
        self._lock = services.lock
        services.on_state.append(self._service_changed)

    def add_pool(self, pool: Pool) -> Pool:
        self._pools[pool.name.lower()] = pool
        self._set_pool(pool, STARTED if pool.auto_start and self.available("WAS") else STOPPED)
        return pool

    def add_site(self, site: Site) -> Site:
        self._sites[site.name.lower()] = site
        site.state = STARTED if site.auto_start and self.available("W3SVC") else STOPPED
        return site

    def available(self, service: str) -> bool:
        found = self._services.find(service)
        return found is not None and found.state == RUNNING

    def pools(self) -> list[Pool]:
        self._services.settle()
        with self._lock:
            for pool in self._pools.values():
                if pool.worker_due is not None and pool.worker_due <= self._clock.elapsed():
                    self._end_worker(pool)
            return list(self._pools.values())

    def _end_worker(self, pool: Pool) -> None:
        if pool.worker is not None:
            self._processes.ended(pool.worker)
        pool.worker, pool.worker_due = None, None

    def sites(self) -> list[Site]:
        self._services.settle()
        return list(self._sites.values())

    def pool(self, name: str) -> Pool | None:
        return self._pools.get(name.lower())

    def site(self, name: str) -> Site | None:
        return self._sites.get(name.lower())

    def pool_state(self, pool: Pool) -> str:
        return pool.state if self.available("WAS") else UNKNOWN

    def site_state(self, site: Site) -> str:
        return site.state if self.available("W3SVC") else UNKNOWN

    def _service_changed(self, service: Service) -> None:
        with self._lock:
            running = service.state == RUNNING
            if service.name == "WAS":
                for pool in self._pools.values():
                    self._set_pool(pool, STARTED if running and pool.auto_start else STOPPED)
            if service.name == "W3SVC":
                for site in self._sites.values():
                    site.state = STARTED if running and site.auto_start else STOPPED

    def _set_pool(self, pool: Pool, state: str) -> None:
        if pool.state == state and pool.history:
            return
        pool.state = state
        pool.history.append(state)
        if state == STARTED and pool.has_worker:
            pool.worker_due = None
            if pool.worker is None:
                pool.worker = self._processes.start(WORKER, f'{WORKER} -ap "{pool.name}" -v "v4.0"')
                pool.worker.on_killed = lambda: self._end_worker(pool)
        elif state == STOPPED and pool.drain_seconds:
            pool.worker_due = self._clock.elapsed() + pool.drain_seconds
        elif state == STOPPED:
            self._end_worker(pool)

    def control_pool(self, pool: Pool, start: bool) -> int:
        """Start or stop: a Win32 error, 0 for success."""
        with self._lock:
            if not self.available("WAS"):
                return 1062
            if (pool.state == STARTED) == start:
                return 1056 if start else 1062
            if self._faults.concerns("pool_refuses_start" if start else "pool_refuses_stop", pool.name):
                return 5
            self._set_pool(pool, STARTED if start else STOPPED)
            if not start and self._faults.concerns("pool_returns", pool.name):
                self._set_pool(pool, STARTED)
            return 0

    def control_site(self, site: Site, start: bool) -> int:
        with self._lock:
            if not self.available("W3SVC"):
                return 1062
            if (site.state == STARTED) == start:
                return 1056 if start else 1062
            site.state = STARTED if start else STOPPED
            return 0
