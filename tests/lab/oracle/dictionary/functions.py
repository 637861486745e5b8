# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SQL functions that SQLite lacks or has with another meaning."""

from __future__ import annotations

import dataclasses
import datetime
import sqlite3
import typing as t

from tests.lab.oracle.dictionary.views import Reader
from tests.lab.oracle.errors import OracleError


@dataclasses.dataclass
class QueryContext:
    """One statement's surroundings. ``failure`` keeps the error of a function, which SQLite would reduce to a text."""

    reader: Reader
    schema: str
    service: str
    container: str
    failure: Exception | None = None


_Function = t.Callable[..., t.Any]
FUNCTIONS: dict[str, t.Callable[[QueryContext], _Function]] = {}
PACKAGE_FUNCTIONS: dict[str, t.Callable[[QueryContext], _Function]] = {}
WITHOUT_BRACKETS = frozenset({"USER", "SYSDATE", "SYSTIMESTAMP", "UID", "CURRENT_TIMESTAMP", "LOCALTIMESTAMP"})


def userenv(context: QueryContext, parameter: str) -> str | None:
    database, principal = context.reader.database, context.reader.principal
    known = {
        "SESSION_USER": principal.user,
        "CURRENT_USER": principal.user,
        "CURRENT_SCHEMA": context.schema,
        "DB_NAME": database.name,
        "DB_UNIQUE_NAME": database.name,
        "INSTANCE_NAME": database.name.lower(),
        "SERVER_HOST": database.host_name,
        "SERVICE_NAME": context.service,
        "CON_NAME": context.container,
        "CON_ID": "3" if database.pluggable else "0",
        "CDB_NAME": database.name if database.pluggable else None,
        "ISDBA": "TRUE" if principal.sysdba or "DBA" in principal.roles else "FALSE",
        "SID": str(context.reader.sid),
        "SESSIONID": str(context.reader.sid),
        "DATABASE_ROLE": "PRIMARY",
        "LANGUAGE": f"AMERICAN_AMERICA.{database.charset}",
    }
    if parameter.upper() not in known:
        raise OracleError(2003, text="invalid USERENV parameter")
    return known[parameter.upper()]


def current_scn(context: QueryContext) -> int:
    """DBMS_FLASHBACK is for those who may execute catalog packages."""
    principal = context.reader.principal
    if not principal.sysdba and not principal.roles & {"EXECUTE_CATALOG_ROLE", "DBA"}:
        raise OracleError(904, '"DBMS_FLASHBACK"."GET_SYSTEM_CHANGE_NUMBER"')
    return context.reader.database.scn


def _timestamp(context: QueryContext) -> str:
    return context.reader.database.clock.now().astimezone(datetime.UTC).strftime("%Y-%m-%d %H:%M:%S")


def to_char(value: t.Any, form: str | None = None) -> str | None:
    """Numbers as they are; dates by the common elements of a format model."""
    if value is None:
        return None
    text = str(value)
    if form is None or not text[:4].isdigit() or "-" not in text:
        return text
    moment = datetime.datetime.fromisoformat(text)
    for element, code in (("YYYY", "%Y"), ("MM", "%m"), ("DD", "%d"), ("HH24", "%H"), ("MI", "%M"), ("SS", "%S")):
        form = form.replace(element, code)
    return moment.strftime(form.replace('"', ""))


def to_number(value: t.Any) -> int | float | None:
    if value is None:
        return None
    try:
        number = float(value)
    except ValueError as error:
        raise OracleError(1722) from error
    return int(number) if number.is_integer() else number


def decode(*arguments: t.Any) -> t.Any:
    subject, rest = arguments[0], arguments[1:]
    for index in range(0, len(rest) - 1, 2):
        if subject == rest[index]:
            return rest[index + 1]
    return rest[-1] if len(rest) % 2 else None


def substr(text: str | None, start: int, length: int | None = None) -> str | None:
    if text is None:
        return None
    begin = start - 1 if start > 0 else max(0, len(text) + start) if start else 0
    return str(text)[begin : None if length is None else begin + length] or None


def define_functions(connection: sqlite3.Connection, context: QueryContext) -> None:
    def guarded(function: _Function) -> _Function:
        def call(*arguments: t.Any) -> t.Any:
            try:
                return function(*arguments)
            except OracleError as error:
                context.failure = error
                raise

        return call

    for name, make in FUNCTIONS.items():
        connection.create_function(f"ora_{name}", -1, guarded(make(context)))
    for name, make in PACKAGE_FUNCTIONS.items():
        connection.create_function(name.replace(".", "__"), -1, guarded(make(context)))


FUNCTIONS.update(
    {
        "USER": lambda context: lambda: context.reader.user,
        "UID": lambda context: lambda: context.reader.database.users[context.reader.user].user_id,
        "SYSDATE": lambda context: lambda: _timestamp(context),
        "SYSTIMESTAMP": lambda context: lambda: _timestamp(context),
        "CURRENT_TIMESTAMP": lambda context: lambda: _timestamp(context),
        "LOCALTIMESTAMP": lambda context: lambda: _timestamp(context),
        "SYS_CONTEXT": lambda context: lambda namespace, parameter: userenv(context, parameter),
        "TIMESTAMP_TO_SCN": lambda context: lambda moment: context.reader.database.scn,
        "TO_CHAR": lambda context: to_char,
        "TO_NUMBER": lambda context: to_number,
        "NVL": lambda context: lambda value, other: other if value is None else value,
        "NVL2": lambda context: lambda value, yes, no: no if value is None else yes,
        "DECODE": lambda context: decode,
        "SUBSTR": lambda context: substr,
        "INSTR": lambda context: lambda text, part: (text or "").find(part or "") + 1,
        "GREATEST": lambda context: lambda *values: None if None in values else max(values),
        "LEAST": lambda context: lambda *values: None if None in values else min(values),
        "MOD": lambda context: lambda number, divisor: number % divisor if divisor else number,
        "TRUNC": lambda context: lambda number, digits=0: int(number) if number is not None else None,
    }
)
PACKAGE_FUNCTIONS.update({"DBMS_FLASHBACK.GET_SYSTEM_CHANGE_NUMBER": lambda context: lambda: current_scn(context)})
