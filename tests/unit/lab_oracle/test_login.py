# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Logins, as the real driver makes them."""

from __future__ import annotations

import oracledb
import pytest

from tests.lab.oracle import Database, OracleServer
from tests.unit.lab_oracle.conftest import DBA, DBA_PASSWORD, PASSWORD, SCHEMA, Connect, execute, ora, rows


def test_a_login_shows_version_service_and_user(schema: oracledb.Connection) -> None:
    assert schema.version == "19.21.0.0.0"
    assert schema.service_name == "XE"
    assert rows(schema, "SELECT USER, sys_context('USERENV', 'SESSION_USER') FROM dual") == [(SCHEMA, SCHEMA)]


@pytest.mark.parametrize(("user", "password"), [(SCHEMA, "wrong"), (SCHEMA, PASSWORD.lower()), ("NOBODY", PASSWORD)])
def test_a_wrong_password_and_an_unknown_user_look_alike(server: OracleServer, connect: Connect, user: str, password: str) -> None:
    with ora("ORA-01017"):
        connect(user, password)
    assert [(entry.user, entry.succeeded) for entry in server.database.logons] == [(user, False)]


@pytest.mark.parametrize("password", ["pass word", 'qu"ote', "Grüße-日本", "x" * 200])
def test_passwords_of_any_text_work(server: OracleServer, connect: Connect, password: str) -> None:
    server.database.users[SCHEMA].password = password
    assert rows(connect(SCHEMA.lower(), password), "SELECT USER FROM dual") == [(SCHEMA,)]


def test_a_quoted_user_name_keeps_its_case(server: OracleServer, connect: Connect) -> None:
    server.database.add_user("MixedCase", "secret")
    assert rows(connect('"MixedCase"', "secret"), "SELECT USER FROM dual") == [("MixedCase",)]
    with ora("ORA-01017"):
        connect("MixedCase", "secret")


def test_a_locked_account_is_refused_with_the_right_password(server: OracleServer, connect: Connect) -> None:
    server.database.users[SCHEMA].account_status = "LOCKED"
    with ora("ORA-28000"):
        connect()


def test_ten_wrong_passwords_lock_the_account(server: OracleServer, connect: Connect) -> None:
    for _unused in range(10):
        with ora("ORA-01017"):
            connect(SCHEMA, "wrong")
    with ora("ORA-28000"):
        connect()


def test_a_good_login_resets_the_count_of_wrong_passwords(server: OracleServer, connect: Connect) -> None:
    server.database.failed_login_limit = 2
    for password in ("wrong", PASSWORD, "wrong"):
        if password == PASSWORD:
            connect(SCHEMA, password)
        else:
            with ora("ORA-01017"):
                connect(SCHEMA, password)
    assert server.database.users[SCHEMA].account_status == "OPEN"


def test_an_unknown_service_is_refused_by_the_listener(server: OracleServer, connect: Connect) -> None:
    with ora("DPY-6001"):
        connect(dsn=f"{server.address}:{server.port}/nothing")


def test_services_and_the_sid_lead_to_the_database(server: OracleServer, connect: Connect) -> None:
    server.database.services = ("XE", "xepdb1.example.com")
    for target in ("XEPDB1.EXAMPLE.COM", "xe"):
        assert connect(dsn=f"{server.address}:{server.port}/{target}").version
    address = f"(ADDRESS=(PROTOCOL=tcp)(HOST={server.address})(PORT={server.port}))"
    assert connect(dsn=f"(DESCRIPTION={address}(CONNECT_DATA=(SID=XE)))").version
    with ora("DPY-6003"):
        connect(dsn=f"(DESCRIPTION={address}(CONNECT_DATA=(SID=XY)))")


def test_a_long_connect_descriptor_is_understood(server: OracleServer, connect: Connect) -> None:
    addresses = f"(ADDRESS=(PROTOCOL=tcp)(HOST={server.address})(PORT={server.port}))" * 6
    dsn = f"(DESCRIPTION=(ADDRESS_LIST={addresses})(CONNECT_DATA=(SERVICE_NAME=XE)))"
    assert connect(dsn=dsn).version


@pytest.mark.parametrize("user", ["SYS", SCHEMA])
def test_sysdba_works_as_sys(server: OracleServer, connect: Connect, user: str) -> None:
    server.database.users[SCHEMA].sysdba = True
    connection = connect(user, server.database.users[user].password, mode=oracledb.AUTH_MODE_SYSDBA)
    assert rows(connection, "SELECT USER, sys_context('userenv', 'isdba') FROM dual") == [("SYS", "TRUE")]


def test_sys_must_be_sysdba_and_others_may_not(server: OracleServer, connect: Connect) -> None:
    with ora("ORA-28009"):
        connect("SYS", "oracle")
    with ora("ORA-01017"):
        connect(DBA, DBA_PASSWORD, mode=oracledb.AUTH_MODE_SYSDBA)


def test_a_database_that_is_not_open_admits_only_sysdba(server: OracleServer, connect: Connect) -> None:
    server.database.open_mode = "MOUNTED"
    with ora("ORA-01033"):
        connect()
    connection = connect("SYS", "oracle", mode=oracledb.AUTH_MODE_SYSDBA)
    assert rows(connection, "SELECT open_mode FROM v$database") == [("MOUNTED",)]
    with ora("ORA-01219"):
        rows(connection, "SELECT username FROM dba_users")


def test_a_user_without_create_session_is_refused(server: OracleServer, connect: Connect) -> None:
    server.database.users["OTHER"].roles.clear()
    with ora("ORA-01045"):
        connect("OTHER", "other")


def test_the_password_can_be_changed(server: OracleServer, connect: Connect, schema: oracledb.Connection) -> None:
    schema.changepassword(PASSWORD, "another")
    with ora("ORA-01017"):
        connect()
    assert connect(SCHEMA, "another").version


def test_the_model_judges_passwords_for_other_tools_alike(database: Database) -> None:
    assert database.authenticate(SCHEMA.lower(), PASSWORD).user == SCHEMA
    assert [entry.succeeded for entry in database.logons] == [True]


def test_ping_commit_rollback_and_close(schema: oracledb.Connection) -> None:
    schema.ping()
    schema.commit()
    schema.rollback()
    execute(schema, "COMMIT")
    schema.close()
    with ora("DPY-1001"):
        schema.ping()


def test_what_the_client_tells_is_kept_but_no_password(server: OracleServer, schema: oracledb.Connection) -> None:
    (logon,) = server.database.logons
    assert logon.client["pid"]
    assert PASSWORD not in str(server.database.logons) + str(server.history)
