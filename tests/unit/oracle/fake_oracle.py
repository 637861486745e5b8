# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A database in memory behind the Session protocol: dictionary SELECTs run in SQLite, grants and Data Pump jobs are modelled."""

from __future__ import annotations

import dataclasses
import re
import sqlite3
import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.oracle import plsql
from ansible_collections.lockstep.backup.plugins.module_utils.oracle.failures import database_error
from ansible_collections.lockstep.backup.plugins.module_utils.oracle.session import Login, Session

GRANT = re.compile(r'GRANT ([A-Z_ ]+?) TO "([^"]+)"( WITH ADMIN OPTION)?\Z')
REVOKE = re.compile(r'REVOKE ([A-Z_ ]+?) FROM "([^"]+)"\Z')
DROP = re.compile(r'DROP TABLE "([^"]+)"\."([^"]+)" PURGE\Z')
UNLIMITED = "UNLIMITED TABLESPACE"

SCHEMA = """
CREATE TABLE nls_database_parameters (parameter, value);
CREATE TABLE v$database (open_mode, log_mode, current_scn);
CREATE TABLE dba_users (username, account_status);
CREATE TABLE dba_segments (owner, bytes);
CREATE TABLE dba_objects (owner, object_type, object_name, status);
CREATE TABLE dba_tables (owner, table_name, segment_created, temporary);
CREATE TABLE dba_directories (directory_name, directory_path);
CREATE TABLE dba_tab_privs (grantee, table_name, privilege);
CREATE TABLE dba_role_privs (grantee, granted_role, admin_option, default_role);
CREATE TABLE dba_sys_privs (grantee, privilege, admin_option);
CREATE TABLE dba_datapump_jobs (owner_name, job_name, state);
"""
OWN_VIEWS: t.Mapping[str, tuple[str, str]] = {
    "all_users": ("dba_users", "1"),
    "user_segments": ("dba_segments", "owner = :me"),
    "all_objects": ("dba_objects", "owner = :me"),
    "user_objects": ("dba_objects", "owner = :me"),
    "all_tables": ("dba_tables", "owner = :me"),
    "all_directories": ("dba_directories", "1"),
    "all_tab_privs": ("dba_tab_privs", "1"),
    "user_sys_privs": ("dba_sys_privs", "grantee = :me"),
    "user_datapump_jobs": ("dba_datapump_jobs", "owner_name = :me"),
}


def ora(code: int, text: str = "an error") -> Exception:
    return database_error(f"ORA-{code:05d}: {text}", "the fake database")


@dataclasses.dataclass
class FakeJob:
    """A Data Pump job: it ends after ``polls`` looks, with ``end`` called once."""

    owner: str
    name: str
    operation: str
    polls: int = 3
    state: str = "DEFINING"
    percent: int = 0
    errors: int = 0
    calls: list[tuple[str, dict[str, t.Any]]] = dataclasses.field(default_factory=list)
    opening: dict[str, t.Any] = dataclasses.field(default_factory=dict)


class FakeOracle:
    """The database. ``on_operation`` is called with each operation before it is done, and may raise."""

    def __init__(self) -> None:
        self.sql = sqlite3.connect(":memory:")
        self.sql.executescript(SCHEMA)
        self.version = "19.21.0.0.0"
        self.passwords = {"AESUSER313": "s3cret", "SYSTEM": "manager"}
        self.dba_brings_unlimited = False
        self.new_roles_are_default = True
        self.operations: list[str] = []
        self.on_operation: t.Callable[[str], None] = lambda operation: None
        self.after_operation: t.Callable[[str], None] = lambda operation: None
        self.jobs: dict[str, FakeJob] = {}
        self.job_ends: t.Callable[[FakeJob], None] = lambda job: None
        self.job_polls = 3
        self.opened = 0
        self.closed = 0
        self.fill(
            "nls_database_parameters",
            ("NLS_CHARACTERSET", "AL32UTF8"),
        )
        self.fill("v$database", ("READ WRITE", "NOARCHIVELOG", 4711))
        self.fill("dba_users", ("AESUSER313", "OPEN"), ("SYSTEM", "OPEN"))
        self.fill("dba_segments", ("AESUSER313", 1_000_000))
        self.fill("dba_directories", ("BACKUP_DIR", "D:\\Backups"))
        self.fill("dba_tab_privs", ("AESUSER313", "BACKUP_DIR", "READ"), ("AESUSER313", "BACKUP_DIR", "WRITE"))
        self.fill(
            "dba_role_privs",
            ("SYSTEM", "DBA", "YES", "YES"),
            ("AESUSER313", "CONNECT", "NO", "YES"),
            ("DBA", "EXP_FULL_DATABASE", "NO", "YES"),
            ("DBA", "DATAPUMP_EXP_FULL_DATABASE", "NO", "YES"),
        )

    def fill(self, table: str, *rows: tuple[t.Any, ...]) -> None:
        for row in rows:
            places = ", ".join("?" * len(row))
            self.sql.execute(f"INSERT INTO {table} VALUES ({places})", row)  # noqa: S608 - a name of SCHEMA

    def change(self, statement: str, *values: t.Any) -> None:
        self.sql.execute(statement, values)

    def column(self, statement: str, *values: t.Any) -> set[t.Any]:
        return {row[0] for row in self.sql.execute(statement, values)}

    def roles_of(self, account: str) -> dict[str, tuple[str, str]]:
        rows = self.sql.execute("SELECT granted_role, admin_option, default_role FROM dba_role_privs WHERE grantee = ?", (account,))
        return {role: (admin, default) for role, admin, default in rows}

    def unlimited_of(self, account: str) -> set[str]:
        return self.column("SELECT admin_option FROM dba_sys_privs WHERE grantee = ? AND privilege = ?", account, UNLIMITED)

    def connect(self, login: Login) -> Session:
        self.step(f"connect {login.user}")
        if self.passwords.get(login.user) != login.password:
            raise ora(1017, "invalid username/password; logon denied")
        self.opened += 1
        return FakeSession(self, login)

    def step(self, operation: str) -> None:
        self.on_operation(operation)
        self.operations.append(operation)

    def grant(self, what: str, account: str, admin: bool) -> None:
        option = "YES" if admin else "NO"
        if account not in self.column("SELECT username FROM dba_users"):
            raise ora(1917, f"user or role '{account}' does not exist")
        if what == UNLIMITED:
            self.change("DELETE FROM dba_sys_privs WHERE grantee = ? AND privilege = ?", account, UNLIMITED)
            self.fill("dba_sys_privs", (account, UNLIMITED, option))
            return
        self.change("DELETE FROM dba_role_privs WHERE grantee = ? AND granted_role = ?", account, what)
        self.fill("dba_role_privs", (account, what, option, "YES" if self.new_roles_are_default else "NO"))
        if what == "DBA" and self.dba_brings_unlimited and not self.unlimited_of(account):
            self.fill("dba_sys_privs", (account, UNLIMITED, "NO"))

    def revoke(self, what: str, account: str) -> None:
        if what == UNLIMITED:
            if not self.unlimited_of(account):
                raise ora(1952, f"system privileges not granted to '{account}'")
            self.change("DELETE FROM dba_sys_privs WHERE grantee = ? AND privilege = ?", account, UNLIMITED)
            return
        if what not in self.roles_of(account):
            raise ora(1951, f"ROLE '{what}' not granted to '{account}'")
        self.change("DELETE FROM dba_role_privs WHERE grantee = ? AND granted_role = ?", account, what)
        if what == "DBA" and self.dba_brings_unlimited:
            self.change("DELETE FROM dba_sys_privs WHERE grantee = ? AND privilege = ?", account, UNLIMITED)

    def set_state(self, job: FakeJob, state: str | None) -> None:
        self.change("DELETE FROM dba_datapump_jobs WHERE owner_name = ? AND job_name = ?", job.owner, job.name)
        if state is None:
            self.jobs.pop(job.name, None)
        else:
            job.state = state
            self.fill("dba_datapump_jobs", (job.owner, job.name, state))


class FakeSession:
    """One login. Handles of jobs are known to the session that got them only."""

    def __init__(self, database: FakeOracle, login: Login) -> None:
        self.database, self.login = database, login
        self.handles: dict[int, FakeJob] = {}

    @property
    def version(self) -> str:
        return self.database.version

    @property
    def is_dba(self) -> bool:
        return "DBA" in self.database.roles_of(self.login.user)

    def rows(self, sql: str, **binds: t.Any) -> list[tuple[t.Any, ...]]:
        source = sql.partition(" FROM ")[2].split()[0]
        self.database.step(f"{self.login.user} reads {source}")
        if (source.startswith(("dba_", "v$"))) and not self.is_dba:
            raise ora(942, "table or view does not exist")
        if "dbms_flashback" in sql:
            raise ora(904, "DBMS_FLASHBACK: invalid identifier")
        if source == "role_role_privs":
            rows = self.database.sql.execute("SELECT * FROM dba_role_privs")
            return [(who, role) for who, role, *_rest in rows if who.isupper()]
        if source == "user_role_privs":
            sql = "SELECT * FROM dba_role_privs WHERE grantee = :me"
        elif source in OWN_VIEWS:
            base, condition = OWN_VIEWS[source]
            narrowed = f"FROM (SELECT *, :me AS username FROM {base} WHERE {condition})"  # noqa: S608 - from OWN_VIEWS
            sql = sql.replace(
                f"FROM {source}", narrowed if source == "user_sys_privs" else narrowed.replace(", :me AS username", "")
            )
        result = list(self.database.sql.execute(sql, {**binds, "me": self.login.user}))
        self.database.after_operation(f"{self.login.user} reads {source}")
        return result

    def execute(self, statement: str) -> None:
        self.database.step(statement)
        granted, revoked, dropped = GRANT.match(statement), REVOKE.match(statement), DROP.match(statement)
        if granted:
            self.database.grant(granted[1], granted[2], granted[3] is not None)
        elif revoked:
            self.database.revoke(revoked[1], revoked[2])
        elif dropped:
            self.database.set_state(self.database.jobs[dropped[2]], None)
        else:
            raise AssertionError(f"unexpected statement {statement}")
        self.database.after_operation(statement)

    def call(self, block: str, binds: t.Mapping[str, t.Any], out: t.Mapping[str, type]) -> dict[str, t.Any]:
        name = {plsql.OPEN: "open", plsql.ATTACH: "attach", plsql.STATUS: "status", plsql.DETACH: "detach", plsql.STOP: "stop"}.get(
            block, "start"
        )
        self.database.step(f"datapump {name}")
        result: dict[str, t.Any] = getattr(self, f"_{name}")(dict(binds))
        self.database.after_operation(f"datapump {name}")
        assert set(result) == set(out)
        return result

    def _handle(self, job: FakeJob) -> dict[str, t.Any]:
        number = len(self.handles) + 1
        self.handles[number] = job
        return {"handle": number}

    def _open(self, binds: dict[str, t.Any]) -> dict[str, t.Any]:
        if binds["job"] in self.database.jobs:
            raise ora(31634, "job already exists")
        job = FakeJob(self.login.user, binds["job"], binds["operation"], self.database.job_polls, opening=binds)
        self.database.jobs[job.name] = job
        return self._handle(job)

    def _start(self, binds: dict[str, t.Any]) -> dict[str, t.Any]:
        job = self.handles.pop(binds.pop("handle"))
        job.calls.append(("start", binds))
        self.database.set_state(job, "EXECUTING")
        return {}

    def _attach(self, binds: dict[str, t.Any]) -> dict[str, t.Any]:
        job = self.database.jobs.get(binds["job"])
        if job is None:
            raise ora(31626, "job does not exist")
        if job.state == "NOT RUNNING":
            # As in Oracle: who attaches to a stopped job wakes it up, and it waits for commands.
            self.database.set_state(job, "IDLING")
        return self._handle(job)

    def _status(self, binds: dict[str, t.Any]) -> dict[str, t.Any]:
        job = self.handles.get(binds["handle"])
        if job is None or job.name not in self.database.jobs:
            raise ora(31626, "job does not exist")
        if job.state == "IDLING":
            return {"state": "IDLING", "percent": 0.0, "errors": 0.0, "texts": None}
        job.polls -= 1
        job.percent = min(99, job.percent + 30)
        if job.polls <= 0:
            self.database.set_state(job, None)
            self.database.job_ends(job)
            return {"state": "COMPLETED", "percent": 100.0, "errors": float(job.errors), "texts": None}
        return {"state": job.state, "percent": float(job.percent), "errors": float(job.errors), "texts": None}

    def _detach(self, binds: dict[str, t.Any]) -> dict[str, t.Any]:
        job = self.handles.pop(binds["handle"])
        if job.state == "DEFINING":
            self.database.jobs.pop(job.name)
        return {}

    def _stop(self, binds: dict[str, t.Any]) -> dict[str, t.Any]:
        self.database.set_state(self.handles.pop(binds["handle"]), None)
        return {}

    def close(self) -> None:
        self.database.closed += 1
        for job in self.handles.values():
            if job.state == "DEFINING":
                self.database.jobs.pop(job.name, None)
