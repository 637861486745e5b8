# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Killing a real ``ansible-playbook``, with all its workers, at a chosen one of the requests with which it changes something."""

from __future__ import annotations

import collections.abc
import contextlib
import dataclasses
import json
import os
import pathlib
import signal
import subprocess
import threading
import time
import types
import typing as t

from tests.integration.support import LONGEST_RUN, playbook_command, playbook_environment
from tests.lab.lab import Lab
from tests.lab.oracle.database import Executed
from tests.lab.oracle.wire.packets import ConnectionOver
from tests.lab.record import AFTER, BEFORE, Request
from tests.lab.winrm import soap

AT_INPUT = "input"
"""The command was started, and its standard input never came: what a client leaves that dies between two requests of one step."""
_SEND = "Send"
_LONGEST_WAIT = 30.0


@dataclasses.dataclass(frozen=True)
class Point:
    """Where a run is killed: at its ``number``-th change (from 1), before it is carried out or after it was, and before the client
    learns of it. With AT_INPUT, ``number`` counts the inputs of commands."""

    number: int
    moment: str

    def __str__(self) -> str:
        return f"{self.moment} {'' if self.moment == AT_INPUT else 'change '}{self.number}"


def state_after(change: int) -> Point:
    """What a kill leaves after a change is what it leaves before the next one: by turns the one way and the other."""
    return Point(change, AFTER) if change % 2 else Point(change + 1, BEFORE)


def chains(last: int, length: int) -> list[list[int]]:
    """All numbers from 1 to ``last``, in chains of at least ``length`` that each span the whole run, late and early by turns."""
    apart = last // length
    found = []
    for first in range(1, apart + 1):
        numbers = list(range(first, last + 1, apart))
        chain = [0] * len(numbers)
        chain[1::2], chain[0::2] = numbers[: len(numbers) // 2], numbers[len(numbers) // 2 :]
        found.append(chain)
    return found


@dataclasses.dataclass(frozen=True)
class Change:
    """One request that changes something: on which host, and what (a command line, a method, an Oracle statement)."""

    host: str
    text: str

    def __str__(self) -> str:
        return f"{self.host}: {self.text}"


class Chosen(t.Protocol):
    """Whether the run dies here. ``number`` counts changes (for AT_INPUT: inputs) of this run, from 1."""

    def __call__(self, moment: str, number: int, change: Change) -> bool: ...


def at(point: Point) -> Chosen:
    return lambda moment, number, change: (moment, number) == (point.moment, point.number)


def when(moment: str, *texts: str, host: str = "") -> Chosen:
    """The first change that contains all of ``texts``."""
    return lambda now, number, change: now == moment and change.host.startswith(host) and all(text in change.text for text in texts)


def never(moment: str, number: int, change: Change) -> bool:
    return False


class Run:
    """An ansible-playbook in a session of its own. A context manager: at its end nothing of it is left.

    It is killed where ``chosen`` says so, with all its workers (they have sessions of their own), as when the control node loses
    its power; with ``alone`` only itself, as by the kernel's killer when memory is short: its workers get no signal from here.
    """

    def __init__(
        self,
        lab: Lab,
        chosen: Chosen = never,
        playbook: str | pathlib.Path = "nightly",
        alone: bool = False,
        arguments: collections.abc.Sequence[str] = (),
        environment: collections.abc.Mapping[str, str] = types.MappingProxyType({}),
        limit: str = "aes1",
        **variables: t.Any,
    ) -> None:
        self.lab, self.chosen, self.alone = lab, chosen, alone
        self._environment = environment
        self.changes: list[Change] = []
        self.killed_at: tuple[str, Change] | None = None
        self.workers: list[int] = []
        self.inputs = 0
        self._lock = threading.Lock()
        self._numbers: dict[tuple[str, int], int] = {}
        self.trace = lab.root / f"trace-{len(list(lab.root.glob('trace-*')))}.jsonl"
        self._output = self.trace.with_suffix(".out")
        limits = ["--limit", limit, "--forks", "1", "--extra-vars", json.dumps(variables)]
        self._command = playbook_command(lab, playbook, *limits, *arguments)

    def __enter__(self) -> t.Self:
        self._stop_watching = [self.lab.on_request(self._on_request)]
        for host in self.lab.hosts.values():
            if host.database is not None:
                self._watch_statements(host.name, host.database.on_statement)
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(
                self._command,
                env={**playbook_environment(self.trace), **self._environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: types.TracebackType | None) -> None:
        for stop in self._stop_watching:
            stop()
        if self.process.poll() is None:
            self.kill()
        self.process.wait()

    def _watch_statements(self, host: str, callbacks: list[t.Callable[[str, Executed], None]]) -> None:
        def told(moment: str, executed: Executed) -> None:
            self._on_statement(host, moment, executed)

        callbacks.append(told)
        self._stop_watching.append(lambda: callbacks.remove(told))

    @property
    def output(self) -> str:
        return self._output.read_text(encoding="utf-8", errors="replace")

    def wait(self) -> int:
        """Its exit code; negative when it was killed."""
        code = self.process.wait(LONGEST_RUN)
        if not self.alone:
            wait_until(lambda: not any(map(is_alive, self.workers)), "its workers are gone")
        return code

    # what it does
    def _on_request(self, moment: str, request: Request) -> None:
        if request.kind == "shell":
            if request.text == _SEND and moment == BEFORE:
                with self._lock:
                    self.inputs += 1
                    number = self.inputs
                if self.changes and self._dies(AT_INPUT, number, self.changes[-1]):
                    raise soap.Fault(soap.ACCESS_DENIED, "The client is gone.")
        elif request.mutating:
            change = Change(request.host, request.text)
            if self._dies(moment, self._number(moment, (request.kind, request.index), change), change) and moment == BEFORE:
                # Whatever has not been sent is not carried out either.
                raise soap.Fault(soap.ACCESS_DENIED, "The client is gone.")

    def _on_statement(self, host: str, moment: str, executed: Executed) -> None:
        if not executed.text.lstrip().upper().startswith("SELECT"):
            change = Change(host, executed.text)
            if self._dies(moment, self._number(moment, ("statement", id(executed)), change), change) and moment == BEFORE:
                raise ConnectionOver("the client is gone")

    def _number(self, moment: str, key: tuple[str, int], change: Change) -> int:
        with self._lock:
            if moment == BEFORE:
                self.changes.append(change)
                self._numbers[key] = len(self.changes)
            return self._numbers.get(key, 0)

    def _dies(self, moment: str, number: int, change: Change) -> bool:
        with self._lock:
            if self.killed_at is not None:
                # A request that was already on its way when the run died.
                return not self.alone
            if not self.chosen(moment, number, change):
                return False
            self.killed_at = (moment, change)
        self.kill()
        return True

    def kill(self) -> None:
        """SIGKILL: the playbook's process group first, so that it starts no more workers, then theirs."""
        self.workers = children_of(self.process.pid)
        for group in [self.process.pid, *([] if self.alone else self.workers)]:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(group, signal.SIGKILL)
        wait_until(lambda: not is_alive(self.process.pid), "the run is over")


def children_of(pid: int) -> list[int]:
    pids = [int(entry.name) for entry in pathlib.Path("/proc").iterdir() if entry.name.isdigit()]
    return [one for one in pids if _status(one)[1] == pid]


def is_alive(pid: int) -> bool:
    return _status(pid)[0] not in ("", "Z")


def _status(pid: int) -> tuple[str, int]:
    """State and parent; an empty state when there is no such process."""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return "", 0
    return fields[0], int(fields[1])


def wait_until(holds: collections.abc.Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + _LONGEST_WAIT
    while not holds():
        assert time.monotonic() < deadline, f"{what}: not within {_LONGEST_WAIT:g} s"
        time.sleep(0.01)
