# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Quiesce, resume and lease on this machine, with real processes, files and timers."""

from __future__ import annotations

import json
import os
import pathlib
import signal
import subprocess
import sys
import typing as t

import pytest

from ansible_collections.lockstep.backup.plugins.module_utils.feature import Task
from ansible_collections.lockstep.backup.plugins.module_utils.host.posix import PosixHost
from ansible_collections.lockstep.backup.plugins.module_utils.owner import this_process
from ansible_collections.lockstep.backup.plugins.module_utils.quiesce import held
from ansible_collections.lockstep.backup.plugins.module_utils.quiesce.feature import FEATURE
from tests.unit.host_posix.real import eventually, program

NAMES = ("web", "db", "idle")


@pytest.fixture
def host(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> t.Iterator[PosixHost]:
    made = PosixHost(str(tmp_path / "state"))
    monkeypatch.setattr(made, "_systemd", False)
    yield made
    # A failed test leaves no timer behind.
    for name in ("lease-job", "lease-job2"):
        made.disarm_timer(name)


@pytest.fixture
def units(host: PosixHost, tmp_path: pathlib.Path) -> t.Iterator[list[dict[str, t.Any]]]:
    """Two programs that run, and one that does not; known by their paths, which nothing else on this machine has."""
    entries: list[dict[str, t.Any]] = []
    for name in NAMES:
        path = program(tmp_path, name)
        entries.append({"kind": "process", "name": path, "timeout": 60, "start": {"argv": [path, "1000"], "cwd": None}})
    for entry in entries[:2]:
        host.unit_driver("process", entry).start(entry["name"])
    eventually(lambda: running(host, entries) == ["web", "db"])
    yield entries
    for entry in entries:
        host.unit_driver("process", entry).stop(entry["name"], force=True)


def running(host: PosixHost, entries: list[dict[str, t.Any]]) -> list[str]:
    return [name for name, entry in zip(NAMES, entries, strict=True) if host.processes(entry["name"])]


def call(host: PosixHost, state: str, **params: t.Any) -> dict[str, t.Any]:
    return FEATURE.run(task(host, state=state, name="job", **params))


def task(host: PosixHost, check_mode: bool = False, **params: t.Any) -> Task:
    return Task(params={"dead_run": None, **params}, host=host, owner=this_process(), check_mode=check_mode)


def test_what_ran_is_stopped_and_started_again(host: PosixHost, units: list[dict[str, t.Any]]) -> None:
    call(host, "quiesced", units=units, max_outage=3600)
    assert running(host, units) == []
    assert host.timer_armed("lease-job")
    result = call(host, "resumed")
    assert running(host, units) == ["web", "db"]
    assert not host.timer_armed("lease-job")
    assert result["lease_fired"] is False
    assert list((pathlib.Path(host.state_folder) / "quiesce").iterdir()) == []


def test_the_lease_gives_the_service_back_by_itself(host: PosixHost, units: list[dict[str, t.Any]]) -> None:
    call(host, "quiesced", units=units, max_outage=3600)
    held.renew_lease(task(host), "job", 2)
    eventually(lambda: running(host, units) == ["web", "db"])
    eventually(lambda: not host.timer_armed("lease-job"))
    result = call(host, "resumed")
    assert result["lease_fired"] is True
    assert units[1]["name"] in result["lease_log"]
    assert running(host, units) == ["web", "db"]


def test_the_lease_works_although_the_run_was_killed(
    host: PosixHost, units: list[dict[str, t.Any]], tmp_path: pathlib.Path
) -> None:
    start = (
        "import sys, json, time\n"
        "from tests.unit.host_posix.test_quiesce_for_real import PosixHost, call, held, task\n"
        "host = PosixHost(sys.argv[1])\n"
        "host._systemd = False\n"
        "call(host, 'quiesced', units=json.loads(sys.argv[2]), max_outage=3600)\n"
        "held.renew_lease(task(host), 'job', 2)\n"
        "print('quiesced', flush=True)\n"
        "time.sleep(1000)\n"
    )
    argv = [sys.executable, "-c", start, host.state_folder, json.dumps(units)]
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path))
    with subprocess.Popen(argv, stdout=subprocess.PIPE, env=environment, start_new_session=True) as run:
        assert run.stdout is not None
        assert run.stdout.readline() == b"quiesced\n"
        os.killpg(run.pid, signal.SIGKILL)
    eventually(lambda: running(host, units) == ["web", "db"])
    holder = call(host, "query")["owner"]
    assert call(host, "resumed", dead_run=holder["run_id"])["lease_fired"] is True


def test_check_mode_starts_and_writes_nothing(host: PosixHost, units: list[dict[str, t.Any]]) -> None:
    result = FEATURE.run(task(host, check_mode=True, state="quiesced", name="job", units=units, max_outage=60))
    assert [step["action"] for step in result["plan"]] == ["record", "arm_lease", "stop", "stop", "leave", "verify"]
    assert running(host, units) == ["web", "db"]
    assert not os.path.exists(host.state_folder)
