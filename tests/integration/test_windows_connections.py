# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections of WindowsHost that fail: what is repeated, what never is, and what the error says."""

from __future__ import annotations

import collections.abc
import datetime
import pathlib
import threading
import time
import typing as t

import pytest

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.host.base import JOB_EXITED, JOB_RUNNING
from ansible_collections.lockstep.backup.plugins.plugin_utils.windows import wsman
from ansible_collections.lockstep.backup.plugins.plugin_utils.windows.host import WindowsHost
from tests.integration.chains import once
from tests.integration.direct import settings, windows_host
from tests.integration.killing import wait_until
from tests.lab.lab import Lab
from tests.lab.record import AFTER
from tests.lab.windows.machine import Machine

FOLDER = "C:\\Data"
FILE = f"{FOLDER}\\file.txt"
JOB = "C:\\ProgramData\\Lockstep\\jobs\\test"
DROPS = ("drop_before", "drop_after")


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wsman, "_PAUSES", (0.0, 0.0, 0.0))


@pytest.fixture
def machine(lab: Lab) -> Machine:
    return lab.hosts["aes1"].machine


@pytest.fixture
def host(lab: Lab) -> collections.abc.Iterator[WindowsHost]:
    """With its shell open and one file, so that a fault meets the request that the test is about."""
    connected = windows_host(lab, "aes1")
    connected.make_folder(FOLDER)
    connected.write_text(FILE, "content")
    yield connected
    connected.close()


def slug_of(work: collections.abc.Callable[[], object]) -> str | None:
    """The slug of the error that it raises, None when it does what it should."""
    try:
        work()
    except LockstepError as error:
        return error.slug
    return None


def started(lab: Lab, program: str) -> int:
    return sum(program in entry.command_line for entry in lab.process_history)


# what is repeated


@pytest.mark.parametrize("number", range(1, 6))
@pytest.mark.parametrize("drop", DROPS)
def test_what_only_reads_is_repeated_after_a_lost_connection(lab: Lab, host: WindowsHost, drop: str, number: int) -> None:
    for ask in (
        lambda: host.stat(FILE),
        lambda: host.list_folder(FOLDER),
        lambda: host.read_text(FILE),
        lambda: host.sha256(FILE),
        lambda: host.tree_bytes(FOLDER),
        lambda: host.unit_driver("service", {}).find("Spooler", None),
    ):
        expected = t.cast("collections.abc.Callable[[], object]", ask)()
        lab.faults.set("aes1", drop, number)
        assert t.cast("collections.abc.Callable[[], object]", ask)() == expected
        lab.faults.clear("aes1")


@pytest.mark.parametrize("number", range(1, 9))
@pytest.mark.parametrize("drop", DROPS)
def test_what_may_be_done_twice_is_repeated_after_a_lost_connection(lab: Lab, host: WindowsHost, drop: str, number: int) -> None:
    lab.faults.set("aes1", drop, number)
    host.write_text(FILE, "new", private=True)
    host.make_folder(f"{FOLDER}\\sub")
    host.write_text(f"{FOLDER}\\sub\\a.cmd", host.timer_script([], f"{FOLDER}\\log", f"{FOLDER}\\fired"))
    host.arm_timer("lease-test", host.now() + datetime.timedelta(hours=1), f"{FOLDER}\\sub\\a.cmd")
    host.disarm_timer("lease-test")
    host.remove(f"{FOLDER}\\sub\\a.cmd")
    host.remove(f"{FOLDER}\\sub")
    assert [(host.basename(entry.path), entry.size) for entry in host.list_folder(FOLDER)] == [("file.txt", 5)]
    assert host.read_text(FILE) == "new\n"


@pytest.mark.parametrize("number", range(1, 5))
@pytest.mark.parametrize("drop", DROPS)
def test_units_are_asked_again_only_after_a_look(lab: Lab, host: WindowsHost, machine: Machine, drop: str, number: int) -> None:
    services, pools = host.unit_driver("service", {}), host.unit_driver("app_pool", {})
    lab.faults.set("aes1", drop, number)
    services.stop("Spooler", False)
    pools.stop("AltiumExplorer", False)
    services.start("Spooler")
    pools.start("AltiumExplorer")
    assert machine.services["Spooler"].history == ["Running", "Stop Pending", "Stopped", "Start Pending", "Running"]
    pool = machine.iis.pool("AltiumExplorer")
    assert pool is not None
    assert pool.history == ["Started", "Stopped", "Started"]


# what is never repeated


@pytest.mark.parametrize("number", range(1, 4))
@pytest.mark.parametrize("drop", DROPS)
def test_a_program_is_never_run_twice(lab: Lab, host: WindowsHost, drop: str, number: int) -> None:
    lab.faults.set("aes1", drop, number)
    outcome = slug_of(lambda: host.run(["net.exe", "stop", "Spooler"]))
    # The first request starts it, the second one takes leave of it: nothing that is known by then gets lost.
    assert outcome == ("connection_lost" if number == 1 else None)
    wait_until(lambda: not lab.hosts["aes1"].machine.processes.named("net.exe"), "the program ends")
    assert started(lab, "net.exe") == (0 if (drop, number) == ("drop_before", 1) else 1)


@pytest.mark.parametrize("number", range(1, 7))
@pytest.mark.parametrize("drop", DROPS)
def test_a_job_is_never_started_twice(lab: Lab, host: WindowsHost, drop: str, number: int) -> None:
    lab.faults.set("aes1", drop, number)
    outcome = slug_of(lambda: host.start_job(JOB, ["hostname.exe"]))
    lab.faults.clear("aes1")
    if outcome is None:
        wait_until(lambda: host.job_status(JOB).state != JOB_RUNNING, "the job ends")
        assert host.job_status(JOB).state == JOB_EXITED
    else:
        assert outcome == "connection_lost"
    assert started(lab, "hostname.exe") == (1 if outcome is None else 0)


def test_a_job_whose_start_was_heard_and_not_answered_is_taken_for_started(lab: Lab, host: WindowsHost) -> None:
    def cut() -> None:
        lab.faults.set("aes1", "unreachable")
        lab.faults.clear("aes1", "unreachable")

    lost = once(lab, "aes1", ("Win32_Process.Create",), cut, AFTER)
    host.start_job(JOB, ["ping.exe", "-n", "1000", "127.0.0.1"])
    assert lost.is_set()
    assert host.job_status(JOB).state == JOB_RUNNING
    wait_until(lambda: started(lab, "ping.exe") > 0, "the job's program starts")
    assert started(lab, "ping.exe") == 1
    host.stop_job(JOB)


@pytest.mark.parametrize("drop", DROPS)
def test_a_rename_and_a_removal_are_looked_at_and_not_blindly_repeated(lab: Lab, host: WindowsHost, drop: str) -> None:
    other = f"{FOLDER}\\other.txt"
    # The first requests of a rename ask for a folder of that name.
    lab.faults.set("aes1", drop, 2)
    renamed = slug_of(lambda: host.rename(FILE, other))
    lab.faults.clear("aes1")
    assert renamed == (None if host.stat(other) is not None else "connection_lost")
    assert (host.stat(FILE) is None) == (host.stat(other) is not None)
    there = FILE if renamed else other
    lab.faults.set("aes1", drop, 2)
    host.remove(there)
    assert host.list_folder(FOLDER) == []


# what the error says


def told(lab: Lab, slug: str, *words: str, host: str = "aes1", **arguments: t.Any) -> None:
    """The first request of a new connection raises this slug; the message names the host and the operation."""
    machine = windows_host(lab, host, **arguments)
    with pytest.raises(LockstepError) as caught:
        machine.now()
    assert caught.value.slug == slug
    for word in (f"{host}: Query SELECT LocalDateTime", *words):
        assert word in caught.value.message
    assert caught.value.details["host"] == host
    machine.close()


def test_a_host_that_nobody_reaches(lab: Lab) -> None:
    url = lab.hosts["aes1"].endpoint.url
    lab.faults.set("aes1", "unreachable")
    told(lab, "unreachable", f"{url} cannot be reached", "its WinRM service")
    lab.hosts["aes1"].endpoint.close()


@pytest.mark.parametrize("host", ["aes1", "aes2"])
@pytest.mark.parametrize("wrong", [{"password": "wrong"}, {"username": "nobody"}])
def test_a_user_or_password_that_the_host_does_not_know(lab: Lab, host: str, wrong: dict[str, str]) -> None:
    told(lab, "authentication_failed", "rejected", "Correct ansible_user and ansible_password", host=host, **wrong)


def test_a_user_without_a_password(lab: Lab) -> None:
    told(lab, "authentication_failed", "requires a password", password=None)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("certificate_untrusted", "unable to get local issuer certificate"),
        ("certificate_expired", "certificate has expired"),
        ("certificate_wrong_name", "is not valid for"),
    ],
)
def test_a_certificate_that_is_not_to_be_trusted(lab: Lab, fault: str, words: str) -> None:
    lab.faults.set("aes2", fault)
    told(lab, "certificate_untrusted", words, "ansible_winrm_ca_trust_path", "renew the certificate", host="aes2")


def test_a_certificate_is_only_not_looked_at_where_the_site_says_so(lab: Lab) -> None:
    lab.faults.set("aes2", "certificate_untrusted")
    careless = windows_host(lab, "aes2", server_cert_validation="ignore")
    assert careless.is_admin()
    careless.close()


def test_a_file_of_authorities_that_is_not_there(lab: Lab, tmp_path: pathlib.Path) -> None:
    missing = str(tmp_path / "nothing.pem")
    told(lab, "protocol_error", missing, host="aes2", ca_trust_path=missing)


def test_an_account_that_may_not_use_winrm(lab: Lab) -> None:
    lab.faults.set("aes1", "access_denied")
    told(lab, "access_denied", "Use an administrator of the host")


def test_an_answer_that_does_not_come_in_time(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wsman, "_PAUSES", ())
    lab.faults.set("aes1", "slow", 2.2)
    told(lab, "connection_lost", "no answer", operation_timeout_sec=1, read_timeout_sec=2)


@pytest.mark.parametrize(
    ("fault", "value", "words"),
    [("quota_operations", None, "operations per user"), ("quota_envelope", 100, "HTTP status 413")],
)
def test_quotas_of_the_host(lab: Lab, fault: str, value: int | None, words: str) -> None:
    lab.faults.set("aes1", fault, value)
    told(lab, "quota_exceeded", words)


def test_too_many_shells_are_waited_for(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    host = windows_host(lab, "aes1")
    lab.faults.set("aes1", "quota_shells")
    with pytest.raises(LockstepError) as caught:
        host.run(["hostname.exe"])
    assert caught.value.slug == "quota_exceeded"
    assert "shells per user" in caught.value.message
    host.close()
    waited: list[float] = []

    def others_end(seconds: float) -> None:
        waited.append(seconds)
        lab.faults.clear("aes1")

    monkeypatch.setattr(time, "sleep", others_end)
    host = windows_host(lab, "aes1")
    assert host.run(["hostname.exe"]).exit_code == 0
    assert waited == [0.0]
    host.close()


def test_a_shell_that_is_gone_is_replaced(lab: Lab, host: WindowsHost) -> None:
    shells = lab.hosts["aes1"].endpoint.shells
    shells._shells.clear()
    assert host.read_text(FILE) == "content\n"
    assert len(shells) == 1


def test_a_host_that_was_away_for_all_pauses_is_not_waited_for_again_by_the_same_task(
    lab: Lab, host: WindowsHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []
    monkeypatch.setattr(wsman, "_PAUSES", (1.0, 2.0))
    monkeypatch.setattr(time, "sleep", waited.append)
    lab.faults.set("aes1", "unreachable")
    for _unused in range(3):
        assert slug_of(host.now) == "unreachable"
    assert waited == [1.0, 2.0]
    lab.faults.clear("aes1")
    assert host.read_text(FILE) == "content\n"
    lab.faults.set("aes1", "unreachable")
    assert slug_of(host.now) == "unreachable"
    assert waited == [1.0, 2.0, 1.0, 2.0]


# connections


@pytest.mark.parametrize("host", ["aes1", "aes2"])
def test_one_connection_serves_a_whole_task_and_is_closed_with_its_shell(lab: Lab, host: str) -> None:
    machine = lab.hosts[host]
    threads = f"lab-{machine.address}"
    connected = windows_host(lab, host)
    for _unused in range(3):
        connected.now()
        connected.run(["hostname.exe"])
    assert sum(thread.name == threads for thread in threading.enumerate()) == 1
    connected.close()
    assert len(machine.endpoint.shells) == 0
    wait_until(lambda: not any(thread.name == threads for thread in threading.enumerate()), "the connection is closed")


def test_closing_a_host_that_is_gone_is_no_error(lab: Lab, host: WindowsHost) -> None:
    lab.faults.set("aes1", "unreachable")
    host.close()
    host.close()
    lab.faults.clear("aes1")


def test_the_first_transport_that_the_host_takes_is_used(lab: Lab) -> None:
    several = settings(lab, "aes1", message_encryption="auto")._replace(transports=("basic", "ntlm"))
    host = WindowsHost("aes1", several)
    assert host.is_admin()
    host.close()
    none = WindowsHost("aes1", several._replace(transports=("basic", "plaintext")))
    assert slug_of(none.now) == "authentication_failed"
    none.close()
