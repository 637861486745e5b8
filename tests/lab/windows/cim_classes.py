# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The CIM classes that the simulated machine has: system, services, processes, disks and tasks."""

from __future__ import annotations

import typing as t

from tests.lab.windows import services
from tests.lab.windows.cim import Call, CimClass, CimError, Constraints, Instance, Method
from tests.lab.windows.cim_files import FILE_CLASSES
from tests.lab.windows.errors import WinError
from tests.lab.windows.machine import Machine
from tests.lab.windows.processes import Process
from tests.lab.windows.services import Service
from tests.lab.windows.users import SYSTEM


def _operating_system(machine: Machine, constraints: Constraints) -> t.Iterator[Instance]:
    now = machine.clock.now()
    offset = now.utcoffset()
    yield {
        "BuildNumber": machine.version.split(".")[2],
        "Caption": machine.caption,
        "CSName": machine.name.upper(),
        "CurrentTimeZone": int(offset.total_seconds() // 60) if offset is not None else 0,
        "LastBootUpTime": machine.booted,
        "LocalDateTime": now,
        "Name": rf"{machine.caption}|C:\Windows|\Device\Harddisk0\Partition2",
        "OSLanguage": 1033,
        "Version": ".".join(machine.version.split(".")[:3]),
    }


# services
def _service(service: Service) -> Instance:
    return {
        "AcceptStop": service.state == services.RUNNING and service.accepts_stop,
        "Caption": service.display_name,
        "DisplayName": service.display_name,
        "ErrorControl": "Normal",
        "ExitCode": service.exit_code if service.state != services.STOPPED or service.exit_code else _never_started(service),
        "Name": service.name,
        "PathName": service.path_name,
        "ProcessId": service.pid,
        "ServiceType": "Share Process" if service.shares_process else "Own Process",
        "StartMode": service.start_mode,
        "StartName": "LocalSystem",
        "Started": service.state != services.STOPPED,
        "State": service.state,
        "Status": "OK",
    }


def _never_started(service: Service) -> int:
    return 1077 if service.history == [services.STOPPED] else 0


def _services(machine: Machine, constraints: Constraints) -> t.Iterator[Instance]:
    if "name" in constraints:
        found = machine.services.find(constraints["name"])
        if found is not None and found.name.lower() == constraints["name"].lower():
            yield _service(found)
        return
    for service in machine.services.all():
        yield _service(service)


def _control(verb: t.Callable[[Machine, Service], int]) -> Method:
    def run(call: Call) -> dict[str, t.Any]:
        assert call.instance is not None
        if not call.user.admin:
            return {"ReturnValue": services.DENIED}
        return {"ReturnValue": verb(call.machine, call.machine.services[call.instance["Name"]])}

    return Method(run)


# processes
def _process(process: Process) -> Instance:
    return {
        "Caption": process.name,
        "CommandLine": process.command_line,
        "CreationDate": process.created,
        "ExecutablePath": process.executable,
        "Handle": str(process.pid),
        "Name": process.name,
        "ParentProcessId": process.parent_pid,
        "ProcessId": process.pid,
        "SessionId": process.session_id,
    }


def _processes(machine: Machine, constraints: Constraints) -> t.Iterator[Instance]:
    for process in machine.processes.all():
        wanted = constraints.get("handle", constraints.get("processid"))
        if wanted is None or wanted == str(process.pid):
            yield _process(process)


_CREATE_CODES = {2: 9, 3: 9, 5: 2}


def _create(call: Call) -> dict[str, t.Any]:
    folder = call.arguments.get("currentdirectory") or None
    if folder is not None and not call.machine.files.is_dir(folder):
        return {"ProcessId": None, "ReturnValue": 9}
    try:
        run = call.machine.create_detached(call.argument("CommandLine"), folder, call.user)
    except WinError as error:
        return {"ProcessId": None, "ReturnValue": _CREATE_CODES.get(error.code, 8)}
    return {"ProcessId": run.process.pid, "ReturnValue": 0}


def _owner(call: Call) -> dict[str, t.Any]:
    assert call.instance is not None
    process = call.machine.processes.find(call.instance["ProcessId"])
    if process is None:
        return {"Domain": None, "ReturnValue": 9, "User": None}
    domain, _separator, name = process.user.qualified.rpartition("\\")
    return {"Domain": domain.upper(), "ReturnValue": 0, "User": name if process.user is SYSTEM else process.user.name}


def _terminate(call: Call) -> dict[str, t.Any]:
    assert call.instance is not None
    process = call.machine.processes.find(call.instance["ProcessId"])
    if process is None:
        return {"ReturnValue": 9}
    if process.pid in (0, 4) or not (call.user.admin or process.user == call.user):
        return {"ReturnValue": 2}
    call.machine.processes.kill(process)
    return {"ReturnValue": 0}


# events
def _events(machine: Machine, constraints: Constraints) -> t.Iterator[Instance]:
    for event in tuple(machine.events.events):
        yield {
            "ComputerName": machine.name.upper(),
            "EventCode": event.code,
            "EventType": event.kind,
            "Logfile": event.log,
            "Message": event.message,
            "RecordNumber": event.record,
            "SourceName": event.source,
            "TimeGenerated": event.generated,
        }


# disks
def _disks(machine: Machine, constraints: Constraints) -> t.Iterator[Instance]:
    for disk in machine.files.disks.values():
        if constraints.get("deviceid", disk.letter).lower() == disk.letter.lower():
            yield {
                "Caption": disk.letter,
                "DeviceID": disk.letter,
                "DriveType": disk.drive_type,
                "FileSystem": "NTFS" if disk.size is not None else None,
                "FreeSpace": disk.free,
                "Name": disk.letter,
                "Size": disk.size,
            }


# scheduled tasks
def _tasks(machine: Machine, constraints: Constraints) -> t.Iterator[Instance]:
    for task in machine.tasks.all():
        yield {
            "Author": None,
            "Description": None,
            "Settings": {"Enabled": task.enabled, "StartWhenAvailable": task.definition.start_when_available},
            "State": task.state,
            "TaskName": task.name,
            "TaskPath": task.path,
            "URI": task.full_name,
        }


def _task_method(verb: str) -> Method:
    def run(call: Call) -> dict[str, t.Any]:
        tasks = call.machine.tasks
        task = tasks.find(call.arguments.get("taskpath", "\\") + call.argument("TaskName"))
        if task is None:
            raise CimError(0x80070002, "The system cannot find the file specified.")
        if not call.user.admin:
            raise CimError(0x80070005, "Access is denied.")
        if verb == "stop":
            tasks.end(task)
        elif verb == "start":
            if not task.enabled:
                raise CimError(0x80041326, "The task is disabled.")
            tasks.run_now(task)
        else:
            tasks.enable(task, verb == "enable")
        return {"ReturnValue": 0}

    return Method(run, static=True, parameters=("TaskName", "TaskPath"))


TASK_NAMESPACE = "root/microsoft/windows/taskscheduler"

_CLASSES: tuple[CimClass, ...] = (
    CimClass("Win32_OperatingSystem", ("Name",), _operating_system),
    CimClass(
        "Win32_Service",
        ("Name",),
        _services,
        {
            "StartService": _control(lambda machine, service: machine.services.start(service)),
            "StopService": _control(lambda machine, service: machine.services.stop(service)),
        },
    ),
    CimClass(
        "Win32_Process",
        ("Handle",),
        _processes,
        {
            "Create": Method(_create, static=True, parameters=("CommandLine", "CurrentDirectory")),
            "GetOwner": Method(_owner, changes=False),
            "Terminate": Method(_terminate, parameters=("Reason",)),
        },
    ),
    CimClass("Win32_NTLogEvent", ("Logfile", "RecordNumber"), _events),
    CimClass("Win32_LogicalDisk", ("DeviceID",), _disks),
    CimClass("MSFT_ScheduledTask", ("TaskName", "TaskPath"), _tasks, namespace=TASK_NAMESPACE),
    CimClass(
        "PS_ScheduledTask",
        (),
        lambda machine, constraints: (),
        {
            "EnableByName": _task_method("enable"),
            "DisableByName": _task_method("disable"),
            "StopByName": _task_method("stop"),
            "StartByName": _task_method("start"),
        },
        namespace=TASK_NAMESPACE,
    ),
    *FILE_CLASSES,
)

CLASSES: t.Mapping[tuple[str, str], CimClass] = {(one.namespace, one.name.lower()): one for one in _CLASSES}
"""By namespace and class name, both in lower case."""


def associators(machine: Machine, service_name: str, role: str | None) -> list[Instance] | None:
    """Services at the other end of Win32_DependentService; None when there is no such service.

    ``role`` is the part that the named service plays: antecedent gives those that depend on it, dependent those it needs.
    """
    service = machine.services.find(service_name)
    if service is None:
        return None
    found: list[Service] = []
    if role in (None, "antecedent"):
        found += machine.services.dependents(service)
    if role in (None, "dependent"):
        found += machine.services.relied_upon(service)
    return [_service(one) for one in found]
