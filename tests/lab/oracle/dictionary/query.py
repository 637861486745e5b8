# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running a SELECT: which views and tables it names, whether the reader may, and SQLite for the rest."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import decimal
import sqlite3
import typing as t

from tests.lab.oracle.database import Table
from tests.lab.oracle.dictionary.functions import FUNCTIONS, PACKAGE_FUNCTIONS, WITHOUT_BRACKETS, QueryContext, define_functions
from tests.lab.oracle.dictionary.views import CATALOG, FIXED, PUBLIC, VIEWS, Reader
from tests.lab.oracle.errors import OracleError, UnknownRequest
from tests.lab.oracle.sqltext import BIND, END, QUOTED, STRING, WORD, Token, tokenize

_SQLITE_TYPES = {"t": "TEXT", "n": "NUMERIC", "d": "ORADATE"}
_DATE_FORMAT = "%Y-%m-%d %H:%M:%S"
sqlite3.register_converter("ORADATE", lambda data: datetime.datetime.strptime(data.decode(), _DATE_FORMAT))


@dataclasses.dataclass(frozen=True)
class Rows:
    names: list[str]
    rows: list[tuple[t.Any, ...]]


@dataclasses.dataclass(frozen=True)
class _Source:
    """A view or table to be filled in: its SQLite schema (None: the main one), name, columns and rows."""

    schema: str | None
    name: str
    columns: dict[str, str]
    rows: list[tuple[t.Any, ...]]


def run(text: str, binds: t.Mapping[str, t.Any], context: QueryContext) -> Rows:
    """Raises OracleError as the real one would, and UnknownRequest for what the simulation cannot run."""
    tokens = [token for token in tokenize(text) if token.kind != END]
    while tokens and tokens[-1].is_operator(";"):
        tokens.pop()
    _check_columns_of_later_releases(tokens, context)
    sources = _sources(tokens, context)
    with contextlib.closing(sqlite3.connect(":memory:", detect_types=sqlite3.PARSE_DECLTYPES)) as connection:
        define_functions(connection, context)
        _fill(connection, sources)
        try:
            cursor = connection.execute(_as_sqlite(tokens), {name: _as_parameter(value) for name, value in binds.items()})
            rows = cursor.fetchall()
        except sqlite3.Error as error:
            if context.failure is not None:
                raise context.failure from error
            raise UnknownRequest(f"SQLite cannot run it: {error}") from error
    kept = {token.value for token in tokens if token.kind == QUOTED}
    names = [name if name in kept else "".join(name.upper().split()) for name, *_unused in cursor.description]
    return Rows(names, rows)


def _check_columns_of_later_releases(tokens: list[Token], context: QueryContext) -> None:
    if int(context.reader.database.version.split(".")[0]) < 18:
        for token in tokens:
            if token.is_word("VERSION_FULL", "BANNER_FULL"):
                raise OracleError(904, f'"{token.value}"')


def _as_parameter(value: t.Any) -> t.Any:
    if isinstance(value, datetime.datetime):
        return value.strftime(_DATE_FORMAT)
    if isinstance(value, decimal.Decimal):
        return float(value)
    return None if value == "" else value


def _sources(tokens: list[Token], context: QueryContext) -> list[_Source]:
    """What stands after FROM and JOIN or a comma; names of WITH clauses and aliases never match a view's name."""
    found: dict[tuple[str | None, str], _Source] = {}
    reader = context.reader
    for index, token in enumerate(tokens):
        if not token.is_name or (index and tokens[index - 1].is_operator(".")):
            continue
        parts = [token.value]
        if index + 2 < len(tokens) and tokens[index + 1].is_operator(".") and tokens[index + 2].is_name:
            parts.append(tokens[index + 2].value)
        source = _source(parts, reader, context.schema, _stands_in_from(tokens, index))
        if source is not None:
            found[(source.schema, source.name)] = source
    return list(found.values())


def _stands_in_from(tokens: list[Token], index: int) -> bool:
    """Whether a table name is expected here, so that a column called like a table is not taken for it."""
    depth = 0
    for token in reversed(tokens[:index]):
        if token.is_operator(")"):
            depth += 1
        elif token.is_operator("("):
            if depth == 0:
                return False
            depth -= 1
        elif depth == 0 and token.is_word("FROM", "JOIN"):
            return True
        elif depth == 0 and token.is_word("SELECT", "WHERE", "ON", "AND", "OR", "BY", "HAVING"):
            return False
    return False


def _source(parts: list[str], reader: Reader, schema: str, stands_in_from: bool) -> _Source | None:
    if not stands_in_from:
        return None
    database = reader.database
    name = parts[-1]
    owner = parts[0] if len(parts) == 2 else None
    if name in VIEWS and owner in (None, "SYS"):
        view = VIEWS[name]
        _check_view(view.access, reader)
        rows = [tuple(_as_parameter(row.get(column)) for column in view.columns) for row in view.rows(reader)]
        return _Source(owner, name, {column: _SQLITE_TYPES[kind] for column, kind in view.columns.items()}, rows)
    table = database.tables.get(owner or schema, {}).get(name)
    if owner is not None and owner not in database.users:
        return None
    if owner is not None and (table is None or not _may_read(owner, reader)):
        raise OracleError(942)
    return None if table is None else _table_source(owner, name, table, database.scn)


def _may_read(owner: str, reader: Reader) -> bool:
    return reader.user == owner or reader.database.has_privilege(reader.principal, "SELECT ANY TABLE")


def _table_source(owner: str | None, name: str, table: Table, scn: int) -> _Source:
    def sqlite_type(declared: str) -> str:
        if declared.startswith(("DATE", "TIMESTAMP")):
            return "ORADATE"
        return "NUMERIC" if declared.startswith(("NUMBER", "INTEGER", "FLOAT")) else "TEXT"

    rows = [tuple(_as_parameter(value) for value in row) for row in table.rows_at(scn)]
    return _Source(owner, name, {column: sqlite_type(declared) for column, declared in table.columns.items()}, rows)


def _check_view(access: str, reader: Reader) -> None:
    if access != PUBLIC and not reader.database.sees_catalog(reader.principal):
        raise OracleError(942)
    if access == CATALOG and not reader.database.is_open:
        raise OracleError(1219)
    if access not in (PUBLIC, CATALOG, FIXED):
        raise ValueError(access)


def _fill(connection: sqlite3.Connection, sources: list[_Source]) -> None:
    for schema in {source.schema for source in sources} - {None}:
        connection.execute(f"ATTACH ':memory:' AS \"{schema}\"")
    for source in sources:
        target = f'"{source.name}"' if source.schema is None else f'"{source.schema}"."{source.name}"'
        columns = ", ".join(f'"{name}" {kind}' for name, kind in source.columns.items())
        connection.execute(f"CREATE TABLE {target} ({columns})")
        connection.executemany(f"INSERT INTO {target} VALUES ({', '.join('?' * len(source.columns))})", source.rows)


def _as_sqlite(tokens: list[Token]) -> str:
    """The same statement in SQLite's words. '' is NULL, FETCH FIRST is LIMIT. Quoted names stand in
    square brackets, since SQLite takes an unknown name in double quotes for a string."""
    pieces: list[str] = []
    index = 0
    while index < len(tokens):
        token = tokens[index]
        following = tokens[index + 1] if index + 1 < len(tokens) else None
        if token.is_word("FETCH") and following is not None and following.is_word("FIRST", "NEXT"):
            has_number = not tokens[index + 2].is_word("ROW", "ROWS")
            pieces.append(f"LIMIT {tokens[index + 2].value if has_number else 1}")
            index += 5 if has_number else 4
            continue
        if token.is_word("DATE", "TIMESTAMP") and following is not None and following.kind == STRING:
            pieces.append("'" + following.value + (" 00:00:00'" if token.value == "DATE" else "'"))
            index += 2
            continue
        if token.is_word("MINUS"):
            pieces.append("EXCEPT")
        elif token.kind == WORD:
            consumed, piece = _word(tokens, index)
            pieces.append(piece)
            index += consumed
            continue
        elif token.kind == STRING:
            pieces.append("'" + token.value.replace("'", "''") + "'" if token.value else "NULL")
        elif token.kind == QUOTED:
            pieces.append(f"[{token.value}]")
        elif token.kind == BIND:
            pieces.append(f":{token.value}")
        else:
            pieces.append("<>" if token.value in ("!=", "^=") else token.value)
        index += 1
    return " ".join(pieces)


def _word(tokens: list[Token], index: int) -> tuple[int, str]:
    """The number of tokens used, and what they become."""
    word = tokens[index].value
    following = tokens[index + 1 : index + 4]
    after_dot = index > 0 and tokens[index - 1].is_operator(".")
    if not after_dot and len(following) >= 2 and following[0].is_operator("."):
        package = f"{word}.{following[1].value}"
        if word == "SYS" and len(following) == 3 and following[1].value in {name.split(".")[0] for name in PACKAGE_FUNCTIONS}:
            return 2, ""
        if package in PACKAGE_FUNCTIONS:
            has_brackets = len(following) == 3 and following[2].is_operator("(")
            return 3, package.replace(".", "__") + ("" if has_brackets else "()")
    is_call = bool(following) and following[0].is_operator("(")
    if not after_dot and word in WITHOUT_BRACKETS and not is_call:
        return 1, f"ora_{word}()"
    if is_call and word in FUNCTIONS:
        return 1, f"ora_{word}"
    return 1, f"[{word}]" if "$" in word or "#" in word else word
