# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CIM classes over a simulated machine: instances and methods, knowing nothing of XML."""

from __future__ import annotations

import dataclasses
import typing as t

from tests.lab.windows.machine import Machine
from tests.lab.windows.users import User

Instance = dict[str, t.Any]
"""Property name to value: str, int, bool, datetime, or None."""
Constraints = t.Mapping[str, str]
"""Lower-case property names that a query compares with a fixed value, so that nothing else need be looked at."""

CIMV2 = "root/cimv2"


class CimError(Exception):
    """A provider's failure that becomes a fault: an HRESULT (or wsman code) and a text."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code, self.text = code, text


class FullScan(Exception):
    """The query would make WMI read a whole disk, for minutes."""


@dataclasses.dataclass(frozen=True)
class Call:
    """A method's call: on ``instance`` (None for static methods), with lower-case argument names."""

    machine: Machine
    user: User
    instance: Instance | None
    arguments: t.Mapping[str, str]

    def argument(self, name: str) -> str:
        found = self.arguments.get(name.lower())
        if found is None:
            raise CimError(0x80041008, f"Invalid parameter {name}")
        return found


@dataclasses.dataclass(frozen=True)
class Method:
    run: t.Callable[[Call], dict[str, t.Any]]
    static: bool = False
    changes: bool = True
    """Whether it changes something on the machine."""
    parameters: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class CimClass:
    """``find`` gives at least all instances that meet the constraints; the query's condition is checked on each anyway."""

    name: str
    keys: tuple[str, ...]
    find: t.Callable[[Machine, Constraints], t.Iterable[Instance]]
    methods: t.Mapping[str, Method] = dataclasses.field(default_factory=dict)
    namespace: str = CIMV2

    def method(self, name: str) -> tuple[str, Method] | None:
        for known, method in self.methods.items():
            if known.lower() == name.lower():
                return known, method
        return None

    def get(self, machine: Machine, selectors: t.Mapping[str, str]) -> Instance | None:
        """The instance with these keys (names and values compare without regard to case)."""
        wanted = {name.lower(): value for name, value in selectors.items()}
        for instance in self.find(machine, wanted):
            if all(str(instance[key]).lower() == wanted[key.lower()].lower() for key in self.keys):
                return instance
        return None
