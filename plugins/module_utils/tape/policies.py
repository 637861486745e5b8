# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which tape is next, and why. Pure functions over the catalogue and a date. Private to lockstep.backup: not a public interface.

A policy says to which group of tapes a date belongs: a cycle has one group, weekday sets have one for each day, and grandfather-
father-son has three. Within a group it is always the same: an open tape is appended to if the pool does so, else a tape that was
never written, else the one that was written longest ago, provided that its retention is over. So use is even, and skipped runs,
holidays and missing tapes shift the order without breaking it.
"""

from __future__ import annotations

import bisect
import dataclasses
import datetime
import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.tape import moments
from ansible_collections.lockstep.backup.plugins.module_utils.tape.catalogue import Catalogue, Tape, complete_writes

CYCLE, WEEKDAY, GFS = "cycle", "weekday", "gfs"
SON, FATHER, GRANDFATHER = "son", "father", "grandfather"
APPEND, OVERWRITE = "append", "overwrite"
_SHOWN = 12
"""So many tapes are explained in a sentence; ``Choice.passed_over`` has all of them."""


@dataclasses.dataclass(frozen=True)
class Pool:
    """``retention_days`` by group, with the pool's own under the empty name. ``missing`` and ``damaged``: labels that are out of
    use because a person said so. ``use_days``: how long a tape is appended to, from its first set; 0 means never. ``capacity``:
    bytes of a tape, for drives that do not tell; 0 where nobody knows."""

    name: str
    tapes: int
    retention_days: t.Mapping[str, float]
    naming: str
    keep_newer: int = 1
    use_days: float = 0
    max_errors: int = 3
    life_writes: int = 0
    life_days: float = 0
    life_warning: float = 0.9
    missing: t.Sequence[str] = ()
    damaged: t.Sequence[str] = ()
    capacity: int = 0

    def retention(self, group: str) -> float:
        return self.retention_days.get(group, self.retention_days[""])

    def protected_days(self, group: str) -> float:
        """How long a tape is protected from its first set on. A tape that is appended to needs it from its last one, and its label
        is written with the first."""
        return self.retention(group) + self.use_days


@dataclasses.dataclass(frozen=True)
class Policy:
    """``days``: weekdays with a run. ``weekly_day``: when a week of grandfather-father-son begins, with a father."""

    kind: str
    days: t.Sequence[str] = moments.DAYS
    weekly_day: str = "friday"
    holidays: t.Sequence[datetime.date] = ()


@dataclasses.dataclass(frozen=True)
class Choice:
    """``tape`` is None when there is none to use; ``why`` says so in words either way. ``passed_over`` explains each tape that
    would have come before it."""

    tape: str | None
    how: str | None
    why: str
    group: str = ""
    due: bool = True
    passed_over: t.Sequence[t.Mapping[str, str]] = ()

    def as_dict(self) -> dict[str, t.Any]:
        return dataclasses.asdict(self)


@dataclasses.dataclass(frozen=True)
class Question:
    """What is asked: ``moment`` is when the tape is to be used. ``present``: labels in the changer, or None without one.
    ``exclude``: tapes that this run has filled already."""

    moment: datetime.datetime
    present: t.Collection[str] | None = None
    exclude: t.Collection[str] = ()
    ignore_calendar: bool = False


def choose(policy: Policy, pool: Pool, catalogue: Catalogue, question: Question) -> Choice:
    """The tape to use. Slug ``tape_in_future`` when a tape was written after the moment: then no retention can be judged."""
    tapes = catalogue.of_pool(pool.name)
    refuse_future(tapes, question.moment)
    date = question.moment.date()
    rest = None if question.ignore_calendar else _no_run(policy, date)
    if rest:
        return Choice(None, None, rest, due=False)
    complete = complete_writes(catalogue, pool.name)
    group, reason = group_of(policy, date, _last_by_group(tapes, complete, question.moment.tzinfo))
    members = [tape for tape in tapes if tape.group == group]
    if not members:
        return Choice(None, None, f"{reason}, and no tape of pool {pool.name} is labelled for {_named(group)}.", group)
    opened = _open_tape(pool, members, complete, question)
    if opened is not None:
        why = f"{reason}; {opened.label} has been in use since {opened.first_written}, is not full, and is appended to."
        return Choice(opened.label, APPEND, why, group)
    return _oldest(pool, members, complete, question, (group, reason))


def group_of(policy: Policy, date: datetime.date, last: t.Mapping[str, datetime.date]) -> tuple[str, str]:
    """The group of tapes for a date, and why. ``last``: when each group was last written completely."""
    name = moments.day_name(date)
    if policy.kind == CYCLE:
        return "", f"{date} is a day of the cycle"
    if policy.kind == WEEKDAY:
        return name, f"{date} is a {name.capitalize()}"
    week = date - datetime.timedelta(days=(date.weekday() - moments.DAYS.index(policy.weekly_day)) % 7)
    weekly = [last[group] for group in (FATHER, GRANDFATHER) if group in last]
    if weekly and max(weekly) >= week:
        return SON, f"{date} is a daily run, because the week's own set was written on {max(weekly)}"
    since = f"no weekly set was written since {policy.weekly_day.capitalize()} {week}"
    old = last.get(GRANDFATHER)
    if old is None or (old.year, old.month) < (date.year, date.month):
        return GRANDFATHER, f"{date} is the monthly run, because {since}, and none of the month either"
    return FATHER, f"{date} is the weekly run, because {since}"


def groups(policy: Policy) -> tuple[str, ...]:
    """All groups that a tape of the pool may belong to."""
    if policy.kind == CYCLE:
        return ("",)
    return tuple(policy.days) if policy.kind == WEEKDAY else (SON, FATHER, GRANDFATHER)


def retained_until(pool: Pool, tape: Tape) -> str | None:
    """When the tape's retention is over: the later of what was promised when it was written, and of what the pool has now. So a
    retention that is made shorter never exposes what was written before. None when it holds nothing to keep."""
    if tape.expires is None or tape.last_written is None:
        return None
    return max(tape.expires, moments.later(moments.when(tape.last_written), pool.retention(tape.group)))


def refuse_future(tapes: t.Iterable[Tape], moment: datetime.datetime) -> None:
    """Slug ``tape_in_future`` when a tape was written after ``moment``. Five minutes are allowed for clocks that are set."""
    limit = moments.later(moment, 5 / 1440)
    late = sorted(tape.label for tape in tapes if tape.last_written is not None and tape.last_written > limit)
    if late:
        raise LockstepError(
            "tape_in_future",
            f"According to the catalogue these tapes were written after {moments.text(moment)}: {', '.join(late)}. Either the "
            "host's clock is wrong or was. Set it right; nothing is overwritten meanwhile.",
            tapes=late,
        )


def unusable(pool: Pool, tape: Tape, present: t.Collection[str] | None) -> str | None:
    """Why the tape cannot be used at all, whatever its age, or None."""
    if tape.damaged or tape.label in pool.damaged:
        return f"it is damaged{': ' + tape.damaged if tape.damaged else ''}"
    if tape.label in pool.missing:
        return "it is missing"
    if pool.max_errors and tape.errors >= pool.max_errors:
        return f"it has had {tape.errors} errors"
    if present is not None and tape.label not in present:
        return "it is not in the changer"
    return None


def written_in_group(complete: t.Mapping[str, str], members: t.Iterable[Tape]) -> list[str]:
    """When the tapes of a group got their newest complete sets, in order of time."""
    return sorted(complete[tape.label] for tape in members if tape.label in complete)


def retained(
    pool: Pool, tape: Tape, complete: t.Mapping[str, str], group_written: t.Sequence[str], moment: datetime.datetime
) -> str | None:
    """Why the tape must not be overwritten at ``moment``, or None. ``group_written``: as ``written_in_group`` has it."""
    until = retained_until(pool, tape)
    if until is not None and moments.text(moment) < until:
        return f"it is kept until {until}"
    mine = complete.get(tape.label)
    if mine is not None:
        newer = len(group_written) - bisect.bisect_right(group_written, mine)
        if newer < pool.keep_newer:
            return f"only {newer} newer sets exist on other tapes, and {pool.keep_newer} are kept"
    return None


def worn(pool: Pool, tape: Tape, moment: datetime.datetime) -> float:
    """How much of its configured life the tape has had; 1 is all. 0 when no life is configured."""
    if not pool.life_writes and not pool.life_days:
        return 0.0
    age = (moment - moments.when(tape.labelled)).total_seconds() / 86400
    by_writes = tape.writes / pool.life_writes if pool.life_writes else 0.0
    return max(by_writes, age / pool.life_days if pool.life_days else 0.0)


def _oldest(pool: Pool, members: list[Tape], complete: t.Mapping[str, str], question: Question, grouped: tuple[str, str]) -> Choice:
    group, reason = grouped
    passed: list[dict[str, str]] = []
    group_written = written_in_group(complete, members)
    # Tapes at the end of their life come last, rather than leaving a night without a backup. What an interrupted run has
    # overwritten comes first: no other tape loses what it holds, and it is in the drive where nobody is there to change it.
    ordered = sorted(
        members,
        key=lambda tape: (
            worn(pool, tape, question.moment) >= 1,
            not _was_interrupted(tape, complete),
            tape.last_written or "",
            tape.label,
        ),
    )
    for tape in ordered:
        against = "it was filled in this run" if tape.label in question.exclude else None
        against = against or unusable(pool, tape, question.present)
        against = against or retained(pool, tape, complete, group_written, question.moment)
        if against is None:
            if _was_interrupted(tape, complete):
                age = f"holds nothing but a set that was interrupted, since {tape.last_written}"
            elif tape.last_written:
                age = f"was last written {tape.last_written}, longest ago"
            else:
                age = "has never been written"
            skipped = f", after {len(passed)} that cannot be used" if passed else ""
            return Choice(tape.label, OVERWRITE, f"{reason}; {tape.label} {age}{skipped}.", group, passed_over=tuple(passed))
        passed.append({"tape": tape.label, "why": against})
    few = f" The pool has {len(members)} tapes for {_named(group)}: label another one." if len(members) < pool.tapes else ""
    details = "; ".join(f"{entry['tape']}: {entry['why']}" for entry in passed[:_SHOWN])
    details += f"; and {len(passed) - _SHOWN} more" if len(passed) > _SHOWN else ""
    return Choice(None, None, f"{reason}, and no tape may be overwritten ({details}).{few}", group, passed_over=tuple(passed))


def _was_interrupted(tape: Tape, complete: t.Mapping[str, str]) -> bool:
    return bool(tape.last_written) and tape.expires is None and not tape.closed and tape.label not in complete


def _open_tape(pool: Pool, members: list[Tape], complete: t.Mapping[str, str], question: Question) -> Tape | None:
    now = moments.text(question.moment)

    usable = [
        tape
        for tape in members
        if pool.use_days > 0
        and tape.label in complete
        and tape.first_written is not None
        and not tape.closed
        and tape.label not in question.exclude
        and now < moments.later(moments.when(tape.first_written), pool.use_days)
        and unusable(pool, tape, question.present) is None
    ]
    return max(usable, key=lambda tape: tape.last_written or "", default=None)


def _last_by_group(
    tapes: t.Iterable[Tape], complete: t.Mapping[str, str], zone: datetime.tzinfo | None
) -> dict[str, datetime.date]:
    last: dict[str, datetime.date] = {}
    for tape in tapes:
        if tape.label in complete:
            date = moments.day(complete[tape.label], zone)
            last[tape.group] = max(date, last.get(tape.group, date))
    return last


def _named(group: str) -> str:
    return f"group {group}" if group else "the cycle"


def is_run(policy: Policy, date: datetime.date) -> bool:
    """Whether the policy has a run on that date."""
    return _rest(policy, date) is None


def _rest(policy: Policy, date: datetime.date) -> str | None:
    if date in policy.holidays:
        return "a holiday"
    name = moments.day_name(date)
    return None if name in policy.days else f"a {name.capitalize()}, which has no run"


def _no_run(policy: Policy, date: datetime.date) -> str | None:
    why = _rest(policy, date)
    if why is None:
        return None
    coming = (date + datetime.timedelta(days=ahead) for ahead in range(1, 400))
    following = next((day for day in coming if is_run(policy, day)), None)
    after = f" The next run is on {following}." if following else " There is no next run within a year."
    return f"{date} is {why}: no tape is used.{after}"
