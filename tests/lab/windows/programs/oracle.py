# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""exp.exe and imp.exe: Oracle's classic export and import, on the lab's database model."""

from __future__ import annotations

import dataclasses
import re
import typing as t

from tests.lab.oracle import dump
from tests.lab.oracle.database import EXPORT_ROLES, IMPORT_ROLES, Database, ImportOutcome
from tests.lab.oracle.errors import MESSAGES, OracleError
from tests.lab.windows import services
from tests.lab.windows.errors import WinError
from tests.lab.windows.execution import Execution
from tests.lab.windows.files import OpenFile
from tests.lab.windows.programs.oracle_texts import FAILED, LANGUAGES, ORA_TEXTS, WITH, WITHOUT, Texts
from tests.lab.windows.tool import Tool

HOME = r"C:\app\oracle\product\19.0.0\dbhome_1"
DATABASE_SERVICE = "OracleServiceXE"
LISTENER_SERVICE = "OracleOraDB19Home1TNSListener"
_COMMON = {"userid", "file", "log", "statistics", "buffer", "feedback", "full", "grants", "indexes", "rows", "constraints"}
_PARAMETERS = {
    "EXP": _COMMON | {"owner", "consistent", "direct", "compress", "triggers"},
    "IMP": _COMMON | {"fromuser", "touser", "ignore", "commit", "show"},
}


class Stop(Exception):
    """The tool ends unsuccessfully; the lines say why."""

    def __init__(self, *lines: str, code: int = 1) -> None:
        super().__init__(*lines)
        self.lines = lines
        self.code = code


class Unclear(Exception):
    """The lab does not know this parameter or form."""


@dataclasses.dataclass
class Account:
    user: str
    password: str
    target: str


def read_parameters(text: str) -> dict[str, str]:
    """``name=value`` lines of a parameter file; ``#`` begins a comment."""
    found: dict[str, str] = {}
    for line in map(str.strip, text.splitlines()):
        if not line or line.startswith("#"):
            continue
        match = re.fullmatch(r"(\w+)\s*=\s*(.*)", line)
        if match is None:
            raise Unclear("a parameter line that is not name=value")
        name, value = match.group(1).lower(), match.group(2).strip()
        found[name] = value if name == "userid" else value.strip("()").strip('"')
    return found


def parse_userid(text: str) -> Account | None:
    """``user/"pass"@//host:port/service`` or ``user/pass@alias``; None where exp would ask for what is missing."""
    match = re.fullmatch(r'("[^"]+"|[^/"@\s]+)/("[^"]*"|[^@"\s]+)(?:@(\S+))?', text)
    if match is None:
        return None
    user, password, target = match.groups()
    return Account(user.strip('"') if user.startswith('"') else user.upper(), password.strip('"'), target or "")


def _asks_for_help(arguments: list[str]) -> bool:
    return [argument.lower() for argument in arguments] == ["help=y"]


class OracleTools:
    """The programs of one Oracle home, and the database that they reach."""

    def __init__(
        self,
        database: Database,
        home: str = HOME,
        listener: str = LISTENER_SERVICE,
        instance: tuple[str, ...] = (DATABASE_SERVICE,),
    ) -> None:
        """``listener`` and ``instance``: the services that must run for a connection by name, and for any connection."""
        self.database, self.home, self._listener, self._instance = database, home, listener, instance
        self.hosts: set[str] = {"localhost", "127.0.0.1"}
        """Names and addresses under which the database's listener is reached; the lab adds its own."""

    def programs(self) -> dict[str, Tool]:
        return {
            rf"{self.home}\bin\exp.exe": Tool(lambda run: _Session(self, run, "EXP").run(), _asks_for_help),
            rf"{self.home}\bin\imp.exe": Tool(lambda run: _Session(self, run, "IMP").run(), _asks_for_help),
        }

    def connect_problem(self, run: Execution, target: str) -> int | None:
        """The ORA number with which a connection fails, or None. The alias in tnsnames.ora is the service's name."""

        def runs(name: str) -> bool:
            found = run.machine.services.find(name)
            return found is not None and found.state == services.RUNNING

        if not target:
            # Without a listener: the SID comes from the environment.
            if run.environment.get("ORACLE_SID", "").upper() != self.database.name:
                return 12560
        else:
            match = re.fullmatch(r"(?://)?([\w.-]+)(?::(\d+))?/([\w.]+)", target)
            if match is None and target.lower() != self.database.services[0].lower():
                return 12154
            host, port, service = match.groups() if match else ("localhost", None, self.database.services[0])
            if host.lower() not in self.hosts or port not in (None, "1521"):
                return 12541
            if "down" in self.database.faults or not runs(self._listener):
                return 12541
            if service.upper() not in (name.upper() for name in self.database.services):
                return 12514
        return None if all(map(runs, self._instance)) else 1034


class _Session:
    """One run of exp or imp."""

    def __init__(self, tools: OracleTools, run: Execution, prefix: str) -> None:
        self._database, self._tools, self._run, self._prefix = tools.database, tools, run, prefix
        nls = run.environment.get("NLS_LANG", "AMERICAN_AMERICA.US7ASCII")
        language, _dot, self._charset = nls.partition(".")
        self._language = language.partition("_")[0].upper()
        self._texts: Texts = LANGUAGES.get(self._language, LANGUAGES["AMERICAN"])
        self._encoding = "utf-8" if self._charset == "AL32UTF8" else "cp1252"
        self._log: OpenFile | None = None
        self._warned = False
        self._parameters: dict[str, str] = {}

    # output
    def _say(self, text: str, end: str = "\n") -> None:
        content = (text + end).replace("\n", "\r\n").encode(self._encoding, "replace")
        self._run.stderr.write(content)
        if self._log is not None:
            self._log.write(content)

    def _numbered(self, number: int, argument: object = "") -> str:
        return f"{self._prefix}-{number:05d}: {self._texts.numbered[number].format(argument)}"

    def _oracle(self, number: int, text: str | None = None, message: int = 56) -> tuple[str, str]:
        words = text or f"ORA-{number:05d}: {ORA_TEXTS.get(number) or MESSAGES[number]}"
        return self._numbered(message, number), words

    def _warn(self, *lines: str) -> None:
        self._warned = True
        for line in lines:
            self._say(line)

    # the frame of both tools
    def run(self) -> int:
        if self._language not in LANGUAGES:
            return self._run.unknown(f"messages in {self._language}")
        now = self._run.machine.clock.now()
        banner = f"\n{self._texts.names[self._prefix]}: Release 19.0.0.0.0 - Production on {now:%a %b %d %H:%M:%S %Y}"
        banner += (
            f"\nVersion {self._database.version}\n\nCopyright (c) 1982, 2019, Oracle and/or its affiliates.  All rights reserved.\n"
        )
        if [argument.lower() for argument in self._run.arguments] == ["help=y"]:
            self._say(f"{banner}\n\nKeyword    Description\nUSERID     username/password\nPARFILE    parameter filename")
            return 0
        try:
            self._parameters = self._read_parameters()
            self._open_log()
            self._say(banner + "\n")
            self._connect()
            if self._prefix == "EXP":
                self._export()
            else:
                self._import()
        except Unclear as problem:
            return self._run.unknown(f"{self._prefix}: {problem}")
        except Stop as stop:
            for line in stop.lines:
                self._say(line)
            self._say(f"{self._prefix}-00000: {self._texts.endings[(self._prefix, FAILED)]}")
            return stop.code
        except WinError:
            # The disk is full: the log cannot take the message either.
            self._close_log()
            self._say(self._numbered(2))
            self._say(f"{self._prefix}-00000: {self._texts.endings[(self._prefix, FAILED)]}")
            return 1
        finally:
            # Also when the process is killed: Windows closes its files.
            self._close_log()
        return self._end()

    def _end(self) -> int:
        return int(self._run.machine.faults.number("exp_warnings_exit", 0)) if self._warned else 0

    def _say_ending(self) -> None:
        if self._prefix == "EXP" and self._run.machine.faults.on("exp_no_end_line"):
            return
        self._say(self._texts.endings[(self._prefix, WITH if self._warned else WITHOUT)])

    def _read_parameters(self) -> dict[str, str]:
        given: dict[str, str] = {}
        for position, argument in enumerate(self._run.arguments):
            name, separator, value = argument.partition("=")
            if separator:
                given[name.lower()] = value
            elif position == 0:
                given["userid"] = argument
            else:
                raise Unclear(f"argument {position + 1}")
        file = given.pop("parfile", None)
        if file is not None:
            try:
                text = self._run.machine.files.read(self._run.path(file)).decode(self._encoding, "replace")
            except WinError:
                raise Stop(
                    f"LRM-00109: could not open parameter file '{file}'", f"{self._prefix}-00019: failed to process parameters"
                ) from None
            given = {**read_parameters(text), **given}
        strange = sorted(set(given) - _PARAMETERS[self._prefix])
        if strange:
            raise Unclear(f"parameter {', '.join(strange)}")
        return given

    def _open_log(self) -> None:
        name = self._parameters.get("log")
        if name:
            try:
                self._log = self._run.machine.files.open(self._run.path(name))
            except WinError:
                raise Stop(self._numbered(28, name)) from None

    def _close_log(self) -> None:
        log, self._log = self._log, None
        if log is not None:
            log.close()

    def _connect(self) -> None:
        account = parse_userid(self._parameters.get("userid", ""))
        if account is None:
            self._say("Username: ", end="")
            self._run.read_input()
            raise Stop("", self._numbered(4), self._numbered(5))
        problem = self._tools.connect_problem(self._run, account.target)
        if problem is not None:
            raise Stop(*self._oracle(problem))
        try:
            self._principal = self._database.authenticate(account.user, account.password)
        except OracleError as error:
            for line in self._oracle(error.code, str(error)):
                self._say(line)
            if error.code == 1017:
                # It asks again, and gives up at the end of the input.
                self._say("Username: ", end="")
                self._run.read_input()
                raise Stop("", self._numbered(5)) from None
            raise Stop from None
        edition = f"Oracle Database 19c {self._database.edition} Release 19.0.0.0.0 - Production"
        self._say(f"\n{self._texts.connected}{edition}\nVersion {self._database.version}")
        self._say(self._texts.done_in[self._prefix].format(self._charset))
        if self._charset != self._database.charset:
            self._say(f"server uses {self._database.charset} character set (possible charset conversion)")

    # export
    def _is_full(self) -> bool:
        """Whether a whole database is meant; only a DBA may do that."""
        if self._parameters.get("full", "n").lower() != "y":
            return False
        if {"owner", "fromuser", "touser"} & set(self._parameters):
            raise Stop(f"{self._prefix}-00026: conflicting modes specified")
        if self._language != "AMERICAN":
            raise Unclear("full=y in another language")
        return True

    def _export(self) -> None:
        files, faults = self._run.machine.files, self._run.machine.faults
        full = self._is_full()
        if full and not self._principal.roles & EXPORT_ROLES:
            raise Stop("EXP-00023: must be a DBA to do Full Database or Tablespace export")
        schema = self._parameters.get("owner", self._principal.user).upper()
        schemas = self._database.exported_users() if full else (schema,)
        consistent = self._parameters.get("consistent", "n").lower() == "y"
        path = self._run.path(self._parameters.get("file", "EXPDAT.DMP"))
        try:
            target = files.open(path)
        except WinError:
            raise Stop(self._numbered(28, path)) from None
        with target:
            header = dump.SchemaDump(schema, self._database.scn if consistent else None, version=self._database.version)
            if full:
                header = dataclasses.replace(header, schema="", users=schemas)
            written = bytearray(dump.start_bytes(dump.CLASSIC, header))
            target.write(bytes(written))
            if full:
                self._say("\nAbout to export the entire database ...\n. exporting tablespace definitions\n. exporting profiles")
                self._say(". exporting user definitions\n. exporting roles")
            else:
                self._say(f"\n{self._texts.about}\n{self._texts.objects.format(schema)}")
            count = max(1, sum(len(self._database.exportable_tables(one, False)) for one in schemas))
            seen: list[str] = []

            def table_done(table: dump.TableDump) -> None:
                seen.append(table.name)
                self._between_tables(seen, count)
                if faults.on("exp_warnings") and len(seen) == 1:
                    self._warn(*self._oracle(1455, message=8))
                    return
                content = dump.table_bytes(dataclasses.replace(table, schema=one) if full else table)
                target.write(content)
                written.extend(content)
                self._say(f"{self._texts.table['EXP']} {table.name:>30} {len(table.rows):10} {self._texts.rows['EXP']}")
                if self._parameters.get("statistics", "estimate").lower() != "none" and self._charset != self._database.charset:
                    self._warn(self._numbered(91))

            for one in schemas:
                self._say(self._texts.tables.format(one))
                self._read_schema(one, consistent, table_done)
            target.write(dump.end_bytes(bytes(written)))
        for step in self._texts.steps:
            self._say(step)
        self._spoil(path)
        self._say_ending()

    def _read_schema(self, schema: str, consistent: bool, table_done: t.Callable[[dump.TableDump], None]) -> None:
        try:
            self._database.export_schema(self._principal.user, schema, consistent=consistent, after_table=table_done)
        except OracleError as error:
            if error.code == 1435:
                # A user that is not there is a mere warning to exp.
                self._warn(self._numbered(10, schema))
                return
            if error.code == 1031:
                raise Stop(self._numbered(32)) from None
            raise Stop(*self._oracle(error.code, str(error))) from None

    def _between_tables(self, seen: list[str], count: int) -> None:
        faults = self._run.machine.faults
        self._run.sleep(faults.number("exp_seconds", 0.0) / count)
        if len(seen) == min(2, count):
            if faults.on("exp_hangs"):
                self._run.hang()
            for name, code in (("exp_error", 1), ("exp_error_exit_0", 0)):
                if faults.on(name):
                    raise Stop(*self._oracle(int(faults.number(name, 1555))), code=code)

    def _spoil(self, path: str) -> None:
        """The faults of a tool that says success."""
        faults = self._run.machine.faults
        real = self._run.machine.files.real(path)
        if real is not None and faults.on("exp_truncated_dump"):
            content = real.read_bytes()
            real.write_bytes(content[: len(content) * 2 // 3])
        elif real is not None and faults.on("exp_no_dump"):
            self._run.machine.files.remove_file(path)

    # import
    def _import(self) -> None:
        path = self._run.path(self._parameters.get("file", "EXPDAT.DMP"))
        real = self._run.machine.files.real(path)
        if real is None:
            raise Stop(f"IMP-00002: failed to open {path} for read")
        try:
            content = dump.read_classic(real)
        except dump.DumpDamaged as problem:
            if "not a" in str(problem):
                raise Stop("IMP-00010: not a valid export file, header failed verification") from None
            raise Stop(self._numbered(9)) from None
        self._say("\nExport file created by EXPORT:V19.00.00 via conventional path")
        full = self._is_full()
        if content.is_full and not self._principal.roles & IMPORT_ROLES:
            raise Stop("IMP-00013: only a DBA can import a file exported by another DBA")
        if self._parameters.get("show", "n").lower() == "y":
            for name in content.users or (content.schema,):
                self._show(content.part(name) if content.is_full else content)
            self._say_ending()
            return
        if full:
            self._import_all(content)
            return
        if content.is_full and self._parameters.get("fromuser", "").upper() in content.users:
            content = content.part(self._parameters["fromuser"].upper())
        wanted = self._parameters.get("fromuser", content.schema).upper()
        target = self._parameters.get("touser", content.schema).upper()
        if wanted != content.schema:
            self._warn(self._numbered(33, wanted))
            self._say_ending()
            return
        ignore = self._parameters.get("ignore", "n").lower() == "y"
        self._say(f". importing {content.schema}'s objects into {target}")
        try:
            outcome = self._database.import_schema(self._principal.user, content, target, "APPEND" if ignore else "SKIP")
        except OracleError as error:
            raise Stop(*self._oracle(error.code, str(error))) from None
        self._report_import(content, outcome)
        self._say_ending()

    def _show(self, content: dump.SchemaDump) -> None:
        """The whole file is read and its statements are shown; nothing is imported."""
        self._say(f". importing {content.schema}'s objects into {content.schema}")
        for table in content.tables:
            columns = ", ".join(f'"{name}" {kind}' for name, kind in table.columns.items())
            self._say(f' "CREATE TABLE "{table.name}" ({columns})"')
            self._say(f'. . skipping table "{table.name}"\n')

    def _import_all(self, content: dump.SchemaDump) -> None:
        """Users and tables of a whole database; what exists already is a warning unless ignore=y."""
        if not content.is_full:
            raise Unclear("full=y with a dump of one schema")
        ignore = self._parameters.get("ignore", "n").lower() == "y"
        for name in content.users:
            if name in self._database.users and not ignore:
                self._warn(self._numbered(15), f' "CREATE USER "{name}" IDENTIFIED BY VALUES \'...\'"')
        outcomes = self._database.import_all(self._principal.user, content, "APPEND" if ignore else "SKIP")
        for name, outcome in outcomes.items():
            self._say(f". importing {name}'s objects into {name}")
            self._report_import(content.part(name), outcome)
        self._say_ending()

    def _report_import(self, content: dump.SchemaDump, outcome: ImportOutcome) -> None:
        for table in content.tables:
            if table.name in outcome.existing:
                columns = ", ".join(f'"{name}" {kind}' for name, kind in table.columns.items())
                self._warn(self._numbered(15), f' "CREATE TABLE "{table.name}" ({columns})"')
            else:
                shown = f'"{table.name}"'
                self._say(f"{self._texts.table['IMP']} {shown:>30} {outcome.rows[table.name]:10} {self._texts.rows['IMP']}")
