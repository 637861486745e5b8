# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An end to what has none of its own. Private to lockstep.backup: not a public interface."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
import types
import typing as t


class TooLong(BaseException):
    """The time is over. No Exception, since the driver takes each of those for a problem of the network."""


@contextlib.contextmanager
def within(seconds: float) -> t.Iterator[None]:
    """Raise TooLong in the block when it lasts longer. An alarm that was set before (ansible-core's time-out of a task) strikes as
    TooLong, too, if it comes first, and goes on afterwards. No limit outside of the main thread, where no signal arrives."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def strike(_signal: int, _frame: types.FrameType | None) -> None:
        raise TooLong

    began = time.monotonic()
    left = signal.alarm(0)
    before = signal.signal(signal.SIGALRM, strike)
    signal.setitimer(signal.ITIMER_REAL, min(seconds, left or seconds))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        if left:
            signal.alarm(max(1, left - int(time.monotonic() - began)))
