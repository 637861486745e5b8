# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``make bench``: measures against what a user would use instead, prints a table, and writes build/bench.json."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import statistics
import tempfile
import time
import typing as t

from tests.bench.measuring import Measured, measure
from tests.bench.rows import Row, at_most
from tests.bench.tapes import tapes
from tests.bench.usual_way import make_collection
from tests.integration.support import playbook_command, write_playbook
from tests.lab.inventory import PROJECT
from tests.lab.lab import Lab

RESULT = PROJECT / "build" / "bench.json"
TASKS = 10
HOSTS = 8
FORKS = 10
"""Installations at a time, as the README advises for two cores: more of them only wait for the CPU while they are down."""
TOOLS = ("avbackup.exe", "exp.exe")
UNITS = [{"kind": "service", "name": "W3SVC"}, {"kind": "service", "name": "Spooler"}]


@dataclasses.dataclass(frozen=True)
class Fleet:
    """Measured ``samples`` times, the short ones more often because they vary more."""

    installations: int
    forks: int
    samples: int


ONE, ONE_BY_ONE, TEN, FIFTY = Fleet(1, 1, 5), Fleet(5, 1, 1), Fleet(10, FORKS, 3), Fleet(50, FORKS, 1)


def main() -> int:
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        place = pathlib.Path(folder)
        rows += cpu_per_task(place / "tasks")
        rows += fleets(place)
        rows += tapes(place / "tapes")
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps([dataclasses.asdict(row) for row in rows], indent=2) + "\n", encoding="utf-8")
    show(rows)
    print(f"written to {RESULT.relative_to(PROJECT)}")
    return 0


def cpu_per_task(place: pathlib.Path) -> list[Row]:
    """The same feature, in the worker process and as a module on localhost. CPU of the whole run by the number of tasks, so
    that start-up and imports are in both."""
    place.mkdir(parents=True)
    with Lab(place / "lab", installations=HOSTS) as lab:
        asked = {"state": "query", "name": "bench", "units": UNITS}
        tasks = [{"lockstep.backup.win_service_quiesce": asked}] * TASKS
        ours = measure(
            playbook_command(lab, write_playbook(place, tasks, "altium_enterprise_server"), "--forks", str(HOSTS)),
            place / "ours.jsonl",
        )
        make_collection(place / "collections")
        connection = {
            "endpoint": "{{ ansible_winrm_scheme }}://{{ ansible_host }}:{{ ansible_port }}/wsman",
            "transport": "{{ ansible_winrm_transport }}",
            "username": "{{ ansible_user }}",
            "password": "{{ ansible_password }}",
        }
        usual = [{"lockstep.usual.win_service_quiesce": {**asked, **connection}, "delegate_to": "localhost"}] * TASKS
        theirs = measure(
            playbook_command(
                lab,
                write_playbook(
                    place, usual, "altium_enterprise_server", vars={"ansible_python_interpreter": "{{ ansible_playbook_python }}"}
                ),
                "--forks",
                str(HOSTS),
            ),
            place / "usual.jsonl",
            {
                "ANSIBLE_COLLECTIONS_PATH": str(place / "collections"),
                "REQUESTS_CA_BUNDLE": str(lab.authority.certificate_path),
                "PYTHONWARNINGS": "ignore",
            },
        )
    count = TASKS * HOSTS
    ratio = theirs.cpu / ours.cpu
    return [
        Row(
            "control-node CPU per task",
            round(1000 * ours.cpu / count, 1),
            "ms",
            f"module by AnsiballZ on localhost: {1000 * theirs.cpu / count:.1f} ms",
            round(ratio, 2),
            "ratio >= 8",
            ratio >= 8,
        )
    ]


def fleets(place: pathlib.Path) -> list[Row]:
    """Whole nightly runs with tools that take no time, for fleets of several sizes. The run of the middle CPU time stands for its
    fleet. Samples alternate, because a machine's speed drifts."""
    runs: dict[Fleet, list[Measured]] = {fleet: [] for fleet in (ONE, ONE_BY_ONE, TEN, FIFTY)}
    for sample in range(max(fleet.samples for fleet in runs)):
        for fleet, measured in runs.items():
            if sample < fleet.samples:
                measured.append(nightly(place / f"fleet{fleet.installations}-{sample}", fleet))
    typical = {fleet: sorted(measured, key=lambda run: run.cpu)[len(measured) // 2] for fleet, measured in runs.items()}
    one, ten, fifty = typical[ONE], typical[TEN], typical[FIFTY]
    wall = statistics.median(run.wall for run in runs[ONE])
    beyond = statistics.median(run.outages[0] - run.tools for run in runs[ONE])
    rows = [
        at_most("nightly, 1 installation: wall", wall, "s", "3 s", wall / 3, 1),
        at_most(f"nightly, 1 installation: outage beyond the tools' {one.tools:.3f} s", beyond, "s", "0.5 s", beyond / 0.5, 1),
    ]
    growth = FIFTY.installations / TEN.installations
    told: list[tuple[str, str, t.Callable[[Measured], float]]] = [
        ("wall", "s", lambda run: run.wall),
        ("control-node CPU", "s", lambda run: run.cpu),
        ("control-node peak memory", "MiB", lambda run: run.peak_memory / 2**20),
    ]
    for what, unit, of in told:
        for fleet in (ONE, TEN):
            name = f"nightly, {fleet.installations} installations: {what}"
            rows.append(Row(name, round(of(typical[fleet]), 2), unit, "-", 1.0, "-", True))
        linear = growth * of(ten)
        compared = f"{growth:g} times that of {TEN.installations}: {linear:.2f} {unit}"
        name = f"nightly, {FIFTY.installations} installations: {what}"
        rows.append(at_most(name, of(fifty), unit, compared, of(fifty) / linear, 1.1))
    return [*rows, *outage_growth(one, typical[ONE_BY_ONE], fifty)]


def nightly(place: pathlib.Path, fleet: Fleet) -> Measured:
    """One run over a fleet that was never backed up before."""
    with Lab(place, installations=fleet.installations, data_files=3) as lab:
        before = time.process_time()
        measured = measure(playbook_command(lab, "nightly", "--forks", str(fleet.forks)), place / "trace.jsonl")
        tools = sum(host.machine.processes.seconds[tool] for host in lab.hosts.values() for tool in TOOLS)
        return dataclasses.replace(measured, lab_cpu=time.process_time() - before, tools=tools)


def outage_growth(one: Measured, one_by_one: Measured, fifty: Measured) -> list[Row]:
    """Outages share this machine's cores with each other and with the lab: the CPU seconds that the installations of one wave
    need, by the time that one more takes where one is at work at a time, is how much longer anything may take by queueing alone.
    (A run of only one takes longer: ansible starts in it, and loads plugins.) Queueing alone gives a ratio of 1, and a tenth is
    allowed for the measuring, as for the other rows. Queues are not fair to the second: the longest outage is shown, and judged
    is the one in the middle."""
    cores = len(os.sched_getaffinity(0))
    alone = (one_by_one.wall - one.wall) / (ONE_BY_ONE.installations - ONE.installations)
    queueing = (fifty.cpu + fifty.lab_cpu) * FORKS / FIFTY.installations / cores / alone
    before = statistics.median(one_by_one.outages)
    compared = f"outage one at a time ({before:.2f} s) times the CPU's queueing ({queueing:.1f})"
    middle, longest = statistics.median(fifty.outages), max(fifty.outages)
    name = f"nightly, {FIFTY.installations} installations"
    return [
        at_most(f"{name}: median outage", middle, "s", compared, middle / (before * queueing), 1.1),
        Row(f"{name}: longest outage", round(longest, 3), "s", compared, round(longest / (before * queueing), 3), "-", True),
    ]


def show(rows: list[Row]) -> None:
    table = [("what", "value", "compared with", "ratio", "target", "met")]
    table += [(r.name, f"{r.value:g} {r.unit}", r.compared_with, f"{r.ratio:g}", r.target, "yes" if r.met else "NO") for r in rows]
    widths = [max(len(line[column]) for line in table) for column in range(len(table[0]))]
    for line in table:
        print("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())


if __name__ == "__main__":
    raise SystemExit(main())
