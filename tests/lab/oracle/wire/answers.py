# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the server sends."""

from __future__ import annotations

import dataclasses
import struct
import typing as t

from tests.lab.oracle.wire import values
from tests.lab.oracle.wire.primitives import Writer
from tests.lab.oracle.wire.requests import LOCATOR_SIZE, BindType

FIELD_VERSION = 12
"""19c. The client packs and expects optional fields by it; requests.py and this module know those up to 12."""
CHARSET_UTF8, CHARSET_UTF16 = 873, 2000
NO_DATA_FOUND = 1403
IN, IN_OUT = 32, 48
BANNER = b"x86_64/Linux 2.4.xx\0"


@dataclasses.dataclass(frozen=True)
class Column:
    name: str
    kind: int
    size: int


def text_column(name: str, longest: int = 0) -> Column:
    """VARCHAR2, or LONG where a value does not fit into that."""
    return Column(name, values.VARCHAR, 4000) if longest <= 4000 else Column(name, values.LONG, 0x7FFFFFFF)


def protocol() -> bytes:
    compile_caps = bytearray(53)
    compile_caps[7] = FIELD_VERSION
    runtime_caps = bytearray(11)
    runtime_caps[6] = 4
    national = bytes(9) + struct.pack(">H", CHARSET_UTF16)
    writer = Writer().u8(1, 6, 0).raw(BANNER).raw(struct.pack("<HBH", CHARSET_UTF8, 0, 0)).raw(struct.pack(">H", len(national)))
    return writer.raw(national).clr(bytes(compile_caps)).clr(bytes(runtime_caps)).data()


def data_types() -> bytes:
    return b"\x02\0\0"


def status(in_transaction: bool = False) -> bytes:
    return Writer().u8(9).uint(2 if in_transaction else 0, 0).data()


def parameters(pairs: t.Sequence[tuple[str, str, int]]) -> bytes:
    writer = Writer().u8(8).uint(len(pairs))
    for key, value, flags in pairs:
        writer.dlc(key.encode()).dlc(value.encode()).uint(flags)
    return writer.data()


def warning(code: int, text: str) -> bytes:
    data = text.encode()
    return Writer().u8(15).uint(code, len(data), 0).clr(data).data()


def end_of_call(
    code: int = 0, text: str = "", cursor: int = 0, row_count: int = 0, in_transaction: bool = False, position: int = 0
) -> bytes:
    """The ERROR message, which also says success: code 0."""
    writer = Writer().u8(4).uint(2 if in_transaction else 0, 0, 0, 0, 0, 0, cursor).sint(position).u8(0, 0, 0, 0, 0, 0)
    writer.uint(0, 0).u8(0).uint(0, 0, 0).u8(0, 0).uint(0, 0, 0)
    writer.uint(0, 0, 0, code, row_count)
    if code:
        writer.clr(text.encode())
    return writer.data()


def no_more_rows(cursor: int, row_count: int) -> bytes:
    return end_of_call(NO_DATA_FOUND, "ORA-01403: no data found", cursor, row_count)


def describe(columns: t.Sequence[Column]) -> bytes:
    writer = Writer().u8(0x10, 0).uint(sum(column.size for column in columns) & 0xFFFF, len(columns))
    if columns:
        writer.u8(0)
    for position, column in enumerate(columns, 1):
        is_text = column.kind in values.TEXT_TYPES or column.kind == values.CLOB
        scale = {values.NUMBER: 0x81, values.TIMESTAMP: 6}.get(column.kind, 0)
        writer.u8(column.kind, 0, 0, scale).uint(column.size, 0, 0, 0, 0, CHARSET_UTF8 if is_text else 0).u8(1 if is_text else 0)
        writer.uint(column.size if is_text else 0, 0).u8(1, 0).dlc(column.name.encode()).dlc(b"").dlc(b"").uint(position, 0)
    return writer.uint(0, 0, 0, 0, 0, 0).data()


def row(columns: t.Sequence[Column], cells: t.Sequence[values.Value]) -> bytes:
    writer = Writer().u8(7)
    for column, cell in zip(columns, cells, strict=True):
        writer.clr(values.encode(column.kind, cell))
        if column.kind in (values.LONG, values.LONG_RAW):
            writer.u8(0, 0)
    return writer.data()


def out_binds(types: t.Sequence[BindType], rows: t.Sequence[t.Sequence[values.Value]], changed: t.Collection[int]) -> bytes:
    """The I/O vector, and for each iteration the values of the binds that the block assigned."""
    writer = Writer().u8(11, 0).uint(len(types) % 256, len(types) // 256, 0, 0, 0, 0)
    writer.u8(*(IN_OUT if index in changed else IN for index in range(len(types))))
    for cells in rows:
        writer.u8(7)
        for index in sorted(changed):
            bind, cell = types[index], cells[index]
            if bind.is_array:
                writer.uint(len(cell or ()))
                for element in cell or ():
                    _write_out_value(writer, bind.kind, element)
            else:
                _write_out_value(writer, bind.kind, cell)
    return writer.data()


def _write_out_value(writer: Writer, kind: int, value: values.Value) -> None:
    if kind in values.LOB_TYPES:
        if value is None:
            writer.uint(0)
        else:
            writer.uint(LOCATOR_SIZE, value.size, 8132).clr(value.locator)
    elif kind == values.BOOLEAN:
        writer.raw(b"\xfd\x01" if value is None else b"\x01\x01" if value else b"\x01\x00")
    else:
        writer.clr(values.encode(kind, value))
    writer.sint(0)


def lob_reply(locator: bytes, data: bytes | None, amount: int | None, created: bool) -> bytes:
    writer = Writer()
    if data is not None:
        writer.u8(14).clr(data)
    writer.u8(8).raw(locator)
    if created:
        writer.uint(CHARSET_UTF8).u8(0)
    elif amount is not None:
        writer.sint(amount)
    return writer.raw(status()).data()
