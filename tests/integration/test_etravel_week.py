# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The week of an eTravel server, from the export on Friday to that on Wednesday, as its document tells it; and as it warns."""

from __future__ import annotations

import hashlib
import typing as t

import pytest
import yaml

from tests.integration.etravel import NAME, Server, failed, succeeded
from tests.integration.support import PlaybookRun
from tests.lab.etravel import USER
from tests.lab.inventory import PROJECT, STATIC

FULL, EXPORT = "full-1", "export-1"


def impatient(seconds: int) -> dict[str, list[dict[str, t.Any]]]:
    """The lab's programs on the desktop, with a deadline that a test can wait for."""
    given = yaml.safe_load((STATIC / "group_vars" / "etravel.yml").read_text(encoding="utf-8"))
    defaults = yaml.safe_load((PROJECT / "roles" / "etravel" / "defaults" / "main.yml").read_text(encoding="utf-8"))
    (affinity,) = defaults["etravel_affinity_units"]
    affinity["desktop"]["user"] = USER
    return {
        "etravel_schedulers": [{**unit, "timeout": seconds} for unit in given["etravel_schedulers"]],
        "etravel_affinity_units": [{**affinity, "timeout": seconds}],
    }


def said(run: PlaybookRun, task: str) -> str:
    message = run.result(task, NAME)["msg"]
    return "\n".join(message) if isinstance(message, list) else str(message)


def test_the_week_from_friday_to_wednesday(server: Server) -> None:
    server.until("friday", "03:13")
    friday = succeeded(server.nightly())
    assert "on tape: EXP001" in said(friday, "Say what was exported")
    manifest = server.newest()
    assert (manifest["grade"], manifest["details"]["tape"]) == ("hot", "EXP001")
    (part,) = manifest["parts"]
    dump = server.vault("Recent", manifest["set"], part["path"]).read_bytes()
    assert part["sha256"] == hashlib.sha256(dump).hexdigest()
    for disk in ("E", "F"):
        copies = [file for file in (server.lab.root / NAME / disk).rglob(part["path"]) if file.read_bytes() == dump]
        assert len(copies) == 1, disk

    server.until("friday", "18:00")
    full = succeeded(server.full_backup(FULL))
    assert server.drive.loaded is None
    assert bytes(server.records(FULL)[0] or b"").startswith(b"TAPE")
    manifest = server.newest(full=True)
    assert (manifest["grade"], manifest["details"]["tape"]) == ("quiesced", "FUL001")
    today = f"{server.machine.clock.now():%Y-%m-%d}"
    assert manifest["details"]["sticker"].split("\n")[:3] == ["Full WinNT 4.0 Backup", "eTravel Server", today]
    assert manifest["details"]["sticker"] in said(full, "Say what was backed up")
    assert server.suspended()
    assert not server.site_exports()
    server.service_is_back()
    server.nothing_is_left()

    exports = server.sets()
    server.until("saturday", "03:13")
    saturday = succeeded(server.nightly())
    assert "3 d 0 h 0 min are left until the export of Tuesday" in said(saturday, "Say why no export is made").replace(
        "2 d 23 h 59 min", "3 d 0 h 0 min"
    )
    server.until("monday", "03:13")
    monday = succeeded(server.nightly())
    assert "THE RETURN IS MISSING so far." in said(monday, "Say why no export is made")
    assert server.sets() == exports

    server.until("monday", "09:00")
    returned = succeeded(server.back_to_normal("export-2"))
    assert "in the drive: EXP002" in said(returned, "Say how things stand")
    assert not server.suspended()
    again = succeeded(server.back_to_normal())
    assert [event["task"] for event in again.events if event["result"].get("changed")] == []

    server.until("tuesday", "03:13")
    tuesday = succeeded(server.nightly())
    assert "on tape: EXP002" in said(tuesday, "Say what was exported")
    server.until("wednesday", "03:13")
    succeeded(server.nightly())
    assert server.newest()["details"]["tape"] == "EXP002"
    assert [task.name for task in [server.export_task] if "started" in task.history] == []
    server.service_is_back()
    server.nothing_is_left()


def test_a_forgotten_return_keeps_the_export_on_the_disks_and_appends_to_no_tape(server: Server) -> None:
    server.until("friday", "18:00")
    succeeded(server.full_backup(FULL))
    server.drive.insert(FULL)
    written = server.records(FULL)
    server.until("monday", "17:00")
    failed(server.run("preflight"), "Not ready: THE RETURN IS MISSING so far.", "10 h 1")
    server.until("tuesday", "03:13")
    failed(server.nightly(), "is good", "Not on tape. THE RETURN IS MISSING.", "that of the full backup")
    manifest = server.newest()
    assert manifest["grade"] == "degraded"
    assert any("THE RETURN IS MISSING" in reason for reason in manifest["grade_reasons"])
    assert server.records(FULL) == written
    # The wrong tape keeps the exports suspended, and the right one lets them run again.
    server.until("tuesday", "09:00")
    failed(server.back_to_normal(FULL, etravel_tape_wait=1), "EXP001")
    assert f"{NAME}_exports" in server.journals()
    succeeded(server.back_to_normal(EXPORT))
    assert not server.suspended()


def test_a_sites_own_export_never_appends_to_the_tape_of_the_full_backup(server: Server) -> None:
    server.machine.tasks.enable(server.export_task, True)
    site = {"etravel_exports_by": "site"}
    server.until("friday", "18:00")
    succeeded(server.full_backup(FULL, **site))
    assert not server.site_exports()
    server.drive.insert(FULL)
    written, starts = server.records(FULL), server.export_task.history.count("started")
    server.until("tuesday", "09:00")
    assert server.export_task.history.count("started") == starts
    failed(server.back_to_normal(**site), "The exports stay as they are. In the drive is FUL001")
    server.drive.insert("export-2")
    succeeded(server.back_to_normal(**site))
    assert server.site_exports()
    before = len(server.records("export-2"))
    server.until("wednesday", "04:00")
    assert server.export_task.history.count("started") == starts + 1
    assert len(server.records("export-2")) > before
    assert server.records(FULL) == written


def test_a_forgotten_return_makes_the_export_to_the_disks_where_the_sites_own_task_makes_it_otherwise(server: Server) -> None:
    site = {"etravel_exports_by": "site"}
    server.machine.tasks.enable(server.export_task, True)
    assert "the site has its own" in said(succeeded(server.nightly(**site)), "Say why no export is made")
    server.until("friday", "18:00")
    succeeded(server.full_backup(FULL, **site))
    server.drive.insert(FULL)
    written = server.records(FULL)
    server.until("tuesday", "03:13")
    failed(server.nightly(**site), "is good, and on", "Not on tape. THE RETURN IS MISSING.")
    manifest = server.newest()
    assert manifest["grade"] == "degraded"
    assert len(manifest["details"]["copies"]) == 2
    assert server.records(FULL) == written


def test_an_export_stays_on_the_disks_while_the_sites_own_task_writes_to_the_same_tape(server: Server) -> None:
    server.machine.tasks.enable(server.export_task, True)
    before = server.records(EXPORT)
    failed(server.nightly(), "eTravel database export is enabled", "etravel_exports_by")
    assert server.newest()["grade"] == "degraded"
    assert server.records(EXPORT) == before


@pytest.mark.parametrize(
    ("fault", "value", "says"),
    [
        ("tape_wrong", None, "Not on tape."),
        ("tape_full", None, "Not on tape."),
        ("tape_write_protected", None, "write-protected"),
        ("tape_cleaning", None, "clean"),
        ("tape_empty", None, "Not on tape."),
        ("disk_missing", "F:", "F:"),
    ],
)
def test_what_keeps_an_export_from_tape_or_disk_makes_it_degraded_and_the_run_loud(
    server: Server, fault: str, value: str | None, says: str
) -> None:
    before = server.records(EXPORT)
    server.lab.faults.set(NAME, fault, value)
    failed(server.nightly(), "is good, and on", says)
    manifest = server.newest()
    assert manifest["grade"] == "degraded"
    assert any(says in reason for reason in manifest["grade_reasons"])
    if fault != "disk_missing":
        assert server.records(EXPORT) == before
    server.nothing_is_left()


def refused(server: Server, run: PlaybookRun, before: list[str], *says: str) -> None:
    """Nothing stopped, no set is good, and no lock is held."""
    failed(run, *says)
    assert server.changed() == before
    assert server.sets(full=True) == []
    server.nothing_is_left()


def test_what_is_not_ready_on_friday_ends_the_run_before_anything_stops(server: Server) -> None:
    before, tape = server.changed(), server.records(FULL)
    warning = "any data on tape FUL001 will be overwritten, and the server will be offline"
    refused(server, server.full_backup(etravel_overwrite_accepted=False), before, warning, "etravel_overwrite_accepted=true")
    assert server.drive.loaded is not None
    refused(server, server.full_backup("export-2", etravel_tape_wait=1), before, "EXP002", "FUL001")
    server.drive.eject()
    refused(server, server.full_backup(etravel_tape_wait=1), before, "Nobody inserted the tape in time. Insert tape FUL001")
    server.drive.tape(FULL).change(write_protected=True)
    refused(server, server.full_backup(FULL, etravel_tape_wait=1), before, "Tape FUL001 is write-protected")
    assert server.records(FULL) == tape
    assert server.suspended()


def test_a_scheduler_whose_sign_in_nobody_would_see_is_not_ready(server: Server) -> None:
    one = {"kind": "service", "name": "W3SVC"}
    blind = {"etravel_schedulers": [one, {**one, "name": "OracleTNSListener", "ready": {"log": "C:\\x.log", "expect": []}}]}
    message = failed(server.run("preflight", **blind), "Whether W3SVC has signed into its TAs", "etravel_terminal_addresses")
    assert "Whether OracleTNSListener has signed" in message
    assert "signed into its TAs" not in server.run("preflight", **blind, etravel_sign_in_by_hand=True).output


def test_a_desktop_that_nobody_is_logged_on_to_is_found_before_anything_stops(server: Server) -> None:
    server.lab.faults.set(NAME, "user_logged_off")
    before = server.changed()
    refused(server, server.full_backup(FULL), before, "Nothing was stopped. Not ready:", "etravel")
    assert not server.suspended()


@pytest.mark.parametrize("fault", ["scheduler_ignores_break", "affinity_asks_twice"])
def test_a_program_that_does_not_close_ends_the_backup_and_everything_runs_again(server: Server, fault: str) -> None:
    server.lab.faults.set(NAME, fault)
    tape = server.records(FULL)
    failed(server.full_backup(FULL, **impatient(5)), "did not stop within")
    server.service_is_back()
    assert server.records(FULL) == tape
    assert server.sets("Failed", full=True) != []


@pytest.mark.parametrize(("fault", "says"), [("ntbk_fails", "ntbk"), ("ntbk_log_truncated", "log")])
def test_a_backup_that_fails_is_no_full_backup_and_the_exports_go_on_to_the_disks(server: Server, fault: str, says: str) -> None:
    server.lab.faults.set(NAME, fault)
    server.until("friday", "18:00")
    failed(server.full_backup(FULL), "Run the backup command", says, "The scheduled exports stay suspended")
    assert server.sets(full=True) == []
    server.service_is_back()
    server.nothing_is_left()
    server.until("saturday", "03:13")
    failed(server.nightly(), "Not on tape. The exports are suspended since Friday")
    assert server.newest()["grade"] == "degraded"


@pytest.mark.parametrize(("fault", "says"), [("scheduler_no_sign_in", "TA01"), ("affinity_red_text", "Link to the CRS failed")])
def test_a_program_that_is_not_ready_again_is_named_and_the_tape_is_kept(server: Server, fault: str, says: str) -> None:
    server.lab.faults.set(NAME, fault)
    failed(server.full_backup(FULL, **impatient(5)), "on tape FUL001 is good. But:", says)
    assert server.newest(full=True)["grade"] == "quiesced"
    # What is not ready is still in the journal: the next run looks again, and starts what a person has ended.
    server.lab.faults.clear(NAME)
    if fault == "scheduler_no_sign_in":
        for process in server.machine.processes.named("scheduler.exe"):
            server.machine.processes.kill_tree(process)
    succeeded(server.back_to_normal(EXPORT))
    server.service_is_back()
    server.nothing_is_left()


def test_a_tape_that_is_stuck_after_a_full_backup_is_told_and_the_set_is_kept(server: Server) -> None:
    server.drive.insert(FULL)
    server.lab.faults.set(NAME, "tape_jammed")
    failed(server.full_backup(), "on tape FUL001 is good. But:", "does not give its tape back")
    assert server.newest(full=True)["grade"] == "quiesced"
    server.service_is_back()
    server.nothing_is_left()


def test_check_mode_shows_every_step_of_the_full_backup_and_changes_nothing(server: Server) -> None:
    before, tapes = server.changed(), {tape.name: tape.records for tape in server.drive.tapes()}
    run = succeeded(server.run("etravel_full_backup", "--check", "--diff"))
    plan = run.result("Show what would be done", NAME)["msg"]
    telling = ["suspend", "eject", "FUL001", "stop service W3SVC", "stop process Scheduler 1", "stop process Affinity Manager"]
    telling += ["stop service OracleTNSListener", "ntbk.bat", "start service OracleStartDTA", "start service OracleServiceDTA"]
    telling += ["start service OracleTNSListener", "start process Affinity Manager", "start service W3SVC", "seal", "\\Recent\\"]
    places = [next((number for number, line in enumerate(plan) if word in line), -1) for word in telling]
    assert places == sorted(places), plan
    assert server.changed() == before
    assert {tape.name: tape.records for tape in server.drive.tapes()} == tapes
    assert not server.vault().exists()


def test_check_mode_shows_every_step_of_an_export_and_changes_nothing(server: Server) -> None:
    before = server.records(EXPORT)
    run = succeeded(server.run("nightly", "--check", "--diff"))
    plan = run.result("Show what would be done", NAME)["msg"]
    telling = [r"\Failed\26", "Run exp", r"E:\Backups", "write_part", "etravel.dmp - SHA-256", "\\Recent\\", "release lock"]
    places = [
        next((number for number, line in enumerate(plan) if word.replace("_", " ") in line or word in line), -1) for word in telling
    ]
    assert -1 not in places, plan
    assert server.records(EXPORT) == before
    assert not server.vault().exists()
