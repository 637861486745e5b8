# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulated avbackup.exe."""

from __future__ import annotations

import typing as t
import zipfile

import pytest

from tests.lab import sites
from tests.lab.windows import services
from tests.lab.windows.machine import Machine
from tests.lab.windows.programs import altium
from tests.unit.lab_windows.conftest import Ended, Runner, wait_for

ARCHIVE = r"C:\Backups\q2 (a).zip"


@pytest.fixture
def server(machine: Machine) -> Machine:
    sites.build_enterprise_server(machine, "ora1")
    machine.files.make_folder(r"C:\Backups")
    return machine


def _backup(run: Runner, verb: str = "backup", ini: str = altium.INI) -> Ended:
    return run(f'"{altium.AVBACKUP}" {verb} -z "{ARCHIVE}" -i "{ini}"')


def _states(machine: Machine) -> dict[str, str]:
    return {one.name: one.state for one in machine.services.all()}


def _vault(machine: Machine) -> dict[str, bytes]:
    return {path: machine.files.read(path) for path in machine.files.walk(sites.DATA_FOLDER)}


def _zip(machine: Machine) -> zipfile.ZipFile:
    real = machine.files.real(ARCHIVE)
    assert real is not None
    return zipfile.ZipFile(real)


def test_the_zip_holds_all_data_and_the_ini(run: Runner, server: Machine) -> None:
    assert _backup(run).code == 0
    with _zip(server) as made:
        assert made.testzip() is None
        data = {name[len("Data/") :]: made.read(name) for name in made.namelist() if name.startswith("Data/")}
        assert made.read("LocalVault.ini") == server.files.read(altium.INI)
    below = len(sites.DATA_FOLDER) + 1
    assert data == {path[below:].replace("\\", "/"): content for path, content in _vault(server).items()}


def test_it_stops_what_runs_and_starts_only_that_again(run: Runner, server: Machine) -> None:
    before = _states(server)
    assert _backup(run).code == 0
    assert _states(server) == before
    history = {one.name: one.history for one in server.services.all()}
    assert services.STOPPED in history["W3SVC"]
    assert services.STOPPED in history["AltiumTaskRunner"]
    assert history[sites.NEVER_STARTED] == [services.STOPPED]
    assert all(history[name] == [services.RUNNING] for name in sites.UNRELATED_SERVICES)


def test_what_was_stopped_before_stays_stopped(run: Runner, server: Machine) -> None:
    for name in ("W3SVC", "AltiumDataAcquisition"):
        server.services.stop(server.services[name])
    before = _states(server)
    assert _backup(run).code == 0
    assert _states(server) == before


def test_after_a_failure_nothing_is_started(run: Runner, server: Machine) -> None:
    server.faults.set("avbackup_exit", 3)
    assert _backup(run).code == 3
    assert _states(server)["W3SVC"] == services.STOPPED
    assert _states(server)["AltiumSearchService"] == services.STOPPED


def test_it_can_fail_after_the_zip_is_complete(run: Runner, server: Machine) -> None:
    server.faults.set("avbackup_exit_late", 4)
    assert _backup(run).code == 4
    with _zip(server) as made:
        assert made.testzip() is None
    assert _states(server)["W3SVC"] == services.STOPPED


def test_its_work_takes_the_machines_time(run: Runner, server: Machine) -> None:
    server.clock.freeze()
    server.faults.set("avbackup_seconds", 120)
    job = server.create_detached(f'"{altium.AVBACKUP}" backup -z "{ARCHIVE}" -i "{altium.INI}"', None, run.user)
    server.clock.advance(60)
    assert server.processes.find(job.process.pid) is not None
    wait_for(lambda: _advanced(server) and server.processes.find(job.process.pid) is None)
    assert _states(server)["W3SVC"] == services.RUNNING


def _advanced(machine: Machine) -> bool:
    machine.clock.advance(60)
    return True


def test_a_fault_lets_it_start_what_others_stopped(run: Runner, server: Machine) -> None:
    server.services.stop(server.services["W3SVC"])
    server.faults.set("avbackup_restarts_services")
    assert _backup(run).code == 0
    assert _states(server)["W3SVC"] == services.RUNNING
    assert _states(server)[sites.NEVER_STARTED] == services.STOPPED


@pytest.mark.parametrize("fault", ["avbackup_no_zip", "avbackup_truncated_zip", "avbackup_damaged_zip", "avbackup_empty_zip"])
def test_faults_of_a_tool_that_says_success(run: Runner, server: Machine, fault: str) -> None:
    server.faults.set(fault)
    assert _backup(run).code == 0
    checked = run(f'tar.exe -xOf "{ARCHIVE}"')
    assert (checked.code, checked.out) == ((0, "") if fault == "avbackup_empty_zip" else (1, checked.out))


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("health_monitor_running", "Health Monitor"),
        ("avbackup_ini_missing", "configuration file"),
        ("disk_full", "not enough space"),
    ],
)
def test_it_refuses_when_something_is_not_ready(run: Runner, server: Machine, fault: str, says: str) -> None:
    server.faults.set(fault)
    refused = _backup(run)
    assert refused.code == 1
    assert says in refused.out
    server.faults.clear()
    assert _backup(run).code == 0


def test_it_is_not_there_while_it_is_missing(run: Runner, server: Machine) -> None:
    server.faults.set("avbackup_missing")
    assert run.cmd(f'"{altium.AVBACKUP}" help').code == 9009
    server.faults.clear()
    assert run.cmd(f'"{altium.AVBACKUP}" help').out.startswith("Altium")


def test_it_needs_an_administrator(run_as_operator: Runner, server: Machine) -> None:
    assert "Administrator rights" in _backup(run_as_operator).out
    assert not server.files.exists(ARCHIVE)


def test_a_service_that_does_not_stop_makes_it_fail(run: Runner, server: Machine) -> None:
    server.faults.set("service_refuses_stop", "AltiumCollaboration")
    assert _backup(run).code == 1


def test_a_hanging_tool_leaves_half_a_zip_when_it_is_killed(run: Runner, server: Machine) -> None:
    server.faults.set("avbackup_hangs")
    job = server.create_detached(f'"{altium.AVBACKUP}" backup -z "{ARCHIVE}" -i "{altium.INI}"', None, run.user)
    wait_for(lambda: server.files.exists(ARCHIVE) and server.files.size(ARCHIVE) > 1000)
    server.processes.kill(job.process)
    wait_for(lambda: not server.files.in_use(ARCHIVE))
    assert _states(server)["W3SVC"] == services.STOPPED


def test_restoring_puts_the_data_back_and_nothing_else(run: Runner, server: Machine) -> None:
    before = _vault(server)
    _backup(run)
    first = next(iter(before))
    server.files.remove_file(first)
    server.files.write(sites.DATA_FOLDER + r"\newer.bin", b"x")
    assert _backup(run, "restore").code == 0
    assert _vault(server) == before
    assert _states(server)["W3SVC"] == services.RUNNING


def test_restoring_refuses_damaged_and_foreign_archives(run: Runner, server: Machine) -> None:
    server.faults.set("avbackup_damaged_zip")
    _backup(run)
    before = _vault(server)
    assert "not a valid backup" in _backup(run, "restore").out
    real = server.files.real(ARCHIVE)
    assert real is not None
    with zipfile.ZipFile(real, "w") as made:
        made.writestr("backup.info", "version=6.0.0.1\n")
    assert "made by version 6.0.0.1" in _backup(run, "restore").out
    assert _vault(server) == before


def test_an_unknown_option_is_recorded(run: Runner, server: Machine, take_unknown: t.Callable[[], list[str]]) -> None:
    assert run(f'"{altium.AVBACKUP}" backup -q').code == 87
    assert len(take_unknown()) == 1
