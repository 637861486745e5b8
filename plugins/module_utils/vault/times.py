# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Times in manifests and in logs. Private to lockstep.backup: not a public interface."""

from __future__ import annotations

import datetime
import re

PATTERN = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})$"


def iso(moment: datetime.datetime) -> str:
    """ISO 8601 with seconds and the offset of the host's time zone."""
    return moment.isoformat(timespec="seconds")


def parse_iso(text: str) -> datetime.datetime:
    """A time that fits ``PATTERN``; parts of a second are dropped. ValueError for anything else.

    Python 3.8's own parser takes neither ``Z`` nor any number of decimals.
    """
    found = re.match(PATTERN, text)
    if not found:
        raise ValueError(f"{text!r} is no time with a time zone")
    offset = "+00:00" if found.group(2) == "Z" else found.group(2)
    return datetime.datetime.fromisoformat(text[:19] + offset)


def log_time(moment: datetime.datetime) -> str:
    """The format of BACKUP.LOG and HB.LOG: month first, the host's local time, no time zone (HotBackup Overview, "Log Files")."""
    return moment.strftime("%m/%d/%Y %H:%M:%S")


def log_time_of(text: str | None) -> str:
    """The same for a time from a manifest; empty where there is none."""
    return log_time(parse_iso(text)) if text else ""


def is_log_time(text: str) -> bool:
    """Whether a text is a time as ``log_time`` writes it."""
    try:
        return log_time(datetime.datetime.strptime(text + "+0000", "%m/%d/%Y %H:%M:%S%z")) == text
    except ValueError:
        return False
