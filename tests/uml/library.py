# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tape library inside the machine, and the module tape_rotate as Ansible would start it there: with JSON, as a process."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import typing as t

from ansible.module_utils import basic

from ansible_collections.lockstep.backup.plugins.modules import tape_rotate

TAPES = pathlib.Path("/run/tapes")
DRIVE, EMPTY_DRIVE = "/dev/nst0", "/dev/nst1"
FIRST, SECOND, THIRD, CLEANING = "EXP001L6", "EXP002L6", "EXP003L6", "CLN001L6"
CAPACITY = 4 << 20
"""Bytes of each tape."""
LONGEST_CALL = 45
"""Seconds; a call that waits for a tape where it must not would wait for 120."""
POOL = {"name": "export", "tapes": 3, "retention_days": 0}

Result = dict[str, t.Any]


def changer_device() -> str:
    """The one generic SCSI device that is a medium changer (type 8)."""
    found = [
        path for path in pathlib.Path("/sys/class/scsi_generic").iterdir() if (path / "device/type").read_text().strip() == "8"
    ]
    return f"/dev/{found[0].name}"


def program(*command: str) -> str:
    """What it printed; it must end well, and in time."""
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=LONGEST_CALL).stdout


class Library:
    """Drives empty, all tapes blank and in their slots. ``folder``: for the catalogue and files."""

    def __init__(self, folder: pathlib.Path, pristine: pathlib.Path) -> None:
        self.folder = folder
        self.changer = changer_device()
        status = self.mtx("status")
        for drive in (0, 1):
            if f"Data Transfer Element {drive}:Full" in status:
                slot = status.partition(f"Element {drive}:Full (Storage Element ")[2].split()[0]
                self.mtx("unload", slot, str(drive))
        self.protect(False)
        for tape in (FIRST, SECOND, THIRD, CLEANING):
            if not (pristine / tape).exists():
                shutil.copyfile(TAPES / tape, pristine / tape)
            shutil.copyfile(pristine / tape, TAPES / tape)

    def mtx(self, *command: str) -> str:
        return program("mtx", "-f", self.changer, *command)

    def protect(self, protected: bool) -> None:
        """What the first drive says of the tape in it from now on."""
        unit = ("tgtadm", "--lld", "iscsi", "--mode", "logicalunit", "--op", "update", "--tid", "1", "--lun", "1")
        program(*unit, "--params", f"readonly={int(protected)}")

    def mix_up(self, one: str, other: str) -> None:
        """Two tapes in their slots get each other's barcode."""
        (TAPES / one).rename(TAPES / "moved")
        (TAPES / other).rename(TAPES / one)
        (TAPES / "moved").rename(TAPES / other)

    def part(self, name: str, size: int) -> pathlib.Path:
        path = self.folder / name
        path.write_bytes(os.urandom(size))
        return path

    def call(self, state: str, changer: bool = True, check_mode: bool = False, **options: t.Any) -> Result:
        """The module's result, failed or not."""
        given: Result = {
            "state": state,
            "path": str(self.folder / "catalogue"),
            "installation": "etravel",
            "device": {"kind": "scsi", "path": DRIVE},
            "pool": POOL,
            "_ansible_check_mode": check_mode,
        }
        if changer:
            given["changer"] = {"kind": "mtx", "path": self.changer}
        output = self.folder / "result.json"
        child = os.fork()
        if child == 0:
            _become_module({**given, **options}, output)
        status = os.waitpid(child, 0)[1]
        assert os.waitstatus_to_exitcode(status) in (0, 1), f"{state} ended by {os.waitstatus_to_exitcode(status)}"
        return t.cast(Result, json.loads(output.read_text()))

    def done(self, state: str, **options: t.Any) -> Result:
        """The same, and it must succeed."""
        result = self.call(state, **options)
        assert not result.get("failed"), result
        return result

    def refused(self, slug: str, state: str, **options: t.Any) -> Result:
        """The same, and it must fail with this error code."""
        result = self.call(state, **options)
        assert result.get("error_code") == slug, result
        return result


def _become_module(arguments: Result, output: pathlib.Path) -> t.NoReturn:
    """A fork has the imports already, which take ten times as long here as what the module does."""
    code = 70
    try:
        signal.alarm(LONGEST_CALL)
        basic._ANSIBLE_ARGS = json.dumps({"ANSIBLE_MODULE_ARGS": arguments}).encode()
        basic._ANSIBLE_PROFILE = "legacy"
        with output.open("w") as sys.stdout:
            try:
                tape_rotate.main()
            except SystemExit as end:
                code = t.cast(int, end.code or 0)
    finally:
        os._exit(code)
