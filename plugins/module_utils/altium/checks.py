# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must be so before avbackup may run. Pure. Private to lockstep.backup: not a public interface."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.altium.settings import RESTORE, Settings
from ansible_collections.lockstep.backup.plugins.module_utils.checks import Check, pids


@dataclasses.dataclass(frozen=True)
class PathFact:
    """A path that an option gives; ``local`` is None when it was not asked because the path is not even absolute."""

    option: str
    path: str
    absolute: bool
    local: bool | None


@dataclasses.dataclass(frozen=True)
class Facts:
    """What a host told. Sizes in bytes; None means not asked."""

    admin: bool = True
    tool_there: bool = True
    tool_version: str | None = None
    ini_there: bool = True
    zip_bytes: int | None = None
    zip_is_folder: bool = False
    folder_there: bool = True
    folder_is_file: bool = False
    free_bytes: int = 0
    data_bytes: int | None = None
    missing_data_folders: tuple[str, ...] = ()
    monitor_pids: tuple[int, ...] = ()
    tool_pids: tuple[int, ...] = ()
    tool_is_ours: bool = False
    running_units: tuple[str, ...] | None = None


def check_paths(facts: t.Sequence[PathFact]) -> Check:
    problems = []
    for fact in facts:
        if not fact.absolute:
            problems.append(f"{fact.option} must be an absolute path on a drive of the server, not {fact.path}")
        elif not fact.local:
            problems.append(
                f"{fact.option} ({fact.path}) is not on a disk of the server itself: WinRM logons cannot reach network drives, "
                "and avbackup would fail halfway. Give a local folder, and copy the set away afterwards"
            )
    if problems:
        return Check("paths", False, "; ".join(problems) + ".", "path_invalid")
    return Check("paths", True, "All paths are absolute and on this machine's own disks.")


def check_admin(_settings: Settings, facts: Facts) -> Check:
    if facts.admin:
        return Check("admin", True, "The account has administrator rights.")
    return Check("admin", False, "avbackup needs an account with administrator rights; this one has none.", "not_admin")


def check_tool(settings: Settings, facts: Facts) -> Check:
    if facts.tool_there:
        version = f", version {facts.tool_version}" if facts.tool_version else ""
        return Check("tool", True, f"{settings.tool} is there{version}.")
    return Check(
        "tool",
        False,
        f"{settings.tool} is missing. Set tool_folder to the BackupTool folder of the installed server, and do not copy the tool "
        "elsewhere: its restore fails outside its own folder.",
        "tool_missing",
    )


def check_version(settings: Settings, facts: Facts) -> Check:
    """avbackup restores only into the version that made the backup."""
    if settings.expected_version is None:
        return Check("version", True, "Not compared: no expected_version was given.")
    if settings.expected_version == facts.tool_version:
        return Check("version", True, f"{settings.tool} has the version that made the backup, {facts.tool_version}.")
    return Check(
        "version",
        False,
        f"The backup was made by version {settings.expected_version} of avbackup, but {settings.tool} has "
        f"{facts.tool_version or 'none that can be read'}. Install that version of the Enterprise Server. If you know that the two "
        "fit, restore without expected_version.",
        "version_mismatch",
    )


def check_ini(settings: Settings, facts: Facts) -> Check:
    if facts.ini_there:
        return Check("ini", True, f"{settings.ini} is there.")
    return Check("ini", False, f"{settings.ini} is missing. Set ini to the LocalVault.ini of the installed server.", "path_missing")


def check_target(settings: Settings, facts: Facts) -> Check:
    """The zip is never overwritten, its folder may be made."""
    if facts.zip_bytes is not None or facts.zip_is_folder:
        return Check(
            "target",
            False,
            f"{settings.zip_path} exists already and is never overwritten. Give another path, or look at it and move it away.",
            "path_exists",
        )
    if facts.folder_is_file:
        return Check("target", False, f"The folder of {settings.zip_path} is a file. Give another path.", "path_invalid")
    where = "its folder is there" if facts.folder_there else "its folder will be made"
    return Check("target", True, f"{settings.zip_path} does not exist yet; {where}.")


def needed_bytes(settings: Settings, facts: Facts) -> int | None:
    """Free space to ask for: the data's size, else the last zip's, with the reserve. None when neither is known."""
    known = facts.data_bytes if facts.data_bytes is not None else settings.last_bytes
    return None if known is None else int(known * settings.free_space_factor)


def check_space(settings: Settings, facts: Facts) -> Check:
    if facts.missing_data_folders:
        return Check(
            "space",
            False,
            f"data_folders that do not exist: {', '.join(facts.missing_data_folders)}. Correct them.",
            "path_missing",
        )
    needed = needed_bytes(settings, facts)
    if needed is None:
        detail = f"{facts.free_bytes} bytes are free; how many are needed is not known without data_folders or last_bytes."
        return Check("space", True, detail)
    if facts.free_bytes < needed:
        return Check(
            "space",
            False,
            f"{needed} bytes should be free for {settings.zip_path}, but only {facts.free_bytes} are. Make room or give another "
            "path.",
            "no_space",
        )
    return Check("space", True, f"{facts.free_bytes} bytes are free, {needed} are needed.")


def check_health_monitor(settings: Settings, facts: Facts) -> Check:
    if not facts.monitor_pids:
        return Check("health_monitor", True, f"{settings.health_monitor} does not run.")
    return Check(
        "health_monitor",
        False,
        f"{settings.health_monitor} runs ({pids(facts.monitor_pids)}): it opens the same database files as avbackup. Close it.",
        "health_monitor_running",
    )


def check_tool_idle(settings: Settings, facts: Facts) -> Check:
    if not facts.tool_pids:
        return Check("tool_idle", True, f"No other {settings.program} runs.")
    if facts.tool_is_ours:
        return Check(
            "tool_idle", True, f"{settings.program} runs ({pids(facts.tool_pids)}) as the job that the plan takes care of."
        )
    return Check(
        "tool_idle",
        False,
        f"{settings.program} runs already ({pids(facts.tool_pids)}), and no job of this collection is known for it. Wait until it "
        "has ended, or end it, and look whether the server's services run again.",
        "tool_running",
    )


def check_units(settings: Settings, facts: Facts) -> Check:
    if facts.running_units is None:
        return Check("units", True, "Not asked: nothing has been stopped yet, or no journal was named.")
    if not facts.running_units:
        return Check("units", True, f"All units of the journal {settings.quiesced} are stopped.")
    return Check(
        "units",
        False,
        f"Units of the journal {settings.quiesced} run: {', '.join(facts.running_units)}. Quiesce them first.",
        "not_quiesced",
    )


def check_source(settings: Settings, facts: Facts) -> Check:
    if facts.zip_bytes is None or facts.zip_is_folder:
        return Check("source", False, f"{settings.zip_path} is not there: nothing can be restored from it.", "path_missing")
    return Check("source", True, f"{settings.zip_path} is there with {facts.zip_bytes} bytes.")


def check_confirmation(settings: Settings, _facts: Facts) -> Check:
    if settings.confirm:
        return Check("confirmation", True, "The restore is confirmed.")
    return Check(
        "confirmation",
        False,
        "A restore replaces the data of the Enterprise Server on this host. Set confirm to true when that is meant.",
        "confirmation_missing",
    )


_ALWAYS = (check_admin, check_tool, check_ini)
_BACKUP = (*_ALWAYS, check_target, check_space, check_health_monitor, check_tool_idle, check_units)
_RESTORE = (*_ALWAYS, check_version, check_source, check_health_monitor, check_tool_idle, check_units, check_confirmation)


def judge(settings: Settings, facts: Facts) -> list[Check]:
    """All findings in their order. Without preflight a backup still overwrites nothing and does not run beside another."""
    if settings.operation == RESTORE:
        chosen: t.Sequence[t.Callable[[Settings, Facts], Check]] = _RESTORE
    else:
        chosen = _BACKUP if settings.preflight else (check_target, check_tool_idle)
    return [check(settings, facts) for check in chosen]
