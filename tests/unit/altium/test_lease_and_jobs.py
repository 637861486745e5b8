# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lease while avbackup works, and jobs that are found again after a lost connection or a dead run."""

from __future__ import annotations

import datetime
import typing as t

import pytest

from ansible_collections.lockstep.backup.plugins.module_utils.altium.feature import FEATURE
from ansible_collections.lockstep.backup.plugins.module_utils.altium.record import JobRecord
from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.host import base
from ansible_collections.lockstep.backup.plugins.module_utils.owner import Owner
from tests.unit.altium.enterprise_server import (
    RECORD,
    ZIP,
    Tool,
    quiesce,
    run,
    server,
    settings,
    steps,
    task_for,
    warnings,
)
from tests.unit.fake_host import OTHER, OWNER, FakeClock, FakeHost, FakeJob

FIRED = "C:\\ProgramData\\Lockstep\\quiesce\\altium\\lease.fired"
LEASED: dict[str, t.Any] = {"quiesced": "altium", "max_outage": 600}


def leave_job(host: FakeHost, owner: Owner, state: str = base.JOB_RUNNING, path: str = ZIP, restored: bool = False) -> FakeJob:
    """A job that ``owner`` has started before this task, with its record."""
    chosen = settings(path=path, state="restored" if restored else "present")
    job = FakeJob(chosen.argv, chosen.tool_folder, {}, base.JobStatus(state, 0 if state == base.JOB_EXITED else None, 41))
    host.jobs[chosen.job_folder] = job
    host.make_folder(chosen.job_folder)
    record = JobRecord(owner, chosen.operation, path, chosen.job_folder, "2026-11-21T02:00:00+00:00")
    host.files[RECORD] = record.as_text().encode()
    if state == base.JOB_RUNNING:
        host.running["avbackup.exe"] = [41]
    return job


def let_jobs_stop(host: FakeHost, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ended jobs take their processes with them."""
    stop = host.stop_job

    def stop_and_reap(folder: str) -> None:
        stop(folder)
        host.running.pop("avbackup.exe", None)

    monkeypatch.setattr(host, "stop_job", stop_and_reap)


def disconnect(host: FakeHost, clock: FakeClock, monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """The host does not answer about jobs for that long, from now on."""
    until = clock.elapsed + seconds
    status = host.job_status

    def unreachable(folder: str) -> base.JobStatus:
        if clock.elapsed < until and folder in host.jobs:
            raise LockstepError("unreachable", "no answer")
        return status(folder)

    monkeypatch.setattr(host, "job_status", unreachable)


def test_the_lease_is_renewed_early_once_and_then_each_third_of_its_length(monkeypatch: pytest.MonkeyPatch) -> None:
    host, clock = server(), FakeClock()
    quiesce(host, max_outage=600)
    armed: list[float] = []
    arm = host.arm_timer

    def note(*arguments: t.Any) -> None:
        armed.append(clock.elapsed - 1000)
        arm(*arguments)

    monkeypatch.setattr(host, "arm_timer", note)
    Tool(host, clock, seconds=700)
    assert run(host, clock, **LEASED)["grade"] == "quiesced"
    assert armed == [pytest.approx(due, abs=3) for due in (20, 220, 420, 620)]


def test_without_max_outage_no_lease_is_touched() -> None:
    host, clock = server(), FakeClock()
    quiesce(host)
    Tool(host, clock, seconds=700)
    run(host, clock, quiesced="altium")
    assert not [event for event in host.events if event.startswith("arm")]


def test_a_renewal_that_meets_a_lost_connection_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    host, clock = server(), FakeClock()
    quiesce(host, max_outage=600)
    arm, failures = host.arm_timer, [1, 2]

    def fail_twice(*arguments: t.Any) -> None:
        if failures:
            failures.pop()
            raise LockstepError("unreachable", "no answer")
        arm(*arguments)

    monkeypatch.setattr(host, "arm_timer", fail_twice)
    Tool(host, clock, seconds=100)
    run(host, clock, **LEASED)
    assert (failures, host.events.count("arm lease-altium")) == ([], 1)


def fire_at(host: FakeHost, clock: FakeClock, seconds: float) -> None:
    due = clock.elapsed + seconds

    def fire(elapsed: float) -> None:
        if elapsed >= due:
            host.files[FIRED] = b""

    clock.on_sleep.append(fire)


def test_a_lease_that_fires_stops_the_backup_and_fails_it(monkeypatch: pytest.MonkeyPatch) -> None:
    host, clock = server(), FakeClock()
    quiesce(host, max_outage=600)
    let_jobs_stop(host, monkeypatch)
    Tool(host, clock, seconds=2000)
    fire_at(host, clock, 100)
    with pytest.raises(LockstepError) as caught:
        run(host, clock, **LEASED)
    assert caught.value.slug == "lease_fired"
    assert f"stop job {settings().job_folder}" in host.events
    assert ZIP not in host.files


def test_a_lease_that_fires_lets_a_restore_go_on_to_its_end_and_fails_it() -> None:
    host, clock = server(), FakeClock()
    host.files[ZIP] = b"PK"
    quiesce(host, max_outage=600)
    Tool(host, clock, seconds=2000, content=None)
    fire_at(host, clock, 100)
    with pytest.raises(LockstepError) as caught:
        run(host, clock, state="restored", confirm=True, **LEASED)
    assert caught.value.slug == "lease_fired"
    assert caught.value.details["exit_code"] == 0
    assert caught.value.details["seconds"] >= 2000
    assert host.files[ZIP] == b"PK"


def test_a_lease_that_cannot_be_renewed_fails_a_restore_at_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    host, clock = server(), FakeClock()
    host.files[ZIP] = b"PK"
    quiesce(host, max_outage=600)
    Tool(host, clock, seconds=2000, content=None)

    def refuse(name: str, at: datetime.datetime, script: str) -> None:
        raise LockstepError("access_denied", "no right to make tasks")

    monkeypatch.setattr(host, "arm_timer", refuse)
    with pytest.raises(LockstepError) as caught:
        run(host, clock, state="restored", confirm=True, **LEASED)
    assert (caught.value.slug, caught.value.details["exit_code"]) == ("access_denied", 0)
    assert len([warning for warning in warnings(host) if "goes on to its end" in warning]) == 1


def test_a_lease_that_fires_after_the_last_renewal_fails_the_backup_too() -> None:
    host = server()
    quiesce(host, max_outage=600)
    Tool(host, FakeClock(), at_end=lambda: host.files.update({FIRED: b""}))
    with pytest.raises(LockstepError) as caught:
        run(host, **LEASED)
    assert caught.value.slug == "lease_fired"
    assert ZIP not in host.files


def test_a_short_loss_of_the_connection_goes_unnoticed(monkeypatch: pytest.MonkeyPatch) -> None:
    host, clock = server(), FakeClock()
    Tool(host, clock, seconds=300)
    disconnect(host, clock, monkeypatch, 90)
    assert run(host, clock)["exit_code"] == 0


def test_after_a_long_loss_the_repeated_task_waits_for_the_same_job(monkeypatch: pytest.MonkeyPatch) -> None:
    host, clock = server(), FakeClock()
    Tool(host, clock, seconds=600)
    disconnect(host, clock, monkeypatch, 200)
    with pytest.raises(LockstepError, match="run the same task again") as caught:
        run(host, clock)
    assert caught.value.slug == "unreachable"
    assert caught.value.details["job"] == settings().job_folder
    clock.elapsed += 100
    result = run(host, clock)
    assert steps(result) == ["check", "wait", "measure_zip", "read_zip", "keep_log"]
    assert result["exit_code"] == 0
    assert len([event for event in host.events if event.startswith("job ")]) == 1


@pytest.mark.parametrize("preflight", [True, False])
@pytest.mark.parametrize("zip_begun", [True, False])
def test_this_runs_own_job_is_waited_for_whatever_it_has_written_yet(preflight: bool, zip_begun: bool) -> None:
    host, clock = server(), FakeClock()
    job = leave_job(host, OWNER)
    if zip_begun:
        host.files[ZIP] = b"PK"

    def end(elapsed: float) -> None:
        host.files[ZIP] = b"PK complete"
        job.status = base.JobStatus(base.JOB_EXITED, 0)

    clock.on_sleep.append(end)
    result = run(host, clock, preflight=preflight)
    assert result["zip"]["bytes"] == len(b"PK complete")
    assert not [event for event in host.events if event.startswith("job ")]


def test_a_record_that_could_not_be_written_at_once_is_written_later() -> None:
    host, clock = server(), FakeClock()
    Tool(host, clock, seconds=30)
    failures = [1]

    def fail_once(operation: str, path: str) -> None:
        if path == RECORD and failures:
            failures.pop()
            raise LockstepError("unreachable", "no answer")

    host.before_write = fail_once
    assert run(host, clock)["exit_code"] == 0
    assert RECORD in host.files


def test_a_job_of_another_run_is_not_disturbed_and_names_its_owner() -> None:
    host = server()
    leave_job(host, OTHER, path="D:\\other.zip")
    with pytest.raises(LockstepError) as caught:
        run(host)
    assert caught.value.slug == "run_in_progress"
    assert caught.value.details["owner"] == OTHER.as_dict()
    assert host.events == []


def test_a_backup_of_a_dead_run_is_stopped_and_a_new_one_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    host = server()
    leave_job(host, OTHER, path="D:\\other.zip")
    let_jobs_stop(host, monkeypatch)
    Tool(host, FakeClock())
    result = run(host, dead_run="run2")
    assert steps(result)[:3] == ["check", "stop_job", "run"]
    assert result["exit_code"] == 0
    assert "is stopped" in warnings(host)[0]


def test_a_dead_runs_tool_that_cannot_be_ended_forbids_the_backup() -> None:
    host, clock = server(), FakeClock()
    leave_job(host, OTHER, path="D:\\other.zip")
    with pytest.raises(LockstepError) as caught:
        run(host, clock, dead_run="run2")
    assert (caught.value.slug, caught.value.details["failed_step"]) == ("tool_running", "stop_job")


def test_a_dead_runs_tool_that_takes_its_time_to_end_is_waited_for() -> None:
    host, clock = server(), FakeClock()
    leave_job(host, OTHER, path="D:\\other.zip")
    Tool(host, clock)

    def reap(elapsed: float) -> None:
        if elapsed >= 1005:
            host.running.pop("avbackup.exe", None)

    clock.on_sleep.append(reap)
    assert run(host, clock, dead_run="run2")["exit_code"] == 0


def test_this_runs_own_restore_is_waited_for_without_reading_the_zip_again() -> None:
    host = server()
    host.files[ZIP] = b"PK"
    leave_job(host, OWNER, base.JOB_EXITED, restored=True)
    result = run(host, state="restored", confirm=True)
    assert steps(result) == ["check", "wait", "keep_log"]


def test_a_restore_of_a_dead_run_is_not_stopped() -> None:
    host = server()
    leave_job(host, OTHER, restored=True)
    with pytest.raises(LockstepError) as caught:
        run(host, dead_run="run2")
    assert caught.value.slug == "tool_running"
    assert host.events == []


def test_an_avbackup_that_nobody_here_started_forbids_the_backup() -> None:
    host = server()
    host.running["avbackup.exe"] = [9]
    with pytest.raises(LockstepError, match="process 9") as caught:
        run(host)
    assert caught.value.slug == "tool_running"


@pytest.mark.parametrize("text", ["", "not json", "[]", '{"owner": {}}'])
def test_a_damaged_record_is_no_record(text: str) -> None:
    host = server()
    host.files[RECORD] = text.encode()
    Tool(host, FakeClock())
    assert run(host)["exit_code"] == 0


def test_the_folder_of_an_ended_job_of_a_dead_run_is_used_again() -> None:
    host = server()
    leave_job(host, OTHER, base.JOB_EXITED)
    Tool(host, FakeClock(), output="new\n")
    assert run(host)["log_tail"] == "new"


@pytest.mark.parametrize("program_seen", [True, False])
def test_a_running_job_in_the_folder_without_a_record_is_left_alone(program_seen: bool) -> None:
    host = server()
    leave_job(host, OTHER)
    del host.files[RECORD]
    if not program_seen:
        host.running.clear()
    with pytest.raises(LockstepError) as caught:
        run(host, preflight=False)
    assert caught.value.slug == "tool_running"
    assert [job.status.state for job in host.jobs.values()] == [base.JOB_RUNNING]


@pytest.mark.parametrize(("path", "program_seen"), [(ZIP, True), (ZIP, False), ("D:\\other.zip", True)])
def test_without_preflight_the_job_of_a_dead_run_is_stopped_too(
    path: str, program_seen: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = server()
    leave_job(host, OTHER, path=path)
    let_jobs_stop(host, monkeypatch)
    if not program_seen:
        host.running.clear()
    Tool(host, FakeClock())
    assert run(host, preflight=False, dead_run="run2")["exit_code"] == 0
    assert len([event for event in host.events if event.startswith("stop job")]) == 1


def test_the_job_of_a_second_run_at_the_same_time_is_refused_at_the_start() -> None:
    host, clock = server(), FakeClock()
    leave_job(host, OTHER)
    with pytest.raises(LockstepError) as caught:
        FEATURE.run(task_for(host, clock, preflight=False))
    assert caught.value.slug == "run_in_progress"
    assert caught.value.details["owner"] == OTHER.as_dict()
