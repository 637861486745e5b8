# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values of statements in the shape of the wire."""

from __future__ import annotations

import datetime
import typing as t

from tests.lab.oracle.dictionary.query import Rows
from tests.lab.oracle.errors import OracleError, UnknownRequest
from tests.lab.oracle.lobs import LobStore
from tests.lab.oracle.plsql.values import Collection, as_bool, as_number, as_text
from tests.lab.oracle.wire import answers, values
from tests.lab.oracle.wire.requests import BindType


def columns_of(result: Rows) -> list[answers.Column]:
    """Column types as the values show them: SQLite keeps no types of expressions. A column of NULLs is VARCHAR2."""
    columns = []
    for position, name in enumerate(result.names):
        cells = [row[position] for row in result.rows if row[position] is not None]
        if any(isinstance(cell, str) for cell in cells):
            columns.append(answers.text_column(name, max(len(str(cell).encode()) for cell in cells)))
        elif any(isinstance(cell, datetime.datetime) for cell in cells):
            columns.append(answers.Column(name, values.DATE, 7))
        elif any(isinstance(cell, bytes) for cell in cells):
            columns.append(answers.Column(name, values.RAW, 2000))
        elif cells:
            columns.append(answers.Column(name, values.NUMBER, 22))
        else:
            columns.append(answers.text_column(name))
    return columns


def out_value(bind: BindType, value: t.Any, lobs: LobStore) -> values.Value:
    """A PL/SQL value as this bind variable takes it; ORA-06502 where it does not fit."""
    if bind.is_array:
        elements = value.elements.values() if isinstance(value, Collection) else value or []
        return [_scalar(bind, element, lobs) for element in elements]
    return _scalar(bind, value, lobs)


def _scalar(bind: BindType, value: t.Any, lobs: LobStore) -> values.Value:
    if value is None:
        return None
    if bind.kind in values.TEXT_TYPES:
        text = as_text(value)
        if text is not None and len(text.encode()) > bind.size:
            raise OracleError(6502, ": character string buffer too small")
        return text
    if bind.kind in values.NUMBER_TYPES or bind.kind in (values.BINARY_DOUBLE, values.BINARY_FLOAT):
        return as_number(value)
    if bind.kind == values.BOOLEAN:
        return as_bool(value)
    if bind.kind == values.CLOB:
        return lobs.handle(as_text(value) or "")
    if bind.kind == values.BLOB:
        return lobs.handle(bytes(value))
    if bind.kind in (values.RAW, values.LONG_RAW) and isinstance(value, bytes):
        return value
    if isinstance(value, datetime.datetime):
        return value
    raise UnknownRequest(f"{type(value).__name__} into a bind of type {bind.kind}")
