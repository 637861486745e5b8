# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's winrs shells over the real pywinrm: commands, input, output, quotas, ends."""

from __future__ import annotations

import base64
import collections.abc

import pytest
import requests
from winrm.exceptions import InvalidCredentialsError, WinRMOperationTimeoutError, WinRMTransportError, WSManFaultError

from tests.lab.client import Client
from tests.lab.lab import ADMIN, ADMIN_PASSWORD, Lab
from tests.lab.winrm import shells, soap


@pytest.fixture(params=["aes1", "aes2"], ids=["http-ntlm", "https-basic"])
def client(lab: Lab, request: pytest.FixtureRequest) -> collections.abc.Iterator[Client]:
    with Client(lab, request.param) as made:
        yield made


@pytest.mark.parametrize(
    "text",
    ["plain", "a & b | c > d ^ e", "100% %PATH%", 'quo"ted', "ünïcödé €", "trailing\\", "(brackets)", "'single' !bang!", "a=b;c,d"],
)
def test_every_character_of_standard_input_arrives(lab: Lab, client: Client, text: str) -> None:
    assert client.cmd(r'findstr "^" > "C:\x (1) & y.txt"', f"{text}\r\n".encode()).code == 0
    assert client.cmd(r'type "C:\x (1) & y.txt"').out == f"{text}\r\n"


def test_programs_run_without_a_shell_around_them(client: Client) -> None:
    assert client.run('"C:\\Windows\\System32\\whoami.exe"').out.endswith("\\administrator\r\n")
    # CreateProcess tries each blank of an unquoted name.
    assert client.run(r"C:\Program Files (x86)\Altium\Altium365\Tools\BackupTool\avbackup.exe help").code == 0
    assert client.run("exit 7", skip_cmd_shell=False).code == 7


def test_a_missing_program_is_a_fault(lab: Lab, client: Client) -> None:
    with pytest.raises(WSManFaultError) as caught:
        client.run(r'"C:\Windows\nothing.exe"')
    assert caught.value.wsman_fault_code == 0x80070002


def test_output_larger_than_an_envelope_arrives_whole(lab: Lab, client: Client) -> None:
    content = base64.b64encode(bytes(range(256)) * 2000)
    for host in lab.hosts.values():
        host.machine.files.write(r"C:\big", content)
    assert client.cmd(r'type "C:\big"').out.encode() == content
    command = client.protocol.run_command(client.shell, r"cmd.exe /c type C:\big", skip_cmd_shell=True)
    sizes, done = [], False
    while not done:
        out, _err, _code, done = client.protocol.get_command_output_raw(client.shell, command)
        sizes.append(len(out))
    assert max(sizes) * 4 // 3 < client.protocol.max_env_sz


def test_waiting_for_output_times_out_and_goes_on(lab: Lab) -> None:
    machine = lab.hosts["aes1"].machine
    machine.clock.freeze()
    with Client(lab, "aes1", operation_timeout=1) as client:
        command = client.protocol.run_command(client.shell, "ping.exe -n 30 127.0.0.1", skip_cmd_shell=True)
        with pytest.raises(WinRMOperationTimeoutError):
            client.protocol.get_command_output_raw(client.shell, command)
        machine.clock.advance(29)
        assert client.protocol.get_command_output(client.shell, command)[2] == 0


def test_terminating_a_command_ends_its_processes(lab: Lab) -> None:
    machine = lab.hosts["aes1"].machine
    machine.clock.freeze()
    with Client(lab, "aes1") as client:
        command = client.protocol.run_command(client.shell, 'cmd.exe /c "echo x&ping -n 99 127.0.0.1"', skip_cmd_shell=True)
        assert client.protocol.get_command_output_raw(client.shell, command)[0] == b"x\r\n"
        client.protocol.cleanup_command(client.shell, command)
        assert machine.processes.named("ping.exe") == []


def test_what_a_shell_started_ends_with_it_and_a_created_process_does_not(lab: Lab) -> None:
    machine = lab.hosts["aes1"].machine
    machine.clock.freeze()
    with Client(lab, "aes1") as client:
        created = client.invoke("Win32_Process", "Create", {"CommandLine": "ping.exe -n 98 127.0.0.1"})
        client.protocol.run_command(client.shell, "ping.exe -n 99 127.0.0.1", skip_cmd_shell=True)
        assert len(machine.processes.named("ping.exe")) == 2
        client.protocol.close_shell(client.shell)
    assert [process.pid for process in machine.processes.named("ping.exe")] == [int(created["ProcessId"])]


def test_a_shell_survives_its_connection(lab: Lab) -> None:
    with Client(lab, "aes1") as first:
        shell = first.shell
    with Client(lab, "aes1") as second:
        command = second.protocol.run_command(shell, "hostname.exe", skip_cmd_shell=True)
        assert second.protocol.get_command_output(shell, command)[0] == b"AES1\r\n"


def test_a_closed_shell_is_not_found(lab: Lab) -> None:
    with Client(lab, "aes1") as client:
        client.protocol.close_shell(client.shell, close_session=False)
        with pytest.raises(WSManFaultError) as caught:
            client.run("hostname.exe")
    assert caught.value.wsman_fault_code == soap.NO_SUCH_SHELL


def test_a_user_has_thirty_shells(lab: Lab) -> None:
    with Client(lab, "aes2") as client:
        opened = [client.protocol.open_shell() for _unused in range(shells.MAX_SHELLS_PER_USER)]
        with pytest.raises(WSManFaultError) as caught:
            client.protocol.open_shell()
        assert caught.value.wsman_fault_code == soap.TOO_MANY_SHELLS
        client.protocol.close_shell(opened[0], close_session=False)
        client.protocol.open_shell()


def test_operations_are_given_back_only_with_the_shell(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shells, "MAX_OPERATIONS_PER_USER", 3)
    with Client(lab, "aes2") as client:
        for _unused in range(3):
            assert client.run("hostname.exe").code == 0
        with pytest.raises(WSManFaultError) as caught:
            client.run("hostname.exe")
        assert caught.value.wsman_fault_code == soap.TOO_MANY_OPERATIONS
        client.protocol.close_shell(client.shell, close_session=False)
    with Client(lab, "aes2") as client:
        assert client.run("hostname.exe").code == 0


def test_command_lines_are_limited(lab: Lab) -> None:
    with Client(lab, "aes2") as client:
        assert client.run("hostname.exe " + "x" * 8000).code == 0
        with pytest.raises(WSManFaultError):
            client.run("hostname.exe " + "x" * 8192)


def test_an_envelope_that_is_too_large_is_refused_with_413(lab: Lab) -> None:
    with Client(lab, "aes2") as client:
        command = client.protocol.run_command(client.shell, 'findstr.exe "^"', skip_cmd_shell=True)
        with pytest.raises(WinRMTransportError) as caught:
            client.protocol.send_command_input(client.shell, command, b"x" * 500_000)
        assert caught.value.code == 413


# logging on
@pytest.mark.parametrize("host", ["aes1", "aes2"])
@pytest.mark.parametrize(
    ("user", "password", "enters"),
    [
        (ADMIN, ADMIN_PASSWORD, True),
        (ADMIN.upper(), ADMIN_PASSWORD, True),
        (f"{{host}}\\{ADMIN}", ADMIN_PASSWORD, True),
        (ADMIN, "wrong", False),
        ("nobody", ADMIN_PASSWORD, False),
        (f"ELSEWHERE\\{ADMIN}", ADMIN_PASSWORD, False),
    ],
)
def test_only_the_right_user_and_password_enter(lab: Lab, host: str, user: str, password: str, enters: bool) -> None:
    with Client(lab, host, user.format(host=host.upper()), password) as client:
        if enters:
            assert client.get("Win32_Service", Name="Spooler")["State"] == "Running"
        else:
            with pytest.raises(InvalidCredentialsError):
                client.get("Win32_Service", Name="Spooler")


def test_basic_is_not_offered_without_tls(lab: Lab) -> None:
    with Client(lab, "aes1", transport="basic") as client, pytest.raises(InvalidCredentialsError):
        client.get("Win32_Service", Name="Spooler")


def test_messages_over_http_must_be_encrypted(lab: Lab) -> None:
    with Client(lab, "aes1", message_encryption="never") as client, pytest.raises(WinRMTransportError) as caught:
        client.get("Win32_Service", Name="Spooler")
    assert caught.value.code == 500


def test_ntlm_works_over_tls_too(lab: Lab) -> None:
    with Client(lab, "aes2", transport="ntlm") as client:
        assert client.get("Win32_Service", Name="Spooler")["State"] == "Running"


def test_the_certificate_is_trusted_only_with_the_labs_authority(lab: Lab) -> None:
    with Client(lab, "aes2", trust=str(lab.stranger.certificate_path)) as client, pytest.raises(requests.exceptions.SSLError):
        client.get("Win32_Service", Name="Spooler")
