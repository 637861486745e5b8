# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A backup that goes well, and what it leaves behind."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.lockstep.backup.plugins.module_utils.altium.feature import FEATURE
from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.host import base
from tests.unit.altium.enterprise_server import (
    LOG,
    RECORD,
    TOOL,
    TOOL_FOLDER,
    ZIP,
    Tool,
    quiesce,
    restart_w3svc,
    run,
    server,
    settings,
    steps,
    task_for,
    warnings,
)
from tests.unit.fake_host import FakeClock, FakeHost, FakeJob


def test_the_tool_runs_in_its_own_folder_as_a_job_and_the_result_says_what_it_left() -> None:
    host, clock = server(), FakeClock()
    Tool(host, clock, seconds=30)
    started: list[tuple[str, str | None]] = []
    original = host.job

    def note(job: FakeJob) -> base.JobStatus:
        started.append((job.argv[0], job.cwd))
        return original(job)

    host.job = note
    result = run(host, clock)
    assert started == [(TOOL, TOOL_FOLDER)]
    assert result["changed"] is True
    assert result["zip"] == {"path": ZIP, "bytes": len(host.files[ZIP]), "sha256": None}
    assert result["exit_code"] == 0
    assert 30 <= result["seconds"] < 35
    assert result["log_tail"] == "Backup completed."


def test_the_output_is_kept_beside_the_zip_and_the_job_is_forgotten() -> None:
    host = server()
    Tool(host, FakeClock())
    result = run(host)
    assert host.files[LOG] == b"Backup completed.\n"
    assert (result["log"], result["job"]) == (LOG, None)
    assert host.jobs == {}


def test_the_log_can_be_kept_elsewhere() -> None:
    host = server()
    host.make_folder("D:\\Logs")
    Tool(host, FakeClock())
    assert run(host, log="D:\\Logs\\av.log")["log"] == "D:\\Logs\\av.log"
    assert "D:\\Logs\\av.log" in host.files


def test_a_log_that_cannot_be_written_is_a_warning_and_the_output_stays() -> None:
    host = server()
    Tool(host, FakeClock())
    result = run(host, log="D:\\Missing\\av.log")
    assert result["log"] is None
    assert result["job"] in host.jobs
    assert "could not be written" in warnings(host)[0]


def test_a_missing_folder_is_made_as_a_step_of_the_plan() -> None:
    host = server()
    host.remove("D:\\Backups")
    Tool(host, FakeClock())
    result = run(host)
    assert "make_folder" in steps(result)
    assert "D:\\Backups\\26112101" in host.folders


def test_check_mode_shows_the_plan_of_the_real_run_and_changes_nothing() -> None:
    def prepared() -> FakeHost:
        host = server()
        host.remove("D:\\Backups")
        Tool(host, FakeClock())
        return host

    shown, done = prepared(), prepared()
    before = (dict(shown.files), set(shown.folders))
    planned = run(shown, check_mode=True, last_bytes=10)
    real = run(done, last_bytes=10)
    assert planned["plan"] == real["plan"]
    assert planned["checks"] == real["checks"]
    assert planned["changed"] is True
    assert (shown.files, shown.folders, shown.events) == (*before, [])


def test_check_mode_does_not_ask_for_units_that_nobody_has_stopped_yet() -> None:
    result = run(server(), check_mode=True, quiesced="altium", max_outage=600)
    assert steps(result) == ["check", "run", "recheck_units", "measure_zip", "read_zip", "keep_log"]


def test_checked_makes_the_checks_of_a_backup_and_nothing_else() -> None:
    host = server()
    before = dict(host.files)
    result = run(host, state="checked", preflight=False, quiesced="altium")
    names = [check["name"] for check in result["checks"]]
    assert names == ["paths", "admin", "tool", "ini", "target", "space", "health_monitor", "tool_idle", "units"]
    assert result["changed"] is False
    assert (host.files, host.events) == (before, [])


def test_checked_fails_as_the_backup_would_and_shows_the_plan() -> None:
    host = server()
    host.running["avhealth.exe"] = [7]
    with pytest.raises(LockstepError) as caught:
        run(host, state="checked")
    assert caught.value.slug == "health_monitor_running"
    assert "run" in steps(caught.value.details)


def test_data_folders_are_summed_for_the_free_space() -> None:
    host = server()
    host.files |= {"E:\\a\\x": b"x" * 60, "E:\\b\\y": b"y" * 40}
    host.folders |= {"E:\\a", "E:\\b"}
    host.free = 119
    with pytest.raises(LockstepError, match="120 bytes should be free") as caught:
        run(host, data_folders=["E:\\a", "E:\\b"])
    assert caught.value.slug == "no_space"
    host.free = 120
    Tool(host, FakeClock())
    assert run(host, data_folders=["E:\\a", "E:\\b"])["exit_code"] == 0


def test_without_data_folders_the_last_zip_tells_how_much_space_is_needed() -> None:
    host = server()
    host.free = 119
    with pytest.raises(LockstepError, match="120 bytes should be free"):
        run(host, last_bytes=100)


def test_a_data_folder_that_cannot_be_read_is_not_called_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    host = server()

    def refuse(path: str) -> int:
        raise LockstepError("access_denied", "no")

    monkeypatch.setattr(host, "tree_bytes", refuse)
    with pytest.raises(LockstepError) as caught:
        run(host, data_folders=["E:\\Data"])
    assert caught.value.slug == "access_denied"


def test_a_data_folder_that_is_missing_is_named() -> None:
    with pytest.raises(LockstepError, match="E:\\\\gone") as caught:
        run(server(), data_folders=["E:\\gone"])
    assert caught.value.slug == "path_missing"


@pytest.mark.parametrize("path", ["\\\\nas\\share\\altium.zip", "Z:\\altium.zip", "altium.zip"])
def test_a_path_off_the_server_is_refused_before_it_is_looked_at(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    host = server()

    def no_look(path: str) -> t.Any:
        raise AssertionError(f"{path} was looked at")

    monkeypatch.setattr(host, "stat", no_look)
    with pytest.raises(LockstepError) as caught:
        run(host, path=path)
    assert caught.value.slug == "path_invalid"


@pytest.mark.parametrize("preflight", [True, False])
def test_a_zip_that_exists_is_never_overwritten(preflight: bool) -> None:
    host = server()
    host.files[ZIP] = b"precious"
    with pytest.raises(LockstepError) as caught:
        run(host, preflight=preflight)
    assert caught.value.slug == "path_exists"
    assert host.files[ZIP] == b"precious"
    assert host.jobs == {}


def test_without_preflight_only_the_target_and_the_tool_are_looked_at() -> None:
    host = server()
    host.admin = False
    Tool(host, FakeClock())
    result = run(host, preflight=False)
    assert [check["name"] for check in result["checks"]] == ["target", "tool_idle"]


def test_without_verify_the_zip_is_not_read() -> None:
    host = server()
    Tool(host, FakeClock())
    host.zip_problems[ZIP] = "truncated"
    result = run(host, verify=False)
    assert (result["log"], result["job"], result["exit_code"]) == (LOG, None, 0)


def test_a_small_zip_gives_a_warning_and_stays_a_backup() -> None:
    host = server()
    Tool(host, FakeClock(), content=b"PK")
    result = run(host, last_bytes=100)
    assert "only 2%" in warnings(host)[0]
    assert result["share_of_last"] == pytest.approx(0.02)
    assert result["grade"] == "hot"


def test_units_that_stayed_stopped_give_the_grade_quiesced() -> None:
    host = server()
    quiesce(host)
    Tool(host, FakeClock())
    result = run(host, quiesced="altium")
    assert (result["grade"], result["grade_reasons"], result["units_stopped_again"]) == ("quiesced", [], [])


def test_units_that_the_tool_started_are_stopped_again_and_degrade_the_grade() -> None:
    host = server()
    quiesce(host)
    Tool(host, FakeClock(), at_end=restart_w3svc(host))
    result = run(host, quiesced="altium")
    assert host.units["service"]["W3SVC"].state == "stopped"
    assert result["units_stopped_again"] == ["W3SVC"]
    assert result["grade"] == "degraded"
    assert "W3SVC" in result["grade_reasons"][0]


def test_a_unit_that_ran_all_along_and_is_no_business_of_the_journal_is_left_alone() -> None:
    host = server()
    quiesce(host)
    Tool(host, FakeClock())
    run(host, quiesced="altium")
    assert host.units["service"]["WAS"].state == "running"


def test_the_record_names_the_run_and_the_job() -> None:
    host = server()
    Tool(host, FakeClock())
    run(host)
    text = host.files[RECORD].decode()
    assert '"run_id": "run1"' in text
    assert settings().job_folder.rsplit("\\", 1)[1] in text


def test_progress_is_told_about_each_minute() -> None:
    host, clock = server(), FakeClock()
    Tool(host, clock, seconds=200)
    told: list[str] = []
    task = task_for(host, clock)
    task.progress = told.append
    FEATURE.run(task)
    assert len(told) == 3
