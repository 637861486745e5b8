# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A set's manifest through its life: opened, committed or failed. Private to lockstep.backup: not a public interface.

A manifest is plain JSON data that fits ``schema.SCHEMA``. Each function here returns a new one.
"""

from __future__ import annotations

import dataclasses
import json
import re
import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.owner import Owner
from ansible_collections.lockstep.backup.plugins.module_utils.vault import schema
from ansible_collections.lockstep.backup.plugins.module_utils.vault.names import is_set_name

Manifest = t.Dict[str, t.Any]

FILE_NAME = "manifest.json"
RESTORE_TEXT = "RESTORE.txt"
STEP_LOG = "HB.LOG"
OWN_FILES = (FILE_NAME, RESTORE_TEXT, STEP_LOG)
"""What the vault itself writes into a set's folder; no part may have these names."""


class ManifestProblem(Exception):
    """A text that is no manifest of this version; the message says why in a few words."""


def as_text(manifest: t.Mapping[str, t.Any]) -> str:
    """For the file. ASCII only, so that no code page of a host can change it."""
    return json.dumps(manifest, indent=2) + "\n"


def parse(text: str) -> Manifest:
    """The manifest in a file's text. Raises ManifestProblem for everything that is not surely understood."""
    try:
        data = json.loads(text)
    except ValueError:
        raise ManifestProblem("manifest.json is no JSON") from None
    version = data.get("schema_version") if isinstance(data, dict) else None
    if isinstance(data, dict) and (version is True or version != schema.SCHEMA_VERSION):
        raise ManifestProblem(f"schema version {version!r} of manifest.json is unknown to this version of Lockstep")
    found = schema.problem(data)
    if found is None and not is_set_name(data["set"]):
        found = f"set {data['set']!r} is no name of a set"
    if found:
        raise ManifestProblem(f"manifest.json is not valid: {found}")
    return t.cast(Manifest, data)


@dataclasses.dataclass(frozen=True)
class Opening:
    """What is known of a set when it begins. ``started`` is ISO 8601; the first of ``hosts`` is the commit point."""

    name: str
    set_id: str
    installation: str
    system: str
    host: str
    hosts: t.Sequence[str]
    trigger: str
    started: str


def opened(opening: Opening, owner: Owner) -> Manifest:
    """The manifest of a set that begins now."""
    return {
        "schema_version": schema.SCHEMA_VERSION,
        "set": opening.name,
        "set_id": opening.set_id,
        "installation": opening.installation,
        "system": opening.system,
        "host": opening.host,
        "hosts": list(opening.hosts),
        "state": schema.OPEN,
        "trigger": opening.trigger,
        "owner": owner.as_dict(),
        "started": opening.started,
        "ended": None,
        "grade": None,
        "grade_reasons": [],
        "parts": [],
        "units": [],
        "outage": None,
        "restore_steps": [],
        "steps": [{"at": opening.started, "step": "SET_OPENED", "detail": f"{opening.trigger}, {owner.describe()}"}],
        "error": None,
        "details": {},
    }


def add_step(manifest: Manifest, at: str, step: str, detail: str = "") -> None:
    """Add to the manifest's own record of what was done, which HB.LOG is written from."""
    manifest["steps"].append({"at": at, "step": step, "detail": detail})


def failed(manifest: t.Mapping[str, t.Any], at: str, error: str) -> Manifest:
    """The manifest of a set that is not good, with the reason; all that was known of it stays."""
    changed = json.loads(json.dumps(manifest))
    changed.update(state=schema.FAILED, ended=manifest["ended"] or at, error=error)
    add_step(changed, at, "SET_FAILED", error)
    return t.cast(Manifest, changed)


def part_path(path: str) -> str:
    """A part's path as the manifest holds it: relative to the set's folder, with forward slashes on every platform.

    Slug ``option_invalid`` for a path that leads out of the folder or that the vault itself uses.
    """
    pieces = re.split(r"[\\/]", path)
    if any(piece in ("", ".", "..") for piece in pieces) or ":" in path or pieces[0].lower() in {n.lower() for n in OWN_FILES}:
        raise LockstepError(
            "option_invalid",
            f"part {path!r} is no path relative to the set's folder: no drive, no leading slash, no '..', and none of "
            f"{', '.join(OWN_FILES)}.",
            option="parts",
        )
    return "/".join(pieces)


def expected_parts(parts: t.Sequence[t.Mapping[str, t.Any]]) -> list[dict[str, t.Any]]:
    """The option ``parts`` with paths as in manifests; ``bytes`` and ``sha256`` are what is expected, or None.

    Slug ``option_invalid`` for none at all, a wrong path, or one path twice.
    """
    expected = [
        {
            "path": part_path(part["path"]),
            "kind": part["kind"],
            "bytes": part.get("bytes"),
            "sha256": (part.get("sha256") or "").lower() or None,
            "tool": part.get("tool"),
            "tool_version": part.get("tool_version"),
            "log": part.get("log"),
        }
        for part in parts
    ]
    paths = [part["path"].lower() for part in expected]
    twice = sorted({path for path in paths if paths.count(path) > 1})
    if not paths or twice:
        raise LockstepError(
            "option_invalid",
            f"parts names {', '.join(twice)} twice." if twice else "parts is empty: a set without parts is no backup.",
            option="parts",
        )
    return expected
