# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HB.LOG: the steps that made a set, stored with it. Private to lockstep.backup: not a public interface.

Source: HotBackup Overview, "HB.LOG": time, who and which event, and its result or detail, with bars between. The letter before the
colon says which program did it (h and r in the overview); l is Lockstep.
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.vault import times
from ansible_collections.lockstep.backup.plugins.module_utils.vault.backup_log import one_line


def line(at: str, step: str, detail: str) -> str:
    """One step; ``at`` is ISO 8601."""
    return f"{times.log_time_of(at)}|l:{re.sub(r'[^A-Za-z0-9_.-]+', '_', step)}|{one_line(detail)}\n"


def write(manifest: t.Mapping[str, t.Any]) -> str:
    """The whole log of a set, in the order of time. Steps of one moment keep their order.

    The log's times have no time zone, so all are written in that of the set's own start, whoever noted them.
    """
    zone = times.parse_iso(manifest["started"]).tzinfo
    steps = [(times.parse_iso(step["at"]).astimezone(zone), step) for step in manifest["steps"]]
    steps.sort(key=lambda step: step[0])
    return "".join(line(times.iso(at), step["step"], step["detail"]) for at, step in steps)
