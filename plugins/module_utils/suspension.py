# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Until when suspended exports must run again, and what to say about it. Pure. Private to lockstep.backup: not a public interface.

Source: Backing Up the eTravel System, "Backing Up the eTravel Database": the exports of Saturday, Sunday and Monday are suspended
for Friday's full backup, and the server has to be returned to normal on Monday for the export of Tuesday at 3:13 a.m.
"""

from __future__ import annotations

import dataclasses
import datetime
import re
import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.vault import times

RUNNING = "running"
SUSPENDED = "suspended"
AWAITED = "awaited"
OVERDUE = "overdue"

SLACK = datetime.timedelta(hours=1)
"""A run that comes so much before an export's time is that export's run: clocks differ."""

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclasses.dataclass(frozen=True)
class Suspension:
    """``state``: running; suspended (exports that are to be left out still lie ahead); awaited (none does, so the return is next);
    overdue. ``due``: the export that needs the return, or where nothing is suspended the next one."""

    state: str
    due: datetime.datetime
    text: str

    def as_dict(self) -> dict[str, str]:
        return {"state": self.state, "due": times.iso(self.due), "date": self.due.date().isoformat(), "text": self.text}


def judge(since: str | None, now: str, time_of_day: str, days: t.Sequence[str]) -> Suspension:
    """``since``: when the exports were suspended (None: they are not), and ``now``: ISO 8601 by the host's clock.

    ``time_of_day``: HH:MM on the host. ``days``: English weekdays whose exports are left out. ValueError for anything else.
    """
    clock = _time_of_day(time_of_day)
    left_out = {DAYS.index(day) if day in DAYS else len(DAYS) for day in days}
    if len(DAYS) in left_out or len(left_out) == len(DAYS):
        raise ValueError(f"the days ({', '.join(days)}) must be English weekdays in small letters, and not all seven of them")
    moment = times.parse_iso(now)
    if since is None:
        due = _first_export(moment, clock, set())
        return Suspension(RUNNING, due, f"The next export is that of {_shown(due)}, in {_length(due - moment)}.")
    began = times.parse_iso(since).astimezone(moment.tzinfo)
    due = _first_export(began, clock, left_out)
    # The last one before it that is left out; where there is none, the return is next from the beginning.
    last = max(began, due - datetime.timedelta(days=1))
    told = f"The exports are suspended since {_shown(began)}"
    if moment + SLACK >= due:
        passed = f"was due {_length(moment - due)} ago" if moment >= due else f"is due in {_length(due - moment)}"
        return Suspension(OVERDUE, due, f"THE RETURN IS MISSING. {told}, and the export of {_shown(due)} {passed}.")
    left = f"{_length(due - moment)} are left until the export of {_shown(due)}, which needs the return"
    if moment + SLACK >= last:
        return Suspension(AWAITED, due, f"THE RETURN IS MISSING so far. {told}. {left}.")
    return Suspension(SUSPENDED, due, f"{told}. {left}.")


def _time_of_day(text: str) -> datetime.time:
    found = re.match(r"^([01]?[0-9]|2[0-3]):([0-5][0-9])$", text)
    if not found:
        raise ValueError(f"{text!r} is no time of day like 03:13")
    return datetime.time(int(found.group(1)), int(found.group(2)))


def _first_export(after: datetime.datetime, clock: datetime.time, left_out: t.Collection[int]) -> datetime.datetime:
    first = datetime.datetime.combine(after.date(), clock, after.tzinfo)
    coming = (first + datetime.timedelta(days=ahead) for ahead in range(9))
    return next(export for export in coming if export > after and export.weekday() not in left_out)


def _shown(moment: datetime.datetime) -> str:
    return f"{DAYS[moment.weekday()].capitalize()} {moment:%Y-%m-%d %H:%M}"


def _length(length: datetime.timedelta) -> str:
    minutes = int(length.total_seconds() // 60)
    days, hours = divmod(minutes // 60, 24)
    return (f"{days} d " if days else "") + f"{hours} h {minutes % 60} min"
