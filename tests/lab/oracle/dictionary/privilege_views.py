# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Views of users, roles and privileges."""

from __future__ import annotations

import datetime
import itertools
import typing as t

from tests.lab.oracle.database import UNLIMITED, Grant, Role, User
from tests.lab.oracle.dictionary.registry import PUBLIC, VIEWS, Reader, Row, View, narrowed, view, yes


@view(
    "DBA_USERS",
    "USERNAME:t USER_ID:n ACCOUNT_STATUS:t LOCK_DATE:d EXPIRY_DATE:d DEFAULT_TABLESPACE:t TEMPORARY_TABLESPACE:t CREATED:d "
    "PROFILE:t AUTHENTICATION_TYPE:t ORACLE_MAINTAINED:t COMMON:t",
)
def _users(reader: Reader) -> t.Iterable[Row]:
    for name, user in reader.database.users.items():
        yield {
            "USERNAME": name,
            "USER_ID": user.user_id,
            "ACCOUNT_STATUS": user.account_status,
            "DEFAULT_TABLESPACE": user.tablespace,
            "TEMPORARY_TABLESPACE": "TEMP",
            "CREATED": datetime.datetime(2024, 1, 2, 3, 4, 5),
            "PROFILE": "DEFAULT",
            "AUTHENTICATION_TYPE": "NONE" if user.password is None else "PASSWORD",
            "ORACLE_MAINTAINED": "Y" if user.oracle_maintained else "N",
            "COMMON": yes(user.oracle_maintained),
        }


VIEWS["ALL_USERS"] = View(
    {"USERNAME": "t", "USER_ID": "n", "CREATED": "d", "COMMON": "t", "ORACLE_MAINTAINED": "t"}, _users, PUBLIC
)
narrowed("USER_USERS", "DBA_USERS", "USERNAME", keep_owner=True)


@view("DBA_ROLES", "ROLE:t AUTHENTICATION_TYPE:t COMMON:t ORACLE_MAINTAINED:t")
def _roles(reader: Reader) -> t.Iterable[Row]:
    for role in reader.database.roles:
        yield {"ROLE": role, "AUTHENTICATION_TYPE": "NONE", "COMMON": "YES", "ORACLE_MAINTAINED": "Y"}


def _role_rows(grantee: str, granted: t.Mapping[str, Grant]) -> t.Iterable[Row]:
    for role, grant in granted.items():
        yield {
            "GRANTEE": grantee,
            "USERNAME": grantee,
            "ROLE": grantee,
            "GRANTED_ROLE": role,
            "ADMIN_OPTION": yes(grant.admin),
            "DELEGATE_OPTION": "NO",
            "DEFAULT_ROLE": yes(grant.default),
            "OS_GRANTED": "NO",
            "COMMON": "NO",
            "INHERITED": "NO",
        }


@view("DBA_ROLE_PRIVS", "GRANTEE:t GRANTED_ROLE:t ADMIN_OPTION:t DELEGATE_OPTION:t DEFAULT_ROLE:t COMMON:t INHERITED:t")
def _role_privs(reader: Reader) -> t.Iterable[Row]:
    database = reader.database
    holders: t.Iterable[tuple[str, t.Any]] = itertools.chain(database.users.items(), database.roles.items())
    return itertools.chain.from_iterable(_role_rows(name, holder.roles) for name, holder in holders)


@view("USER_ROLE_PRIVS", "USERNAME:t GRANTED_ROLE:t ADMIN_OPTION:t DELEGATE_OPTION:t DEFAULT_ROLE:t OS_GRANTED:t COMMON:t", PUBLIC)
def _user_role_privs(reader: Reader) -> t.Iterable[Row]:
    return _role_rows(reader.user, reader.database.users[reader.user].roles)


@view("ROLE_ROLE_PRIVS", "ROLE:t GRANTED_ROLE:t ADMIN_OPTION:t COMMON:t INHERITED:t", PUBLIC)
def _role_role_privs(reader: Reader) -> t.Iterable[Row]:
    for role in sorted(reader.principal.roles):
        yield from _role_rows(role, reader.database.roles[role].roles)


def _privilege_rows(grantee: str, holder: User | Role) -> t.Iterable[Row]:
    for privilege in sorted(holder.privileges):
        names = dict.fromkeys(("GRANTEE", "USERNAME", "ROLE"), grantee)
        admin = yes(privilege in holder.privileges_with_admin)
        yield {**names, "PRIVILEGE": privilege, "ADMIN_OPTION": admin, "COMMON": "NO", "INHERITED": "NO"}


@view("DBA_SYS_PRIVS", "GRANTEE:t PRIVILEGE:t ADMIN_OPTION:t COMMON:t INHERITED:t")
def _sys_privs(reader: Reader) -> t.Iterable[Row]:
    database = reader.database
    holders: t.Iterable[tuple[str, t.Any]] = itertools.chain(database.users.items(), database.roles.items())
    return itertools.chain.from_iterable(_privilege_rows(name, holder) for name, holder in holders)


@view("USER_SYS_PRIVS", "USERNAME:t PRIVILEGE:t ADMIN_OPTION:t COMMON:t INHERITED:t", PUBLIC)
def _user_sys_privs(reader: Reader) -> t.Iterable[Row]:
    return _privilege_rows(reader.user, reader.database.users[reader.user])


@view("ROLE_SYS_PRIVS", "ROLE:t PRIVILEGE:t ADMIN_OPTION:t COMMON:t INHERITED:t", PUBLIC)
def _role_sys_privs(reader: Reader) -> t.Iterable[Row]:
    for role in sorted(reader.principal.roles):
        yield from _privilege_rows(role, reader.database.roles[role])


@view("SESSION_ROLES", "ROLE:t", PUBLIC)
def _session_roles(reader: Reader) -> t.Iterable[Row]:
    return ({"ROLE": role} for role in sorted(reader.principal.roles))


@view("SESSION_PRIVS", "PRIVILEGE:t", PUBLIC)
def _session_privs(reader: Reader) -> t.Iterable[Row]:
    held = reader.database.privileges_of(reader.principal) | ({UNLIMITED} if reader.principal.sysdba else set())
    return ({"PRIVILEGE": privilege} for privilege in sorted(held))


_TAB_PRIVS = "GRANTEE:t OWNER:t TABLE_NAME:t GRANTOR:t PRIVILEGE:t GRANTABLE:t HIERARCHY:t COMMON:t TYPE:t INHERITED:t"


@view("DBA_TAB_PRIVS", _TAB_PRIVS)
def _tab_privs(reader: Reader) -> t.Iterable[Row]:
    for (directory, grantee), privileges in reader.database.directory_grants.items():
        for privilege in sorted(privileges):
            yield {
                "GRANTEE": grantee,
                "OWNER": "SYS",
                "TABLE_SCHEMA": "SYS",
                "TABLE_NAME": directory,
                "GRANTOR": "SYS",
                "PRIVILEGE": privilege,
                "GRANTABLE": "NO",
                "HIERARCHY": "NO",
                "COMMON": "NO",
                "TYPE": "DIRECTORY",
                "INHERITED": "NO",
            }


@view("ALL_TAB_PRIVS", _TAB_PRIVS.replace("OWNER:", "TABLE_SCHEMA:"), PUBLIC)
def _all_tab_privs(reader: Reader) -> t.Iterable[Row]:
    holders = {reader.user, "PUBLIC", *reader.principal.roles}
    return (row for row in _tab_privs(reader) if row["GRANTEE"] in holders)


@view("USER_TAB_PRIVS", _TAB_PRIVS, PUBLIC)
def _user_tab_privs(reader: Reader) -> t.Iterable[Row]:
    return (row for row in _tab_privs(reader) if row["GRANTEE"] == reader.user)
