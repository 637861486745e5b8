# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""avbackup fails, hangs, or says success and has left no backup; the disk is full; the connection breaks while it works."""

from __future__ import annotations

from tests.integration.chains import AVBACKUP_STARTS, EXPORT_STARTS, nightly, once
from tests.integration.killing import wait_until
from tests.integration.promises import ZIP, Installation, error_codes, final_message
from tests.lab.lab import Lab
from tests.lab.record import AFTER


def starts(lab: Lab, host: str, program: str) -> int:
    """How often a program was started on a host."""
    return sum(program in one.command_line for one in lab.process_history if one.host == host and "run.cmd" not in one.command_line)


def test_an_exit_code_that_is_not_success_fails_the_set_also_when_the_zip_is_complete(
    lab: Lab, first: Installation, second: Installation
) -> None:
    lab.faults.set("aes1", "avbackup_exit", 5)
    lab.faults.set("aes2", "avbackup_exit_late")
    run = nightly(first, second)
    first.failed(run, "tool_failed", "aes1", "avbackup backup ended with exit code 5; only 0 means success", "Its output says more")
    second.failed(run, "tool_failed", "aes2", "avbackup backup ended with exit code 1; only 0 means success")
    for installation in (first, second):
        (name,) = installation.newly_failed(installation.server)
        there = {entry.name for entry in installation.folder(installation.server, "Failed", name).iterdir()}
        # Kept to be looked at, under a name that nobody takes for a backup's.
        assert f"{ZIP}.failed" in there
        assert ZIP not in there
        log = installation.folder(installation.server, "Failed", name, "enterprise_server.log")
        assert "ERROR: Unexpected error" in log.read_text(encoding="utf-8")


def test_success_without_a_zip_or_with_an_empty_one(lab: Lab, first: Installation, second: Installation) -> None:
    lab.faults.set("aes1", "avbackup_no_zip")
    lab.faults.set("aes2", "avbackup_empty_zip")
    run = nightly(first, second)
    first.failed(run, "zip_missing", "aes1", "There is no file C:\\Backups\\aes1\\Failed\\", "there is no backup")
    second.failed(run, "zip_damaged", "aes2", f"{ZIP} holds nothing", "it is not a backup")


def test_success_with_a_zip_that_is_cut_short_or_damaged_inside(lab: Lab, first: Installation, second: Installation) -> None:
    lab.faults.set("aes1", "avbackup_truncated_zip")
    lab.faults.set("aes2", "avbackup_damaged_zip")
    run = nightly(first, second)
    for installation in (first, second):
        host = installation.server.name
        installation.failed(
            run, "part_damaged", host, f"Part {ZIP} of set", f"on {host} does not open completely", "make a new one"
        )


def test_a_tool_that_hangs_is_stopped_after_its_time_and_the_other_installation_is_backed_up(
    lab: Lab, first: Installation, second: Installation
) -> None:
    lab.faults.set("aes1", "avbackup_hangs")
    run = nightly(first, second, by_host={"aes1": {"altium_enterprise_server_backup_timeout": 1}})
    first.failed(run, "job_timeout", "aes1", "did not end within 1 s and was stopped", "give it a longer timeout")
    second.succeeded(run)


def test_a_disk_that_fills_up_leaves_no_good_set_and_what_is_left_is_reported_and_given_back_by_the_next_run(
    lab: Lab, first: Installation, second: Installation
) -> None:
    full = [
        once(lab, "aes1", AVBACKUP_STARTS, lambda: lab.faults.set("aes1", "disk_full")),
        once(lab, "ora2", EXPORT_STARTS, lambda: lab.faults.set("ora2", "disk_full")),
    ]
    run = nightly(first, second)
    assert all(happened.is_set() for happened in full)
    assert run.exit_code != 0
    for installation, host in ((first, "aes1"), (second, "ora2")):
        # Nothing at all can be written on this disk, so the set could not even be marked there. That is said, and the lock stays.
        message = final_message(run, installation.name)
        assert "Besides: " in message
        assert f"{host}: C:\\Backups\\" in message
        assert "No space is left on the disk. Make room." in message
        assert "no_space" in error_codes(run, installation.name)
        assert f"{host}: Lock" in installation.left()
        installation.service_is_back()
        assert installation.recent(installation.server) | installation.recent(installation.oracle) == set()
    lab.faults.clear()
    recovered = nightly(first, second)
    for installation in (first, second):
        installation.succeeded(recovered)


def test_a_connection_that_breaks_while_the_tool_works_neither_fails_nor_repeats_it(
    lab: Lab, first: Installation, second: Installation
) -> None:
    machine = lab.hosts["aes1"].machine

    def be_away_while_it_works() -> None:
        lab.faults.set("aes1", "unreachable")
        wait_until(lambda: not machine.processes.named("avbackup.exe"), "avbackup ends")
        lab.faults.clear("aes1")

    def cut_the_answer() -> None:
        lab.faults.set("aes2", "unreachable")
        lab.faults.clear("aes2", "unreachable")

    lab.faults.set("aes2", "avbackup_seconds", 1)
    gone = once(lab, "aes1", AVBACKUP_STARTS, be_away_while_it_works, AFTER)
    # Executed, and the answer never comes: whoever asks again starts a second avbackup.
    lost = once(lab, "aes2", AVBACKUP_STARTS, cut_the_answer, AFTER)
    run = nightly(first, second)
    assert run.exit_code == 0, run.output
    assert gone.is_set()
    assert lost.is_set()
    for installation in (first, second):
        installation.succeeded(run)
        assert starts(lab, installation.name, "avbackup.exe") == 1
