# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lock of a vault: a folder that names its owner. Private to lockstep.backup: not a public interface.

The folder is prepared under a name of its own, with the owner in it, and becomes the lock by one rename, which both platforms
refuse when the lock is there. So there is never a lock without an owner, and of two runs one gets it. It goes the same way back.
"""

from __future__ import annotations

import dataclasses
import json
import secrets
import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.host.absent import read_or_none
from ansible_collections.lockstep.backup.plugins.module_utils.host.base import FOLDERS
from ansible_collections.lockstep.backup.plugins.module_utils.owner import Owner, refuse_foreign
from ansible_collections.lockstep.backup.plugins.module_utils.vault.layout import LOCK, LOCK_OWNER, Vault

FREE, MINE, OVER = "free", "mine", "over"
"""What a run found: no lock, its own, or that of a run that is proven to be over."""


@dataclasses.dataclass(frozen=True)
class Holder:
    """Who has the lock, since when (ISO 8601, the host's clock), and the token that tells this lock from every other one."""

    owner: Owner
    since: str
    token: str

    def as_dict(self) -> dict[str, t.Any]:
        return {"owner": self.owner.as_dict(), "since": self.since}


class Lock:
    """One run's dealings with the lock of one vault."""

    def __init__(self, vault: Vault, owner: Owner, dead_run: str | None, now: str) -> None:
        self.vault, self.owner, self.dead_run, self.now = vault, owner, dead_run, now
        self._host = vault.host
        self._held: Holder | None = None

    def holder(self) -> Holder | None:
        """Who has it now. Slug ``lock_unreadable`` when that cannot be told."""
        text = read_or_none(self._host, self._host.join(self.vault.lock, LOCK_OWNER))
        if text is None:
            if self._host.stat(self.vault.lock) is None:
                return None
            raise self._unreadable("it has no owner.json")
        try:
            return _holder(text)
        except (ValueError, KeyError, TypeError) as error:
            raise self._unreadable(f"its owner.json cannot be understood ({type(error).__name__})") from None

    def look(self) -> str:
        """What ``take`` would find: FREE, MINE or OVER; ``run_in_progress`` for a foreign one. Changes nothing."""
        found = self.holder()
        if found is None:
            return FREE
        self._refuse(found)
        if found.owner.run_id == self.owner.run_id:
            self._held = found
            return MINE
        return OVER

    def take(self) -> str:
        """Hold the lock from now on; what was found, as in ``look``. Slugs ``run_in_progress``, ``lock_unreadable``."""
        mine = Holder(self.owner, self.now, f"{self.owner.run_id}-{secrets.token_hex(4)}")
        prepared = self._place(mine.token)
        text = json.dumps(dict(mine.as_dict(), token=mine.token), indent=2) + "\n"
        self._host.write_text(self._host.join(prepared, LOCK_OWNER), text, new_folder=True)
        if self._becomes_lock(prepared):
            self._held = mine
            return FREE
        try:
            found = self.look()
            if found == OVER:
                self._break()
            if found != MINE and not self._becomes_lock(prepared):
                raise self._lost_race()
        except LockstepError as error:
            self._remove_after(prepared, error)
            raise
        if found == MINE:
            self._host.remove(prepared, FOLDERS)
        else:
            self._held = mine
        return found

    def release(self) -> None:
        """Give it back, if this run holds it."""
        if self._held is not None:
            away = self._place(self._held.token)
            self._host.rename(self.vault.lock, away)
            self._held = None
            self._host.remove(away, FOLDERS)

    def release_after(self, error: LockstepError) -> None:
        """Give it back although something failed. What fails here, too, is added to the first error and does not hide it."""
        try:
            self.release()
        except LockstepError as second:
            error.details.setdefault("lock_not_released", second.message)

    def must_be_mine(self) -> None:
        """Slugs ``lock_lost`` when nobody has it, ``run_in_progress`` when another run has."""
        found = self.holder()
        if found is None:
            raise LockstepError(
                "lock_lost",
                f"This run does not hold the lock of the vault {self.vault.path} on {self._host.name}: it was never taken, or "
                "somebody removed it. What happened in the vault meanwhile is unknown, so nothing is committed. Open a new set.",
                path=self.vault.path,
            )
        refuse_foreign(self._what(), found.owner, self.owner, None, found.since)
        self._held = found

    def _becomes_lock(self, prepared: str) -> bool:
        try:
            self._host.rename(prepared, self.vault.lock)
        except LockstepError as error:
            if error.slug == "path_exists":
                return False
            if error.slug == "path_missing":
                # The run that has the lock cleans up what looks like the remains of others.
                raise self._lost_race() from None
            raise
        return True

    def _remove_after(self, prepared: str, error: LockstepError) -> None:
        try:
            self._host.remove(prepared, FOLDERS)
        except LockstepError as second:
            error.details.setdefault("not_removed", second.message)

    def _break(self) -> None:
        """Remove the lock of a run that is over, and no other one."""
        seen = self.holder()
        if seen is None:
            return
        self._refuse(seen)
        away = self._place(seen.token)
        self._host.rename(self.vault.lock, away)
        text = read_or_none(self._host, self._host.join(away, LOCK_OWNER))
        if text is None or _holder(text) != seen:
            # Between reading and renaming another run took over the same dead lock: what was moved is its lock.
            self._host.rename(away, self.vault.lock)
            raise self._lost_race()
        self._host.remove(away, FOLDERS)

    def _refuse(self, found: Holder) -> None:
        refuse_foreign(self._what(), found.owner, self.owner, self.dead_run, found.since)

    def _place(self, token: str) -> str:
        return self._host.join(self.vault.path, f"{LOCK}.{token}")

    def _what(self) -> str:
        return f"The lock of the vault {self.vault.path} on {self._host.name}"

    def _lost_race(self) -> LockstepError:
        return LockstepError(
            "run_in_progress",
            f"{self._what()} was taken by another run at this very moment. Wait until that run has ended.",
            path=self.vault.path,
        )

    def _unreadable(self, why: str) -> LockstepError:
        return LockstepError(
            "lock_unreadable",
            f"{self._what()} does not name its owner: {why}. Make sure that no run works on this installation, then remove the "
            f"folder {self.vault.lock}.",
            path=self.vault.lock,
        )


def _holder(text: str) -> Holder:
    data = json.loads(text)
    return Holder(Owner.from_dict(data["owner"]), str(data["since"]), str(data["token"]))
