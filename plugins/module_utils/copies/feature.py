# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The feature disk_copies. Private to lockstep.backup: not a public interface."""

from __future__ import annotations

import functools
import json
import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.copies import planning
from ansible_collections.lockstep.backup.plugins.module_utils.copies.looking import Found, look
from ansible_collections.lockstep.backup.plugins.module_utils.copies.planning import Step
from ansible_collections.lockstep.backup.plugins.module_utils.copies.record import OWNER, PARTIAL, RECORD, CopiedFile, CopyRecord
from ansible_collections.lockstep.backup.plugins.module_utils.copies.settings import (
    ARGUMENT_SPEC,
    PRESENT,
    PRUNED,
    QUERY,
    REQUIRED_IF,
    Settings,
    Source,
    settings_from,
)
from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.feature import Feature, Task
from ansible_collections.lockstep.backup.plugins.module_utils.host.base import WINDOWS
from ansible_collections.lockstep.backup.plugins.module_utils.jobs import CONNECTION_SLUGS
from ansible_collections.lockstep.backup.plugins.module_utils.vault.names import DELETING
from ansible_collections.lockstep.backup.plugins.module_utils.vault.times import iso


def run(task: Task) -> dict[str, t.Any]:
    """The module's result; slugs are in docs/errors.md."""
    settings = settings_from(task.params, task.host)
    _warn_of_one_drive(task, settings)
    found = [look(task, folder) for folder in settings.folders]
    return _STATES[task.params["state"]](task, settings, found)


def _warn_of_one_drive(task: Task, settings: Settings) -> None:
    """Elsewhere nothing tells which disk a path is on before it is there."""
    drives = [folder[:2].upper() for folder in settings.folders]
    if task.host.platform == WINDOWS and len(set(drives)) < len(drives):
        task.warn(f"{task.host.name}: two of {', '.join(settings.folders)} are on one drive: what takes it takes both copies.")


def _present(task: Task, settings: Settings, found: t.Sequence[Found]) -> dict[str, t.Any]:
    sizes = _source_sizes(task, settings)
    copier = Copier(task, settings, sizes)
    total = sum(sizes.values()) if sizes else None
    copies = [copier.folder(one, functools.partial(planning.present_plan, settings, one, total)) for one in found]
    good = sum(copy["state"] != FAILED for copy in copies)
    result = {
        **_result(copier, copies),
        "good": good,
        "files": [file.as_dict() for file in copier.files.values()],
    }
    if good < settings.minimum:
        raise LockstepError(
            "copies_too_few",
            f"Of set {settings.set_name} on {task.host.name} only {good} copies are good, and {settings.minimum} are wanted. "
            + " ".join(result["errors"]),
            **result,
        )
    return result


def _pruned(task: Task, settings: Settings, found: t.Sequence[Found]) -> dict[str, t.Any]:
    planning.refuse_future(found, task.host.now().date(), task.host.name)
    copier = Copier(task, settings, {})
    folders = [copier.folder(one, functools.partial(planning.pruned_plan, settings, one)) for one in found]
    deleted = [{"folder": step["folder"], "set": step["set"]} for step in copier.plan if step["step"] == planning.DELETE]
    return {**_result(copier, folders), "deleted": deleted}


def _query(task: Task, _settings: Settings, found: t.Sequence[Found]) -> dict[str, t.Any]:
    def told(one: Found) -> dict[str, t.Any]:
        sets = [
            {
                "set": entry.name,
                "status": entry.status,
                "problem": entry.problem or None,
                "path": task.host.join(one.folder, entry.name),
                **{key: entry.manifest[key] if entry.manifest else None for key in ("set_id", "made", "files")},
            }
            for entry in one.entries
        ]
        return {"folder": one.folder, "sets": sets, "free_bytes": one.free, **_problem(one.problem)}

    folders = [told(one) for one in found]
    return {"changed": False, "folders": folders, "errors": [one["error"] for one in folders if one["error"]], "plan": []}


COPIED, THERE, DONE, FAILED = "copied", "present", "done", "failed"


class Copier:
    """Executes the plans of the folders one after the other. What fails in one of them is told, and the others go on."""

    def __init__(self, task: Task, settings: Settings, sizes: t.Mapping[str, int]) -> None:
        self.task, self.host, self.settings, self.sizes = task, task.host, settings, sizes
        self.plan: list[Step] = []
        self.changed = False
        self.files: dict[str, CopiedFile] = {}
        """Of the set, by path, as far as their hashes are known."""

    def folder(self, found: Found, plan: t.Callable[[], list[Step]]) -> dict[str, t.Any]:
        """What came of one folder: its entry of the result. A lost connection ends the whole task."""
        told: dict[str, t.Any] = {"folder": found.folder, "path": None, "free_bytes": found.free, **_problem(None)}
        try:
            steps = plan()
            self.plan += steps
            self.changed = self.changed or bool(steps)
            if not self.task.check_mode:
                self._execute(steps)
        except LockstepError as error:
            if error.slug in CONNECTION_SLUGS or error.slug == "checksum_mismatch":
                raise
            return {**told, **_problem(error), "state": FAILED}
        if self.settings.sources:
            told["path"] = self.host.join(found.folder, self.settings.set_name)
            return {**told, "state": COPIED if steps else THERE}
        return {**told, "state": DONE}

    def _execute(self, steps: t.Sequence[Step]) -> None:
        actions: dict[str, t.Callable[[Step], None]] = {
            planning.MAKE_FOLDER: lambda step: self.host.make_folder(step["folder"]),
            planning.REMOVE_REMAINS: lambda step: self.host.remove(self.host.join(step["folder"], step["name"])),
            planning.COPY: self._copy,
            planning.COMPARE: self._compare,
            planning.COMPLETE: self._complete,
            planning.DELETE: self._delete,
        }
        begun = False
        try:
            for step in steps:
                if step["step"] == planning.COPY and not begun:
                    begun = True
                    self._begin(step["folder"])
                actions[step["step"]](step)
        except LockstepError as error:
            if begun and error.slug not in CONNECTION_SLUGS:
                self._give_up(self._partial(step["folder"]))
            raise

    def _partial(self, folder: str) -> str:
        return self.host.join(folder, self.settings.set_name + PARTIAL)

    def _begin(self, folder: str) -> None:
        text = json.dumps({"owner": self.task.owner.as_dict(), "since": iso(self.host.now())}, indent=2) + "\n"
        self.host.write_text(self.host.join(self._partial(folder), OWNER), text, new_folder=True)

    def _give_up(self, partial: str) -> None:
        """A failure here must not hide why the copy failed; the next run removes what is left."""
        try:
            self.host.remove(partial)
        except LockstepError as error:
            self.task.warn(f"{self.host.name}: {partial} is left: {error.message}")

    def _copy(self, step: Step) -> None:
        source = self._source(step["path"])
        self.task.progress(f"copying {source.path} to {step['folder']}")
        self.host.copy_file(source.path, self.host.join(self._partial(step["folder"]), source.name))

    def _compare(self, step: Step) -> None:
        """The copy is read again, and its hash is that of the source. Only when they differ the source is suspected, too."""
        source = self._source(step["path"])
        path = self.host.join(self._partial(step["folder"]), source.name)
        wanted = self._wanted(source)
        found = self.host.sha256(path)
        if found == wanted.sha256:
            return
        if self.host.sha256(source.path) != wanted.sha256:
            raise LockstepError(
                "checksum_mismatch",
                f"{source.path} on {self.host.name} is not the file of the set any more: its SHA-256 is not "
                f"{wanted.sha256}. Make a new set, and look at the disk.",
            )
        raise LockstepError(
            "copy_damaged",
            f"The copy of {source.path} in {step['folder']} does not read back as it was written (SHA-256 {found} instead of "
            f"{wanted.sha256}): look at that disk.",
        )

    def _source(self, path: str) -> Source:
        return next(source for source in self.settings.sources if source.path == path)

    def _wanted(self, source: Source) -> CopiedFile:
        """Hashed once, whatever the number of copies."""
        if source.path not in self.files:
            digest = source.sha256 or self.host.sha256(source.path)
            self.files[source.path] = CopiedFile(source.name, self.sizes[source.path], digest)
        return self.files[source.path]

    def _complete(self, step: Step) -> None:
        """One rename makes it a copy, after all of its files were compared."""
        partial = self._partial(step["folder"])
        files = tuple(self._wanted(source) for source in self.settings.sources)
        record = CopyRecord(self.settings.set_name, self.settings.set_id, iso(self.host.now()), files)
        self.host.write_text(self.host.join(partial, RECORD), record.as_text())
        self.host.remove(self.host.join(partial, OWNER))
        self.host.rename(partial, self.host.join(step["folder"], step["set"]))

    def _delete(self, step: Step) -> None:
        """Marked by a rename first: a deletion that is cut short leaves nothing that looks like a copy."""
        path = self.host.join(step["folder"], step["set"])
        self.host.rename(path, path + DELETING)
        self.host.remove(path + DELETING)


def _source_sizes(task: Task, settings: Settings) -> dict[str, int]:
    """Bytes by path; empty when one is missing in check mode, where it has not been made. Slug ``path_missing``."""
    sizes = {}
    for source in settings.sources:
        found = task.host.stat(source.path)
        if found is None or found.is_dir:
            if task.check_mode:
                return {}
            raise LockstepError("path_missing", f"There is no file {source.path} on {task.host.name} to copy.", path=source.path)
        sizes[source.path] = found.size
    return sizes


def _problem(error: LockstepError | None) -> dict[str, t.Any]:
    return {"error": error.message if error else None, "error_code": error.slug if error else None}


def _result(copier: Copier, copies: t.Sequence[t.Mapping[str, t.Any]]) -> dict[str, t.Any]:
    errors = [f"{copy['folder']}: {copy['error']}" for copy in copies if copy["error"]]
    for error in errors:
        copier.task.warn(f"{copier.host.name}: {error}")
    return {"changed": copier.changed, "copies": list(copies), "errors": errors, "plan": copier.plan}


_STATES: t.Mapping[str, t.Callable[[Task, Settings, t.Sequence[Found]], dict[str, t.Any]]] = {
    PRESENT: _present,
    PRUNED: _pruned,
    QUERY: _query,
}

FEATURE = Feature(name="disk_copies", run=run, argument_spec=ARGUMENT_SPEC, required_if=REQUIRED_IF)
