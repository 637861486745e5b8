# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Exporting with exp: what is done, what is believed, what is given back."""

from __future__ import annotations

import dataclasses
import json
import typing as t

import pytest

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.host import base
from tests.unit.fake_host import OTHER, FakeClock, FakeHost, FakeJob
from tests.unit.oracle.fake_oracle import FakeOracle, ora
from tests.unit.oracle.support import (
    ADMIN,
    DUMP,
    FOLDER,
    GOOD_LOG,
    JOURNAL,
    LOG,
    PASSWORD,
    PRIVILEGES,
    call,
    make_host,
    parameters_of,
    run_tool,
)

ELEVATED: t.Mapping[str, t.Any] = {"elevate": "dba", **ADMIN}


def refused(host: FakeHost, database: FakeOracle, **params: t.Any) -> LockstepError:
    with pytest.raises(LockstepError) as caught:
        call(host, database, **params)
    return caught.value


def secrets_left(host: FakeHost) -> list[str]:
    return [path for path, data in host.files.items() if PASSWORD.encode() in data]


def test_a_good_export_tells_what_it_made() -> None:
    host, database = make_host(), FakeOracle()
    result = call(host, database, **ELEVATED)
    assert result["changed"]
    assert result["dump"] == {"path": DUMP, "bytes": 5000, "files": [{"path": DUMP, "bytes": 5000}]}
    assert (result["scn"], result["version"], result["charset"]) == (4711, "19.21.0.0.0", "AL32UTF8")
    assert result["tables"] == {"ITEM": 12, "REVISION": 1043}
    assert result["rows"] == 1055
    assert result["granted"] == ["DBA"]
    assert result["revoked"] == ['REVOKE DBA FROM "AESUSER313"']
    assert "without warnings" in result["log"]["tail"]
    assert {step["result"] for step in result["plan"]} == {"done"}


def test_the_record_beside_the_dump_says_what_it_is() -> None:
    host = make_host()
    call(host, FakeOracle(), **ELEVATED)
    record = json.loads(host.read_text(f"{DUMP}.lockstep.json"))
    assert record["set_id"] == "26112101"
    assert record["schema"] == "AESUSER313"
    assert record["files"] == {"AESUSER313.dmp": 5000}
    assert (record["scn"], record["version"], record["charset"], record["consistent"]) == (4711, "19.21.0.0.0", "AL32UTF8", True)


def test_exp_gets_its_login_by_a_private_file_only_and_its_messages_in_english() -> None:
    host, database = make_host(), FakeOracle()
    seen: list[tuple[FakeJob, dict[str, str]]] = []

    def job(started: FakeJob) -> base.JobStatus:
        seen.append((started, parameters_of(host, started)))
        return run_tool(host, started)

    host.job = job
    call(host, database, **ELEVATED, environment={"ORACLE_HOME": "D:\\oracle"})
    started, parameters = seen[0]
    assert started.argv == ("exp", "parfile=AESUSER313@XE.exported.26112101.par")
    assert started.cwd == PRIVILEGES
    assert started.env == {"NLS_LANG": "AMERICAN_AMERICA.AL32UTF8", "ORACLE_HOME": "D:\\oracle"}
    assert parameters == {
        "userid": f'AESUSER313/"{PASSWORD}"@//oracle1:1521/xe',
        "owner": "AESUSER313",
        "file": f'"{DUMP}"',
        "log": f'"{LOG}"',
        "consistent": "y",
        "statistics": "none",
    }
    assert secrets_left(host) == []


def test_dba_is_granted_before_the_tool_runs_and_revoked_after_it() -> None:
    host, database = make_host(), FakeOracle()
    during: list[bool] = []

    def job(started: FakeJob) -> base.JobStatus:
        during.append("DBA" in database.roles_of("AESUSER313"))
        return run_tool(host, started)

    host.job = job
    call(host, database, **ELEVATED)
    assert during == [True]
    assert "DBA" not in database.roles_of("AESUSER313")
    assert JOURNAL not in host.files


def test_who_has_dba_already_keeps_it() -> None:
    host, database = make_host(), FakeOracle()
    database.fill("dba_role_privs", ("AESUSER313", "DBA", "YES", "YES"))
    result = call(host, database, **ELEVATED)
    assert result["granted"] == []
    assert result["revoked"] == []
    assert database.roles_of("AESUSER313")["DBA"] == ("YES", "YES")
    assert not any(operation.startswith(("GRANT", "REVOKE")) for operation in database.operations)


def test_who_inherits_dba_through_a_role_is_given_nothing() -> None:
    host, database = make_host(), FakeOracle()
    database.fill("dba_role_privs", ("AESUSER313", "TEAM", "NO", "YES"), ("TEAM", "DBA", "NO", "YES"))
    assert call(host, database, **ELEVATED)["granted"] == []
    assert set(database.roles_of("AESUSER313")) == {"CONNECT", "TEAM"}


@pytest.mark.parametrize(
    ("log", "exit_code", "slug"),
    [
        (GOOD_LOG, 1, "export_failed"),
        ("", 0, "export_failed"),
        (GOOD_LOG.replace("without warnings.", ""), 0, "export_failed"),
        ("EXP-00091: x\nExport terminated successfully with warnings.\n", 0, "export_failed"),
        ("EXP-00056: y\nORA-01555: snapshot too old\nExport terminated unsuccessfully\n", 1, "oracle_snapshot_too_old"),
        ("EXP-00002: error in writing to export file\nExport terminated unsuccessfully\n", 1, "no_space"),
        ("EXP-00056: y\nORA-01017: invalid\nExport terminated unsuccessfully\n", 1, "oracle_login_failed"),
    ],
)
def test_a_bad_end_fails_with_its_cause_and_gives_everything_back(log: str, exit_code: int, slug: str) -> None:
    host, database = make_host(), FakeOracle()
    host.job = lambda job: run_tool(host, job, log, exit_code)
    error = refused(host, database, **ELEVATED)
    assert error.slug == slug
    assert error.details["revoked"] == ['REVOKE DBA FROM "AESUSER313"']
    assert "DBA" not in database.roles_of("AESUSER313")
    assert secrets_left(host) == []
    assert JOURNAL not in host.files
    assert f"{DUMP}.lockstep.json" not in host.files
    assert LOG in host.files


def test_an_allowed_warning_is_reported_and_does_not_fail() -> None:
    host = make_host()
    log = GOOD_LOG.replace("Export terminated successfully without", "EXP-00091: Exporting\nExport terminated successfully with")
    host.job = lambda job: run_tool(host, job, log)
    result = call(host, FakeOracle(), **ELEVATED, allowed_warnings=["EXP-00091"])
    assert result["log_warnings"] == ["EXP-00091: Exporting"]


def test_a_tool_that_could_not_say_why_on_a_full_disk_is_explained() -> None:
    host = make_host()

    def job(started: FakeJob) -> base.JobStatus:
        host.free = 4096
        return run_tool(host, started, "About to export specified users ...\n", 1)

    host.job = job
    assert refused(host, FakeOracle(), **ELEVATED).slug == "no_space"


@pytest.mark.parametrize(("dump", "slug"), [(b"", "dump_truncated"), (b"x" * 100, "dump_truncated")])
def test_a_dump_that_is_too_small_for_its_log_fails(dump: bytes, slug: str) -> None:
    host = make_host()
    host.job = lambda job: run_tool(host, job, dump=dump)
    assert refused(host, FakeOracle(), **ELEVATED).slug == slug


def test_a_good_log_without_a_dump_fails() -> None:
    host = make_host()

    def job(started: FakeJob) -> base.JobStatus:
        status = run_tool(host, started)
        del host.files[DUMP]
        return status

    host.job = job
    assert refused(host, FakeOracle(), **ELEVATED).slug == "dump_missing"


def test_when_exp_cannot_write_a_log_its_output_tells_why_without_the_password() -> None:
    host = make_host()

    def job(started: FakeJob) -> base.JobStatus:
        started.output = f"LRM-00108: invalid positional parameter value '{PASSWORD}'\nEXP-00019: failed to process parameters"
        return base.JobStatus(base.JOB_EXITED, 1, 42)

    host.job = job
    error = refused(host, FakeOracle(), **ELEVATED)
    assert error.slug == "export_failed"
    assert "LRM-00108" in error.details["log_tail"]
    assert PASSWORD not in json.dumps(error.as_result())


def test_a_tool_that_hangs_is_stopped_and_everything_is_given_back() -> None:
    host, database = make_host(), FakeOracle()
    host.job = lambda job: base.JobStatus(base.JOB_RUNNING, None, 42)
    error = refused(host, database, **ELEVATED, timeout=60)
    assert error.slug == "job_timeout"
    assert any(event.startswith("stop job") for event in host.events)
    assert "DBA" not in database.roles_of("AESUSER313")
    assert secrets_left(host) == []


def test_an_interrupted_task_stops_the_tool_and_gives_everything_back() -> None:
    host, database, clock = make_host(), FakeOracle(), FakeClock()

    def interrupt(elapsed: float) -> None:
        raise KeyboardInterrupt

    clock.on_sleep.append(interrupt)
    host.job = lambda job: base.JobStatus(base.JOB_RUNNING, None, 42)
    with pytest.raises(KeyboardInterrupt):
        call(host, database, clock=clock, **ELEVATED)
    assert any(event.startswith("stop job") for event in host.events)
    assert "DBA" not in database.roles_of("AESUSER313")
    assert secrets_left(host) == []


def test_when_the_revoke_fails_the_journal_stays_and_the_next_run_does_it() -> None:
    host, database = make_host(), FakeOracle()

    def down(operation: str) -> None:
        if "DBA" in database.roles_of("AESUSER313") and DUMP in host.files:
            raise ora(12541, "TNS:no listener")

    database.on_operation = down
    error = refused(host, database, **ELEVATED)
    assert error.slug == "privileges_left"
    assert error.details["not_revoked"] == ["DBA"]
    assert error.details["dump"]["bytes"] == 5000, "the dump itself is good, and is reported"
    assert JOURNAL in host.files
    assert secrets_left(host) == []
    database.on_operation = lambda operation: None
    recovered = call(host, database, **{**ELEVATED, "state": "recovered"})
    assert recovered["changed"]
    assert recovered["recovered"]["statements"] == ['REVOKE DBA FROM "AESUSER313"']
    assert "DBA" not in database.roles_of("AESUSER313")
    assert JOURNAL not in host.files


def connection_breaks(operation: str) -> None:
    raise ora(3113, "end-of-file on communication channel")


def test_when_the_export_and_the_revoke_fail_both_are_told() -> None:
    host, database = make_host(), FakeOracle()

    def job(started: FakeJob) -> base.JobStatus:
        database.on_operation = connection_breaks
        return run_tool(host, started, "ORA-03113: end-of-file\nExport terminated unsuccessfully\n", 1)

    host.job = job
    error = refused(host, database, **ELEVATED)
    assert {error.slug, *(failure["error_code"] for failure in error.details.get("also_failed", []))} >= {"privileges_left"}
    assert JOURNAL in host.files


def test_a_connection_that_is_lost_before_the_revoke_is_opened_anew() -> None:
    host, database = make_host(), FakeOracle()
    lost: list[str] = []

    def lose_once(operation: str) -> None:
        if DUMP in host.files and not lost:
            lost.append(operation)
            raise ora(3113, "end-of-file on communication channel")

    database.on_operation = lose_once
    call(host, database, **ELEVATED)
    assert lost
    assert "DBA" not in database.roles_of("AESUSER313")


def test_a_grant_that_is_refused_names_the_reason_and_runs_nothing() -> None:
    host, database = make_host(), FakeOracle()

    def refuse(operation: str) -> None:
        if operation.startswith("GRANT"):
            raise ora(1932, "ADMIN option not granted for role 'DBA'")

    database.on_operation = refuse
    error = refused(host, database, **ELEVATED)
    assert error.slug == "elevation_refused"
    assert host.jobs == {}
    assert JOURNAL not in host.files


def test_a_role_that_new_sessions_would_not_have_is_taken_back() -> None:
    host, database = make_host(), FakeOracle()
    database.new_roles_are_default = False
    assert refused(host, database, **ELEVATED).slug == "elevation_refused"
    assert "DBA" not in database.roles_of("AESUSER313")
    assert host.jobs == {}


def test_a_dump_that_exists_is_never_written_over() -> None:
    host, database = make_host(), FakeOracle()
    host.files["D:\\Vault\\Failed\\26112101\\aesuser313.DMP"] = b"precious"
    error = refused(host, database, **ELEVATED)
    assert error.slug == "dump_exists"
    assert host.jobs == {}
    assert not any(operation.startswith("GRANT") for operation in database.operations)


def test_the_same_export_once_more_changes_nothing() -> None:
    host, database = make_host(), FakeOracle()
    first = call(host, database, **ELEVATED)
    jobs = len([event for event in host.events if event.startswith("job ")])
    second = call(host, database, **ELEVATED)
    assert not second["changed"]
    for key in ("dump", "scn", "version", "charset", "tables", "rows"):
        assert second[key] == first[key]
    assert len([event for event in host.events if event.startswith("job ")]) == jobs


def test_windows_lists_names_in_lower_case_and_they_are_recognised_all_the_same() -> None:
    host, database = make_host(), FakeOracle()
    listed = host.list_folder

    def in_lower_case(path: str, kind: str | None = None) -> list[base.FileInfo]:
        return [dataclasses.replace(entry, path=entry.path.lower()) for entry in listed(path, kind)]

    host.list_folder = in_lower_case  # type: ignore[method-assign]
    assert call(host, database, **ELEVATED)["changed"]
    again = call(host, database, **ELEVATED)
    assert not again["changed"]
    assert again["dump"]["files"] == [{"path": DUMP, "bytes": 5000}]
    assert call(host, database, state="imported", dump=DUMP, expected_set_id="26112101")["changed"]


def test_a_finished_dump_of_another_set_or_size_is_refused() -> None:
    host, database = make_host(), FakeOracle()
    call(host, database, **ELEVATED)
    assert refused(host, database, **{**ELEVATED, "set_id": "26112102"}).slug == "dump_exists"
    host.files[DUMP] = host.files[DUMP][:-1]
    assert refused(host, database, **ELEVATED).slug == "dump_exists"


def test_the_log_of_an_attempt_that_left_no_dump_is_never_taken_for_this_ones() -> None:
    host = make_host()
    host.files[LOG] = GOOD_LOG.encode()

    def job(started: FakeJob) -> base.JobStatus:
        started.output = "exp: error while loading"
        host.files[DUMP] = b"x" * 5000
        return base.JobStatus(base.JOB_EXITED, 0, 42)

    host.job = job
    assert refused(host, FakeOracle(), **ELEVATED).slug == "export_failed"


def test_check_mode_shows_the_steps_of_the_real_run_and_changes_nothing() -> None:
    host, database = make_host(), FakeOracle()
    files = dict(host.files)
    planned = call(host, database, check_mode=True, **ELEVATED)
    assert host.files == files
    assert host.jobs == {}
    assert not any(operation.startswith(("GRANT", "REVOKE")) for operation in database.operations)
    done = call(host, database, **ELEVATED)
    assert planned["changed"]
    run = next(step for step in planned["plan"] if step["step"] == "run")
    assert run["argv"] == ["exp", "parfile=AESUSER313@XE.exported.26112101.par"]
    assert [(step["step"], step["text"]) for step in planned["plan"]] == [(step["step"], step["text"]) for step in done["plan"]]
    assert PASSWORD not in json.dumps(planned)
    assert "manager" not in json.dumps(planned)


def test_check_mode_plans_the_folder_that_is_not_there_yet() -> None:
    host = make_host()
    host.remove(FOLDER)
    plan = call(host, FakeOracle(), check_mode=True, **ELEVATED)["plan"]
    assert plan[0]["step"] == "make_folder"
    assert FOLDER not in host.folders


def test_two_runs_cannot_hold_one_account_at_the_same_time() -> None:
    host, database = make_host(), FakeOracle()

    def fail_revoke(operation: str) -> None:
        if operation.startswith("REVOKE"):
            raise ora(1031, "insufficient privileges")

    def other_run_is_faster(operation: str, path: str) -> None:
        """It takes the name at the last moment, and still holds it, because its revoke fails."""
        if operation != "rename" or JOURNAL in host.files:
            return
        host.before_write = lambda operation, path: None
        database.on_operation = fail_revoke
        refused(host, database, owner=OTHER, **{**ELEVATED, "dump": "D:\\Backups\\other.dmp", "set_id": "1"})
        database.on_operation = lambda operation: None

    host.before_write = other_run_is_faster
    error = refused(host, database, **ELEVATED)
    assert error.slug == "run_in_progress"
    assert error.details["owner"] == OTHER.as_dict()
    assert DUMP not in host.files
    assert "DBA" in database.roles_of("AESUSER313"), "the grant of the other run is not touched"


def test_without_preflight_only_what_the_work_needs_is_asked() -> None:
    host, database = make_host(), FakeOracle()
    call(host, database, **ELEVATED, preflight=False)
    assert not any("dba_segments" in operation or "dba_objects" in operation for operation in database.operations)
    assert not any(event.startswith("run ") for event in host.events)
    assert database.opened == 1


def test_every_session_is_closed() -> None:
    host, database = make_host(), FakeOracle()
    call(host, database, **ELEVATED)
    host.files.clear()
    host.job = lambda job: run_tool(host, job, "", 1)
    refused(host, database, **ELEVATED)
    assert database.opened == database.closed
