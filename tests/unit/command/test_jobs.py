# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The job of a backup program is found again: its own run waits for it, others refuse it or, once its run is over, stop it."""

from __future__ import annotations

import pytest

from ansible_collections.lockstep.backup.plugins.module_utils.command.feature import FEATURE
from ansible_collections.lockstep.backup.plugins.module_utils.command.record import Record
from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.host import base
from ansible_collections.lockstep.backup.plugins.module_utils.owner import Owner
from tests.unit.command.program import (
    GOOD_LOG,
    JOB,
    LOG,
    OUTPUT,
    PROGRAM,
    RECORD,
    Program,
    failure,
    run,
    server,
    steps,
    task_for,
)
from tests.unit.fake_host import OTHER, OWNER, FakeClock, FakeHost, FakeJob
from tests.unit.quiesce.kit import KilledError

STATES = {"running": base.JOB_RUNNING, "exited": base.JOB_EXITED, "lost": base.JOB_LOST}


def leave_job(host: FakeHost, owner: Owner, state: str = base.JOB_RUNNING) -> FakeJob:
    """A job that ``owner`` has started before this task, with its record."""
    status = base.JobStatus(state, 0 if state == base.JOB_EXITED else None, 41)
    job = FakeJob((PROGRAM,), None, {}, status, output="so far\n")
    host.make_folder(JOB)
    host.jobs[JOB] = job
    host.make_folder(host.parent(RECORD))
    host.files[RECORD] = Record(owner, (PROGRAM,), host.wall, LOG + ".old").as_text().encode()
    return job


def test_a_repeated_task_waits_for_its_own_job_and_judges_it() -> None:
    host, clock = server(), FakeClock()
    job = leave_job(host, OWNER)

    def end(elapsed: float) -> None:
        if elapsed > 1050:
            host.files[LOG] = GOOD_LOG.encode()
            job.status = base.JobStatus(base.JOB_EXITED, 0, 41)

    clock.on_sleep.append(end)
    result = run(host, clock)
    assert steps(result)[:2] == ["check", "wait"]
    assert (result["counts"]["sets"], result["log"]["previous"]) == (2, LOG + ".old")
    assert not [event for event in host.events if event.startswith("job ")]


def test_a_repeated_task_judges_its_own_job_that_has_ended() -> None:
    host = server()
    leave_job(host, OWNER, base.JOB_EXITED)
    assert failure(host).slug == "log_missing"
    host.files[LOG] = GOOD_LOG.encode()
    leave_job(host, OWNER, base.JOB_EXITED)
    assert run(host)["exit_code"] == 0
    assert host.stat(JOB) is None


def test_after_a_failure_a_repeated_task_starts_it_anew() -> None:
    host = server()
    Program(host, exit_code=1)
    failure(host)
    Program(host)
    assert run(host)["exit_code"] == 0


def test_a_connection_that_stays_lost_leaves_the_job_to_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    host, clock = server(), FakeClock()
    Program(host, clock, seconds=5000)
    status = host.job_status

    def unreachable(folder: str) -> base.JobStatus:
        if clock.elapsed > 1010 and folder in host.jobs:
            raise LockstepError("unreachable", "no answer")
        return status(folder)

    monkeypatch.setattr(host, "job_status", unreachable)
    error = failure(host, clock)
    assert error.slug == "unreachable"
    assert "run the same task again" in error.message
    assert host.jobs[JOB].status.state == base.JOB_RUNNING
    monkeypatch.setattr(host, "job_status", status)
    assert steps(run(host, clock))[1] == "wait"


@pytest.mark.parametrize("state", ["running", "exited"])
@pytest.mark.parametrize("task", ["finished", "recovered", "checked"])
def test_the_job_of_a_run_that_may_be_alive_is_left_alone(state: str, task: str) -> None:
    host = server()
    leave_job(host, OTHER, STATES[state])
    error = failure(host, state=task)
    assert (error.slug, error.details["owner"]["run_id"]) == ("run_in_progress", OTHER.run_id)
    assert host.jobs[JOB].status.state == STATES[state]


@pytest.mark.parametrize("state", ["running", "exited", "lost"])
def test_the_job_of_a_run_that_is_over_is_not_used(state: str) -> None:
    host = server()
    leave_job(host, OTHER, STATES[state])
    host.files[LOG] = GOOD_LOG.encode()
    Program(host)
    result = run(host, dead_run=OTHER.run_id)
    assert ("stop_job" in steps(result)) is (state == "running")
    assert host.events.count(f"job {PROGRAM}") == 1
    assert result["log"]["previous"] == LOG + ".20261121-031300"


def test_what_the_stopped_job_still_runs_is_waited_for_and_forbids_the_start() -> None:
    host, clock = server(), FakeClock()
    leave_job(host, OTHER)
    host.running["ntbackup.exe"] = [7]
    Program(host, clock)
    error = failure(host, clock, dead_run=OTHER.run_id, idle_programs=["ntbackup.exe"])
    assert (error.slug, error.details["failed_step"]) == ("tool_running", "stop_job")
    clock.on_sleep.append(lambda elapsed: host.running.clear())
    leave_job(host, OTHER)
    assert run(host, clock, dead_run=OTHER.run_id, idle_programs=["ntbackup.exe"])["exit_code"] == 0


def test_a_running_job_that_nobody_recorded_is_refused() -> None:
    host = server()
    leave_job(host, OWNER)
    for damage in (b"{}", b"", None):
        if damage is None:
            del host.files[RECORD]
        else:
            host.files[RECORD] = damage
        assert failure(host).slug == "tool_running"
        assert failure(host, state="recovered").slug == "tool_running"


def test_a_running_job_of_this_run_with_another_argv_is_refused() -> None:
    host = server()
    leave_job(host, OWNER)
    assert failure(host, argv=[PROGRAM, "again"]).slug == "tool_running"


def test_it_is_recorded_before_it_is_started() -> None:
    host = server()

    def start(job: FakeJob) -> base.JobStatus:
        record = Record.from_text(host.files[RECORD].decode())
        assert (record.owner, record.argv, record.started) == (OWNER, (PROGRAM,), host.wall)
        host.files[LOG] = GOOD_LOG.encode()
        return base.JobStatus(base.JOB_EXITED, 0, 42)

    host.job = start
    assert run(host)["exit_code"] == 0


# recovered and query


@pytest.mark.parametrize("state", ["running", "exited", "lost"])
def test_recovered_stops_and_forgets_what_a_run_that_is_over_has_left(state: str) -> None:
    host = server()
    leave_job(host, OTHER, STATES[state])
    planned = run(host, check_mode=True, state="recovered", dead_run=OTHER.run_id)
    assert host.stat(JOB) is not None
    result = run(host, state="recovered", dead_run=OTHER.run_id)
    assert steps(planned) == steps(result) == [*(["stop_job"] if state == "running" else []), "keep_output", "remove_job"]
    assert (planned["changed"], result["changed"], result["output_tail"]) == (True, True, "so far")
    assert host.stat(JOB) is None
    assert host.files[OUTPUT] == b"so far\n"
    assert run(host, state="recovered")["changed"] is False


def test_query_tells_of_anybodys_job_and_changes_nothing() -> None:
    host = server()
    assert run(host, state="query")["job_state"] == "absent"
    leave_job(host, OTHER)
    before = dict(host.files)
    result = run(host, state="query", argv=None, log_format=None, log=None)
    assert (result["job_state"], result["owner"]["run_id"], result["output_tail"]) == ("running", OTHER.run_id, "so far")
    assert (result["changed"], result["seconds"], host.files) == (False, 0.0, before)


def killed_at(host: FakeHost, number: int) -> bool:
    """Whether a run of somebody else was killed before its ``number``-th change."""
    changes = 0

    def count(operation: str, path: str) -> None:
        nonlocal changes
        changes += 1
        if changes == number:
            raise KilledError

    host.before_write = count
    task = task_for(host, keep_log="C:\\Etravel\\set.log")
    task.owner = OTHER
    try:
        FEATURE.run(task)
    except KilledError:
        return True
    finally:
        host.before_write = lambda operation, path: None
    return False


def test_after_a_run_that_was_killed_anywhere_the_next_one_makes_its_own_backup_and_no_old_log_is_lost() -> None:
    number = 1
    while True:
        host = server()
        host.files[LOG] = b"last week's"
        Program(host)
        killed = killed_at(host, number)
        host.events.clear()
        assert run(host, dead_run=OTHER.run_id)["counts"]["sets"] == 2
        assert f"job {PROGRAM}" in host.events
        assert b"last week's" in host.files.values()
        assert host.stat(JOB) is None
        if not killed:
            assert number > 7
            return
        number += 1
