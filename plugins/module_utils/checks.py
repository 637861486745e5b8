# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is looked at before a tool starts, as data. Pure. Private to lockstep.backup: not a public interface."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError


@dataclasses.dataclass(frozen=True)
class Check:
    """One finding: ``detail`` says what was found and, when it is not ``ok``, what to do; ``slug`` is the error's."""

    name: str
    ok: bool
    detail: str
    slug: str = ""

    def as_dict(self) -> dict[str, t.Any]:
        return {"name": self.name, "ok": self.ok, "detail": self.detail}


def refuse_failed(checks: t.Sequence[Check]) -> None:
    """Raise the first failed check's slug, with the sentences of all that failed."""
    failed = [check for check in checks if not check.ok]
    if failed:
        raise LockstepError(failed[0].slug, " ".join(check.detail for check in failed))


def pids(numbers: t.Sequence[int]) -> str:
    return ("process " if len(numbers) == 1 else "processes ") + ", ".join(str(number) for number in numbers)
