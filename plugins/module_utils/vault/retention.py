# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which sets move to Archive and which are deleted. Private to lockstep.backup: not a public interface.

Source: HotBackup Overview, "Directory Structure": over the number of Recent the oldest moves to Archive; over the number of Archive
the oldest is deleted; a failed set is deleted when a newer good one is. Added to it: only good sets count, only they are moved or
deleted by number, and the newest good set stays whatever the numbers say.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.vault.catalogue import (
    ARCHIVE,
    FAILED,
    IS_FAILED,
    IS_UNFINISHED,
    RECENT,
    Entry,
)

LARGEST_NUMBER = 99


@dataclasses.dataclass(frozen=True)
class Retention:
    """What is to be done, each oldest first. ``delete`` may name sets that ``archive`` moves first."""

    archive: tuple[Entry, ...] = ()
    delete: tuple[Entry, ...] = ()
    delete_failed: tuple[Entry, ...] = ()


def check_numbers(keep_recent: int, keep_archive: int) -> None:
    """Slug ``option_invalid``: 1 to 99 in Recent (so that a good set always stays), 0 to 99 in Archive."""
    if not (1 <= keep_recent <= LARGEST_NUMBER and 0 <= keep_archive <= LARGEST_NUMBER):
        raise LockstepError(
            "option_invalid",
            f"keep_recent={keep_recent} and keep_archive={keep_archive} cannot be kept: keep_recent is 1 to {LARGEST_NUMBER}, "
            f"keep_archive 0 to {LARGEST_NUMBER}.",
            option="keep_recent" if not 1 <= keep_recent <= LARGEST_NUMBER else "keep_archive",
        )


def unconfirmed(entries: t.Sequence[Entry], primary_sets: t.Collection[str] | None) -> list[Entry]:
    """Good sets here of which the commit point knows nothing: their run ended between the two commits.

    ``primary_sets``: ids of the good sets at the commit point; None where this host is it. Sets older than the oldest one that both
    have are what the commit point has deleted already, and are none of these.
    """
    if primary_sets is None:
        return []
    good = [entry for entry in entries if entry.good]
    confirmed = [entry.name for entry in good if entry.set_id in primary_sets]
    oldest = min(confirmed, default="")
    return [entry for entry in good if entry.set_id not in primary_sets and entry.name > oldest]


def plan(entries: t.Sequence[Entry], keep_recent: int, keep_archive: int, uncounted: t.Sequence[Entry] = ()) -> Retention:
    """What retention does with these sets. ``uncounted`` are neither counted nor touched."""
    counted = sorted((entry for entry in entries if entry.good and entry not in uncounted), key=lambda entry: entry.name)
    recent = [entry for entry in counted if entry.folder == RECENT]
    over = recent[: max(0, len(recent) - keep_recent)]
    archive = sorted([entry for entry in counted if entry.folder == ARCHIVE] + over, key=lambda entry: entry.name)
    # Only a vault whose Recent was emptied by hand can have its newest good set among these.
    delete = [entry for entry in archive[: max(0, len(archive) - keep_archive)] if entry != counted[-1]]
    newest_deleted = max((entry.name for entry in delete), default="")
    delete_failed = [
        entry
        for entry in sorted(entries, key=lambda entry: entry.name)
        if entry.folder == FAILED and entry.status in (IS_FAILED, IS_UNFINISHED) and entry.name < newest_deleted
    ]
    return Retention(tuple(over), tuple(delete), tuple(delete_failed))
