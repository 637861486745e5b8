# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Unpacking a zip into a scratch folder, for a drill. Private to lockstep.backup: not a public interface.

avbackup itself cannot restore to another place: it stops the services of the server that it runs on, and writes into its data. So a
drill shows that all files of the zip come out whole on a disk of this host, and leaves the installation alone.
"""

from __future__ import annotations

import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.altium.settings import Settings
from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.feature import Task

UNPACKER = "tar.exe"
"""libarchive's tar, a part of Windows Server 2019 and later; it compares each file's checksum as it unpacks."""


def drilled(task: Task, settings: Settings) -> dict[str, t.Any]:
    """Unpack, measure, remove. Slugs: ``path_invalid``, ``path_exists``, ``zip_missing``, ``zip_damaged``, ``no_space``,
    ``tool_missing``, ``command_timeout``."""
    host, scratch = task.host, task.params["scratch_folder"]
    if not (host.is_absolute(scratch) and host.is_local(scratch)):
        raise LockstepError("path_invalid", f"The scratch folder {scratch} must be an absolute path on a disk of {host.name}.")
    argv = [UNPACKER, "-xf", settings.zip_path, "-C", scratch]
    plan = [
        {"step": "make_folder", "path": scratch},
        {"step": "unpack", "argv": argv},
        {"step": "measure", "path": scratch},
        {"step": "remove", "path": scratch},
    ]
    result: dict[str, t.Any] = {"changed": True, "plan": plan, "unpacked_bytes": None}
    if host.stat(scratch) is not None:
        raise LockstepError(
            "path_exists",
            f"The scratch folder {scratch} on {host.name} is there already. A drill removes its scratch folder at the end, so it "
            "takes none that may hold something else: remove it, or name another one.",
            path=scratch,
        )
    if task.check_mode:
        return result
    if host.stat(settings.zip_path) is None:
        raise LockstepError("zip_missing", f"There is no {settings.zip_path} on {host.name}.", path=settings.zip_path)
    host.make_folder(scratch)
    try:
        done = host.run(argv, timeout=settings.timeout)
        if done.exit_code != 0:
            answer = (done.stderr or done.stdout).strip()
            raise LockstepError(
                "zip_damaged",
                f"{settings.zip_path} on {host.name} cannot be unpacked completely (exit code {done.exit_code}): {answer}",
                path=settings.zip_path,
            )
        result["unpacked_bytes"] = host.tree_bytes(scratch)
    finally:
        host.remove(scratch)
    if not result["unpacked_bytes"]:
        raise LockstepError("zip_damaged", f"{settings.zip_path} on {host.name} holds no data.", path=settings.zip_path)
    return result
