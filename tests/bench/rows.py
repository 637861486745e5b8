# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a measurement comes to."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Row:
    """``ratio`` is value by what it is compared with (or the other way round where more is better); ``target`` its bound."""

    name: str
    value: float
    unit: str
    compared_with: str
    ratio: float
    target: str
    met: bool


def at_most(name: str, value: float, unit: str, compared_with: str, ratio: float, bound: float) -> Row:
    return Row(name, round(value, 3), unit, compared_with, round(ratio, 3), f"ratio <= {bound:g}", ratio <= bound)
