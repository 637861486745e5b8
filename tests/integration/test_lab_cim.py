# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's CIM over the real pywinrm: both transports, queries, methods, paging."""

from __future__ import annotations

import collections.abc
import datetime
import typing as t

import pytest
from winrm.exceptions import WSManFaultError

from tests.lab import sites
from tests.lab.client import CIMV2, TASKS, Client
from tests.lab.lab import OPERATOR, OPERATOR_PASSWORD, Lab
from tests.lab.winrm import soap
from tests.lab.winrm.soap import NS

pytestmark = pytest.mark.usefixtures("lab")


@pytest.fixture(params=["aes1", "aes2"], ids=["http-ntlm", "https-basic"])
def client(lab: Lab, request: pytest.FixtureRequest) -> collections.abc.Iterator[Client]:
    """Installation 1 speaks HTTP with NTLM and encrypted messages, installation 2 HTTPS with Basic."""
    with Client(lab, request.param) as made:
        yield made


def test_get_gives_one_service(client: Client) -> None:
    service = client.get("Win32_Service", Name="w3svc")
    assert (service["Name"], service["State"], service["StartMode"]) == ("W3SVC", "Running", "Auto")
    assert int(service["ProcessId"]) > 0


@pytest.mark.parametrize(
    ("class_name", "selectors", "code"),
    [
        ("Win32_Service", {"Name": "nothing"}, soap.NOT_FOUND),
        ("Win32_Process", {"Handle": "3"}, soap.NOT_FOUND),
        ("CIM_DataFile", {"Name": "C:\\nothing"}, soap.NOT_FOUND),
        ("Win32_Service", {"Title": "W3SVC"}, soap.INVALID_SELECTORS),
        ("Win32_Service", {}, soap.INVALID_SELECTORS),
    ],
)
def test_get_of_what_is_not_there_is_a_fault(lab: Lab, class_name: str, selectors: dict[str, str], code: int) -> None:
    with Client(lab, "aes1") as client, pytest.raises(WSManFaultError) as caught:
        client.get(class_name, **selectors)
    assert caught.value.wsman_fault_code == code


def test_services_stop_and_start_with_the_documented_codes(lab: Lab, client: Client) -> None:
    def control(name: str, method: str) -> int:
        return int(client.invoke("Win32_Service", method, Name=name)["ReturnValue"])

    assert control("WAS", "StopService") == 3
    assert control("W3SVC", "StopService") == 0
    assert control("W3SVC", "StopService") == 6
    assert client.get("Win32_Service", Name="W3SVC")["ProcessId"] == "0"
    assert control("W3SVC", "StartService") == 0
    assert control("W3SVC", "StartService") == 10
    assert control("RpcSs", "StopService") in (3, 5)


def test_dependents_are_found_by_association(client: Client) -> None:
    def names(role: str) -> set[str]:
        wql = f"ASSOCIATORS OF {{Win32_Service.Name='AltiumTaskRunner'}} WHERE AssocClass=Win32_DependentService Role={role}"
        return {service["Name"] for service in client.query(wql)}

    assert names("Antecedent") == {"AltiumDataAcquisition"}
    assert names("Dependent") == {"AltiumSearchService", "AltiumVersionControl"}


def test_named_columns_and_whole_instances(client: Client) -> None:
    named = client.query("SELECT Name, State FROM Win32_Service WHERE Name LIKE 'Altium%' AND State <> 'Running'")
    assert named == [{"Name": sites.NEVER_STARTED, "State": "Stopped"}]
    whole = client.query("SELECT * FROM Win32_Service WHERE Name = 'Spooler'", resource=f"{CIMV2}/Win32_Service")
    assert whole[0]["PathName"] == r"C:\Windows\System32\spoolsv.exe"


def test_long_answers_come_in_pages(lab: Lab) -> None:
    with Client(lab, "aes1") as client:
        pages = client.pages("SELECT Name FROM Win32_Service", page=4)
        assert [len(page) for page in pages[:-1]] == [4] * (len(pages) - 1)
        assert len({service["Name"] for page in pages for service in page}) == len(lab.hosts["aes1"].machine.services.all())
        small = client.pages("SELECT * FROM Win32_Service", page=100, largest=8192)
        assert len(small) > 2
        assert sum(map(len, small)) == sum(map(len, pages))
        none = client.pages("SELECT Name FROM Win32_Service WHERE Name = 'nothing'")
        assert [row for page in none for row in page] == []


def test_the_clock_of_the_machine_is_told_with_its_zone(lab: Lab, client: Client) -> None:
    for host in lab.hosts.values():
        host.machine.clock.freeze()
    (system,) = client.query("SELECT LocalDateTime FROM Win32_OperatingSystem")
    moments = [host.machine.clock.now() for host in lab.hosts.values()]
    assert datetime.datetime.fromisoformat(system["LocalDateTime"]) in moments
    assert system["LocalDateTime"].endswith("+01:00")


def test_files_and_folders_are_found_both_ways(lab: Lab) -> None:
    lab.hosts["aes1"].machine.files.make_folder(r"C:\Data\In ner")
    lab.hosts["aes1"].machine.files.write(r"C:\Data\It's.TXT", b"12345")
    with Client(lab, "aes1") as client:
        (file,) = client.query(r"SELECT Name, FileSize, LastModified FROM CIM_DataFile WHERE Name='C:\\data\\it\'s.txt'")
        assert (file["FileSize"], file["Name"]) == ("5", r"c:\data\it's.txt")
        listed = client.query(r"SELECT Name FROM CIM_DataFile WHERE Drive='C:' AND Path='\\Data\\'")
        assert [one["Name"] for one in listed] == [r"c:\data\it's.txt"]
        folders = client.query(r"SELECT Name FROM Win32_Directory WHERE Drive='C:' AND Path='\\Data\\'")
        assert [one["Name"] for one in folders] == [r"c:\data\in ner"]
        assert client.get("CIM_DataFile", Name=r"C:\Data\It's.TXT")["FileSize"] == "5"


def test_files_and_folders_are_renamed_and_deleted(lab: Lab) -> None:
    files = lab.hosts["aes1"].machine.files
    files.make_folder(r"C:\Data\one")
    files.write(r"C:\Data\one\x", b"")
    with Client(lab, "aes1") as client:

        def rename(class_name: str, source: str, target: str) -> int:
            return int(client.invoke(class_name, "Rename", {"FileName": target}, Name=source)["ReturnValue"])

        assert rename("Win32_Directory", r"C:\Data\one", r"C:\Data\two") == 0
        assert rename("CIM_DataFile", r"C:\Data\two\x", r"C:\Data\y") == 0
        assert rename("CIM_DataFile", r"C:\Data\y", r"C:\Data\two") == 10
        assert rename("CIM_DataFile", r"C:\Data\y", r"C:\nowhere\y") == 9
        with files.open(r"C:\Data\two\open"):
            assert rename("Win32_Directory", r"C:\Data\two", r"C:\Data\three") == 15
        assert client.invoke("CIM_DataFile", "Delete", Name=r"C:\Data\y")["ReturnValue"] == "0"
        assert files.names(r"C:\Data") == ["two"]


def test_disks_tell_their_kind_and_space(lab: Lab, client: Client) -> None:
    for host in lab.hosts.values():
        host.machine.files.disks["C:"].free = 12345
    disks = {disk["DeviceID"]: disk for disk in client.query("SELECT * FROM Win32_LogicalDisk")}
    assert {name: disk["DriveType"] for name, disk in disks.items()} == {"C:": "3", "D:": "5", "Z:": "4"}
    assert (disks["C:"]["FreeSpace"], disks["D:"]["FreeSpace"]) == ("12345", None)


def test_a_created_process_outlives_everything_and_can_be_ended(lab: Lab) -> None:
    machine = lab.hosts["aes1"].machine
    machine.clock.freeze()
    with Client(lab, "aes1") as client:
        made = client.invoke("Win32_Process", "Create", {"CommandLine": "ping.exe -n 99 127.0.0.1", "CurrentDirectory": "C:\\"})
        assert made["ReturnValue"] == "0"
    with Client(lab, "aes1") as client:
        process = client.get("Win32_Process", Handle=made["ProcessId"])
        assert (process["Name"], process["CommandLine"], process["SessionId"]) == ("ping.exe", "ping.exe -n 99 127.0.0.1", "0")
        assert client.invoke("Win32_Process", "Terminate", {"Reason": "1"}, Handle=made["ProcessId"])["ReturnValue"] == "0"
        assert client.query("SELECT Name FROM Win32_Process WHERE ProcessId = " + made["ProcessId"]) == []  # noqa: S608 - WQL, and the id comes from the lab
        for line, folder in (("nothing.exe", "C:\\"), ("ping.exe", "C:\\nowhere")):
            refused = client.invoke("Win32_Process", "Create", {"CommandLine": line, "CurrentDirectory": folder})
            assert refused == {"ProcessId": None, "ReturnValue": "9"}


def test_tasks_are_enabled_and_disabled_by_name(lab: Lab, client: Client) -> None:
    xml = (
        '<Task xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">'
        "<Actions><Exec><Command>hostname.exe</Command></Exec></Actions></Task>"
    )
    for host in lab.hosts.values():
        host.machine.tasks.register("\\Vendor\\Nightly", xml)

    def call(method: str, name: str = "Nightly") -> str:
        arguments = {"TaskName": name, "TaskPath": "\\Vendor\\"}
        return str(client.invoke("PS_ScheduledTask", method, arguments, space=TASKS)["ReturnValue"])

    def task() -> dict[str, str]:
        (found,) = client.query(
            "SELECT * FROM MSFT_ScheduledTask WHERE TaskName='Nightly' AND TaskPath='\\\\Vendor\\\\'", resource=f"{TASKS}/*"
        )
        return {"state": found["State"], "enabled": found["Settings"]["Enabled"]}

    assert task() == {"state": "3", "enabled": "true"}
    assert call("DisableByName") == "0"
    assert task() == {"state": "1", "enabled": "false"}
    assert call("EnableByName") == "0"
    with pytest.raises(WSManFaultError) as caught:
        call("StopByName", "nothing")
    # This provider answers with an MSFT_WmiError instead of a WSManFault.
    assert (caught.value.wsman_fault_code, caught.value.wmierror_code) == (None, 0x80070002)


def test_an_operator_may_look_and_not_touch(lab: Lab) -> None:
    with Client(lab, "aes2", OPERATOR, OPERATOR_PASSWORD) as client:
        assert client.get("Win32_Service", Name="Spooler")["State"] == "Running"
        assert client.invoke("Win32_Service", "StopService", Name="Spooler")["ReturnValue"] == "2"
    assert lab.hosts["aes2"].machine.services["Spooler"].history == ["Running"]


UNKNOWN: t.Mapping[str, tuple[t.Callable[[Client], t.Any], int]] = {
    "class": (lambda client: client.get("Win32_Printer", DeviceID="x"), soap.UNKNOWN_RESOURCE),
    "method": (
        lambda client: client.invoke("Win32_Service", "ChangeStartMode", {"StartMode": "Manual"}, Name="Spooler"),
        soap.UNSUPPORTED_ACTION,
    ),
    "argument": (lambda client: client.invoke("Win32_Service", "StopService", {"Force": "1"}, Name="Spooler"), 0x80041008),
    "query": (lambda client: client.query("SELECT Name FROM Win32_Service WHERE Name ISA 'x'"), soap.INVALID_QUERY),
    "whole disk": (lambda client: client.query("SELECT Name FROM CIM_DataFile WHERE Extension='zip'"), 0x80041001),
    "resource": (
        lambda client: client.send(f"{NS['x']}/Get", "http://schemas.microsoft.com/wbem/wsman/1/config"),
        soap.UNKNOWN_RESOURCE,
    ),
}


@pytest.mark.parametrize("kind", UNKNOWN)
def test_what_the_lab_does_not_know_is_a_fault_and_recorded(lab: Lab, kind: str) -> None:
    ask, code = UNKNOWN[kind]
    with Client(lab, "aes1") as client, pytest.raises(WSManFaultError) as caught:
        ask(client)
    assert caught.value.wsman_fault_code == code
    assert [one.host for one in lab.take_unknown()] == ["aes1"]


def test_a_column_that_is_not_there_is_an_invalid_query(lab: Lab) -> None:
    with Client(lab, "aes1") as client, pytest.raises(WSManFaultError) as caught:
        client.query("SELECT Nothing FROM Win32_Service")
    assert caught.value.wsman_fault_code == soap.INVALID_QUERY


def test_requests_are_recorded_with_what_they_change(lab: Lab) -> None:
    seen: list[tuple[str, int]] = []
    forget = lab.on_request(lambda phase, request: seen.append((phase, request.index)))
    with Client(lab, "aes1") as client:
        client.get("Win32_Service", Name="Spooler")
        client.invoke("Win32_Service", "StopService", Name="Spooler")
        forget()
        client.get("Win32_Service", Name="Spooler")
    texts = [(request.host, request.kind, request.text, request.mutating) for request in lab.requests]
    assert texts[:2] == [
        ("aes1", "cim", "Get Win32_Service Name=Spooler", False),
        ("aes1", "cim", "Invoke Win32_Service.StopService Name=Spooler", True),
    ]
    assert seen == [("before", 0), ("after", 0), ("before", 1), ("after", 1)]
