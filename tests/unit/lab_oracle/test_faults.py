# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults, switched on by name."""

from __future__ import annotations

import pathlib
import socket
import threading
import typing as t

import oracledb
import pytest

from tests.lab.oracle import Database, OracleServer, dump
from tests.lab.oracle.faults import NAMES, Faults
from tests.unit.lab_oracle import datapump_blocks as blocks
from tests.unit.lab_oracle.conftest import ADDRESS, SCHEMA, Connect, FakeClock, call, execute, ora, rows

JOBS = "SELECT job_name, state FROM user_datapump_jobs"


def test_an_unknown_fault_is_refused() -> None:
    with pytest.raises(ValueError, match="no such fault: hang"):
        Faults().add("hang")


def test_every_fault_has_a_test() -> None:
    text = pathlib.Path(__file__).read_text(encoding="utf-8")
    assert [name for name in NAMES if f'"{name}"' not in text] == []


def test_a_listener_that_is_down_refuses_but_keeps_sessions(server: OracleServer, connect: Connect) -> None:
    present = connect()
    server.faults.add("down")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((server.address, server.port))
    with ora("DPY-6005"):
        connect()
    assert rows(present, "SELECT 1 FROM dual") == [(1,)]
    server.faults.remove("down")
    assert connect().version


def test_a_server_can_start_with_its_listener_down(database: Database) -> None:
    with socket.create_server((ADDRESS, 0)) as probe:
        port = probe.getsockname()[1]
    database.faults.add("down")
    with OracleServer(database, ADDRESS, port) as server:
        assert not server.is_listening
        database.faults.clear()
        with oracledb.connect(user=SCHEMA, password="Altium", dsn=server.dsn) as connection:
            assert connection.version


def test_a_login_hangs_until_the_fault_is_over(server: OracleServer, connect: Connect) -> None:
    server.faults.add("login_hangs")
    answered = threading.Event()

    def log_in() -> None:
        connect()
        answered.set()

    client = threading.Thread(target=log_in)
    client.start()
    try:
        assert not answered.wait(0.3)
    finally:
        server.faults.remove("login_hangs")
        client.join(10)
    assert answered.is_set()


def test_connections_are_dropped_at_once(server: OracleServer, connect: Connect) -> None:
    connection = connect()
    server.faults.add("drop_connections")
    with ora("DPY-4011"):
        rows(connection, "SELECT 1 FROM dual")
    assert connect().version


def test_connections_are_dropped_after_some_statements(server: OracleServer, connect: Connect) -> None:
    connection = connect()
    server.faults.add("drop_after", 2)
    for _unused in range(2):
        assert rows(connection, "SELECT 1 FROM dual") == [(1,)]
    with ora("DPY-4011"):
        rows(connection, "SELECT 1 FROM dual")
    server.faults.remove("drop_after")
    assert rows(connect(), "SELECT 1 FROM dual") == [(1,)]


@pytest.mark.parametrize(("fault", "was_done"), [("drop_on", True), ("drop_before", False)])
def test_a_statement_can_lose_its_answer_or_itself(
    server: OracleServer, dba: oracledb.Connection, fault: str, was_done: bool
) -> None:
    server.faults.add(fault, "grant dba")
    assert rows(dba, "SELECT 1 FROM dual") == [(1,)]
    with ora("DPY-4011"):
        execute(dba, f"GRANT DBA TO {SCHEMA}")
    assert ("DBA" in server.database.users[SCHEMA].roles) is was_done


def test_a_statement_can_fail_with_a_given_number(server: OracleServer, dba: oracledb.Connection) -> None:
    server.faults.add("error_on", {"GRANT DBA": 1031})
    with ora("ORA-01031"):
        execute(dba, f"GRANT DBA TO {SCHEMA}")
    assert "DBA" not in server.database.users[SCHEMA].roles


def test_a_hanging_statement_ends_by_the_clients_timeout(server: OracleServer, connect: Connect) -> None:
    connection = connect()
    server.faults.add("statement_hangs", "dba_users")
    connection.call_timeout = 100
    for _unused in range(2):
        with ora("DPY-4024"):
            rows(connection, "SELECT 1 FROM dba_users")
    server.faults.clear()
    assert rows(connection, "SELECT 1 FROM dual") == [(1,)]


def test_a_hanging_statement_ends_by_cancel(server: OracleServer, connect: Connect) -> None:
    connection = connect()
    server.faults.add("statement_hangs", "components")
    timer = threading.Timer(0.05, connection.cancel)
    timer.start()
    with ora("ORA-01013"):
        rows(connection, "SELECT 1 FROM components")
    timer.join()
    assert rows(connection, "SELECT 1 FROM dual") == [(1,)]


def exported(connection: oracledb.Connection, **binds: t.Any) -> dict[str, t.Any]:
    return blocks.status(connection, blocks.start_export(connection, **binds))


def last_line(folder: pathlib.Path) -> str:
    return (folder / "a.log").read_text(encoding="utf-8").splitlines()[-1]


def test_snapshot_too_old_skips_tables_and_counts_errors(
    server: OracleServer, schema: oracledb.Connection, folder: pathlib.Path
) -> None:
    server.faults.add("snapshot_too_old")
    found = exported(schema, scn=server.database.scn)
    assert (found["state"], found["errors"]) == ("COMPLETED", 3)
    assert "ORA-01555" in found["texts"]
    assert "completed with 3 error(s) at" in last_line(folder)
    assert dump.read_datapump(folder / "a.dmp").tables == []


def test_job_errors_are_in_status_and_log(server: OracleServer, schema: oracledb.Connection, folder: pathlib.Path) -> None:
    server.faults.add("job_errors", 2)
    found = exported(schema)
    assert (found["state"], found["errors"]) == ("COMPLETED", 2)
    assert "completed with 2 error(s) at" in last_line(folder)


def test_a_fatal_error_stops_the_job_and_keeps_the_master(
    server: OracleServer, schema: oracledb.Connection, folder: pathlib.Path
) -> None:
    server.faults.add("job_fatal")
    assert exported(schema)["state"] == "STOPPED"
    assert "stopped due to fatal error at" in last_line(folder)
    assert rows(schema, JOBS) == [("LOCKSTEP_EXP", "NOT RUNNING")]
    with pytest.raises(dump.DumpDamaged):
        dump.read_datapump(folder / "a.dmp")


def test_a_hanging_job_stays_where_it_is_until_the_fault_ends(
    server: OracleServer, schema: oracledb.Connection, clock: FakeClock
) -> None:
    server.faults.add("slow_job", 100)
    handle = blocks.start_export(schema)
    clock.seconds = 30
    assert blocks.status(schema, handle)["percent"] == 30
    server.faults.add("job_hangs")
    clock.seconds = 3000
    assert (blocks.status(schema, handle)["state"], blocks.status(schema, handle)["percent"]) == ("EXECUTING", 30)
    server.faults.remove("job_hangs")
    clock.seconds = 3070
    assert blocks.status(schema, handle)["state"] == "COMPLETED"


def test_waiting_for_a_hanging_job_can_be_broken_off(server: OracleServer, connect: Connect) -> None:
    connection = connect()
    server.faults.add("job_hangs")
    handle = blocks.start_export(connection)
    connection.call_timeout = 100
    with ora("DPY-4024"):
        call(connection, blocks.WAIT, {"state": str}, h=handle)
    connection.call_timeout = 0
    assert blocks.status(connection, handle)["state"] == "EXECUTING"


def test_a_truncated_dump_comes_with_a_good_log(server: OracleServer, schema: oracledb.Connection, folder: pathlib.Path) -> None:
    server.faults.add("truncated_dump")
    found = exported(schema)
    assert (found["state"], found["errors"]) == ("COMPLETED", 0)
    assert "successfully completed at" in last_line(folder)
    with pytest.raises(dump.DumpDamaged, match="truncated"):
        dump.read_datapump(folder / "a.dmp")


def test_a_log_can_lack_its_end_line(server: OracleServer, schema: oracledb.Connection, folder: pathlib.Path) -> None:
    server.faults.add("log_without_end")
    assert exported(schema)["state"] == "COMPLETED"
    assert "completed" not in last_line(folder)


def test_a_full_disk_stops_the_job(server: OracleServer, schema: oracledb.Connection, folder: pathlib.Path) -> None:
    server.faults.add("no_space")
    found = exported(schema)
    assert found["state"] == "STOPPED"
    assert "ORA-27072: File I/O error" in found["texts"]
    assert "stopped due to fatal error at" in last_line(folder)


def test_a_folder_that_vanishes_stops_the_job(
    server: OracleServer, schema: oracledb.Connection, folder: pathlib.Path, clock: FakeClock
) -> None:
    server.faults.add("slow_job", 10)
    handle = blocks.start_export(schema)
    folder.rename(folder.with_name("elsewhere"))
    clock.seconds = 10
    found = blocks.status(schema, handle)
    assert found["state"] == "STOPPED"
    assert "ORA-27072: File I/O error" in found["texts"]


def test_a_log_that_cannot_be_opened_prevents_the_start(server: OracleServer, schema: oracledb.Connection) -> None:
    server.faults.add("no_space_for_log")
    with ora("ORA-39002"):
        blocks.start_export(schema)


def test_a_job_whose_processes_die_leaves_its_master_table(
    server: OracleServer, schema: oracledb.Connection, folder: pathlib.Path
) -> None:
    server.faults.add("orphan_master")
    handle = blocks.start_export(schema)
    with ora("ORA-31623"):
        blocks.status(schema, handle)
    assert rows(schema, JOBS) == [("LOCKSTEP_EXP", "NOT RUNNING")]
    assert "Job" not in last_line(folder)
    execute(schema, "DROP TABLE LOCKSTEP_EXP PURGE")
    assert rows(schema, JOBS) == []
