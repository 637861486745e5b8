# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine's clock, which tests freeze, move and set wrong."""

from __future__ import annotations

import datetime
import threading
import time
import typing as t

DEFAULT_ZONE = datetime.timezone(datetime.timedelta(hours=1), "W. Europe Standard Time")


class MachineClock:
    """Wall time and elapsed time of one machine. Both follow the real clock until a test intervenes."""

    def __init__(self, zone: datetime.tzinfo = DEFAULT_ZONE) -> None:
        self.zone = zone
        self._changed = threading.Condition()
        self._moved = 0.0
        self._set_wrong = 0.0
        self._frozen_at: float | None = None
        self._changes = 0

    def elapsed(self) -> float:
        """Seconds since some start; never goes back."""
        frozen = self._frozen_at
        return (time.time() if frozen is None else frozen) + self._moved

    def now(self) -> datetime.datetime:
        return datetime.datetime.fromtimestamp(self.elapsed() + self._set_wrong, self.zone)

    def freeze(self) -> None:
        with self._changed:
            if self._frozen_at is None:
                self._frozen_at = time.time()
            self._tell()

    def thaw(self) -> None:
        """Go on from the frozen moment."""
        with self._changed:
            if self._frozen_at is not None:
                self._moved += self._frozen_at - time.time()
                self._frozen_at = None
            self._tell()

    def advance(self, seconds: float) -> None:
        """Time passes: whatever waits for it wakes up."""
        with self._changed:
            self._moved += seconds
            self._tell()

    def jump(self, seconds: float) -> None:
        """Somebody sets the clock: wall time changes, no time passes."""
        with self._changed:
            self._set_wrong += seconds
            self._tell()

    def _tell(self) -> None:
        self._changes += 1
        self._changed.notify_all()

    def wake(self) -> None:
        """Let all waiters look again at what they wait for."""
        with self._changed:
            self._tell()

    def wait(self, seconds_left: t.Callable[[], float], cancelled: t.Callable[[], bool]) -> bool:
        """Wait until ``seconds_left()`` is 0 or less; False when ``cancelled()`` came first (after a ``wake``)."""
        while True:
            seen = self._changes
            if cancelled():
                return False
            left = seconds_left()
            if left <= 0:
                return True
            # Both questions are asked without the lock (they take others); a change meanwhile shows in the counter.
            with self._changed:
                if self._changes == seen:
                    self._changed.wait(None if self._frozen_at is not None else min(left, 3600.0))

    def sleep(self, seconds: float, cancelled: t.Callable[[], bool]) -> bool:
        """Wait for elapsed seconds; False when cancelled first."""
        if seconds <= 0:
            return not cancelled()
        deadline = self.elapsed() + seconds
        return self.wait(lambda: deadline - self.elapsed(), cancelled)
