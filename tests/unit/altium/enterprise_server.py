# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An Enterprise Server in memory, and an avbackup that does what a test tells it."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.lockstep.backup.plugins.module_utils.altium.feature import FEATURE
from ansible_collections.lockstep.backup.plugins.module_utils.altium.settings import Settings, settings_from
from ansible_collections.lockstep.backup.plugins.module_utils.feature import Feature, Task
from ansible_collections.lockstep.backup.plugins.module_utils.host import base
from ansible_collections.lockstep.backup.plugins.module_utils.quiesce.feature import FEATURE as QUIESCE
from tests.unit.fake_host import FakeClock, FakeHost, FakeJob, FakeUnit, make_task

ZIP = "D:\\Backups\\26112101\\altium.zip"
LOG = "D:\\Backups\\26112101\\altium.log"
TOOL_FOLDER = "C:\\Program Files (x86)\\Altium\\Altium365\\Tools\\BackupTool"
TOOL = TOOL_FOLDER + "\\avbackup.exe"
INI = "C:\\Program Files (x86)\\Altium\\Altium365\\LocalVault.ini"
RECORD = "C:\\ProgramData\\Lockstep\\avbackup.json"


def parameters(feature: Feature = FEATURE, **options: t.Any) -> dict[str, t.Any]:
    """As the edge gives them to the feature: validated, with all defaults."""
    validated = ArgumentSpecValidator(dict(feature.argument_spec), required_by=dict(feature.required_by)).validate(options)
    assert not validated.error_messages
    return t.cast(dict[str, t.Any], validated.validated_parameters)


def settings(**options: t.Any) -> Settings:
    return settings_from(parameters(**{"path": ZIP, **options}), FakeHost())


def server() -> FakeHost:
    """A host that is ready for a backup: tool, ini and the set's folder are there, IIS runs."""
    host = FakeHost()
    for folder in (TOOL_FOLDER, "D:\\Backups\\26112101"):
        host.make_folder(folder)
    host.files.update({TOOL: b"MZ", INI: b"[server]"})
    host.units["service"] = {"W3SVC": FakeUnit(), "WAS": FakeUnit(), "AltiumVault": FakeUnit()}
    return host


@dataclasses.dataclass
class Tool:
    """avbackup: after ``seconds`` it leaves ``content`` as the zip, ends with ``exit_code``, and does ``at_end``."""

    host: FakeHost
    clock: FakeClock
    seconds: float = 0
    exit_code: int = 0
    content: bytes | None = b"PK binary data"
    output: str = "Backup completed.\n"
    at_end: t.Callable[[], None] = lambda: None

    def __post_init__(self) -> None:
        self.host.job = self.start

    def start(self, job: FakeJob) -> base.JobStatus:
        if not self.seconds:
            return self.end(job)
        self.host.running["avbackup.exe"] = [42]
        due = self.clock.elapsed + self.seconds

        def tick(elapsed: float) -> None:
            if elapsed >= due and job.status.state == base.JOB_RUNNING:
                job.status = self.end(job)

        self.clock.on_sleep.append(tick)
        return base.JobStatus(base.JOB_RUNNING, None, 42)

    def end(self, job: FakeJob) -> base.JobStatus:
        self.host.running.pop("avbackup.exe", None)
        job.output = self.output
        if self.content is not None:
            self.host.files[job.argv[job.argv.index("-z") + 1]] = self.content
        self.at_end()
        return base.JobStatus(base.JOB_EXITED, self.exit_code, 42)


def task_for(host: FakeHost, clock: FakeClock | None = None, check_mode: bool = False, **options: t.Any) -> Task:
    return make_task(host, clock, check_mode, **parameters(**{"path": ZIP, **options}))


def run(host: FakeHost, clock: FakeClock | None = None, check_mode: bool = False, **options: t.Any) -> dict[str, t.Any]:
    return FEATURE.run(task_for(host, clock, check_mode, **options))


def quiesce(host: FakeHost, name: str = "altium", max_outage: int | None = None) -> None:
    """Stop W3SVC and AltiumVault under a real journal; WAS goes on."""
    units = [{"kind": "service", "name": "W3SVC"}, {"kind": "service", "name": "AltiumVault"}]
    options = parameters(QUIESCE, state="quiesced", name=name, units=units, max_outage=max_outage)
    QUIESCE.run(make_task(host, **options))
    host.events.clear()


def restart_w3svc(host: FakeHost) -> t.Callable[[], None]:
    def restart() -> None:
        host.units["service"]["W3SVC"].state = base.RUNNING

    return restart


def steps(result: t.Mapping[str, t.Any]) -> list[str]:
    return [step["step"] for step in result["plan"]]


def warnings(host: FakeHost) -> list[str]:
    return [event for event in host.events if event.startswith("warning ")]
