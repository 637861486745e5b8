# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's faults of connections and quotas, its kill hook, and its life as a process of its own."""

from __future__ import annotations

import json
import pathlib
import re
import time
import typing as t

import pytest
import requests
import yaml
from winrm.exceptions import WinRMTransportError, WSManFaultError

from tests.lab import __main__ as command_line
from tests.lab import control, etravel
from tests.lab.client import Client
from tests.lab.inventory import STATIC
from tests.lab.lab import DEFAULT_NETWORK, Lab
from tests.lab.windows.faults import UnknownFault
from tests.lab.winrm import soap


def _state(client: Client) -> str:
    return str(client.get("Win32_Service", Name="Spooler")["State"])


def _stop(client: Client) -> None:
    client.invoke("Win32_Service", "StopService", Name="Spooler")


@pytest.mark.parametrize(("fault", "executed"), [("drop_before", False), ("drop_after", True)])
def test_a_connection_is_cut_before_or_after_the_nth_request(lab: Lab, fault: str, executed: bool) -> None:
    spooler = lab.hosts["aes1"].machine.services["Spooler"]
    with Client(lab, "aes1") as client:
        lab.faults.set("aes1", fault, 2)
        assert _state(client) == "Running"
        with pytest.raises(requests.exceptions.ConnectionError):
            _stop(client)
    assert spooler.history == (["Running", "Stop Pending", "Stopped"] if executed else ["Running"])
    with Client(lab, "aes1") as client:
        assert _state(client) == ("Stopped" if executed else "Running")


def test_an_unreachable_host_refuses_connections_until_it_is_back(lab: Lab) -> None:
    with Client(lab, "aes2") as client:
        assert _state(client) == "Running"
        lab.faults.set("aes2", "unreachable")
        with pytest.raises(requests.exceptions.ConnectionError):
            _state(client)
        lab.faults.clear("aes2", "unreachable")
        assert _state(client) == "Running"


@pytest.mark.parametrize("fault", ["certificate_untrusted", "certificate_expired", "certificate_wrong_name"])
def test_a_bad_certificate_is_refused_by_the_client(lab: Lab, fault: str) -> None:
    lab.faults.set("aes2", fault)
    with Client(lab, "aes2") as client, pytest.raises(requests.exceptions.SSLError):
        _state(client)
    lab.faults.clear()
    with Client(lab, "aes2") as client:
        assert _state(client) == "Running"


@pytest.mark.parametrize(
    ("fault", "code"),
    [("quota_shells", soap.TOO_MANY_SHELLS), ("quota_operations", soap.TOO_MANY_OPERATIONS), ("access_denied", soap.ACCESS_DENIED)],
)
def test_quotas_and_denials_are_faults(lab: Lab, fault: str, code: int) -> None:
    with Client(lab, "aes1") as client:
        lab.faults.set("aes1", fault)
        with pytest.raises(WSManFaultError) as caught:
            client.run("hostname.exe")
        assert caught.value.wsman_fault_code == code
        lab.faults.clear()
        assert client.run("hostname.exe").code == 0


def test_the_operations_quota_of_queries_comes_as_a_wmi_error(lab: Lab) -> None:
    lab.faults.set("aes1", "quota_operations")
    with Client(lab, "aes1") as client, pytest.raises(WSManFaultError) as caught:
        client.query("SELECT Name FROM Win32_Service")
    assert (caught.value.wsman_fault_code, caught.value.wmierror_code) == (None, soap.TOO_MANY_OPERATIONS)


def test_the_envelope_quota_can_be_small(lab: Lab) -> None:
    lab.faults.set("aes1", "quota_envelope", 100)
    with Client(lab, "aes1") as client, pytest.raises(WinRMTransportError) as caught:
        client.cmd('findstr "^" >nul', b"x" * 5000)
    assert caught.value.code == 413


def test_a_slow_host_answers_late(lab: Lab) -> None:
    lab.faults.set("aes1", "slow", 0.2)
    with Client(lab, "aes1") as client:
        began = time.monotonic()
        assert _state(client) == "Running"
    assert time.monotonic() - began >= 0.2


def test_a_clock_that_jumped_is_right_again_when_the_fault_ends(lab: Lab) -> None:
    clock = lab.hosts["aes1"].machine.clock
    clock.freeze()
    before = clock.now()
    lab.faults.set("aes1", "clock_jump", 86400)
    assert (clock.now() - before).total_seconds() == 86400
    lab.faults.set("aes1", "clock_jump", -10)
    assert (clock.now() - before).total_seconds() == -10
    lab.faults.clear()
    assert clock.now() == before


def test_faults_are_known_by_name_and_shown(lab: Lab) -> None:
    with pytest.raises(UnknownFault, match="servce_hangs"):
        lab.faults.set("aes1", "servce_hangs", "x")
    with pytest.raises(ValueError, match="no database"):
        lab.faults.set("aes1", "database_down")
    lab.faults.set("ora1", "database_down")
    lab.faults.set("aes1", "service_returns", "A")
    lab.faults.set("aes1", "service_returns", "B")
    assert lab.faults.as_dict() == {"aes1": {"service_returns": ["A", "B"]}, "ora1": {"database_down": ["True"]}}
    lab.faults.clear("ora1")
    lab.faults.clear("aes1", "service_returns")
    assert lab.faults.as_dict() == {}


def test_the_hook_can_stop_the_world_before_and_after_a_command(lab: Lab) -> None:
    """A kill test does its killing there; here it only looks what has happened at that moment."""
    files = lab.hosts["aes1"].machine.files
    seen: list[tuple[str, bool]] = []
    lab.on_request(lambda phase, request: seen.append((phase, files.exists(r"C:\made"))) if request.mutating else None)
    with Client(lab, "aes1") as client:
        assert client.cmd(r"mkdir C:\made").code == 0
    assert seen == [("before", False), ("after", True)]


def test_started_programs_are_remembered_with_their_command_lines(lab: Lab) -> None:
    with Client(lab, "aes1") as client:
        client.cmd("hostname.exe & echo x")
    lines = [(one.host, one.user, one.command_line) for one in lab.process_history]
    assert lines == [
        ("aes1", "Administrator", 'cmd.exe /d /s /c "hostname.exe & echo x"'),
        ("aes1", "Administrator", "hostname.exe"),
    ]


# the lab as a process
def test_the_lab_starts_answers_and_stops_from_the_command_line(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = ["--root", str(tmp_path)]
    assert command_line.main(["up", *root, "--installations", "1", "--network", "free"]) == 0
    try:
        running = control.running(tmp_path)
        assert running is not None
        assert command_line.main(["up", *root]) == 1
        assert command_line.main(["fault", *root, "aes1", "service_returns", "Spooler"]) == 0
        assert command_line.main(["fault", *root, "aes1", "nonsense"]) == 1
        assert command_line.main(["fault", *root, "nohost", "service_returns"]) == 1
        assert command_line.main(["play", *root]) == 0
        assert command_line.main(["empty", *root, "ora1"]) == 0
        assert command_line.main(["status", *root]) == 0
        assert command_line.main(["advance", *root, "etravel1", "90000"]) == 0
        printed = capsys.readouterr()
        assert re.search(r"^aes1: http://127\.\d+\.1\.1:5985/wsman$", printed.out, re.MULTILINE)
        assert "FAULT     service_returns Spooler" in printed.out
        assert printed.out.rstrip().endswith("+01:00")
        assert "no fault is called 'nonsense'" in printed.err
        assert "error: there is no host nohost; there are aes1, ora1, etravel1" in printed.err
        assert "make lab-down" in printed.out
        assert command_line.main(["clear", *root]) == 0
        assert command_line.main(["unknown", *root]) == 0
    finally:
        assert command_line.main(["down", *root]) == 0
    assert not running.is_alive()
    assert not control.state_path(tmp_path).exists()
    assert command_line.main(["status", *root]) == 1


def test_a_second_lab_on_the_same_addresses_says_so(tmp_path: pathlib.Path) -> None:
    with Lab(tmp_path / "one", installations=1) as lab, pytest.raises(control.ControlError, match="another lab runs"):
        control.up(tmp_path / "two", installations=1, network=lab.network)


def test_time_that_passes_starts_the_tasks_of_its_moments(tmp_path: pathlib.Path) -> None:
    with Lab(tmp_path, installations=0, etravel=1) as lab:
        answering = control.ControlServer(lab)
        answering.announce()
        control.ask({"verb": "advance", "host": "etravel1", "seconds": 2 * 86400}, tmp_path)
        answering.close()
        task = lab.hosts["etravel1"].machine.tasks.find(etravel.EXPORT_TASK)
        assert task is not None
        assert task.history == ["registered", *["started", "ended 0"] * 2]


def test_the_static_inventory_has_the_hosts_of_the_default_lab(tmp_path: pathlib.Path) -> None:
    with Lab(tmp_path, installations=2, etravel=1) as lab:
        generated = json.loads((lab.inventory_path / "hosts.yml").read_text())
        network = lab.network
    static = yaml.safe_load((STATIC / "hosts.yml").read_text())

    def hosts(inventory: dict[str, t.Any]) -> dict[str, list[str]]:
        return {name: sorted(group["hosts"]) for name, group in inventory["all"]["children"].items()}

    def addresses(inventory: dict[str, t.Any]) -> set[str]:
        groups = inventory["all"]["children"].values()
        return {found["ansible_host"] for group in groups for found in group["hosts"].values() if found and "ansible_host" in found}

    assert hosts(static) == hosts(generated)
    assert {one.replace(DEFAULT_NETWORK, network, 1) for one in addresses(static)} == addresses(generated)


def test_the_generated_inventory_has_the_groups_of_the_static_one(lab: Lab) -> None:
    text = (lab.inventory_path / "hosts.yml").read_text()
    for name, host in lab.hosts.items():
        assert name in text
        assert host.address in text
    assert (lab.inventory_path / "group_vars" / "all.yml").is_file()


def test_tapes_are_changed_from_the_command_line(lab: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    drive = lab.hosts["aes1"].machine.add_tape_drive()
    server = control.ControlServer(lab)
    server.announce()

    def tape(*arguments: str) -> int:
        return command_line.main(["tape", "--root", str(lab.root), *arguments])

    try:
        assert tape("aes1", "new", "full 1", "--capacity", "1000") == 0
        assert tape("aes1", "insert", "full 1") == 0
        assert tape("aes1", "protect", "full 1") == 0
        assert capsys.readouterr().out.splitlines()[-1] == "full 1       0 of 1000 bytes  in the drive, write-protected"
        assert [drive.loaded] == [drive.tape("full 1")]
        assert tape("aes1", "unprotect", "full 1") == 0
        assert tape("aes1", "eject") == 0
        assert drive.loaded is None
        assert [tape("aes1", "insert", "nothing"), tape("aes1", "insert"), tape("aes2", "list")] == [1, 1, 1]
        errors = capsys.readouterr().err
        assert "aes2 has no tape drive" in errors
        assert "insert needs the name of a tape" in errors
    finally:
        server.close()
