# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulated database as a plain object: what is in it, and who may do what. Knows nothing of the network."""

from __future__ import annotations

import dataclasses
import datetime
import pathlib
import threading
import time
import typing as t

from tests.lab.oracle import dump
from tests.lab.oracle.errors import OracleError
from tests.lab.oracle.faults import Faults

if t.TYPE_CHECKING:
    from tests.lab.oracle.datapump.job import Job

CATALOG_ROLES = frozenset({"DBA", "SELECT_CATALOG_ROLE"})
EXPORT_ROLES = frozenset({"EXP_FULL_DATABASE", "DATAPUMP_EXP_FULL_DATABASE"})
IMPORT_ROLES = frozenset({"IMP_FULL_DATABASE", "DATAPUMP_IMP_FULL_DATABASE"})
UNLIMITED = "UNLIMITED TABLESPACE"
_ADMINISTRATION = {
    *("ALTER SYSTEM", "ALTER USER", "CREATE ANY DIRECTORY", "CREATE ANY TABLE", "CREATE SESSION", "CREATE TABLE", "CREATE USER"),
    *("DROP ANY DIRECTORY", "DROP ANY TABLE", "DROP USER", "FLASHBACK ANY TABLE", "GRANT ANY OBJECT PRIVILEGE"),
    *("GRANT ANY PRIVILEGE", "GRANT ANY ROLE", "SELECT ANY DICTIONARY", "SELECT ANY TABLE"),
}


class Clock(t.Protocol):
    """Wall clock and elapsed seconds, injectable."""

    def now(self) -> datetime.datetime: ...

    def monotonic(self) -> float: ...


class RealClock:
    def now(self) -> datetime.datetime:
        return datetime.datetime.now(datetime.UTC)

    def monotonic(self) -> float:
        return time.monotonic()


@dataclasses.dataclass
class Grant:
    """One role given to somebody."""

    admin: bool = False
    default: bool = True


@dataclasses.dataclass
class Role:
    privileges: set[str] = dataclasses.field(default_factory=set)
    privileges_with_admin: set[str] = dataclasses.field(default_factory=set)
    roles: dict[str, Grant] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass
class User:
    """``quotas``: bytes by tablespace, -1 without a limit. ``password`` None: no password login."""

    password: str | None
    roles: dict[str, Grant] = dataclasses.field(default_factory=dict)
    privileges: set[str] = dataclasses.field(default_factory=set)
    privileges_with_admin: set[str] = dataclasses.field(default_factory=set)
    quotas: dict[str, int] = dataclasses.field(default_factory=dict)
    tablespace: str = "USERS"
    account_status: str = "OPEN"
    sysdba: bool = False
    failed_logins: int = 0
    user_id: int = 0
    oracle_maintained: bool = False

    @property
    def is_locked(self) -> bool:
        return "LOCKED" in self.account_status


@dataclasses.dataclass
class RowVersion:
    values: tuple[t.Any, ...]
    born: int
    died: int | None = None

    def lived_at(self, scn: int) -> bool:
        return self.born <= scn and (self.died is None or self.died > scn)


@dataclasses.dataclass
class Table:
    """``bytes`` None: no segment yet (deferred creation), which classic export skips."""

    columns: dict[str, str]
    versions: list[RowVersion] = dataclasses.field(default_factory=list)
    bytes: int | None = 65536
    is_master: bool = False

    def rows_at(self, scn: int) -> list[tuple[t.Any, ...]]:
        return [version.values for version in self.versions if version.lived_at(scn)]


@dataclasses.dataclass
class DictionaryObject:
    """Anything but a table: ``kind`` as in DBA_OBJECTS (VIEW, PROCEDURE…); ``segment_bytes`` for indexes and LOBs."""

    kind: str
    name: str
    status: str = "VALID"
    segment_bytes: int | None = None


@dataclasses.dataclass(frozen=True)
class Principal:
    """A login: the roles are those that were enabled when it began."""

    user: str
    sysdba: bool
    roles: frozenset[str]


@dataclasses.dataclass(frozen=True)
class Executed:
    """One statement that a client sent, with the texts of its binds."""

    user: str
    text: str
    binds: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Logon:
    """One login attempt and what the client told about itself."""

    user: str
    sysdba: bool
    succeeded: bool
    client: t.Mapping[str, str]


@dataclasses.dataclass
class ImportOutcome:
    """``rows``: numbers by table; ``existing``: tables that were there and were left alone."""

    rows: dict[str, int] = dataclasses.field(default_factory=dict)
    existing: list[str] = dataclasses.field(default_factory=list)


class Database:
    """All state. ``lock`` guards it; sessions hold it while a statement runs, but not while one waits."""

    def __init__(
        self,
        name: str = "XE",
        services: t.Sequence[str] = ("XE",),
        version: str = "19.21.0.0.0",
        edition: str = "Standard Edition 2",
        charset: str = "AL32UTF8",
        host_name: str = "oracle1",
        open_mode: str = "READ WRITE",
        log_mode: str = "NOARCHIVELOG",
        dba_brings_unlimited: bool = False,
        clock: Clock | None = None,
        resolve_path: t.Callable[[str], pathlib.Path] = pathlib.Path,
    ) -> None:
        """``resolve_path`` maps a path on the database host to a real one. ``dba_brings_unlimited``: granting DBA also
        grants UNLIMITED TABLESPACE, and revoking it takes that away, even when it had been granted before (11g)."""
        self.name, self.services, self.version, self.edition = name, tuple(services), version, edition
        self.charset, self.host_name, self.open_mode, self.log_mode = charset, host_name, open_mode, log_mode
        self.dba_brings_unlimited = dba_brings_unlimited
        self.clock: Clock = clock or RealClock()
        self.resolve_path = resolve_path
        self.lock = threading.RLock()
        self.faults = Faults()
        self.scn = 2_000_000
        self.dbid = 3_052_413_281
        self.container = name
        self.pluggable: dict[str, str] = {}
        self.tablespaces = ["SYSTEM", "SYSAUX", "TEMP", "USERS"]
        self.failed_login_limit = 10
        self.job_seconds = 0.0
        self.users: dict[str, User] = {}
        self.roles = _standard_roles()
        self.tables: dict[str, dict[str, Table]] = {}
        self.objects: dict[str, list[DictionaryObject]] = {}
        self.directories: dict[str, str] = {}
        self.directory_grants: dict[tuple[str, str], set[str]] = {}
        self.jobs: dict[tuple[str, str], Job] = {}
        self.job_watchers: list[t.Callable[[], None]] = []
        self.on_statement: list[t.Callable[[str, Executed], None]] = []
        """Called with BEFORE and AFTER (of tests.lab.record) around each statement of a client, before it learns of the outcome."""
        self.history: list[Executed] = []
        self.logons: list[Logon] = []
        for administrator in ("SYS", "SYSTEM"):
            self.add_user(administrator, "oracle", roles=("DBA",), tablespace="SYSTEM")
            self.users[administrator].oracle_maintained = True
            self.users[administrator].privileges.add(UNLIMITED)
        self.users["SYS"].sysdba = True

    # what is in it
    def add_user(
        self,
        name: str,
        password: str | None,
        roles: t.Iterable[str] = ("CONNECT", "RESOURCE"),
        privileges: t.Iterable[str] = (),
        tablespace: str = "USERS",
        quota: int = -1,
    ) -> User:
        user = User(
            password,
            roles={role: Grant() for role in roles},
            privileges=set(privileges),
            tablespace=tablespace,
            quotas={tablespace: quota} if quota else {},
            user_id=100 + len(self.users),
        )
        self.users[name] = user
        self.tables.setdefault(name, {})
        self.objects.setdefault(name, [])
        return user

    def add_table(
        self,
        owner: str,
        name: str,
        columns: t.Mapping[str, str],
        rows: t.Iterable[t.Sequence[t.Any]] = (),
        size: int | None = 65536,
    ) -> Table:
        """``columns`` maps names to SQL types; ``size`` in bytes, None for a table without a segment."""
        table = Table(dict(columns), bytes=size)
        self.tables[owner][name] = table
        for row in rows:
            self.insert(owner, name, row)
        return table

    def add_object(self, owner: str, kind: str, name: str, status: str = "VALID", segment_bytes: int | None = None) -> None:
        self.objects[owner].append(DictionaryObject(kind, name, status, segment_bytes))

    def add_directory(self, name: str, path: str, read_write: t.Iterable[str] = ()) -> None:
        self.directories[name] = path
        for grantee in read_write:
            self.directory_grants[(name, grantee)] = {"READ", "WRITE"}

    def next_scn(self) -> int:
        with self.lock:
            self.scn += 1
            return self.scn

    def insert(self, owner: str, table: str, row: t.Sequence[t.Any]) -> None:
        """One committed row."""
        with self.lock:
            self.tables[owner][table].versions.append(RowVersion(tuple(row), self.next_scn()))

    def delete_rows(self, owner: str, table: str) -> None:
        """All rows, committed; an earlier SCN still shows them."""
        with self.lock:
            scn = self.next_scn()
            for version in self.tables[owner][table].versions:
                version.died = version.died or scn

    def add_orphan_master(self, owner: str, job_name: str) -> None:
        """The master table that a Data Pump job left behind when its processes died."""
        self.tables[owner][job_name] = Table({"PROCESS_ORDER": "NUMBER"}, is_master=True)

    def advance_jobs(self) -> None:
        """Let running Data Pump jobs do what is due."""
        with self.lock:
            for job in list(self.jobs.values()):
                job.advance()

    @property
    def grants(self) -> list[str]:
        """The texts of all GRANT and REVOKE statements that were sent, in order, also of those that failed."""
        return [entry.text for entry in self.history if entry.text.lstrip().upper().startswith(("GRANT", "REVOKE"))]

    # who may do what
    def authenticate(self, user: str, password: str, sysdba: bool = False) -> Principal:
        """A password login as any tool does it: ORA-01017, ORA-28000, ORA-01033, ORA-01045."""
        name = user.upper()
        account = self.users.get(name)
        fits = account is not None and account.password is not None and account.password == password
        return self.login(name, fits, sysdba, {})

    def login(self, user: str, password_fits: bool, sysdba: bool, client: t.Mapping[str, str]) -> Principal:
        """Judge a login whose password was compared elsewhere, and record it."""
        with self.lock:
            try:
                principal = self._judge_login(user, password_fits, sysdba)
            except OracleError:
                self.logons.append(Logon(user, sysdba, False, client))
                raise
            self.logons.append(Logon(user, sysdba, True, client))
            return principal

    def _judge_login(self, user: str, password_fits: bool, sysdba: bool) -> Principal:
        account = self.users.get(user)
        if account is None:
            raise OracleError(1017)
        if account.is_locked and not sysdba:
            raise OracleError(28000)
        if not password_fits:
            account.failed_logins += 1
            if account.failed_logins >= self.failed_login_limit and not account.oracle_maintained:
                account.account_status = "LOCKED(TIMED)"
            raise OracleError(1017)
        if user == "SYS" and not sysdba:
            raise OracleError(28009)
        if sysdba and not account.sysdba:
            raise OracleError(1017)
        if not self.is_open and not sysdba:
            raise OracleError(1033)
        account.failed_logins = 0
        principal = self.principal(user, sysdba)
        if not self.has_privilege(principal, "CREATE SESSION"):
            raise OracleError(1045, text=f"user {user} lacks CREATE SESSION privilege; logon denied")
        return principal

    def principal(self, user: str, sysdba: bool = False) -> Principal:
        """As a login of now would be; a SYSDBA works as SYS."""
        name = "SYS" if sysdba else user
        return Principal(name, sysdba, self.default_roles(name))

    @property
    def is_open(self) -> bool:
        return self.open_mode.startswith("READ")

    def roles_below(self, granted: t.Iterable[str]) -> frozenset[str]:
        """These roles and all that were granted to them, all levels."""
        found: set[str] = set()
        pending = [role for role in granted if role in self.roles]
        while pending:
            role = pending.pop()
            if role not in found:
                found.add(role)
                pending += self.roles[role].roles
        return frozenset(found)

    def default_roles(self, user: str) -> frozenset[str]:
        return self.roles_below(role for role, grant in self.users[user].roles.items() if grant.default)

    def privileges_of(self, principal: Principal) -> set[str]:
        found = set(self.users[principal.user].privileges)
        for role in principal.roles:
            found |= self.roles[role].privileges if role in self.roles else set()
        return found

    def has_privilege(self, principal: Principal, privilege: str) -> bool:
        return principal.sysdba or privilege in self.privileges_of(principal)

    def sees_catalog(self, principal: Principal) -> bool:
        return bool(principal.sysdba or principal.roles & CATALOG_ROLES or self.has_privilege(principal, "SELECT ANY DICTIONARY"))

    def may_use_directory(self, principal: Principal, directory: str, privilege: str) -> bool:
        if directory not in self.directories:
            return False
        holders = {principal.user, "PUBLIC", *principal.roles}
        return principal.user == "SYS" or any(privilege in self.directory_grants.get((directory, holder), ()) for holder in holders)

    def has_quota(self, user: str) -> bool:
        account = self.users[user]
        return UNLIMITED in account.privileges or account.quotas.get(account.tablespace, 0) != 0

    def host_path(self, directory: str, file_name: str) -> str:
        """A file in a directory object, in the syntax of the database host."""
        folder = self.directories[directory]
        separator = "\\" if "\\" in folder or folder[1:2] == ":" else "/"
        return folder.rstrip("\\/") + separator + file_name

    # moving a schema's content, for the exp and imp programs and for Data Pump
    def exportable_tables(self, schema: str, with_empty: bool) -> list[str]:
        """Names in order; without ``with_empty``, tables without a segment are left out, as classic export does."""
        tables = self.tables.get(schema, {})
        return [name for name in sorted(tables) if not tables[name].is_master and (with_empty or tables[name].bytes is not None)]

    def exported_users(self) -> tuple[str, ...]:
        """Whose schemas a full export holds: SYS is never among them."""
        return tuple(sorted(name for name in self.users if name != "SYS"))

    def export_table(self, schema: str, name: str, scn: int | None = None) -> dump.TableDump:
        """One table as of ``scn`` (default: now). ORA-01555 when the fault ``snapshot_too_old`` is on and ``scn`` is past."""
        with self.lock:
            moment = self.scn if scn is None else scn
            if scn is not None and "snapshot_too_old" in self.faults:
                raise OracleError(1555)
            table = self.tables[schema][name]
            return dump.TableDump(name, dict(table.columns), table.rows_at(moment), table.bytes or 0)

    def export_schema(
        self,
        user: str,
        schema: str,
        consistent: bool = False,
        with_empty: bool = False,
        after_table: t.Callable[[dump.TableDump], None] = lambda table: None,
    ) -> dump.SchemaDump:
        """The content as exp reads it. ``consistent``: all tables at one SCN; otherwise each as of its own moment.
        ``after_table`` is called after each (it may change rows meanwhile). ORA-01031 when the user may not (EXP-00009),
        ORA-01435 when there is no such schema."""
        if schema not in self.users:
            raise OracleError(1435)
        if user != schema and not self.principal(user).roles & EXPORT_ROLES:
            raise OracleError(1031)
        scn = self.scn if consistent else None
        content = dump.SchemaDump(schema, scn, version=self.version)
        for name in self.exportable_tables(schema, with_empty):
            content.tables.append(self.export_table(schema, name, scn))
            after_table(content.tables[-1])
        return content

    def import_schema(
        self, user: str, content: dump.SchemaDump, schema: str | None = None, existing: str = "SKIP"
    ) -> ImportOutcome:
        """Put a dump's tables into ``schema`` (default: the dump's own). ``existing``: SKIP, APPEND, TRUNCATE or REPLACE
        tables that are there. ORA-01031 when the user may not, ORA-01435 when there is no such schema."""
        target = schema or content.schema
        with self.lock:
            if target not in self.users:
                raise OracleError(1435)
            if user != target and not self.principal(user).roles & IMPORT_ROLES:
                raise OracleError(1031)
            outcome = ImportOutcome()
            for table in content.tables:
                self.import_table(target, table, existing, outcome)
            return outcome

    def import_all(self, user: str, content: dump.SchemaDump, existing: str = "SKIP") -> dict[str, ImportOutcome]:
        """Put a whole database's users and tables back; the outcome by schema. ORA-01031 when the user may not."""
        with self.lock:
            if not self.principal(user).roles & IMPORT_ROLES:
                raise OracleError(1031)
            for name in content.users:
                if name not in self.users:
                    self.add_user(name, None)
            return {name: self.import_schema(user, content.part(name), name, existing) for name in content.users}

    def import_table(self, schema: str, table: dump.TableDump, existing: str, outcome: ImportOutcome) -> None:
        with self.lock:
            if table.name in self.tables[schema] and existing == "SKIP":
                outcome.existing.append(table.name)
                return
            if table.name not in self.tables[schema] or existing == "REPLACE":
                self.add_table(schema, table.name, table.columns, size=table.bytes or None)
            elif existing == "TRUNCATE":
                self.delete_rows(schema, table.name)
            for row in table.rows:
                self.insert(schema, table.name, row)
            outcome.rows[table.name] = len(table.rows)


def _standard_roles() -> dict[str, Role]:
    def including(*roles: str) -> dict[str, Grant]:
        return {role: Grant() for role in roles}

    full = including("DATAPUMP_EXP_FULL_DATABASE", "DATAPUMP_IMP_FULL_DATABASE", "EXP_FULL_DATABASE", "IMP_FULL_DATABASE")
    return {
        "CONNECT": Role({"CREATE SESSION", "SET CONTAINER"}),
        "RESOURCE": Role({"CREATE TABLE", "CREATE PROCEDURE", "CREATE SEQUENCE", "CREATE TRIGGER", "CREATE TYPE"}),
        "SELECT_CATALOG_ROLE": Role(),
        "EXECUTE_CATALOG_ROLE": Role(),
        "EXP_FULL_DATABASE": Role(
            {"CREATE SESSION", "CREATE TABLE", "SELECT ANY TABLE", "FLASHBACK ANY TABLE"},
            roles=including("SELECT_CATALOG_ROLE", "EXECUTE_CATALOG_ROLE"),
        ),
        "IMP_FULL_DATABASE": Role(
            {"CREATE SESSION", "CREATE ANY TABLE", "CREATE USER", "DROP ANY TABLE"},
            roles=including("SELECT_CATALOG_ROLE", "EXECUTE_CATALOG_ROLE"),
        ),
        "DATAPUMP_EXP_FULL_DATABASE": Role({"CREATE SESSION", "CREATE TABLE"}, roles=including("EXP_FULL_DATABASE")),
        "DATAPUMP_IMP_FULL_DATABASE": Role({"CREATE SESSION", "CREATE TABLE"}, roles=including("IMP_FULL_DATABASE")),
        "DBA": Role(set(_ADMINISTRATION), roles=including("SELECT_CATALOG_ROLE", "EXECUTE_CATALOG_ROLE") | full),
    }
