# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Functions without a package, and the smaller packages."""

from __future__ import annotations

import datetime
import decimal
import math
import typing as t

from tests.lab.oracle.dictionary.functions import current_scn, decode, substr, to_char, userenv
from tests.lab.oracle.errors import MESSAGES, OracleError
from tests.lab.oracle.plsql.library import Library, raise_application_error
from tests.lab.oracle.plsql.values import Value, as_number, as_text

if t.TYPE_CHECKING:
    from tests.lab.oracle.session import Session

_ARGUMENTS = "a? b? c? d? e? f? g? h?"


def register(library: Library) -> None:
    _register_texts(library)
    _register_numbers(library)
    _register_session(library)
    _register_packages(library)


def _register_texts(library: Library) -> None:
    def text_function(name: str, parameters: str, function: t.Callable[..., t.Any]) -> None:
        def call(session: Session, **values: Value) -> Value:
            first = as_text(values["text"])
            return None if first is None else function(first, **{key: value for key, value in values.items() if key != "text"})

        library.routine(name, parameters)(call)

    def pad(text: str, length: int, fill: str, is_left: bool) -> str:
        padding = (fill * length)[: max(0, length - len(text))]
        return (padding + text if is_left else text + padding)[:length]

    def instr(text: str, part: str, start: int = 1, nth: int = 1) -> int:
        position = start - 2
        for _unused in range(nth):
            position = text.find(part, position + 1)
            if position < 0:
                return 0
        return position + 1

    text_function("UPPER", "text", str.upper)
    text_function("LOWER", "text", str.lower)
    text_function("LENGTH", "text", len)
    text_function("LENGTHB", "text", lambda text: len(text.encode()))
    text_function("TRIM", "text", lambda text: text.strip(" ") or None)
    text_function("LTRIM", "text characters?", lambda text, characters=" ": text.lstrip(characters) or None)
    text_function("RTRIM", "text characters?", lambda text, characters=" ": text.rstrip(characters) or None)
    text_function("REPLACE", "text old new?", lambda text, old, new=None: text.replace(old or "\0", new or "") or None)
    text_function("SUBSTR", "text start length?", lambda text, start, length=None: substr(text, start, length))
    text_function("INSTR", "text part start? nth?", instr)
    text_function("LPAD", "text length fill?", lambda text, length, fill=" ": pad(text, length, fill, True))
    text_function("RPAD", "text length fill?", lambda text, length, fill=" ": pad(text, length, fill, False))
    library.routine("CHR", "code")(lambda session, code: chr(int(code)))
    library.routine("TO_CHAR", "value form?")(_to_char)
    library.routine("DBMS_ASSERT.ENQUOTE_NAME", "name capitalize?")(lambda session, name, capitalize=True: f'"{name}"')
    library.routine("DBMS_ASSERT.ENQUOTE_LITERAL", "text")(lambda session, text: "'" + text.replace("'", "''") + "'")
    library.routine("DBMS_ASSERT.SIMPLE_SQL_NAME", "name")(lambda session, name: name)


def _to_char(session: Session, value: Value, form: str | None = None) -> str | None:
    if isinstance(value, datetime.datetime):
        return to_char(value.strftime("%Y-%m-%d %H:%M:%S"), form) if form else as_text(value)
    return as_text(value)


def _register_numbers(library: Library) -> None:
    def rounded(session: Session, number: Value, digits: int = 0, mode: str = decimal.ROUND_HALF_UP) -> Value:
        value = as_number(number)
        if value is None:
            return None
        return as_number(str(decimal.Decimal(value).quantize(decimal.Decimal(1).scaleb(-digits), mode)))

    def truncated(session: Session, number: Value, digits: int = 0) -> Value:
        if isinstance(number, datetime.datetime):
            return number.replace(hour=0, minute=0, second=0, microsecond=0)
        return rounded(session, number, digits, decimal.ROUND_DOWN)

    def extreme(choose: t.Callable[..., t.Any]) -> t.Callable[..., t.Any]:
        return lambda session, **values: None if None in values.values() else choose(values.values())

    library.routine("ROUND", "number digits?")(rounded)
    library.routine("TRUNC", "number digits?")(truncated)
    library.routine("ABS", "number")(lambda session, number: None if number is None else abs(as_number(number) or 0))
    library.routine("CEIL", "number")(lambda session, number: None if number is None else math.ceil(as_number(number) or 0))
    library.routine("FLOOR", "number")(lambda session, number: None if number is None else math.floor(as_number(number) or 0))
    library.routine("MOD", "number divisor")(lambda session, number, divisor: number % divisor if divisor else number)
    library.routine("BITAND", "left right")(lambda session, left, right: None if None in (left, right) else int(left) & int(right))
    library.routine("TO_NUMBER", "text")(lambda session, text: as_number(text))
    library.routine("GREATEST", _ARGUMENTS)(extreme(max))
    library.routine("LEAST", _ARGUMENTS)(extreme(min))


def _register_session(library: Library) -> None:
    def coalesce(session: Session, **values: Value) -> Value:
        return next((value for value in values.values() if value is not None), None)

    def error_text(session: Session, code: Value) -> str:
        number = abs(int(code))
        return f"ORA-{number:05d}: {MESSAGES.get(number, 'Message not found')}"

    library.routine("NVL", "value other")(lambda session, value, other: other if value is None else value)
    library.routine("NVL2", "value yes no")(lambda session, value, yes, no: no if value is None else yes)
    library.routine("COALESCE", _ARGUMENTS)(coalesce)
    library.routine("DECODE", _ARGUMENTS)(lambda session, **values: decode(*values.values()))
    library.routine("USER")(lambda session: session.principal.user)
    library.routine("UID")(lambda session: session.database.users[session.principal.user].user_id)
    library.routine("SYSDATE")(lambda session: session.now())
    library.routine("SYSTIMESTAMP")(lambda session: session.now())
    library.routine("SYS_CONTEXT", "namespace parameter")(
        lambda session, namespace, parameter: userenv(session.query_context(), parameter)
    )
    library.routine("RAISE_APPLICATION_ERROR", "number message keep?")(
        lambda session, number, message, keep=False: raise_application_error(number, message)
    )
    library.routine("SQLERRM", "code")(error_text)
    library.routine("TIMESTAMP_TO_SCN", "moment")(lambda session, moment: session.database.scn)


def _register_packages(library: Library) -> None:
    def sleep(session: Session, seconds: Value) -> None:
        session.wait(float(seconds), lambda: False)

    def recompile(session: Session, schema: str | None = None, flags: Value = None) -> None:
        if not session.database.has_privilege(session.principal, "ALTER SYSTEM"):
            raise OracleError(1031)
        for owner, objects in session.database.objects.items():
            if schema in (None, owner):
                for thing in objects:
                    thing.status = "VALID"

    def to_raw(session: Session, text: Value) -> bytes | None:
        return None if text is None else str(text).encode()

    def from_raw(session: Session, raw: Value) -> str | None:
        return None if raw is None else raw.decode(errors="replace")

    library.routine("DBMS_SESSION.SLEEP", "seconds")(sleep)
    library.routine("DBMS_LOCK.SLEEP", "seconds")(sleep)
    library.routine("DBMS_SESSION.SET_ROLE", "command")(lambda session, command: session.execute_text(f"SET ROLE {command}"))
    library.routine("DBMS_FLASHBACK.GET_SYSTEM_CHANGE_NUMBER")(lambda session: current_scn(session.query_context()))
    library.routine("DBMS_APPLICATION_INFO.SET_MODULE", "module_name action_name")(
        lambda session, module_name, action_name: session.identify(module=module_name, action=action_name)
    )
    library.routine("DBMS_APPLICATION_INFO.SET_ACTION", "action_name")(
        lambda session, action_name: session.identify(action=action_name)
    )
    library.routine("UTL_RECOMP.RECOMP_SERIAL", "schema? flags?")(recompile)
    library.routine("DBMS_UTILITY.FORMAT_ERROR_BACKTRACE")(lambda session: None)
    library.routine("UTL_RAW.CAST_TO_RAW", "text")(to_raw)
    library.routine("UTL_RAW.CAST_TO_VARCHAR2", "raw")(from_raw)
    library.routine("UTL_RAW.LENGTH", "raw")(lambda session, raw: None if raw is None else len(raw))
    library.routine("UTL_I18N.RAW_TO_CHAR", "raw charset?")(lambda session, raw, charset=None: from_raw(session, raw))
