# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults by name, switched on and off at any time."""

from __future__ import annotations

import threading
import typing as t

NAMES: t.Mapping[str, str] = {
    "down": "the listener is closed: new connections are refused by the operating system; present ones stay",
    "drop_connections": "at once, every present connection is cut; the fault then ends by itself",
    "drop_after": "value n: after n more statements, each connection is cut before the next answer (the statement was executed)",
    "drop_on": "value text: a statement that contains it is executed, and the connection is cut before its answer",
    "drop_before": "value text: a statement that contains it is not executed, and the connection is cut",
    "error_on": "value {text: ORA number}: a statement that contains the text fails with that number",
    "statement_hangs": "value text: a statement that contains it does not end until the client breaks it off",
    "snapshot_too_old": "reading at an earlier SCN fails with ORA-01555; a Data Pump job skips that table and counts an error",
    "login_hangs": "connections are accepted, and nothing is answered on them",
    "job_errors": "value n: the job ends with the line 'completed with n error(s)'",
    "job_fatal": "the job stops halfway with a fatal error",
    "job_hangs": "the job stays EXECUTING and its percentage does not grow, for as long as the fault is on",
    "slow_job": "value seconds: the duration of jobs that start from now on",
    "truncated_dump": "the job ends well, and its dump file lacks the last part",
    "log_without_end": "the job ends well, and its log lacks the end line",
    "no_space": "the volume of dump files is full: the job stops with ORA-27072",
    "no_space_for_log": "the log file cannot be opened: ORA-39002, ORA-39070, ORA-29283",
    "orphan_master": "the job's processes die halfway: state NOT RUNNING, and the master table stays",
}


class Faults:
    """What is broken at present. Unknown names are refused, so that a misspelt fault never lets a test pass."""

    def __init__(self) -> None:
        self._active: dict[str, t.Any] = {}
        self._listeners: list[t.Callable[[str, bool], None]] = []
        self._lock = threading.RLock()

    def add(self, name: str, value: t.Any = True) -> None:
        if name not in NAMES:
            raise ValueError(f"no such fault: {name}; known are {', '.join(sorted(NAMES))}")
        with self._lock:
            self._active[name] = value
        self._tell(name, True)

    def remove(self, name: str) -> None:
        """No error when it is not on."""
        with self._lock:
            was_on = self._active.pop(name, None) is not None
        if was_on:
            self._tell(name, False)

    def clear(self) -> None:
        for name in list(self._active):
            self.remove(name)

    def value(self, name: str) -> t.Any:
        """None when it is off."""
        return self._active.get(name)

    def __contains__(self, name: object) -> bool:
        return name in self._active

    def count_down(self, name: str) -> bool:
        """For faults whose value is a number of times: whether it is used up; each call uses one."""
        with self._lock:
            if name not in self._active:
                return False
            self._active[name] -= 1
            return bool(self._active[name] < 0)

    def watch(self, listener: t.Callable[[str, bool], None]) -> None:
        """``listener(name, is_on)`` is called after each change."""
        self._listeners.append(listener)

    def unwatch(self, listener: t.Callable[[str, bool], None]) -> None:
        self._listeners.remove(listener)

    def _tell(self, name: str, is_on: bool) -> None:
        for listener in list(self._listeners):
            listener(name, is_on)
