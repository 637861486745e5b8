# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether what avbackup left behind is a backup. Pure. Private to lockstep.backup: not a public interface."""

from __future__ import annotations

import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.altium.settings import BACKUP, Settings
from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError

ZIP_WITHOUT_MEMBERS = 22
"""Bytes: the end record alone (PKWARE's application note, 4.3.16)."""


def refuse_exit_code(settings: Settings, exit_code: int | None) -> None:
    """Raise ``tool_failed`` for every exit code that is not named as a success. None is an unknown code."""
    if exit_code is not None and exit_code in settings.success_exit_codes:
        return
    message = (
        f"avbackup {settings.operation} ended with exit code {exit_code}; only {codes(settings.success_exit_codes)} means success. "
        f"What it said is in {settings.log}."
    )
    if settings.operation == BACKUP:
        message += (
            " It starts the services that it stopped itself only after a success: look whether the Enterprise Server runs."
            if settings.quiesced is None
            else " Nothing that it wrote is a backup."
        )
    else:
        message += " The server's data may be restored in part: do not start it before a restore has succeeded."
    raise LockstepError("tool_failed", message + " Its output says more.")


def size_of_zip(path: str, size: int | None) -> int:
    """``size`` in bytes, None where there is no file; given back when it can be a zip's. Slugs ``zip_missing``, ``zip_damaged``."""
    if size is None:
        raise LockstepError("zip_missing", f"There is no file {path}: whatever was reported, there is no backup.")
    if size == 0:
        raise LockstepError("zip_damaged", f"{path} is empty: whatever was reported, it is not a backup.")
    if size == ZIP_WITHOUT_MEMBERS:
        raise LockstepError("zip_damaged", f"{path} holds nothing: whatever was reported, it is not a backup.")
    return size


def refuse_zip_problem(path: str, problem: str | None) -> None:
    if problem is not None:
        raise LockstepError(
            "zip_damaged", f"{path} cannot be read completely: {problem}. It is not a backup; look at the disk, then run again."
        )


def refuse_other_sha256(path: str, expected: str, found: str) -> None:
    if expected != found:
        raise LockstepError(
            "checksum_mismatch",
            f"{path} is not the file that was backed up: its SHA-256 is {found}, expected is {expected}. Use another set.",
            expected_sha256=expected,
            sha256=found,
        )


def share_of_last(size: int, last_bytes: int | None) -> float | None:
    """The zip's size as a share of the last one's; None when there is nothing to compare with."""
    return round(size / last_bytes, 4) if last_bytes else None


def size_warning(settings: Settings, size: int) -> str | None:
    """Less data than last time may be right (something was deleted): a person should look, the backup stands."""
    share = share_of_last(size, settings.last_bytes)
    if share is None or share >= settings.min_share_of_last:
        return None
    return (
        f"{settings.zip_path} has {size} bytes, only {share:.0%} of the last one's {settings.last_bytes}: look whether all data of "
        "the Enterprise Server was still there."
    )


def codes(numbers: t.Sequence[int]) -> str:
    return " or ".join(str(number) for number in numbers)
