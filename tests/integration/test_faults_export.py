# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""exp fails, warns, hangs, or says success and has left no dump; Oracle goes down; privileges that were there before."""

from __future__ import annotations

import threading

from tests.integration.chains import EXPORT_STARTS, LAST_UNIT_STOPS, nightly, once
from tests.integration.killing import wait_until
from tests.integration.promises import Installation
from tests.lab.lab import Lab
from tests.lab.oracle.database import Grant
from tests.lab.record import AFTER
from tests.lab.sites import SCHEMA


def test_warnings_fail_the_set_unless_their_codes_are_allowed(lab: Lab, first: Installation, second: Installation) -> None:
    lab.faults.set("ora1", "exp_warnings")
    lab.faults.set("ora2", "exp_warnings")
    allowed = {"altium_enterprise_server_oracle_allowed_warnings": ["EXP-00008", "ORA-01455"]}
    run = nightly(first, second, by_host={"aes2": allowed})
    first.failed(run, "export_failed", "ora1", "the log has EXP-00008, ORA-01455", f"{SCHEMA}_export.log", "run again")
    second.succeeded(run)
    assert run.result("Export the Oracle schema", "aes2")["log_warnings"] != []


def test_oracle_errors_fail_the_set_also_with_exit_code_0(lab: Lab, first: Installation, second: Installation) -> None:
    lab.faults.set("ora1", "exp_error")
    lab.faults.set("ora2", "exp_error_exit_0")
    run = nightly(first, second)
    for installation in (first, second):
        told = ("EXP-00056, ORA-01555", "snapshot too old", "Enlarge the undo tablespace")
        installation.failed(run, "oracle_snapshot_too_old", installation.oracle.name, *told)


def test_a_log_without_its_end_line_and_a_success_without_a_dump(lab: Lab, first: Installation, second: Installation) -> None:
    lab.faults.set("ora1", "exp_no_end_line")
    lab.faults.set("ora2", "exp_no_dump")
    run = nightly(first, second)
    first.failed(run, "export_failed", "ora1", "the log has no end line", "Read the log, correct the cause and run again")
    second.failed(run, "dump_missing", "ora2", "says that the export succeeded, but there is no dump", "export again")


def test_a_dump_that_is_cut_short_and_an_export_that_hangs(lab: Lab, first: Installation, second: Installation) -> None:
    lab.faults.set("ora1", "exp_truncated_dump")
    lab.faults.set("ora2", "exp_hangs")
    run = nightly(first, second, by_host={"aes2": {"altium_enterprise_server_oracle_export_timeout": 1}})
    first.failed(run, "dump_truncated", "imp on ora1 failed", "Read the dump to its end", "The dump ends too early")
    second.failed(run, "job_timeout", "ora2", "did not end within 1 s and was stopped", "give it a longer timeout")


def test_a_database_that_takes_connections_and_never_answers_keeps_nobody_waiting(
    lab: Lab, first: Installation, second: Installation
) -> None:
    lab.faults.set("ora1", "database_login_hangs")
    falls_silent = once(lab, "aes2", LAST_UNIT_STOPS, lambda: lab.faults.set("ora2", "database_login_hangs"))
    run = nightly(first, second, altium_enterprise_server_oracle_login_timeout=2)
    assert falls_silent.is_set()
    told = ("the login not answered within 2 s", "Look whether the database hangs")
    first.refused_before_anything_stopped(run, "oracle_listener_down", "ora1", *told)
    second.failed(run, "oracle_listener_down", "ora2", *told)


def test_a_schema_that_is_a_dba_anyway_stays_one(lab: Lab, first: Installation) -> None:
    database = lab.hosts["ora1"].database
    assert database is not None
    database.users[SCHEMA].roles["DBA"] = Grant()
    before = first.privileges()
    installation = Installation(lab, 1)
    run = nightly(installation)
    installation.succeeded(run)
    assert installation.privileges() == before
    assert [entry.text for entry in database.history if entry.text.startswith(("GRANT", "REVOKE"))] == []


def test_oracle_that_goes_down_during_or_after_the_export_is_told_and_the_next_run_revokes_what_is_left(
    lab: Lab, first: Installation, second: Installation
) -> None:
    def goes_down(host: str) -> None:
        lab.faults.set(host, "database_drop_connections")
        lab.faults.set(host, "database_down")

    def exp_reads() -> bool:
        logs = first.folder(first.oracle, "Failed").glob(f"*/{SCHEMA}_export.log")
        return any("exporting table" in log.read_text(encoding="utf-8") for log in logs)

    def while_exp_reads() -> None:
        wait_until(exp_reads, "exp reads its first table")
        goes_down("ora1")

    def when_exp_has_ended() -> None:
        wait_until(lambda: not second.oracle.machine.processes.named("exp.exe"), "exp ends")
        goes_down("ora2")

    lab.faults.set("ora1", "exp_seconds", 1)
    lab.faults.set("ora1", "exp_error", 3113)
    during = once(lab, "ora1", EXPORT_STARTS, while_exp_reads, AFTER)
    after = once(lab, "ora2", EXPORT_STARTS, when_exp_has_ended, AFTER)
    run = nightly(first, second)
    assert during.is_set()
    assert after.is_set()
    messages = []
    for installation in (first, second):
        host = installation.oracle.name
        (job,) = installation.state_folder(installation.oracle, "jobs").iterdir()
        left = {f"{host}: privileges/{SCHEMA}@XE.json", f"{host}: privileges ['DBA']", f"{host}: jobs/{job.name}"}
        told = (f"DBA could not be taken back from {SCHEMA}", "The journal stays, and the next run tries again")
        messages.append(installation.failed(run, "privileges_left", host, *told, left=left))
    assert "EXP-00056, ORA-03113" in messages[0]
    for host in ("ora1", "ora2"):
        lab.faults.clear(host)
    recovered = nightly(first, second)
    for installation in (first, second):
        installation.nothing_is_left()
        assert installation.succeeded(recovered)["grade"] == "quiesced"


def test_a_data_pump_job_goes_on_while_the_connection_is_lost(lab: Lab, first: Installation) -> None:
    database = first.oracle.database
    assert database is not None
    stopped = threading.Event()

    def cut_when_it_is_watched() -> None:
        wait_until(lambda: any("GET_STATUS" in entry.text for entry in list(database.history)), "the job is watched")
        lab.faults.set("ora1", "database_drop_connections")
        stopped.set()

    lab.faults.set("ora1", "database_slow_job", 1)
    cutter = threading.Thread(target=cut_when_it_is_watched)
    cutter.start()
    run = nightly(
        first, altium_enterprise_server_oracle_method="datapump", altium_enterprise_server_oracle_directory="DATA_PUMP_DIR"
    )
    cutter.join()
    assert stopped.is_set()
    first.succeeded(run)
    assert sum("DBMS_DATAPUMP.START_JOB" in entry.text for entry in database.history) == 1
