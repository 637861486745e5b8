# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Detached jobs and every kind of unit on a Windows host, over the real pywinrm."""

from __future__ import annotations

import collections.abc
import typing as t

import pytest

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.host.base import (
    ABSENT,
    JOB_ABSENT,
    JOB_LOST,
    JOB_RUNNING,
    RUNNING,
    STARTING,
    STOPPED,
    STOPPING,
    JobStatus,
    UnitDriver,
    UnitStatus,
)
from ansible_collections.lockstep.backup.plugins.plugin_utils.windows.host import WindowsHost
from tests.integration.direct import windows_host
from tests.integration.killing import wait_until
from tests.lab.lab import Lab
from tests.lab.windows.machine import Machine
from tests.lab.windows.services import Service

JOB = "C:\\ProgramData\\Lockstep\\jobs\\test ä"
WAITS = ["ping.exe", "-n", "1000", "127.0.0.1"]
ALTIUM = "C:\\Program Files (x86)\\Altium\\Altium365"


@pytest.fixture
def machine(lab: Lab) -> Machine:
    return lab.hosts["aes1"].machine


@pytest.fixture
def host(lab: Lab) -> collections.abc.Iterator[WindowsHost]:
    connected = windows_host(lab, "aes1")
    yield connected
    connected.close()


def ended(host: WindowsHost, folder: str = JOB) -> JobStatus:
    """The job's status once it does not run any more."""
    wait_until(lambda: host.job_status(folder).state != JOB_RUNNING, "the job ends")
    return host.job_status(folder)


# jobs


def test_a_job_leaves_its_exit_code_and_its_output(host: WindowsHost) -> None:
    assert host.job_status(JOB) == JobStatus(JOB_ABSENT)
    host.start_job(JOB, ["net.exe", "start", "No & such %PATH% service"])
    assert ended(host).exit_code == 2
    assert "The service name is invalid" in host.job_output(JOB)
    assert "The service name is invalid" not in host.job_output(JOB, lines=1)


def test_a_job_gets_its_environment(lab: Lab, host: WindowsHost) -> None:
    host.start_job(JOB, ["hostname.exe"], env={"NLS_LANG": "GERMAN_GERMANY.AL32UTF8", "TEXT": "100% & ä ^|"})
    assert ended(host).exit_code == 0
    (started,) = [entry for entry in lab.process_history if entry.command_line == '"hostname.exe"']
    assert (started.environment["NLS_LANG"], started.environment["TEXT"]) == ("GERMAN_GERMANY.AL32UTF8", "100% & ä ^|")


def test_a_job_works_in_its_folder_or_fails_without_it(host: WindowsHost, machine: Machine) -> None:
    machine.files.ensure_folder("C:\\Tools & more")
    host.start_job(JOB, ["cmd.exe", "/c", "cd"], cwd="C:\\Tools & more")
    assert ended(host).exit_code == 0
    assert host.job_output(JOB) == "C:\\Tools & more"
    host.start_job(f"{JOB} 2", ["hostname.exe"], cwd="C:\\nothing")
    assert ended(host, f"{JOB} 2").exit_code == 1


def test_a_job_whose_output_nobody_wants_keeps_its_errors(host: WindowsHost) -> None:
    host.start_job(JOB, ["net.exe", "stop", "W32Time"], discard_output=True)
    assert ended(host).exit_code == 0
    assert host.job_output(JOB) == ""


def test_a_job_outlives_the_connection_is_found_again_and_is_stopped_with_all_its_processes(
    lab: Lab, host: WindowsHost, machine: Machine
) -> None:
    host.start_job(JOB, WAITS)
    host.close()
    later = windows_host(lab, "aes1")
    status = later.job_status(JOB)
    assert status.state == JOB_RUNNING
    assert status.pid is not None
    wait_until(lambda: bool(machine.processes.named("ping.exe")), "the program starts")
    with pytest.raises(LockstepError) as caught:
        later.start_job(JOB, WAITS)
    assert caught.value.slug == "job_exists"
    later.stop_job(JOB)
    assert machine.processes.named("ping.exe") == []
    assert later.job_status(JOB).state == JOB_LOST
    later.stop_job(JOB)
    later.close()


def test_a_process_id_that_is_used_again_is_not_taken_for_the_job(lab: Lab, host: WindowsHost, machine: Machine) -> None:
    host.start_job(JOB, WAITS)
    pid = host.job_status(JOB).pid
    assert pid is not None
    process = machine.processes.find(pid)
    assert process is not None
    process.command_line = "somebody else's program"
    assert host.job_status(JOB).state == JOB_LOST
    host.stop_job(JOB)
    assert machine.processes.find(pid) is not None


def test_a_job_needs_no_more_of_a_host_than_one_process_and_one_shell(lab: Lab, host: WindowsHost) -> None:
    host.start_job(JOB, ["hostname.exe"])
    ended(host)
    started = [entry.command_line for entry in lab.process_history if entry.host == "aes1"]
    assert sum("run.cmd" in line and "findstr" not in line for line in started) == 1
    assert len(lab.hosts["aes1"].endpoint.shells) == 1


# units


def found_by(driver: UnitDriver, pattern: str | None = None, path_under: str | None = None) -> set[str]:
    return {unit.name for unit in driver.find(pattern, path_under)}


def stays(driver: UnitDriver, name: str, state: str) -> UnitStatus:
    wait_until(lambda: driver.status(name).state == state, f"{name} becomes {state}")
    return driver.status(name)


def test_services_are_found_by_name_and_by_the_folder_of_their_program(host: WindowsHost) -> None:
    driver = host.unit_driver("service", {})
    assert found_by(driver, "w3s*") == {"W3SVC"}
    altium = found_by(driver, path_under=ALTIUM.upper() + "\\")
    assert "AltiumTaskRunner" in altium
    # Its folder begins with the same letters, and is another one.
    assert "AltiumLicenseMirror" not in altium
    assert found_by(driver, "*runner", ALTIUM) == {"AltiumTaskRunner"}
    assert driver.status("w3svc").state == RUNNING
    assert driver.status("W3SVC").pid is not None
    assert driver.status("O'Nothing").state == ABSENT
    assert [unit.state for unit in driver.statuses(["Nothing", "spooler", "wuauserv"])] == [ABSENT, RUNNING, STOPPED]


def test_a_service_is_stopped_and_started_with_its_pending_states(host: WindowsHost, machine: Machine) -> None:
    driver = host.unit_driver("service", {})
    spooler = machine.services["Spooler"]
    spooler.stop_seconds = spooler.start_seconds = 60
    driver.stop("Spooler", False)
    assert driver.status("Spooler").state == STOPPING
    driver.stop("Spooler", False)
    machine.clock.advance(61)
    assert driver.status("Spooler").state == STOPPED
    driver.stop("Spooler", False)
    driver.start("Spooler")
    assert driver.status("Spooler").state == STARTING
    machine.clock.advance(61)
    assert driver.status("Spooler").state == RUNNING
    driver.start("Spooler")
    assert driver.start_command("Spooler") == ["net.exe", "start", "Spooler"]


def test_what_depends_on_a_service_is_told_in_the_order_to_stop_it(host: WindowsHost, machine: Machine) -> None:
    driver = host.unit_driver("service", {})
    assert driver.dependents("AltiumVersionControl") == ["AltiumDataAcquisition", "AltiumTaskRunner"]
    machine.services.stop(machine.services["AltiumDataAcquisition"])
    assert host.unit_driver("service", {}).dependents("AltiumVersionControl") == ["AltiumTaskRunner"]
    assert driver.dependents("Spooler") == []


def test_what_is_known_of_dependents_is_not_asked_for_again(lab: Lab, host: WindowsHost) -> None:
    driver = host.unit_driver("service", {})
    assert driver.dependents("AltiumSearchService") == ["AltiumDataAcquisition", "AltiumTaskRunner"]
    before = len(lab.requests)
    assert driver.dependents("AltiumTaskRunner") == ["AltiumDataAcquisition"]
    assert len(lab.requests) == before


def refused(work: collections.abc.Callable[[], t.Any], *words: str) -> None:
    with pytest.raises(LockstepError) as caught:
        work()
    assert caught.value.slug == "unit_refused"
    for word in ("aes1", *words):
        assert word in caught.value.message


def test_a_service_that_refuses_says_why(lab: Lab, host: WindowsHost, machine: Machine) -> None:
    driver = host.unit_driver("service", {})
    lab.faults.set("aes1", "service_refuses_stop", "Spooler")
    lab.faults.set("aes1", "service_refuses_start", "wuauserv")
    refused(lambda: driver.stop("Spooler", False), "StopService of Spooler", "(code 5)")
    refused(lambda: driver.start("wuauserv"), "StartService of wuauserv", "its account could not log on (code 15)")
    refused(lambda: driver.stop("AltiumVersionControl", False), "services that depend on it are running (code 3)")
    driver.stop("Spooler", True)
    assert stays(driver, "Spooler", STOPPED).pid is None
    assert machine.services["Spooler"].exit_code == 1067


def test_many_services_come_page_by_page(host: WindowsHost, machine: Machine) -> None:
    for number in range(650):
        machine.services.add(
            Service(f"Many{number:04d}", f"One of many {number}", f"C:\\Many & more\\{'long folder name ' * 5}{number}.exe")
        )
    assert len(found_by(host.unit_driver("service", {}), "many*")) == 650


def test_application_pools_and_sites(lab: Lab, host: WindowsHost, machine: Machine) -> None:
    pools = host.unit_driver("app_pool", {})
    assert found_by(pools, "altium*") == {"AltiumVault", "AltiumIdentityService", "AltiumExplorer", "AltiumLegacyApps"}
    assert [unit.state for unit in pools.statuses(["altiumvault", "AltiumLegacyApps", "Nothing"])] == [RUNNING, STOPPED, ABSENT]
    vault = machine.iis.pool("AltiumVault")
    assert vault is not None
    vault.drain_seconds = 60
    pools.stop("AltiumVault", False)
    draining = pools.status("AltiumVault")
    assert (draining.state, draining.pid) == (STOPPING, vault.worker.pid if vault.worker else None)
    pools.stop("AltiumVault", True)
    assert stays(pools, "AltiumVault", STOPPED).pid is None
    pools.start("AltiumVault")
    assert pools.status("AltiumVault").state == RUNNING
    lab.faults.set("aes1", "pool_refuses_stop", "AltiumVault")
    refused(lambda: pools.stop("AltiumVault", False), "appcmd stop apppool AltiumVault", "Access is denied")
    sites = host.unit_driver("site", {})
    assert [(unit.name, unit.state) for unit in sites.find("altium*", None)] == [("Altium Enterprise Server", RUNNING)]
    sites.stop("Altium Enterprise Server", False)
    assert sites.status("Altium Enterprise Server").state == STOPPED
    sites.start("Altium Enterprise Server")
    assert sites.status("Altium Enterprise Server").state == RUNNING
    for driver in (pools, sites):
        assert driver.dependents("anything") == []
        with pytest.raises(LockstepError) as caught:
            driver.find(None, ALTIUM)
        assert caught.value.slug == "unit_kind_unsupported"
    assert pools.start_command("A b")[1:] == ["start", "apppool", "/apppool.name:A b"]


def test_where_iis_does_not_run_its_units_are_neither_running_nor_stopped(host: WindowsHost, machine: Machine) -> None:
    for name in ("W3SVC", "WAS"):
        machine.services.stop(machine.services[name])
    assert host.unit_driver("app_pool", {}).status("AltiumVault").state == "unknown"
    assert host.unit_driver("site", {}).status("Altium Enterprise Server").state == "unknown"


TASK = """<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task"><Settings><Enabled>true</Enabled></Settings>
<Actions><Exec><Command>ping.exe</Command><Arguments>-n 1000 127.0.0.1</Arguments></Exec></Actions></Task>"""


def test_scheduled_tasks_are_stopped_by_disabling_them(host: WindowsHost, machine: Machine) -> None:
    for name in ("\\Nachtlauf für Köln", "\\Altium\\Index job"):
        machine.tasks.register(name, TASK)
    driver = host.unit_driver("scheduled_task", {})
    assert found_by(driver, "\\altium\\*") == {"\\Altium\\Index job"}
    assert driver.status("Nachtlauf für Köln").state == RUNNING
    assert [unit.state for unit in driver.statuses(["\\Altium\\Index job", "\\Altium\\Nothing"])] == [RUNNING, ABSENT]
    driver.stop("\\Altium\\Index job", False)
    assert driver.status("\\Altium\\Index job").state == STOPPED
    driver.start("\\Altium\\Index job")
    task = machine.tasks.find("\\Altium\\Index job")
    assert task is not None
    assert task.history == ["registered", "disabled", "enabled"]
    machine.tasks.run_now(task)
    driver.stop("\\Altium\\Index job", False)
    # Disabling leaves a run that already began alone.
    assert driver.status("\\Altium\\Index job").state == STOPPING
    driver.stop("\\Altium\\Index job", True)
    stays(driver, "\\Altium\\Index job", STOPPED)
    assert driver.start_command("\\Altium\\Index job") == ["schtasks.exe", "/change", "/tn", "\\Altium\\Index job", "/ENABLE"]
    refused(lambda: driver.stop("\\Nothing", False), "DisableByName of \\Nothing", "cannot find the file")


def test_processes_are_asked_to_close_killed_only_by_force_and_started_by_their_command(
    host: WindowsHost, machine: Machine
) -> None:
    definition = {"start": {"argv": [f"{ALTIUM}\\Tools\\BackupTool\\avbackup.exe", "help"], "cwd": ALTIUM}}
    driver = host.unit_driver("process", definition)
    polite = machine.processes.start(f"{ALTIUM}\\Viewer.exe", "viewer", window=True)
    machine.processes.start(f"{ALTIUM}\\Agent.exe", "agent")
    assert found_by(driver, "*.exe", ALTIUM) >= {"Viewer.exe", "Agent.exe"}
    assert driver.status("viewer.exe") == UnitStatus("process", "viewer.exe", RUNNING, polite.pid)
    driver.stop("Viewer.exe", False)
    assert driver.status("Viewer.exe").state == STOPPED
    refused(lambda: driver.stop("Agent.exe", False), "Agent.exe", "only be terminated forcefully")
    driver.stop("Agent.exe", True)
    assert [unit.state for unit in driver.statuses(["Agent.exe", "Viewer.exe"])] == [STOPPED, STOPPED]
    driver.start("avbackup.exe")
    assert driver.start_command("avbackup.exe")[-2:] == definition["start"]["argv"]
    refused(lambda: host.unit_driver("process", {}).start("Agent.exe"), "start: argv")
    nowhere = host.unit_driver("process", {"start": {"argv": ["C:\\nothing.exe"]}})
    refused(lambda: nowhere.start("nothing.exe"), "was not started")


def test_commands_are_units_by_their_own_stop_start_and_check(host: WindowsHost) -> None:
    flag = "C:\\ProgramData\\runs.flag"
    definition = {
        "stop": {"argv": ["cmd.exe", "/c", f"del {flag}"]},
        "start": {"argv": ["cmd.exe", "/c", f"type nul >{flag}"]},
        "check": {"argv": ["cmd.exe", "/c", f"if exist {flag} (exit 0) else (exit 3)"]},
    }
    driver = host.unit_driver("command", definition)
    assert driver.status("own").state == STOPPED
    driver.start("own")
    assert [unit.state for unit in driver.statuses(["own"])] == [RUNNING]
    driver.stop("own", False)
    assert driver.status("own").state == STOPPED
    assert driver.start_command("own") == definition["start"]["argv"]
    broken = host.unit_driver("command", {**definition, "start": {"argv": ["net.exe", "start", "Nothing"]}})
    refused(lambda: broken.start("own"), "the start command of own exited 2", "The service name is invalid")


def test_windows_has_no_other_kinds_of_units(host: WindowsHost) -> None:
    with pytest.raises(LockstepError) as caught:
        host.unit_driver("launchd", {})
    assert caught.value.slug == "unit_kind_unsupported"
