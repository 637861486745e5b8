# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Preflight: what stands against an export or import, from facts alone. Private to lockstep.backup: not a public interface."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.oracle.grants import FULL_ROLES

ERROR = "error"
WARNING = "warning"

OPEN_ACCOUNT = ("OPEN", "EXPIRED(GRACE)")
NAMES_SHOWN = 10


@dataclasses.dataclass(frozen=True)
class Facts:
    """What the database says. None: the account that asks may not see it."""

    version: str
    charset: str
    open_mode: str | None = None
    log_mode: str | None = None
    scn: int | None = None
    account_status: str | None = None
    schema_exists: bool | None = None
    schema_bytes: int | None = None
    schema_objects: int | None = None
    invalid_objects: tuple[str, ...] | None = None
    tables_without_segment: tuple[str, ...] | None = None
    directory_path: str | None = None
    directory_rights: frozenset[str] | None = None
    enabled_roles: frozenset[str] | None = None

    def as_dict(self) -> dict[str, t.Any]:
        data = dataclasses.asdict(self)
        for name in ("invalid_objects", "tables_without_segment"):
            data[name] = None if data[name] is None else list(data[name])
        for name in ("directory_rights", "enabled_roles"):
            data[name] = None if data[name] is None else sorted(data[name])
        return data


@dataclasses.dataclass(frozen=True)
class Wanted:
    """What is going to be done. ``directory``: of Data Pump. ``dump_folder``, ``free_bytes``: of the host."""

    operation: str
    method: str
    schema: str
    account: str
    elevate: str = "none"
    consistent: bool = True
    directory: str | None = None
    dump_folder: str | None = None
    free_bytes: int | None = None
    min_free_ratio: float = 1.0
    full: bool = False

    @property
    def subject(self) -> str:
        return "the whole database" if self.full else self.schema


@dataclasses.dataclass(frozen=True)
class Finding:
    level: str
    slug: str
    text: str

    def as_dict(self) -> dict[str, str]:
        return dataclasses.asdict(self)


def shortened(names: t.Sequence[str]) -> str:
    more = len(names) - NAMES_SHOWN
    return ", ".join(names[:NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")


def examine(facts: Facts, wanted: Wanted) -> list[Finding]:
    """Errors first. What could not be seen is a warning: it is not known to be good."""
    found = [
        *about_roles(facts, wanted),
        *about_database(facts, wanted),
        *about_schema(facts, wanted),
        *about_directory(facts, wanted),
    ]
    return sorted(found, key=lambda finding: finding.level != ERROR)


def about_database(facts: Facts, wanted: Wanted) -> t.Iterator[Finding]:
    read_only_suffices = wanted.operation == "exported" and wanted.method == "classic" and wanted.elevate == "none"
    if facts.open_mode is None:
        yield Finding(
            WARNING, "not_visible", "v$database is not visible to this account: open mode, log mode and SCN are not known."
        )
    elif facts.open_mode != "READ WRITE" and not (read_only_suffices and facts.open_mode.startswith("READ ONLY")):
        yield Finding(
            ERROR,
            "oracle_not_open",
            f"The database is in the mode {facts.open_mode}. It must be open for reading and writing: open it.",
        )
    if wanted.method == "datapump" and wanted.operation == "exported" and wanted.consistent and facts.scn is None:
        yield Finding(
            ERROR,
            "scn_unknown",
            "No account may read the present SCN, so the export could not be consistent. Give admin_user, or let the account read "
            "V_$DATABASE or execute DBMS_FLASHBACK, or say consistent=false.",
        )


def about_schema(facts: Facts, wanted: Wanted) -> t.Iterator[Finding]:
    if facts.schema_exists is False:
        yield Finding(
            ERROR, "schema_missing", f"The schema {wanted.schema} does not exist in this database. Correct schema, or the service."
        )
        return
    if facts.account_status is not None and facts.account_status not in OPEN_ACCOUNT:
        slug = "oracle_account_locked" if "LOCKED" in facts.account_status else "oracle_password_expired"
        yield Finding(ERROR, slug, f"The account {wanted.account} is {facts.account_status}. Unlock it, or give it a new password.")
    if wanted.operation != "exported":
        return
    if facts.schema_bytes is None:
        yield Finding(
            WARNING, "not_visible", f"The size of {wanted.subject} is not visible to this account: the free space is not judged."
        )
    elif wanted.free_bytes is not None and wanted.free_bytes < facts.schema_bytes * wanted.min_free_ratio:
        yield Finding(
            ERROR,
            "no_space",
            f"{wanted.dump_folder} has {wanted.free_bytes} bytes free, and {wanted.subject} has {facts.schema_bytes} bytes in the "
            "database; "
            f"{wanted.min_free_ratio:g} times its size is asked for. Make room, or lower min_free_ratio.",
        )
    if facts.invalid_objects:
        yield Finding(
            WARNING,
            "invalid_objects",
            f"{len(facts.invalid_objects)} objects of {wanted.schema} are invalid: {shortened(facts.invalid_objects)}. They are "
            "exported as "
            "they are; UTL_RECOMP can compile them.",
        )
    if facts.tables_without_segment and wanted.method == "classic":
        yield Finding(
            WARNING,
            "tables_without_segment",
            f"Tables of {wanted.schema} without a segment, which the classic export leaves out: "
            f"{shortened(facts.tables_without_segment)}. "
            "ALTER TABLE … ALLOCATE EXTENT gives them one; Data Pump exports them as they are.",
        )


def about_directory(facts: Facts, wanted: Wanted) -> t.Iterator[Finding]:
    if wanted.method != "datapump":
        return
    if facts.directory_path is None:
        yield Finding(
            ERROR,
            "oracle_directory",
            f"The directory object {wanted.directory} does not exist, or {wanted.account} may not use it. Create it, and grant "
            "READ and WRITE "
            "on it.",
        )
    elif facts.directory_rights is not None and not {"READ", "WRITE"} <= facts.directory_rights:
        missing = ", ".join(sorted({"READ", "WRITE"} - facts.directory_rights))
        yield Finding(
            ERROR,
            "oracle_directory",
            f"{wanted.account} has no {missing} on the directory object {wanted.directory}. Grant it.",
        )


def about_roles(facts: Facts, wanted: Wanted) -> t.Iterator[Finding]:
    """``facts.enabled_roles``: with what will be granted for the time of the work. For one schema the tools tell by themselves."""
    if not wanted.full or facts.enabled_roles is None:
        return
    suffice = FULL_ROLES["exported" if wanted.operation == "exported" else "imported"][wanted.method]
    if suffice.isdisjoint(facts.enabled_roles):
        yield Finding(
            ERROR,
            "oracle_privileges_missing",
            f"{wanted.account} has none of the roles that a whole database needs ({', '.join(sorted(suffice))}). Grant one, or use "
            "elevate.",
        )


def refuse(findings: t.Sequence[Finding]) -> None:
    """Raise the first error, with all findings as details."""
    errors = [finding for finding in findings if finding.level == ERROR]
    if errors:
        raise LockstepError(
            errors[0].slug,
            " ".join(finding.text for finding in errors),
            findings=[finding.as_dict() for finding in findings],
        )
