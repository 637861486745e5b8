# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""BACKUP.LOG: the pipe-delimited list of a vault's sets. Private to lockstep.backup: not a public interface.

Source: HotBackup Overview, "BACKUP.LOG". A line has these fields: name, trigger, start, end, status, one that is always N/A, user,
three empty ones, the word ErrorInfo, and a last one. The overview shows a user only for On Demand, and never shows an error's text;
here it is the last field. A number of ``**`` stands for an attempt that failed before it had a set.
"""

from __future__ import annotations

import dataclasses
import datetime
import re
import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.vault import schema, times
from ansible_collections.lockstep.backup.plugins.module_utils.vault.names import is_set_name, name_date

FILE_NAME = "BACKUP.LOG"
SUCCEEDED, FAILED = "Succeeded", "Failed"
NO_NUMBER = "**"
_FIELDS = 12


@dataclasses.dataclass(frozen=True)
class Line:
    """One set. ``started`` and ``ended`` are in the log's own format, or empty where they are not known."""

    name: str
    trigger: str
    started: str
    ended: str
    status: str
    user: str = ""
    error: str = ""

    @property
    def has_set(self) -> bool:
        """Whether the line is about a set, and not about an attempt that never had one."""
        return not self.name.endswith(NO_NUMBER)


def one_line(text: str) -> str:
    """Text that can stand in a field: no bars, no line ends or other control characters, no blanks around it."""
    return re.sub(r"[\x00-\x1f\x7f\x85\u2028\u2029|]+", " ", text).strip()


def write(lines: t.Iterable[Line]) -> str:
    """The whole file, oldest set first."""
    return "".join(_written(line) for line in sorted(lines, key=lambda line: (line.name.replace("*", ":"), line.started)))


def _written(line: Line) -> str:
    fields = [line.name, line.trigger, line.started, line.ended, line.status, "N/A", line.user, "", "", "", "ErrorInfo", line.error]
    return "|".join(one_line(field) for field in fields) + "\n"


def read(text: str) -> list[Line]:
    """The lines that are surely understood; others are left out (their sets are then read from their manifests)."""
    found = (_read_line(raw.strip()) for raw in text.splitlines())
    return [line for line in found if line is not None]


def _read_line(raw: str) -> Line | None:
    fields = raw.split("|")
    if len(fields) != _FIELDS or fields[5] != "N/A" or fields[10] != "ErrorInfo":
        return None
    name, trigger, started, ended, status = fields[:5]
    dated = is_set_name(name) or (name.endswith(NO_NUMBER) and is_set_name(name[:6] + "01") and len(name) == 8)
    timed = all(moment == "" or times.is_log_time(moment) for moment in (started, ended))
    if not dated or not timed or trigger not in ("", *schema.TRIGGERS) or status not in (SUCCEEDED, FAILED):
        return None
    return Line(name, trigger, started, ended, status, fields[6], fields[11])


def line_of(manifest: t.Mapping[str, t.Any], good: bool, problem: str = "") -> Line:
    """The line of a set with a manifest. ``problem``: why it is not good, where the manifest itself does not say."""
    return Line(
        name=manifest["set"],
        trigger=manifest["trigger"],
        started=times.log_time_of(manifest["started"]),
        ended=times.log_time_of(manifest["ended"]),
        status=SUCCEEDED if good else FAILED,
        user=one_line(manifest["owner"]["user"]) if manifest["trigger"] == schema.ON_DEMAND else "",
        error="" if good else one_line(manifest["error"] or problem),
    )


def line_without_manifest(name: str, problem: str) -> Line:
    """The line of a set of which only the folder is known: never a success."""
    return Line(name=name, trigger="", started="", ended="", status=FAILED, error=one_line(problem))


def failed_attempt(moment: datetime.datetime, trigger: str, user: str, error: str) -> Line:
    """The line of a run that failed before it had a set."""
    at = times.log_time(moment)
    shown = one_line(user) if trigger == schema.ON_DEMAND else ""
    return Line(moment.strftime("%y%m%d") + NO_NUMBER, trigger, at, at, FAILED, shown, one_line(error))


def with_line(lines: t.Iterable[Line], new: Line) -> list[Line]:
    """The lines with this one in place of the same set's."""
    return [line for line in lines if line.name != new.name] + [new]


def kept_attempts(lines: t.Iterable[Line], names: t.Iterable[str]) -> list[Line]:
    """Attempts without a set that are still worth a line: not older than the oldest set, as failed sets are kept."""
    dates = [date for date in map(name_date, names) if date]
    oldest = min(dates, default=None)

    def recent(line: Line) -> bool:
        date = name_date(line.name[:6] + "01")
        return oldest is None or (date is not None and date >= oldest)

    return [line for line in lines if not line.has_set and recent(line)]
