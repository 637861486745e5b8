# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Times of tapes. Private to lockstep.backup: not a public interface."""

from __future__ import annotations

import datetime

from ansible_collections.lockstep.backup.plugins.module_utils.vault import times

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def later(moment: datetime.datetime, days: float) -> str:
    """``moment`` and so many days, as text in UTC so that texts compare as times do."""
    return text(moment + datetime.timedelta(days=days))


def text(moment: datetime.datetime) -> str:
    return times.iso(moment.astimezone(datetime.timezone.utc))


def when(written: str) -> datetime.datetime:
    return times.parse_iso(written)


def day(moment: datetime.datetime | str, zone: datetime.tzinfo | None) -> datetime.date:
    """The date of a moment on the host's own calendar."""
    return (when(moment) if isinstance(moment, str) else moment).astimezone(zone).date()


def day_name(date: datetime.date) -> str:
    return DAYS[date.weekday()]
