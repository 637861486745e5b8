# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All that features know of a platform. Private to lockstep.backup: not a public interface.

Two implementations: ``host/posix.py`` (local, in the module on the target) and ``plugin_utils/windows/host.py`` (over
WinRM, in the worker process on the control node). Every method raises LockstepError, with the slugs that it names, and
beside those ``unreachable``, ``authentication_failed``, ``certificate_untrusted``, ``host_timeout`` and ``quota_exceeded``.
"""

from __future__ import annotations

import dataclasses
import datetime
import typing as t

WINDOWS = "windows"
POSIX = "posix"

RUNNING = "running"
STOPPED = "stopped"
STARTING = "starting"
STOPPING = "stopping"
PAUSED = "paused"
ABSENT = "absent"
UNKNOWN = "unknown"

FILES = "files"
FOLDERS = "folders"

JOB_ABSENT = "absent"
JOB_RUNNING = "running"
JOB_EXITED = "exited"
JOB_LOST = "lost"


@dataclasses.dataclass(frozen=True)
class Completed:
    """A program that has ended. Text is decoded as UTF-8 with replacement."""

    argv: tuple[str, ...]
    exit_code: int
    stdout: str
    stderr: str


@dataclasses.dataclass(frozen=True)
class FileInfo:
    """A file or folder: ``size`` in bytes (0 for folders), ``modified`` with its time zone. ``version``: of a program's file, when
    it was asked for alone and the platform keeps it there (Windows)."""

    path: str
    is_dir: bool
    size: int
    modified: datetime.datetime
    version: str | None = None


@dataclasses.dataclass(frozen=True)
class JobStatus:
    """A detached job. ``exit_code`` only in state ``exited``; ``lost`` means that it ended without leaving an exit code."""

    state: str
    exit_code: int | None = None
    pid: int | None = None


@dataclasses.dataclass(frozen=True)
class UnitStatus:
    """One unit as it is now. ``pid`` of its process when known; ``detail`` is the platform's own word for the state."""

    kind: str
    name: str
    state: str
    pid: int | None = None
    executable: str | None = None
    detail: str = ""


class UnitDriver(t.Protocol):
    """Units of one kind on one host. Nothing here waits: the caller polls ``status`` until it holds."""

    def find(self, pattern: str | None, path_under: str | None) -> list[UnitStatus]:
        """Units whose name matches the shell pattern (case-insensitive) and whose program lies under the folder."""

    def status(self, name: str) -> UnitStatus:
        """State ``absent`` where there is no such unit."""

    def statuses(self, names: t.Sequence[str]) -> list[UnitStatus]:
        """As ``status`` for each of the names, in as few requests as the platform allows: it is asked during outages."""

    def dependents(self, name: str) -> list[str]:
        """Running units of the same kind that must stop before ``name``, in the order to stop them; all levels."""

    def stop(self, name: str, force: bool) -> UnitStatus | None:
        """Ask it to stop. ``force`` kills. Its status right afterwards, where the platform tells it in the same answer. Raises
        ``unit_refused`` with what the platform answered."""

    def start(self, name: str) -> UnitStatus | None:
        """Ask it to start. Its status right afterwards, as for ``stop``. Raises ``unit_refused``."""

    def start_command(self, name: str) -> list[str]:
        """The argv that the lease runs on the host itself to start this unit, after ``prepare``."""

    def refuse_unfit(self, name: str) -> None:
        """Raise what would keep the unit from being stopped now or started later, as far as that can be told. Changes nothing."""

    def prepare(self, name: str) -> None:
        """Put on the host what ``stop`` and ``start_command`` need there. The unit itself stays as it is."""

    def dismiss(self, name: str) -> None:
        """Remove what ``prepare``, ``stop`` and ``start`` have put on the host. No error when nothing is there."""


class LeavesNothing:
    """For drivers that need nothing on the host beside the unit itself."""

    def refuse_unfit(self, name: str) -> None:
        return

    def prepare(self, name: str) -> None:
        return

    def dismiss(self, name: str) -> None:
        return


class Host(t.Protocol):
    """One machine. Paths are absolute and in its own syntax."""

    name: str
    platform: str
    state_folder: str
    """Where Lockstep keeps journals, jobs and privileges on this host unless told otherwise."""

    def close(self) -> None:
        """Give everything back. A host is closed once and not used afterwards."""

    # programs
    def run(self, argv: t.Sequence[str], stdin: str | None = None, timeout: float = 60.0) -> Completed:
        """Run to its end, never through a shell. Any exit code is returned. Slugs: ``tool_missing``, ``command_timeout``."""

    def start_job(
        self,
        folder: str,
        argv: t.Sequence[str],
        cwd: str | None = None,
        env: t.Mapping[str, str] | None = None,
        discard_output: bool = False,
    ) -> None:
        """Start a program that outlives the connection and the control node. ``folder`` is made, and is the job's identity:
        its output, process id and exit code are in files there. A folder that has a job already raises ``job_exists``.
        Never repeated after a lost connection: it looks whether the job began, instead."""

    def job_status(self, folder: str) -> JobStatus: ...

    def job_output(self, folder: str, lines: int = 200) -> str:
        """The last lines of standard output, then of standard error."""

    def stop_job(self, folder: str) -> None:
        """End the job's whole process tree. No error when it has ended."""

    # files
    def join(self, *parts: str) -> str: ...

    def parent(self, path: str) -> str: ...

    def basename(self, path: str) -> str: ...

    def is_absolute(self, path: str) -> bool:
        """Windows: a drive letter and a backslash; UNC is not absolute in this sense."""

    def is_local(self, path: str) -> bool:
        """Whether it lies on a disk of this machine: False for UNC, mapped drives and network mounts."""

    def stat(self, path: str) -> FileInfo | None:
        """None where there is nothing."""

    def list_folder(self, path: str, kind: str | None = None) -> list[FileInfo]:
        """What lies directly in it, by name, or only its FILES or its FOLDERS, which spares requests; slug ``path_missing``.
        Windows gives names in lower case, whatever they were made as: compare them without regard to case there."""

    def read_text(self, path: str, tail_bytes: int | None = None, code_page: str | None = None) -> str:
        """UTF-16 or UTF-8, else ``code_page`` (a codec of Python; None: UTF-8 with replacement); line ends become LF;
        ``path_missing``."""

    def write_text(self, path: str, text: str, private: bool = False, new_folder: bool = False) -> None:
        """Replace as a whole: a temporary name beside it, then one rename. ``private``: only this account, and on Windows
        SYSTEM and Administrators, may read it, from before the first byte is written. ``new_folder``: its folder is made before,
        with parents, if it is not there. Slugs ``path_missing`` (no such parent), ``no_space``, ``access_denied``."""

    def make_folder(self, path: str) -> None:
        """With parents; no error when it is there."""

    def rename(self, source: str, target: str) -> None:
        """Atomic, within one volume; slug ``path_exists`` when the target is there (never replaced), ``path_missing``."""

    def copy_file(self, source: str, target: str) -> None:
        """On the host itself, with all of its bytes; a file that is there is replaced, and an interrupted copy may be left. Slugs
        ``path_missing`` (the source, or the folder of the target), ``no_space``, ``access_denied``."""

    def remove(self, path: str) -> None:
        """A file, or a folder with all below; no error when it is absent."""

    def sha256(self, path: str) -> str:
        """Lower-case hex; computed on the host."""

    def zip_problem(self, path: str) -> str | None:
        """Read the whole archive with its checksums; what is wrong with it in a few words, or None."""

    def free_bytes(self, path: str) -> int:
        """On the volume of the path; the path itself need not exist."""

    def tree_bytes(self, path: str) -> int:
        """The sum of the sizes of all files below; ``path_missing``."""

    # the machine
    def now(self) -> datetime.datetime:
        """Its own wall clock, with its own time zone."""

    def is_admin(self) -> bool: ...

    def processes(self, name: str) -> list[int]:
        """Ids of the processes whose program has this file name (Windows: case-insensitive, with ``.exe``)."""

    def error_events(self, log: str, source: str, since: datetime.datetime) -> list[str]:
        """Messages of the errors that a program has reported to an event log of Windows, oldest first; slug
        ``unit_kind_unsupported`` elsewhere. Events have whole seconds: one in the second of ``since`` is among them."""

    def unit_driver(self, kind: str, definition: t.Mapping[str, t.Any]) -> UnitDriver:
        """``kind``: service, app_pool, site, scheduled_task, process, command. ``definition`` is the user's unit (the start,
        stop and check argv of commands, the start argv and the desktop of processes). Slug ``unit_kind_unsupported``."""

    # timers: the host itself does something at a time, whether or not anybody is connected
    def timer_script(self, commands: t.Sequence[t.Sequence[str]], log: str, marker: str) -> str:
        """A plain script of this platform that runs each command in order (going on after a failure), appends what it did with
        times to ``log``, and creates ``marker`` first of all."""

    def arm_timer(self, name: str, at: datetime.datetime, script: str) -> None:
        """Run the script file once at ``at`` (missed: as soon as possible), with full rights; replaces the timer of that name."""

    def disarm_timer(self, name: str) -> None:
        """No error when there is none."""

    def timer_armed(self, name: str) -> bool: ...
