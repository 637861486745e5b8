# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""RESTORE.txt: what a person needs to restore a set without this software. Private to lockstep.backup: not a public interface."""

from __future__ import annotations

import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.host.base import WINDOWS
from ansible_collections.lockstep.backup.plugins.module_utils.vault.backup_log import one_line

_GRADES: t.Mapping[str, str] = {
    "quiesced": "quiesced: everything that writes was stopped while the parts were made. The parts fit together.",
    "hot": "hot: the parts were made while users worked, by a tool that takes a consistent copy of live data.",
    "crash_consistent": "crash_consistent: like the disks after a power failure. Only a start shows whether it can be used.",
    "degraded": "degraded: the backup ended, but not as it should have. Read the reasons before you rely on it.",
}
_HASH_COMMAND = {True: 'certutil -hashfile "{path}" SHA256', False: "sha256sum '{path}'"}


def write(manifest: t.Mapping[str, t.Any], platform: str) -> str:
    """The text for a committed manifest. Lines end in LF; all of it is data of the manifest and plain words."""
    windows = platform == WINDOWS
    outage = manifest["outage"]
    lines = [
        f"Backup set {manifest['set']} of {manifest['installation']} ({manifest['system']})",
        "",
        f"Set id:   {manifest['set_id']}",
        f"Host:     {manifest['host']}",
        f"Made:     {manifest['started']} to {manifest['ended']}",
        f"Grade:    {_GRADES[manifest['grade']]}",
        *(f"          - {one_line(reason)}" for reason in manifest["grade_reasons"]),
        f"Outage:   {outage['started']} to {outage['ended']} ({outage['seconds']:g} s)" if outage else "Outage:   none recorded",
    ]
    lines += ["", "PARTS IN THIS FOLDER"]
    for part in manifest["parts"]:
        path = part["path"].replace("/", "\\") if windows else part["path"]
        tool = " ".join(one_line(word) for word in (part["tool"], part["tool_version"]) if word)
        lines += [
            f"- {path}",
            f"  {part['bytes']} bytes, made by {tool or 'an unnamed tool'}",
            f"  SHA-256 {part['sha256']}",
            f"  Check it with:  {_HASH_COMMAND[windows].format(path=path)}",
        ]
    others = [host for host in manifest["hosts"] if host != manifest["host"]]
    if others:
        lines += [
            "",
            "PARTS ON OTHER HOSTS",
            f"This is not the whole backup. The rest lies in the vaults on {', '.join(others)}.",
            f"Use only parts whose manifest.json has the set id {manifest['set_id']}. Parts of different sets do not fit together.",
            f"The set is good only if it is in the folder Recent or Archive on {manifest['hosts'][0]}, too.",
        ]
    lines += ["", "HOW TO RESTORE"]
    lines += [f"{number}. {one_line(step)}" for number, step in enumerate(manifest["restore_steps"], start=1)] or [
        "No steps were recorded. Follow the product's manual for the tools named above."
    ]
    return "\n".join(lines) + "\n"
