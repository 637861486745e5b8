# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The event logs of a simulated machine."""

from __future__ import annotations

import dataclasses
import datetime

from tests.lab.windows.clock import MachineClock

ERROR, WARNING, INFORMATION = 1, 2, 3
"""Win32_NTLogEvent.EventType."""


@dataclasses.dataclass(frozen=True)
class Event:
    record: int
    log: str
    source: str
    kind: int
    code: int
    message: str
    generated: datetime.datetime


class EventLog:
    """All events of all logs, oldest first."""

    def __init__(self, clock: MachineClock) -> None:
        self._clock = clock
        self.events: list[Event] = []

    def report(self, source: str, kind: int, message: str, log: str = "Application", code: int = 1000) -> None:
        # An event's time has whole seconds.
        now = self._clock.now().replace(microsecond=0)
        self.events.append(Event(len(self.events) + 1, log, source, kind, code, message, now))
