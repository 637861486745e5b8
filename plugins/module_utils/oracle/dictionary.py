# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions to the data dictionary. Private to lockstep.backup: not a public interface.

Each is one plain SELECT in two forms: for an account that may read the DBA views, and for the schema's own account.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.oracle.findings import Facts
from ansible_collections.lockstep.backup.plugins.module_utils.oracle.grants import Privileges, RoleGrant, enabled_roles
from ansible_collections.lockstep.backup.plugins.module_utils.oracle.session import Session

# An account that may not see a view is told that it does not exist.
NOT_VISIBLE = frozenset({"ORA-00942", "ORA-00904", "ORA-01031", "ORA-06550", "ORA-41900"})

CHARSET = "SELECT value FROM nls_database_parameters WHERE parameter = 'NLS_CHARACTERSET'"
DATABASE = "SELECT open_mode, log_mode, current_scn FROM v$database"
SCN_BY_PACKAGE = "SELECT dbms_flashback.get_system_change_number FROM dual"

# The DBA form, then the own form.
ACCOUNT = (
    "SELECT username, account_status FROM dba_users WHERE username IN (:schema, :account)",
    "SELECT username, NULL FROM all_users WHERE username IN (:schema, :account)",
)
SIZE = ("SELECT SUM(bytes) FROM dba_segments WHERE owner = :schema", "SELECT SUM(bytes) FROM user_segments")
# Of whatever kind: tables without a row may have no segment, and views never have one.
OBJECTS = ("SELECT COUNT(*) FROM dba_objects WHERE owner = :schema", "SELECT COUNT(*) FROM user_objects")
# An account without an administrator may read it, too, when its role is that of a full export.
SIZE_OF_ALL = ("SELECT SUM(bytes) FROM dba_segments", "SELECT SUM(bytes) FROM dba_segments")
INVALID = (
    "SELECT object_type, object_name FROM dba_objects WHERE owner = :schema AND status = 'INVALID' ORDER BY 1, 2",
    "SELECT object_type, object_name FROM all_objects WHERE owner = :schema AND status = 'INVALID' ORDER BY 1, 2",
)
WITHOUT_SEGMENT = (
    "SELECT table_name FROM dba_tables WHERE owner = :schema AND segment_created = 'NO' AND temporary = 'N' ORDER BY table_name",
    "SELECT table_name FROM all_tables WHERE owner = :schema AND segment_created = 'NO' AND temporary = 'N' ORDER BY table_name",
)
DIRECTORY_PATH = (
    "SELECT directory_path FROM dba_directories WHERE directory_name = :directory",
    "SELECT directory_path FROM all_directories WHERE directory_name = :directory",
)
DIRECTORY_RIGHTS = (
    "SELECT grantee, privilege FROM dba_tab_privs WHERE table_name = :directory AND privilege IN ('READ', 'WRITE')",
    "SELECT grantee, privilege FROM all_tab_privs WHERE table_name = :directory AND privilege IN ('READ', 'WRITE')",
)
# All of them at once: what roles hold of roles is walked here, in one round trip, and not by CONNECT BY.
ROLE_GRANTS = (
    "SELECT grantee, granted_role, admin_option, default_role FROM dba_role_privs",
    "SELECT username, granted_role, admin_option, default_role FROM user_role_privs",
)
ROLES_OF_ROLES = "SELECT role, granted_role FROM role_role_privs"
UNLIMITED = (
    "SELECT admin_option FROM dba_sys_privs WHERE grantee = :account AND privilege = 'UNLIMITED TABLESPACE'",
    "SELECT admin_option FROM user_sys_privs WHERE username = :account AND privilege = 'UNLIMITED TABLESPACE'",
)
DATAPUMP_JOB = (
    "SELECT state FROM dba_datapump_jobs WHERE owner_name = :account AND job_name = :job",
    "SELECT state FROM user_datapump_jobs WHERE job_name = :job",
)


@dataclasses.dataclass(frozen=True)
class Dictionary:
    """Asks over one session. ``dba``: its account may read the DBA views; else it is the account of ``account`` itself."""

    session: Session
    dba: bool
    account: str
    schema: str

    def ask(self, question: tuple[str, str], **binds: t.Any) -> list[tuple[t.Any, ...]]:
        sql = question[0 if self.dba else 1]
        return self.session.rows(sql, **{name: value for name, value in binds.items() if f":{name}" in sql})

    def ask_if_visible(self, question: tuple[str, str], **binds: t.Any) -> list[tuple[t.Any, ...]] | None:
        """None where the account may not see it."""
        try:
            return self.ask(question, **binds)
        except LockstepError as error:
            if NOT_VISIBLE.isdisjoint(error.details.get("oracle_codes", ())):
                raise
            return None

    def basics(self) -> Facts:
        """What every export needs: two round trips."""
        charset = self.ask((CHARSET, CHARSET))[0][0]
        database = self.ask_if_visible((DATABASE, DATABASE))
        open_mode, log_mode, scn = database[0] if database else (None, None, None)
        if scn is None:
            by_package = self.ask_if_visible((SCN_BY_PACKAGE, SCN_BY_PACKAGE))
            scn = by_package[0][0] if by_package else None
        return Facts(
            version=self.session.version,
            charset=str(charset),
            open_mode=open_mode,
            log_mode=log_mode,
            scn=None if scn is None else int(scn),
        )

    def details(self, basics: Facts, directory: str | None) -> Facts:
        """What preflight judges beside the basics."""
        users = dict(self.ask(ACCOUNT, schema=self.schema, account=self.account))
        own_schema = self.dba or self.schema == self.account
        size = self.ask(SIZE, schema=self.schema) if own_schema else None
        objects = self.ask(OBJECTS, schema=self.schema) if own_schema else None
        invalid = self.ask_if_visible(INVALID, schema=self.schema)
        without_segment = self.ask_if_visible(WITHOUT_SEGMENT, schema=self.schema)
        return dataclasses.replace(
            basics,
            schema_exists=self.schema in users,
            account_status=users.get(self.account),
            schema_bytes=None if size is None else int(size[0][0] or 0),
            schema_objects=None if objects is None else int(objects[0][0]),
            invalid_objects=None if invalid is None else tuple(f"{kind} {name}" for kind, name in invalid),
            tables_without_segment=None if without_segment is None else tuple(name for (name,) in without_segment),
            directory_path=self.directory_path(directory) if directory else None,
        )

    def details_of_all(self, basics: Facts, directory: str | None) -> Facts:
        """The same for the whole database."""
        users = dict(self.ask(ACCOUNT, schema=self.schema, account=self.account))
        size = self.ask_if_visible(SIZE_OF_ALL)
        return dataclasses.replace(
            basics,
            account_status=users.get(self.account),
            schema_bytes=None if size is None else int(size[0][0] or 0),
            directory_path=self.directory_path(directory) if directory else None,
        )

    def directory_path(self, directory: str) -> str | None:
        found = self.ask(DIRECTORY_PATH, directory=directory)
        return str(found[0][0]) if found else None

    def directory_rights(self, directory: str, roles: frozenset[str]) -> frozenset[str] | None:
        """READ and WRITE, as far as the account has them, directly or through its roles."""
        granted = self.ask_if_visible(DIRECTORY_RIGHTS, directory=directory)
        if granted is None:
            return None
        holders = {self.account, "PUBLIC", *roles}
        return frozenset(str(right) for holder, right in granted if holder in holders)

    def privileges(self) -> Privileges:
        """Of the account, two round trips (three without the DBA views)."""
        grants = self.ask(ROLE_GRANTS)
        direct = {role: RoleGrant(admin == "YES", default == "YES") for who, role, admin, default in grants if who == self.account}
        of_roles = [(who, role) for who, role, _admin, _default in grants if who != self.account]
        if not self.dba:
            of_roles.extend((who, role) for who, role in self.session.rows(ROLES_OF_ROLES))
        unlimited = self.ask(UNLIMITED, account=self.account)
        return Privileges(
            roles=direct,
            enabled=enabled_roles(direct, of_roles),
            unlimited=unlimited[0][0] == "YES" if unlimited else None,
        )

    def datapump_state(self, job: str) -> str | None:
        """None when the database does not list the job."""
        found = self.ask(DATAPUMP_JOB, account=self.account, job=job)
        return str(found[0][0]) if found else None
