# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""This machine, as features see it. Private to lockstep.backup: not a public interface."""

from __future__ import annotations

import contextlib
import datetime
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.host import (
    base,
    mounts,
    posix_detached,
    posix_files,
    posix_processes,
    scripts,
    texts,
)
from ansible_collections.lockstep.backup.plugins.module_utils.host.base import (
    FILES,
    FOLDERS,
    Completed,
    FileInfo,
    JobStatus,
    UnitDriver,
)
from ansible_collections.lockstep.backup.plugins.module_utils.host.command_units import CommandUnits
from ansible_collections.lockstep.backup.plugins.module_utils.host.posix_files import explained
from ansible_collections.lockstep.backup.plugins.module_utils.host.posix_timers import DetachedTimers, SystemdTimers, Timers
from ansible_collections.lockstep.backup.plugins.module_utils.host.posix_units import LaunchdServices, Processes, SystemdUnits


def default_state_folder() -> str:
    return "/var/lib/lockstep" if os.geteuid() == 0 else os.path.expanduser("~/.local/state/lockstep")


class PosixHost:
    """The Host protocol on the machine where the module runs. ``state_folder`` is for tests; features have their own option."""

    platform = base.POSIX

    def __init__(self, state_folder: str | None = None) -> None:
        self.name = socket.gethostname()
        self.state_folder = state_folder or default_state_folder()
        self._systemd = os.path.isdir("/run/systemd/system")

    def close(self) -> None:
        """Nothing is held between two calls."""

    # programs

    def run(self, argv: t.Sequence[str], stdin: str | None = None, timeout: float = 60.0) -> Completed:
        # Files and no pipes: a program that leaves something running in the background would keep a pipe open.
        with tempfile.TemporaryFile() as source, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            source.write((stdin or "").encode())
            source.seek(0)
            try:
                process = subprocess.Popen(argv, stdin=source, stdout=out, stderr=err, start_new_session=True)
            except (FileNotFoundError, PermissionError, NotADirectoryError) as error:
                raise self._tool_missing(argv[0]) from error
            try:
                exit_code = process.wait(timeout)
            except subprocess.TimeoutExpired as error:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                message = f"{self.name}: {argv[0]} did not end within {timeout:g} s and was killed."
                raise LockstepError("command_timeout", message, program=argv[0]) from error
            printed = []
            for stream in (out, err):
                stream.seek(0)
                printed.append(stream.read().decode("utf-8", "replace"))
        return Completed(tuple(argv), exit_code, printed[0], printed[1])

    def _tool_missing(self, program: str) -> LockstepError:
        return LockstepError(
            "tool_missing", f"{self.name}: there is no program {program} that this account may run.", program=program
        )

    def start_job(
        self,
        folder: str,
        argv: t.Sequence[str],
        cwd: str | None = None,
        env: t.Mapping[str, str] | None = None,
        discard_output: bool = False,
    ) -> None:
        # With its path, so that the shell takes it for no built-in of its own.
        program = shutil.which(argv[0], path=(env or {}).get("PATH"))
        if program is None:
            raise self._tool_missing(argv[0])
        if cwd is not None and not os.path.isdir(cwd):
            raise LockstepError("path_missing", f"{self.name}: {cwd} is no folder.", path=cwd)
        self.make_folder(folder)
        try:
            with explained(self.name, folder):
                posix_detached.start(
                    scripts.job_argv(folder, [os.path.abspath(program), *argv[1:]]),
                    lock=os.path.join(folder, "lock"),
                    output=None if discard_output else os.path.join(folder, "stdout.log"),
                    errors=os.path.join(folder, "stderr.log"),
                    cwd=cwd,
                    env=env,
                )
        except LockstepError as error:
            if error.slug != "path_exists":
                raise
            raise LockstepError("job_exists", f"{self.name}: a job was already started in {folder}.", folder=folder) from error
        except subprocess.CalledProcessError as error:
            output = self.job_output(folder).strip()
            raise LockstepError("job_refused", f"{self.name}: {argv[0]} was not started in {folder}: {output}") from error

    def job_status(self, folder: str) -> JobStatus:
        lock = os.path.join(folder, "lock")
        # The order matters: a job that ends between the two questions has left its exit code before it releases the lock.
        with explained(self.name, lock):
            running = posix_detached.lives(lock)
        group = self._number(os.path.join(folder, "group"))
        code = self._number(os.path.join(folder, "exit"))
        if code is not None:
            return JobStatus(base.JOB_EXITED, code, group)
        if running:
            return JobStatus(base.JOB_RUNNING, None, group)
        return JobStatus(base.JOB_LOST if os.path.exists(lock) else base.JOB_ABSENT, None, group)

    @staticmethod
    def _number(path: str) -> int | None:
        try:
            with open(path, encoding="ascii") as source:
                return int(source.read())
        except FileNotFoundError:
            return None

    def job_output(self, folder: str, lines: int = 200) -> str:
        printed: list[str] = []
        for name in ("stdout.log", "stderr.log"):
            path = os.path.join(folder, name)
            if os.path.exists(path):
                printed += self.read_text(path, tail_bytes=lines * 1000).splitlines()
        return "\n".join(printed[-lines:])

    def stop_job(self, folder: str) -> None:
        group = self._number(os.path.join(folder, "group"))
        if group is not None:
            posix_detached.end(os.path.join(folder, "lock"), group)

    # files

    def join(self, *parts: str) -> str:
        return os.path.join(*parts)

    def parent(self, path: str) -> str:
        return os.path.dirname(path)

    def basename(self, path: str) -> str:
        return os.path.basename(path)

    def is_absolute(self, path: str) -> bool:
        return os.path.isabs(path)

    def is_local(self, path: str) -> bool:
        if os.path.exists("/proc/self/mounts"):
            table = mounts.parse_proc_mounts(self.read_text("/proc/self/mounts"))
        else:
            table = mounts.parse_mount_listing(self.run(["mount"]).stdout)
        return mounts.is_local_kind(mounts.kind_of(posix_files.existing_parent(path), table))

    def stat(self, path: str) -> FileInfo | None:
        with explained(self.name, path):
            return posix_files.describe(path)

    def list_folder(self, path: str, kind: str | None = None) -> list[FileInfo]:
        with explained(self.name, path):
            names = sorted(os.listdir(path))
        found = (self.stat(os.path.join(path, name)) for name in names)
        return [info for info in found if info is not None and kind in (None, FOLDERS if info.is_dir else FILES)]

    def read_text(self, path: str, tail_bytes: int | None = None, code_page: str | None = None) -> str:
        mark = b""
        with explained(self.name, path), open(path, "rb") as source:
            if tail_bytes is not None and source.seekable():
                begin = max(0, source.seek(0, os.SEEK_END) - tail_bytes)
                source.seek(0)
                mark = source.read(2)
                mark = mark if begin and mark in texts.UTF16_MARKS else b""
                # UTF-16 begins at an even byte.
                source.seek(begin - begin % 2 if mark else begin)
            data = mark + source.read()
        return texts.decode(data, code_page)

    def write_text(self, path: str, text: str, private: bool = False, new_folder: bool = False) -> None:
        if new_folder:
            self.make_folder(os.path.dirname(path))
        with explained(self.name, path):
            posix_files.replace(path, text.encode(), private)

    def make_folder(self, path: str) -> None:
        with explained(self.name, path):
            os.makedirs(path, exist_ok=True)

    def rename(self, source: str, target: str) -> None:
        try:
            with explained(self.name, source):
                posix_files.rename_new(source, target)
        except LockstepError as error:
            if error.slug == "path_exists":
                raise LockstepError("path_exists", f"{self.name}: {target} is there already.", path=target) from error
            raise

    def copy_file(self, source: str, target: str) -> None:
        with contextlib.ExitStack() as stack:
            with explained(self.name, source):
                reader = stack.enter_context(open(source, "rb"))
            with explained(self.name, target):
                posix_files.copy(reader, target)

    def remove(self, path: str) -> None:
        with explained(self.name, path):
            posix_files.remove(path)

    def sha256(self, path: str) -> str:
        with explained(self.name, path):
            return posix_files.sha256(path)

    def zip_problem(self, path: str) -> str | None:
        with explained(self.name, path):
            return posix_files.zip_problem(path)

    def free_bytes(self, path: str) -> int:
        with explained(self.name, path):
            return shutil.disk_usage(posix_files.existing_parent(path)).free

    def tree_bytes(self, path: str) -> int:
        with explained(self.name, path):
            return posix_files.tree_bytes(path)

    # the machine

    def now(self) -> datetime.datetime:
        return datetime.datetime.now(datetime.timezone.utc).astimezone()

    def is_admin(self) -> bool:
        return os.geteuid() == 0

    def processes(self, name: str) -> list[int]:
        return sorted(process.pid for process in posix_processes.all_processes() if process.is_program(name))

    def error_events(self, log: str, source: str, since: datetime.datetime) -> list[str]:
        raise LockstepError("unit_kind_unsupported", f"{self.name} is not Windows: it has no event log {log}.")

    def unit_driver(self, kind: str, definition: t.Mapping[str, t.Any]) -> UnitDriver:
        if kind == "process":
            return Processes(self, definition)
        if kind == "command":
            return CommandUnits(self, definition)
        if kind in ("service", "scheduled_task") and self._systemd:
            return SystemdUnits(self, kind)
        if kind == "service" and sys.platform == "darwin":
            return LaunchdServices(self)
        raise LockstepError(
            "unit_kind_unsupported",
            f"{self.name} has no units of kind {kind}: services need systemd or launchd, scheduled tasks need systemd, and "
            "app_pool and site are on Windows only. Use the kind command with argv of your own.",
        )

    # timers

    def timer_script(self, commands: t.Sequence[t.Sequence[str]], log: str, marker: str) -> str:
        return scripts.timer_script(commands, log, marker)

    def _timers(self) -> Timers:
        if self._systemd and self.is_admin():
            return SystemdTimers(self)
        return DetachedTimers(os.path.join(self.state_folder, "timers"))

    def arm_timer(self, name: str, at: datetime.datetime, script: str) -> None:
        try:
            with explained(self.name, self.state_folder):
                self._timers().arm(name, at, script)
        except subprocess.CalledProcessError as error:
            raise LockstepError(
                "lease_refused", f"{self.name}: the timer {name} cannot be written in {self.state_folder}."
            ) from error

    def disarm_timer(self, name: str) -> None:
        with explained(self.name, self.state_folder):
            self._timers().disarm(name)

    def timer_armed(self, name: str) -> bool:
        return self._timers().armed(name)
