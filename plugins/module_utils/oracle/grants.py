# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Temporary privileges: what there is, what is missing, how it is put back. Private to lockstep.backup: not a public interface.

Nothing here talks to a database. What was there before is never revoked.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.oracle.names import quoted
from ansible_collections.lockstep.backup.plugins.module_utils.owner import Owner

FORMAT = 1
DBA = "DBA"
UNLIMITED_TABLESPACE = "UNLIMITED TABLESPACE"

ROLES: t.Mapping[tuple[str, str], str] = {
    ("exported", "classic"): "EXP_FULL_DATABASE",
    ("imported", "classic"): "IMP_FULL_DATABASE",
    ("exported", "datapump"): "DATAPUMP_EXP_FULL_DATABASE",
    ("imported", "datapump"): "DATAPUMP_IMP_FULL_DATABASE",
}
"""The narrowest role that suffices, by state and method."""


FULL_ROLES: t.Mapping[str, t.Mapping[str, frozenset[str]]] = {
    "exported": {
        "classic": frozenset({"EXP_FULL_DATABASE", DBA}),
        "datapump": frozenset({"DATAPUMP_EXP_FULL_DATABASE", "EXP_FULL_DATABASE", DBA}),
    },
    "imported": {
        "classic": frozenset({"IMP_FULL_DATABASE", DBA}),
        "datapump": frozenset({"DATAPUMP_IMP_FULL_DATABASE", "IMP_FULL_DATABASE", DBA}),
    },
}
"""Of which one is needed for a whole database."""


def role_wanted(elevate: str, state: str, method: str) -> str | None:
    """``elevate``: none, dba or export_role."""
    if elevate == "none":
        return None
    return DBA if elevate == "dba" else ROLES[(state, method)]


@dataclasses.dataclass(frozen=True)
class RoleGrant:
    """A role granted directly. Not ``default`` means that a new session does not have it enabled."""

    admin_option: bool
    default: bool


@dataclasses.dataclass(frozen=True)
class Privileges:
    """What an account has: roles granted directly, all roles that a new session has enabled (also inherited), and whether
    UNLIMITED TABLESPACE is granted directly (None: no; else with or without admin option)."""

    roles: t.Mapping[str, RoleGrant]
    enabled: frozenset[str]
    unlimited: bool | None

    def as_dict(self) -> dict[str, t.Any]:
        return {
            "roles": {name: dataclasses.asdict(grant) for name, grant in sorted(self.roles.items())},
            "enabled": sorted(self.enabled),
            "unlimited_tablespace": self.unlimited is not None,
            "unlimited_tablespace_admin_option": self.unlimited is True,
        }

    @classmethod
    def from_dict(cls, data: t.Mapping[str, t.Any]) -> Privileges:
        has = bool(data["unlimited_tablespace"])
        return cls(
            roles={str(n): RoleGrant(bool(g["admin_option"]), bool(g["default"])) for n, g in data["roles"].items()},
            enabled=frozenset(map(str, data["enabled"])),
            unlimited=bool(data["unlimited_tablespace_admin_option"]) if has else None,
        )


def enabled_roles(direct: t.Mapping[str, RoleGrant], of_roles: t.Iterable[tuple[str, str]]) -> frozenset[str]:
    """All roles of a new session: the default ones, and what roles hold of other roles (pairs of holder and role)."""
    held: dict[str, list[str]] = {}
    for holder, role in of_roles:
        held.setdefault(holder, []).append(role)
    found: set[str] = set()
    # What PUBLIC has, everybody has.
    waiting = [role for role, grant in direct.items() if grant.default] + held.get("PUBLIC", [])
    while waiting:
        role = waiting.pop()
        if role not in found:
            found.add(role)
            waiting += held.get(role, [])
    return frozenset(found)


def missing_role(wanted: str | None, before: Privileges, account: str) -> str | None:
    """The role to grant, None when the account can do without. DBA contains every other role that is asked for here.

    Slug ``elevation_refused`` when the role is granted but not enabled: a grant would not change that, and its revoke would
    take away what was there before.
    """
    if wanted is None or wanted in before.enabled or DBA in before.enabled:
        return None
    if wanted in before.roles:
        raise LockstepError(
            "elevation_refused",
            f"{account} has the role {wanted} already, but not as a default role, so that its sessions run without it. Make it a "
            f"default role (ALTER USER … DEFAULT ROLE), or choose elevate=none.",
        )
    return wanted


def grant_statement(role: str, account: str) -> str:
    return f"GRANT {role} TO {quoted(account)}"


def undo_statements(granted: t.Sequence[str], before: Privileges, now: Privileges, account: str) -> list[str]:
    """What makes ``now`` as it was before, in order. ``granted``: the roles of the journal, whether or not their GRANT happened.

    Up to Oracle 11 the grant of DBA brings UNLIMITED TABLESPACE as a direct privilege, and the revoke of DBA takes it away,
    even where it had been granted on its own before.
    """
    ours = [role for role in granted if role not in before.roles]
    statements = [f"REVOKE {role} FROM {quoted(account)}" for role in reversed(ours) if role in now.roles]
    if statements or DBA not in ours:
        return statements
    if before.unlimited is None and now.unlimited is not None:
        return [f"REVOKE {UNLIMITED_TABLESPACE} FROM {quoted(account)}"]
    if before.unlimited is not None and now.unlimited is None:
        admin = " WITH ADMIN OPTION" if before.unlimited else ""
        return [f"GRANT {UNLIMITED_TABLESPACE} TO {quoted(account)}{admin}"]
    return []


def planned_undo(role: str, before: Privileges, account: str) -> list[str]:
    """For the plan of check mode: the statements that are sure to come."""
    after = dataclasses.replace(before, roles={**before.roles, role: RoleGrant(False, True)})
    return undo_statements([role], before, after, account)


@dataclasses.dataclass(frozen=True)
class Journal:
    """Written before anything is granted or written that has to be taken back. Holds no secret."""

    account: str
    service: str
    set_id: str
    operation: str
    method: str
    dump: str
    owner: Owner
    since: datetime.datetime
    before: Privileges | None = None
    granted: tuple[str, ...] = ()
    parameter_file: str | None = None
    job_folder: str | None = None
    datapump_job: str | None = None
    datapump_log: str | None = None
    scn: int | None = None

    def dumps(self) -> str:
        data = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        data.update(
            format=FORMAT,
            owner=self.owner.as_dict(),
            since=self.since.isoformat(),
            before=self.before.as_dict() if self.before else None,
            granted=list(self.granted),
        )
        return json.dumps(data, indent=2, sort_keys=True) + "\n"

    @classmethod
    def loads(cls, text: str, path: str) -> Journal:
        """Slug ``journal_damaged``: nothing is done on the word of a file that is not understood."""
        try:
            data = json.loads(text)
            if data.pop("format") != FORMAT:
                raise ValueError("another format")
            data.update(
                owner=Owner.from_dict(data["owner"]),
                since=datetime.datetime.fromisoformat(data["since"]),
                before=None if data["before"] is None else Privileges.from_dict(data["before"]),
                granted=tuple(map(str, data["granted"])),
            )
            return cls(**data)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise LockstepError(
                "journal_damaged",
                f"The journal {path} cannot be read ({error.__class__.__name__}). Look at it, revoke what it names and remove the "
                "parameter file that it names, by hand; then remove it.",
                path=path,
            ) from error

    def describe(self) -> dict[str, t.Any]:
        """For results."""
        return {
            "account": self.account,
            "service": self.service,
            "set_id": self.set_id,
            "operation": self.operation,
            "method": self.method,
            "granted": list(self.granted),
            "owner": self.owner.as_dict(),
            "since": self.since.isoformat(),
        }
