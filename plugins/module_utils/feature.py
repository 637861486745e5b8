# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a module does, apart from where it runs. Private to lockstep.backup: not a public interface."""

from __future__ import annotations

import dataclasses
import time
import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.host.base import Host
from ansible_collections.lockstep.backup.plugins.module_utils.owner import Owner


class Clock(t.Protocol):
    """Elapsed time and waiting, injectable so that no test sleeps."""

    def monotonic(self) -> float: ...

    def sleep(self, seconds: float) -> None: ...


@dataclasses.dataclass
class Task:
    """One call of a feature: all that it may touch."""

    params: t.Mapping[str, t.Any]
    host: Host
    owner: Owner
    check_mode: bool = False
    diff_mode: bool = False
    warn: t.Callable[[str], None] = lambda message: None
    progress: t.Callable[[str], None] = lambda message: None
    clock: Clock = t.cast(Clock, time)

    @property
    def dead_run(self) -> str | None:
        """The run that is proven to be over, whose lock and journal may be taken over."""
        return self.params.get("dead_run")


@dataclasses.dataclass(frozen=True)
class Feature:
    """A module's contract and its function. ``run`` returns the task's result (with ``changed``) or raises LockstepError."""

    name: str
    run: t.Callable[[Task], dict[str, t.Any]]
    argument_spec: t.Mapping[str, t.Any]
    required_if: t.Sequence[t.Sequence[t.Any]] = ()
    required_by: t.Mapping[str, t.Any] = dataclasses.field(default_factory=dict)
    required_together: t.Sequence[t.Sequence[str]] = ()
    required_one_of: t.Sequence[t.Sequence[str]] = ()
    mutually_exclusive: t.Sequence[t.Sequence[str]] = ()


OWNER_SPEC: t.Mapping[str, t.Any] = {
    "owner": {
        "type": "dict",
        "options": {
            "run_id": {"type": "str", "required": True},
            "control_node": {"type": "str", "required": True},
            "boot_id": {"type": "str", "required": True},
            "pid": {"type": "int", "required": True},
            "started": {"type": "str", "required": True},
            "user": {"type": "str", "required": True},
        },
    },
    "dead_run": {"type": "str"},
}
"""Options of every module that locks or journals; documented in the fragment ``lockstep.backup.owner``."""
