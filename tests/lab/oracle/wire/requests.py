# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What clients send, as plain data."""

from __future__ import annotations

import dataclasses
import typing as t

from tests.lab.oracle.wire import values
from tests.lab.oracle.wire.packets import ConnectionOver
from tests.lab.oracle.wire.primitives import NeedMore, Reader

PROTOCOL, DATA_TYPES, FUNCTION_CALL, ROW, LOB_DATA, PIGGYBACK = 1, 2, 3, 7, 14, 17
REEXECUTE, FETCH, LOGOFF, COMMIT, ROLLBACK, REEXECUTE_FETCH, EXECUTE, LOB = 4, 5, 9, 14, 15, 78, 94, 96
CLOSE_CURSORS, AUTH_TWO, AUTH_ONE, END_TO_END, PING, SET_SCHEMA = 105, 115, 118, 135, 147, 152
OPTION_DEFINE, OPTION_EXECUTE, OPTION_FETCH, OPTION_COMMIT = 0x10, 0x20, 0x40, 0x100
OPTION_PLSQL, OPTION_DESCRIBE = 0x400, 0x20000
FLAG_ARRAY = 0x40
MODE_CHANGE_PASSWORD, MODE_SYSDBA = 0x2, 0x20
LOB_LENGTH, LOB_READ, LOB_TRIM, LOB_WRITE, LOB_CHUNK_SIZE, LOB_CREATE = 1, 2, 0x20, 0x40, 0x4000, 0x110
LOCATOR_SIZE = 40
NULL_BOOLEAN = 253
LONGEST_INLINE_BIND = 32767


@dataclasses.dataclass(frozen=True)
class BindType:
    kind: int
    size: int
    is_array: bool
    capacity: int


@dataclasses.dataclass
class Call:
    """One function call. ``closed_cursors``, ``schema`` and ``freed`` came in piggybacks before it."""

    function: int
    closed_cursors: list[int] = dataclasses.field(default_factory=list)
    schema: str | None = None
    end_to_end: dict[str, str] = dataclasses.field(default_factory=dict)
    freed: list[bytes] = dataclasses.field(default_factory=list)
    auth: Auth | None = None
    execute: Execute | None = None
    lob: LobCall | None = None
    cursor: int = 0
    rows: int = 0


@dataclasses.dataclass(frozen=True)
class Auth:
    user: str
    mode: int
    pairs: dict[str, str]


@dataclasses.dataclass
class Execute:
    """``sql`` is None where the cursor's own statement is meant; ``bind_rows`` has one list of values per iteration."""

    options: int
    cursor: int
    sql: str | None
    wanted: int
    is_query: bool
    bind_types: list[BindType]
    bind_rows: list[list[values.Value]]
    defines: list[BindType]


@dataclasses.dataclass(frozen=True)
class LobCall:
    operation: int
    locator: bytes
    offset: int
    kind: int
    amount: int | None
    data: bytes


def read_message(data: bytes, bind_types_of: t.Callable[[int], list[BindType]]) -> Call | int:
    """The whole message, or PROTOCOL or DATA_TYPES for the two of the start. Raises NeedMore when it is cut."""
    reader = Reader(data)
    kind = reader.u8()
    if kind in (PROTOCOL, DATA_TYPES):
        return kind
    call = Call(0)
    while kind == PIGGYBACK:
        _read_piggyback(reader, call)
        kind = reader.u8()
    if kind != FUNCTION_CALL:
        raise ConnectionOver(f"message type {kind}")
    call.function = reader.u8()
    reader.skip("b")
    if call.function in (AUTH_ONE, AUTH_TWO):
        call.auth = _read_auth(reader)
    elif call.function == EXECUTE:
        call.execute = _read_execute(reader)
        call.cursor = call.execute.cursor
    elif call.function in (REEXECUTE, REEXECUTE_FETCH):
        call.execute = _read_reexecute(reader, call.function, bind_types_of)
        call.cursor = call.execute.cursor
    elif call.function == FETCH:
        call.cursor, call.rows = reader.uint(), reader.uint()
    elif call.function == LOB:
        call.lob = _read_lob(reader)
    elif call.function not in (LOGOFF, COMMIT, ROLLBACK, PING):
        raise ConnectionOver(f"function {call.function}")
    return call


def _read_piggyback(reader: Reader, call: Call) -> None:
    function = reader.u8()
    reader.skip("b")
    if function == CLOSE_CURSORS:
        reader.skip("b")
        call.closed_cursors += [reader.uint() for _unused in range(reader.uint())]
    elif function == SET_SCHEMA:
        reader.skip("b")
        call.schema = reader.dlc().decode()
    elif function == END_TO_END:
        _read_end_to_end(reader, call)
    elif function == LOB:
        reader.skip("b")
        total = reader.uint()
        reader.skip("buuubbbubuuubbububu")
        locators = reader.raw(total)
        call.freed += [locators[i : i + LOCATOR_SIZE] for i in range(0, total, LOCATOR_SIZE)]
    else:
        raise ConnectionOver(f"piggyback {function}")


def _read_end_to_end(reader: Reader, call: Call) -> None:
    reader.skip("bb")
    reader.uint()

    def pair() -> bool:
        present = reader.u8()
        return reader.uint() > 0 and bool(present)

    wanted = {name: pair() for name in ("client_identifier", "module", "action")}
    reader.skip("bubu")
    wanted["client_info"] = pair()
    reader.skip("bubu")
    wanted["dbop"] = pair()
    for name, is_sent in wanted.items():
        if is_sent:
            call.end_to_end[name] = (reader.clr() or b"").decode()


def _read_auth(reader: Reader) -> Auth:
    has_user = reader.u8()
    reader.uint()
    mode = reader.uint()
    reader.skip("b")
    count = reader.uint()
    reader.skip("bb")
    user = (reader.clr() or b"").decode() if has_user else ""
    pairs = {}
    for _unused in range(count):
        key, value = reader.dlc().decode(), reader.dlc().decode()
        reader.uint()
        pairs[key] = value
    return Auth(user, mode, pairs)


def _read_execute(reader: Reader) -> Execute:
    options, cursor, has_sql = reader.uint(), reader.uint(), reader.u8()
    reader.skip("ububbu")
    wanted = reader.uint()
    reader.skip("ub")
    bind_count = reader.uint()
    reader.skip("bbbbbb")
    define_count = reader.uint()
    reader.skip("ubbbubuububbububbu")
    sql = (reader.clr() or b"").decode() if has_sql else None
    numbers = [reader.uint() for _unused in range(13)]
    defines: list[BindType] = []
    types: list[BindType] = []
    rows: list[list[values.Value]] = []
    if options & OPTION_DEFINE:
        defines = [_read_bind_type(reader) for _unused in range(define_count)]
    else:
        types = [_read_bind_type(reader) for _unused in range(bind_count)]
        is_query = bool(numbers[7])
        rows = _read_rows(reader, types, 1 if is_query else numbers[1], bool(options & OPTION_PLSQL))
    return Execute(options, cursor, sql, wanted, bool(numbers[7]), types, rows, defines)


def _read_reexecute(reader: Reader, function: int, bind_types_of: t.Callable[[int], list[BindType]]) -> Execute:
    cursor, count = reader.uint(), reader.uint()
    reader.uint()
    options = OPTION_EXECUTE | (OPTION_COMMIT if reader.uint() & 1 and function == REEXECUTE else 0)
    types = bind_types_of(cursor)
    is_query = function == REEXECUTE_FETCH
    rows = _read_rows(reader, types, 1 if is_query else count, False)
    if is_query:
        options |= OPTION_FETCH
    return Execute(options, cursor, None, count if is_query else 0, is_query, types, rows, [])


def _read_bind_type(reader: Reader) -> BindType:
    kind, flag = reader.u8(), reader.u8()
    reader.skip("bb")
    size, capacity = reader.uint(), reader.uint()
    reader.skip("uduubuu")
    return BindType(kind, size, bool(flag & FLAG_ARRAY), capacity)


def _read_rows(reader: Reader, types: list[BindType], count: int, is_plsql: bool) -> list[list[values.Value]]:
    if not types:
        return []
    order = list(range(len(types)))
    if not is_plsql:
        # The client sends what may be long after everything else.
        order.sort(key=lambda index: types[index].size > LONGEST_INLINE_BIND)
    rows = []
    for _unused in range(count):
        if reader.u8() != ROW:
            raise ConnectionOver("no bind row where one must be")
        row: list[values.Value] = [None] * len(types)
        for index in order:
            bind = types[index]
            if bind.is_array:
                row[index] = [_read_value(reader, bind.kind) for _unused in range(reader.uint())]
            else:
                row[index] = _read_value(reader, bind.kind)
        rows.append(row)
    return rows


def _read_value(reader: Reader, kind: int) -> values.Value:
    if kind in values.LOB_TYPES:
        locator = reader.dlc()
        return values.Lob(locator) if locator else None
    if kind == values.BOOLEAN:
        count = reader.u8()
        data = reader.raw(1 if count == NULL_BOOLEAN else count)
        return None if count == NULL_BOOLEAN else bool(data and data[-1])
    if kind == values.CURSOR:
        if reader.u8():
            reader.uint()
        return None
    return values.decode(kind, reader.clr())


def _read_lob(reader: Reader) -> LobCall:
    reader.skip("b")
    size = reader.uint()
    reader.skip("b")
    reader.skip("uuubbb")
    operation = reader.uint()
    reader.skip("bb")
    offset, destination, has_amount = reader.uint(), reader.uint(), reader.u8()
    reader.raw(6)
    locator = reader.raw(size)
    data = b""
    if operation == LOB_CREATE:
        reader.uint()
    if operation == LOB_WRITE:
        if reader.u8() != LOB_DATA:
            raise ConnectionOver("no LOB data where they must be")
        data = reader.clr() or b""
    amount = reader.uint() if has_amount else None
    return LobCall(operation, locator, offset, destination, amount, data)


__all__ = ["Auth", "BindType", "Call", "Execute", "LobCall", "NeedMore", "read_message"]
