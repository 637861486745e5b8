# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One ansible-playbook run, measured: wall time, CPU and peak memory of the control node's processes alone."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import subprocess
import threading
import time

from tests.integration.support import playbook_environment, read_trace

SAMPLE_SECONDS = 0.2
SAMPLES_SHARE = 0.02
"""Of the time, at the most: the kernel holds a process's memory still while it is counted, so looking slows what is measured."""


@dataclasses.dataclass(frozen=True)
class Measured:
    """Seconds, and bytes of memory that the run's processes did not share with each other. ``lab_cpu`` is that of the hosts,
    ``tools`` how long avbackup and the export worked on them."""

    wall: float
    cpu: float
    peak_memory: int
    outages: tuple[float, ...]
    lab_cpu: float = 0.0
    tools: float = 0.0


class RunFailed(Exception):
    """A measured run that did not succeed measures nothing."""


def measure(command: list[str], trace: pathlib.Path, extra_environment: dict[str, str] | None = None) -> Measured:
    """Run to the end. CPU is that of the process and all its children, as the kernel accounts it when they end."""
    environment = playbook_environment(trace) | (extra_environment or {})
    began = time.monotonic()
    process = subprocess.Popen(
        command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    sampler = _MemorySampler(process.pid)
    sampler.start()
    assert process.stdout is not None
    output = process.stdout.read()
    _unused, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.monotonic() - began
    sampler.stop()
    if process.returncode != 0:
        raise RunFailed(f"{' '.join(command)} exited {process.returncode}:\n{output[-4000:]}")
    events = read_trace(trace)
    started = [event["result"] for event in events if event["task"].endswith("Start the units that ran")]
    outages = tuple(result["outage"]["seconds"] for result in started if "outage" in result)
    return Measured(wall, usage.ru_utime + usage.ru_stime, sampler.peak, outages)


class _MemorySampler(threading.Thread):
    """The largest sum of the proportional set sizes of a process and its descendants that was seen."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid, self.peak = pid, 0
        self._ended = threading.Event()

    def run(self) -> None:
        pause = SAMPLE_SECONDS
        while not self._ended.wait(pause):
            began = time.monotonic()
            self.peak = max(self.peak, sum(map(_memory, _tree(self.pid))))
            pause = max(SAMPLE_SECONDS, (time.monotonic() - began) / SAMPLES_SHARE)

    def stop(self) -> None:
        self._ended.set()
        self.join()


def _tree(root: int) -> list[int]:
    parents: dict[int, int] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                stat = pathlib.Path("/proc", entry, "stat").read_text(errors="replace")
            except OSError:
                continue
            parents[int(entry)] = int(stat.rpartition(")")[2].split()[1])
    found, frontier = [root], [root]
    while frontier:
        frontier = [pid for pid, parent in parents.items() if parent in frontier]
        found += frontier
    return found


def _memory(pid: int) -> int:
    try:
        lines = pathlib.Path("/proc", str(pid), "smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)
