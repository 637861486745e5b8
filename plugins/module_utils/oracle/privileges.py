# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Granting for the time of one export, and taking back whatever happens. Private to lockstep.backup: not a public interface.

The journal is written before the first grant, and removed after the last revoke was verified. A run that died in between left
it on the host; the next run does what it says.
"""

from __future__ import annotations

import contextlib
import datetime
import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.host.absent import list_or_none, read_or_none
from ansible_collections.lockstep.backup.plugins.module_utils.host.base import FILES, Host
from ansible_collections.lockstep.backup.plugins.module_utils.oracle.dictionary import Dictionary
from ansible_collections.lockstep.backup.plugins.module_utils.oracle.files import name_key
from ansible_collections.lockstep.backup.plugins.module_utils.oracle.grants import (
    Journal,
    Privileges,
    grant_statement,
    undo_statements,
)
from ansible_collections.lockstep.backup.plugins.module_utils.oracle.session import Login, Session, Sessions
from ansible_collections.lockstep.backup.plugins.module_utils.owner import Owner, refuse_foreign

# Revoke, then what the revoke of DBA did to UNLIMITED TABLESPACE, then the check that nothing is left.
MOST_ROUNDS = 4


class JournalFile:
    """Where the journal of one account at one service lies on the host."""

    def __init__(self, host: Host, path: str) -> None:
        self.host, self.path = host, path

    @property
    def _drafts(self) -> str:
        """What their names begin with."""
        return f"{self.path}~"

    def read(self) -> Journal | None:
        """Slug ``journal_damaged``."""
        text = read_or_none(self.host, self.path)
        return None if text is None else Journal.loads(text, self.path)

    def refuse_foreign(self, journal: Journal, mine: Owner, dead_run: str | None) -> None:
        """Slug ``run_in_progress``."""
        what = f"The journal {self.path} on {self.host.name}"
        refuse_foreign(what, journal.owner, mine, dead_run, journal.since.isoformat())

    def create(self, journal: Journal) -> None:
        """Of two runs that begin at once, the second finds the name taken: slug ``run_in_progress``."""
        draft = f"{self._drafts}{journal.owner.run_id}"
        self.host.write_text(draft, journal.dumps(), private=True, new_folder=True)
        try:
            self.host.rename(draft, self.path)
        except LockstepError as error:
            if error.slug != "path_exists":
                raise
            self.host.remove(draft)
            other = self.read()
            if other is not None:
                self.refuse_foreign(other, journal.owner, None)
            raise

    def replace(self, journal: Journal) -> None:
        self.host.write_text(self.path, journal.dumps(), private=True)

    def remove(self) -> None:
        self.host.remove(self.path)

    def sweep(self) -> None:
        """Remove the drafts of runs that were cut short. A draft lives for seconds, so one that is a day old is nobody's.
        Raises nothing of its own: what cannot be removed today is no reason to fail today's export."""
        with contextlib.suppress(LockstepError):
            self._sweep()

    def _sweep(self) -> None:
        there = list_or_none(self.host, self.host.parent(self.path), FILES) or []
        begin = name_key(self.host.platform, self._drafts)
        left = [info for info in there if name_key(self.host.platform, info.path).startswith(begin)]
        if left:
            oldest = self.host.now() - datetime.timedelta(days=1)
            for info in left:
                if info.modified < oldest:
                    self.host.remove(info.path)


class Grants:
    """The statements, over the administrator's session."""

    def __init__(self, sessions: Sessions, admin: Login | None, account: str) -> None:
        self.sessions, self.admin, self.account = sessions, admin, account

    def _over_admin(self, work: t.Callable[[Session], t.Any], repeat: bool = True) -> t.Any:
        if self.admin is None:
            raise LockstepError(
                "elevation_refused",
                f"Privileges of {self.account} cannot be changed without admin_user and admin_password. Give them.",
            )
        return self.sessions.repeatable(self.admin, work) if repeat else work(self.sessions.of(self.admin))

    def read(self) -> Privileges:
        """What the account has now, as the administrator sees it."""
        found: Privileges = self._over_admin(lambda session: Dictionary(session, True, self.account, self.account).privileges())
        return found

    def grant(self, role: str) -> None:
        """Grant, and see that a new session of the account has it. Slug ``elevation_refused``."""
        try:
            self._execute(grant_statement(role, self.account))
        except LockstepError as error:
            if error.slug == "oracle_connection_lost":
                raise
            raise LockstepError(
                "elevation_refused",
                f"{role} could not be granted to {self.account}: {error.message} The administrator needs the role itself with "
                "admin option.",
                **error.details,
            ) from error
        now = self.read()
        if role not in now.enabled:
            raise LockstepError(
                "elevation_refused",
                f"{role} was granted to {self.account}, but is none of its default roles, so that its sessions run without it. "
                "ALTER USER … DEFAULT ROLE ALL changes that.",
            )

    def _execute(self, statement: str) -> None:
        """Not repeated after a lost connection: what became of it is seen by reading again."""
        self._over_admin(lambda session: session.execute(statement), repeat=False)

    def undo(self, journal: Journal) -> list[str]:
        """Make it as it was before the journal; the statements that it took. Slug ``privileges_left``.

        Each round reads what there is, so it may be interrupted and repeated at any point.
        """
        if not journal.granted or journal.before is None:
            return []
        done: list[str] = []
        try:
            for _round in range(MOST_ROUNDS):
                statements = undo_statements(journal.granted, journal.before, self.read(), self.account)
                if not statements:
                    return done
                for statement in statements:
                    self._execute(statement)
                    done.append(statement)
        except LockstepError as error:
            raise self.left_behind(journal, error.message, **error.details) from error
        raise self.left_behind(journal, "The database took the statements, and nothing changed.", statements=done)

    def left_behind(self, journal: Journal, reason: str, **details: t.Any) -> LockstepError:
        return LockstepError(
            "privileges_left",
            f"{', '.join(journal.granted)} could not be taken back from {self.account} at {journal.service}: {reason} The journal "
            "stays, and "
            "the next run tries again; state=recovered does it at once.",
            **{**details, "not_revoked": list(journal.granted)},
        )
