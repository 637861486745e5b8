# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Registering the routines of packages, with their parameters as PL/SQL knows them."""

from __future__ import annotations

import builtins
import dataclasses
import typing as t

from tests.lab.oracle.errors import OracleError, UnknownRequest

EXCEPTIONS: dict[str, int] = {
    "NO_DATA_FOUND": 1403,
    "TOO_MANY_ROWS": 1422,
    "ZERO_DIVIDE": 1476,
    "VALUE_ERROR": 6502,
    "INVALID_NUMBER": 1722,
    "ACCESS_INTO_NULL": 6530,
    "COLLECTION_IS_NULL": 6531,
    "SUBSCRIPT_BEYOND_COUNT": 6533,
    "CASE_NOT_FOUND": 6592,
}
"""Predefined exceptions; packages add their own, with the package's name before a dot."""

MISSING = object()


@dataclasses.dataclass(frozen=True)
class Parameter:
    name: str
    is_out: bool
    is_optional: bool

    @property
    def keyword(self) -> str:
        """Of the Python function; with an underscore where the name is one of Python's own."""
        keyword = self.name.lower()
        return f"{keyword}_" if hasattr(builtins, keyword) else keyword


@dataclasses.dataclass(frozen=True)
class Routine:
    name: str
    parameters: tuple[Parameter, ...]
    function: t.Callable[..., t.Any]

    def parameter(self, key: int | str) -> Parameter:
        if isinstance(key, int):
            return self.parameters[key]
        return next(parameter for parameter in self.parameters if parameter.name == key)

    def fits(self, positional: int, named: set[str]) -> bool:
        if positional > len(self.parameters):
            return False
        rest = self.parameters[positional:]
        required = {parameter.name for parameter in rest if not parameter.is_optional}
        return required <= named <= {parameter.name for parameter in rest}

    def call(self, surroundings: t.Any, values: dict[str, t.Any]) -> t.Any:
        return self.function(surroundings, **values)


class Library:
    """All routines by their dotted names; overloads are told apart by what is given."""

    def __init__(self) -> None:
        self._routines: dict[str, list[Routine]] = {}
        self._constants: dict[str, t.Any] = {}

    def routine(self, name: str, parameters: str = "") -> t.Callable[[t.Callable[..., t.Any]], t.Callable[..., t.Any]]:
        """Decorator. ``parameters``: names in order; ``!`` after an OUT or IN OUT one, ``?`` after an optional one. The function
        gets the session, and the values by their names in lower case (of OUT parameters a Ref)."""
        shape = tuple(Parameter(word.strip("!?").upper(), "!" in word, "?" in word) for word in parameters.split())

        def register(function: t.Callable[..., t.Any]) -> t.Callable[..., t.Any]:
            self._routines.setdefault(name, []).append(Routine(name, shape, function))
            return function

        return register

    def constants(self, package: str, values: t.Mapping[str, t.Any]) -> None:
        self._constants.update({f"{package}.{name}": value for name, value in values.items()})

    def exceptions(self, package: str, codes: t.Mapping[str, int]) -> None:
        EXCEPTIONS.update({f"{package}.{name}": code for name, code in codes.items()})

    def find(self, name: str, positional: int, named: set[str], is_statement: bool) -> Routine:
        """Raises UnknownRequest with what is known of the name."""
        if name in self._constants and not positional and not named:
            value = self._constants[name]
            return Routine(name, (), lambda surroundings: value)
        overloads = self._routines.get(name)
        if overloads is None:
            raise UnknownRequest(f"no routine or variable {name}")
        fitting = [routine for routine in overloads if routine.fits(positional, named)]
        if not fitting:
            raise UnknownRequest(f"{name} called with {positional} positional arguments and {sorted(named) or 'no named ones'}")
        # A procedure has OUT parameters where the function of the same name returns: the caller's kind decides.
        fitting.sort(key=lambda routine: any(parameter.is_out for parameter in routine.parameters) != is_statement)
        return fitting[0]


def raise_application_error(number: t.Any, message: t.Any) -> None:
    raise OracleError(abs(int(number)), text=str(message))
