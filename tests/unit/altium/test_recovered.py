# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The backup that a run left to itself is stopped and forgotten by the next one."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.lockstep.backup.plugins.module_utils.altium.feature import FEATURE
from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.host import base
from tests.unit.altium.enterprise_server import RECORD, run, server, settings, steps, task_for
from tests.unit.altium.test_lease_and_jobs import leave_job, let_jobs_stop
from tests.unit.fake_host import OTHER, OWNER, FakeHost

JOB = settings().job_folder


def recover(host: FakeHost, dead_run: str | None = OTHER.run_id, **more: t.Any) -> dict[str, t.Any]:
    return run(host, state="recovered", dead_run=dead_run, **more)


def test_a_running_backup_is_stopped_and_its_job_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    host = server()
    leave_job(host, OTHER)
    let_jobs_stop(host, monkeypatch)
    result = recover(host)
    assert (result["changed"], steps(result)) == (True, ["stop_job", "remove_job"])
    assert f"stop job {JOB}" in host.events
    assert host.stat(JOB) is None


def test_one_that_nobody_recorded_is_known_by_its_zip(monkeypatch: pytest.MonkeyPatch) -> None:
    host = server()
    leave_job(host, OTHER)
    let_jobs_stop(host, monkeypatch)
    del host.files[RECORD]
    assert recover(host, dead_run=None)["changed"]
    assert host.stat(JOB) is None


def test_of_an_ended_job_only_the_folder_is_removed() -> None:
    host = server()
    leave_job(host, OTHER, base.JOB_EXITED)
    assert steps(recover(host)) == ["remove_job"]
    assert host.stat(JOB) is None


def test_without_a_job_nothing_is_done() -> None:
    host = server()
    result = recover(host)
    assert (result["changed"], result["plan"]) == (False, [])


def test_a_job_of_a_run_that_may_be_alive_is_left_alone() -> None:
    host = server()
    leave_job(host, OTHER)
    with pytest.raises(LockstepError) as caught:
        recover(host, dead_run=None)
    assert (caught.value.slug, caught.value.details["owner"]["run_id"]) == ("run_in_progress", OTHER.run_id)
    assert host.jobs[JOB].status.state == base.JOB_RUNNING


def test_check_mode_only_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    host = server()
    leave_job(host, OWNER)
    let_jobs_stop(host, monkeypatch)
    result = FEATURE.run(task_for(host, check_mode=True, state="recovered"))
    assert (result["changed"], steps(result)) == (True, ["stop_job", "remove_job"])
    assert host.jobs[JOB].status.state == base.JOB_RUNNING
