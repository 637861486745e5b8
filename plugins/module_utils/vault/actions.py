# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run does to a vault, as data that is shown and executed. Private to lockstep.backup: not a public interface."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.host.base import Host

TAKE_LOCK, RELEASE_LOCK = "take_lock", "release_lock"
MEASURE, VERIFY = "measure", "verify"
MAKE_FOLDER, WRITE, RENAME, REMOVE = "make_folder", "write", "rename", "remove"


@dataclasses.dataclass(frozen=True)
class Action:
    """One step. ``to`` only for renames; ``reason`` for people."""

    action: str
    path: str
    to: str | None = None
    reason: str = ""

    def as_dict(self) -> dict[str, t.Any]:
        return {key: value for key, value in dataclasses.asdict(self).items() if value not in (None, "")}


Plan = t.List[Action]


def shown(plan: t.Iterable[Action]) -> list[dict[str, t.Any]]:
    return [action.as_dict() for action in plan]


@dataclasses.dataclass
class Performer:
    """Executes plans. ``texts``: what to write, by path, asked for when it is written; ``others``: all that is no change of
    files, by the action's name."""

    host: Host
    texts: t.Mapping[str, t.Callable[[], str]] = dataclasses.field(default_factory=dict)
    others: t.Mapping[str, t.Callable[[Action], None]] = dataclasses.field(default_factory=dict)

    def perform(self, plan: t.Iterable[Action]) -> None:
        """In order, to the first failure; its error gets what was done before as ``done``."""
        done: list[dict[str, t.Any]] = []
        for action in plan:
            try:
                self._do(action)
            except LockstepError as error:
                error.details.setdefault("done", done)
                error.details.setdefault("failed_action", action.as_dict())
                raise
            done.append(action.as_dict())

    def _do(self, action: Action) -> None:
        if action.action == MAKE_FOLDER:
            self.host.make_folder(action.path)
        elif action.action == WRITE:
            self.host.write_text(action.path, self.texts[action.path]())
        elif action.action == RENAME and action.to is not None:
            self.host.rename(action.path, action.to)
        elif action.action == REMOVE:
            self.host.remove(action.path)
        else:
            self.others[action.action](action)
