# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sessions at an Oracle database, over python-oracledb's thin mode. Private to lockstep.backup: not a public interface."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.oracle.failures import (
    CONNECTION_LOST,
    LISTENER_DOWN,
    database_error,
    scrub,
)
from ansible_collections.lockstep.backup.plugins.module_utils.oracle.limit import TooLong, within
from ansible_collections.lockstep.backup.plugins.module_utils.oracle.names import is_simple, quoted

oracledb: t.Any = None
ORACLEDB_PROBLEM = ""
try:
    import oracledb
except ImportError as problem:
    ORACLEDB_PROBLEM = str(problem)

CONNECT_SECONDS = 20.0
# One statement. GRANT waits for dictionary locks; nothing that this package asks takes longer on a database that is well.
CALL_SECONDS = 120.0


@dataclasses.dataclass(frozen=True)
class Login:
    """Where and as whom. ``mode``: default or sysdba. ``timeout``: seconds for the login. The password is in no ``repr``."""

    dsn: str
    user: str
    password: str = dataclasses.field(repr=False)
    mode: str = "default"
    config_dir: str | None = None
    wallet_location: str | None = None
    wallet_password: str | None = dataclasses.field(default=None, repr=False)
    timeout: float = 60.0

    @property
    def where(self) -> str:
        return f"{self.user} at {self.dsn}"


class Session(t.Protocol):
    """One connection. Every method raises the slugs of failures.py; ``oracle_connection_lost`` leaves it useless."""

    @property
    def version(self) -> str: ...

    def rows(self, sql: str, **binds: t.Any) -> list[tuple[t.Any, ...]]:
        """All rows of a query."""

    def execute(self, statement: str) -> None:
        """DDL: GRANT, REVOKE, DROP."""

    def call(self, block: str, binds: t.Mapping[str, t.Any], out: t.Mapping[str, type]) -> dict[str, t.Any]:
        """An anonymous PL/SQL block. ``out``: names and Python types (str, int, float) of what it gives back."""

    def close(self) -> None: ...


Connect = t.Callable[[Login], Session]


class OracledbSession:
    """A Session over a connection of python-oracledb."""

    def __init__(self, connection: t.Any, login: Login) -> None:
        self.connection, self.login = connection, login

    @property
    def version(self) -> str:
        return str(self.connection.version)

    def rows(self, sql: str, **binds: t.Any) -> list[tuple[t.Any, ...]]:
        try:
            with self.connection.cursor() as cursor:
                cursor.prefetchrows = cursor.arraysize = 1000
                cursor.execute(sql, binds)
                return [tuple(row) for row in cursor]
        except oracledb.Error as error:
            raise translated(error, self.login) from None

    def execute(self, statement: str) -> None:
        try:
            with self.connection.cursor() as cursor:
                cursor.execute(statement)
        except oracledb.Error as error:
            raise translated(error, self.login) from None

    def call(self, block: str, binds: t.Mapping[str, t.Any], out: t.Mapping[str, type]) -> dict[str, t.Any]:
        try:
            with self.connection.cursor() as cursor:
                # A text may be long: error lists of Data Pump. 32767 bytes is the most that PL/SQL holds.
                variables = {name: cursor.var(kind, 32767) if kind is str else cursor.var(kind) for name, kind in out.items()}
                cursor.execute(block, {**binds, **variables})
                return {name: variable.getvalue() for name, variable in variables.items()}
        except oracledb.Error as error:
            raise translated(error, self.login) from None

    def close(self) -> None:
        try:
            self.connection.close()
        except oracledb.Error:
            # The server ends the session of a connection that is gone by itself.
            return


def translated(error: BaseException, login: Login) -> LockstepError:
    """The driver's error as ours, without its traceback: frames of the driver hold the password."""
    texts = [str(error)]
    cause = error.__cause__
    while cause is not None and len(texts) < 5:
        texts.append(str(cause))
        cause = cause.__cause__
    # The innermost cause is the exact one.
    text = scrub("\n".join(reversed(texts)), [login.password, login.wallet_password])
    return database_error(text, login.where)


def connect(login: Login) -> Session:
    """Open a session. Slugs: ``library_missing``, and those of failures.py."""
    if oracledb is None:
        raise LockstepError(
            "library_missing",
            "python-oracledb is needed where this runs (the control node, for a Windows host), and cannot be imported: "
            f"{ORACLEDB_PROBLEM}. Install it: pip install oracledb.",
        )
    options: dict[str, t.Any] = {
        "config_dir": login.config_dir,
        "wallet_location": login.wallet_location,
        "wallet_password": login.wallet_password,
    }
    arguments: dict[str, t.Any] = {
        "user": login.user if is_simple(login.user) else quoted(login.user),
        "password": login.password,
        "dsn": login.dsn,
        "mode": oracledb.AUTH_MODE_SYSDBA if login.mode == "sysdba" else oracledb.AUTH_MODE_DEFAULT,
        "tcp_connect_timeout": CONNECT_SECONDS,
        "retry_count": 0,
    }
    try:
        # The driver limits how long the network may take, and waits without end for a database that takes the connection only.
        with within(login.timeout):
            connection = oracledb.connect(**arguments, **{name: value for name, value in options.items() if value is not None})
    except TooLong:
        raise LockstepError(
            LISTENER_DOWN,
            f"{login.where}: the connection was taken, and the login not answered within {login.timeout:g} s. Look whether the "
            "database hangs.",
        ) from None
    except oracledb.Error as error:
        raise translated(error, login) from None
    connection.call_timeout = int(CALL_SECONDS * 1000)
    return OracledbSession(connection, login)


class Sessions:
    """At most one session for each login, opened when it is first needed and anew after its connection was lost."""

    def __init__(self, opener: Connect) -> None:
        self.opener = opener
        self.open: dict[Login, Session] = {}

    def of(self, login: Login) -> Session:
        if login not in self.open:
            self.open[login] = self.opener(login)
        return self.open[login]

    def renewed(self, login: Login) -> Session:
        """A new one: roles that were granted meanwhile are enabled only in sessions that begin afterwards."""
        self.drop(login)
        return self.of(login)

    def drop(self, login: Login) -> None:
        session = self.open.pop(login, None)
        if session is not None:
            session.close()

    def close(self) -> None:
        for login in list(self.open):
            self.drop(login)

    def repeatable(self, login: Login, work: t.Callable[[Session], t.Any]) -> t.Any:
        """``work`` over the login's session; once more over a new one when the connection was lost. Only for what may be done
        twice."""
        try:
            return work(self.of(login))
        except LockstepError as error:
            if error.slug != CONNECTION_LOST:
                raise
            return work(self.renewed(login))
