# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the folders of copies hold. Private to lockstep.backup: not a public interface."""

from __future__ import annotations

import dataclasses
import json

from ansible_collections.lockstep.backup.plugins.module_utils.copies.record import OWNER, PARTIAL, RECORD, assess
from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.feature import Task
from ansible_collections.lockstep.backup.plugins.module_utils.host.absent import read_or_none
from ansible_collections.lockstep.backup.plugins.module_utils.host.base import WINDOWS, Host
from ansible_collections.lockstep.backup.plugins.module_utils.jobs import CONNECTION_SLUGS
from ansible_collections.lockstep.backup.plugins.module_utils.owner import Owner, refuse_foreign
from ansible_collections.lockstep.backup.plugins.module_utils.vault.catalogue import Entry
from ansible_collections.lockstep.backup.plugins.module_utils.vault.names import is_half_deleted, is_set_name


@dataclasses.dataclass(frozen=True)
class Found:
    """One folder. ``problem`` says why nothing can be done there; ``remains`` are names of what cut-short copies and deletions
    left; ``free`` is bytes."""

    folder: str
    problem: LockstepError | None = None
    there: bool = True
    free: int | None = None
    entries: tuple[Entry, ...] = ()
    remains: tuple[str, ...] = ()

    def entry(self, name: str) -> Entry | None:
        return next((entry for entry in self.entries if entry.name == name), None)


def look(task: Task, folder: str) -> Found:
    """A disk that is not there is a finding; a lost connection, or another run at work here (``run_in_progress``), is an error."""
    try:
        return _look(task, folder)
    except LockstepError as error:
        if error.slug in CONNECTION_SLUGS or error.slug == "run_in_progress":
            raise
        return Found(folder, problem=error)


def _look(task: Task, folder: str) -> Found:
    host = task.host
    found = host.stat(folder)
    if found is not None and not found.is_dir:
        raise LockstepError("path_invalid", f"{folder} on {host.name} is a file. Name a folder for the copies.", path=folder)
    if found is None and host.platform != WINDOWS:
        # The empty place of a disk that is not mounted must not be filled instead of the disk.
        raise LockstepError(
            "path_missing",
            f"There is no folder {folder} on {host.name}. Mount the disk, or make the folder on it, or take it out of folders.",
            path=folder,
        )
    free = host.free_bytes(folder)
    if found is None:
        return Found(folder, there=False, free=free)
    names = [host.basename(entry.path) for entry in host.list_folder(folder) if entry.is_dir]
    entries = tuple(_entry(host, folder, name) for name in names if is_set_name(name))
    partial = [name for name in names if name.endswith(PARTIAL) and is_set_name(name[: -len(PARTIAL)])]
    for name in partial:
        _refuse_live(task, host.join(folder, name))
    return Found(folder, None, True, free, entries, (*partial, *filter(is_half_deleted, names)))


def _entry(host: Host, folder: str, name: str) -> Entry:
    path = host.join(folder, name)
    files = {host.basename(file.path).lower(): file.size for file in host.list_folder(path) if not file.is_dir}
    text = host.read_text(host.join(path, RECORD)) if RECORD in files else None
    return assess(name, text, files)


def _refuse_live(task: Task, path: str) -> None:
    """Raise ``run_in_progress`` while the run that copies there may be alive. A record that cannot be read was cut short."""
    text = read_or_none(task.host, task.host.join(path, OWNER))
    if text is None:
        return
    try:
        data = json.loads(text)
        owner, since = Owner.from_dict(data["owner"]), str(data["since"])
    except (ValueError, KeyError, TypeError):
        return
    refuse_foreign(f"The unfinished copy {path} on {task.host.name}", owner, task.owner, task.dead_run, since)
