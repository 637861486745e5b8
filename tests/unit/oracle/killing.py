# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ending a run at any of its operations, as if its process had been killed there."""

from __future__ import annotations

import typing as t

from tests.unit.fake_host import FakeHost
from tests.unit.oracle.fake_oracle import FakeOracle

OPERATIONS = frozenset(
    "run start_job job_status job_output stop_job stat list_folder read_text write_text make_folder rename remove free_bytes "
    "now".split()
)


class Killed(BaseException):
    """The process is gone: nothing can catch it and go on."""


class Countdown:
    """Lets ``left`` operations pass; the next is the last, and is done or not. Afterwards everything raises."""

    def __init__(self, left: int | None = None, done_before_dying: bool = False) -> None:
        self.left, self.done_before_dying = left, done_before_dying
        self.seen = 0
        self.dead = False

    def before(self, operation: str = "") -> None:
        if self.dead:
            raise Killed(operation)
        if self.left is not None and self.seen == self.left and not self.done_before_dying:
            self.dead = True
            raise Killed(operation)

    def after(self, operation: str = "") -> None:
        if self.left is not None and self.seen == self.left:
            self.dead = True
            raise Killed(operation)
        self.seen += 1


class CountedHost:
    """A host whose operations are counted, and of which the fatal one ends the run."""

    def __init__(self, host: FakeHost, countdown: Countdown) -> None:
        self._host, self._countdown = host, countdown

    def __getattr__(self, name: str) -> t.Any:
        found = getattr(self._host, name)
        if name not in OPERATIONS:
            return found

        def counted(*arguments: t.Any, **named: t.Any) -> t.Any:
            self._countdown.before(name)
            result = found(*arguments, **named)
            self._countdown.after(name)
            return result

        return counted


def count(database: FakeOracle, countdown: Countdown) -> None:
    database.on_operation, database.after_operation = countdown.before, countdown.after


def stop_counting(database: FakeOracle) -> None:
    database.on_operation = database.after_operation = lambda operation: None
