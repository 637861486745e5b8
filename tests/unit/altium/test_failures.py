# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A backup that goes wrong: nothing passes for a backup, and what is known is told."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.host import base
from tests.unit.altium.enterprise_server import LOG, ZIP, Tool, quiesce, restart_w3svc, run, server, settings, steps
from tests.unit.fake_host import FakeClock, FakeHost, FakeJob


def failure(host: FakeHost, clock: FakeClock | None = None, **options: t.Any) -> LockstepError:
    with pytest.raises(LockstepError) as caught:
        run(host, clock, **options)
    return caught.value


def test_a_failed_exit_code_fails_with_code_output_log_and_plan() -> None:
    host = server()
    Tool(host, FakeClock(), exit_code=1, output="Cannot open database\n")
    error = failure(host)
    assert error.slug == "tool_failed"
    assert error.details["exit_code"] == 1
    assert error.details["failed_step"] == "run"
    assert error.details["log_tail"] == "Cannot open database"
    assert host.files[LOG] == b"Cannot open database\n"
    assert steps(error.details) == ["check", "run", "measure_zip", "read_zip", "keep_log"]
    assert (error.details["grade"], error.details["changed"]) == (None, True)


@pytest.mark.parametrize("options", [{}, {"verify": False}])
def test_exit_code_0_without_a_zip_fails(options: dict[str, t.Any]) -> None:
    host = server()
    Tool(host, FakeClock(), content=None)
    error = failure(host, **options)
    assert (error.slug, error.details["exit_code"], error.details["failed_step"]) == ("zip_missing", 0, "measure_zip")


def test_exit_code_0_with_an_empty_zip_fails() -> None:
    host = server()
    Tool(host, FakeClock(), content=b"")
    assert failure(host).slug == "zip_damaged"


def test_exit_code_0_with_a_truncated_zip_fails_and_says_what_is_wrong_with_it() -> None:
    host = server()
    Tool(host, FakeClock())
    host.zip_problems[ZIP] = "no end of central directory"
    error = failure(host)
    assert error.slug == "zip_damaged"
    assert "no end of central directory" in error.message


def test_what_a_failed_backup_wrote_is_kept_under_a_name_that_is_no_zip() -> None:
    host = server()
    Tool(host, FakeClock(), exit_code=1, content=b"half")
    error = failure(host)
    assert ZIP not in host.files
    assert error.details["zip"] == {"path": ZIP + ".failed", "bytes": 4, "sha256": None}
    assert host.files[ZIP + ".failed"] == b"half"


def test_an_earlier_failed_zip_is_kept_beside_the_new_one() -> None:
    host = server()
    host.files[ZIP + ".failed"] = b"first"
    Tool(host, FakeClock(), exit_code=1, content=b"second")
    assert failure(host).details["zip"]["path"] == ZIP + ".failed2"
    assert host.files[ZIP + ".failed"] == b"first"


def test_a_zip_that_cannot_be_set_aside_is_told_beside_the_cause() -> None:
    host = server()
    Tool(host, FakeClock(), exit_code=1)

    def refuse(operation: str, path: str) -> None:
        if operation == "rename":
            raise LockstepError("access_denied", "somebody has it open")

    host.before_write = refuse
    error = failure(host)
    assert (error.slug, error.details["also_failed"]) == ("tool_failed", ["somebody has it open"])
    assert error.details["zip"]["path"] == ZIP


def test_after_the_cause_is_removed_the_same_task_succeeds() -> None:
    host = server()
    Tool(host, FakeClock(), exit_code=1)
    failure(host)
    Tool(host, FakeClock())
    assert run(host)["exit_code"] == 0


def test_a_tool_that_hangs_is_stopped_at_the_timeout() -> None:
    host, clock = server(), FakeClock()
    Tool(host, clock, seconds=10_000)
    error = failure(host, clock, timeout=60)
    assert error.slug == "job_timeout"
    assert f"stop job {settings().job_folder}" in host.events
    assert error.details["exit_code"] is None
    assert "output" not in error.details
    assert 60 <= error.details["seconds"] < 65


def test_a_tool_that_vanishes_without_an_exit_code_fails() -> None:
    host = server()
    host.job = lambda job: base.JobStatus(base.JOB_LOST)
    assert failure(host).slug == "job_lost"


@pytest.mark.parametrize("ending", ["exit code", "hang", "lost"])
def test_units_that_run_again_after_a_failure_are_stopped_again(ending: str) -> None:
    host, clock = server(), FakeClock()
    quiesce(host)
    restart = restart_w3svc(host)

    def lose(job: FakeJob) -> base.JobStatus:
        restart()
        return base.JobStatus(base.JOB_LOST)

    Tool(host, clock, exit_code=1, at_end=restart, seconds=10_000 if ending == "hang" else 0)
    if ending == "lost":
        host.job = lose
    if ending == "hang":
        clock.on_sleep.append(lambda elapsed: restart())
    error = failure(host, clock, quiesced="altium", timeout=60)
    assert error.slug == {"exit code": "tool_failed", "hang": "job_timeout", "lost": "job_lost"}[ending]
    assert host.units["service"]["W3SVC"].state == "stopped"
    assert error.details["units_stopped_again"] == ["W3SVC"]


def test_a_unit_that_cannot_be_stopped_again_fails_the_backup() -> None:
    host = server()
    quiesce(host)

    def restart_and_refuse() -> None:
        host.units["service"]["W3SVC"].state = base.RUNNING
        host.units["service"]["W3SVC"].refuses = True

    Tool(host, FakeClock(), at_end=restart_and_refuse)
    error = failure(host, quiesced="altium")
    assert (error.slug, error.details["failed_step"]) == ("unit_refused", "recheck_units")
    assert ZIP not in host.files


def test_units_that_run_before_the_backup_forbid_it() -> None:
    host = server()
    quiesce(host)
    restart_w3svc(host)()
    error = failure(host, quiesced="altium")
    assert error.slug == "not_quiesced"
    assert host.jobs == {}


def test_a_journal_that_does_not_exist_forbids_the_backup() -> None:
    host = server()
    assert failure(host, quiesced="altium").slug == "not_quiesced"
    assert host.jobs == {}


def test_a_tool_that_cannot_be_started_leaves_nothing_to_clean_up() -> None:
    host = server()

    def refuse(job: FakeJob) -> base.JobStatus:
        raise LockstepError("tool_missing", "no such program")

    host.job = refuse
    error = failure(host)
    assert (error.slug, error.details["changed"], error.details["also_failed"]) == ("tool_missing", False, [])
