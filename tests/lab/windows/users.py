# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Accounts of a simulated machine."""

from __future__ import annotations

import dataclasses
import typing as t


@dataclasses.dataclass(frozen=True)
class User:
    """``qualified`` is the name as whoami prints it."""

    name: str
    password: str
    admin: bool
    sid: str
    qualified: str
    can_log_on: bool = True


SYSTEM = User("SYSTEM", "", True, "S-1-5-18", "nt authority\\system", can_log_on=False)


class Users:
    """The accounts that may log on, by name without regard to case."""

    def __init__(self, computer: str, accounts: tuple[tuple[str, str, bool], ...]) -> None:
        self.computer = computer
        self._users: dict[str, User] = {}
        for position, (name, password, admin) in enumerate(accounts):
            relative_id = 500 if position == 0 else 1000 + position
            sid = f"S-1-5-21-1004336348-1177238915-682003330-{relative_id}"
            self._users[name.lower()] = User(name, password, admin, sid, f"{computer.lower()}\\{name.lower()}")

    def __iter__(self) -> t.Iterator[User]:
        return iter(self._users.values())

    def find(self, name: str) -> User | None:
        """By ``NAME``, ``COMPUTER\\NAME`` or ``.\\NAME``."""
        domain, separator, rest = name.rpartition("\\")
        if separator and domain.lower() not in (self.computer.lower(), "."):
            return None
        return self._users.get(rest.lower())
