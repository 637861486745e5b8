# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands on an eTravel server: web server, Oracle, programs on a user's desktop, a tape drive, and the site's own batch files.

Names and paths are those of the eTravel document where it has them.
"""

from __future__ import annotations

import datetime
import xml.sax.saxutils

from tests.lab.oracle import dump
from tests.lab.oracle.database import Database
from tests.lab.sites import Presence, add_iis, add_windows_services, open_while_running, real_path
from tests.lab.windows import execution
from tests.lab.windows.execution import Console, Execution
from tests.lab.windows.files import FIXED, Disk
from tests.lab.windows.iis import Pool, Site
from tests.lab.windows.machine import GIB, Machine
from tests.lab.windows.programs import desktop, ntbackup, oracle
from tests.lab.windows.services import RUNNING, Service
from tests.lab.windows.tasks import NAMESPACE
from tests.lab.windows.tool import Tool

USER, USER_PASSWORD = "etravel", "lab-etravel-Fake1"
ACCOUNT = (USER, USER_PASSWORD, False)
"""Logged on to the desktop day and night, and no administrator."""
SID = "DTA"
ORACLE_HOME = r"C:\orant"
LISTENER_SERVICE = "OracleTNSListener"
DATABASE_SERVICE = "OracleServiceDTA"
START_SERVICE = "OracleStartDTA"
INSTANCE_SERVICES = (DATABASE_SERVICE, START_SERVICE)
DATA_FILE = rf"{ORACLE_HOME}\database\dta\system01.dbf"
SCHEMA, SCHEMA_PASSWORD = "ETRAVEL", "lab-etravel-schema-Fake1"
SYSTEM_PASSWORD = "lab-etravel-system-Fake1"
FULL_BACKUP = r"C:\Etravel\batch\ntbk.bat"
FULL_BACKUP_LOG = rf"{desktop.LOG_FOLDER}\ntbktape.log"
EXPORT_TASK = "\\eTravel database export"
EXPORT_BATCH = r"C:\Etravel\batch\dbexport.bat"
EXPORT_PROGRAM = r"C:\Etravel\bin\dbexport.exe"
EXPORT_FOLDER = r"C:\Etravel\Export"
EXPORT_TIME = datetime.time(3, 13)
COPY_DISKS = ("E:", "F:")
TAPES = ("export-1", "export-2", "export-3", "full-1", "full-2")
"""Blank tapes on the shelf. The first one is in the drive."""

_FULL_BACKUP_LINES = (
    "@echo off",
    "rem All disks and the registry to the tape in the drive. What is on the tape is overwritten.",
    f'ntbackup backup C: {" ".join(COPY_DISKS)} /t Normal /b /d "Full WinNT 4.0 Backup" /l {FULL_BACKUP_LOG}',
)
_EXPORT_LINES = (
    "@echo off",
    "rem The whole database into a file, copied to the other disks, then behind what is on the tape in the drive.",
    rf"{EXPORT_PROGRAM} {EXPORT_FOLDER}\etravel.dmp",
    "if errorlevel 1 exit /b 1",
    *(rf"copy /y {EXPORT_FOLDER}\etravel.dmp {disk}\Export\etravel.dmp >nul" for disk in COPY_DISKS),
    rf'ntbackup backup {EXPORT_FOLDER} /a /t Normal /d "eTravel database export" /l {desktop.LOG_FOLDER}\dbexport.log',
)


def build_etravel(machine: Machine, address: str) -> Database:
    """An eTravel server in full work; its database."""
    for letter in COPY_DISKS:
        machine.files.add_disk(Disk(letter, FIXED, 20 * GIB, 10 * GIB))
        machine.files.ensure_folder(rf"{letter}\Export")
    for folder in (desktop.LOG_FOLDER, EXPORT_FOLDER, r"C:\Etravel\batch", rf"{ORACLE_HOME}\database\dta"):
        machine.files.ensure_folder(folder)
    add_windows_services(machine)
    add_iis(machine)
    machine.iis.add_pool(Pool("DefaultAppPool"))
    machine.iis.add_site(Site("Default Web Site", 1, "http/*:80:"))
    database = _add_oracle(machine, address)
    _add_tape_drive(machine)
    for path, tool in {**desktop.programs(lambda: database.is_open), **ntbackup.TOOLS}.items():
        machine.install(path, tool)
    machine.install(EXPORT_PROGRAM, Tool(lambda run: _export(run, database)))
    for path, lines in ((FULL_BACKUP, _FULL_BACKUP_LINES), (EXPORT_BATCH, _EXPORT_LINES)):
        machine.files.write(path, "\r\n".join([*lines, ""]).encode("cp1252"))
    machine.tasks.register(EXPORT_TASK, _export_task(machine.clock.now()))
    _Desktop(machine)
    _Disks(machine)
    Presence(machine, "exp_missing", [rf"{ORACLE_HOME}\bin\exp.exe", rf"{ORACLE_HOME}\bin\imp.exe"])
    return database


def _add_oracle(machine: Machine, address: str) -> Database:
    for service in (
        Service(DATABASE_SERVICE, DATABASE_SERVICE, rf"{ORACLE_HOME}\bin\oracle.exe {SID}"),
        # It opens the database of the instance, so Windows starts the instance before it.
        Service(START_SERVICE, START_SERVICE, rf"{ORACLE_HOME}\bin\strtdta.exe", (DATABASE_SERVICE,)),
        Service(LISTENER_SERVICE, LISTENER_SERVICE, rf"{ORACLE_HOME}\bin\tnslsnr.exe"),
    ):
        machine.services.add(service)
    machine.environment["Path"] = rf"{ORACLE_HOME}\bin;" + machine.environment["Path"]
    machine.environment["ORACLE_SID"] = SID
    database = Database(
        name=SID, services=(SID,), host_name=machine.name.upper(), resolve_path=lambda path: real_path(machine, path)
    )
    open_while_running(machine, database, INSTANCE_SERVICES)
    for user in ("SYSTEM", "SYS"):
        database.users[user].password = SYSTEM_PASSWORD
    database.add_user(SCHEMA, SCHEMA_PASSWORD)
    trips = [(f"TRIP{number:04d}", "ZRH", "JFK") for number in range(30)]
    database.add_table(SCHEMA, "TRIP", {"CODE": "VARCHAR2(10)", "ORIGIN": "VARCHAR2(3)", "DESTINATION": "VARCHAR2(3)"}, trips)
    database.add_table(SCHEMA, "TRAVELER", {"NAME": "VARCHAR2(200)"}, [("Jürgen Müller",), ("Ana Núñez",)])
    database.add_directory("DATA_PUMP_DIR", EXPORT_FOLDER, (SCHEMA,))
    tools = oracle.OracleTools(database, ORACLE_HOME, LISTENER_SERVICE, INSTANCE_SERVICES)
    tools.hosts |= {address, machine.name}
    for path, tool in tools.programs().items():
        machine.install(path, tool)
    machine.files.write(DATA_FILE, b"Oracle data file" * 64)
    _hold_data_file(machine, machine.services[DATABASE_SERVICE])
    machine.services.on_state.append(lambda service: _hold_data_file(machine, service))
    return database


def _hold_data_file(machine: Machine, service: Service) -> None:
    """The instance has the files of the database open for itself alone."""
    if service.name == DATABASE_SERVICE:
        key = machine.files.key(DATA_FILE)
        (machine.files.exclusive.add if service.state == RUNNING else machine.files.exclusive.discard)(key)


def _add_tape_drive(machine: Machine) -> None:
    drive = machine.add_tape_drive()
    if not drive.tapes():
        for name in TAPES:
            drive.new(name)
        drive.insert(TAPES[0])


def _export(run: Execution, database: Database) -> int:
    """dbexport.exe FILE: the site's own export, which needs an open database."""
    if len(run.arguments) != 1:
        return run.unknown("dbexport")
    if not database.is_open:
        run.err("ORA-01034: ORACLE not available\n")
        return 1
    content = dump.as_bytes(dump.CLASSIC, database.export_schema("SYSTEM", SCHEMA))
    run.machine.files.write(run.path(run.arguments[0]), content)
    return 0


def _export_task(now: datetime.datetime) -> str:
    first = datetime.datetime.combine(now.date() - datetime.timedelta(days=1), EXPORT_TIME)
    return f"""<Task version="1.2" xmlns="{NAMESPACE}">
<RegistrationInfo><Description>Exports the eTravel database to file, disks and tape.</Description></RegistrationInfo>
<Triggers><CalendarTrigger><StartBoundary>{first.isoformat()}</StartBoundary><Enabled>true</Enabled>
<ScheduleByDay><DaysInterval>1</DaysInterval></ScheduleByDay></CalendarTrigger></Triggers>
<Principals><Principal id="Author"><UserId>S-1-5-18</UserId><RunLevel>HighestAvailable</RunLevel></Principal></Principals>
<Settings><Enabled>true</Enabled><StartWhenAvailable>false</StartWhenAvailable></Settings>
<Actions Context="Author"><Exec><Command>{xml.sax.saxutils.escape(EXPORT_BATCH)}</Command></Exec></Actions>
</Task>
"""


class _Desktop:
    """The session of the user, with what starts when the user logs on. While the fault is on, nobody is logged on."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        user = machine.users.find(USER)
        if user is None:
            raise LookupError(f"{machine.name} has no account {USER}")
        self._user = user
        for other in machine.users:
            machine.sessions.log_off(other)
        self._log_on()
        machine.on_faults.append(self._changed)

    def _changed(self) -> None:
        present = self._machine.sessions.of(self._user) is not None
        if self._machine.faults.on("user_logged_off") and present:
            self._machine.sessions.log_off(self._user)
        elif not self._machine.faults.on("user_logged_off") and not present:
            self._log_on()

    def _log_on(self) -> None:
        self._machine.sessions.log_on(self._user)
        self.start([desktop.AFFINITY_MANAGER])
        for number in desktop.SCHEDULERS:
            self.start(desktop.scheduler_command(number))

    def start(self, argv: list[str]) -> None:
        """As by a double click."""
        run, program = execution.prepare(
            self._machine,
            " ".join(argv),
            user=self._user,
            parent_pid=self._machine.processes.services_pid,
            cwd=desktop.FOLDER,
            environment=self._machine.default_environment(self._user),
            console=Console(),
            session_id=self._machine.sessions.of(self._user),
        )
        execution.start(run, program)


class _Disks:
    """While the fault is on, a disk is away."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._away: dict[str, Disk] = {}
        machine.on_faults.append(self._changed)

    def _changed(self) -> None:
        disks = self._machine.files.disks
        for letter in COPY_DISKS:
            missing = self._machine.faults.concerns("disk_missing", letter)
            if missing and letter in disks:
                self._away[letter] = disks.pop(letter)
            elif not missing and letter in self._away:
                disks[letter] = self._away.pop(letter)
