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
FLEETS = (1, 10, 50)
FORKS = 10
"""Installations at a time, as the README advises for two cores: more of them only wait for the CPU while they are down."""
UNITS = [{"kind": "service", "name": "W3SVC"}, {"kind": "service", "name": "Spooler"}]


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
    """Whole nightly runs with tools that take no time, for fleets of several sizes."""
    runs: dict[int, Measured] = {}
    lab_cpu: dict[int, float] = {}
    for number in FLEETS:
        with Lab(place / f"fleet{number}", installations=number, data_files=3) as lab:
            before = time.process_time()
            command = playbook_command(lab, "nightly", "--forks", str(min(number, FORKS)))
            runs[number] = measure(command, place / f"fleet{number}.jsonl")
            lab_cpu[number] = time.process_time() - before
    one, most, before_most = runs[FLEETS[0]], runs[FLEETS[-1]], runs[FLEETS[-2]]
    rows = [
        at_most("nightly, 1 installation: wall", one.wall, "s", "3 s", one.wall / 3, 1),
        at_most("nightly, 1 installation: outage beyond the tools' time", one.outages[0], "s", "0.5 s", one.outages[0] / 0.5, 1),
    ]
    growth = FLEETS[-1] / FLEETS[-2]
    told: list[tuple[str, str, t.Callable[[Measured], float]]] = [
        ("wall", "s", lambda run: run.wall),
        ("control-node CPU", "s", lambda run: run.cpu),
        ("control-node peak memory", "MiB", lambda run: run.peak_memory / 2**20),
    ]
    for what, unit, of in told:
        for number in FLEETS[:-1]:
            value = of(runs[number])
            rows.append(Row(f"nightly, {number} installations: {what}", round(value, 2), unit, "-", 1.0, "-", True))
        linear = growth * of(before_most)
        compared = f"{growth:g} times that of {FLEETS[-2]}: {linear:.2f} {unit}"
        rows.append(at_most(f"nightly, {FLEETS[-1]} installations: {what}", of(most), unit, compared, of(most) / linear, 1.1))
    return [*rows, outage_growth(one, most, lab_cpu[FLEETS[-1]])]


def outage_growth(one: Measured, most: Measured, lab_cpu: float) -> Row:
    """Outages share this machine's cores with each other and with the lab: the CPU seconds that the installations of one wave
    need, by the time that one alone takes once ansible has started, is how much longer anything may take by queueing alone."""
    cores = len(os.sched_getaffinity(0))
    queueing = (most.cpu + lab_cpu) * FORKS / FLEETS[-1] / cores / (one.wall - one.start)
    outage = statistics.median(most.outages)
    compared = f"outage of 1 ({one.outages[0]:.2f} s) times the CPU's queueing ({queueing:.1f})"
    return at_most(
        f"nightly, {FLEETS[-1]} installations: median outage", outage, "s", compared, outage / (one.outages[0] * queueing), 1
    )


def show(rows: list[Row]) -> None:
    table = [("what", "value", "compared with", "ratio", "target", "met")]
    table += [(r.name, f"{r.value:g} {r.unit}", r.compared_with, f"{r.ratio:g}", r.target, "yes" if r.met else "NO") for r in rows]
    widths = [max(len(line[column]) for line in table) for column in range(len(table[0]))]
    for line in table:
        print("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())


if __name__ == "__main__":
    raise SystemExit(main())
