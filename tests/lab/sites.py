# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands on the lab's machines: an Enterprise Server host, and its Oracle host."""

from __future__ import annotations

import ntpath
import pathlib
import random

from tests.lab.oracle.database import Database
from tests.lab.windows.iis import Pool, Site
from tests.lab.windows.machine import Machine
from tests.lab.windows.programs import altium, oracle
from tests.lab.windows.services import RUNNING, Service

DATA_FOLDER = r"C:\ProgramData\Altium\Altium365\VaultData"
SCHEMA = "AESUSER313"
SCHEMA_PASSWORD = "lab-schema-Fake1"
SYSTEM_PASSWORD = "lab-system-Fake1"
SERVICE_NAME = "XE"
NEVER_STARTED = "AltiumNetworkInstallation"
"""A service of the Enterprise Server that is stopped, and that nobody may start."""
STOPPED_POOL = "AltiumLegacyApps"
"""An application pool that is stopped, and that nobody may start."""
UNRELATED_SERVICES = ("Spooler", "W32Time", "EventLog", "WinRM", "Schedule", "AltiumLicenseMirror")
"""Services that nobody may touch, whatever their names look like."""

_SVCHOST = r"C:\Windows\system32\svchost.exe -k"


def add_windows_services(machine: Machine) -> None:
    for service in (
        Service("RpcSs", "Remote Procedure Call (RPC)", f"{_SVCHOST} rpcss -p", accepts_stop=False),
        Service("EventLog", "Windows Event Log", f"{_SVCHOST} LocalServiceNetworkRestricted -p"),
        Service("Schedule", "Task Scheduler", f"{_SVCHOST} netsvcs -p", ("RpcSs", "EventLog")),
        Service("WinRM", "Windows Remote Management (WS-Management)", f"{_SVCHOST} NetworkService -p", ("RpcSs",)),
        Service("W32Time", "Windows Time", f"{_SVCHOST} LocalService"),
        Service("Spooler", "Print Spooler", r"C:\Windows\System32\spoolsv.exe", ("RpcSs",)),
        Service("wuauserv", "Windows Update", f"{_SVCHOST} netsvcs -p", start_mode="Manual", running=False),
    ):
        machine.services.add(service)


def add_iis(machine: Machine) -> None:
    shared = f"{_SVCHOST} iissvcs"
    for service in (
        Service("AppHostSvc", "Application Host Helper Service", f"{_SVCHOST} apphost"),
        Service("WAS", "Windows Process Activation Service", shared, ("RpcSs",), "Manual", shares_process=True),
        Service("W3SVC", "World Wide Web Publishing Service", shared, ("WAS",), shares_process=True),
    ):
        machine.services.add(service)


def build_enterprise_server(machine: Machine, oracle_host: str, data_files: int = 12) -> None:
    """An Altium On-Prem Enterprise Server with an Oracle back end."""
    folder = altium.INSTALL_FOLDER
    add_windows_services(machine)
    add_iis(machine)
    for service in (
        Service(
            "AltiumSearchService", "Altium Search Service", rf'"{folder}\Search\bin\elasticsearch-service-x64.exe" //RS//Altium'
        ),
        Service("AltiumVersionControl", "Altium Version Control Service", rf"{folder}\Svn\bin\svnserve.exe --service -r D:\none"),
        Service("AltiumCollaboration", "Altium Collaboration Service", rf'"{folder}\Collaboration\AltiumCollaboration.exe"'),
        Service(
            "AltiumTaskRunner",
            "Altium Task Runner",
            rf'"{folder}\TaskRunner\AltiumTaskRunner.exe" -service',
            ("AltiumSearchService", "AltiumVersionControl"),
        ),
        Service(
            "AltiumDataAcquisition",
            "Altium Data Acquisition Agent",
            rf'"{folder}\DAA\AltiumDataAcquisition.exe"',
            ("AltiumTaskRunner",),
        ),
        Service(
            NEVER_STARTED,
            "Altium Network Installation Service",
            rf'"{folder}\NIS\AltiumNis.exe"',
            start_mode="Manual",
            running=False,
        ),
        # Its folder begins with the same letters: a comparison of prefixes without a separator would take it.
        Service("AltiumLicenseMirror", "Altium License Mirror", r'"C:\Program Files (x86)\Altium\Altium365Extras\mirror.exe"'),
    ):
        machine.services.add(service)
    for pool in (
        Pool("DefaultAppPool"),
        Pool("AltiumVault", has_worker=True),
        Pool("AltiumIdentityService", has_worker=True),
        Pool("AltiumExplorer"),
        Pool(STOPPED_POOL, auto_start=False),
    ):
        machine.iis.add_pool(pool)
    machine.iis.add_site(Site("Default Web Site", 1, "http/*:80:", auto_start=False))
    machine.iis.add_site(Site("Altium Enterprise Server", 2, "http/*:9780:"))
    for path, tool in altium.TOOLS.items():
        machine.install(path, tool)
    machine.file_versions[altium.AVBACKUP.lower()] = altium.SERVER_VERSION
    _write_ini(machine, oracle_host)
    _write_data(machine, data_files)
    Presence(machine, "avbackup_missing", [altium.AVBACKUP])
    Presence(machine, "avbackup_ini_missing", [altium.INI])
    _HealthMonitor(machine)


def _write_ini(machine: Machine, oracle_host: str) -> None:
    lines = [
        "[Database]",
        "Driver=Oracle",
        f"Host={oracle_host}",
        "Port=1521",
        f"Service={SERVICE_NAME}",
        f"User={SCHEMA}",
        "",
        "[Storage]",
        f"Path={DATA_FOLDER}",
    ]
    if not machine.files.exists(altium.INI):
        machine.files.write(altium.INI, "\r\n".join([*lines, ""]).encode())


def _write_data(machine: Machine, count: int) -> None:
    """The vault's binary data: a few files of known content, some that compress and some that do not."""
    if machine.files.is_dir(DATA_FOLDER):
        return
    noise = random.Random(machine.name)
    for number in range(count):
        folder = ntpath.join(DATA_FOLDER, ("Repository\\db\\revs", "Files", "Search Index")[number % 3])
        machine.files.ensure_folder(folder)
        size = 500 + 700 * number
        content = noise.randbytes(size) if number % 2 else b"schematic symbol " * (size // 17)
        machine.files.write(ntpath.join(folder, f"item {number:03d}.bin"), content)


class Presence:
    """While the fault is on, the files are away."""

    def __init__(self, machine: Machine, fault: str, paths: list[str]) -> None:
        self._machine, self._fault, self._paths = machine, fault, paths
        machine.on_faults.append(self._changed)

    def _changed(self) -> None:
        files = self._machine.files
        for path in self._paths:
            away = path + ".away"
            source, target = (path, away) if self._machine.faults.on(self._fault) else (away, path)
            if files.exists(source) and not files.exists(target):
                files.rename(source, target)


class _HealthMonitor:
    """While the fault is on, somebody has the Health Monitor open on the console."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        machine.on_faults.append(self._changed)

    def _changed(self) -> None:
        processes = self._machine.processes
        running = processes.named("avhealth.exe")
        if self._machine.faults.on("health_monitor_running"):
            if not running:
                processes.start(altium.HEALTH_MONITOR, f'"{altium.HEALTH_MONITOR}"', session_id=1, window=True)
        else:
            for process in running:
                processes.ended(process)


def build_oracle_host(machine: Machine, address: str) -> Database:
    """A Windows host with Oracle 19c and its classic export tools; the database that it runs."""
    add_windows_services(machine)
    add_iis(machine)
    machine.iis.add_pool(Pool("DefaultAppPool"))
    machine.iis.add_site(Site("Default Web Site", 1, "http/*:80:"))
    home = oracle.HOME
    for service in (
        Service("OracleServiceXE", "OracleServiceXE", rf"{home}\bin\ORACLE.EXE XE"),
        Service("OracleOraDB19Home1TNSListener", "OracleOraDB19Home1TNSListener", rf"{home}\bin\TNSLSNR.EXE LISTENER"),
        Service("OracleVssWriterXE", "Oracle XE VSS Writer Service", rf"{home}\bin\OraVSSW.exe XE", ("OracleServiceXE",)),
    ):
        machine.services.add(service)
    machine.environment["Path"] = rf"{home}\bin;" + machine.environment["Path"]
    # What an installer on a German Windows leaves: whoever does not force a language gets this one.
    machine.environment["NLS_LANG"] = "GERMAN_GERMANY.WE8MSWIN1252"
    database = Database(
        name=SERVICE_NAME,
        services=(SERVICE_NAME,),
        host_name=machine.name.upper(),
        resolve_path=lambda path: real_path(machine, path),
    )
    open_while_running(machine, database, (oracle.DATABASE_SERVICE,))
    _fill(database)
    machine.files.ensure_folder(r"C:\Backups")
    # The roles have it from Oracle itself.
    database.add_directory("DATA_PUMP_DIR", r"C:\Backups", (SCHEMA, "EXP_FULL_DATABASE", "IMP_FULL_DATABASE"))
    tools = oracle.OracleTools(database)
    tools.hosts |= {address, machine.name}
    for path, tool in tools.programs().items():
        machine.install(path, tool)
    Presence(machine, "exp_missing", list(tools.programs()))
    return database


def open_while_running(machine: Machine, database: Database, services: tuple[str, ...]) -> None:
    """The database is open while all these services of its instance run."""

    def changed(service: Service) -> None:
        if service.name in services:
            runs = all(machine.services[name].state == RUNNING for name in services)
            database.open_mode = "READ WRITE" if runs else "DOWN"

    machine.services.on_state.append(changed)


def real_path(machine: Machine, path: str) -> pathlib.Path:
    """Where a file of the database server is or would be on this machine."""
    found = machine.files.real(path)
    if found is not None:
        return found
    folder = machine.files.real(ntpath.dirname(path))
    return (folder or machine.root / "nowhere") / ntpath.basename(path)


def _fill(database: Database) -> None:
    database.users["SYSTEM"].password = SYSTEM_PASSWORD
    database.users["SYS"].password = SYSTEM_PASSWORD
    database.add_user(SCHEMA, SCHEMA_PASSWORD)
    database.add_table(
        SCHEMA,
        "ALU_ITEM",
        {"GUID": "VARCHAR2(40)", "HRID": "VARCHAR2(200)", "REVISION": "NUMBER"},
        [(f"guid-{number:04d}", f"CMP-{number:05d}", number % 7) for number in range(40)],
    )
    database.add_table(
        SCHEMA,
        "ALU_LINK",
        {"PARENT": "VARCHAR2(40)", "CHILD": "VARCHAR2(40)"},
        [(f"guid-{number:04d}", f"guid-{number + 1:04d}") for number in range(39)],
    )
    database.add_table(SCHEMA, "ALU_USER", {"NAME": "VARCHAR2(200)"}, [("Jürgen Müller",), ("Ana Núñez",)])
    database.add_object(SCHEMA, "VIEW", "ALU_ITEM_V")
