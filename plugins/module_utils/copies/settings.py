# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What disk_copies is told to do, as data. Pure. Private to lockstep.backup: not a public interface."""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.feature import OWNER_SPEC
from ansible_collections.lockstep.backup.plugins.module_utils.host.base import Host
from ansible_collections.lockstep.backup.plugins.module_utils.vault.names import check_set_name
from ansible_collections.lockstep.backup.plugins.module_utils.vault.retention import LARGEST_NUMBER

PRESENT = "present"
PRUNED = "pruned"
QUERY = "query"

ARGUMENT_SPEC: t.Mapping[str, t.Any] = {
    **OWNER_SPEC,
    "state": {"type": "str", "choices": [PRESENT, PRUNED, QUERY], "default": PRESENT},
    "folders": {"type": "list", "elements": "str", "required": True},
    "set": {"type": "str"},
    "set_id": {"type": "str"},
    "files": {
        "type": "list",
        "elements": "dict",
        "options": {"path": {"type": "str", "required": True}, "sha256": {"type": "str"}},
    },
    "minimum": {"type": "int", "default": 1},
    "keep": {"type": "int", "default": 3},
    "good_sets": {"type": "list", "elements": "str"},
}

REQUIRED_IF = (("state", PRESENT, ("set", "set_id", "files")),)


@dataclasses.dataclass(frozen=True)
class Source:
    """A file of the set. ``sha256`` (lower-case hex) is None until it is known."""

    path: str
    name: str
    sha256: str | None


@dataclasses.dataclass(frozen=True)
class Settings:
    """One call of disk_copies. ``set_name`` and ``set_id`` are empty where no set is named."""

    folders: tuple[str, ...]
    set_name: str
    set_id: str
    sources: tuple[Source, ...]
    minimum: int
    keep: int
    good_sets: tuple[str, ...] | None


def settings_from(params: t.Mapping[str, t.Any], host: Host) -> Settings:
    """The validated options as settings. Slugs ``option_invalid`` and ``path_not_absolute``."""
    files = params["files"] or []
    sources = tuple(
        Source(file["path"], host.basename(file["path"]), file["sha256"].lower() if file["sha256"] else None) for file in files
    )
    problems = _problems(params, sources)
    if problems:
        raise LockstepError("option_invalid", "Options of disk_copies that cannot be meant: " + "; ".join(problems) + ".")
    if params["state"] == PRESENT:
        check_set_name(params["set"])
    for path in (*params["folders"], *(source.path for source in sources)):
        if not host.is_absolute(path):
            raise LockstepError(
                "path_not_absolute", f"{path} is not an absolute path on {host.name}. Give the full path.", path=path
            )
    return Settings(
        folders=tuple(params["folders"]),
        set_name=params["set"] or "",
        set_id=params["set_id"] or "",
        sources=sources,
        minimum=params["minimum"],
        keep=params["keep"],
        good_sets=None if params["good_sets"] is None else tuple(params["good_sets"]),
    )


def _problems(params: t.Mapping[str, t.Any], sources: t.Sequence[Source]) -> list[str]:
    """As phrases for one sentence."""
    problems = []
    folders = params["folders"]
    if not folders:
        problems.append("folders must name at least one folder")
    if len({folder.rstrip("\\/").lower() for folder in folders}) < len(folders):
        problems.append("folders must not name a folder twice: two copies in one place are one copy")
    if not 1 <= params["minimum"] <= max(1, len(folders)):
        problems.append(f"minimum must lie between 1 and the number of folders, not {params['minimum']}")
    if not 1 <= params["keep"] <= LARGEST_NUMBER:
        problems.append(f"keep must lie between 1 and {LARGEST_NUMBER}, not {params['keep']}")
    if params["state"] == PRESENT and not sources:
        problems.append("files must name at least one file")
    if len({source.name.lower() for source in sources}) < len(sources):
        problems.append("files must not have the same name twice: a copy has no folders below it")
    wrong = [source.path for source in sources if source.sha256 and not re.fullmatch(r"[0-9a-f]{64}", source.sha256)]
    return problems + [f"the sha256 of {path} is not 64 hexadecimal digits" for path in wrong]
