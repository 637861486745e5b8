# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What happened in the lab: requests, started programs, and everything that the lab did not know."""

from __future__ import annotations

import dataclasses
import threading
import typing as t

BEFORE = "before"
AFTER = "after"


@dataclasses.dataclass(frozen=True)
class Unknown:
    """Something that a real machine may know and the lab does not. A test in which one appears has failed."""

    host: str
    kind: str
    text: str


@dataclasses.dataclass(frozen=True)
class Request:
    """One WS-Management request. ``kind``: cim, command (a program is started), or shell (everything else about shells)."""

    index: int
    host: str
    kind: str
    text: str
    mutating: bool
    user: str


@dataclasses.dataclass(frozen=True)
class Started:
    """One program that was started on a simulated host."""

    host: str
    pid: int
    user: str
    command_line: str
    environment: t.Mapping[str, str]


RequestCallback = t.Callable[[str, Request], None]


class Recorder:
    """Shared by all hosts of a lab. Lists only grow; reading them needs no lock."""

    def __init__(self) -> None:
        self.unknown: list[Unknown] = []
        self.requests: list[Request] = []
        self.process_history: list[Started] = []
        self._callbacks: list[RequestCallback] = []
        self._lock = threading.Lock()

    def on_request(self, callback: RequestCallback) -> t.Callable[[], None]:
        """Call ``callback(BEFORE | AFTER, request)`` around each request; a command's AFTER comes when its program has ended,
        before the client can learn of it. Returns the function that takes the callback away again."""
        self._callbacks.append(callback)
        return lambda: self._callbacks.remove(callback)

    def begin(self, host: str, kind: str, text: str, mutating: bool, user: str) -> Request:
        with self._lock:
            request = Request(len(self.requests), host, kind, text, mutating, user)
            self.requests.append(request)
        for callback in tuple(self._callbacks):
            callback(BEFORE, request)
        return request

    def end(self, request: Request) -> None:
        for callback in tuple(self._callbacks):
            callback(AFTER, request)

    def report_unknown(self, host: str, kind: str, text: str) -> None:
        with self._lock:
            self.unknown.append(Unknown(host, kind, text))

    def started(self, entry: Started) -> None:
        with self._lock:
            self.process_history.append(entry)
