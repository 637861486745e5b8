# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SQL values as bytes, by type."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import struct
import typing as t

VARCHAR, NUMBER, INTEGER, LONG, ROWID, DATE, RAW, LONG_RAW, CHAR = 1, 2, 3, 8, 11, 12, 23, 24, 96
BINARY_FLOAT, BINARY_DOUBLE, CURSOR, CLOB, BLOB = 100, 101, 102, 112, 113
TIMESTAMP, TIMESTAMP_TZ, TIMESTAMP_LTZ, BOOLEAN = 180, 181, 231, 252
TEXT_TYPES = frozenset({VARCHAR, CHAR, LONG, ROWID})
NUMBER_TYPES = frozenset({NUMBER, INTEGER})
LOB_TYPES = frozenset({CLOB, BLOB})

Value = t.Any
"""None, str, int, Decimal, float, bool, bytes, datetime, or a list of these (PL/SQL array); Lob for locators."""


@dataclasses.dataclass
class Lob:
    """A large object on the server, as a handle: ``locator`` is what the client has of it; ``size`` in characters or bytes."""

    locator: bytes
    size: int = 0


class UnsupportedType(Exception):
    """A type that the simulation has no encoding for."""


def encode_number(value: float | decimal.Decimal) -> bytes:
    number = decimal.Decimal(repr(value)) if isinstance(value, float) else decimal.Decimal(value)
    if number == 0:
        return b"\x80"
    sign, digits, exponent = number.normalize(decimal.Context(prec=40)).as_tuple()
    exponent = int(exponent)
    if exponent % 2:
        digits, exponent = (*digits, 0), exponent - 1
    if len(digits) % 2:
        digits = (0, *digits)
    pairs = [10 * digits[i] + digits[i + 1] for i in range(0, len(digits), 2)]
    power = exponent // 2 + len(pairs) - 1
    while pairs[-1] == 0:
        pairs.pop()
    del pairs[20:]
    if sign:
        return bytes([62 - power, *(101 - pair for pair in pairs)]) + (b"\x66" if len(pairs) < 20 else b"")
    return bytes([193 + power, *(pair + 1 for pair in pairs)])


def decode_number(data: bytes) -> int | decimal.Decimal:
    if data == b"\x80":
        return 0
    if data[0] & 0x80:
        sign, power, pairs = 1, data[0] - 193, [byte - 1 for byte in data[1:]]
    else:
        body = data[1:-1] if data[-1] == 102 else data[1:]
        sign, power, pairs = -1, 62 - data[0], [101 - byte for byte in body]
    whole = 0
    for pair in pairs:
        whole = whole * 100 + pair
    scale = power - len(pairs) + 1
    if scale >= 0:
        return int(sign * whole * 100**scale)
    number = decimal.Decimal(sign * whole).scaleb(2 * scale, decimal.Context(prec=60))
    return int(number) if number == number.to_integral_value() else number.normalize(decimal.Context(prec=60))


def encode_date(value: datetime.datetime, with_fraction: bool, with_zone: bool = False) -> bytes:
    if with_zone:
        value = value.astimezone(datetime.UTC) if value.tzinfo else value
    century, year = divmod(value.year, 100)
    data = bytes((century + 100, year + 100, value.month, value.day, value.hour + 1, value.minute + 1, value.second + 1))
    if with_fraction:
        data += struct.pack(">I", value.microsecond * 1000)
    return data + (bytes((20, 60)) if with_zone else b"")


def decode_date(data: bytes) -> datetime.datetime:
    value = datetime.datetime((data[0] - 100) * 100 + data[1] - 100, data[2], data[3], data[4] - 1, data[5] - 1, data[6] - 1)
    if len(data) >= 11:
        value = value.replace(microsecond=struct.unpack_from(">I", data, 7)[0] // 1000)
    return value


def _flip(data: bytes, positive: bool) -> bytes:
    return bytes((data[0] ^ 0x80, *data[1:])) if positive else bytes(byte ^ 0xFF for byte in data)


def encode_binary_float(value: float, form: str) -> bytes:
    data = struct.pack(form, value)
    return _flip(data, not data[0] & 0x80)


def decode_binary_float(data: bytes, form: str) -> float:
    return float(struct.unpack(form, _flip(data, bool(data[0] & 0x80)))[0])


def encode(kind: int, value: Value) -> bytes | None:
    """The bytes that go into a CLR; None for NULL. Booleans and locators are not of this form."""
    if value is None or value == "":
        return None
    if kind in TEXT_TYPES:
        return str(value).encode()
    if kind in NUMBER_TYPES:
        return encode_number(decimal.Decimal(value) if isinstance(value, str) else value)
    if kind in (RAW, LONG_RAW):
        return bytes(value)
    if kind == DATE:
        return encode_date(value, with_fraction=False)
    if kind in (TIMESTAMP, TIMESTAMP_LTZ):
        return encode_date(value, with_fraction=True)
    if kind == TIMESTAMP_TZ:
        return encode_date(value, with_fraction=True, with_zone=True)
    if kind == BINARY_DOUBLE:
        return encode_binary_float(float(value), ">d")
    if kind == BINARY_FLOAT:
        return encode_binary_float(float(value), ">f")
    raise UnsupportedType(f"type {kind}")


def decode(kind: int, data: bytes | None) -> Value:
    if data is None:
        return None
    if kind in TEXT_TYPES:
        return data.decode()
    if kind in NUMBER_TYPES:
        return decode_number(data)
    if kind in (RAW, LONG_RAW):
        return data
    if kind in (DATE, TIMESTAMP, TIMESTAMP_TZ, TIMESTAMP_LTZ):
        return decode_date(data)
    if kind == BINARY_DOUBLE:
        return decode_binary_float(data, ">d")
    if kind == BINARY_FLOAT:
        return decode_binary_float(data, ">f")
    raise UnsupportedType(f"type {kind}")
