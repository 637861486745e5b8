# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The dictionary views: their columns, who sees them, and their rows out of the model."""

from __future__ import annotations

import dataclasses
import datetime
import itertools
import typing as t

from tests.lab.oracle.database import UNLIMITED, Database, Grant, Principal, Role, User

PUBLIC, CATALOG, FIXED = "public", "catalog", "fixed"
BLOCK = 8192
Row = t.Mapping[str, t.Any]


@dataclasses.dataclass(frozen=True)
class Reader:
    """On whose behalf views are read."""

    database: Database
    principal: Principal
    sid: int = 1
    program: str = ""
    sessions: t.Sequence[Row] = ()

    @property
    def user(self) -> str:
        return self.principal.user


@dataclasses.dataclass(frozen=True)
class View:
    """``columns``: names with a type letter (t text, n number, d date). FIXED views need the catalog's rights too, but are
    there before the database is open."""

    columns: dict[str, str]
    rows: t.Callable[[Reader], t.Iterable[Row]]
    access: str = CATALOG


VIEWS: dict[str, View] = {}
_RowFunction = t.Callable[[Reader], t.Iterable[Row]]


def _view(name: str, columns: str, access: str = CATALOG) -> t.Callable[[_RowFunction], _RowFunction]:
    def register(function: _RowFunction) -> _RowFunction:
        VIEWS[name] = View(dict(column.split(":") for column in columns.split()), function, access)
        return function

    return register


def _narrowed(name: str, source: str, owner: str, access: str = PUBLIC, keep_owner: bool = False) -> None:
    """USER_… (or ALL_… of a lab in which users see only their own) from DBA_…: the rows whose owner is the reader."""
    base = VIEWS[source]
    columns = {key: kind for key, kind in base.columns.items() if keep_owner or key != owner}
    VIEWS[name] = View(columns, lambda reader: (row for row in base.rows(reader) if row[owner] == reader.user), access)


def _naive(moment: datetime.datetime) -> datetime.datetime:
    return moment.astimezone(datetime.UTC).replace(tzinfo=None, microsecond=0)


def _yes(value: bool) -> str:
    return "YES" if value else "NO"


def _short_version(version: str) -> str:
    """What VERSION columns show since 18c: the release without its update."""
    major, *rest = version.split(".")
    return ".".join([major, *["0"] * len(rest)]) if int(major) >= 18 else version


@_view("DUAL", "DUMMY:t", PUBLIC)
def _dual(reader: Reader) -> t.Iterable[Row]:
    return [{"DUMMY": "X"}]


@_view("PRODUCT_COMPONENT_VERSION", "PRODUCT:t VERSION:t VERSION_FULL:t STATUS:t", PUBLIC)
def _product(reader: Reader) -> t.Iterable[Row]:
    database = reader.database
    product = f"Oracle Database {database.version.split('.')[0]}c {database.edition}"
    return [
        {
            "PRODUCT": product + " ",
            "VERSION": _short_version(database.version),
            "VERSION_FULL": database.version,
            "STATUS": "Production",
        }
    ]


@_view("V$VERSION", "BANNER:t BANNER_FULL:t BANNER_LEGACY:t CON_ID:n", PUBLIC)
def _version(reader: Reader) -> t.Iterable[Row]:
    version = reader.database.version
    major = version.split(".")[0]
    banner = f"Oracle Database {major}c {reader.database.edition} Release {_short_version(version)} - Production"
    return [{"BANNER": banner, "BANNER_FULL": f"{banner}\nVersion {version}", "BANNER_LEGACY": banner, "CON_ID": 0}]


@_view(
    "V$INSTANCE",
    "INSTANCE_NUMBER:n INSTANCE_NAME:t HOST_NAME:t VERSION:t VERSION_LEGACY:t VERSION_FULL:t STARTUP_TIME:d STATUS:t PARALLEL:t "
    "ARCHIVER:t LOGINS:t SHUTDOWN_PENDING:t DATABASE_STATUS:t INSTANCE_ROLE:t ACTIVE_STATE:t BLOCKED:t CON_ID:n INSTANCE_MODE:t "
    "EDITION:t DATABASE_TYPE:t",
    FIXED,
)
def _instance(reader: Reader) -> t.Iterable[Row]:
    database = reader.database
    return [
        {
            "INSTANCE_NUMBER": 1,
            "INSTANCE_NAME": database.name.lower(),
            "HOST_NAME": database.host_name,
            "VERSION": _short_version(database.version),
            "VERSION_LEGACY": _short_version(database.version),
            "VERSION_FULL": database.version,
            "STARTUP_TIME": _naive(database.clock.now()) - datetime.timedelta(days=3),
            "STATUS": "OPEN" if database.is_open else database.open_mode,
            "PARALLEL": "NO",
            "ARCHIVER": "STARTED" if database.log_mode == "ARCHIVELOG" else "STOPPED",
            "LOGINS": "ALLOWED",
            "SHUTDOWN_PENDING": "NO",
            "DATABASE_STATUS": "ACTIVE",
            "INSTANCE_ROLE": "PRIMARY_INSTANCE",
            "ACTIVE_STATE": "NORMAL",
            "BLOCKED": "NO",
            "CON_ID": 0,
            "INSTANCE_MODE": "REGULAR",
            "EDITION": {"E": "EE", "S": "SE", "X": "XE"}.get(database.edition[:1], "SE"),
            "DATABASE_TYPE": "SINGLE",
        }
    ]


@_view(
    "V$DATABASE",
    "DBID:n NAME:t DB_UNIQUE_NAME:t CREATED:d LOG_MODE:t OPEN_MODE:t DATABASE_ROLE:t CURRENT_SCN:n PLATFORM_NAME:t CDB:t CON_ID:n "
    "FORCE_LOGGING:t FLASHBACK_ON:t CONTROLFILE_TYPE:t SWITCHOVER_STATUS:t",
    FIXED,
)
def _database(reader: Reader) -> t.Iterable[Row]:
    database = reader.database
    return [
        {
            "DBID": database.dbid,
            "NAME": database.name,
            "DB_UNIQUE_NAME": database.name,
            "CREATED": datetime.datetime(2024, 1, 2, 3, 4, 5),
            "LOG_MODE": database.log_mode,
            "OPEN_MODE": database.open_mode,
            "DATABASE_ROLE": "PRIMARY",
            "CURRENT_SCN": database.scn,
            "PLATFORM_NAME": "Microsoft Windows x86 64-bit",
            "CDB": _yes(bool(database.pluggable)),
            "CON_ID": 0,
            "FORCE_LOGGING": "NO",
            "FLASHBACK_ON": "NO",
            "CONTROLFILE_TYPE": "CURRENT",
            "SWITCHOVER_STATUS": "NOT ALLOWED",
        }
    ]


@_view("V$PDBS", "CON_ID:n DBID:n NAME:t OPEN_MODE:t RESTRICTED:t", FIXED)
def _pdbs(reader: Reader) -> t.Iterable[Row]:
    for number, (name, mode) in enumerate(reader.database.pluggable.items(), 2):
        yield {"CON_ID": number, "DBID": reader.database.dbid + number, "NAME": name, "OPEN_MODE": mode, "RESTRICTED": "NO"}


@_view("V$SESSION", "SID:n SERIAL#:n USERNAME:t STATUS:t PROGRAM:t MACHINE:t OSUSER:t MODULE:t ACTION:t TYPE:t", FIXED)
def _sessions(reader: Reader) -> t.Iterable[Row]:
    return reader.sessions


@_view(
    "DBA_USERS",
    "USERNAME:t USER_ID:n ACCOUNT_STATUS:t LOCK_DATE:d EXPIRY_DATE:d DEFAULT_TABLESPACE:t TEMPORARY_TABLESPACE:t CREATED:d "
    "PROFILE:t AUTHENTICATION_TYPE:t ORACLE_MAINTAINED:t COMMON:t",
)
def _users(reader: Reader) -> t.Iterable[Row]:
    for name, user in reader.database.users.items():
        yield {
            "USERNAME": name,
            "USER_ID": user.user_id,
            "ACCOUNT_STATUS": user.account_status,
            "DEFAULT_TABLESPACE": user.tablespace,
            "TEMPORARY_TABLESPACE": "TEMP",
            "CREATED": datetime.datetime(2024, 1, 2, 3, 4, 5),
            "PROFILE": "DEFAULT",
            "AUTHENTICATION_TYPE": "NONE" if user.password is None else "PASSWORD",
            "ORACLE_MAINTAINED": "Y" if user.oracle_maintained else "N",
            "COMMON": _yes(user.oracle_maintained),
        }


VIEWS["ALL_USERS"] = View(
    {"USERNAME": "t", "USER_ID": "n", "CREATED": "d", "COMMON": "t", "ORACLE_MAINTAINED": "t"}, _users, PUBLIC
)
_narrowed("USER_USERS", "DBA_USERS", "USERNAME", keep_owner=True)


@_view("DBA_ROLES", "ROLE:t AUTHENTICATION_TYPE:t COMMON:t ORACLE_MAINTAINED:t")
def _roles(reader: Reader) -> t.Iterable[Row]:
    for role in reader.database.roles:
        yield {"ROLE": role, "AUTHENTICATION_TYPE": "NONE", "COMMON": "YES", "ORACLE_MAINTAINED": "Y"}


def _role_rows(grantee: str, granted: t.Mapping[str, Grant]) -> t.Iterable[Row]:
    for role, grant in granted.items():
        yield {
            "GRANTEE": grantee,
            "USERNAME": grantee,
            "ROLE": grantee,
            "GRANTED_ROLE": role,
            "ADMIN_OPTION": _yes(grant.admin),
            "DELEGATE_OPTION": "NO",
            "DEFAULT_ROLE": _yes(grant.default),
            "OS_GRANTED": "NO",
            "COMMON": "NO",
            "INHERITED": "NO",
        }


@_view("DBA_ROLE_PRIVS", "GRANTEE:t GRANTED_ROLE:t ADMIN_OPTION:t DELEGATE_OPTION:t DEFAULT_ROLE:t COMMON:t INHERITED:t")
def _role_privs(reader: Reader) -> t.Iterable[Row]:
    database = reader.database
    holders: t.Iterable[tuple[str, t.Any]] = itertools.chain(database.users.items(), database.roles.items())
    return itertools.chain.from_iterable(_role_rows(name, holder.roles) for name, holder in holders)


@_view("USER_ROLE_PRIVS", "USERNAME:t GRANTED_ROLE:t ADMIN_OPTION:t DELEGATE_OPTION:t DEFAULT_ROLE:t OS_GRANTED:t COMMON:t", PUBLIC)
def _user_role_privs(reader: Reader) -> t.Iterable[Row]:
    return _role_rows(reader.user, reader.database.users[reader.user].roles)


@_view("ROLE_ROLE_PRIVS", "ROLE:t GRANTED_ROLE:t ADMIN_OPTION:t COMMON:t INHERITED:t", PUBLIC)
def _role_role_privs(reader: Reader) -> t.Iterable[Row]:
    for role in sorted(reader.principal.roles):
        yield from _role_rows(role, reader.database.roles[role].roles)


def _privilege_rows(grantee: str, holder: User | Role) -> t.Iterable[Row]:
    for privilege in sorted(holder.privileges):
        names = dict.fromkeys(("GRANTEE", "USERNAME", "ROLE"), grantee)
        admin = _yes(privilege in holder.privileges_with_admin)
        yield {**names, "PRIVILEGE": privilege, "ADMIN_OPTION": admin, "COMMON": "NO", "INHERITED": "NO"}


@_view("DBA_SYS_PRIVS", "GRANTEE:t PRIVILEGE:t ADMIN_OPTION:t COMMON:t INHERITED:t")
def _sys_privs(reader: Reader) -> t.Iterable[Row]:
    database = reader.database
    holders: t.Iterable[tuple[str, t.Any]] = itertools.chain(database.users.items(), database.roles.items())
    return itertools.chain.from_iterable(_privilege_rows(name, holder) for name, holder in holders)


@_view("USER_SYS_PRIVS", "USERNAME:t PRIVILEGE:t ADMIN_OPTION:t COMMON:t INHERITED:t", PUBLIC)
def _user_sys_privs(reader: Reader) -> t.Iterable[Row]:
    return _privilege_rows(reader.user, reader.database.users[reader.user])


@_view("ROLE_SYS_PRIVS", "ROLE:t PRIVILEGE:t ADMIN_OPTION:t COMMON:t INHERITED:t", PUBLIC)
def _role_sys_privs(reader: Reader) -> t.Iterable[Row]:
    for role in sorted(reader.principal.roles):
        yield from _privilege_rows(role, reader.database.roles[role])


@_view("SESSION_ROLES", "ROLE:t", PUBLIC)
def _session_roles(reader: Reader) -> t.Iterable[Row]:
    return ({"ROLE": role} for role in sorted(reader.principal.roles))


@_view("SESSION_PRIVS", "PRIVILEGE:t", PUBLIC)
def _session_privs(reader: Reader) -> t.Iterable[Row]:
    held = reader.database.privileges_of(reader.principal) | ({UNLIMITED} if reader.principal.sysdba else set())
    return ({"PRIVILEGE": privilege} for privilege in sorted(held))


@_view(
    "DBA_SEGMENTS",
    "OWNER:t SEGMENT_NAME:t PARTITION_NAME:t SEGMENT_TYPE:t TABLESPACE_NAME:t BYTES:n BLOCKS:n EXTENTS:n",
)
def _segments(reader: Reader) -> t.Iterable[Row]:
    database = reader.database

    def segment(owner: str, name: str, kind: str, size: int) -> Row:
        return {
            "OWNER": owner,
            "SEGMENT_NAME": name,
            "SEGMENT_TYPE": kind,
            "TABLESPACE_NAME": database.users[owner].tablespace,
            "BYTES": size,
            "BLOCKS": size // BLOCK,
            "EXTENTS": max(1, size // 65536),
        }

    for owner, tables in database.tables.items():
        for name, table in tables.items():
            if table.bytes is not None:
                yield segment(owner, name, "TABLE", table.bytes)
    for owner, objects in database.objects.items():
        for thing in objects:
            if thing.segment_bytes is not None:
                yield segment(owner, thing.name, thing.kind, thing.segment_bytes)


_narrowed("USER_SEGMENTS", "DBA_SEGMENTS", "OWNER")


@_view("DBA_EXTENTS", "OWNER:t SEGMENT_NAME:t SEGMENT_TYPE:t TABLESPACE_NAME:t BYTES:n BLOCKS:n")
def _extents(reader: Reader) -> t.Iterable[Row]:
    return _segments(reader)


@_view(
    "DBA_OBJECTS",
    "OWNER:t OBJECT_NAME:t SUBOBJECT_NAME:t OBJECT_ID:n OBJECT_TYPE:t CREATED:d LAST_DDL_TIME:d STATUS:t TEMPORARY:t GENERATED:t "
    "SECONDARY:t ORACLE_MAINTAINED:t",
)
def _objects(reader: Reader) -> t.Iterable[Row]:
    database = reader.database
    number = itertools.count(70_000)

    def thing(owner: str, kind: str, name: str, status: str) -> Row:
        return {
            "OWNER": owner,
            "OBJECT_NAME": name,
            "OBJECT_ID": next(number),
            "OBJECT_TYPE": kind,
            "CREATED": datetime.datetime(2024, 1, 2, 3, 4, 5),
            "LAST_DDL_TIME": datetime.datetime(2024, 1, 2, 3, 4, 5),
            "STATUS": status,
            "TEMPORARY": "N",
            "GENERATED": "N",
            "SECONDARY": "N",
            "ORACLE_MAINTAINED": "Y" if database.users[owner].oracle_maintained else "N",
        }

    for owner, tables in database.tables.items():
        yield from (thing(owner, "TABLE", name, "VALID") for name in tables)
    for owner, objects in database.objects.items():
        yield from (thing(owner, entry.kind, entry.name, entry.status) for entry in objects if entry.kind != "LOBSEGMENT")
    yield from (thing("SYS", "DIRECTORY", name, "VALID") for name in database.directories)


_narrowed("USER_OBJECTS", "DBA_OBJECTS", "OWNER")
_narrowed("ALL_OBJECTS", "DBA_OBJECTS", "OWNER", keep_owner=True)


@_view(
    "DBA_TABLES", "OWNER:t TABLE_NAME:t TABLESPACE_NAME:t STATUS:t NUM_ROWS:n TEMPORARY:t NESTED:t SEGMENT_CREATED:t PARTITIONED:t"
)
def _tables(reader: Reader) -> t.Iterable[Row]:
    database = reader.database
    for owner, tables in database.tables.items():
        for name, table in tables.items():
            yield {
                "OWNER": owner,
                "TABLE_NAME": name,
                "TABLESPACE_NAME": database.users[owner].tablespace,
                "STATUS": "VALID",
                "NUM_ROWS": len(table.rows_at(database.scn)),
                "TEMPORARY": "N",
                "NESTED": "NO",
                "SEGMENT_CREATED": _yes(table.bytes is not None),
                "PARTITIONED": "NO",
            }


_narrowed("USER_TABLES", "DBA_TABLES", "OWNER")
_narrowed("ALL_TABLES", "DBA_TABLES", "OWNER", keep_owner=True)


@_view("DBA_TABLESPACES", "TABLESPACE_NAME:t BLOCK_SIZE:n STATUS:t CONTENTS:t")
def _tablespaces(reader: Reader) -> t.Iterable[Row]:
    for name in reader.database.tablespaces:
        contents = "TEMPORARY" if name == "TEMP" else "PERMANENT"
        yield {"TABLESPACE_NAME": name, "BLOCK_SIZE": BLOCK, "STATUS": "ONLINE", "CONTENTS": contents}


@_view("DBA_TS_QUOTAS", "TABLESPACE_NAME:t USERNAME:t BYTES:n MAX_BYTES:n BLOCKS:n MAX_BLOCKS:n DROPPED:t")
def _quotas(reader: Reader) -> t.Iterable[Row]:
    for name, user in reader.database.users.items():
        for tablespace, limit in user.quotas.items():
            used = sum(table.bytes or 0 for table in reader.database.tables[name].values())
            yield {
                "TABLESPACE_NAME": tablespace,
                "USERNAME": name,
                "BYTES": used,
                "MAX_BYTES": limit,
                "BLOCKS": used // BLOCK,
                "MAX_BLOCKS": -1 if limit < 0 else limit // BLOCK,
                "DROPPED": "NO",
            }


_narrowed("USER_TS_QUOTAS", "DBA_TS_QUOTAS", "USERNAME")


@_view("DBA_DIRECTORIES", "OWNER:t DIRECTORY_NAME:t DIRECTORY_PATH:t ORIGIN_CON_ID:n")
def _directories(reader: Reader) -> t.Iterable[Row]:
    for name, path in reader.database.directories.items():
        yield {"OWNER": "SYS", "DIRECTORY_NAME": name, "DIRECTORY_PATH": path, "ORIGIN_CON_ID": 0}


@_view("ALL_DIRECTORIES", "OWNER:t DIRECTORY_NAME:t DIRECTORY_PATH:t ORIGIN_CON_ID:n", PUBLIC)
def _all_directories(reader: Reader) -> t.Iterable[Row]:
    database, principal = reader.database, reader.principal
    for row in _directories(reader):
        name = row["DIRECTORY_NAME"]
        may_use = any(database.may_use_directory(principal, name, privilege) for privilege in ("READ", "WRITE"))
        if may_use or database.has_privilege(principal, "DROP ANY DIRECTORY"):
            yield row


_TAB_PRIVS = "GRANTEE:t OWNER:t TABLE_NAME:t GRANTOR:t PRIVILEGE:t GRANTABLE:t HIERARCHY:t COMMON:t TYPE:t INHERITED:t"


@_view("DBA_TAB_PRIVS", _TAB_PRIVS)
def _tab_privs(reader: Reader) -> t.Iterable[Row]:
    for (directory, grantee), privileges in reader.database.directory_grants.items():
        for privilege in sorted(privileges):
            yield {
                "GRANTEE": grantee,
                "OWNER": "SYS",
                "TABLE_SCHEMA": "SYS",
                "TABLE_NAME": directory,
                "GRANTOR": "SYS",
                "PRIVILEGE": privilege,
                "GRANTABLE": "NO",
                "HIERARCHY": "NO",
                "COMMON": "NO",
                "TYPE": "DIRECTORY",
                "INHERITED": "NO",
            }


@_view("ALL_TAB_PRIVS", _TAB_PRIVS.replace("OWNER:", "TABLE_SCHEMA:"), PUBLIC)
def _all_tab_privs(reader: Reader) -> t.Iterable[Row]:
    holders = {reader.user, "PUBLIC", *reader.principal.roles}
    return (row for row in _tab_privs(reader) if row["GRANTEE"] in holders)


@_view("USER_TAB_PRIVS", _TAB_PRIVS, PUBLIC)
def _user_tab_privs(reader: Reader) -> t.Iterable[Row]:
    return (row for row in _tab_privs(reader) if row["GRANTEE"] == reader.user)


def _nls(reader: Reader) -> t.Iterable[Row]:
    values = {
        "NLS_LANGUAGE": "AMERICAN",
        "NLS_TERRITORY": "AMERICA",
        "NLS_CHARACTERSET": reader.database.charset,
        "NLS_NCHAR_CHARACTERSET": "AL16UTF16",
        "NLS_DATE_FORMAT": "DD-MON-RR",
        "NLS_LENGTH_SEMANTICS": "BYTE",
        "NLS_RDBMS_VERSION": _short_version(reader.database.version),
    }
    return ({"PARAMETER": parameter, "VALUE": value} for parameter, value in values.items())


VIEWS["NLS_DATABASE_PARAMETERS"] = View({"PARAMETER": "t", "VALUE": "t"}, _nls, PUBLIC)
VIEWS["NLS_SESSION_PARAMETERS"] = View({"PARAMETER": "t", "VALUE": "t"}, _nls, PUBLIC)


@_view("V$PARAMETER", "NAME:t VALUE:t DISPLAY_VALUE:t", FIXED)
def _parameters(reader: Reader) -> t.Iterable[Row]:
    database = reader.database
    known = {"db_name": database.name, "instance_name": database.name.lower(), "deferred_segment_creation": "TRUE"}
    return ({"NAME": name, "VALUE": value, "DISPLAY_VALUE": value} for name, value in known.items())


@_view(
    "DBA_DATAPUMP_JOBS",
    "OWNER_NAME:t JOB_NAME:t OPERATION:t JOB_MODE:t STATE:t DEGREE:n ATTACHED_SESSIONS:n DATAPUMP_SESSIONS:n",
)
def _datapump_jobs(reader: Reader) -> t.Iterable[Row]:
    database = reader.database
    for (owner, name), job in database.jobs.items():
        yield {
            "OWNER_NAME": owner,
            "JOB_NAME": name,
            "OPERATION": job.operation,
            "JOB_MODE": job.mode,
            "STATE": job.state,
            "DEGREE": job.degree if job.is_alive else 0,
            "ATTACHED_SESSIONS": len(job.attached),
            "DATAPUMP_SESSIONS": len(job.attached) + (2 if job.is_alive else 0),
        }
    for owner, tables in database.tables.items():
        for name, table in tables.items():
            if table.is_master and (owner, name) not in database.jobs:
                yield {
                    "OWNER_NAME": owner,
                    "JOB_NAME": name,
                    "OPERATION": "EXPORT",
                    "JOB_MODE": "SCHEMA",
                    "STATE": "NOT RUNNING",
                    "DEGREE": 0,
                    "ATTACHED_SESSIONS": 0,
                    "DATAPUMP_SESSIONS": 0,
                }


_narrowed("USER_DATAPUMP_JOBS", "DBA_DATAPUMP_JOBS", "OWNER_NAME")


@_view("DBA_DATAPUMP_SESSIONS", "OWNER_NAME:t JOB_NAME:t INST_ID:n SESSION_TYPE:t")
def _datapump_sessions(reader: Reader) -> t.Iterable[Row]:
    for (owner, name), job in reader.database.jobs.items():
        for kind in ["DBMS_DATAPUMP"] * len(job.attached) + (["MASTER", "WORKER"] if job.is_alive else []):
            yield {"OWNER_NAME": owner, "JOB_NAME": name, "INST_ID": 1, "SESSION_TYPE": kind}


@_view(
    "V$SESSION_LONGOPS",
    "SID:n OPNAME:t TARGET:t TARGET_DESC:t SOFAR:n TOTALWORK:n UNITS:t START_TIME:d LAST_UPDATE_TIME:d ELAPSED_SECONDS:n "
    "TIME_REMAINING:n MESSAGE:t USERNAME:t",
    FIXED,
)
def _longops(reader: Reader) -> t.Iterable[Row]:
    for number, ((owner, name), job) in enumerate(reader.database.jobs.items(), 200):
        total = max(1, job.total_bytes // 2**20)
        done = total * job.percent // 100
        yield {
            "SID": number,
            "OPNAME": name,
            "TARGET_DESC": job.operation,
            "SOFAR": done,
            "TOTALWORK": total,
            "UNITS": "MB",
            "START_TIME": _naive(job.started_at) if job.started_at else None,
            "LAST_UPDATE_TIME": _naive(reader.database.clock.now()),
            "ELAPSED_SECONDS": int(job.worked),
            "TIME_REMAINING": int(max(0.0, job.seconds - job.worked)),
            "MESSAGE": f"{name}: {job.operation} : {done} out of {total} MB done",
            "USERNAME": owner,
        }
