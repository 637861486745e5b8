# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ntbackup.exe, as far as a site's batch files use it: paths to the tape in the drive, overwriting or appending."""

from __future__ import annotations

import dataclasses
import datetime
import ntpath
import typing as t

from tests.lab.windows import mtf
from tests.lab.windows.errors import WinError
from tests.lab.windows.execution import Execution
from tests.lab.windows.tool import Tool

PATH = r"C:\Windows\System32\ntbackup.exe"
_FAILED_WRITE = "Error: The device reported an error on a request to write data to media."
_NOT_MOUNTED = "The requested media failed to mount. The operation was aborted."
_ENDED = "The operation was ended."


@dataclasses.dataclass
class _Order:
    paths: list[str]
    append: bool = False
    description: str = ""
    log: str = ""


def _order(arguments: list[str]) -> _Order | None:
    """What the command line asks for; None when the lab does not know it."""
    order, rest = _Order([]), arguments[1:]
    if arguments[:1] != ["backup"]:
        return None
    while rest:
        word = rest.pop(0)
        switch = word.lower()
        if not word.startswith("/"):
            order.paths.append(word)
        elif switch == "/a":
            order.append = True
        elif switch in ("/d", "/l", "/t") and rest:
            value = rest.pop(0)
            if switch == "/d":
                order.description = value
            elif switch == "/l":
                order.log = value
            elif value.lower() != "normal":
                return None
        elif switch not in ("/b", "/hc:on", "/hc:off"):
            return None
    return order if order.paths else None


class _Log:
    """Lines as of Windows 2000, in the code page of Windows NT 4.0 or, with the fault, in UTF-16. Nothing is kept back."""

    def __init__(self, run: Execution, path: str) -> None:
        self._run = run
        self._unicode = run.machine.faults.on("ntbk_log_unicode")
        self._target = run.machine.files.open(run.path(path)) if path else None
        if self._target is not None and self._unicode:
            self._target.write(b"\xff\xfe")

    def say(self, *lines: str) -> None:
        text = "".join(f"{line}\r\n" for line in lines)
        if self._target is not None:
            self._target.write(text.encode("utf-16-le") if self._unicode else text.encode("cp1252", "replace"))

    def close(self) -> None:
        if self._target is not None:
            self._target.close()


def _stamp(moment: datetime.datetime) -> str:
    return f"{moment.month}/{moment.day}/{moment.year} at {moment:%I:%M %p}".replace(" 0", " ")


def ntbackup(run: Execution) -> int:
    order = _order(run.arguments)
    if order is None:
        return run.unknown("ntbackup")
    log = _Log(run, order.log)
    try:
        return _backup(run, order, log)
    finally:
        log.close()


def _backup(run: Execution, order: _Order, log: _Log) -> int:
    machine, faults = run.machine, run.machine.faults
    began = machine.clock.now()
    name = f"Media created {_stamp(began)}"
    log.say("Backup Status", "Operation: Backup", "Active backup destination: 4mm DDS", f'Media name: "{name}"', "")
    if faults.on("ntbk_hangs"):
        run.hang()
    drive = machine.tape_drive
    if drive is None or drive.loaded is None:
        log.say(_NOT_MOUNTED)
        return 1
    log.say(f'Backup of "{", ".join(order.paths)}"', "Backup set #1 on media #1", f'Backup description: "{order.description}"')
    log.say("Backup Type: Normal", "", f"Backup started on {_stamp(began)}.")
    if faults.on("ntbk_fails"):
        run.sleep(faults.number("ntbk_seconds", 0.0) / 2)
        log.say(_FAILED_WRITE, _ENDED)
        return int(faults.number("ntbk_fails", 1))
    files = _read(run, order, log)
    blocks = mtf.set_blocks(order.description, files)
    if not order.append:
        blocks.insert(0, mtf.tape_block(name, int(began.timestamp()), began))
    try:
        (drive.append_foreign if order.append else drive.write_foreign)(blocks)
    except WinError as error:
        log.say(f"{_FAILED_WRITE} ({error.text})", _ENDED)
        return 1
    if faults.on("ntbk_log_truncated"):
        return 0
    seconds = int((machine.clock.now() - began).total_seconds())
    log.say(
        f"Backup completed on {_stamp(machine.clock.now())}.",
        f"Directories: {len({ntpath.dirname(path) for path, _content in files})}",
        f"Files: {len(files)}",
        f"Bytes: {sum(len(content) for _path, content in files):,}",
        f"Time:  {seconds // 60} minutes and  {seconds % 60} seconds",
    )
    return 0


def _read(run: Execution, order: _Order, log: _Log) -> list[tuple[str, bytes]]:
    """All files below the paths; what another program holds open is skipped."""
    machine, found = run.machine, []
    paths = [path for root in order.paths for path in _below(run, root)]
    pause = machine.faults.number("ntbk_seconds", 0.0) / max(1, len(paths))
    for path in paths:
        run.sleep(pause)
        try:
            found.append((path, machine.files.read(path)))
        except WinError as error:
            log.say(f"WARNING: Unable to open {path} - skipped.", f"Reason: {error.text}")
    return found


def _below(run: Execution, root: str) -> t.Iterator[str]:
    files = run.machine.files
    path = f"{root}\\" if root.endswith(":") else run.path(root)
    if files.is_file(path):
        yield path
    elif files.is_dir(path):
        yield from files.walk(path)


TOOLS: t.Mapping[str, Tool] = {PATH: Tool(ntbackup)}
