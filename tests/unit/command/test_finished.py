# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A backup program is believed only when its exit code and the log of this very run say the same."""

from __future__ import annotations

import datetime
import typing as t

import pytest

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.host import base
from tests.unit.altium.enterprise_server import quiesce, restart_w3svc
from tests.unit.command.program import (
    GOOD_LOG,
    JOB,
    LOG,
    OUTPUT,
    PROGRAM,
    RECORD,
    SET_C,
    SET_D,
    Program,
    failure,
    run,
    server,
    steps,
    warnings,
)
from tests.unit.fake_host import FakeClock, FakeHost, FakeJob, FakeUnit


def test_a_backup_with_a_good_exit_code_and_log_is_one() -> None:
    host = server()
    Program(host)
    result = run(host, cwd="C:\\Etravel\\batch")
    assert (result["changed"], result["exit_code"], result["counts"]["sets"]) == (True, 0, 2)
    assert result["started"] == host.wall.isoformat()
    assert result["log"]["tail"].endswith("Time:  1 hour,  5 minutes, and  2 seconds")
    assert (result["output"], result["output_tail"]) == (OUTPUT, "started NT Backup")
    assert host.files[OUTPUT] == b"started NT Backup\n"
    assert steps(result) == ["check", "put_log_aside", "record", "run", "judge_exit_code", "judge_log", "keep_output", "remove_job"]


def test_its_job_is_forgotten_so_that_the_next_task_runs_it_again() -> None:
    host = server()
    Program(host)
    run(host)
    run(host)
    assert host.events.count(f"job {PROGRAM}") == 2
    assert host.stat(JOB) is None


@pytest.mark.parametrize("code", [1, 2, -1, 259])
def test_an_unknown_exit_code_is_a_failure_whatever_the_log_says(code: int) -> None:
    host = server()
    Program(host, exit_code=code)
    error = failure(host)
    assert (error.slug, error.details["exit_code"], error.details["failed_step"]) == ("tool_failed", code, "judge_exit_code")
    assert error.details["log"]["tail"].endswith("2 seconds")
    assert error.details["grade"] is None


def test_exit_codes_that_are_named_mean_success_and_zero_only_if_it_is_named() -> None:
    host = server()
    Program(host, exit_code=3)
    assert run(host, success_codes=[3])["exit_code"] == 3
    Program(host, exit_code=0)
    assert failure(host, success_codes=[3]).slug == "tool_failed"


def test_a_log_that_says_failure_is_one_in_spite_of_exit_code_0() -> None:
    host = server()
    Program(host, log=SET_C + "The operation was ended.\n")
    error = failure(host)
    assert error.slug == "backup_failed"
    assert "The operation was ended." in error.message


def test_a_log_that_is_cut_short_proves_nothing() -> None:
    host = server()
    Program(host, log=GOOD_LOG[:-80])
    error = failure(host)
    assert error.slug == "backup_unproven"
    assert "the numbers of a backup that was completed" in error.message


def test_a_log_in_another_language_proves_nothing_until_patterns_say_how_to_read_it() -> None:
    host = server()
    german = "Sicherung abgeschlossen am 8.11.2002 um 18:50.\nDateien: 20.012\n"
    Program(host, log=german)
    assert failure(host).slug == "backup_unproven"
    assert run(host, log_format="patterns", success_patterns=["^Sicherung abgeschlossen"])["changed"]


def test_no_log_is_a_failure() -> None:
    host = server()
    Program(host, log=None)
    error = failure(host)
    assert (error.slug, error.details["also_failed"]) == ("log_missing", [])


def test_yesterdays_log_says_nothing_about_today() -> None:
    """The batch file copies the newest log that it finds, and this run has written none."""
    host = server()

    def copy_old() -> None:
        host.modified[LOG] = host.wall - datetime.timedelta(days=1)

    Program(host, at_end=copy_old)
    assert failure(host).slug == "log_stale"


def test_the_success_of_the_run_before_in_the_same_log_is_not_taken_for_this_ones() -> None:
    host = server()
    host.files[LOG] = GOOD_LOG.encode()
    host.modified[LOG] = datetime.datetime(2026, 11, 14, 17, 45, 30, tzinfo=datetime.UTC)
    Program(host, log="Backup started on 11/21/2026 at 3:13 AM.\n", appends=True)
    error = failure(host)
    assert error.slug == "backup_unproven"
    assert error.details["log"]["previous"] == LOG + ".20261114-174530"
    assert host.files[LOG + ".20261114-174530"] == GOOD_LOG.encode()


def test_no_old_log_is_ever_replaced() -> None:
    host = server()
    for _unused in range(3):
        Program(host)
        run(host)
    assert sorted(path for path in host.files if path.startswith(LOG)) == [
        LOG,
        LOG + ".20261121-031300",
        LOG + ".20261121-031300.2",
    ]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-8", "utf-8-sig", "cp1252"])
def test_a_log_is_read_in_whatever_encoding_it_is_written(encoding: str) -> None:
    host = server()
    Program(host, log=(GOOD_LOG + "Größe\n").encode(encoding))
    assert run(host, success_patterns=["^größe$"])["counts"]["sets"] == 2


def test_a_log_of_another_code_page_is_read_in_that_one() -> None:
    host = server()
    Program(host, log=(GOOD_LOG + "Größe\n").encode("cp850"))
    assert run(host, success_patterns=["^größe$"], log_code_page="cp850")["counts"]["sets"] == 2


def test_skipped_files_are_a_failure_unless_allowed_and_a_warning_then() -> None:
    host = server()
    Program(host, log=SET_D.replace("Folder", 'Warning: Unable to open "D:\\a.dbf" - skipped.\nFolder'))
    error = failure(host)
    assert (error.slug, error.details["counts"]["skipped"]) == ("files_skipped", 1)
    assert "D:\\a.dbf" in error.message
    assert run(host, max_skipped=1)["counts"]["skipped"] == 1
    assert any("left out 1 files" in warning for warning in warnings(host))


def test_without_a_log_of_its_own_what_the_program_prints_is_judged() -> None:
    host = server()
    Program(host, log=None, output="Dump complete\n")
    options: dict[str, t.Any] = {"log": None, "log_format": "patterns", "success_patterns": ["^dump complete$"]}
    result = run(host, keep_log="C:\\Etravel\\Log\\kept.log", **options)
    assert (result["log"]["path"], result["log"]["tail"]) == (None, "Dump complete")
    assert host.files["C:\\Etravel\\Log\\kept.log"] == b"Dump complete\n"
    Program(host, log=None, output="Dump began\n")
    assert failure(host, **options).slug == "backup_unproven"


@pytest.mark.parametrize("good", [True, False])
def test_the_log_is_kept_where_it_is_wanted_also_after_a_failure(good: bool) -> None:
    host = server()
    content = (GOOD_LOG if good else SET_C[:100]).encode("utf-16")
    Program(host, log=content)
    kept = "C:\\Etravel\\set.log"
    result = run(host, keep_log=kept) if good else failure(host, keep_log=kept).details
    assert result["log"]["kept"] == kept
    assert host.files[kept] == content


def test_a_log_that_cannot_be_kept_is_told_and_the_backup_stays_one() -> None:
    host = server()
    Program(host)
    result = run(host, keep_log="C:\\missing\\set.log")
    assert result["log"]["kept"] is None
    assert any("C:\\missing\\set.log" in warning for warning in warnings(host))


def test_a_program_that_hangs_is_stopped_at_the_timeout() -> None:
    host, clock = server(), FakeClock()
    Program(host, clock, seconds=100_000)
    error = failure(host, clock, timeout=7200)
    assert error.slug == "job_timeout"
    assert f"stop job {JOB}" in host.events
    assert 7200 <= error.details["seconds"] < 7210


def test_a_program_that_vanishes_is_a_failure() -> None:
    host = server()
    host.job = lambda job: base.JobStatus(base.JOB_LOST)
    assert failure(host).slug == "job_lost"


def test_lines_that_are_too_long_to_be_kept_are_cut_and_not_lost() -> None:
    host = server()
    Program(host, output="x" * 9000 + "\nlast\n")
    run(host)
    assert host.files[OUTPUT] == b"x" * 8000 + b"\nlast\n"


# before it is started


def test_check_mode_shows_the_whole_plan_and_changes_nothing() -> None:
    host = server()
    host.files[LOG] = b"old"
    before = dict(host.files)
    result = run(host, check_mode=True, quiesced="altium")
    assert (result["changed"], host.files, host.jobs) == (True, before, {})
    assert steps(result)[-4:] == ["judge_exit_code", "judge_log", "keep_output", "remove_job"]
    assert "recheck_units" in steps(result)


def test_checked_says_what_is_ready_and_does_not_run_it() -> None:
    host = server()
    result = run(host, state="checked", cwd="C:\\Etravel\\batch", idle_programs=["ntbackup.exe"])
    assert (result["changed"], host.jobs) == (False, {})
    assert {check["name"]: check["ok"] for check in result["checks"]} == dict.fromkeys(["program", "idle", "cwd", "log"], True)


@pytest.mark.parametrize(
    ("options", "slug"),
    [
        ({"argv": ["C:\\missing.bat"]}, "tool_missing"),
        ({"argv": ["C:\\Etravel\\batch"]}, "tool_missing"),
        ({"cwd": "C:\\missing"}, "path_missing"),
        ({"cwd": "batch"}, "path_not_absolute"),
        ({"log": "C:\\missing\\x.log"}, "path_missing"),
        ({"log": "ntbktape.log"}, "path_not_absolute"),
        ({"keep_log": "set.log"}, "path_not_absolute"),
        ({"idle_programs": ["ntbackup.exe"]}, "tool_running"),
        ({"name": "a b"}, "invalid_name"),
        ({"argv": []}, "option_invalid"),
        ({"success_codes": []}, "option_invalid"),
        ({"log_format": "patterns"}, "option_invalid"),
        ({"success_patterns": ["("]}, "option_invalid"),
        ({"timeout": 0}, "option_invalid"),
        ({"max_skipped": -1}, "option_invalid"),
        ({"log_code_page": "cp9999"}, "option_invalid"),
    ],
)
@pytest.mark.parametrize("state", ["checked", "finished"])
def test_what_cannot_work_is_told_before_anything_is_started(options: dict[str, t.Any], slug: str, state: str) -> None:
    host = server()
    host.running["ntbackup.exe"] = [7]
    before = dict(host.files)
    assert failure(host, state=state, **options).slug == slug
    assert (host.jobs, host.files) == ({}, before)


def test_a_log_that_somebody_has_open_is_found_before_the_program_is_started() -> None:
    host = server()
    host.files[LOG] = b"old"

    def refuse(operation: str, path: str) -> None:
        if operation == "rename":
            raise LockstepError("access_denied", "somebody has it open")

    host.before_write = refuse
    error = failure(host)
    assert (error.slug, error.details["failed_step"], host.jobs) == ("access_denied", "put_log_aside", {})
    assert RECORD not in host.files


# units


def quiet() -> FakeHost:
    host = server()
    host.units["service"] = {"W3SVC": FakeUnit(), "WAS": FakeUnit(), "AltiumVault": FakeUnit()}
    quiesce(host, max_outage=600)
    return host


def test_the_grade_is_what_was_seen_of_the_units() -> None:
    host = quiet()
    Program(host)
    assert run(host, quiesced="altium")["grade"] == "quiesced"
    assert run(host)["grade"] == "hot"
    Program(host, at_end=restart_w3svc(host))
    result = run(host, quiesced="altium")
    assert (result["grade"], result["units_stopped_again"]) == ("degraded", ["W3SVC"])
    assert host.units["service"]["W3SVC"].state == base.STOPPED


def test_units_that_run_forbid_the_start() -> None:
    host = quiet()
    restart_w3svc(host)()
    assert failure(host, quiesced="altium").slug == "not_quiesced"
    assert host.jobs == {}


def test_units_that_ran_again_are_stopped_also_after_a_failure() -> None:
    host = quiet()
    Program(host, exit_code=1, log=None, at_end=restart_w3svc(host))
    error = failure(host, quiesced="altium")
    assert (error.slug, error.details["units_stopped_again"]) == ("tool_failed", ["W3SVC"])
    assert host.units["service"]["W3SVC"].state == base.STOPPED


def test_the_lease_is_kept_while_the_program_works(monkeypatch: pytest.MonkeyPatch) -> None:
    host, clock = quiet(), FakeClock()
    armed: list[float] = []
    monkeypatch.setattr(host, "arm_timer", lambda *arguments: armed.append(clock.elapsed - 1000))
    Program(host, clock, seconds=500)
    run(host, clock, quiesced="altium", max_outage=600)
    assert armed == [pytest.approx(due, abs=3) for due in (20, 220, 420)]


def test_a_lease_that_fired_stops_the_program() -> None:
    host, clock = quiet(), FakeClock()
    Program(host, clock, seconds=5000)

    def fire(elapsed: float) -> None:
        if elapsed > 1300:
            host.files["C:\\ProgramData\\Lockstep\\quiesce\\altium\\lease.fired"] = b""

    clock.on_sleep.append(fire)
    assert failure(host, clock, quiesced="altium", max_outage=600).slug == "lease_fired"
    assert f"stop job {JOB}" in host.events


@pytest.mark.parametrize("ending", ["hang", "lost"])
def test_units_that_ran_again_are_stopped_also_when_the_program_never_ended(ending: str) -> None:
    host, clock = quiet(), FakeClock()
    restart = restart_w3svc(host)

    def lose(job: FakeJob) -> base.JobStatus:
        restart()
        return base.JobStatus(base.JOB_LOST)

    Program(host, clock, seconds=100_000)
    if ending == "hang":
        clock.on_sleep.append(lambda elapsed: restart())
    else:
        host.job = lose
    error = failure(host, clock, quiesced="altium", timeout=60)
    assert (error.slug, error.details["units_stopped_again"]) == ("job_timeout" if ending == "hang" else "job_lost", ["W3SVC"])
    assert host.units["service"]["W3SVC"].state == base.STOPPED
