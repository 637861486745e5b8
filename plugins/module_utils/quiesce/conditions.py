# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a started unit is ready to work, by what its log says. Pure. Private to lockstep.backup: not a public interface.

``ready`` is the option of that name without what is not given: ``log``, ``expect``, ``refuse``, ``event_log``.
"""

from __future__ import annotations

import dataclasses
import re
import typing as t

Ready = t.Mapping[str, t.Any]


@dataclasses.dataclass(frozen=True)
class Mark:
    """What was there before a start: only what comes after it counts.

    ``expect_from`` and ``refuse_from`` are characters of the log, ``since`` is a moment of the host in ISO 8601, empty where no
    event log is looked at. The two positions differ after a start that failed: its signs of life still count, its errors are not
    held against it for ever.
    """

    expect_from: int
    refuse_from: int
    since: str

    @classmethod
    def from_dict(cls, data: t.Mapping[str, t.Any]) -> Mark:
        return cls(int(data["expect_from"]), int(data["refuse_from"]), str(data["since"]))


def gained(text: str, position: int) -> list[str]:
    """The log's lines since it had so many characters; all of it when it is shorter now, since it was begun anew then."""
    return (text[position:] if len(text) >= position else text).splitlines()


def missing(ready: Ready, text: str, mark: Mark) -> list[str]:
    """The patterns of ``expect`` that no new line has."""
    lines = gained(text, mark.expect_from)
    return [pattern for pattern in ready.get("expect", ()) if not any(re.search(pattern, line) for line in lines)]


def refused_line(ready: Ready, text: str, mark: Mark) -> str | None:
    """The first new line that has one of the patterns of ``refuse``."""
    lines = gained(text, mark.refuse_from)
    return next((line for line in lines for pattern in ready.get("refuse", ()) if re.search(pattern, line)), None)


def broken_pattern(patterns: t.Iterable[str]) -> str | None:
    """What is wrong with the first pattern that is no regular expression."""
    for pattern in patterns:
        try:
            re.compile(pattern)
        except re.error as error:
            return f"{pattern!r} is no regular expression: {error}"
    return None
