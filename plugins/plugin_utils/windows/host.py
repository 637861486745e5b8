# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Windows host over WinRM. Private to lockstep.backup: not a public interface.

Nothing is installed or left running on the host: CIM requests wherever Windows offers the operation there, small programs of
Windows itself (certutil, tar, icacls, schtasks) elsewhere. PowerShell only where there is nothing else (``powershell.py``).
"""

from __future__ import annotations

import collections.abc
import contextlib
import datetime
import ntpath
import re
import time
import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.host import texts
from ansible_collections.lockstep.backup.plugins.module_utils.host.base import (
    FILES,
    FOLDERS,
    JOB_ABSENT,
    JOB_EXITED,
    JOB_LOST,
    JOB_RUNNING,
    WINDOWS,
    Completed,
    FileInfo,
    JobStatus,
    UnitDriver,
)
from ansible_collections.lockstep.backup.plugins.module_utils.tape.drive import Waiter
from ansible_collections.lockstep.backup.plugins.plugin_utils.windows import batch
from ansible_collections.lockstep.backup.plugins.plugin_utils.windows.batch import TASK_FOLDER
from ansible_collections.lockstep.backup.plugins.plugin_utils.windows.quoting import command_line, quote_path
from ansible_collections.lockstep.backup.plugins.plugin_utils.windows.tape import WindowsTapeDrive
from ansible_collections.lockstep.backup.plugins.plugin_utils.windows.units import windows_unit_driver
from ansible_collections.lockstep.backup.plugins.plugin_utils.windows.wsman import (
    CIMV2,
    TASK_SCHEDULER,
    Session,
    Settings,
    wql_text,
)

_LONG = 24 * 3600.0
"""Seconds for commands whose time grows with the data (hashing, reading an archive): they are watched, not bounded."""

_LONGEST_LINE = 8190
"""Bytes without the line end: findstr leaves out longer lines of its standard input."""
_SHORT_WRITE = 3
_NOT_PROTECTED = 4
_HIGH_INTEGRITY = ("S-1-16-12288", "S-1-16-16384")
_ADMINISTRATORS = "S-1-5-32-544"
_SYSTEM = "S-1-5-18"
_OWNER = "S-1-3-4"
_NETWORK_DRIVE = "4"
_RENAME_EXISTS = 10
_ZIP_WITHOUT_MEMBERS = 22
"""Bytes of a zip that is nothing but its end record: tar reads it without a complaint."""


_LETTING_GO = (0.1, 0.3, 1.0, 2.0)
"""Seconds between attempts."""

_FILE_CLASSES = (("CIM_DataFile", False, FILES), ("Win32_Directory", True, FOLDERS))


class WindowsHost:
    """The Host protocol over one WinRM session. Text that programs print is never parsed where Windows localises it."""

    platform = WINDOWS
    state_folder = "C:\\ProgramData\\Lockstep"

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        self.session = Session(name, settings)
        self._job_pids: dict[str, int] = {}

    def close(self) -> None:
        self.session.close()

    # programs

    def run(self, argv: collections.abc.Sequence[str], stdin: str | None = None, timeout: float = 60.0) -> Completed:
        data = None if stdin is None else stdin.replace("\n", "\r\n").encode()
        done = self.session.command(command_line(argv), data, timeout)
        return Completed(tuple(argv), done.exit_code, done.stdout, done.stderr)

    def cmd(self, line: str, stdin: bytes | None = None, timeout: float = 60.0, repeatable: bool = False) -> Completed:
        """One line for cmd.exe. With /s, exactly the first and the last quote are taken off, whatever is between them."""
        return self.session.command(_cmd(line), stdin, timeout, repeatable)

    def start_job(
        self,
        folder: str,
        argv: collections.abc.Sequence[str],
        cwd: str | None = None,
        env: collections.abc.Mapping[str, str] | None = None,
        discard_output: bool = False,
    ) -> None:
        script = ntpath.join(folder, "run.cmd")
        text = batch.job_script(folder, argv, cwd, env or {}, discard_output)
        # mkdir fails on a folder that is there: of two runs that start the same job only one goes on.
        self._refuse_long_lines(script, text)
        made = self.cmd(f"mkdir {quote_path(folder)}&&{self._save_line(script, text)}", _bytes(text))
        if made.exit_code != 0:
            if self.stat(script) is not None:
                raise LockstepError("job_exists", f"{self.name}: a job was already started in {folder}.", folder=folder)
            self._explain_failed_write(script, text, made)
        # A program started by Win32_Process.Create belongs to no shell: it outlives the connection and the control node.
        line = f'cmd.exe /d /s /c "{quote_path(script)}"'
        try:
            outcome = self.session.invoke(f"{CIMV2}/Win32_Process", "Create", arguments={"CommandLine": line})
        except LockstepError as error:
            if error.slug != "connection_lost" or self.job_status(folder).state == JOB_LOST:
                raise
            return
        if outcome.get("ReturnValue") != "0":
            raise LockstepError(
                "job_refused", f"{self.name}: Windows did not start {argv[0]} (Win32_Process.Create: {outcome.get('ReturnValue')})."
            )
        self._job_pids[folder] = int(outcome["ProcessId"])

    def job_status(self, folder: str) -> JobStatus:
        pid = self._job_pids.get(folder) or self._job_process(folder)
        if pid is not None and self._is_job(pid, folder):
            return JobStatus(JOB_RUNNING, pid=pid)
        try:
            names = [self.basename(entry.path) for entry in self.list_folder(folder, FILES)]
        except LockstepError as error:
            if error.slug == "path_missing":
                return JobStatus(JOB_ABSENT)
            raise
        codes = [name[len(batch.EXIT_PREFIX) :] for name in names if name.startswith(batch.EXIT_PREFIX)]
        if codes:
            return JobStatus(JOB_EXITED, _exit_code(codes[0]), pid)
        return JobStatus(JOB_LOST if "run.cmd" in names else JOB_ABSENT, pid=pid)

    def _is_job(self, pid: int, folder: str) -> bool:
        """Process ids are used again: the command line tells whether it is still this job's."""
        process = self.session.get(f"{CIMV2}/Win32_Process", {"Handle": str(pid)})
        return process is not None and folder.lower() in (process.get("CommandLine") or "").lower()

    def _job_process(self, folder: str) -> int | None:
        pattern = f"%{_like(ntpath.join(folder, 'run.cmd'))}%"
        found = self.session.query(CIMV2, f"SELECT ProcessId FROM Win32_Process WHERE CommandLine LIKE {wql_text(pattern)}")
        return int(found[0]["ProcessId"]) if found else None

    def job_output(self, folder: str, lines: int = 200) -> str:
        out, err = (quote_path(ntpath.join(folder, name)) for name in ("stdout.log", "stderr.log"))
        printed = self.cmd(f"(if exist {out} type {out})&(if exist {err} type {err})", repeatable=True).stdout
        return "\n".join(printed.splitlines()[-lines:])

    def stop_job(self, folder: str) -> None:
        pid = self._job_pids.get(folder) or self._job_process(folder)
        if pid is not None and self._is_job(pid, folder):
            self.run(["taskkill.exe", "/PID", str(pid), "/T", "/F"])

    # files

    def join(self, *parts: str) -> str:
        return ntpath.join(*parts)

    def parent(self, path: str) -> str:
        return ntpath.dirname(path)

    def basename(self, path: str) -> str:
        return ntpath.basename(path)

    def is_absolute(self, path: str) -> bool:
        return re.match(r"[A-Za-z]:\\", path) is not None

    def is_local(self, path: str) -> bool:
        disk = self._disk(path) if self.is_absolute(path) else None
        return disk is not None and disk.get("DriveType") != _NETWORK_DRIVE

    def _disk(self, path: str) -> dict[str, t.Any] | None:
        return self.session.get(f"{CIMV2}/Win32_LogicalDisk", {"DeviceID": path[:2].upper()})

    def stat(self, path: str, kind: str | None = None) -> FileInfo | None:
        for class_name, is_dir, of_kind in _FILE_CLASSES:
            found = self.session.get(f"{CIMV2}/{class_name}", {"Name": path}) if kind in (None, of_kind) else None
            if found is not None:
                return _file_info(found, is_dir)
        return None

    def list_folder(self, path: str, kind: str | None = None) -> list[FileInfo]:
        drive, below = ntpath.splitdrive(path.rstrip("\\"))
        where = f"WHERE Drive={wql_text(drive)} AND Path={wql_text(below + chr(92))}"
        found = [
            _file_info(item, is_dir)
            for class_name, is_dir, of_kind in _FILE_CLASSES
            if kind in (None, of_kind)
            for item in self.session.query(CIMV2, f"{_columns(is_dir)} FROM {class_name} {where}")
        ]
        # The root of a drive lists itself in some versions of Windows.
        found = [entry for entry in found if entry.path.lower() != path.lower()]
        if not found and self.session.get(f"{CIMV2}/Win32_Directory", {"Name": path}) is None:
            raise self._missing(path)
        return sorted(found, key=lambda entry: entry.path.lower())

    def read_text(self, path: str, tail_bytes: int | None = None, code_page: str | None = None) -> str:
        # Most of what is asked for is not there (journals, privileges): one request tells, a command takes five.
        if self.stat(path, FILES) is None:
            raise self._missing(path)
        # ``type`` itself turns UTF-16 with a byte order mark into the code page of the shell, which is UTF-8.
        code, out, err = self.session.command_bytes(_cmd(f"type {quote_path(path)}"), None, _LONG, repeatable=True)
        if code != 0:
            if self.stat(path) is None:
                raise self._missing(path)
            raise LockstepError("access_denied", f"{self.name}: {path} cannot be read: {texts.decode(err).strip()}")
        text = texts.decode(out, code_page)
        return text[-tail_bytes:] if tail_bytes is not None else text

    def write_text(self, path: str, text: str, private: bool = False, new_folder: bool = False) -> None:
        make = f"({self._make_line(self.parent(path))})&&" if new_folder else ""
        protect = f"{self._protect_line(f'{path}.tmp')}&&" if private else ""
        done = self._save(make + protect + self._save_line(path, text), path, text)
        if done.exit_code != 0:
            self._explain_failed_write(path, text, done)

    def _save(self, line: str, path: str, text: str) -> Completed:
        """Run a line that has ``path``'s :meth:`_save_line` in it."""
        self._refuse_long_lines(path, text)
        done = self.cmd(line, _bytes(text), repeatable=True)
        if done.exit_code != 0 and self._end_left_writers(path):
            done = _let_go(lambda: self.cmd(line, _bytes(text), repeatable=True), lambda again: again.exit_code == 0)
        return done

    def _refuse_long_lines(self, path: str, text: str) -> None:
        for number, line in enumerate(text.split("\n"), 1):
            if len(line.encode()) > _LONGEST_LINE:
                raise LockstepError(
                    "argument_invalid",
                    f"{self.name}: line {number} of {path} is longer than the {_LONGEST_LINE} bytes that findstr takes on Windows.",
                    path=path,
                )

    def _end_left_writers(self, path: str) -> bool:
        """End commands that wait for the text of a file at or below ``path``; whether there were any.

        They are what a client leaves that died, or lost its connection, between starting the command and sending the text. Windows
        itself ends them with their shell, hours later, and until then nobody else can write there, or rename or remove the folder.
        They are nobody's: locks and journals see to it that only one run works on a path, and it runs one command at a time.
        """
        begin = _like(f'findstr "^" >{quote_path(path)[:-1]}')
        where = " OR ".join(f"CommandLine LIKE {wql_text(f'%{begin}{end}%')}" for end in ('"', '.tmp"', "\\"))
        found = self.session.query(CIMV2, f"SELECT ProcessId FROM Win32_Process WHERE {where}")
        for process in found:
            self.run(["taskkill.exe", "/PID", process["ProcessId"], "/T", "/F"])
        return bool(found)

    def _save_line(self, path: str, text: str) -> str:
        """Standard input into a temporary file, its size compared, then one rename that replaces the file as a whole.

        A full disk leaves a shorter file and no exit code: hence the comparison. What is there of it may be part of a secret.
        """
        temporary, final = quote_path(f"{path}.tmp"), quote_path(path)
        if not text:
            return f"type nul >{temporary}&&move /y {temporary} {final} >nul"
        return (
            f'findstr "^" >{temporary}&&for %f in ({temporary}) do @if %~zf=={len(_bytes(text))} '
            f"(move /y {temporary} {final} >nul) else (del /f /q {temporary}&exit /b {_SHORT_WRITE})"
        )

    def _protect_line(self, path: str) -> str:
        """An empty file that only its owner, SYSTEM and Administrators may open; by SID, since names are localised."""
        grants = " ".join(f"*{sid}:F" for sid in (_SYSTEM, _ADMINISTRATORS, _OWNER))
        protect = f"icacls.exe {quote_path(path)} /inheritance:r /grant:r {grants} >nul"
        return f"(type nul >{quote_path(path)}&&{protect}||exit /b {_NOT_PROTECTED})"

    def _explain_failed_write(self, path: str, text: str, done: Completed) -> t.NoReturn:
        folder = self.parent(path)
        if self.stat(folder) is None:
            raise self._missing(folder)
        left = self.stat(f"{path}.tmp")
        why = done.stderr.strip() or f"exit code {done.exit_code}"
        if left is not None:
            # It may hold a part of a secret.
            with contextlib.suppress(LockstepError):
                self.remove(left.path)
        if done.exit_code != _NOT_PROTECTED and left is not None and left.size < len(_bytes(text)):
            raise LockstepError(
                "no_space",
                f"{self.name}: {path} cannot be written to its end: {why} No space is left on the disk. Make room.",
                path=path,
            )
        raise LockstepError("access_denied", f"{self.name}: {path} cannot be written: {why}", path=path)

    @staticmethod
    def _make_line(folder: str) -> str:
        return f"if not exist {quote_path(folder)} mkdir {quote_path(folder)}"

    def make_folder(self, path: str) -> None:
        done = self.cmd(self._make_line(path), repeatable=True)
        if done.exit_code != 0:
            if self._disk(path) is None:
                raise self._missing(path[:2])
            raise LockstepError("access_denied", f"{self.name}: the folder {path} cannot be made: {done.stderr.strip()}", path=path)

    def rename(self, source: str, target: str) -> None:
        try:
            code = self._rename(source, target)
        except LockstepError as error:
            if error.slug != "connection_lost":
                raise
            code = 0 if self.stat(source) is None and self.stat(target) is not None else self._rename(source, target)
        if code not in (0, _RENAME_EXISTS) and self._end_left_writers(source):
            code = _let_go(lambda: self._rename(source, target), lambda again: again in (0, _RENAME_EXISTS))
        if code == _RENAME_EXISTS:
            raise LockstepError("path_exists", f"{self.name}: {target} is already there.", path=target)
        if code != 0:
            raise LockstepError("access_denied", f"{self.name}: {source} cannot be renamed to {target} (code {code}).", path=source)

    def _rename(self, source: str, target: str) -> int:
        """The code of CIM's Rename: 0 when it was done. Slug ``path_missing``."""
        for class_name in ("Win32_Directory", "CIM_DataFile"):
            try:
                outcome = self.session.invoke(f"{CIMV2}/{class_name}", "Rename", {"Name": source}, {"FileName": target})
            except LockstepError as error:
                if error.slug == "instance_not_found":
                    continue
                raise
            return int(outcome.get("ReturnValue") or -1)
        raise self._missing(source)

    def copy_file(self, source: str, target: str) -> None:
        line = f"copy /b /y {quote_path(source)} {quote_path(target)} >nul"
        done = self.cmd(line, timeout=_LONG, repeatable=True)
        if done.exit_code == 0:
            return
        found, there = self.stat(source), self.stat(target)
        if found is None:
            raise self._missing(source)
        if self.stat(self.parent(target)) is None:
            raise self._missing(self.parent(target))
        if self.free_bytes(target) + (there.size if there is not None else 0) < found.size:
            raise LockstepError(
                "no_space",
                f"{self.name}: {source} ({found.size} bytes) does not fit on the disk of {target}. Make room.",
                path=target,
            )
        raise LockstepError(
            "access_denied", f"{self.name}: {source} cannot be copied to {target}: {done.stderr.strip()}", path=target
        )

    def remove(self, path: str, kind: str | None = None) -> None:
        try:
            why = self._remove(path, kind)
        except LockstepError as error:
            if error.slug != "connection_lost":
                raise
            # What is gone by now is no error.
            why = self._remove(path, kind)
        if why and self._end_left_writers(path):
            why = _let_go(lambda: self._remove(path, kind), lambda again: not again)
        if why:
            raise LockstepError("access_denied", f"{self.name}: {path} cannot be removed: {why}", path=path)

    def _remove(self, path: str, kind: str | None) -> str:
        """Why it is still there; empty when it is not."""
        why = self._remove_folder(path) if kind == FOLDERS else self._remove_any(path)
        return why if why and self.stat(path) is not None else ""

    def _remove_any(self, path: str) -> str:
        try:
            code = self.session.invoke(f"{CIMV2}/CIM_DataFile", "Delete", {"Name": path}).get("ReturnValue")
        except LockstepError as error:
            if error.slug != "instance_not_found":
                raise
            return self._remove_folder(path) if self.stat(path, FOLDERS) is not None else ""
        return "" if code == "0" else f"code {code}"

    def _remove_folder(self, path: str) -> str:
        # rmdir prints what went wrong and still exits 0.
        return self.cmd(f"rmdir /s /q {quote_path(path)}", repeatable=True).stderr.strip()

    def sha256(self, path: str) -> str:
        done = self.session.command(command_line(["certutil.exe", "-hashfile", path, "SHA256"]), None, _LONG, repeatable=True)
        for line in done.stdout.splitlines():
            # Windows up to 2012 prints the hash as pairs with blanks; the words around it are localised.
            digits = line.replace(" ", "").strip().lower()
            if re.fullmatch(r"[0-9a-f]{64}", digits):
                return digits
        if self.stat(path) is None:
            raise self._missing(path)
        raise LockstepError("hash_failed", f"{self.name}: certutil could not hash {path} (exit code {done.exit_code}).", path=path)

    def zip_problem(self, path: str) -> str | None:
        # tar.exe (libarchive) checks each member's CRC as it reads it; the data itself stays on the host.
        done = self.cmd(f"tar.exe -xOf {quote_path(path)} >nul", timeout=_LONG, repeatable=True)
        if done.exit_code == 0:
            found = self.stat(path)
            return "it has no members" if found is not None and found.size == _ZIP_WITHOUT_MEMBERS else None
        if "tar.exe" in done.stderr and self.stat("C:\\Windows\\System32\\tar.exe") is None:
            raise LockstepError("tool_missing", f"{self.name}: tar.exe is missing (it comes with Windows Server 2019 and later).")
        return done.stderr.strip() or f"tar.exe ended with exit code {done.exit_code}"

    def free_bytes(self, path: str) -> int:
        disk = self._disk(path)
        if disk is None:
            raise self._missing(path[:2])
        return int(disk.get("FreeSpace") or 0)

    def tree_bytes(self, path: str) -> int:
        done = self.cmd(f"for /r {quote_path(path)} %f in (*) do @echo %~zf", timeout=_LONG, repeatable=True)
        sizes = [int(line) for line in done.stdout.split() if line.isdigit()]
        if not sizes and self.stat(path) is None:
            raise self._missing(path)
        return sum(sizes)

    def _missing(self, path: str) -> LockstepError:
        return LockstepError("path_missing", f"{self.name}: {path} does not exist.", path=path)

    # the machine

    def now(self) -> datetime.datetime:
        found = self.session.query(CIMV2, "SELECT LocalDateTime FROM Win32_OperatingSystem")
        return _datetime(found[0]["LocalDateTime"])

    def is_admin(self) -> bool:
        groups = self.run(["whoami.exe", "/groups", "/fo", "csv", "/nh"]).stdout
        return _ADMINISTRATORS in groups and any(level in groups for level in _HIGH_INTEGRITY)

    def processes(self, name: str) -> list[int]:
        found = self.session.query(CIMV2, f"SELECT ProcessId FROM Win32_Process WHERE Name={wql_text(name)}")
        return [int(process["ProcessId"]) for process in found]

    def error_events(self, log: str, source: str, since: datetime.datetime) -> list[str]:
        offset = since.utcoffset() or datetime.timedelta()
        begin = f"{since:%Y%m%d%H%M%S}.000000{int(offset.total_seconds() // 60):+04d}"
        found = self.session.query(
            CIMV2,
            "SELECT RecordNumber, Message FROM Win32_NTLogEvent WHERE "
            f"Logfile={wql_text(log)} AND SourceName={wql_text(source)} AND EventType=1 AND TimeGenerated>='{begin}'",
        )
        return [str(event.get("Message") or "") for event in sorted(found, key=lambda event: int(event["RecordNumber"]))]

    def unit_driver(self, kind: str, definition: collections.abc.Mapping[str, t.Any]) -> UnitDriver:
        return windows_unit_driver(self, kind, definition)

    def tape_drive(self, path: str, folder: str, wait: Waiter, progress: collections.abc.Callable[[str], None]) -> WindowsTapeDrive:
        return WindowsTapeDrive(self, path, folder, wait, progress)

    # timers

    def timer_script(self, commands: collections.abc.Sequence[collections.abc.Sequence[str]], log: str, marker: str) -> str:
        return batch.timer_script(commands, log, marker)

    def arm_timer(self, name: str, at: datetime.datetime, script: str) -> None:
        done = self.register_task(f"{TASK_FOLDER}{name}", batch.task_xml(script, at), f"{script}.xml")
        if done.exit_code != 0:
            raise LockstepError(
                "lease_refused", f"{self.name}: Windows did not accept the lease's scheduled task {name}: {done.stderr.strip()}"
            )

    def register_task(
        self,
        name: str,
        definition: str,
        path: str,
        then: collections.abc.Sequence[collections.abc.Sequence[str]] = (),
    ) -> Completed:
        """Make a scheduled task, in place of one of that name, from its XML, which is written to ``path``; then run what follows,
        as long as it succeeds. All in one request."""
        create = ["schtasks.exe", "/create", "/tn", name, "/xml", path, "/f"]
        folder = quote_path(self.parent(path))
        saved = f"(if not exist {folder} mkdir {folder})&&({self._save_line(path, definition)})"
        line = "&&".join([saved, *map(command_line, [create, *then])])
        return self._save(line, path, definition)

    def disarm_timer(self, name: str) -> None:
        done = self.session.command(
            command_line(["schtasks.exe", "/delete", "/tn", f"{TASK_FOLDER}{name}", "/f"]), None, 60.0, repeatable=True
        )
        if done.exit_code != 0 and self.timer_armed(name):
            raise LockstepError("lease_refused", f"{self.name}: the scheduled task {name} cannot be deleted: {done.stderr.strip()}")

    def timer_armed(self, name: str) -> bool:
        where = f"WHERE TaskName={wql_text(name)} AND TaskPath={wql_text(TASK_FOLDER)}"
        return bool(self.session.query(TASK_SCHEDULER, f"SELECT TaskName FROM MSFT_ScheduledTask {where}"))


def _cmd(line: str) -> str:
    return f'cmd.exe /d /s /c "{line}"'


_Result = t.TypeVar("_Result")


def _let_go(work: collections.abc.Callable[[], _Result], good: collections.abc.Callable[[_Result], bool]) -> _Result:
    """Do it until it works: what a killed process had open is let go only a moment after taskkill came back."""
    for pause in _LETTING_GO:
        result = work()
        if good(result):
            return result
        time.sleep(pause)
    return work()


def _bytes(text: str) -> bytes:
    """What reaches the file: findstr ends every line, so the text's last line end is made sure of here."""
    lines = text.replace("\r\n", "\n")
    if lines and not lines.endswith("\n"):
        lines += "\n"
    return lines.replace("\n", "\r\n").encode()


def _like(text: str) -> str:
    """Text in a pattern of WQL's LIKE that stands for nothing but itself."""
    return re.sub(r"([%_\[])", r"[\1]", text)


def _columns(is_dir: bool) -> str:
    return "SELECT Name, LastModified" if is_dir else "SELECT Name, LastModified, FileSize"


def _file_info(item: dict[str, t.Any], is_dir: bool) -> FileInfo:
    size, modified = int(item.get("FileSize") or 0), _datetime(item["LastModified"])
    return FileInfo(item["Name"], is_dir, size, modified, item.get("Version") or None)


def _datetime(text: str) -> datetime.datetime:
    """A CIM time as WS-Management writes it: ISO 8601 with an offset or Z, up to seven digits of a second."""
    match = re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)?", text)
    if match is None:
        raise LockstepError("protocol_error", f"Not a CIM time: {text!r}.")
    fraction = (match.group(2) or ".0")[:7]
    zone = (match.group(3) or "Z").replace("Z", "+00:00")
    return datetime.datetime.fromisoformat(match.group(1) + fraction.ljust(7, "0") + zone)


def _exit_code(text: str) -> int:
    with contextlib.suppress(ValueError):
        return int(text)
    raise LockstepError("protocol_error", f"A job's exit code is not a number: {text!r}.")
