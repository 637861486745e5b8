# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ordered steps for each folder, the same for check mode and for a real run. Pure. Private to lockstep.backup."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.copies.looking import Found
from ansible_collections.lockstep.backup.plugins.module_utils.copies.settings import Settings
from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.vault import catalogue, names, retention

MAKE_FOLDER = "make_folder"
REMOVE_REMAINS = "remove_remains"
COPY = "copy"
COMPARE = "compare"
COMPLETE = "complete"
DELETE = "delete"

Step = t.Dict[str, t.Any]


def present_plan(settings: Settings, found: Found, total: int | None) -> list[Step]:
    """Empty where the copy is there. ``total``: bytes of all files, None where they are not known (in check mode, before they are
    made). Slugs ``no_space``, ``set_mismatch``, ``set_damaged``, and that of the folder's own problem."""
    if found.problem is not None:
        raise found.problem
    there = found.entry(settings.set_name)
    if there is not None:
        refuse_other(settings, found.folder, there)
        return []
    if total is not None and found.free is not None and found.free < total:
        raise LockstepError(
            "no_space",
            f"{found.folder} has {found.free} bytes free, and the copy needs {total}. Make room, or keep fewer copies.",
            free_bytes=found.free,
        )
    steps: list[Step] = [] if found.there else [{"step": MAKE_FOLDER, "folder": found.folder}]
    steps += [{"step": REMOVE_REMAINS, "folder": found.folder, "name": name} for name in found.remains]
    for source in settings.sources:
        steps += [{"step": step, "folder": found.folder, "path": source.path} for step in (COPY, COMPARE)]
    return [*steps, {"step": COMPLETE, "folder": found.folder, "set": settings.set_name}]


def refuse_other(settings: Settings, folder: str, there: catalogue.Entry) -> None:
    """A copy of that name is only taken for this set's when it is complete, of the same id, and of the same files."""
    if not there.good or there.manifest is None:
        raise LockstepError(
            "set_damaged",
            f"The copy of set {there.name} in {folder} cannot be used: {there.problem}. Look at it, and remove it by hand.",
        )
    hashes = {file["name"].lower(): file["sha256"] for file in there.manifest["files"]}
    wanted = {source.name.lower(): source.sha256 or hashes.get(source.name.lower()) for source in settings.sources}
    if there.set_id != settings.set_id or hashes != wanted:
        raise LockstepError(
            "set_mismatch",
            f"{folder} holds a copy of another set {there.name} ({there.set_id}, not {settings.set_id}, or of other files). Find "
            "out which one is right, and remove the other by hand.",
        )


def refuse_future(found: t.Sequence[Found], now_date: t.Any, host: str) -> None:
    """Raise ``set_in_future``: with a wrong clock nothing is deleted."""
    late = sorted({name for one in found for name in names.names_in_future([entry.name for entry in one.entries], now_date)})
    if late:
        raise LockstepError(
            "set_in_future",
            f"Copies on {host} are dated in the future ({', '.join(late)}), or the clock of {host} is wrong: nothing is deleted. "
            "Set the clock right, or move them away.",
            future=late,
        )


def pruned_plan(settings: Settings, found: Found) -> list[Step]:
    """By the vault's own rules: only copies of good sets count, the newest of them stays whatever the numbers say, and what is not
    of a good set goes with the first good one that is newer."""
    if found.problem is not None:
        raise found.problem
    of_no_good_set = retention.unconfirmed(found.entries, settings.good_sets)
    failed = [dataclasses.replace(entry, folder=catalogue.FAILED, status=catalogue.IS_FAILED) for entry in of_no_good_set]
    entries = [entry for entry in found.entries if entry not in of_no_good_set] + failed
    decided = retention.plan(entries, settings.keep, 0)
    steps: list[Step] = [{"step": REMOVE_REMAINS, "folder": found.folder, "name": name} for name in found.remains]
    delete = sorted((*decided.delete, *decided.delete_failed), key=lambda entry: entry.name)
    return steps + [{"step": DELETE, "folder": found.folder, "set": entry.name} for entry in delete]
