# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Statements that are neither queries nor blocks: privileges, directories, tables, users, the session's own settings."""

from __future__ import annotations

import dataclasses
import typing as t

from tests.lab.oracle.database import UNLIMITED, Database, Grant, User
from tests.lab.oracle.errors import OracleError, UnknownRequest
from tests.lab.oracle.sqltext import QUOTED, TokenReader, tokenize

if t.TYPE_CHECKING:
    from tests.lab.oracle.session import Session

PRIVILEGES = frozenset(
    {
        *("ALTER SYSTEM", "ALTER USER", "BECOME USER", "CREATE ANY DIRECTORY", "CREATE ANY TABLE", "CREATE PROCEDURE"),
        *("CREATE SEQUENCE", "CREATE SESSION", "CREATE TABLE", "CREATE TRIGGER", "CREATE TYPE", "CREATE USER", "CREATE VIEW"),
        *("DROP ANY DIRECTORY", "DROP ANY TABLE", "DROP USER", "FLASHBACK ANY TABLE", "GRANT ANY OBJECT PRIVILEGE"),
        *("GRANT ANY PRIVILEGE", "GRANT ANY ROLE", "SELECT ANY DICTIONARY", "SELECT ANY TABLE", "SET CONTAINER", UNLIMITED),
    }
)
_Handler = t.Callable[["Session", TokenReader], None]
_HANDLERS: dict[tuple[str, ...], _Handler] = {}


def run(session: Session, text: str) -> None:
    """Raises UnknownRequest for a statement that is not in the registry, or not wholly understood."""
    reader = TokenReader(tokenize(text))
    for words, handler in _HANDLERS.items():
        if reader.take_word(*words):
            handler(session, reader)
            reader.take_operator(";")
            reader.expect_end()
            return
    raise UnknownRequest("no such statement in the lab")


def _statement(*words: str) -> t.Callable[[_Handler], _Handler]:
    """Registers the statement that begins with these words."""

    def register(handler: _Handler) -> _Handler:
        _HANDLERS[words] = handler
        return handler

    return register


def _require(session: Session, *privileges: str) -> None:
    if not any(session.database.has_privilege(session.principal, privilege) for privilege in privileges):
        raise OracleError(1031)


def _check_writable(database: Database) -> None:
    if not database.is_open:
        raise OracleError(1109)
    if database.open_mode != "READ WRITE":
        raise OracleError(16000)


# privileges
@dataclasses.dataclass(frozen=True)
class _Grants:
    items: list[str]
    directory: str | None
    parties: list[str]
    admin: bool


def _phrase(reader: TokenReader, *until: str) -> str:
    """Words up to a comma or one of these words, as one name."""
    words = [reader.expect_name()]
    while reader.token.is_name and not reader.token.is_word(*until):
        words.append(reader.next().value)
    return " ".join(words)


def _read_grants(reader: TokenReader, direction: str) -> _Grants:
    items = [_phrase(reader, "ON", direction)]
    while reader.take_operator(","):
        items.append(_phrase(reader, "ON", direction))
    directory = None
    if reader.take_word("ON"):
        reader.expect_word("DIRECTORY")
        directory = reader.expect_name()
        if reader.take_operator("."):
            directory = reader.expect_name()
    reader.expect_word(direction)
    parties = [reader.expect_name()]
    while reader.take_operator(","):
        parties.append(reader.expect_name())
    admin = reader.take_word("WITH", "ADMIN", "OPTION") or reader.take_word("WITH", "GRANT", "OPTION")
    if reader.take_word("CONTAINER"):
        reader.expect_operator("=")
        if not reader.take_word("CURRENT"):
            reader.expect_word("ALL")
    return _Grants(items, directory, parties, admin)


def _holder(database: Database, name: str) -> t.Any:
    """The user or role; both have ``roles`` and ``privileges``."""
    if name in database.users:
        return database.users[name]
    if name in database.roles:
        return database.roles[name]
    raise OracleError(1917, name)


def _may_give_role(session: Session, role: str) -> bool:
    database, principal = session.database, session.principal
    if database.has_privilege(principal, "GRANT ANY ROLE"):
        return True
    held = database.users[principal.user].roles.get(role)
    return held is not None and held.admin


def _check_may_give(session: Session, item: str) -> None:
    if item in session.database.roles:
        if not _may_give_role(session, item):
            raise OracleError(1932, item)
    elif item in PRIVILEGES:
        if item not in session.database.users[session.principal.user].privileges_with_admin:
            _require(session, "GRANT ANY PRIVILEGE")
    else:
        raise OracleError(1919, item)


@_statement("GRANT")
def _grant(session: Session, reader: TokenReader) -> None:
    database = session.database
    wanted = _read_grants(reader, "TO")
    _check_writable(database)
    if wanted.directory is not None:
        _check_directory_rights(session, wanted)
        for party in wanted.parties:
            if party != "PUBLIC":
                _holder(database, party)
            database.directory_grants.setdefault((wanted.directory, party), set()).update(wanted.items)
        return
    for item in wanted.items:
        _check_may_give(session, item)
    for party in wanted.parties:
        holder = _holder(database, party)
        for item in wanted.items:
            if item in PRIVILEGES:
                holder.privileges.add(item)
                if wanted.admin:
                    holder.privileges_with_admin.add(item)
                continue
            holder.roles.setdefault(item, Grant()).admin |= wanted.admin
            if item == "DBA" and database.dba_brings_unlimited and isinstance(holder, User):
                holder.privileges.add(UNLIMITED)
    database.next_scn()


@_statement("REVOKE")
def _revoke(session: Session, reader: TokenReader) -> None:
    database = session.database
    wanted = _read_grants(reader, "FROM")
    _check_writable(database)
    if wanted.directory is not None:
        _check_directory_rights(session, wanted)
        for party in wanted.parties:
            held = database.directory_grants.get((wanted.directory, party), set())
            if not held.issuperset(wanted.items):
                raise OracleError(1927)
            held.difference_update(wanted.items)
        return
    for item in wanted.items:
        _check_may_give(session, item)
    for party in wanted.parties:
        holder = _holder(database, party)
        for item in wanted.items:
            if item in PRIVILEGES:
                if item not in holder.privileges:
                    raise OracleError(1952, party)
                holder.privileges.discard(item)
                holder.privileges_with_admin.discard(item)
                continue
            if item not in holder.roles:
                raise OracleError(1951, item, party)
            del holder.roles[item]
            if item == "DBA" and database.dba_brings_unlimited:
                holder.privileges.discard(UNLIMITED)
                holder.privileges_with_admin.discard(UNLIMITED)
    database.next_scn()


def _check_directory_rights(session: Session, wanted: _Grants) -> None:
    if wanted.directory not in session.database.directories:
        raise OracleError(22930, text="directory does not exist")
    if not set(wanted.items) <= {"READ", "WRITE", "EXECUTE"}:
        raise UnknownRequest(f"privileges on a directory: {wanted.items}")
    _require(session, "GRANT ANY OBJECT PRIVILEGE")


# directories, tables, users
@_statement("CREATE", "OR", "REPLACE", "DIRECTORY")
def _replace_directory(session: Session, reader: TokenReader) -> None:
    name = reader.expect_name()
    reader.expect_word("AS")
    path = reader.expect_string()
    _check_writable(session.database)
    _require(session, "CREATE ANY DIRECTORY")
    session.database.directories[name] = path
    if session.principal.user != "SYS":
        session.database.directory_grants[(name, session.principal.user)] = {"READ", "WRITE"}


@_statement("CREATE", "DIRECTORY")
def _create_directory(session: Session, reader: TokenReader) -> None:
    if reader.token.value in session.database.directories:
        raise OracleError(955)
    _replace_directory(session, reader)


@_statement("DROP", "DIRECTORY")
def _drop_directory(session: Session, reader: TokenReader) -> None:
    name = reader.expect_name()
    _check_writable(session.database)
    _require(session, "DROP ANY DIRECTORY")
    if name not in session.database.directories:
        raise OracleError(4043, name)
    del session.database.directories[name]
    for key in [key for key in session.database.directory_grants if key[0] == name]:
        del session.database.directory_grants[key]


def _read_table_name(session: Session, reader: TokenReader) -> tuple[str, str]:
    owner, name = session.schema, reader.expect_name()
    if reader.take_operator("."):
        owner, name = name, reader.expect_name()
    return owner, name


@_statement("DROP", "TABLE")
def _drop_table(session: Session, reader: TokenReader) -> None:
    database = session.database
    owner, name = _read_table_name(session, reader)
    reader.take_word("CASCADE", "CONSTRAINTS")
    reader.take_word("PURGE")
    _check_writable(database)
    may_see = session.principal.user == owner or database.has_privilege(session.principal, "DROP ANY TABLE")
    if not may_see or name not in database.tables.get(owner, {}):
        raise OracleError(942)
    if (owner, name) in database.jobs:
        raise OracleError(54)
    del database.tables[owner][name]
    database.next_scn()


@_statement("ALTER", "TABLE")
def _alter_table(session: Session, reader: TokenReader) -> None:
    owner, name = _read_table_name(session, reader)
    reader.expect_word("ALLOCATE", "EXTENT")
    _check_writable(session.database)
    table = session.database.tables.get(owner, {}).get(name)
    if table is None:
        raise OracleError(942)
    table.bytes = table.bytes or 65536


@_statement("CREATE", "USER")
def _create_user(session: Session, reader: TokenReader) -> None:
    name = reader.expect_name()
    password = None
    if reader.take_word("IDENTIFIED", "BY"):
        if reader.token.kind != QUOTED:
            raise reader.unexpected("a password in double quotes")
        password = reader.next().value
    else:
        reader.expect_word("NO", "AUTHENTICATION")
    tablespace = reader.expect_name() if reader.take_word("DEFAULT", "TABLESPACE") else "USERS"
    quota = 0
    if reader.take_word("QUOTA", "UNLIMITED", "ON"):
        reader.expect_name()
        quota = -1
    _check_writable(session.database)
    _require(session, "CREATE USER")
    if name in session.database.users or name in session.database.roles:
        raise OracleError(1920, name)
    session.database.add_user(name, password, roles=(), tablespace=tablespace, quota=quota)


@_statement("DROP", "USER")
def _drop_user(session: Session, reader: TokenReader) -> None:
    database = session.database
    name = reader.expect_name()
    is_cascade = reader.take_word("CASCADE")
    _check_writable(database)
    _require(session, "DROP USER")
    if name not in database.users:
        raise OracleError(1918, name)
    if not is_cascade and (database.tables[name] or database.objects[name]):
        raise OracleError(1922, name)
    for part in (database.users, database.tables, database.objects):
        t.cast(dict[str, t.Any], part).pop(name)


@_statement("ALTER", "USER")
def _alter_user(session: Session, reader: TokenReader) -> None:
    name = reader.expect_name()
    reader.expect_word("ACCOUNT")
    is_lock = reader.take_word("LOCK")
    if not is_lock:
        reader.expect_word("UNLOCK")
    _check_writable(session.database)
    _require(session, "ALTER USER")
    if name not in session.database.users:
        raise OracleError(1918, name)
    user = session.database.users[name]
    user.account_status = "LOCKED" if is_lock else "OPEN"
    user.failed_logins = 0


# the session itself
@_statement("SET", "ROLE")
def _set_role(session: Session, reader: TokenReader) -> None:
    database, user = session.database, session.database.users[session.principal.user]
    if reader.take_word("NONE"):
        roles: list[str] = []
    elif reader.take_word("ALL"):
        roles = list(user.roles)
    else:
        roles = [reader.expect_name()]
        while reader.take_operator(","):
            roles.append(reader.expect_name())
    for role in roles:
        if role not in user.roles:
            raise OracleError(1924, role)
    session.principal = dataclasses.replace(session.principal, roles=database.roles_below(roles))


@_statement("ALTER", "SESSION", "SET")
def _alter_session(session: Session, reader: TokenReader) -> None:
    while reader.token.is_name:
        name = reader.expect_name()
        reader.expect_operator("=")
        value = reader.next().value
        if name == "CURRENT_SCHEMA":
            if value not in session.database.users:
                raise OracleError(1435)
            session.schema = value
        elif name == "CONTAINER":
            if value not in session.database.pluggable and value != session.database.container:
                raise OracleError(65011, value)
            session.container = value
        elif name != "TIME_ZONE" and not name.startswith("NLS_"):
            raise UnknownRequest(f"ALTER SESSION SET {name}")


@_statement("SET", "TRANSACTION", "READ", "ONLY")
def _set_transaction(session: Session, reader: TokenReader) -> None:
    """Queries of a session are not bound to one SCN in the lab; only DBMS_DATAPUMP and exp are."""


@_statement("COMMIT")
@_statement("ROLLBACK")
def _end_transaction(session: Session, reader: TokenReader) -> None:
    """There is no uncommitted work: every change commits itself."""
