# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One call of the module: lock, catalogue, drive, and the plan. Private to lockstep.backup: not a public interface."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import functools
import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.feature import Task
from ansible_collections.lockstep.backup.plugins.module_utils.host.absent import read_or_none
from ansible_collections.lockstep.backup.plugins.module_utils.host.base import FOLDERS
from ansible_collections.lockstep.backup.plugins.module_utils.tape import catalogue as catalogues
from ansible_collections.lockstep.backup.plugins.module_utils.tape import drive as drives
from ansible_collections.lockstep.backup.plugins.module_utils.tape import identity as identities
from ansible_collections.lockstep.backup.plugins.module_utils.tape import moments, policies, seals, settings
from ansible_collections.lockstep.backup.plugins.module_utils.tape.changer import Changer
from ansible_collections.lockstep.backup.plugins.module_utils.tape.drive import Drive, Step
from ansible_collections.lockstep.backup.plugins.module_utils.tape.identity import Identity
from ansible_collections.lockstep.backup.plugins.module_utils.vault import times
from ansible_collections.lockstep.backup.plugins.module_utils.vault.layout import Vault
from ansible_collections.lockstep.backup.plugins.module_utils.vault.lock import OVER, Lock
from ansible_collections.lockstep.backup.plugins.module_utils.vault.names import check_installation

Result = t.Dict[str, t.Any]


@dataclasses.dataclass(frozen=True)
class Action:
    """One step of the plan. ``target``: a tape, a file, or the drive."""

    action: str
    target: str
    reason: str = ""

    def as_dict(self) -> dict[str, str]:
        return {key: value for key, value in vars(self).items() if value}


class _CatalogueLock(Lock):
    def _what(self) -> str:
        return f"The lock of the catalogue of tapes {self.vault.path} on {self.vault.host.name}"

    def check(self) -> None:
        """Slug ``lock_lost`` when another run has it by now, because this one was taken for dead: it may still wait for a tape on
        the host after its control node has ended."""
        found = self.holder()
        if found is None or found.owner.run_id != self.owner.run_id:
            # It is not this run's to give back.
            self._held = None
            raise LockstepError("lock_lost", f"{self._what()} was taken over by another run. This one ends without writing.")


class Session:
    """Made once per call; reads the host's clock once and counts on from there."""

    def __init__(self, task: Task) -> None:
        self.task, self.params, self.host = task, task.params, task.host
        if not self.host.is_absolute(self.params["path"]):
            raise LockstepError(
                "path_not_absolute", f"The catalogue's folder {self.params['path']} needs a full path on {self.host.name}."
            )
        check_installation(self.params["installation"])
        settings.check_block_size(self.params["block_size"])
        self._folder = Vault(self.host, self.params["path"], self.params["installation"])
        self.path = self.host.join(self.params["path"], catalogues.FILE_NAME)
        self.now: datetime.datetime = self.host.now()
        self._began = task.clock.monotonic()
        self.lock = _CatalogueLock(self._folder, task.owner, task.dead_run, times.iso(self.now))
        self.given_pool = settings.pool_of(self.params["pool"]) if self.params["pool"] else None
        self.policy = settings.policy_of(self.params["policy"])
        self._drive: Drive | None = None
        self._holds_lock = False
        self.done: list[Action] = []
        self.warnings: list[str] = []
        self._text = ""
        self.before = ""
        self.catalogue = catalogues.Catalogue(self.params["installation"])

    # what the options say
    @property
    def pool(self) -> policies.Pool:
        """Only for the states that require it."""
        return t.cast(policies.Pool, self.given_pool)

    @property
    def drive(self) -> Drive:
        if self._drive is None:
            self._drive = settings.drive_of(self.task, self.params["device"])
            if self._holds_lock:
                self._drive.take_over()
        return self._drive

    @property
    def changer(self) -> Changer | None:
        return settings.changer_of(self.host, self.params["changer"], self.drive)

    def moment(self) -> datetime.datetime:
        """The host's time now, without asking it again."""
        return self.now + datetime.timedelta(seconds=self.task.clock.monotonic() - self._began)

    def text_moment(self) -> str:
        return moments.text(self.moment())

    # the catalogue
    def read_catalogue(self) -> None:
        """Slugs ``catalogue_damaged``, ``option_invalid``."""
        self._text = read_or_none(self.host, self.path) or ""
        self.before = self._text
        if self._text:
            self.catalogue = catalogues.read(self._text, self.params["installation"], self.path)

    @contextlib.contextmanager
    def locked(self) -> t.Iterator[None]:
        """Hold the lock (in check mode: see whether it could be taken), with the catalogue read. It is given back whatever happens,
        and what was done before a failure gets into its error."""
        checking = self.task.check_mode
        found = self.lock.look() if checking else self.lock.take()
        self._holds_lock = not checking
        reason = "what the run that is over has left is taken over" if found == OVER else ""
        self.done.append(Action("take_lock", self._folder.lock, reason))
        try:
            self.read_catalogue()
            for stored in self.catalogue.sets.values():
                if stored.state == catalogues.WRITING:
                    # Whoever holds the lock knows that nobody writes. Neither drive nor tape failed: what was there before is
                    # looked for before anything is appended to it.
                    self.catalogue.give_up(stored, "its run ended before it was complete", close=False)
            yield
        except LockstepError as error:
            error.details.setdefault("done", [action.as_dict() for action in self.done])
            if not checking:
                self.lock.release_after(error)
            raise
        except BaseException:
            if not checking:
                self.lock.release()
            raise
        self.done.append(Action("release_lock", self._folder.lock))
        if not checking:
            self.lock.release()

    def remove_left_locks(self) -> None:
        """What runs that were cut short have left of locks, by the run that has the lock."""
        for path in self._folder.left_locks(self._folder.folders_in(self.params["path"]) or []):
            self.act("remove", path, "left by a run that was cut short", functools.partial(self.host.remove, path, FOLDERS))

    def check_lock(self) -> None:
        """Before anything that must not be done twice. Slug ``lock_lost``."""
        if not self.task.check_mode:
            self.lock.check()

    def save(self, reason: str) -> None:
        """Replace the catalogue's file as a whole, if it would differ."""
        text = catalogues.write(self.catalogue)
        if text != self._text and (self.catalogue.tapes or self._text):
            self.check_lock()
            self._text = text
            self.act("write", self.path, reason, lambda: self.host.write_text(self.path, text))

    # doing
    def act(self, action: str, target: str, reason: str = "", do: t.Callable[[], t.Any] = lambda: None) -> None:
        """Do it, or in check mode only note it."""
        noted = Action(action, target, reason)
        if not self.task.check_mode:
            try:
                do()
            except LockstepError as error:
                error.details.setdefault("failed_action", noted.as_dict())
                raise
        self.done.append(noted)

    def warn(self, message: str) -> None:
        if message not in self.warnings:
            self.warnings.append(message)
            self.task.warn(message)

    def identify(self) -> Identity:
        """The tape in the drive, which must be loaded. Only reads, so that check mode does it too."""
        outcomes = self.drive.perform([Step(drives.REWIND), Step(drives.READ_GROUP)])
        last = outcomes[-1]
        if last.end == drives.ERROR:
            return identities.unreadable(last.error)
        if len(outcomes) < 2 or (last.end == drives.END_OF_DATA and not last.blocks):
            return identities.blank()
        return seals.recognised(identities.identify(last.blocks), self.catalogue)

    def result(self, **more: t.Any) -> Result:
        """``changed`` is whether anything but the lock was done."""
        plan = [action.as_dict() for action in self.done]
        changed = any(action.action not in _NO_CHANGE for action in self.done)
        found: Result = {"changed": changed, "catalogue": self.path, "plan": plan, **more}
        if self.task.diff_mode and self._text != self.before:
            found["diff"] = {"before_header": self.path, "after_header": self.path, "before": self.before, "after": self._text}
        return found


_NO_CHANGE = ("take_lock", "release_lock", "check_label", "ask", "verify", "read")
