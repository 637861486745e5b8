# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""avbackup.exe: the Enterprise Server's backup tool, as far as its documents describe it."""

from __future__ import annotations

import configparser
import ntpath
import pathlib
import shutil
import typing as t
import zipfile

from tests.lab.windows import services
from tests.lab.windows.errors import WinError
from tests.lab.windows.execution import Execution
from tests.lab.windows.services import Service
from tests.lab.windows.tool import Tool, always

INSTALL_FOLDER = r"C:\Program Files (x86)\Altium\Altium365"
TOOL_FOLDER = rf"{INSTALL_FOLDER}\Tools\BackupTool"
AVBACKUP = rf"{TOOL_FOLDER}\avbackup.exe"
HEALTH_MONITOR = rf"{INSTALL_FOLDER}\Tools\HealthMonitor\avhealth.exe"
INI = rf"{INSTALL_FOLDER}\LocalVault.ini"
SERVER_VERSION = "7.1.2.4"
VERSION_MEMBER = "backup.info"
INI_MEMBER = "LocalVault.ini"
SERVICE_WAIT_SECONDS = 60.0
IIS_SERVICE = "W3SVC"
USAGE = """Altium On-Prem Enterprise Server Backup Tool

Usage: avbackup <command> [options]
  backup   -z <zip file> -i <ini file>   saves the server's data into a zip file
  restore  -z <zip file> -i <ini file>   puts the data of a zip file back
  help                                   shows this text
"""


class Failure(Exception):
    """The tool gives up; what it stopped stays stopped."""

    def __init__(self, text: str, code: int = 1) -> None:
        super().__init__(text)
        self.code = code


def avbackup(run: Execution) -> int:
    arguments = run.arguments
    if arguments and arguments[0].lower() == "help":
        run.out(USAGE)
        return 0
    if len(arguments) != 5 or arguments[0].lower() not in ("backup", "restore") or [arguments[1], arguments[3]] != ["-z", "-i"]:
        run.out(USAGE)
        return run.unknown("avbackup")
    verb, archive, ini = arguments[0].lower(), run.path(arguments[2]), run.path(arguments[4])
    run.out(f"Altium On-Prem Enterprise Server Backup Tool {SERVER_VERSION}\n")
    try:
        data = _prepare(run, ini)
        if verb == "backup":
            _backup(run, archive, ini, data)
        else:
            _restore(run, archive, ini, data)
    except Failure as failure:
        run.out(f"ERROR: {failure}\n")
        return failure.code
    except WinError as error:
        run.out(f"ERROR: {error.text} ({error.path})\n")
        return 1
    except OSError as error:
        run.out(f"ERROR: {error.strerror}\n")
        return 1
    run.out(f"{verb.capitalize()} completed successfully.\n")
    return 0


def _prepare(run: Execution, ini: str) -> str:
    """The conditions for both directions; the folder of the server's data."""
    if not run.user.admin:
        raise Failure("Administrator rights are required. Start the tool from an administrator command prompt.")
    if run.machine.processes.named("avhealth.exe"):
        raise Failure("The Health Monitor is running. Close it first.")
    if not run.machine.files.is_file(ini):
        raise Failure(f"Cannot find the configuration file {ini}")
    settings = configparser.ConfigParser(interpolation=None)
    settings.read_string(run.machine.files.read(ini).decode("utf-8-sig"))
    data = settings.get("Storage", "Path", fallback="")
    if not run.machine.files.is_dir(data):
        raise Failure(f"The storage folder {data} does not exist.")
    return data


# services
def server_services(run: Execution) -> list[Service]:
    """The Enterprise Server's own services: those whose program lies in its folder."""
    below = INSTALL_FOLDER.lower() + "\\"
    return [one for one in run.machine.services.all() if one.executable.lower().startswith(below)]


def _stop_services(run: Execution) -> list[Service]:
    """Stop what still runs, dependents first; what was stopped, in that order."""
    stopped: list[Service] = []

    def stop(service: Service) -> None:
        manager = run.machine.services
        for dependent in manager.active_dependents(service):
            stop(dependent)
        if service.state == services.STOPPED:
            return
        run.out(f"Stopping service {service.name}\n")
        manager.stop(service)
        state = manager.wait_while_pending(service, SERVICE_WAIT_SECONDS, lambda: run.process.killed)
        run.checkpoint()
        if state != services.STOPPED:
            raise Failure(f"The service {service.name} could not be stopped (state {state}).")
        stopped.append(service)

    iis = run.machine.services.find(IIS_SERVICE)
    for service in [*([iis] if iis is not None else []), *server_services(run)]:
        stop(service)
    return stopped


def _start_services(run: Execution, stopped: list[Service]) -> None:
    for service in reversed(stopped):
        run.out(f"Starting service {service.name}\n")
        run.machine.services.start(service)
        run.machine.services.wait_while_pending(service, SERVICE_WAIT_SECONDS, lambda: run.process.killed)


# backup
def _backup(run: Execution, archive: str, ini: str, data: str) -> None:
    faults = run.machine.faults
    stopped = _stop_services(run)
    run.out("Backing up data\n")
    members = list(run.machine.files.walk(data))
    pauses = faults.number("avbackup_seconds", 0.0) / max(1, len(members))
    with (
        run.machine.files.open(archive, seekable=True) as target,
        zipfile.ZipFile(t.cast(t.IO[bytes], target), "w", zipfile.ZIP_DEFLATED) as made,
    ):
        made.writestr(VERSION_MEMBER, f"version={SERVER_VERSION}\ndatabase=oracle\n")
        made.writestr(INI_MEMBER, run.machine.files.read(ini))
        for number, path in enumerate(members, 1):
            run.checkpoint()
            real = run.machine.files.real(path)
            if real is None:
                raise Failure(f"{path} vanished.")
            name = "Data/" + ntpath.relpath(path, data).replace("\\", "/")
            made.write(real, name)
            run.out(f"{100 * number // len(members)}% {name}\n")
            run.sleep(pauses)
            if number * 2 >= len(members):
                if faults.on("avbackup_hangs"):
                    run.hang()
                if faults.on("avbackup_exit"):
                    raise Failure("Unexpected error while reading the storage.", int(faults.number("avbackup_exit", 1)))
    if faults.on("avbackup_exit_late"):
        raise Failure("Unexpected error at the end.", int(faults.number("avbackup_exit_late", 1)))
    _spoil(run, archive)
    _start_services(run, stopped)
    if faults.on("avbackup_restarts_services"):
        iis = run.machine.services.find(IIS_SERVICE)
        everything = [*server_services(run), *([iis] if iis is not None else [])]
        _start_services(run, [one for one in reversed(everything) if one.start_mode == "Auto" and one.state == services.STOPPED])


def _spoil(run: Execution, archive: str) -> None:
    """The faults of a tool that says success."""
    faults = run.machine.faults
    real = run.machine.files.real(archive)
    if real is None:
        return
    if faults.on("avbackup_no_zip"):
        run.machine.files.remove_file(archive)
    elif faults.on("avbackup_empty_zip"):
        with zipfile.ZipFile(real, "w"):
            pass
    elif faults.on("avbackup_truncated_zip"):
        content = real.read_bytes()
        real.write_bytes(content[: len(content) * 2 // 3])
    elif faults.on("avbackup_damaged_zip"):
        _flip_a_byte(real)


def _flip_a_byte(real: pathlib.Path) -> None:
    with zipfile.ZipFile(real) as archive:
        largest = max(archive.infolist(), key=lambda member: member.compress_size)
    content = bytearray(real.read_bytes())
    content[largest.header_offset + 30 + len(largest.filename) + largest.compress_size // 2] ^= 0xFF
    real.write_bytes(content)


# restore
def _restore(run: Execution, archive: str, ini: str, data: str) -> None:
    if run.process.executable is None or run.process.executable.lower() != AVBACKUP.lower():
        raise Failure("Unhandled exception: the tool is not in its folder.")
    real = run.machine.files.real(archive)
    if real is None:
        raise Failure(f"Cannot find the file {archive}")
    try:
        source = zipfile.ZipFile(real)
    except zipfile.BadZipFile:
        raise Failure("The file is not a valid backup.") from None
    with source:
        if source.testzip() is not None or VERSION_MEMBER not in source.namelist():
            raise Failure("The file is not a valid backup.")
        version = source.read(VERSION_MEMBER).decode().split()[0].partition("=")[2]
        if version != SERVER_VERSION:
            raise Failure(f"The backup was made by version {version}, this server is {SERVER_VERSION}.")
        stopped = _stop_services(run)
        folder = run.machine.files.real(data)
        if folder is None:
            raise Failure(f"The storage folder {data} does not exist.")
        for entry in folder.iterdir():
            if entry.is_dir():
                shutil.rmtree(entry)
            else:
                entry.unlink()
        for member in source.infolist():
            run.checkpoint()
            if member.filename.startswith("Data/"):
                target = ntpath.join(data, member.filename[len("Data/") :].replace("/", "\\"))
                run.machine.files.ensure_folder(ntpath.dirname(target))
                run.machine.files.write(target, source.read(member))
                run.out(f"Restored {target}\n")
        run.machine.files.write(ini, source.read(INI_MEMBER))
    _start_services(run, stopped)


TOOLS: t.Mapping[str, Tool] = {
    AVBACKUP: Tool(avbackup, lambda arguments: arguments[:1] == ["help"]),
    HEALTH_MONITOR: Tool(lambda run: 0, always),
}
"""By full path: what an Enterprise Server host has beside Windows' own programs."""
