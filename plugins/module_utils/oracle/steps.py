# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan and its execution. Private to lockstep.backup: not a public interface."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.feature import Clock


@dataclasses.dataclass(frozen=True)
class Step:
    """One entry of a plan. ``always``: done whatever happened before it. ``last``: done only when nothing at all failed.
    ``details`` are plain JSON values without secrets."""

    name: str
    text: str
    always: bool = False
    last: bool = False
    details: t.Mapping[str, t.Any] = dataclasses.field(default_factory=dict)

    def as_dict(self) -> dict[str, t.Any]:
        return dict(self.details, step=self.name, text=self.text, always=self.always)


def perform(
    plan: t.Sequence[Step], actions: t.Mapping[str, t.Callable[[], None]], clock: Clock, done: list[dict[str, t.Any]]
) -> None:
    """Do the steps in order. After a failure only those marked ``always`` are still done, each whatever became of the others.
    The failure of one of these does not keep the rest from being done: a dump is no worse because a revoke failed after it.

    ``done`` receives each step with ``result`` (done, failed, skipped) and ``seconds``. Raises the first failure; what failed
    besides is in its details as ``also_failed``.
    """
    first: BaseException | None = None
    stopped = False
    also: list[dict[str, t.Any]] = []
    for step in plan:
        entry = dict(step.as_dict(), result="skipped", seconds=0.0)
        done.append(entry)
        if (stopped and not step.always) or (first is not None and step.last):
            continue
        began = clock.monotonic()
        try:
            actions[step.name]()
            entry["result"] = "done"
        except BaseException as error:  # noqa: BLE001 - an interrupted run must take back its grants too; raised again below
            entry["result"] = "failed"
            stopped = stopped or not step.always or not isinstance(error, LockstepError)
            if first is None:
                first = error
            else:
                also.append(described(error))
        entry["seconds"] = round(clock.monotonic() - began, 3)
    if isinstance(first, LockstepError) and also:
        first.details["also_failed"] = also
        first.message += "".join(f" Besides: {failure['msg']}" for failure in also)
        first.args = (first.message,)
    if first is not None:
        raise first


def described(error: BaseException) -> dict[str, t.Any]:
    if isinstance(error, LockstepError):
        return error.as_result()
    return {"msg": error.__class__.__name__, "error_code": "interrupted"}
