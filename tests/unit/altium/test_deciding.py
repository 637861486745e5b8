# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What avbackup is told, and what must be so before it runs: the pure part, as tables."""

from __future__ import annotations

import dataclasses
import typing as t

import pytest

from ansible_collections.lockstep.backup.plugins.module_utils.altium import checks, judging, planning
from ansible_collections.lockstep.backup.plugins.module_utils.altium.checks import Facts, PathFact
from ansible_collections.lockstep.backup.plugins.module_utils.altium.record import ADOPT, START, STOP, JobRecord, decide
from ansible_collections.lockstep.backup.plugins.module_utils.altium.settings import command_line, job_name
from ansible_collections.lockstep.backup.plugins.module_utils.checks import refuse_failed
from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.host import base
from ansible_collections.lockstep.backup.plugins.module_utils.owner import Owner
from ansible_collections.lockstep.backup.plugins.module_utils.quiesce.grading import grade
from tests.unit.altium.enterprise_server import INI, TOOL, ZIP, settings
from tests.unit.fake_host import OTHER, OWNER


def slug_of(call: t.Callable[[], t.Any]) -> str:
    with pytest.raises(LockstepError) as caught:
        call()
    return caught.value.slug


def test_the_default_command_line_is_the_vendors_example() -> None:
    assert settings().argv == (TOOL, "backup", "-z", ZIP, "-i", INI)
    assert settings(state="restored").argv == (TOOL, "restore", "-z", ZIP, "-i", INI)


def test_placeholders_are_replaced_within_arguments_and_other_braces_stay() -> None:
    argv = command_line("av.exe", ["--file={zip}", "{ini}", "{1B2C}", "{}"], "C:\\a b.zip", "C:\\x.ini")
    assert argv == ("av.exe", "--file=C:\\a b.zip", "C:\\x.ini", "{1B2C}", "{}")


def test_the_same_zip_in_other_letters_is_the_same_job_and_a_restore_is_another() -> None:
    assert job_name("backup", ZIP) == job_name("backup", ZIP.upper())
    assert len({job_name("backup", ZIP), job_name("restore", ZIP), job_name("backup", "D:\\other.zip")}) == 3


def test_the_log_of_a_restore_stays_out_of_the_set() -> None:
    assert settings().log == ZIP[:-4] + ".log"
    assert settings(state="restored").log.startswith("C:\\ProgramData\\Lockstep\\jobs\\")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"path": "D:\\Backups\\altium.bak"}, ".zip"),
        ({"backup_arguments": ["backup"]}, "{zip}"),
        ({"restore_arguments": ["restore"], "state": "restored"}, "{zip}"),
        ({"success_exit_codes": []}, "success_exit_codes"),
        ({"min_share_of_last": 1.5}, "min_share_of_last"),
        ({"timeout": 0}, "timeout"),
        ({"free_space_factor": -1}, "free_space_factor"),
        ({"max_outage": -5, "quiesced": "altium"}, "max_outage"),
        ({"last_bytes": -1}, "last_bytes"),
    ],
)
def test_options_that_cannot_be_meant_are_refused_by_name(options: dict[str, t.Any], said: str) -> None:
    with pytest.raises(LockstepError, match="cannot be meant") as caught:
        settings(**options)
    assert caught.value.slug == "option_invalid"
    assert said in caught.value.message


@pytest.mark.parametrize(
    ("fact", "ok"),
    [
        (PathFact("path", ZIP, True, True), True),
        (PathFact("path", "\\\\nas\\backups\\altium.zip", False, None), False),
        (PathFact("path", "Z:\\altium.zip", True, False), False),
        (PathFact("ini", "LocalVault.ini", False, True), False),
    ],
)
def test_only_absolute_paths_on_the_servers_own_disks_are_used(fact: PathFact, ok: bool) -> None:
    check = checks.check_paths([fact])
    assert (check.ok, check.slug) == (ok, "" if ok else "path_invalid")
    assert ok or fact.path in check.detail


READY = Facts(free_bytes=1000, running_units=())


@pytest.mark.parametrize(
    ("state", "facts", "slug"),
    [
        ("present", {"admin": False}, "not_admin"),
        ("present", {"tool_there": False}, "tool_missing"),
        ("present", {"ini_there": False}, "path_missing"),
        ("present", {"zip_bytes": 5}, "path_exists"),
        ("present", {"zip_is_folder": True}, "path_exists"),
        ("present", {"folder_is_file": True}, "path_invalid"),
        ("present", {"missing_data_folders": ("E:\\Data",)}, "path_missing"),
        ("present", {"data_bytes": 900}, "no_space"),
        ("present", {"monitor_pids": (7,)}, "health_monitor_running"),
        ("present", {"tool_pids": (7,)}, "tool_running"),
        ("present", {"running_units": ("W3SVC",)}, "not_quiesced"),
        ("restored", {"zip_bytes": None}, "path_missing"),
        ("restored", {"zip_is_folder": True}, "path_missing"),
        ("restored", {"monitor_pids": (7,)}, "health_monitor_running"),
        ("restored", {"running_units": ("W3SVC",)}, "not_quiesced"),
    ],
)
def test_each_finding_that_forbids_the_tool_has_its_slug(state: str, facts: dict[str, t.Any], slug: str) -> None:
    found = dataclasses.replace(READY, zip_bytes=5 if state == "restored" else None)
    chosen = settings(state=state, confirm=True, quiesced="altium")
    refuse_failed(checks.judge(chosen, found))
    bad = checks.judge(chosen, dataclasses.replace(found, **facts))
    assert slug_of(lambda: refuse_failed(bad)) == slug
    assert sum(not check.ok for check in bad) == 1


def test_a_restore_must_be_confirmed() -> None:
    found = checks.judge(settings(state="restored"), dataclasses.replace(READY, zip_bytes=5))
    assert slug_of(lambda: refuse_failed(found)) == "confirmation_missing"


def test_all_failed_checks_are_told_at_once() -> None:
    found = checks.judge(settings(), Facts(admin=False, tool_there=False))
    with pytest.raises(LockstepError, match=r"administrator rights.*avbackup\.exe is missing"):
        refuse_failed(found)


@pytest.mark.parametrize(
    ("options", "data_bytes", "free", "ok"),
    [
        ({"data_folders": ["E:\\Data"]}, 100, 120, True),
        ({"data_folders": ["E:\\Data"]}, 100, 119, False),
        ({"last_bytes": 100}, None, 119, False),
        ({"last_bytes": 10_000, "data_folders": ["E:\\Data"]}, 100, 120, True),
        ({"last_bytes": 100, "free_space_factor": 2.0}, None, 199, False),
        ({}, None, 0, True),
    ],
)
def test_free_space_is_held_against_the_data_else_the_last_zip(
    options: dict[str, t.Any], data_bytes: int | None, free: int, ok: bool
) -> None:
    assert checks.check_space(settings(**options), Facts(free_bytes=free, data_bytes=data_bytes)).ok is ok


@pytest.mark.parametrize("code", [1, -1, 5, 3221225786, None])
def test_every_exit_code_that_is_not_named_is_a_failure(code: int | None) -> None:
    assert slug_of(lambda: judging.refuse_exit_code(settings(), code)) == "tool_failed"


def test_also_exit_code_0_is_a_failure_when_it_is_not_named() -> None:
    assert slug_of(lambda: judging.refuse_exit_code(settings(success_exit_codes=[3]), 0)) == "tool_failed"


def test_named_exit_codes_are_successes() -> None:
    for code in (0, 3):
        judging.refuse_exit_code(settings(success_exit_codes=[0, 3]), code)


def test_without_a_journal_a_failed_backup_says_that_services_may_be_stopped() -> None:
    with pytest.raises(LockstepError, match="look whether the Enterprise Server runs"):
        judging.refuse_exit_code(settings(), 1)
    with pytest.raises(LockstepError, match="is a backup"):
        judging.refuse_exit_code(settings(quiesced="altium"), 1)


@pytest.mark.parametrize(("size", "slug"), [(None, "zip_missing"), (0, "zip_damaged")])
def test_no_zip_or_an_empty_one_is_no_backup(size: int | None, slug: str) -> None:
    assert slug_of(lambda: judging.size_of_zip(ZIP, size)) == slug
    assert judging.size_of_zip(ZIP, 1) == 1


@pytest.mark.parametrize(
    ("size", "last", "warned"), [(50, 100, False), (49, 100, True), (49, None, False), (49, 0, False), (500, 100, False)]
)
def test_a_zip_much_smaller_than_the_last_one_gives_a_warning(size: int, last: int | None, warned: bool) -> None:
    assert (judging.size_warning(settings(last_bytes=last), size) is not None) is warned


@pytest.mark.parametrize(
    ("quiesced", "ran_again", "expected"),
    [("altium", [], "quiesced"), ("altium", ["W3SVC"], "degraded"), (None, [], "hot")],
)
def test_the_grade_is_never_better_than_what_was_seen(quiesced: str | None, ran_again: list[str], expected: str) -> None:
    found, reasons = grade("avbackup", quiesced, ran_again)
    assert found == expected
    assert bool(reasons) is (expected != "quiesced")
    assert all(name in reasons[0] for name in ran_again)


def record(owner: Owner = OWNER, operation: str = "backup", zip_path: str = ZIP) -> JobRecord:
    folder = settings(path=zip_path, state="restored" if operation == "restore" else "present").job_folder
    return JobRecord(owner, operation, zip_path, folder, "2026-11-21T03:13:00+00:00")


RUNNING, EXITED = base.JobStatus(base.JOB_RUNNING), base.JobStatus(base.JOB_EXITED, 0)
ABSENT, LOST = base.JobStatus(base.JOB_ABSENT), base.JobStatus(base.JOB_LOST)


@pytest.mark.parametrize(
    ("last", "status", "dead_run", "outcome"),
    [
        (record(), RUNNING, None, ADOPT),
        (record(), EXITED, None, ADOPT),
        (record(), ABSENT, None, START),
        (record(), LOST, None, START),
        (record(zip_path="D:\\other.zip"), EXITED, None, START),
        (record(zip_path="D:\\other.zip"), RUNNING, None, "tool_running"),
        (record(operation="restore"), RUNNING, None, "tool_running"),
        (record(OTHER), RUNNING, None, "run_in_progress"),
        (record(OTHER), RUNNING, "run3", "run_in_progress"),
        (record(OTHER), RUNNING, "run2", STOP),
        (record(OTHER, "restore"), RUNNING, "run2", "tool_running"),
        (record(OTHER), EXITED, None, START),
        (record(OTHER), EXITED, "run2", START),
    ],
)
def test_what_happens_to_the_last_job_of_the_host(
    last: JobRecord, status: base.JobStatus, dead_run: str | None, outcome: str
) -> None:
    def decision() -> str:
        return decide(settings(), last, status, OWNER, dead_run)

    if outcome in (START, ADOPT, STOP):
        assert decision() == outcome
    else:
        assert slug_of(decision) == outcome


def test_a_record_is_read_as_it_was_written() -> None:
    assert JobRecord.from_text(record(OTHER).as_text()) == record(OTHER)


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({}, ["check", "run", "measure_zip", "read_zip", "keep_log"]),
        ({"verify": False, "quiesced": "altium"}, ["check", "run", "recheck_units", "measure_zip", "keep_log"]),
        ({"quiesced": "altium"}, ["check", "run", "recheck_units", "measure_zip", "read_zip", "keep_log"]),
    ],
)
def test_the_plan_of_a_backup_looks_at_the_units_at_once_and_reads_the_zip_only_when_asked(
    options: dict[str, t.Any], names: list[str]
) -> None:
    assert [step["step"] for step in planning.backup_plan(settings(**options), ["target"])] == names


def test_the_plan_of_a_restore_reads_and_compares_the_zip_before_the_tool_runs() -> None:
    chosen = settings(state="restored", expected_sha256="AB" * 32, quiesced="altium")
    names = [step["step"] for step in planning.restore_plan(chosen, ["source"])]
    assert names == ["check", "measure_zip", "read_zip", "compare_sha256", "run", "recheck_units", "keep_log"]


def test_the_plan_stops_the_job_of_a_dead_run_before_anything_else() -> None:
    plan = planning.backup_plan(settings(), ["target"], STOP, "C:\\jobs\\old", "D:\\new")
    assert [step["step"] for step in plan][:4] == ["check", "stop_job", "make_folder", "run"]
    assert plan[1] == {"step": "stop_job", "job": "C:\\jobs\\old"}
