# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether what a backup program left behind proves a backup. Pure. Private to lockstep.backup: not a public interface."""

from __future__ import annotations

import datetime
import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.command.formats import MOST_LINES, Findings
from ansible_collections.lockstep.backup.plugins.module_utils.command.settings import Settings
from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.host.base import FileInfo

COARSEST_STAMP = datetime.timedelta(seconds=2)
"""How exact file systems are (FAT keeps every other second)."""


def refuse_exit_code(settings: Settings, exit_code: int | None) -> None:
    """Raise ``tool_failed`` for every exit code that is not named as a success. None is an unknown code."""
    if exit_code is None or exit_code not in settings.success_codes:
        wanted = " or ".join(map(str, settings.success_codes))
        raise LockstepError(
            "tool_failed",
            f"{settings.name} ({settings.program}) ended with exit code {exit_code}; only {wanted} means success. Its "
            "output and its log say more.",
        )


def refuse_old_log(settings: Settings, found: FileInfo | None, started: datetime.datetime) -> None:
    """The log has to be of this run. Slugs ``log_missing`` and ``log_stale``."""
    if found is None or found.is_dir:
        raise LockstepError(
            "log_missing",
            f"{settings.name} has ended, and there is no log {settings.log}: whatever it reported, nothing says that it made "
            "a backup. Correct log, or look why the program writes none.",
        )
    if found.modified < started - COARSEST_STAMP:
        raise LockstepError(
            "log_stale",
            f"The log {settings.log} was last written {found.modified.isoformat()}, before {settings.name} was started "
            f"({started.isoformat()}): it is another run's, and says nothing of this one.",
        )


def refuse_findings(settings: Settings, where: str, findings: Findings) -> None:
    """Slugs ``backup_failed`` (the log says so), ``backup_unproven`` (it does not say that it succeeded), ``files_skipped``."""
    if findings.failures:
        raise LockstepError("backup_failed", f"{where} says that {settings.name} failed: {_quoted(findings.failures)}")
    if findings.missing:
        raise LockstepError(
            "backup_unproven",
            f"{where} does not say that {settings.name} made a complete backup. It lacks "
            f"{'; '.join(findings.missing[:MOST_LINES])}. Read it; if it is in another language, give "
            "success_patterns and failure_patterns with log_format=patterns.",
        )
    skipped = findings.counts.skipped or 0
    if skipped > settings.expected.max_skipped:
        raise LockstepError(
            "files_skipped",
            f"{where} says that {skipped} files were left out or not read completely; max_skipped allows "
            f"{settings.expected.max_skipped}. {_quoted(findings.skipped)}",
        )


def skipped_warning(settings: Settings, where: str, findings: Findings) -> str | None:
    """Also what is allowed is told: it is not in the backup."""
    if not findings.counts.skipped:
        return None
    return f"{where}: {settings.name} left out {findings.counts.skipped} files or did not read them completely."


def _quoted(lines: t.Sequence[str]) -> str:
    shown = " | ".join(line[:300] for line in lines[:MOST_LINES])
    return shown + (f" | … ({len(lines)} lines)" if len(lines) > MOST_LINES else "")
