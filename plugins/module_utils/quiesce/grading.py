# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How consistent what a tool made is. Pure. Private to lockstep.backup: not a public interface."""

from __future__ import annotations

import typing as t

QUIESCED = "quiesced"
HOT = "hot"
DEGRADED = "degraded"


def grade(tool: str, quiesced: str | None, ran_again: t.Sequence[str]) -> tuple[str, list[str]]:
    """The grade of what ``tool`` has completed and the reasons for it being no better; never better than what was seen.

    ``quiesced``: the journal of the units that were stopped meanwhile. Without one the grade is ``hot``, also where the tool says
    that it stops services itself: nothing has verified it.
    """
    if quiesced is None:
        reason = f"No journal of stopped units was named: whether anything was stopped while {tool} read the data was not verified."
        return HOT, [reason]
    if ran_again:
        reason = (
            f"{', '.join(ran_again)} ran again when {tool} had ended: they were stopped again, but may have changed data meanwhile."
        )
        return DEGRADED, [reason]
    return QUIESCED, []
