# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of sets: YYMMDDnn, the date and a number of the day from 01 to 99. Private to lockstep.backup: not a public interface.

Source: HotBackup Overview, "Naming Convention". Names sort as text in the order in which the sets were made, which is all that
retention needs; this holds because a number of the day is never given twice while a higher one of that day is in the vault.
"""

from __future__ import annotations

import datetime
import re
import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError

LAST_NUMBER = 99
DELETING = ".deleting"
"""What a set's folder is renamed to before it is deleted: a deletion that is cut short leaves nothing that looks like a set."""

_NAME = re.compile(r"[0-9]{8}", re.ASCII)
_INSTALLATION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)


def name_date(name: str) -> datetime.date | None:
    """The date in a set's name (the years 2000 to 2099), or None when it is no name of a set."""
    if not _NAME.fullmatch(name) or name[6:] == "00":
        return None
    try:
        return datetime.date(2000 + int(name[:2]), int(name[2:4]), int(name[4:6]))
    except ValueError:
        return None


def is_set_name(name: str) -> bool:
    return name_date(name) is not None


def is_half_deleted(name: str) -> bool:
    """Whether a folder is what a deletion that was cut short has left."""
    return name.endswith(DELETING) and is_set_name(name[: -len(DELETING)])


def next_name(taken: t.Iterable[str], today: datetime.date) -> str:
    """The next free name of the day: one above the highest number taken, so that names keep the order of time.

    Slug ``names_exhausted`` when number 99 of the day is taken.
    """
    day = today.strftime("%y%m%d")
    number = max((int(name[6:]) for name in taken if is_set_name(name) and name[:6] == day), default=0) + 1
    if number > LAST_NUMBER:
        raise LockstepError(
            "names_exhausted",
            f"The vault already holds set {day}{LAST_NUMBER}: a day has {LAST_NUMBER} names. Wait for the next day, or move "
            "today's sets to another vault.",
        )
    return f"{day}{number:02d}"


def names_in_future(names: t.Iterable[str], today: datetime.date) -> list[str]:
    """Names dated after tomorrow, in order.

    Tomorrow itself is allowed: a set that spans hosts is named by the first one, whose time zone may be a day ahead. The
    times in the manifests are compared exactly (``catalogue.sets_in_future``).
    """
    limit = today + datetime.timedelta(days=1)
    dated = ((name, name_date(name)) for name in names)
    return sorted(name for name, date in dated if date is not None and date > limit)


def make_set_id(installation: str, name: str, random_hex: str) -> str:
    """The one id that all parts of a set carry on all hosts."""
    return f"{installation}-{name}-{random_hex}"


def check_installation(installation: str) -> None:
    """Slug ``option_invalid`` unless it can be part of a set's id and of texts that are split at blanks and bars."""
    if not _INSTALLATION.fullmatch(installation):
        raise LockstepError(
            "option_invalid",
            f"installation {installation!r} is no usable name: use 1 to 64 letters, digits, dots, hyphens and underscores, and "
            "begin with a letter or digit.",
            option="installation",
        )


def check_set_name(name: str) -> None:
    """Slug ``option_invalid`` unless it is a name of a set."""
    if not is_set_name(name):
        raise LockstepError(
            "option_invalid",
            f"set {name!r} is no name of a set: six digits of a date (YYMMDD) and a number from 01 to 99 are wanted.",
            option="set",
        )
