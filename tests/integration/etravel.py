# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One eTravel server of the lab over a week: its clock, its tapes and who changes them, and what must hold."""

from __future__ import annotations

import collections.abc
import datetime
import json
import pathlib
import typing as t

from tests.integration.support import PlaybookRun, run_playbook, vault_folder
from tests.lab import etravel_in_use
from tests.lab.etravel import EXPORT_TASK
from tests.lab.lab import Lab
from tests.lab.record import BEFORE, Request
from tests.lab.windows.tape import TapeDrive
from tests.lab.windows.tasks import ScheduledTask

NAME = "etravel1"
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
SERVICES = ("W3SVC", "OracleTNSListener", "OracleServiceDTA", "OracleStartDTA")
PROGRAMS = {"scheduler.exe": 2, "affinity.exe": 1}
QUICK: t.Mapping[str, t.Any] = {"etravel_tape_poll": 0.1}


class Server:
    """Lockstep is in use on it: its tapes have labels, and the first export tape is in the drive."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.host = lab.hosts[NAME]
        self.machine = self.host.machine
        etravel_in_use.take_over(self.machine)
        self.operator = Operator(self)

    @property
    def drive(self) -> TapeDrive:
        found = self.machine.tape_drive
        assert found is not None
        return found

    @property
    def export_task(self) -> ScheduledTask:
        found = self.machine.tasks.find(EXPORT_TASK)
        assert found is not None
        return found

    def site_exports(self) -> bool:
        """Whether the site's own export would start."""
        return self.export_task.enabled

    # time
    def until(self, day: str, time: str) -> None:
        """Time passes until the next such moment, and what is scheduled happens."""
        now = self.machine.clock.now()
        hours, minutes = map(int, time.split(":"))
        moment = now.replace(hour=hours, minute=minutes, second=0, microsecond=0)
        moment += datetime.timedelta(days=(DAYS.index(day) - moment.weekday()) % 7)
        if moment <= now:
            moment += datetime.timedelta(days=7)
        self.machine.tasks.pass_time(moment)

    # runs
    def run(self, playbook: str, *arguments: str, **variables: t.Any) -> PlaybookRun:
        return run_playbook(self.lab, playbook, "--limit", NAME, *arguments, **{**QUICK, **variables})

    def nightly(self, **variables: t.Any) -> PlaybookRun:
        return self.run("nightly", **variables)

    def full_backup(self, *inserts: str, **variables: t.Any) -> PlaybookRun:
        """With a person at the drive who puts these tapes in, one after the other, whenever it is empty."""
        with self.operator.at_the_drive(inserts):
            return self.run("etravel_full_backup", **{"etravel_overwrite_accepted": True, "etravel_tape_wait": 30, **variables})

    def back_to_normal(self, *inserts: str, **variables: t.Any) -> PlaybookRun:
        with self.operator.at_the_drive(inserts):
            return self.run("etravel_return", **{"etravel_tape_wait": 30, **variables})

    # what there is
    def vault(self, *below: str, full: bool = False) -> pathlib.Path:
        return vault_folder(self.lab, NAME, f"{NAME}_full" if full else NAME, *below)

    def sets(self, folder: str = "Recent", full: bool = False) -> list[str]:
        there = self.vault(folder, full=full)
        return sorted(entry.name for entry in there.iterdir()) if there.is_dir() else []

    def newest(self, full: bool = False) -> dict[str, t.Any]:
        """The manifest of the newest good set."""
        path = self.vault("Recent", self.sets(full=full)[-1], "manifest.json", full=full)
        found: dict[str, t.Any] = json.loads(path.read_text(encoding="utf-8"))
        return found

    def state_folder(self, *below: str) -> pathlib.Path:
        return self.lab.root / NAME / "C" / pathlib.Path("ProgramData", "Lockstep", *below)

    def journals(self) -> set[str]:
        folder = self.state_folder("quiesce")
        return {entry.name for entry in folder.iterdir()} if folder.is_dir() else set()

    def suspended(self) -> bool:
        return f"{NAME}_exports" in self.journals()

    def records(self, tape: str) -> list[bytes | None]:
        return self.drive.tape(tape).records

    def changed(self) -> list[str]:
        """Units that have been touched, by service and program: the state changes so far, and the process ids."""
        states = [f"{name} {len(self.machine.services[name].history)}" for name in SERVICES]
        return states + [f"{name} {one.pid}" for name in PROGRAMS for one in self.machine.processes.named(name)]

    # what must hold
    def service_is_back(self) -> None:
        for name in SERVICES:
            assert self.machine.services[name].state == "Running", name
        for name, count in PROGRAMS.items():
            assert len(self.machine.processes.named(name)) == count, name

    def nothing_is_left(self) -> None:
        """No lock, no journal but the suspension's, no lease, no job, no backup program at work."""
        # Drafts of journals that were never put in place are no journals.
        assert {name for name in self.journals() if "~" not in name} <= {f"{NAME}_exports"}
        for full in (False, True):
            folder = self.vault(full=full)
            assert not folder.is_dir() or [entry.name for entry in folder.iterdir() if entry.name.startswith("Lock")] == []
        jobs = self.state_folder("jobs")
        assert not jobs.is_dir() or list(jobs.iterdir()) == []
        assert [task.full_name for task in self.machine.tasks.all() if "Lockstep" in task.path] == []
        assert self.machine.processes.named("ntbackup.exe") == []


class Operator:
    """Somebody at the tape drive: looks at each request of a run whether the drive is empty, and puts the next tape in."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._tapes: list[str] = []

    def at_the_drive(self, tapes: collections.abc.Sequence[str]) -> t.Self:
        self._tapes = list(tapes)
        return self

    def __enter__(self) -> t.Self:
        self._stop = self._server.lab.on_request(self._look)
        return self

    def __exit__(self, *_unused: object) -> None:
        self._stop()

    def _look(self, moment: str, request: Request) -> None:
        drive = self._server.drive
        # Not while a program still works on the drive that has just given its tape back.
        begins = moment == BEFORE and request.host == NAME and request.kind == "command"
        if begins and self._tapes and drive.loaded is None:
            drive.insert(self._tapes.pop(0))


def succeeded(run: PlaybookRun) -> PlaybookRun:
    assert run.exit_code == 0, run.output
    return run


def failed(run: PlaybookRun, *says: str) -> str:
    """What a person reads at the end of a run that failed; it says all of this."""
    assert run.exit_code != 0, run.output
    message = str(run.failures(NAME)[-1]["msg"])
    for text in says:
        assert text in message, message
    return message
