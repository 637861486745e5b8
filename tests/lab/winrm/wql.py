# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""WQL: parsing queries and checking their conditions."""

from __future__ import annotations

import dataclasses
import datetime
import operator
import re
import typing as t

Instance = t.Mapping[str, t.Any]

_OPERATORS: t.Mapping[str, t.Callable[[t.Any, t.Any], bool]] = {
    "=": operator.eq,
    "<>": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}


class WqlError(Exception):
    """Not a query that WMI would accept."""


class UnknownWql(WqlError):
    """Perhaps a query, but the lab does not know this part of the language."""


@dataclasses.dataclass(frozen=True)
class Comparison:
    name: str
    operator: str
    value: str | None

    def holds(self, instance: Instance) -> bool:
        actual = _property(instance, self.name)
        if self.operator in ("is", "is not"):
            return (actual is None) == (self.operator == "is")
        if actual is None or self.value is None:
            return False
        if self.operator == "like":
            return re.fullmatch(_like(self.value), str(actual), re.IGNORECASE | re.DOTALL) is not None
        left, right = _comparable(actual, self.value)
        return _OPERATORS[self.operator](left, right)


@dataclasses.dataclass(frozen=True)
class Combination:
    operator: str
    parts: tuple[Condition, ...]

    def holds(self, instance: Instance) -> bool:
        results = (part.holds(instance) for part in self.parts)
        if self.operator == "not":
            return not next(iter(results))
        return all(results) if self.operator == "and" else any(results)


Condition = Comparison | Combination


@dataclasses.dataclass(frozen=True)
class Select:
    """``columns`` is None for ``*``."""

    columns: tuple[str, ...] | None
    class_name: str
    condition: Condition | None

    def constraints(self) -> dict[str, str]:
        """Properties that must have one fixed value for the condition to hold."""
        parts: t.Sequence[Condition] = ()
        if isinstance(self.condition, Comparison):
            parts = (self.condition,)
        elif self.condition is not None and self.condition.operator == "and":
            parts = self.condition.parts
        return {
            part.name.lower(): part.value
            for part in parts
            if isinstance(part, Comparison) and part.operator == "=" and part.value is not None
        }


@dataclasses.dataclass(frozen=True)
class Associators:
    """``ASSOCIATORS OF {class.key='value'} WHERE option=value ...``; options in lower case."""

    class_name: str
    key: str
    value: str
    options: t.Mapping[str, str]


_TOKEN = re.compile(
    r"""\s*(?:(?P<string>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")|(?P<word>[A-Za-z_][\w.]*)|(?P<number>-?\d+)|(?P<op><>|!=|<=|>=|[=<>(),*]))"""
)


def parse(text: str) -> Select | Associators:
    """Read a query. Raises WqlError or UnknownWql."""
    text = text.strip()
    if re.match(r"associators\s+of\b", text, re.IGNORECASE):
        return _associators(text)
    return _Reader(text).select()


def _unescape(literal: str) -> str:
    return re.sub(r"\\(.)", r"\1", literal[1:-1])


def _associators(text: str) -> Associators:
    match = re.fullmatch(
        r"associators\s+of\s*\{\s*(\w+)\.(\w+)\s*=\s*('(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")\s*\}\s*(?:where\s+(.*))?",
        text,
        re.IGNORECASE | re.DOTALL,
    )
    if match is None:
        raise WqlError(text)
    options: dict[str, str] = {}
    rest = (match.group(4) or "").strip()
    while rest:
        option = re.match(r"(\w+)\s*=\s*(\w+)\s*", rest)
        if option is None or option.group(1).lower() not in ("assocclass", "role", "resultrole", "resultclass"):
            raise UnknownWql(text)
        options[option.group(1).lower()] = option.group(2)
        rest = rest[option.end() :]
    return Associators(match.group(1), match.group(2), _unescape(match.group(3)), options)


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens: list[tuple[str, str]] = []
        position = 0
        while position < len(text.rstrip()):
            match = _TOKEN.match(text, position)
            if match is None or match.lastgroup is None:
                raise WqlError(f"{text!r} at {position}")
            self.tokens.append((match.lastgroup, match.group(match.lastgroup)))
            position = match.end()

    def _peek(self) -> str:
        return self.tokens[0][1].lower() if self.tokens else ""

    def _take(self, *wanted: str) -> str:
        if not self.tokens or (wanted and self._peek() not in wanted):
            raise WqlError(f"{self.text!r}: {self._peek() or 'the end'} where {' or '.join(wanted) or 'something'} was expected")
        return self.tokens.pop(0)[1]

    def _name(self) -> str:
        if not self.tokens or self.tokens[0][0] != "word":
            raise WqlError(f"{self.text!r}: {self._peek() or 'the end'} is no name")
        return self._take()

    def select(self) -> Select:
        self._take("select")
        columns: list[str] | None = None
        if self._peek() == "*":
            self._take("*")
        else:
            columns = [self._name()]
            while self._peek() == ",":
                self._take(",")
                columns.append(self._name())
        self._take("from")
        class_name = self._name()
        condition = None
        if self.tokens:
            self._take("where")
            condition = self._any()
        if self.tokens:
            raise WqlError(f"{self.text!r}: {self._peek()} is too much")
        return Select(tuple(columns) if columns is not None else None, class_name, condition)

    def _any(self) -> Condition:
        parts = [self._all()]
        while self._peek() == "or":
            self._take("or")
            parts.append(self._all())
        return parts[0] if len(parts) == 1 else Combination("or", tuple(parts))

    def _all(self) -> Condition:
        parts = [self._one()]
        while self._peek() == "and":
            self._take("and")
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else Combination("and", tuple(parts))

    def _one(self) -> Condition:
        if self._peek() == "not":
            self._take("not")
            return Combination("not", (self._one(),))
        if self._peek() == "(":
            self._take("(")
            inner = self._any()
            self._take(")")
            return inner
        name = self._name()
        operator = self._take("=", "<>", "!=", "<", ">", "<=", ">=", "like", "is", "isa").lower()
        if operator == "isa":
            raise UnknownWql(self.text)
        if operator == "is":
            negated = self._peek() == "not"
            if negated:
                self._take("not")
            self._take("null")
            return Comparison(name, "is not" if negated else "is", None)
        if not self.tokens:
            raise WqlError(f"{self.text!r} ends after {operator}")
        kind, value = self.tokens.pop(0)
        if kind == "string":
            value = _unescape(value)
        elif kind == "word" and value.lower() not in ("true", "false", "null"):
            raise WqlError(f"{self.text!r}: {value} is not quoted")
        return Comparison(
            name, "<>" if operator == "!=" else operator, None if value.lower() == "null" and kind == "word" else value
        )


def _property(instance: Instance, name: str) -> t.Any:
    for known, value in instance.items():
        if known.lower() == name.lower():
            return value
    raise WqlError(f"there is no property {name}")


def _comparable(actual: t.Any, literal: str) -> tuple[t.Any, t.Any]:
    if isinstance(actual, bool):
        return actual, literal.lower() in ("true", "1", "-1")
    if isinstance(actual, int):
        try:
            return actual, int(literal)
        except ValueError:
            raise WqlError(f"{literal} is no number") from None
    if isinstance(actual, datetime.datetime):
        return actual, _moment(literal)
    return str(actual).lower(), literal.lower()


def _moment(literal: str) -> datetime.datetime:
    """A time as WMI writes it: ``yyyymmddHHMMSS.mmmmmm+UUU``, with the offset in minutes."""
    match = re.fullmatch(r"(\d{14}\.\d{6})([+-]\d{3})", literal)
    if match is None:
        raise UnknownWql(f"{literal} as a time")
    moment = datetime.datetime.strptime(match.group(1), "%Y%m%d%H%M%S.%f")  # noqa: DTZ007 - the offset follows
    return moment.replace(tzinfo=datetime.timezone(datetime.timedelta(minutes=int(match.group(2)))))


def _like(pattern: str) -> str:
    """WQL's pattern (% _ [a-z] [^a]) as a regular expression."""
    result: list[str] = []
    position = 0
    while position < len(pattern):
        character = pattern[position]
        if character == "%":
            result.append(".*")
        elif character == "_":
            result.append(".")
        elif character == "[" and "]" in pattern[position:]:
            end = pattern.index("]", position)
            inner = pattern[position + 1 : end].replace("\\", "\\\\").replace("[", "\\[").replace("=", "-")
            result.append(f"[{inner}]")
            position = end
        else:
            result.append(re.escape(character))
        position += 1
    return "".join(result)
