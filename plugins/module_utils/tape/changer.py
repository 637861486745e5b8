# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A tape changer, moved by the program mtx. Private to lockstep.backup: not a public interface."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.host.base import Host

_DRIVE = re.compile(r"\s*Data Transfer Element (\d+):(Empty|Full)[^:=]*(?::?\s*VolumeTag\s*=\s*(\S*))?\s*")
_SLOT = re.compile(r"\s*Storage Element (\d+)(?: IMPORT/EXPORT)?:(Empty|Full)\s*(?::?\s*VolumeTag\s*=\s*(\S*))?\s*")
_MEDIUM = re.compile(r"[A-Z][0-9A-Z]")
_CLEANING = re.compile(r"CLN", re.IGNORECASE)


class Changer(t.Protocol):
    """Moves tapes between its slots and one drive. Slug of all methods: ``changer_failed``."""

    name: str

    def inventory(self) -> dict[str, t.Any]:
        """{"drive": barcode, empty text for a tape without one, None when empty; "slots": {number: the same}}."""

    def load(self, slot: int) -> None: ...

    def unload(self, slot: int) -> None: ...


def is_cleaning(barcode: str) -> bool:
    """Cleaning tapes have barcodes that begin with CLN; they are never loaded to be read or written."""
    return bool(_CLEANING.match(barcode))


def carries(barcode: str, label: str) -> bool:
    """Whether it is the tape's barcode: its label, with or without the two characters that tell the type of the medium."""
    return barcode == label or (barcode.startswith(label) and bool(_MEDIUM.fullmatch(barcode[len(label) :])))


def slot_with(inventory: t.Mapping[str, t.Any], label: str) -> int | None:
    """The slot of the tape whose barcode carries the label."""
    slots: t.Mapping[int, str | None] = inventory["slots"]
    return next((slot for slot, barcode in sorted(slots.items()) if barcode and carries(barcode, label)), None)


def free_slot(inventory: t.Mapping[str, t.Any]) -> int | None:
    slots: t.Mapping[int, str | None] = inventory["slots"]
    return next((slot for slot, barcode in sorted(slots.items()) if barcode is None), None)


def parse_status(text: str, drive: int) -> dict[str, t.Any]:
    """What ``mtx status`` printed, as ``Changer.inventory`` has it. ValueError when the drive is not in it."""
    drives: dict[int, str | None] = {}
    slots: dict[int, str | None] = {}
    for line in text.splitlines():
        for pattern, found in ((_DRIVE, drives), (_SLOT, slots)):
            match = pattern.fullmatch(line)
            if match:
                found[int(match.group(1))] = None if match.group(2) == "Empty" else match.group(3) or ""
    if drive not in drives:
        raise ValueError(f"it has no drive {drive}")
    return {"drive": drives[drive], "slots": slots}


class MtxChanger:
    """The changer at ``path`` (the sg device of it), and its drive number ``drive``, from 0. ``eject`` has the drive itself give
    the tape to the arm first, without which many changers do not get it."""

    def __init__(self, host: Host, path: str, drive: int, program: str, timeout: float, eject: t.Callable[[], None]) -> None:
        self.name, self.host, self.drive, self.program, self.timeout, self._eject = path, host, drive, program, timeout, eject

    def inventory(self) -> dict[str, t.Any]:
        text = self._run("status")
        try:
            return parse_status(text, self.drive)
        except ValueError as error:
            raise LockstepError(
                "changer_failed", f"The answer of {self.program} about {self.name} is not understood: {error}."
            ) from None

    def load(self, slot: int) -> None:
        self._run("load", str(slot), str(self.drive))

    def unload(self, slot: int) -> None:
        self._eject()
        self._run("unload", str(slot), str(self.drive))

    def _run(self, *command: str) -> str:
        done = self.host.run([self.program, "-f", self.name, *command], timeout=self.timeout)
        if done.exit_code:
            said = " ".join((done.stderr or done.stdout).split())
            raise LockstepError(
                "changer_failed",
                f"{self.program} {' '.join(command)} on {self.name} ended with exit code {done.exit_code}: {said} Look at the "
                "changer.",
                exit_code=done.exit_code,
                stdout=done.stdout,
                stderr=done.stderr,
            )
        return done.stdout
