# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values of PL/SQL at run time, and the arithmetic of them. NULL is None, and so is the empty string."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import re
import typing as t

from tests.lab.oracle.errors import OracleError, UnknownRequest
from tests.lab.oracle.plsql.syntax import TypeName

Value = t.Any
"""None, str, int, Decimal, bool, bytes, datetime, Record, Collection, or a package's own handle."""

TEXT_TYPES = frozenset({"VARCHAR2", "VARCHAR", "CHAR", "NVARCHAR2", "STRING", "LONG", "CLOB"})
WHOLE_TYPES = frozenset({"INTEGER", "INT", "PLS_INTEGER", "BINARY_INTEGER", "SIMPLE_INTEGER", "NATURAL", "POSITIVE", "SMALLINT"})
NUMBER_TYPES = WHOLE_TYPES | {"NUMBER", "FLOAT", "DECIMAL", "BINARY_DOUBLE"}
COLLECTION_TYPES = frozenset(
    {"KU$_LOGENTRY", "KU$_DUMPFILE_INFO", "DBMS_OUTPUT.CHARARR", "DBMSOUTPUT_LINESARRAY", "KU$_DUMPFILESET", "UTL_FILE.LINES"}
)
NUMBER_CONTEXT = decimal.Context(prec=38)


class Ref(t.Protocol):
    """A place that an OUT argument is written to."""

    def get(self) -> Value: ...

    def set(self, value: Value) -> None: ...


@dataclasses.dataclass
class Record:
    """A record or an object; names in upper case."""

    fields: dict[str, Value]

    def get(self, name: str) -> Value:
        if name not in self.fields:
            raise UnknownRequest(f"no attribute {name}; there are {', '.join(self.fields)}")
        return self.fields[name]


class Collection:
    """An index-by table or a nested table."""

    def __init__(self, values: t.Iterable[Value] = ()) -> None:
        self.elements: dict[t.Any, Value] = dict(enumerate(values, 1))

    def indexes(self) -> list[t.Any]:
        return sorted(self.elements)

    def element(self, index: t.Any) -> Value:
        if index not in self.elements:
            raise OracleError(1403)
        return self.elements[index]

    def method(self, name: str, arguments: list[Value]) -> Value:
        indexes = self.indexes()
        if name == "COUNT":
            return len(indexes)
        if name in ("FIRST", "LAST"):
            return (indexes[0] if name == "FIRST" else indexes[-1]) if indexes else None
        if name == "EXISTS":
            return arguments[0] in self.elements
        if name == "NEXT":
            return next((index for index in indexes if index > arguments[0]), None)
        if name == "PRIOR":
            return next((index for index in reversed(indexes) if index < arguments[0]), None)
        if name == "EXTEND":
            for _unused in range(int(arguments[0]) if arguments else 1):
                self.elements[(self.indexes() or [0])[-1] + 1] = None
            return None
        if name == "DELETE":
            for index in arguments or list(indexes):
                self.elements.pop(index, None)
            return None
        raise UnknownRequest(f"no collection method {name}")


def as_text(value: Value) -> str | None:
    if value is None or isinstance(value, str):
        return value or None
    if isinstance(value, bool):
        raise UnknownRequest("a BOOLEAN where a text must be")
    if isinstance(value, decimal.Decimal):
        text = format(value.normalize(), "f")
        return text.replace("0.", ".", 1) if text.lstrip("-").startswith("0.") else text
    if isinstance(value, bytes):
        return value.hex().upper()
    if isinstance(value, datetime.datetime):
        return value.strftime("%d-%b-%y").upper()
    if isinstance(value, (int, float)):
        return str(value)
    raise UnknownRequest(f"{type(value).__name__} where a text must be")


def as_number(value: Value) -> int | decimal.Decimal | None:
    if value is None or (isinstance(value, (int, decimal.Decimal)) and not isinstance(value, bool)):
        return value
    if isinstance(value, float):
        return _tidy(decimal.Decimal(repr(value)))
    if isinstance(value, str):
        try:
            return _tidy(decimal.Decimal(value.strip()))
        except decimal.InvalidOperation as error:
            raise OracleError(6502, ": character to number conversion error") from error
    raise UnknownRequest(f"{type(value).__name__} where a number must be")


def _tidy(number: decimal.Decimal) -> int | decimal.Decimal:
    return int(number) if number == number.to_integral_value() else number


def as_bool(value: Value) -> bool | None:
    if value is None or isinstance(value, bool):
        return value
    raise UnknownRequest(f"{type(value).__name__} where a condition must be")


def coerce(value: Value, kind: TypeName) -> Value:
    """The value as a variable of this type holds it; ORA-06502 where it does not fit."""
    if value is None:
        return None
    if kind.name in TEXT_TYPES:
        text = as_text(value)
        if kind.size is not None and text is not None and len(text.encode()) > kind.size:
            raise OracleError(6502, ": character string buffer too small")
        return text
    if kind.name in NUMBER_TYPES:
        number = as_number(value)
        if kind.name in WHOLE_TYPES and isinstance(number, decimal.Decimal):
            return int(number.to_integral_value(decimal.ROUND_HALF_UP))
        return number
    return as_bool(value) if kind.name == "BOOLEAN" else value


def initial(kind: TypeName) -> Value:
    if kind.is_table or kind.name in COLLECTION_TYPES:
        return Collection()
    if kind.fields is not None:
        return Record({name: initial(field) for name, field in kind.fields})
    return None


def binary(operator: str, left: Value, right: Value) -> Value:
    if operator == "||":
        return (as_text(left) or "") + (as_text(right) or "") or None
    if left is None or right is None:
        return None
    if operator == "LIKE":
        return like(str(as_text(left)), str(as_text(right)))
    if operator in ("=", "<>", "<", ">", "<=", ">="):
        return _compare(operator, left, right)
    if isinstance(left, datetime.datetime):
        return left + datetime.timedelta(days=float(as_number(right) or 0)) * (-1 if operator == "-" else 1)
    return arithmetic(operator, as_number(left), as_number(right))


def arithmetic(operator: str, left: t.Any, right: t.Any) -> int | decimal.Decimal:
    if operator in ("/", "MOD") and right == 0:
        if operator == "MOD":
            return int(left)
        raise OracleError(1476)
    if operator == "/":
        return _tidy(NUMBER_CONTEXT.divide(decimal.Decimal(left), decimal.Decimal(right)))
    if operator == "MOD":
        return _tidy(decimal.Decimal(left) % decimal.Decimal(right))
    if operator == "**":
        return _tidy(NUMBER_CONTEXT.power(decimal.Decimal(left), decimal.Decimal(right)))
    result = left + right if operator == "+" else left - right if operator == "-" else left * right
    return _tidy(decimal.Decimal(result))


def _compare(operator: str, left: Value, right: Value) -> bool:
    if isinstance(left, bool) != isinstance(right, bool):
        raise UnknownRequest("a BOOLEAN compared with something else")
    if isinstance(left, (int, decimal.Decimal)) != isinstance(right, (int, decimal.Decimal)):
        left, right = as_number(left), as_number(right)
    outcomes = {"=": left == right, "<>": left != right}
    if operator in outcomes:
        return bool(outcomes[operator])
    if operator == "<":
        return bool(left < right)
    if operator == ">":
        return bool(left > right)
    return bool(left <= right) if operator == "<=" else bool(left >= right)


def like(text: str, pattern: str) -> bool:
    parts = {"%": ".*", "_": "."}
    return re.fullmatch("".join(parts.get(char, re.escape(char)) for char in pattern), text, re.DOTALL) is not None
