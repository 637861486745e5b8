# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A tape drive of a Windows host. Private to lockstep.backup: not a public interface.

Steps that only move the tape, or read and write labels, are done in one command. Those that read or write files may take hours:
they are a job of the host, which outlives the connection. The data itself never leaves the host.
"""

from __future__ import annotations

import base64
import collections.abc
import contextlib
import json
import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.host.base import JOB_ABSENT, JOB_RUNNING
from ansible_collections.lockstep.backup.plugins.module_utils.tape import drive
from ansible_collections.lockstep.backup.plugins.module_utils.tape.drive import DriveStatus, Outcome, Step
from ansible_collections.lockstep.backup.plugins.plugin_utils.windows import powershell
from ansible_collections.lockstep.backup.plugins.plugin_utils.windows.tape_script import SCRIPT

if t.TYPE_CHECKING:
    from ansible_collections.lockstep.backup.plugins.plugin_utils.windows.machine import WindowsMachine

Answer = dict[str, t.Any]

_LONGEST_MOVE = 1800.0
"""Seconds for a command that moves the tape: rewinding a long one takes minutes, loading one that has to be cleaned longer."""
_PROGRESS_SECONDS = 30.0
_PIECE = 4000
"""Characters of a piece of a block in base 64: a line of a text file on Windows must not be longer than 8190."""
_FILE_STEPS = (drive.READ_FILE, drive.WRITE_FILE)
_WRITING_STEPS = (drive.WRITE_BLOCKS, drive.WRITE_FILE, drive.WRITE_MARK)

_WRITE_PROTECT, _NOT_READY, _NO_MEDIA, _CLEANING = 19, 21, 1112, 1165
_MISSING, _DENIED, _BUSY, _FULL = (2, 3), 5, (32, 170), (39, 112)


class WindowsTapeDrive:
    """The drive at ``path`` (``\\\\.\\Tape0``). ``folder``: where its job and its request may be, one for each installation.
    ``wait`` waits for a job, ``progress`` is told how far it is."""

    def __init__(
        self, host: WindowsMachine, path: str, folder: str, wait: drive.Waiter, progress: collections.abc.Callable[[str], None]
    ) -> None:
        self.name = path
        self._host, self._wait, self._progress = host, wait, progress
        self._job = host.join(folder, "TapeJob")
        self._request = host.join(folder, "tape-request.json")

    def status(self) -> DriveStatus:
        return self._status(self._command("status"))

    def load(self) -> None:
        self._command("load")

    def unload(self) -> None:
        self._command("unload")

    def _status(self, answer: Answer) -> DriveStatus:
        told = answer["status"]
        # What is left is not asked for: Windows tells it from the present position, which is the tape's beginning after each load.
        return DriveStatus(told["loaded"], told["write_protected"], told["needs_cleaning"], told["capacity"])

    def perform(self, steps: collections.abc.Sequence[Step]) -> list[Outcome]:
        writing = any(step.step in _WRITING_STEPS for step in steps)
        request = self._asked("perform", writing, [_written(step) for step in steps])
        if any(step.step in _FILE_STEPS for step in steps):
            answer = self._as_job(request)
        else:
            answer = self._as_command(request)
        return [_outcome(told) for told in answer["outcomes"]]

    def take_over(self) -> None:
        """Slug ``drive_busy`` when the job does not end."""
        status = self._host.job_status(self._job)
        if status.state == JOB_ABSENT:
            return
        if status.state == JOB_RUNNING:
            self._progress(f"The drive {self.name} still works for a run that is over; it is stopped.")
            self._host.stop_job(self._job)
            if self._host.job_status(self._job).state == JOB_RUNNING:
                raise LockstepError("drive_busy", f"The job in {self._job} of a run that is over cannot be ended. End it by hand.")
        self._host.remove(self._job)

    # requests

    def _asked(self, operation: str, writing: bool = False, steps: collections.abc.Sequence[Answer] = ()) -> Answer:
        return {
            "operation": operation,
            "device": self.name,
            "writing": writing,
            "largest_block": drive.MAX_BLOCK,
            "largest_group": drive.MAX_GROUP,
            "steps": list(steps),
        }

    def _command(self, operation: str) -> Answer:
        return self._as_command(self._asked(operation))

    def _as_command(self, request: Answer) -> Answer:
        # Whoever waits for a tape asks for hours: a connection that is lost then must not end the run.
        done = powershell.run(self._host, SCRIPT, json.dumps(request), _LONGEST_MOVE, repeatable=not request["writing"])
        return self._answer(done.stdout, done.stderr or f"exit code {done.exit_code}")

    def _as_job(self, request: Answer) -> Answer:
        script = powershell.place(self._host, SCRIPT)
        self._host.write_text(self._request, json.dumps(request, indent=1))
        self._host.start_job(self._job, powershell.file_command(script, self._request))
        told = _Told(self._host, self._job, self._progress, self.name)
        self._wait(self._job, told.look)
        printed = self._host.read_text(self._host.join(self._job, "stdout.log"))
        problems = self._host.job_output(self._job)
        self._host.remove(self._job)
        self._host.remove(self._request)
        return self._answer(printed, problems)

    def _answer(self, printed: str, otherwise: str) -> Answer:
        answer = _last_line(printed)
        if answer is None or not {"status", "outcomes", "error"} & set(answer):
            raise LockstepError(
                "drive_failed",
                f"{self._host.name}: PowerShell did not answer for the drive {self.name}: {' '.join(otherwise.split())} It needs "
                "Windows PowerShell 3.0 or later in full language mode.",
                output=printed[-2000:],
            )
        if "error" in answer:
            raise self._explained(answer["error"])
        return answer

    def _explained(self, error: Answer) -> LockstepError:
        code, text, path = error["code"], error["text"], error.get("path")
        if path is not None:
            return self._explained_file(code, text, path)
        said = f"({error['call']}: Win32 error {code}, {text.rstrip('.')})"
        slug, words = self._meaning(error["call"], code)
        return LockstepError(slug, f"{self._host.name}: {words} {said}.", win32_error=code)

    def _meaning(self, call: str, code: int) -> tuple[str, str]:
        if call == "CreateFile" and code in _MISSING:
            return "drive_missing", f"There is no tape drive {self.name}. Correct device.path, or look in the device manager"
        if call == "CreateFile" and code == _DENIED:
            return "access_denied", f"The account may not use the drive {self.name}. Use an administrator of the host"
        if code in _BUSY:
            return "drive_busy", f"Another program uses the drive {self.name}. Wait until it has ended"
        if call == "PrepareTape":
            return "drive_jammed", f"The drive {self.name} does not give its tape back. Look at the drive"
        if call == "SetTapeParameters":
            return "drive_failed", f"The drive {self.name} takes no blocks of variable length"
        known = {
            _NO_MEDIA: ("drive_empty", f"There is no tape in the drive {self.name}"),
            _NOT_READY: ("drive_empty", f"The tape in the drive {self.name} is not ready"),
            _CLEANING: (
                "drive_needs_cleaning",
                f"The drive {self.name} asks to be cleaned. Insert its cleaning tape, then run again",
            ),
            _WRITE_PROTECT: (
                "tape_write_protected",
                f"The tape in the drive {self.name} is write-protected. Make sure that it is the right one, and move its tab",
            ),
        }
        return known.get(code, ("drive_failed", f"The drive {self.name} failed. Look at the drive and its cable"))

    def _explained_file(self, code: int, text: str, path: str) -> LockstepError:
        slug = "file_error"
        if code in _MISSING:
            slug = "path_missing"
        elif code in _FULL:
            slug = "no_space"
        elif code == _DENIED or code in _BUSY:
            slug = "access_denied"
        return LockstepError(slug, f"{self._host.name}: {path} cannot be used: {text}", path=path)


class _Told:
    """Tells now and then what a job has printed of its progress."""

    def __init__(self, host: WindowsMachine, job: str, progress: collections.abc.Callable[[str], None], name: str) -> None:
        self._host, self._job, self._progress, self._name = host, job, progress, name
        self._next = _PROGRESS_SECONDS

    def look(self, elapsed: float) -> None:
        if elapsed < self._next:
            return
        self._next = elapsed + _PROGRESS_SECONDS
        # What is only told must not end what goes on.
        with contextlib.suppress(LockstepError):
            line = _last_line(self._host.job_output(self._job, lines=5))
            if line is not None and "progress" in line:
                moved = line["progress"]["bytes"] >> 20
                self._progress(f"The drive {self._name} works for {elapsed:.0f} s; {moved} MiB of the present file are done.")


def _last_line(printed: str) -> Answer | None:
    for line in reversed(printed.splitlines()):
        with contextlib.suppress(ValueError):
            found = json.loads(line)
            if isinstance(found, dict):
                return found
    return None


def _written(step: Step) -> Answer:
    blocks = [base64.b64encode(block).decode("ascii") for block in step.blocks]
    return {
        "step": step.step,
        "count": step.count,
        "blocks": [[text[begin : begin + _PIECE] for begin in range(0, len(text), _PIECE)] for text in blocks],
        "path": step.path,
        "offset": step.offset,
        "block_size": step.block_size,
    }


def _outcome(told: Answer) -> Outcome:
    blocks = tuple(base64.b64decode(block) for block in told.get("blocks") or ())
    return Outcome(
        told["step"],
        told["end"],
        blocks,
        told.get("bytes", sum(map(len, blocks))),
        told.get("count", len(blocks)),
        told.get("sha256", ""),
        told.get("error") or "",
    )
