# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tape script does, over the lab's drive: a second implementation of the same answers."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import typing as t

from tests.lab.windows import errors
from tests.lab.windows.errors import WinError
from tests.lab.windows.execution import Execution
from tests.lab.windows.tape import TapeDrive, TapeHandle

Answer = dict[str, t.Any]
_FATAL = (
    errors.WRITE_PROTECT,
    errors.NOT_READY,
    errors.NO_MEDIA_IN_DRIVE,
    errors.DEVICE_REQUIRES_CLEANING,
    errors.MEDIA_CHANGED,
)


class Stop(Exception):
    """The list of steps ends here."""

    def __init__(self, end: str, text: str = "", **more: t.Any) -> None:
        super().__init__(text)
        self.outcome: Answer = {"end": end, "error": text, **more}


class Trouble(Exception):
    """The request ends here."""

    def __init__(self, call: str, code: int, path: str | None = None) -> None:
        super().__init__(call)
        self.told: Answer = {"call": call, "code": code, "text": errors.TEXTS[code], "path": path}


def tape_script(run: Execution, arguments: list[str]) -> int:
    text = arguments[0] if arguments[0].startswith("{") else run.machine.files.read(run.path(arguments[0])).decode("ascii")
    try:
        answer = _execute(run, json.loads(text))
    except Trouble as trouble:
        answer = {"error": trouble.told}
    run.out(json.dumps(answer) + "\n")
    return 0


def _execute(run: Execution, request: Answer) -> Answer:
    drive = run.machine.tape_drive
    if drive is None or request["device"].lower() != drive.device.lower():
        raise Trouble("CreateFile", errors.FILE_NOT_FOUND)
    handle = _called("CreateFile", drive.open)
    script = _Script(run, drive, handle)
    try:
        return script.execute(request)
    finally:
        script.end_writing()
        handle.close()


T = t.TypeVar("T")


def _called(name: str, function: t.Callable[..., T], *arguments: t.Any) -> T:
    try:
        return function(*arguments)
    except WinError as error:
        raise Trouble(name, error.code) from None


class _Script:
    def __init__(self, run: Execution, drive: TapeDrive, handle: TapeHandle) -> None:
        self._run, self._drive, self._handle = run, drive, handle
        self._wrote = self._in_zone = False

    def execute(self, request: Answer) -> Answer:
        operation = request["operation"]
        if operation == "perform":
            return {"outcomes": self._perform(request)}
        if operation == "load":
            self._status()
        elif operation == "unload":
            if self._status()["loaded"]:
                _called("PrepareTape", self._handle.unload)
        elif operation != "status":
            self._run.unknown(f"operation {operation} of the tape script")
        return {"status": self._status()}

    def _status(self) -> Answer:
        loaded = cleaning = False
        try:
            self._handle.await_ready()
            loaded = True
        except WinError as error:
            cleaning = error.code == errors.DEVICE_REQUIRES_CLEANING
            if not cleaning and error.code != errors.NO_MEDIA_IN_DRIVE:
                raise Trouble("GetTapeStatus", error.code) from None
        media = self._handle.media() if loaded or cleaning else None
        return {
            "loaded": media is not None,
            "needs_cleaning": cleaning,
            "write_protected": media is not None and media.write_protected,
            "capacity": media.capacity if media is not None else None,
        }

    def _perform(self, request: Answer) -> list[Answer]:
        status = self._status()
        if status["needs_cleaning"]:
            raise Trouble("GetTapeStatus", errors.DEVICE_REQUIRES_CLEANING)
        if not status["loaded"]:
            raise Trouble("GetTapeStatus", errors.NO_MEDIA_IN_DRIVE)
        if request["writing"] and status["write_protected"]:
            raise Trouble("GetTapeStatus", errors.WRITE_PROTECT)
        outcomes: list[Answer] = []
        for step in request["steps"]:
            self._run.checkpoint()
            try:
                outcome = {"end": None, **self._step(step, request)}
            except Stop as stop:
                outcome = stop.outcome
            outcomes.append({"step": step["step"], **outcome})
            if outcome["end"] in ("end_of_tape", "end_of_data", "error"):
                break
        return outcomes

    def _step(self, step: Answer, request: Answer) -> Answer:
        steps: dict[str, t.Callable[[], Answer]] = {
            "rewind": self._rewind,
            "space_files": lambda: self._space_files(step["count"]),
            "read_group": lambda: self._read_group(request["largest_block"], request["largest_group"]),
            "read_file": lambda: self._read_file(step["path"], step["offset"], request["largest_block"]),
            "write_blocks": lambda: self._write_blocks(step["blocks"]),
            "write_file": lambda: self._write_file(step["path"], step["offset"], step["block_size"]),
            "write_mark": self._write_mark,
        }
        return steps[step["step"]]()

    def _failed(self, call: str, code: int) -> Exception:
        if code in _FATAL:
            return Trouble(call, code)
        return Stop("error", f"{call} failed with Win32 error {code}: {errors.TEXTS[code]}")

    def _rewind(self) -> Answer:
        self.end_writing()
        self._in_zone = False
        _called("SetTapePosition", self._handle.rewind)
        return {}

    def _space_files(self, count: int) -> Answer:
        try:
            self._handle.space_files(count)
        except WinError as error:
            if error.code == errors.NO_DATA_DETECTED:
                raise Stop("end_of_data") from None
            raise self._failed("SetTapePosition", error.code) from None
        return {}

    def _read(self, largest: int) -> bytes | str:
        """A block, or why there is none."""
        try:
            block, _code = self._handle.read(largest)
        except WinError as error:
            if error.code == errors.FILEMARK_DETECTED:
                return "file_mark"
            if error.code == errors.NO_DATA_DETECTED:
                return "end_of_data"
            raise self._failed("ReadFile", error.code) from None
        return block

    def _read_group(self, largest: int, group: int) -> Answer:
        blocks: list[str] = []
        while len(blocks) < group:
            block = self._read(largest)
            if isinstance(block, str):
                return {"end": block, "blocks": blocks}
            blocks.append(base64.b64encode(block).decode("ascii"))
        return {"blocks": blocks}

    def _read_file(self, path: str | None, offset: int, largest: int) -> Answer:
        content, count, end, problem = bytearray(), 0, "", ""
        while not end:
            try:
                block = self._read(largest)
            except Stop as stop:
                end, problem = stop.outcome["end"], stop.outcome["error"]
                break
            if isinstance(block, str):
                end = block
            else:
                content, count = content + block, count + 1
        if path is not None:
            self._save(path, offset, bytes(content))
        return {"end": end, "error": problem, **_moved(bytes(content), count)}

    def _save(self, path: str, offset: int, content: bytes) -> None:
        files = self._run.machine.files
        try:
            with files.open(path, append=offset > 0, seekable=True) as target:
                target.seek(offset)
                target.write(content)
        except WinError as error:
            raise Trouble("file", error.code, path) from None

    def _write(self, block: bytes) -> bool:
        try:
            written, code = self._handle.write(block)
        except WinError as error:
            raise self._failed("WriteFile", error.code) from None
        self._in_zone = self._in_zone or code == errors.END_OF_MEDIA
        self._wrote = self._wrote or written > 0
        return written == len(block)

    def _write_blocks(self, blocks: list[list[str]]) -> Answer:
        for pieces in blocks:
            block = base64.b64decode("".join(pieces))
            if not self._write(block) and not self._write(block):
                raise Stop("end_of_tape")
        return {"count": len(blocks)}

    def _write_file(self, path: str, offset: int, block_size: int) -> Answer:
        try:
            content = self._run.machine.files.read(path)[offset:]
        except WinError as error:
            raise Trouble("file", error.code, path) from None
        written, count, end, problem = 0, 0, "end_of_file", ""
        for begin in range(0, len(content), block_size):
            self._run.checkpoint()
            self._pause(count)
            block = content[begin : begin + block_size]
            try:
                if self._in_zone or not self._write(block):
                    end = "end_of_tape"
                    break
            except Stop as stop:
                end, problem = stop.outcome["end"], stop.outcome["error"]
                break
            written, count = written + len(block), count + 1
            self._run.out(json.dumps({"progress": {"step": 0, "bytes": written}}) + "\n")
        return {"end": end, "error": problem, **_moved(content[:written], count)}

    def _pause(self, written: int) -> None:
        faults = self._run.machine.faults
        if faults.on("tape_hangs") and written >= faults.number("tape_hangs", 0):
            self._run.hang()

    def _write_mark(self) -> Answer:
        try:
            self._handle.write_mark()
        except WinError as error:
            if error.code != errors.END_OF_MEDIA:
                raise self._failed("WriteTapemark", error.code) from None
            self._in_zone = True
        self._wrote = False
        return {}

    def end_writing(self) -> None:
        """What was written last ends with a mark, where that is still possible."""
        if self._wrote:
            self._wrote = False
            with contextlib.suppress(WinError):
                self._handle.write_mark()


def _moved(content: bytes, count: int) -> Answer:
    return {"bytes": len(content), "count": count, "sha256": hashlib.sha256(content).hexdigest()}
