# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host in memory with a backup program that does what a test tells it."""

from __future__ import annotations

import dataclasses
import typing as t

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.lockstep.backup.plugins.module_utils.command.feature import FEATURE
from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.feature import Task
from ansible_collections.lockstep.backup.plugins.module_utils.host import base
from tests.unit.fake_host import FakeClock, FakeHost, FakeJob, make_task

PROGRAM = "C:\\Etravel\\batch\\ntbk.bat"
LOG = "C:\\Etravel\\Log\\ntbktape.log"
JOB = "C:\\ProgramData\\Lockstep\\jobs\\command-full"
RECORD = "C:\\ProgramData\\Lockstep\\commands\\full.json"
OUTPUT = "C:\\ProgramData\\Lockstep\\commands\\full.log"

SET_C = """\
Backup of "C: "
Backup set #1 on media #1
Backup description: "Full"
Backup started on 11/8/2002 at 5:45 PM.
Folder C:\\
    boot.ini                     213   11/8/2002   5:00 PM
Backup completed on 11/8/2002 at 6:50 PM.
Directories: 412
Files: 20,012
Bytes: 1,073,741,824
Time:  1 hour,  5 minutes, and  2 seconds
"""
SET_D = SET_C.replace('"C: "', '"D: "').replace("set #1", "set #2")
HEAD = 'Backup Status\nOperation: Backup\nActive backup destination: 4mm DDS\nMedia name: "Full 1"\n\n'
GOOD_LOG = HEAD + SET_C + "\n" + SET_D


@dataclasses.dataclass
class Program:
    """After ``seconds`` it writes ``log`` (None: none; appended when ``appends``), ends with ``exit_code``, and does ``at_end``."""

    host: FakeHost
    clock: FakeClock = dataclasses.field(default_factory=FakeClock)
    seconds: float = 0
    exit_code: int = 0
    log: str | bytes | None = GOOD_LOG
    appends: bool = False
    output: str = "started NT Backup\n"
    at_end: t.Callable[[], None] = lambda: None

    def __post_init__(self) -> None:
        self.host.job = self.start

    def start(self, job: FakeJob) -> base.JobStatus:
        if not self.seconds:
            return self.end(job)
        due = self.clock.elapsed + self.seconds

        def tick(elapsed: float) -> None:
            if elapsed >= due and job.status.state == base.JOB_RUNNING:
                job.status = self.end(job)

        self.clock.on_sleep.append(tick)
        return base.JobStatus(base.JOB_RUNNING, None, 42)

    def end(self, job: FakeJob) -> base.JobStatus:
        job.output = self.output
        if self.log is not None:
            data = self.log if isinstance(self.log, bytes) else self.log.encode()
            self.host.files[LOG] = (self.host.files.get(LOG, b"") if self.appends else b"") + data
            self.host.modified[LOG] = self.host.wall
        self.at_end()
        return base.JobStatus(base.JOB_EXITED, self.exit_code, 42)


def server() -> FakeHost:
    host = FakeHost("etravel1")
    for folder in ("C:\\Etravel\\batch", "C:\\Etravel\\Log"):
        host.make_folder(folder)
    host.files[PROGRAM] = b"@echo off"
    return host


def task_for(host: FakeHost, clock: FakeClock | None = None, check_mode: bool = False, **options: t.Any) -> Task:
    """With all defaults, as the edge gives them to the feature; None leaves out one of the options that are common here."""
    common: dict[str, t.Any] = {"name": "full", "argv": [PROGRAM], "log": LOG, "log_format": "ntbackup"}
    given = {name: value for name, value in {**common, **options}.items() if value is not None}
    validated = ArgumentSpecValidator(
        dict(FEATURE.argument_spec), required_if=FEATURE.required_if, required_by=dict(FEATURE.required_by)
    ).validate(given)
    assert not validated.error_messages
    return make_task(host, clock, check_mode, **validated.validated_parameters)


def run(host: FakeHost, clock: FakeClock | None = None, check_mode: bool = False, **options: t.Any) -> dict[str, t.Any]:
    return FEATURE.run(task_for(host, clock, check_mode, **options))


def failure(host: FakeHost, clock: FakeClock | None = None, check_mode: bool = False, **options: t.Any) -> LockstepError:
    with pytest.raises(LockstepError) as caught:
        run(host, clock, check_mode, **options)
    return caught.value


def steps(result: t.Mapping[str, t.Any]) -> list[str]:
    return [step["step"] for step in result["plan"]]


def warnings(host: FakeHost) -> list[str]:
    return [event for event in host.events if event.startswith("warning ")]
