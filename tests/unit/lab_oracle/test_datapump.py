# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Data Pump jobs, driven by the real driver."""

from __future__ import annotations

import pathlib

import oracledb
import pytest

from tests.lab.oracle import Database, OracleServer, dump
from tests.unit.lab_oracle import datapump_blocks as blocks
from tests.unit.lab_oracle.conftest import DBA, DBA_PASSWORD, DIRECTORY, SCHEMA, Connect, FakeClock, call, execute, ora, rows

JOBS = "SELECT job_name, state FROM user_datapump_jobs"
OPENED = "DECLARE h NUMBER; BEGIN h := DBMS_DATAPUMP.OPEN('EXPORT', 'SCHEMA', NULL, 'J'); :h := h; "


def log_lines(folder: pathlib.Path, name: str = "a.log") -> list[str]:
    return (folder / name).read_text(encoding="utf-8").splitlines()


def test_an_export_leaves_a_whole_dump_and_a_log_with_the_end_line(
    schema: oracledb.Connection, folder: pathlib.Path, database: Database
) -> None:
    scn = database.scn
    handle = blocks.start_export(schema, scn=scn)
    assert call(schema, blocks.WAIT, {"state": str}, h=handle) == {"state": "COMPLETED"}
    content = dump.read_datapump(folder / "a.dmp")
    assert (content.schema, content.scn, content.job_name) == (SCHEMA, scn, "LOCKSTEP_EXP")
    assert content.row_counts() == {"COMPONENTS": 3, "EMPTY_ONE": 0, "PROJECTS": 1}
    lines = log_lines(folder)
    assert lines[0] == 'Starting "AESUSER313"."LOCKSTEP_EXP":  '
    assert lines[-1] == 'Job "AESUSER313"."LOCKSTEP_EXP" successfully completed at Wed Mar 04 05:06:07 2026 elapsed 0 00:00:00'
    assert [line.split()[3] for line in lines if line.startswith(". . exported")] == [
        '"AESUSER313"."COMPONENTS"',
        '"AESUSER313"."EMPTY_ONE"',
        '"AESUSER313"."PROJECTS"',
    ]
    assert rows(schema, JOBS) == []


def test_a_dump_holds_what_was_there_at_its_scn(schema: oracledb.Connection, folder: pathlib.Path, database: Database) -> None:
    scn = database.scn
    database.insert(SCHEMA, "COMPONENTS", (4, "later"))
    database.delete_rows(SCHEMA, "PROJECTS")
    blocks.start_export(schema, scn=scn)
    assert dump.read_datapump(folder / "a.dmp").row_counts() == {"COMPONENTS": 3, "EMPTY_ONE": 0, "PROJECTS": 1}
    blocks.start_export(schema, job="WITHOUT_SCN", name="b")
    assert dump.read_datapump(folder / "b.dmp").row_counts() == {"COMPONENTS": 4, "EMPTY_ONE": 0, "PROJECTS": 0}


def test_without_an_scn_tables_are_as_of_different_moments(
    schema: oracledb.Connection, folder: pathlib.Path, database: Database, clock: FakeClock
) -> None:
    database.job_seconds = 4
    handle = blocks.start_export(schema)
    clock.seconds = 2
    blocks.status(schema, handle)
    database.insert(SCHEMA, "COMPONENTS", (4, "later"))
    database.insert(SCHEMA, "PROJECTS", (4, None))
    clock.seconds = 4
    blocks.status(schema, handle)
    assert dump.read_datapump(folder / "a.dmp").row_counts() == {"COMPONENTS": 3, "EMPTY_ONE": 0, "PROJECTS": 2}


def test_percent_and_state_follow_the_clock(schema: oracledb.Connection, database: Database, clock: FakeClock) -> None:
    database.job_seconds = 100
    handle = blocks.start_export(schema)
    seen = []
    for seconds in (0, 25, 60, 99.9, 100):
        clock.seconds = seconds
        found = blocks.status(schema, handle)
        seen.append((found["state"], found["percent"]))
    assert seen == [("EXECUTING", 0), ("EXECUTING", 25), ("EXECUTING", 60), ("EXECUTING", 99), ("COMPLETED", 100)]
    with ora("ORA-31623"):
        blocks.status(schema, handle)


def test_a_job_survives_its_session_and_is_found_again_by_its_name(
    server: OracleServer, connect: Connect, folder: pathlib.Path, clock: FakeClock
) -> None:
    server.database.job_seconds = 10
    connection = connect()
    blocks.start_export(connection)
    server.drop_connections()
    later = connect()
    assert rows(later, JOBS) == [("LOCKSTEP_EXP", "EXECUTING")]
    clock.seconds = 5
    handle = call(later, blocks.ATTACH, {"h": int}, job="LOCKSTEP_EXP")["h"]
    assert blocks.status(later, handle)["percent"] == 50
    call(later, "BEGIN DBMS_DATAPUMP.DETACH(:h); END;", h=handle)
    clock.seconds = 10
    assert rows(later, JOBS) == []
    assert dump.read_datapump(folder / "a.dmp").row_counts()["COMPONENTS"] == 3
    with ora("ORA-31626"):
        call(later, blocks.ATTACH, {"h": int}, job="LOCKSTEP_EXP")


def test_jobs_go_on_without_anybody_asking(server: OracleServer, connect: Connect, folder: pathlib.Path, clock: FakeClock) -> None:
    server.database.job_seconds = 10
    connection = connect()
    blocks.start_export(connection)
    connection.close()
    clock.seconds = 10
    assert server.wait_for_jobs(5.0)
    assert "successfully completed" in log_lines(folder)[-1]


def test_a_job_that_was_never_started_goes_with_its_session(
    server: OracleServer, connect: Connect, schema: oracledb.Connection, folder: pathlib.Path
) -> None:
    connection = connect()
    call(connection, OPENED + "DBMS_DATAPUMP.ADD_FILE(h, 'a.dmp', 'LOCKSTEP_DIR'); END;", {"h": int})
    assert rows(schema, JOBS) == [("J", "DEFINING")]
    assert [path.name for path in folder.iterdir()] == ["a.dmp"]
    connection.close()
    assert list(folder.iterdir()) == []
    assert server.database.tables[SCHEMA].keys() == {"COMPONENTS", "PROJECTS", "EMPTY_ONE"}


def test_longops_shows_progress_to_a_dba(
    schema: oracledb.Connection, dba: oracledb.Connection, database: Database, clock: FakeClock
) -> None:
    database.job_seconds = 10
    blocks.start_export(schema)
    clock.seconds = 5
    text = "SELECT opname, sofar, totalwork FROM v$session_longops WHERE opname = 'LOCKSTEP_EXP'"
    assert rows(dba, text) == [("LOCKSTEP_EXP", 2, 5)]


def test_log_lines_come_with_the_status(schema: oracledb.Connection, database: Database, clock: FakeClock) -> None:
    database.job_seconds = 10
    handle = blocks.start_export(schema)
    block = """
DECLARE s ku$_Status; BEGIN s := DBMS_DATAPUMP.GET_STATUS(:h, DBMS_DATAPUMP.KU$_STATUS_WIP, 0); IF s.wip IS NOT NULL THEN
FOR i IN s.wip.FIRST .. s.wip.LAST LOOP :text := :text || s.wip(i).LogText || '|'; END LOOP; END IF;
:without_mask := s.job_status.percent_done; END;
"""
    assert call(schema, block, {"text": str, "without_mask": int}, h=handle) == {
        "text": 'Starting "AESUSER313"."LOCKSTEP_EXP":  |',
        "without_mask": None,
    }
    assert call(schema, block, {"text": str, "without_mask": int}, h=handle)["text"] is None


@pytest.mark.parametrize(("user", "expected"), [("OTHER", "ORA-31631"), (DBA, None)])
def test_another_schema_needs_the_export_role(
    server: OracleServer, connect: Connect, folder: pathlib.Path, user: str, expected: str | None
) -> None:
    server.database.directory_grants[(DIRECTORY, user)] = {"READ", "WRITE"}
    connection = connect(user, {"OTHER": "other", DBA: DBA_PASSWORD}[user])
    if expected is not None:
        with ora(expected):
            blocks.start_export(connection)
    else:
        call(connection, blocks.WAIT, {"state": str}, h=blocks.start_export(connection))
        assert dump.read_datapump(folder / "a.dmp").schema == SCHEMA


def test_the_export_role_must_be_enabled_in_the_session(server: OracleServer, connect: Connect, dba: oracledb.Connection) -> None:
    server.database.directory_grants[(DIRECTORY, "OTHER")] = {"READ", "WRITE"}
    before = connect("OTHER", "other")
    execute(dba, "GRANT DATAPUMP_EXP_FULL_DATABASE TO OTHER")
    with ora("ORA-31631"):
        blocks.start_export(before)
    before.close()
    assert blocks.start_export(connect("OTHER", "other"))


def test_open_needs_create_table_and_quota(server: OracleServer, connect: Connect) -> None:
    account = server.database.users[SCHEMA]
    account.quotas.clear()
    with pytest.raises(oracledb.DatabaseError, match=r"ORA-31633[^$]*ORA-01950"):
        blocks.start_export(connect())
    account.roles.pop("RESOURCE")
    with pytest.raises(oracledb.DatabaseError, match=r"ORA-31633[^$]*ORA-01031"):
        blocks.start_export(connect())


def test_a_job_name_is_used_once_at_a_time(schema: oracledb.Connection, database: Database) -> None:
    database.job_seconds = 10
    blocks.start_export(schema)
    with ora("ORA-31634"):
        blocks.start_export(schema, name="b")


@pytest.mark.parametrize(
    ("calls", "code", "detail"),
    [
        ("DBMS_DATAPUMP.ADD_FILE(h, 'a.dmp', 'NO_SUCH_DIR');", "ORA-39001", "ORA-39087: directory name NO_SUCH_DIR is invalid"),
        ("DBMS_DATAPUMP.ADD_FILE(h, 'old.dmp', 'LOCKSTEP_DIR');", "ORA-39001", "ORA-27038: created file already exists"),
        ("DBMS_DATAPUMP.ADD_FILE(h, 'a.dmp', 'GONE_DIR');", "ORA-39001", "ORA-27040: file create error, unable to create file"),
        ("DBMS_DATAPUMP.SET_PARAMETER(h, 'NO_SUCH', 1);", "ORA-39001", "ORA-39049: invalid parameter name NO_SUCH"),
        ("DBMS_DATAPUMP.START_JOB(h);", "ORA-39002", "ORA-39000: bad dump file specification"),
        ("DBMS_DATAPUMP.SET_PARALLEL(h, 2);", "ORA-39094", "ORA-39094: Parallel execution not supported in this database edition."),
        (
            """
DBMS_DATAPUMP.ADD_FILE(h, 'a.dmp', 'LOCKSTEP_DIR'); DBMS_DATAPUMP.ADD_FILE(h, 'a.log', 'GONE_DIR', NULL, 3);
DBMS_DATAPUMP.START_JOB(h);
""",
            "ORA-39002",
            "ORA-29283: invalid file operation: cannot open file [29435]",
        ),
    ],
)
def test_what_is_wrong_with_a_definition_is_told_by_the_status(
    schema: oracledb.Connection, database: Database, folder: pathlib.Path, calls: str, code: str, detail: str
) -> None:
    (folder / "old.dmp").write_bytes(b"")
    database.add_directory("GONE_DIR", "C:\\Gone", read_write=[SCHEMA])
    handle = call(
        schema, OPENED + "BEGIN " + calls + " EXCEPTION WHEN OTHERS THEN :code := SQLCODE; END; END;", {"h": int, "code": int}
    )
    assert f"ORA-{-handle['code']:05d}" == code
    assert detail in blocks.status(schema, handle["h"])["texts"].splitlines()


def test_unhandled_argument_errors_reach_the_client(schema: oracledb.Connection) -> None:
    with ora("ORA-39001"):
        call(schema, OPENED + "DBMS_DATAPUMP.ADD_FILE(h, 'a.dmp', 'NO_SUCH_DIR'); END;", {"h": int})


def test_an_old_dump_is_reused_only_when_told(schema: oracledb.Connection, folder: pathlib.Path) -> None:
    (folder / "a.dmp").write_bytes(b"old")
    blocks.start_export(schema, reuse=1)
    assert dump.read_datapump(folder / "a.dmp").schema == SCHEMA


def test_names_and_logs_take_their_variants(schema: oracledb.Connection, folder: pathlib.Path) -> None:
    calls = """
DBMS_DATAPUMP.ADD_FILE(h, 'x_%U.dmp', 'LOCKSTEP_DIR'); DBMS_DATAPUMP.ADD_FILE(h, 'x.log', 'LOCKSTEP_DIR', filetype => 3);
DBMS_DATAPUMP.METADATA_FILTER(h, 'SCHEMA_EXPR', 'IN (''AESUSER313'')');
DBMS_DATAPUMP.METADATA_FILTER(h, 'EXCLUDE_PATH_LIST', '''STATISTICS''');
DBMS_DATAPUMP.SET_PARAMETER(h, 'LOGTIME', 'ALL'); DBMS_DATAPUMP.SET_PARAMETER(h, 'FLASHBACK_TIME', 'SYSTIMESTAMP');
DBMS_DATAPUMP.LOG_ENTRY(h, 'hello'); DBMS_DATAPUMP.START_JOB(h); END;
"""
    call(schema, OPENED + calls, {"h": int})
    assert dump.read_datapump(folder / "x_01.dmp").scn is not None
    assert log_lines(folder, "x.log")[0] == '04-MAR-26 05:06:07.000: Starting "AESUSER313"."J":  '


def test_stopping_without_the_master_removes_job_and_dump(
    schema: oracledb.Connection, database: Database, folder: pathlib.Path
) -> None:
    database.job_seconds = 10
    handle = blocks.start_export(schema)
    call(schema, blocks.STOP, h=handle, keep=0)
    assert rows(schema, JOBS) == []
    assert not (folder / "a.dmp").exists()
    assert "stopped by user request" in log_lines(folder)[-1]


def test_stopping_with_the_master_leaves_an_idle_job(schema: oracledb.Connection, database: Database) -> None:
    database.job_seconds = 10
    call(schema, blocks.STOP, h=blocks.start_export(schema), keep=1)
    assert rows(schema, JOBS) == [("LOCKSTEP_EXP", "NOT RUNNING")]


@pytest.mark.parametrize("way", ["drop", "stop"])
def test_an_orphaned_master_table_can_be_removed(schema: oracledb.Connection, database: Database, way: str) -> None:
    database.add_orphan_master(SCHEMA, "OLD_JOB")
    assert rows(schema, JOBS) == [("OLD_JOB", "NOT RUNNING")]
    with ora("ORA-31634"):
        blocks.start_export(schema, job="OLD_JOB")
    if way == "drop":
        execute(schema, 'DROP TABLE "AESUSER313"."OLD_JOB" PURGE')
    else:
        handle = call(schema, blocks.ATTACH, {"h": int}, job="OLD_JOB")["h"]
        assert rows(schema, JOBS) == [("OLD_JOB", "IDLING")]
        call(schema, blocks.STOP, h=handle, keep=0)
    assert rows(schema, JOBS) == []


def test_the_master_table_of_a_running_job_cannot_be_dropped(schema: oracledb.Connection, database: Database) -> None:
    database.job_seconds = 10
    blocks.start_export(schema)
    with ora("ORA-00054"):
        execute(schema, "DROP TABLE LOCKSTEP_EXP")


def test_the_master_table_is_no_part_of_a_dump(schema: oracledb.Connection, database: Database) -> None:
    database.add_orphan_master(SCHEMA, "OLD_JOB")
    assert "OLD_JOB" not in database.exportable_tables(SCHEMA, with_empty=True)


def test_an_import_brings_the_rows_back(schema: oracledb.Connection, database: Database, folder: pathlib.Path) -> None:
    blocks.start_export(schema)
    before = database.tables[SCHEMA]["PROJECTS"].rows_at(database.scn)
    del database.tables[SCHEMA]["PROJECTS"]
    database.insert(SCHEMA, "COMPONENTS", (9, "newer"))
    handle = blocks.start_import(schema, existing="REPLACE")
    assert call(schema, blocks.WAIT, {"state": str}, h=handle) == {"state": "COMPLETED"}
    assert database.tables[SCHEMA]["PROJECTS"].rows_at(database.scn) == before
    assert len(database.tables[SCHEMA]["COMPONENTS"].rows_at(database.scn)) == 3
    assert "successfully completed" in log_lines(folder, "a_imp.log")[-1]


def test_existing_tables_are_errors_of_an_import_that_may_not_touch_them(schema: oracledb.Connection, folder: pathlib.Path) -> None:
    blocks.start_export(schema)
    found = blocks.status(schema, blocks.start_import(schema))
    assert (found["state"], found["errors"]) == ("COMPLETED", 3)
    assert "ORA-39151" in found["texts"]
    assert "completed with 3 error(s)" in log_lines(folder, "a_imp.log")[-1]


def test_importing_into_another_schema_needs_the_import_role(
    server: OracleServer, connect: Connect, dba: oracledb.Connection, schema: oracledb.Connection
) -> None:
    blocks.start_export(schema)
    with ora("ORA-39002"):
        call(schema, "BEGIN :h := DBMS_DATAPUMP.OPEN('IMPORT', 'FULL', NULL, 'I'); DBMS_DATAPUMP.START_JOB(:h); END;", {"h": int})
    with ora("ORA-31631"):
        blocks.start_import(schema, target="SCRATCH")
    server.database.directory_grants[(DIRECTORY, DBA)] = {"READ", "WRITE"}
    blocks.start_import(connect(DBA, DBA_PASSWORD), target="SCRATCH")
    assert rows(dba, "SELECT COUNT(*) FROM scratch.components") == [(3,)]


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_a_truncated_dump_is_refused_and_changes_nothing(
    schema: oracledb.Connection, database: Database, folder: pathlib.Path, share: float
) -> None:
    blocks.start_export(schema)
    whole = (folder / "a.dmp").read_bytes()
    (folder / "a.dmp").write_bytes(whole[: int(len(whole) * share)])
    del database.tables[SCHEMA]["PROJECTS"]
    with ora("ORA-39002"):
        blocks.start_import(schema)
    assert "PROJECTS" not in database.tables[SCHEMA]


@pytest.mark.parametrize("content", [b"", b"no dump at all", dump.as_bytes(dump.CLASSIC, dump.SchemaDump(SCHEMA, None)), None])
def test_a_file_of_another_kind_is_refused(schema: oracledb.Connection, folder: pathlib.Path, content: bytes | None) -> None:
    if content is not None:
        (folder / "a.dmp").write_bytes(content)
    with ora("ORA-39001"):
        blocks.start_import(schema)


def test_the_header_of_a_dump_can_be_asked_for(schema: oracledb.Connection, folder: pathlib.Path) -> None:
    blocks.start_export(schema)
    block = "DECLARE i ku$_dumpfile_info; BEGIN DBMS_DATAPUMP.GET_DUMPFILE_INFO(:name, :d, i, :kind); :items := i.COUNT; END;"
    found = call(schema, block, {"kind": int, "items": int}, name="a.dmp", d=DIRECTORY)
    assert (found["kind"], found["items"] > 0) == (1, True)
    (folder / "b.dmp").write_bytes(b"x")
    assert call(schema, block, {"kind": int, "items": int}, name="b.dmp", d=DIRECTORY) == {"kind": 0, "items": 0}
    with ora("ORA-39211"):
        call(schema, block, {"kind": int, "items": int}, name="absent.dmp", d=DIRECTORY)


def test_sysdba_exports_any_schema(server: OracleServer, connect: Connect, folder: pathlib.Path) -> None:
    connection = connect("SYS", "oracle", mode=oracledb.AUTH_MODE_SYSDBA)
    blocks.start_export(connection)
    assert dump.read_datapump(folder / "a.dmp").schema == SCHEMA


def test_a_read_only_database_starts_no_job(server: OracleServer, connect: Connect) -> None:
    server.database.open_mode = "READ ONLY"
    with pytest.raises(oracledb.DatabaseError, match="ORA-16000"):
        blocks.start_export(connect())
