# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What avbackup is told to do, as data. Pure. Private to lockstep.backup: not a public interface."""

from __future__ import annotations

import dataclasses
import hashlib
import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.feature import OWNER_SPEC
from ansible_collections.lockstep.backup.plugins.module_utils.host.base import Host

BACKUP = "backup"
RESTORE = "restore"

CHECKED = "checked"
PRESENT = "present"
VERIFIED = "verified"
RESTORED = "restored"
DRILLED = "drilled"
RECOVERED = "recovered"

# Folder, ini and the backup's switches are those of the vendor's example for a server with an Oracle back end. The restore's
# switches are only assumed to be the same, and no list of switches or exit codes is published: hence they are options.
ARGUMENT_SPEC: t.Mapping[str, t.Any] = {
    **OWNER_SPEC,
    "state": {"type": "str", "choices": [CHECKED, PRESENT, VERIFIED, DRILLED, RESTORED, RECOVERED], "default": PRESENT},
    "path": {"type": "str", "required": True},
    "tool_folder": {"type": "str", "default": "C:\\Program Files (x86)\\Altium\\Altium365\\Tools\\BackupTool"},
    "program": {"type": "str", "default": "avbackup.exe"},
    "ini": {"type": "str", "default": "C:\\Program Files (x86)\\Altium\\Altium365\\LocalVault.ini"},
    "backup_arguments": {"type": "list", "elements": "str", "default": ["backup", "-z", "{zip}", "-i", "{ini}"]},
    "restore_arguments": {"type": "list", "elements": "str", "default": ["restore", "-z", "{zip}", "-i", "{ini}"]},
    "success_exit_codes": {"type": "list", "elements": "int", "default": [0]},
    "health_monitor": {"type": "str", "default": "avhealth.exe"},
    "data_folders": {"type": "list", "elements": "str", "default": []},
    "free_space_factor": {"type": "float", "default": 1.2},
    "last_bytes": {"type": "int"},
    "min_share_of_last": {"type": "float", "default": 0.5},
    "timeout": {"type": "int", "default": 14400},
    "quiesced": {"type": "str"},
    "max_outage": {"type": "int"},
    "log": {"type": "str"},
    "state_folder": {"type": "str"},
    "preflight": {"type": "bool", "default": True},
    "verify": {"type": "bool", "default": True},
    "confirm": {"type": "bool", "default": False},
    "expected_sha256": {"type": "str"},
    "expected_version": {"type": "str"},
    "scratch_folder": {"type": "str"},
}


@dataclasses.dataclass(frozen=True)
class Settings:
    """One call of avbackup. ``operation`` is backup or restore; sizes are bytes, times are seconds."""

    operation: str
    zip_path: str
    tool_folder: str
    program: str
    tool: str
    ini: str
    argv: tuple[str, ...]
    success_exit_codes: tuple[int, ...]
    health_monitor: str
    data_folders: tuple[str, ...]
    free_space_factor: float
    last_bytes: int | None
    min_share_of_last: float
    timeout: int
    quiesced: str | None
    max_outage: int | None
    log: str
    job_folder: str
    record: str
    preflight: bool
    verify: bool
    confirm: bool
    expected_sha256: str | None
    expected_version: str | None


def command_line(tool: str, arguments: t.Sequence[str], zip_path: str, ini: str) -> tuple[str, ...]:
    """The argv: ``{zip}`` and ``{ini}`` are replaced within each argument, other braces stay."""
    return (tool, *(argument.replace("{zip}", zip_path).replace("{ini}", ini) for argument in arguments))


def job_name(operation: str, zip_path: str) -> str:
    """The same for the same operation on the same zip, so that a repeated task finds the job that it started before.

    Windows takes paths in either case for the same, hence the lower case.
    """
    digest = hashlib.sha256(zip_path.lower().encode()).hexdigest()[:12]
    return f"avbackup-{operation}-{digest}"


def settings_from(params: t.Mapping[str, t.Any], host: Host) -> Settings:
    """The validated options as settings; ``option_invalid`` names all that cannot be meant."""
    operation = RESTORE if params["state"] == RESTORED else BACKUP
    arguments = params[f"{operation}_arguments"]
    problems = option_problems(params, operation)
    if problems:
        raise LockstepError("option_invalid", "Options of avbackup that cannot be meant: " + "; ".join(problems) + ".")
    zip_path = params["path"]
    tool = host.join(params["tool_folder"], params["program"])
    state_folder = params["state_folder"] or host.state_folder
    folder = host.join(state_folder, "jobs", job_name(operation, zip_path))
    # The log of a restore stays out of the set that is restored: a committed set is not added to.
    log = zip_path[: -len(".zip")] + ".log" if operation == BACKUP else folder + ".log"
    digest = params["expected_sha256"]
    return Settings(
        operation=operation,
        zip_path=zip_path,
        tool_folder=params["tool_folder"],
        program=params["program"],
        tool=tool,
        ini=params["ini"],
        argv=command_line(tool, arguments, zip_path, params["ini"]),
        success_exit_codes=tuple(params["success_exit_codes"]),
        health_monitor=params["health_monitor"],
        data_folders=tuple(params["data_folders"]),
        free_space_factor=params["free_space_factor"],
        last_bytes=params["last_bytes"],
        min_share_of_last=params["min_share_of_last"],
        timeout=params["timeout"],
        quiesced=params["quiesced"],
        max_outage=params["max_outage"],
        log=params["log"] or log,
        job_folder=folder,
        record=host.join(state_folder, "avbackup.json"),
        preflight=params["preflight"],
        verify=params["verify"],
        confirm=params["confirm"],
        expected_sha256=digest.lower() if digest else None,
        expected_version=params["expected_version"],
    )


def option_problems(params: t.Mapping[str, t.Any], operation: str) -> list[str]:
    """What no host needs to be asked for, as phrases for one sentence."""
    problems = []
    if not params["path"].lower().endswith(".zip"):
        problems.append(f"path must name a .zip file, not {params['path']!r}")
    if not any("{zip}" in argument for argument in params[f"{operation}_arguments"]):
        problems.append(f"{operation}_arguments must contain {{zip}}, else avbackup is not told which file it is about")
    if not params["success_exit_codes"]:
        problems.append("success_exit_codes must name at least one code")
    if not 0 <= params["min_share_of_last"] <= 1:
        problems.append(f"min_share_of_last must lie between 0 and 1, not {params['min_share_of_last']:g}")
    above_zero = [name for name in ("timeout", "max_outage", "free_space_factor") if params[name] is not None]
    problems += [f"{name} must be more than 0, not {params[name]:g}" for name in above_zero if params[name] <= 0]
    if params["last_bytes"] is not None and params["last_bytes"] < 0:
        problems.append(f"last_bytes must not be negative, but is {params['last_bytes']}")
    return problems
