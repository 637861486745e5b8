# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host in memory, for the features' unit tests: files, programs, jobs, units and a clock that tests move."""

from __future__ import annotations

import dataclasses
import datetime
import fnmatch
import hashlib
import ntpath
import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.feature import Task
from ansible_collections.lockstep.backup.plugins.module_utils.host import base, texts
from ansible_collections.lockstep.backup.plugins.module_utils.owner import Owner

OWNER = Owner(run_id="run1", control_node="control1", boot_id="boot1", pid=4711, started="100", user="backup")
OTHER = Owner(run_id="run2", control_node="control2", boot_id="boot2", pid=4712, started="200", user="somebody")


@dataclasses.dataclass
class FakeClock:
    """Elapsed seconds; waiting only moves it, and calls ``on_sleep`` so that a test can let things happen meanwhile."""

    elapsed: float = 1000.0
    on_sleep: list[t.Callable[[float], None]] = dataclasses.field(default_factory=list)

    def monotonic(self) -> float:
        return self.elapsed

    def sleep(self, seconds: float) -> None:
        self.elapsed += seconds
        for callback in self.on_sleep:
            callback(self.elapsed)


@dataclasses.dataclass
class FakeUnit:
    state: str = base.RUNNING
    executable: str | None = None
    needs: tuple[str, ...] = ()
    refuses: bool = False
    hangs: bool = False
    unfit: str = ""
    """The slug with which it is refused before anything stops."""
    needs_preparation: bool = False
    """Whether something has to be put on the host to start it."""
    prepared: bool = False
    pid: int = 100


class FakeUnits:
    """Units of one kind: they change at once, except those told to refuse or to hang."""

    def __init__(self, kind: str, units: dict[str, FakeUnit], events: list[str]) -> None:
        self.kind, self.units, self.events = kind, units, events

    def find(self, pattern: str | None, path_under: str | None) -> list[base.UnitStatus]:
        def fits(name: str, unit: FakeUnit) -> bool:
            named = pattern is None or fnmatch.fnmatch(name.lower(), pattern.lower())
            placed = path_under is None or (unit.executable or "").lower().startswith(path_under.lower() + "\\")
            return named and placed

        return [self.status(name) for name, unit in self.units.items() if fits(name, unit)]

    def status(self, name: str) -> base.UnitStatus:
        unit = self.units.get(name)
        if unit is None:
            return base.UnitStatus(self.kind, name, base.ABSENT)
        return base.UnitStatus(
            self.kind, name, unit.state, unit.pid if unit.state == base.RUNNING else None, unit.executable, unit.state
        )

    def statuses(self, names: t.Sequence[str]) -> list[base.UnitStatus]:
        return [self.status(name) for name in names]

    def dependents(self, name: str) -> list[str]:
        found: list[str] = []
        for other, unit in self.units.items():
            if name in unit.needs and unit.state != base.STOPPED:
                found += [*self.dependents(other), other]
        return list(dict.fromkeys(found))

    def stop(self, name: str, force: bool) -> None:
        unit = self.units[name]
        self.events.append(f"stop {name}" + (" by force" if force else ""))
        if unit.refuses and not force:
            raise LockstepError("unit_refused", f"{name} refused to stop")
        unit.state = base.STOPPING if unit.hangs and not force else base.STOPPED

    def start(self, name: str) -> None:
        self.events.append(f"start {name}")
        self.units[name].state = base.RUNNING
        self.units[name].pid += 1

    def start_command(self, name: str) -> list[str]:
        return ["start", name]

    def refuse_unfit(self, name: str) -> None:
        if name in self.units and self.units[name].unfit:
            raise LockstepError(self.units[name].unfit, f"{name} is unfit")

    def prepare(self, name: str) -> None:
        if self.units[name].needs_preparation:
            self.events.append(f"prepare {name}")
            self.units[name].prepared = True

    def dismiss(self, name: str) -> None:
        if self.units[name].prepared:
            self.events.append(f"dismiss {name}")
            self.units[name].prepared = False


@dataclasses.dataclass
class FakeJob:
    argv: tuple[str, ...]
    cwd: str | None
    env: dict[str, str]
    status: base.JobStatus
    output: str = ""


class FakeHost:
    """A Windows host in memory. ``program`` answers ``run``; ``job`` decides what a started job does."""

    platform = base.WINDOWS
    state_folder = "C:\\ProgramData\\Lockstep"

    def __init__(self, name: str = "aes1") -> None:
        self.name = name
        self.files: dict[str, bytes] = {}
        self.folders: set[str] = {"C:\\"}
        self.private: set[str] = set()
        self.modified: dict[str, datetime.datetime] = {}
        self.versions: dict[str, str] = {}
        self.wall = datetime.datetime(2026, 11, 21, 3, 13, 0, tzinfo=datetime.UTC)
        self.free = 10**12
        self.admin = True
        self.events: list[str] = []
        self.units: dict[str, dict[str, FakeUnit]] = {}
        self.running: dict[str, list[int]] = {}
        self.jobs: dict[str, FakeJob] = {}
        self.timers: dict[str, tuple[datetime.datetime, str]] = {}
        self.local_drives = {"C:", "D:"}
        self.zip_problems: dict[str, str] = {}
        self.program: t.Callable[[tuple[str, ...], str | None], base.Completed] = self._unknown_program
        self.job: t.Callable[[FakeJob], base.JobStatus] = lambda job: base.JobStatus(base.JOB_EXITED, 0, 42)
        self.before_write: t.Callable[[str, str], None] = lambda operation, path: None
        self.closed = False
        self.event_log: list[tuple[datetime.datetime, str, str]] = []
        """Errors of programs: when, who and what."""

    def close(self) -> None:
        self.closed = True

    @staticmethod
    def _unknown_program(argv: tuple[str, ...], stdin: str | None) -> base.Completed:
        raise AssertionError(f"unexpected program {argv}")

    def run(self, argv: t.Sequence[str], stdin: str | None = None, timeout: float = 60.0) -> base.Completed:
        self.events.append("run " + " ".join(argv))
        return self.program(tuple(argv), stdin)

    def start_job(
        self,
        folder: str,
        argv: t.Sequence[str],
        cwd: str | None = None,
        env: t.Mapping[str, str] | None = None,
        discard_output: bool = False,
    ) -> None:
        if folder in self.jobs:
            raise LockstepError("job_exists", f"a job is in {folder}")
        self.events.append("job " + " ".join(argv))
        self.make_folder(folder)
        job = FakeJob(tuple(argv), cwd, dict(env or {}), base.JobStatus(base.JOB_RUNNING, None, 42))
        self.jobs[folder] = job
        job.status = self.job(job)

    def job_status(self, folder: str) -> base.JobStatus:
        return self.jobs[folder].status if folder in self.jobs else base.JobStatus(base.JOB_ABSENT)

    def job_output(self, folder: str, lines: int = 200) -> str:
        return self.jobs[folder].output

    def stop_job(self, folder: str) -> None:
        self.events.append(f"stop job {folder}")
        self.jobs[folder].status = base.JobStatus(base.JOB_LOST)

    def join(self, *parts: str) -> str:
        return ntpath.join(*parts)

    def parent(self, path: str) -> str:
        return ntpath.dirname(path)

    def basename(self, path: str) -> str:
        return ntpath.basename(path)

    def is_absolute(self, path: str) -> bool:
        return len(path) > 2 and path[1:3] == ":\\"

    def is_local(self, path: str) -> bool:
        return path[:2].upper() in self.local_drives

    def stat(self, path: str) -> base.FileInfo | None:
        when = self.modified.get(path, self.wall)
        if path in self.files:
            return base.FileInfo(path, False, len(self.files[path]), when, self.versions.get(path))
        return base.FileInfo(path, True, 0, when) if path in self.folders else None

    def list_folder(self, path: str, kind: str | None = None) -> list[base.FileInfo]:
        if path not in self.folders:
            raise LockstepError("path_missing", f"{path} is missing")
        children = {p for p in (*self.files, *self.folders) if p != path and ntpath.dirname(p) == path}
        found = [info for info in map(self.stat, sorted(children)) if info]
        return [info for info in found if kind in (None, base.FOLDERS if info.is_dir else base.FILES)]

    def read_text(self, path: str, tail_bytes: int | None = None, code_page: str | None = None) -> str:
        if path not in self.files:
            raise LockstepError("path_missing", f"{path} is missing")
        data = self.files[path]
        return texts.decode(data[-tail_bytes:] if tail_bytes else data, code_page)

    def write_text(self, path: str, text: str, private: bool = False, new_folder: bool = False) -> None:
        if new_folder:
            self.make_folder(ntpath.dirname(path))
        self.before_write("write", path)
        if ntpath.dirname(path) not in self.folders:
            raise LockstepError("path_missing", f"{ntpath.dirname(path)} is missing")
        self.files[path] = text.encode()
        self.modified[path] = self.wall
        if private:
            self.private.add(path)

    def make_folder(self, path: str) -> None:
        self.before_write("make_folder", path)
        while path not in self.folders:
            self.folders.add(path)
            path = ntpath.dirname(path)

    def rename(self, source: str, target: str) -> None:
        self.before_write("rename", target)
        if self.stat(target):
            raise LockstepError("path_exists", f"{target} is there")
        if not self.stat(source):
            raise LockstepError("path_missing", f"{source} is missing")

        def moved(path: str) -> str:
            return target + path[len(source) :] if path == source or path.startswith(source + "\\") else path

        self.files = {moved(p): data for p, data in self.files.items()}
        self.folders = {moved(p) for p in self.folders}
        self.modified = {moved(p): when for p, when in self.modified.items()}

    def copy_file(self, source: str, target: str) -> None:
        self.before_write("copy", target)
        if source not in self.files:
            raise LockstepError("path_missing", f"{source} is missing")
        if ntpath.dirname(target) not in self.folders:
            raise LockstepError("path_missing", f"{ntpath.dirname(target)} is missing")
        self.files[target] = self.files[source]
        self.modified[target] = self.modified.get(source, self.wall)

    def remove(self, path: str) -> None:
        self.before_write("remove", path)

        def stays(other: str) -> bool:
            return other != path and not other.startswith(path + "\\")

        self.files = {p: data for p, data in self.files.items() if stays(p)}
        self.folders = {p for p in self.folders if stays(p)}
        self.jobs = {folder: job for folder, job in self.jobs.items() if stays(folder)}

    def sha256(self, path: str) -> str:
        return hashlib.sha256(self.files[path]).hexdigest()

    def zip_problem(self, path: str) -> str | None:
        return self.zip_problems.get(path)

    def free_bytes(self, path: str) -> int:
        return self.free

    def tree_bytes(self, path: str) -> int:
        if path not in self.folders:
            raise LockstepError("path_missing", f"{path} is missing")
        return sum(len(data) for p, data in self.files.items() if p.startswith(path + "\\"))

    def now(self) -> datetime.datetime:
        return self.wall

    def is_admin(self) -> bool:
        return self.admin

    def processes(self, name: str) -> list[int]:
        return self.running.get(name, [])

    def error_events(self, log: str, source: str, since: datetime.datetime) -> list[str]:
        return [text for moment, name, text in self.event_log if name == source and moment >= since.replace(microsecond=0)]

    def unit_driver(self, kind: str, definition: t.Mapping[str, t.Any]) -> FakeUnits:
        return FakeUnits(kind, self.units.setdefault(kind, {}), self.events)

    def timer_script(self, commands: t.Sequence[t.Sequence[str]], log: str, marker: str) -> str:
        return "\n".join([f"mark {marker}", *(" ".join(argv) for argv in commands), f"log {log}"])

    def arm_timer(self, name: str, at: datetime.datetime, script: str) -> None:
        self.events.append(f"arm {name}")
        self.timers[name] = (at, script)

    def disarm_timer(self, name: str) -> None:
        self.timers.pop(name, None)

    def timer_armed(self, name: str) -> bool:
        return name in self.timers


def make_task(host: FakeHost, clock: FakeClock | None = None, check_mode: bool = False, **params: t.Any) -> Task:
    """A task over ``host`` with the given parameters; warnings are collected in ``host.events`` as ``warning …``."""
    return Task(
        params={"dead_run": None, **params},
        host=host,
        owner=OWNER,
        check_mode=check_mode,
        warn=lambda message: host.events.append(f"warning {message}"),
        clock=clock or FakeClock(),
    )
