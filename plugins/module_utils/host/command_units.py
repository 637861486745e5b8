# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Units that are stopped, started and asked after by commands of the user's own. Private to lockstep.backup."""

from __future__ import annotations

import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.host.base import (
    RUNNING,
    STOPPED,
    UNKNOWN,
    Completed,
    Host,
    LeavesNothing,
    UnitStatus,
)


class CommandUnits(LeavesNothing):
    """One unit of kind ``command``: ``stop``, ``start`` and ``check`` are argv lists of its definition.

    ``check`` exits 0 while the unit runs and 3 when it is stopped (as LSB's status action does); anything else is unknown.
    """

    _STATES: t.Mapping[int, str] = {0: RUNNING, 3: STOPPED}

    def __init__(self, host: Host, definition: t.Mapping[str, t.Any]) -> None:
        self._host = host
        self._definition = definition

    def find(self, pattern: str | None, path_under: str | None) -> list[UnitStatus]:
        raise LockstepError("unit_kind_unsupported", "A unit of kind command has a name, not a pattern or a folder.")

    def status(self, name: str) -> UnitStatus:
        done = self._run("check")
        return UnitStatus("command", name, self._STATES.get(done.exit_code, UNKNOWN), detail=f"check exited {done.exit_code}")

    def statuses(self, names: t.Sequence[str]) -> list[UnitStatus]:
        return [self.status(name) for name in names]

    def dependents(self, name: str) -> list[str]:
        return []

    def stop(self, name: str, force: bool) -> None:
        self._ask(name, "stop")

    def start(self, name: str) -> None:
        self._ask(name, "start")

    def start_command(self, name: str) -> list[str]:
        return list(self._definition["start"]["argv"])

    def _ask(self, name: str, what: str) -> None:
        done = self._run(what)
        if done.exit_code != 0:
            answer = (done.stderr or done.stdout).strip()
            raise LockstepError(
                "unit_refused", f"{self._host.name}: the {what} command of {name} exited {done.exit_code}: {answer}"
            )

    def _run(self, what: str) -> Completed:
        return self._host.run(self._definition[what]["argv"])
