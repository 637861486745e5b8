# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the lab knows of a program: its function, and which of its calls only read."""

from __future__ import annotations

import dataclasses
import typing as t

from tests.lab.windows.execution import Execution


def _never(arguments: list[str]) -> bool:
    return False


def always(arguments: list[str]) -> bool:
    return True


@dataclasses.dataclass(frozen=True)
class Tool:
    """``run`` gives the exit code; ``reads_only`` tells from the arguments that nothing on the machine changes."""

    run: t.Callable[[Execution], int]
    reads_only: t.Callable[[list[str]], bool] = _never
