# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server with one schema, the real driver to reach it, and a clock that tests move."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import pathlib
import typing as t

import oracledb
import pytest

from tests.lab.oracle import Database, OracleServer

ADDRESS = "127.0.0.1"
SCHEMA, PASSWORD = "AESUSER313", "Altium"
DBA, DBA_PASSWORD = "BACKUP_DBA", "dba secret"
DIRECTORY = "LOCKSTEP_DIR"
MADE = datetime.datetime.fromisoformat("2026-01-02T03:04:05")
"""A DATE, which has no time zone."""


@dataclasses.dataclass
class FakeClock:
    """Stands still until it is moved."""

    seconds: float = 0.0

    def now(self) -> datetime.datetime:
        return datetime.datetime(2026, 3, 4, 5, 6, 7, tzinfo=datetime.UTC) + datetime.timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds


Connect = t.Callable[..., oracledb.Connection]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    """What C:\\Backups on the database host really is."""
    found = tmp_path / "backups"
    found.mkdir()
    return found


@pytest.fixture
def database(folder: pathlib.Path, clock: FakeClock) -> Database:
    def resolve(path: str) -> pathlib.Path:
        start, _unused, name = path.rpartition("\\")
        return folder / name if start == "C:\\Backups" else folder / "absent" / name

    made = Database(resolve_path=resolve, clock=clock)
    made.add_user(SCHEMA, PASSWORD)
    made.add_user(DBA, DBA_PASSWORD, roles=("DBA",))
    made.add_user("OTHER", "other")
    made.add_table(
        SCHEMA, "COMPONENTS", {"ID": "NUMBER", "NAME": "VARCHAR2(100)"}, [(1, "R1"), (2, "C5"), (3, None)], size=5 * 2**20
    )
    made.add_table(SCHEMA, "PROJECTS", {"ID": "NUMBER", "MADE": "DATE"}, [(1, MADE)])
    made.add_table(SCHEMA, "EMPTY_ONE", {"ID": "NUMBER"}, size=None)
    made.add_object(SCHEMA, "VIEW", "BROKEN_VIEW", status="INVALID")
    made.add_object(SCHEMA, "INDEX", "COMPONENTS_PK", segment_bytes=2**20)
    made.add_directory(DIRECTORY, "C:\\Backups", read_write=[SCHEMA])
    return made


@pytest.fixture
def lenient_server(database: Database) -> t.Iterator[OracleServer]:
    """For the tests of what the lab does not know."""
    with OracleServer(database, ADDRESS, 0) as running:
        yield running


@pytest.fixture
def server(lenient_server: OracleServer) -> t.Iterator[OracleServer]:
    yield lenient_server
    assert lenient_server.unknown == []


@pytest.fixture
def connect(lenient_server: OracleServer) -> t.Iterator[Connect]:
    """Opens connections, by default as the schema; they are closed at the end."""
    opened: list[oracledb.Connection] = []

    def open_connection(user: str = SCHEMA, password: str = PASSWORD, **options: t.Any) -> oracledb.Connection:
        dsn = options.pop("dsn", lenient_server.dsn)
        connection = oracledb.connect(user=user, password=password, dsn=dsn, **options)
        opened.append(connection)
        return connection

    yield open_connection
    for connection in opened:
        # Some tests have cut them.
        with contextlib.suppress(oracledb.Error):
            connection.close()


@pytest.fixture
def schema(server: OracleServer, connect: Connect) -> oracledb.Connection:
    return connect()


@pytest.fixture
def dba(server: OracleServer, connect: Connect) -> oracledb.Connection:
    return connect(DBA, DBA_PASSWORD)


def rows(connection: oracledb.Connection, text: str, **binds: t.Any) -> list[tuple[t.Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(text, binds)
        return list(cursor)


def execute(connection: oracledb.Connection, text: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(text)


def call(connection: oracledb.Connection, block: str, out: t.Mapping[str, t.Any] | None = None, **binds: t.Any) -> dict[str, t.Any]:
    """Run a block; ``out`` maps names of out binds to types."""
    with connection.cursor() as cursor:
        variables = {name: cursor.var(kind, 32767 if kind is str else 0) for name, kind in (out or {}).items()}
        cursor.execute(block, {**binds, **variables})
        return {name: variable.getvalue() for name, variable in variables.items()}


@contextlib.contextmanager
def ora(code: str) -> t.Iterator[None]:
    """The block must fail with this error of the database or the driver."""
    with pytest.raises(oracledb.Error) as caught:
        yield
    codes = set()
    error: BaseException | None = caught.value
    while error is not None:
        if isinstance(error, oracledb.Error):
            codes.add(error.args[0].full_code)
        error = error.__cause__
    assert code in codes
