# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""eTravel's programs in the user's desktop session: the Schedulers, the Affinity Manager, and what answers its question."""

from __future__ import annotations

import typing as t

from tests.lab.windows import event_log
from tests.lab.windows.execution import Execution
from tests.lab.windows.tool import Tool

FOLDER = r"C:\Etravel"
LOG_FOLDER = rf"{FOLDER}\Log"
SCHEDULER = rf"{FOLDER}\bin\scheduler.exe"
AFFINITY_MANAGER = rf"{FOLDER}\bin\affinity.exe"
AFFINITY_ANSWER = rf"{FOLDER}\bin\affyes.exe"
EVENT_SOURCE = "AffinityManager"
SCHEDULERS: t.Mapping[str, tuple[str, ...]] = {"1": ("TA01", "TA02"), "2": ("TA03",)}
"""Each Scheduler's number, and the TAs of the CRS into which it signs."""


def scheduler_log(number: str) -> str:
    return rf"{LOG_FOLDER}\scheduler{number}.log"


def scheduler_command(number: str) -> list[str]:
    return [SCHEDULER, "/n", number]


class _Window:
    """A program that waits in its window until it is told to end, or is killed."""

    def __init__(self, run: Execution) -> None:
        self._run = run
        self._ended = False

    def end(self) -> None:
        self._ended = True
        self._run.machine.clock.wake()

    def wait(self) -> None:
        killed = self._run.process
        self._run.machine.clock.wait(lambda: 0.0 if self._ended else 3600.0, lambda: killed.killed)
        self._run.checkpoint()


def scheduler(database_is_open: t.Callable[[], bool]) -> t.Callable[[Execution], int]:
    """The program: it signs into each of its TAs through the Affinity Manager, and ends on Ctrl+Break."""

    def program(run: Execution) -> int:
        arguments = run.arguments
        if len(arguments) != 2 or arguments[0] != "/n" or arguments[1] not in SCHEDULERS:
            return run.unknown("scheduler")
        number, machine = arguments[1], run.machine
        if run.process.session_id == 0:
            return run.unknown("scheduler without a desktop")

        def say(text: str) -> None:
            line = f"{machine.clock.now():%Y-%m-%d %H:%M:%S} {text}\r\n"
            with machine.files.open(scheduler_log(number), append=True) as log:
                log.write(line.encode("cp1252"))

        window = _Window(run)
        run.process.window = True
        # Closing its window asks "are you sure"; it is made to be ended by Ctrl+Break.
        run.process.on_close = lambda: None
        run.process.on_break = lambda: None if machine.faults.on("scheduler_ignores_break") else window.end()
        say(f"Scheduler {number} started")
        if not database_is_open():
            say("ERROR cannot log on to database DTA")
        elif not machine.processes.named("affinity.exe"):
            say("ERROR no gateway: the Affinity Manager does not run")
        else:
            for terminal in SCHEDULERS[number]:
                silent = machine.faults.on("scheduler_no_sign_in")
                if silent and machine.faults.text("scheduler_no_sign_in", terminal) == terminal:
                    say(f"{terminal} no answer from the CRS")
                else:
                    say(f"{terminal} signed in to the CRS")
        window.wait()
        say(f"Scheduler {number} ended by Ctrl+Break")
        return 0

    return program


class AffinityManager:
    """The gateway's program. It asks before it unloads; ``answer`` says Yes to it."""

    def __init__(self) -> None:
        self.asks = 0
        """Questions that are open, or will be after an answer."""
        self._window: _Window | None = None

    def program(self, run: Execution) -> int:
        if run.arguments or run.process.session_id == 0:
            return run.unknown("affinity")
        machine = run.machine
        window = self._window = _Window(run)
        self.asks = 0

        def close() -> None:
            if not self.asks:
                self.asks = 2 if machine.faults.on("affinity_asks_twice") else 1

        run.process.window = True
        run.process.on_close = close
        machine.events.report(EVENT_SOURCE, event_log.INFORMATION, "The Affinity software is loaded on the gateway.")
        if machine.faults.on("affinity_red_text"):
            machine.events.report(EVENT_SOURCE, event_log.ERROR, "Link to the CRS failed: the gateway does not answer.", code=4201)
        window.wait()
        machine.events.report(EVENT_SOURCE, event_log.INFORMATION, "The Affinity software is unloaded.")
        return 0

    def answer(self, run: Execution) -> int:
        """Presses Yes in the Affinity Manager's question, if it is on this desktop."""
        running = [one for one in run.machine.processes.named("affinity.exe") if one.session_id == run.process.session_id]
        if not running or not self.asks or self._window is None:
            run.err("There is no question to answer.\n")
            return 1
        self.asks -= 1
        if not self.asks:
            self._window.end()
        return 0


def programs(database_is_open: t.Callable[[], bool]) -> dict[str, Tool]:
    """By full path."""
    manager = AffinityManager()
    return {
        SCHEDULER: Tool(scheduler(database_is_open)),
        AFFINITY_MANAGER: Tool(manager.program),
        AFFINITY_ANSWER: Tool(manager.answer),
    }
