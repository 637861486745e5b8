# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""backup_command on the lab's Windows hosts: a batch file as a detached job, its log in Windows' encodings, and a killed run."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.lockstep.backup.plugins.module_utils.command.feature import FEATURE
from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from tests.integration.direct import STRANGER, run_feature
from tests.integration.killing import Run, wait_until, when
from tests.integration.support import run_playbook, write_playbook
from tests.lab.lab import Lab
from tests.lab.record import AFTER
from tests.lab.windows.execution import Execution
from tests.lab.windows.tool import Tool

FOLDER = "C:\\Site Backup"
BATCH = f"{FOLDER}\\ntbk.bat"
LOG = f"{FOLDER}\\tape.log"
GOOD = "Backup started on 11/8/2002 at 5:45 PM.\r\nBackup completed on 11/8/2002 at 6:50 PM.\r\nFiles: 7\r\nTime:  2 seconds\r\n"
UTF16 = b"\xff\xfe" + GOOD.encode("utf-16-le")


def site(lab: Lab, *lines: str, host: str = "aes1", log: bytes = UTF16) -> None:
    """A batch file that does ``lines``; ``wrote.exe`` writes the log, and ``ready.log`` is one of another run."""
    machine = lab.hosts[host].machine
    files = machine.files

    def write_log(run: Execution) -> int:
        files.write(LOG, log)
        return 0

    machine.install(f"{FOLDER}\\wrote.exe", Tool(write_log))
    files.ensure_folder(FOLDER)
    files.write(f"{FOLDER}\\ready.log", log)
    files.write(BATCH, "\r\n".join(["@echo off", "echo NT Backup", *lines, ""]).encode())


WRITES_LOG = f'"{FOLDER}\\wrote.exe"'
OPTIONS: dict[str, t.Any] = {"name": "full", "argv": [BATCH, "two words"], "log": LOG, "log_format": "ntbackup"}


@pytest.mark.parametrize("host", ["aes1", "aes2"])
def test_a_batch_file_is_run_and_its_utf_16_log_is_read(lab: Lab, host: str) -> None:
    site(lab, f'copy /y "{FOLDER}\\ready.log" "{LOG}" >nul', f'type nul >"{FOLDER}\\%~1.txt"', host=host)
    lab.hosts[host].machine.clock.advance(3600)
    # copy keeps the time of the file that it copies: nothing tells that this log is of this run.
    with pytest.raises(LockstepError) as caught:
        run_feature(lab, FEATURE, host, **OPTIONS)
    assert caught.value.slug == "log_stale"
    site(lab, WRITES_LOG, f'type nul >"{FOLDER}\\%~1.txt"', "exit 0", host=host)
    result = run_feature(lab, FEATURE, host, keep_log=f"{FOLDER}\\kept.log", **OPTIONS)
    assert (result["exit_code"], result["counts"]["files"], result["output_tail"]) == (0, 7, "NT Backup")
    files = lab.hosts[host].machine.files
    assert files.read(f"{FOLDER}\\kept.log") == files.read(LOG)
    assert files.is_file(f"{FOLDER}\\two words.txt")


def test_an_exit_in_the_batch_file_is_its_exit_code(lab: Lab) -> None:
    site(lab, WRITES_LOG, "exit 5")
    with pytest.raises(LockstepError) as caught:
        run_feature(lab, FEATURE, **OPTIONS)
    assert (caught.value.slug, caught.value.details["exit_code"]) == ("tool_failed", 5)
    site(lab, WRITES_LOG, "exit /b 4")
    assert run_feature(lab, FEATURE, success_codes=[4], **OPTIONS)["exit_code"] == 4


def test_an_ansi_log_is_read_in_its_code_page_and_the_old_one_is_put_aside(lab: Lab) -> None:
    site(lab, WRITES_LOG, log=(GOOD + "Größe\r\n").encode("cp1252"))
    run_feature(lab, FEATURE, success_patterns=["^Größe"], **OPTIONS)
    result = run_feature(lab, FEATURE, success_patterns=["^Größe"], **OPTIONS)
    assert lab.hosts["aes1"].machine.files.read(result["log"]["previous"]).endswith("Größe\r\n".encode("cp1252"))


def test_the_lost_connection_of_a_run_is_made_up_for(lab: Lab) -> None:
    site(lab, "ping -n 3 127.0.0.1 >nul", WRITES_LOG)
    lab.faults.set("aes1", "drop_after", 12)
    assert run_feature(lab, FEATURE, **OPTIONS)["counts"]["sets"] == 1


def test_a_job_goes_on_without_its_run_and_the_next_run_stops_it_and_starts_its_own(lab: Lab) -> None:
    site(lab, f'echo began >>"{FOLDER}\\began.txt"', "ping -n 100000 127.0.0.1 >nul", WRITES_LOG)
    machine = lab.hosts["aes1"].machine
    task = {"name": "Back up", "lockstep.backup.backup_command": OPTIONS}
    playbook = write_playbook(lab.root, [task])
    with Run(lab, when(AFTER, "Win32_Process.Create", "command-full"), playbook) as killed:
        killed.wait()
    wait_until(lambda: bool(machine.processes.named("ping.exe")), "the job works on without its run")
    with pytest.raises(LockstepError) as caught:
        run_feature(lab, FEATURE, owner=STRANGER, **OPTIONS)
    assert caught.value.slug == "run_in_progress"
    site(lab, f'echo began >>"{FOLDER}\\began.txt"', WRITES_LOG)
    run = run_playbook(lab, playbook, "--limit", "aes1")
    assert run.exit_code == 0, run.output
    assert run.result("Back up")["counts"]["files"] == 7
    assert not machine.processes.named("ping.exe")
    assert machine.files.read(f"{FOLDER}\\began.txt").count(b"began") == 2


def test_check_mode_of_a_playbook_shows_the_plan_and_a_posix_host_runs_the_module_itself(lab: Lab) -> None:
    site(lab, WRITES_LOG)
    task = {"name": "Back up", "lockstep.backup.backup_command": OPTIONS}
    run = run_playbook(lab, write_playbook(lab.root, [task]), "--check")
    assert [step["step"] for step in run.result("Back up")["plan"]][-1] == "remove_job"
    assert not lab.hosts["aes1"].machine.files.exists(LOG)
    here = {"name": "own", "argv": ["echo", "done"], "log_format": "patterns", "success_patterns": ["^done$"]}
    here_task = {"name": "Here", "lockstep.backup.backup_command": {**here, "state_folder": str(lab.root / "state")}}
    playbook = write_playbook(lab.root, [here_task], hosts="localhost", connection="local")
    run = run_playbook(lab, playbook)
    assert run.exit_code == 0, run.output
    assert run.result("Here", "localhost")["grade"] == "hot"
    assert run.result("Here", "localhost")["log"]["tail"] == "done"
