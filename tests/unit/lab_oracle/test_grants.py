# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Privileges given and taken."""

from __future__ import annotations

import oracledb
import pytest

from tests.lab.oracle import Database, OracleServer
from tests.unit.lab_oracle.conftest import DIRECTORY, SCHEMA, Connect, call, execute, ora, rows

DIRECT = "SELECT privilege, admin_option FROM dba_sys_privs WHERE grantee = 'AESUSER313'"


def test_a_granted_role_is_enabled_in_later_sessions_only(
    dba: oracledb.Connection, schema: oracledb.Connection, connect: Connect
) -> None:
    execute(dba, f"GRANT DBA TO {SCHEMA}")
    assert ("DBA",) not in rows(schema, "SELECT role FROM session_roles")
    with ora("ORA-00942"):
        rows(schema, "SELECT 1 FROM dba_users")
    later = connect()
    assert ("DBA",) in rows(later, "SELECT role FROM session_roles")
    assert rows(later, "SELECT COUNT(*) FROM dba_users") == [(5,)]
    assert ("DBA",) in rows(schema, "SELECT granted_role FROM user_role_privs")


def test_set_role_enables_it_in_the_present_session(dba: oracledb.Connection, schema: oracledb.Connection) -> None:
    execute(dba, f"GRANT SELECT_CATALOG_ROLE TO {SCHEMA}")
    execute(schema, "SET ROLE ALL")
    assert rows(schema, "SELECT COUNT(*) FROM dba_users") == [(5,)]
    execute(schema, "SET ROLE NONE")
    assert rows(schema, "SELECT role FROM session_roles") == []
    with ora("ORA-01924"):
        execute(schema, "SET ROLE DBA")


def test_a_direct_privilege_counts_at_once(dba: oracledb.Connection, schema: oracledb.Connection) -> None:
    execute(dba, f'GRANT SELECT ANY DICTIONARY TO "{SCHEMA}"')
    assert rows(schema, "SELECT COUNT(*) FROM dba_users") == [(5,)]


def test_revoking_takes_the_role_away(dba: oracledb.Connection, connect: Connect, server: OracleServer) -> None:
    execute(dba, f"GRANT DBA TO {SCHEMA} CONTAINER = CURRENT")
    execute(dba, f"REVOKE DBA FROM {SCHEMA}")
    assert ("DBA",) not in rows(connect(), "SELECT role FROM session_roles")
    assert server.database.grants == [f"GRANT DBA TO {SCHEMA} CONTAINER = CURRENT", f"REVOKE DBA FROM {SCHEMA}"]


def test_granting_twice_is_no_error(dba: oracledb.Connection, database: Database) -> None:
    for _unused in range(2):
        execute(dba, f"GRANT DBA TO {SCHEMA}")
    assert list(database.users[SCHEMA].roles) == ["CONNECT", "RESOURCE", "DBA"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("REVOKE DBA FROM AESUSER313", "ORA-01951"),
        ("REVOKE NO_SUCH_ROLE FROM AESUSER313", "ORA-01919"),
        ("GRANT NO_SUCH_ROLE TO AESUSER313", "ORA-01919"),
        ("GRANT DBA TO NOBODY", "ORA-01917"),
        ("REVOKE DBA FROM NOBODY", "ORA-01917"),
        ("REVOKE UNLIMITED TABLESPACE FROM AESUSER313", "ORA-01952"),
        ("REVOKE READ ON DIRECTORY LOCKSTEP_DIR FROM OTHER", "ORA-01927"),
        ("GRANT READ ON DIRECTORY NOWHERE TO OTHER", "ORA-22930"),
    ],
)
def test_what_cannot_be_given_or_taken(dba: oracledb.Connection, text: str, code: str) -> None:
    with ora(code):
        execute(dba, text)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("GRANT DBA TO AESUSER313", "ORA-01932"),
        ("REVOKE CONNECT FROM AESUSER313", "ORA-01932"),
        ("GRANT UNLIMITED TABLESPACE TO AESUSER313", "ORA-01031"),
        ("GRANT READ ON DIRECTORY LOCKSTEP_DIR TO OTHER", "ORA-01031"),
        ("CREATE OR REPLACE DIRECTORY MINE AS 'C:\\Backups'", "ORA-01031"),
        ("DROP DIRECTORY LOCKSTEP_DIR", "ORA-01031"),
        ("CREATE USER SCRATCH NO AUTHENTICATION", "ORA-01031"),
        ("DROP USER OTHER CASCADE", "ORA-01031"),
        ("ALTER USER OTHER ACCOUNT LOCK", "ORA-01031"),
        ("DROP TABLE SYSTEM.NOTHING", "ORA-00942"),
    ],
)
def test_what_a_plain_schema_may_not_do(schema: oracledb.Connection, text: str, code: str) -> None:
    with ora(code):
        execute(schema, text)


def test_the_admin_option_allows_giving_a_role_on(
    dba: oracledb.Connection, schema: oracledb.Connection, database: Database
) -> None:
    execute(dba, f"GRANT SELECT_CATALOG_ROLE, UNLIMITED TABLESPACE TO {SCHEMA} WITH ADMIN OPTION")
    execute(schema, "GRANT SELECT_CATALOG_ROLE, UNLIMITED TABLESPACE TO OTHER")
    assert "SELECT_CATALOG_ROLE" in database.users["OTHER"].roles
    assert rows(dba, DIRECT) == [("UNLIMITED TABLESPACE", "YES")]


def test_by_default_dba_brings_no_direct_privilege(dba: oracledb.Connection) -> None:
    execute(dba, f"GRANT DBA TO {SCHEMA}")
    assert rows(dba, DIRECT) == []


def test_as_in_11g_dba_brings_unlimited_tablespace_and_its_revoke_takes_even_an_earlier_one(
    dba: oracledb.Connection, database: Database
) -> None:
    database.dba_brings_unlimited = True
    execute(dba, f"GRANT DBA TO {SCHEMA}")
    assert rows(dba, DIRECT) == [("UNLIMITED TABLESPACE", "NO")]
    execute(dba, f"REVOKE DBA FROM {SCHEMA}")
    assert rows(dba, DIRECT) == []
    execute(dba, f"GRANT UNLIMITED TABLESPACE TO {SCHEMA}")
    execute(dba, f"GRANT DBA TO {SCHEMA}")
    execute(dba, f"REVOKE DBA FROM {SCHEMA}")
    assert rows(dba, DIRECT) == []


def test_a_grant_inside_a_block_counts_and_is_recorded(dba: oracledb.Connection, server: OracleServer) -> None:
    call(dba, "BEGIN EXECUTE IMMEDIATE 'GRANT DBA TO ' || :who; END;", who=SCHEMA)
    assert "DBA" in server.database.users[SCHEMA].roles
    assert server.database.grants == [f"GRANT DBA TO {SCHEMA}"]


def test_directories_are_made_replaced_and_dropped(dba: oracledb.Connection, connect: Connect, database: Database) -> None:
    execute(dba, "CREATE OR REPLACE DIRECTORY NEW_DIR AS 'C:\\New'")
    with ora("ORA-00955"):
        execute(dba, "CREATE DIRECTORY NEW_DIR AS 'C:\\Other'")
    execute(dba, "CREATE OR REPLACE DIRECTORY new_dir AS 'C:\\Newer'")
    assert database.directories["NEW_DIR"] == "C:\\Newer"
    execute(dba, "GRANT READ, WRITE ON DIRECTORY NEW_DIR TO OTHER")
    assert rows(connect("OTHER", "other"), "SELECT directory_name FROM all_directories") == [("NEW_DIR",)]
    execute(dba, "REVOKE READ, WRITE ON DIRECTORY NEW_DIR FROM OTHER")
    assert rows(connect("OTHER", "other"), "SELECT directory_name FROM all_directories") == []
    execute(dba, "DROP DIRECTORY NEW_DIR")
    assert list(database.directories) == [DIRECTORY]
    with ora("ORA-04043"):
        execute(dba, "DROP DIRECTORY NEW_DIR")


def test_users_are_made_and_dropped(dba: oracledb.Connection, connect: Connect, database: Database) -> None:
    execute(dba, 'CREATE USER SCRATCH IDENTIFIED BY "pw" DEFAULT TABLESPACE USERS QUOTA UNLIMITED ON USERS')
    with ora("ORA-01920"):
        execute(dba, "CREATE USER SCRATCH NO AUTHENTICATION")
    execute(dba, "GRANT CONNECT TO SCRATCH")
    assert connect("SCRATCH", "pw").version
    database.add_table("SCRATCH", "T", {"ID": "NUMBER"})
    with ora("ORA-01922"):
        execute(dba, "DROP USER SCRATCH")
    execute(dba, "DROP USER SCRATCH CASCADE")
    with ora("ORA-01918"):
        execute(dba, "DROP USER SCRATCH")


def test_accounts_are_locked_and_unlocked(dba: oracledb.Connection, connect: Connect) -> None:
    execute(dba, f"ALTER USER {SCHEMA} ACCOUNT LOCK")
    with ora("ORA-28000"):
        connect()
    execute(dba, f"ALTER USER {SCHEMA} ACCOUNT UNLOCK")
    assert connect().version


def test_a_read_only_database_takes_no_grants(dba: oracledb.Connection, database: Database) -> None:
    database.open_mode = "READ ONLY"
    with ora("ORA-16000"):
        execute(dba, f"GRANT DBA TO {SCHEMA}")
    assert "DBA" not in database.users[SCHEMA].roles


def test_the_current_schema_can_be_another(dba: oracledb.Connection) -> None:
    execute(dba, f"ALTER SESSION SET CURRENT_SCHEMA = {SCHEMA}")
    assert rows(dba, "SELECT COUNT(*) FROM components") == [(3,)]
    dba.current_schema = "OTHER"
    assert rows(dba, "SELECT sys_context('userenv', 'current_schema') FROM dual") == [("OTHER",)]
    with ora("ORA-01435"):
        execute(dba, "ALTER SESSION SET CURRENT_SCHEMA = NOBODY")


def test_an_empty_table_gets_a_segment(schema: oracledb.Connection, database: Database) -> None:
    assert database.exportable_tables(SCHEMA, with_empty=False) == ["COMPONENTS", "PROJECTS"]
    execute(schema, "ALTER TABLE EMPTY_ONE ALLOCATE EXTENT")
    assert database.exportable_tables(SCHEMA, with_empty=False) == ["COMPONENTS", "EMPTY_ONE", "PROJECTS"]
