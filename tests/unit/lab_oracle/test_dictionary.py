# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Dictionary views and queries on them."""

from __future__ import annotations

import typing as t

import oracledb
import pytest

from tests.lab.oracle import Database, OracleServer
from tests.lab.oracle.dictionary.views import VIEWS
from tests.unit.lab_oracle.conftest import DBA, DIRECTORY, MADE, PASSWORD, SCHEMA, Connect, ora, rows

CATALOG_VIEWS = sorted(name for name, view in VIEWS.items() if view.access != "public")
PUBLIC_VIEWS = sorted(set(VIEWS) - set(CATALOG_VIEWS))


def everything_in(source: str) -> str:
    return f"SELECT * FROM {source}"  # noqa: S608 - views and tables that the test itself names


def test_views_of_the_catalog_do_not_exist_for_a_plain_schema(schema: oracledb.Connection) -> None:
    for name in CATALOG_VIEWS:
        with ora("ORA-00942"):
            rows(schema, everything_in(name))


def test_everybody_can_read_the_public_views(schema: oracledb.Connection) -> None:
    read = [name for name in PUBLIC_VIEWS if rows(schema, everything_in(name)) is not None]
    assert read == PUBLIC_VIEWS


def test_a_dba_can_read_every_view(dba: oracledb.Connection) -> None:
    read = [name for name in VIEWS if rows(dba, everything_in("SYS." + name)) is not None]
    assert read == list(VIEWS)


def test_select_catalog_role_is_enough_for_the_catalog(server: OracleServer, connect: Connect) -> None:
    server.database.add_user("READER", "r", roles=("CONNECT", "SELECT_CATALOG_ROLE"))
    assert rows(connect("READER", "r"), "SELECT COUNT(*) FROM dba_users WHERE username = :u", u=SCHEMA) == [(1,)]


QUERIES: list[tuple[str, dict[str, t.Any], list[tuple[t.Any, ...]]]] = [
    ("SELECT 1 FROM dual", {}, [(1,)]),
    ("select version, version_full from product_component_version", {}, [("19.0.0.0.0", "19.21.0.0.0")]),
    ("SELECT open_mode, log_mode, dbid FROM v$database", {}, [("READ WRITE", "NOARCHIVELOG", 3052413281)]),
    ("SELECT value FROM nls_database_parameters WHERE parameter = 'NLS_CHARACTERSET'", {}, [("AL32UTF8",)]),
    ("SELECT owner, SUM(bytes) FROM dba_segments WHERE owner = :s GROUP BY owner", {"s": SCHEMA}, [(SCHEMA, 6 * 2**20 + 65536)]),
    ("SELECT SUM(bytes) FROM dba_segments WHERE owner = 'NOBODY'", {}, [(None,)]),
    (
        "SELECT object_type, object_name FROM dba_objects WHERE owner = :o AND status = 'INVALID'",
        {"o": SCHEMA},
        [("VIEW", "BROKEN_VIEW")],
    ),
    (
        "SELECT table_name FROM dba_tables WHERE owner = :s AND segment_created = 'NO' ORDER BY 1",
        {"s": SCHEMA},
        [("EMPTY_ONE",)],
    ),
    ("SELECT directory_path FROM dba_directories WHERE directory_name = :d", {"d": DIRECTORY}, [("C:\\Backups",)]),
    (
        "SELECT grantee, privilege FROM dba_tab_privs WHERE table_name = :d ORDER BY privilege",
        {"d": DIRECTORY},
        [(SCHEMA, "READ"), (SCHEMA, "WRITE")],
    ),
    (
        "SELECT granted_role, admin_option, default_role FROM dba_role_privs WHERE grantee = :u ORDER BY 1",
        {"u": SCHEMA},
        [("CONNECT", "NO", "YES"), ("RESOURCE", "NO", "YES")],
    ),
    ("SELECT max_bytes FROM dba_ts_quotas WHERE username = :u", {"u": SCHEMA}, [(-1,)]),
    (
        """
WITH held (role) AS (SELECT granted_role FROM dba_role_privs WHERE grantee = :u UNION ALL
SELECT p.granted_role FROM dba_role_privs p JOIN held ON p.grantee = held.role)
SELECT COUNT(*) FROM held WHERE role = 'SELECT_CATALOG_ROLE'
""",
        {"u": "DATAPUMP_EXP_FULL_DATABASE"},
        [(1,)],
    ),
    ("SELECT COUNT(*) FROM dba_users u, dba_role_privs r WHERE u.username = r.grantee AND r.granted_role = 'DBA'", {}, [(3,)]),
    ("SELECT username FROM dba_users WHERE username <> 'SYS' ORDER BY 1 FETCH FIRST 1 ROWS ONLY", {}, [("AESUSER313",)]),
    ("SELECT NVL(NULL, 'x'), DECODE(2, 1, 'a', 2, 'b'), '' FROM dual", {}, [("x", "b", None)]),
    ("SELECT :b || 'é' FROM dual", {"b": "日本"}, [("日本é",)]),
    ('SELECT name AS "Mixed" FROM aesuser313.components WHERE id = 1', {}, [("R1",)]),
]


@pytest.mark.parametrize(("text", "binds", "expected"), QUERIES)
def test_queries_of_a_dba(dba: oracledb.Connection, text: str, binds: dict[str, t.Any], expected: list[tuple[t.Any, ...]]) -> None:
    assert rows(dba, text, **binds) == expected


def test_user_views_show_only_the_own_schema(schema: oracledb.Connection) -> None:
    assert rows(schema, "SELECT SUM(bytes) FROM user_segments") == [(6 * 2**20 + 65536,)]
    assert rows(schema, "SELECT object_name FROM user_objects WHERE status = 'INVALID'") == [("BROKEN_VIEW",)]
    assert rows(schema, "SELECT username FROM user_users") == [(SCHEMA,)]


def test_all_directories_shows_those_one_has_rights_on(schema: oracledb.Connection, connect: Connect) -> None:
    assert rows(schema, "SELECT directory_name FROM all_directories") == [(DIRECTORY,)]
    assert rows(connect("OTHER", "other"), "SELECT directory_name FROM all_directories") == []


def test_column_names_and_types_are_described(schema: oracledb.Connection) -> None:
    with schema.cursor() as cursor:
        cursor.execute("SELECT id, name, COUNT(*) FROM components GROUP BY id, name")
        assert [(column.name, column.type_code, column.scale) for column in cursor.description or []] == [
            ("ID", oracledb.DB_TYPE_NUMBER, -127),
            ("NAME", oracledb.DB_TYPE_VARCHAR, None),
            ("COUNT(*)", oracledb.DB_TYPE_NUMBER, -127),
        ]


def test_dates_come_as_dates(schema: oracledb.Connection) -> None:
    assert rows(schema, "SELECT made FROM projects") == [(MADE,)]


def test_many_rows_are_fetched_in_pieces(server: OracleServer, schema: oracledb.Connection) -> None:
    server.database.add_table(SCHEMA, "MANY", {"ID": "NUMBER", "TEXT": "VARCHAR2(4000)"}, [(i, "é" * 400) for i in range(523)])
    with schema.cursor() as cursor:
        cursor.arraysize = 50
        cursor.execute("SELECT id, text FROM many ORDER BY id")
        found = cursor.fetchall()
    assert [number for number, _unused in found] == list(range(523))
    assert {text for _unused, text in found} == {"é" * 400}


def test_long_texts_come_whole(server: OracleServer, schema: oracledb.Connection) -> None:
    text = "0123456789" * 20_000
    server.database.add_table(SCHEMA, "LONG_ONE", {"TEXT": "CLOB"}, [(text,), (None,)])
    assert rows(schema, "SELECT text FROM long_one") == [(text,), (None,)]


def test_a_statement_that_needs_several_packets_is_read(schema: oracledb.Connection) -> None:
    names = ", ".join(f"'name number {number}'" for number in range(3000))
    assert rows(schema, everything_in(f"components WHERE name IN ({names}, 'R1')")) == [(1, "R1")]


def test_a_query_run_again_with_other_binds_gives_other_rows(schema: oracledb.Connection) -> None:
    with schema.cursor() as cursor:
        found = []
        for number in (1, 2, 1):
            cursor.execute("SELECT name FROM components WHERE id = :id", id=number)
            found.append(cursor.fetchall())
    assert found == [[("R1",)], [("C5",)], [("R1",)]]


def test_the_same_bind_twice_in_a_query_counts_once_for_the_caller(schema: oracledb.Connection) -> None:
    assert rows(schema, "SELECT name FROM components WHERE id = :id OR id = :id + 1 ORDER BY id", id=1) == [("R1",), ("C5",)]


def test_numbers_of_all_sizes_come_back_as_they_went(schema: oracledb.Connection) -> None:
    for number in (0, 1, -1, 99, 100, -100, 10**15, -(10**17), 0.5, -0.001, 123456.789):
        assert rows(schema, "SELECT :n FROM dual", n=number) == [(number,)]


def test_long_binds_of_queries_are_taken_in_their_place(schema: oracledb.Connection) -> None:
    text = "SELECT LENGTH(:long), :short, LENGTH(:other) FROM dual"
    assert rows(schema, text, long="x" * 40_000, short="s", other="y" * 100_000) == [(40_000, "s", 100_000)]


def test_the_tables_of_others_are_out_of_sight(server: OracleServer, connect: Connect) -> None:
    with ora("ORA-00942"):
        rows(connect("OTHER", "other"), everything_in(SCHEMA + ".components"))


def test_the_scn_is_for_those_who_may_see_it(schema: oracledb.Connection, dba: oracledb.Connection, database: Database) -> None:
    text = "SELECT dbms_flashback.get_system_change_number FROM dual"
    assert rows(dba, text) == rows(dba, "SELECT current_scn FROM v$database") == [(database.scn,)]
    with ora("ORA-00904"):
        rows(schema, text)


def test_columns_of_later_releases_are_missing_from_earlier_ones(server: OracleServer, schema: oracledb.Connection) -> None:
    server.database.version = "12.2.0.1.0"
    with ora("ORA-00904"):
        rows(schema, "SELECT version_full FROM product_component_version")
    assert rows(schema, "SELECT version FROM product_component_version") == [("12.2.0.1.0",)]


def test_v_session_shows_who_is_connected(schema: oracledb.Connection, dba: oracledb.Connection) -> None:
    found = rows(dba, "SELECT username, serial# FROM v$session ORDER BY username")
    assert [name for name, _unused in found] == [SCHEMA, DBA]


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * FROM no_such_view",
        "SELECT no_such_column FROM dual",
        "SELECT LEVEL FROM dual CONNECT BY LEVEL < 3",
        "MERGE INTO components USING dual ON (1 = 0) WHEN NOT MATCHED THEN INSERT VALUES (1, 2)",
        "TRUNCATE TABLE components",
        "BEGIN no_such_package.run; END;",
        "BEGIN GOTO somewhere; END;",
    ],
)
def test_what_the_lab_does_not_know_fails_loudly_and_is_recorded(lenient_server: OracleServer, connect: Connect, text: str) -> None:
    connection = connect()
    with ora("ORA-00900"):
        rows(connection, text)
    assert len(lenient_server.unknown) == 1
    assert text in lenient_server.unknown[0]


def test_executed_statements_are_kept_with_their_binds(server: OracleServer, schema: oracledb.Connection) -> None:
    rows(schema, "SELECT name FROM components WHERE name = :name", name="marked")
    (entry,) = server.history
    assert (entry.user, entry.text, entry.binds) == (SCHEMA, "SELECT name FROM components WHERE name = :name", ("marked",))
    assert PASSWORD not in str(server.history)
