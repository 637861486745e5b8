# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which sets a vault holds, and which of them are good. Private to lockstep.backup: not a public interface.

The catalogue has no file of its own: it is what the sets themselves say, so it cannot be lost and cannot be wrong.
"""

from __future__ import annotations

import dataclasses
import datetime
import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.vault import backup_log, schema, times
from ansible_collections.lockstep.backup.plugins.module_utils.vault import manifest as manifests

FAILED, RECENT, ARCHIVE = "Failed", "Recent", "Archive"
FOLDERS = (FAILED, RECENT, ARCHIVE)

IS_GOOD = "good"
IS_FAILED = "failed"
IS_UNFINISHED = "unfinished"
IS_DAMAGED = "damaged"
IS_FOREIGN = "foreign"


@dataclasses.dataclass(frozen=True)
class Entry:
    """A set as it is. ``status``: good, failed, unfinished (its run still works, or ended on the way), damaged, or foreign (another
    installation's); ``problem``: why it is not good."""

    name: str
    folder: str
    status: str
    problem: str = ""
    manifest: t.Mapping[str, t.Any] | None = dataclasses.field(default=None, hash=False)

    @property
    def good(self) -> bool:
        return self.status == IS_GOOD

    @property
    def set_id(self) -> str | None:
        return self.manifest["set_id"] if self.manifest else None

    def as_dict(self) -> dict[str, t.Any]:
        """For results: what a person asks about a set."""
        found: dict[str, t.Any] = {"set": self.name, "folder": self.folder, "status": self.status, "problem": self.problem or None}
        shown = (
            "set_id",
            "system",
            "installation",
            "host",
            "hosts",
            "trigger",
            "started",
            "ended",
            "grade",
            "grade_reasons",
            "error",
        )
        found.update({key: self.manifest[key] if self.manifest else None for key in (*shown, "owner", "parts", "outage")})
        return found

    def log_line(self) -> backup_log.Line:
        if self.manifest is None or self.manifest["set"] != self.name:
            return backup_log.line_without_manifest(self.name, self.problem)
        return backup_log.line_of(self.manifest, self.good, self.problem)


def assess(folder: str, name: str, text: str | None, sizes: t.Callable[[], t.Mapping[str, int]], installation: str) -> Entry:
    """What the set ``name`` in ``folder`` is.

    ``text`` is its manifest file's, or None where there is none. ``sizes`` gives the bytes of the files in the set's folder by
    their path as in manifests; it is only called for a set that is otherwise good, because it costs the host's time.
    """
    if text is None:
        if folder == FAILED:
            return Entry(name, folder, IS_FAILED, "it has no manifest.json: its run ended before it began")
        return Entry(name, folder, IS_DAMAGED, "it has no manifest.json")
    try:
        manifest = manifests.parse(text)
    except manifests.ManifestProblem as problem:
        return Entry(name, folder, IS_DAMAGED, str(problem))
    if manifest["installation"] != installation:
        return Entry(name, folder, IS_FOREIGN, f"it belongs to installation {manifest['installation']}", manifest)
    if manifest["set"] != name:
        return Entry(name, folder, IS_DAMAGED, f"its manifest.json is that of set {manifest['set']}", manifest)
    if folder == FAILED:
        if manifest["state"] == schema.FAILED:
            return Entry(name, folder, IS_FAILED, manifest["error"] or "", manifest)
        return Entry(name, folder, IS_UNFINISHED, "it was never moved to Recent", manifest)
    if manifest["state"] == schema.FAILED:
        return Entry(name, folder, IS_UNFINISHED, "its way back to Failed was cut short", manifest)
    if manifest["state"] != schema.COMMITTED:
        return Entry(name, folder, IS_DAMAGED, f"its manifest.json says {manifest['state']}", manifest)
    found = _parts_problem(manifest["parts"], sizes())
    return Entry(name, folder, IS_DAMAGED if found else IS_GOOD, found, manifest)


def _parts_problem(parts: t.Sequence[t.Mapping[str, t.Any]], sizes: t.Mapping[str, int]) -> str:
    # Names of files do not differ by case alone on Windows.
    present = {path.lower(): size for path, size in sizes.items()}
    for part in parts:
        size = present.get(part["path"].lower())
        if size is None:
            return f"{part['path']} is missing"
        if size != part["bytes"]:
            return f"{part['path']} has {size} bytes instead of {part['bytes']}"
    return ""


def without_doubles(entries: t.Sequence[Entry], names: t.Mapping[str, t.Sequence[str]]) -> list[Entry]:
    """The same entries, in order of time; damaged are those whose name is in more than one folder: which one is meant is unknown.

    ``names``: all sets of the vault by folder.
    """

    def checked(entry: Entry) -> Entry:
        where = [folder for folder in FOLDERS if entry.name in names[folder]]
        if len(where) < 2:
            return entry
        return dataclasses.replace(entry, status=IS_DAMAGED, problem=f"the name is in {' and '.join(where)}")

    return sorted(map(checked, entries), key=lambda entry: (entry.name, entry.folder))


def newest_good(entries: t.Sequence[Entry]) -> Entry | None:
    return max((entry for entry in entries if entry.good), key=lambda entry: entry.name, default=None)


def sets_in_future(entries: t.Sequence[Entry], now: datetime.datetime, skew: float) -> list[str]:
    """Names of this installation's sets that began or ended more than ``skew`` seconds after ``now``.

    A set's own times come from the clock of the host that it is on, as ``now`` does.
    """
    limit = now + datetime.timedelta(seconds=skew)

    def late(entry: Entry) -> bool:
        if entry.manifest is None or entry.status == IS_FOREIGN:
            return False
        moments = (entry.manifest["started"], entry.manifest["ended"])
        return any(times.parse_iso(moment) > limit for moment in moments if moment)

    return sorted(entry.name for entry in entries if late(entry))
