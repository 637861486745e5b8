# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Data Pump: a job of the server, found again, judged, cleared away."""

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from tests.unit.fake_host import FakeClock, FakeHost
from tests.unit.oracle.fake_oracle import FakeJob, FakeOracle, ora
from tests.unit.oracle.support import ADMIN, DUMP, FOLDER, GOOD_DATAPUMP_LOG, JOURNAL, LOG, call, finish_datapump, make_host

DATAPUMP: t.Mapping[str, t.Any] = {"method": "datapump", "directory": "backup_dir", "elevate": "export_role", **ADMIN}


def make_world(log: str = GOOD_DATAPUMP_LOG, folder: str = "D:\\Backups") -> tuple[FakeHost, FakeOracle]:
    host, database = make_host(), FakeOracle()
    finish_datapump(host, database, folder, log)
    return host, database


def refused(host: FakeHost, database: FakeOracle, **params: t.Any) -> LockstepError:
    with pytest.raises(LockstepError) as caught:
        call(host, database, **params)
    return caught.value


def started_job(database: FakeOracle) -> dict[str, FakeJob]:
    jobs: dict[str, FakeJob] = {}
    ends = database.job_ends

    def remember(job: FakeJob) -> None:
        jobs["job"] = job
        ends(job)

    database.job_ends = remember
    return jobs


def test_the_job_is_consistent_at_one_scn_and_its_dump_is_moved_into_the_set() -> None:
    host, database = make_world()
    jobs = started_job(database)
    result = call(host, database, **DATAPUMP)
    binds = jobs["job"].calls[0][1]
    assert binds["name0"] == "FLASHBACK_SCN"
    assert binds["value0"] == result["scn"] == 4711
    assert (binds["filter0"], binds["filtered0"]) == ("SCHEMA_LIST", "'AESUSER313'")
    assert binds["directory"] == "BACKUP_DIR"
    assert result["dump"]["path"] == DUMP
    assert result["dump"]["bytes"] == len(host.files[DUMP]) == 9000
    assert LOG in host.files
    assert not any(path.startswith("D:\\Backups\\") for path in host.files)
    assert result["rows"] == 1055
    assert database.roles_of("AESUSER313").keys() == {"CONNECT"}
    assert JOURNAL not in host.files


def test_a_dump_in_the_directorys_own_folder_stays_where_the_server_wrote_it() -> None:
    host, database = make_world(folder=FOLDER)
    database.change("UPDATE dba_directories SET directory_path = ?", "d:\\vault\\failed\\26112101\\")
    database.job_ends = lambda job: host.files.update(
        {
            f"{FOLDER}\\{job.calls[0][1][name]}": data
            for name, data in (("file0", b"d" * 900), ("file1", GOOD_DATAPUMP_LOG.encode()))
        }
    )
    database.change("UPDATE dba_directories SET directory_path = ?", FOLDER)
    result = call(host, database, **DATAPUMP)
    assert result["dump"]["files"] == [{"path": DUMP, "bytes": 900}]
    assert not any(event.startswith("rename") for event in host.events)


def test_the_session_of_the_job_begins_after_the_grant() -> None:
    host, database = make_world()
    call(host, database, **DATAPUMP)
    grant = next(n for n, operation in enumerate(database.operations) if operation.startswith("GRANT"))
    opened = next(n for n, operation in enumerate(database.operations) if operation == "datapump open")
    assert "connect AESUSER313" in database.operations[grant:opened]


def test_progress_is_told_when_it_changed() -> None:
    host, database = make_world()
    database.job_polls = 6
    call(host, database, **DATAPUMP)
    told = [event.rsplit(" ", 2)[1] for event in host.events if event.startswith("progress")]
    assert told == ["30", "60", "90", "99"]


@pytest.mark.parametrize("operation", ["datapump status", "datapump attach", "datapump start"])
def test_a_lost_connection_is_opened_anew_and_attached_to_the_same_job(operation: str) -> None:
    host, database = make_world()
    lost: list[str] = []

    def lose(done: str) -> None:
        if done == operation and not lost:
            lost.append(done)
            raise ora(3113, "end-of-file on communication channel")

    database.after_operation = lose
    result = call(host, database, **DATAPUMP)
    assert lost
    assert result["dump"]["bytes"] == 9000
    assert database.operations.count("datapump start") == 1


def test_a_database_that_is_away_for_a_while_does_not_hurt_the_wait() -> None:
    host, database = make_world()
    clock, away = FakeClock(), [1000.0, 0.0]

    def listener(operation: str) -> None:
        if operation == "datapump status" and away[1] == 0.0:
            away[1] = clock.elapsed + 30
        if clock.elapsed < away[1]:
            raise ora(12541, "TNS:no listener")

    database.on_operation = listener
    assert call(host, database, clock=clock, **DATAPUMP)["changed"]
    assert clock.elapsed > 1030


def test_a_database_that_stays_away_leaves_the_journal_for_the_next_run() -> None:
    host, database = make_world()

    def listener(operation: str) -> None:
        if database.jobs and operation != "datapump start":
            raise ora(12541, "TNS:no listener")

    database.on_operation = listener
    error = refused(host, database, **DATAPUMP)
    assert error.slug == "oracle_listener_down"
    assert error.details["also_failed"][0]["error_code"] == "privileges_left"
    assert JOURNAL in host.files
    database.on_operation = lambda operation: None
    call(host, database, **{**DATAPUMP, "state": "recovered"})
    assert database.jobs == {}
    assert JOURNAL not in host.files
    assert database.roles_of("AESUSER313").keys() == {"CONNECT"}


@pytest.mark.parametrize(
    ("log", "errors", "slug"),
    [
        (GOOD_DATAPUMP_LOG.replace("successfully completed", "completed with 2 error(s)"), 2, "export_failed"),
        (GOOD_DATAPUMP_LOG, 1, "export_failed"),
        (GOOD_DATAPUMP_LOG.partition("Job")[0], 0, "export_failed"),
        ("ORA-31693: Table\nORA-01555: snapshot too old\n" + GOOD_DATAPUMP_LOG, 1, "oracle_snapshot_too_old"),
        ("ORA-39095: Dump file space has been exhausted\n", 1, "no_space"),
    ],
)
def test_a_bad_end_keeps_the_log_and_gives_the_rest_back(log: str, errors: int, slug: str) -> None:
    host, database = make_world(log)
    ends = database.job_ends

    def end(job: FakeJob) -> None:
        job.errors = errors
        ends(job)

    database.job_ends = end
    error = refused(host, database, **DATAPUMP)
    assert error.slug == slug
    assert LOG in host.files
    assert DUMP not in host.files
    assert not any(path.startswith("D:\\Backups\\") for path in host.files)
    assert database.roles_of("AESUSER313").keys() == {"CONNECT"}
    assert JOURNAL not in host.files


def test_a_job_whose_processes_died_fails_and_its_master_table_is_dropped() -> None:
    host, database = make_world()

    def die(operation: str) -> None:
        for job in database.jobs.values():
            if operation == "datapump status" and job.percent > 30:
                database.set_state(job, "NOT RUNNING")
                raise ora(31623, "a job is not attached to this session via the specified handle")

    database.on_operation = die
    error = refused(host, database, **DATAPUMP)
    assert error.slug == "export_failed"
    assert "NOT RUNNING" in error.message
    assert database.jobs == {}


def test_a_job_that_died_at_once_is_not_woken_up() -> None:
    host, database = make_world()

    def die(done: str) -> None:
        if done == "datapump start":
            database.set_state(next(iter(database.jobs.values())), "NOT RUNNING")

    database.after_operation = die
    assert "NOT RUNNING" in refused(host, database, **DATAPUMP).message
    assert "datapump attach" not in database.operations
    assert database.jobs == {}


def test_a_job_that_somebody_stopped_is_not_waited_for() -> None:
    host, database = make_world()

    def idle(operation: str) -> None:
        for job in database.jobs.values():
            if operation == "datapump status" and job.percent > 30:
                database.set_state(job, "IDLING")

    database.on_operation = idle
    error = refused(host, database, **DATAPUMP)
    assert error.slug == "export_failed"
    assert "IDLING" in error.message
    assert database.jobs == {}


def test_an_orphan_of_the_same_name_is_dropped_before_the_start() -> None:
    host, database = make_world()
    name = str(call(host, database, check_mode=True, **DATAPUMP)["plan"][2]["text"]).split()[5]
    orphan = FakeJob("AESUSER313", name, "EXPORT")
    database.jobs[name] = orphan
    database.set_state(orphan, "NOT RUNNING")
    plan = call(host, database, **DATAPUMP)["plan"]
    assert "drop_master_table" in [step["step"] for step in plan]
    assert f'DROP TABLE "AESUSER313"."{name}" PURGE' in database.operations


def test_a_job_of_the_same_name_that_works_is_left_alone() -> None:
    host, database = make_world()
    name = str(call(host, database, check_mode=True, **DATAPUMP)["plan"][2]["text"]).split()[5]
    database.jobs[name] = FakeJob("AESUSER313", name, "EXPORT")
    database.set_state(database.jobs[name], "EXECUTING")
    assert refused(host, database, **DATAPUMP).slug == "datapump_busy"
    assert database.jobs[name].state == "EXECUTING"


def test_a_job_that_hangs_is_stopped_at_the_timeout() -> None:
    host, database = make_world()
    database.job_polls = 10**6
    error = refused(host, database, **DATAPUMP, timeout=90)
    assert error.slug == "job_timeout"
    assert database.jobs == {}
    assert database.roles_of("AESUSER313").keys() == {"CONNECT"}


def test_the_details_of_an_invalid_argument_are_told_and_the_half_defined_job_is_deleted() -> None:
    host, database = make_world()

    def refuse(operation: str) -> None:
        if operation == "datapump start":
            raise ora(39001, "invalid argument value")

    database.on_operation = refuse
    error = refused(host, database, **DATAPUMP)
    assert "datapump status" in database.operations
    assert error.slug == "oracle_failed"
    assert database.jobs == {}


def test_several_workers_write_several_files_which_all_belong_to_the_dump() -> None:
    host, database = make_world()

    def end(job: FakeJob) -> None:
        binds = job.calls[0][1]
        assert binds["file0"].endswith("_%U.dmp")
        assert binds["parallel"] == 2
        for number in ("01", "02"):
            host.files["D:\\Backups\\" + binds["file0"].replace("%U", number)] = b"d" * 700
        host.files[f"D:\\Backups\\{binds['file1']}"] = GOOD_DATAPUMP_LOG.encode()

    database.job_ends = end
    result = call(host, database, **DATAPUMP, parallel=2)
    assert [file["path"] for file in result["dump"]["files"]] == [f"{FOLDER}\\AESUSER313_01.dmp", f"{FOLDER}\\AESUSER313_02.dmp"]
    assert result["dump"]["bytes"] == 1400
    assert json.loads(host.read_text(f"{DUMP}.lockstep.json"))["files"] == {"AESUSER313_01.dmp": 700, "AESUSER313_02.dmp": 700}


def test_without_a_visible_scn_a_consistent_export_is_refused_and_an_inconsistent_one_is_not() -> None:
    host, database = make_world()
    params: dict[str, t.Any] = {"method": "datapump", "directory": "BACKUP_DIR"}
    assert refused(host, database, **params).slug == "scn_unknown"
    assert call(host, database, **params, consistent=False)["scn"] is None


@pytest.mark.parametrize("sql", ["DELETE FROM dba_directories", "DELETE FROM dba_tab_privs"])
def test_a_directory_that_cannot_be_used_is_refused_before_anything_is_granted(sql: str) -> None:
    host, database = make_world()
    database.change(sql)
    assert refused(host, database, **DATAPUMP).slug == "oracle_directory"
    assert not any(operation.startswith("GRANT") for operation in database.operations)


def test_extra_parameters_reach_the_job_and_the_modules_own_are_refused() -> None:
    host, database = make_world()
    jobs = started_job(database)
    call(host, database, **DATAPUMP, extra_parameters={"metrics": 1}, compression="all")
    binds = jobs["job"].calls[0][1]
    assert {binds[f"name{n}"]: binds[f"value{n}"] for n in range(3)} == {"FLASHBACK_SCN": 4711, "COMPRESSION": "ALL", "METRICS": 1}
    host, database = make_world()
    assert refused(host, database, **DATAPUMP, extra_parameters={"flashback_scn": 1}).slug == "option_invalid"
