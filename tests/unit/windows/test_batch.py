# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The batch files and the task definition that are left on a Windows host."""

from __future__ import annotations

import datetime
import xml.etree.ElementTree as ET

import pytest

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.plugin_utils.windows.batch import (
    job_script,
    session_task_xml,
    task_xml,
    timer_script,
)

FOLDER = "C:\\ProgramData\\Lockstep\\jobs\\one"
TASK = "{http://schemas.microsoft.com/windows/2004/02/mit/task}"


def test_a_job_leaves_its_exit_code_as_the_name_of_a_file() -> None:
    lines = job_script(FOLDER, ["C:\\tools\\exp.exe", "parfile=C:\\p.par"], None, {}, discard_output=False).splitlines()
    assert lines[-2] == (f'"C:\\tools\\exp.exe" parfile=C:\\p.par >"{FOLDER}\\stdout.log" 2>"{FOLDER}\\stderr.log" <nul')
    assert lines[-1] == f'type nul >"{FOLDER}\\exit.%ERRORLEVEL%"'


def test_a_job_goes_to_its_folder_first_and_ends_when_it_cannot() -> None:
    lines = job_script(FOLDER, ["tool.exe"], "C:\\Program Files\\Tool", {}, discard_output=False).splitlines()
    assert f'cd /d "C:\\Program Files\\Tool" 2>"{FOLDER}\\stderr.log"' in lines
    assert lines[lines.index(f'cd /d "C:\\Program Files\\Tool" 2>"{FOLDER}\\stderr.log"') + 1].endswith("& exit /b 1")


def test_a_jobs_environment_is_taken_literally() -> None:
    script = job_script(FOLDER, ["tool.exe"], None, {"NLS_LANG": "AMERICAN_AMERICA.AL32UTF8", "ODD": "50% & more"}, False)
    assert 'set "NLS_LANG=AMERICAN_AMERICA.AL32UTF8"\n' in script
    assert 'set "ODD=50%% & more"\n' in script


def test_a_variable_that_a_batch_file_cannot_set_is_refused() -> None:
    with pytest.raises(LockstepError, match="cannot be set"):
        job_script(FOLDER, ["tool.exe"], None, {"BAD": 'quote"'}, discard_output=False)


def test_discarded_output_goes_nowhere() -> None:
    assert ">nul 2>" in job_script(FOLDER, ["tool.exe"], None, {}, discard_output=True)


def test_a_lease_marks_itself_first_and_starts_the_units_in_order() -> None:
    lines = timer_script(
        [["net.exe", "start", "B"], ["net.exe", "start", "A & C"]], "C:\\l\\lease.log", "C:\\l\\fired"
    ).splitlines()
    marker = lines.index('type nul >"C:\\l\\fired"')
    first = lines.index('"net.exe" start B >>"C:\\l\\lease.log" 2>&1 <nul')
    second = lines.index('"net.exe" start "A & C" >>"C:\\l\\lease.log" 2>&1 <nul')
    assert marker < first < second
    assert '>>"C:\\l\\lease.log" echo %DATE% %TIME% net.exe start A ^& C' in lines


def test_the_leases_task_runs_once_as_system_and_also_when_its_time_was_missed() -> None:
    at = datetime.datetime(2026, 11, 21, 4, 13, tzinfo=datetime.timezone(datetime.timedelta(hours=1)))
    task = ET.fromstring(task_xml("C:\\Lockstep & co\\lease ü.cmd", at))
    assert task.findtext(f".//{TASK}StartBoundary") == "2026-11-21T03:13:00Z"
    assert task.findtext(f".//{TASK}UserId") == "S-1-5-18"
    assert task.findtext(f".//{TASK}StartWhenAvailable") == "true"
    assert task.findtext(f".//{TASK}Arguments") == '/d /c ""C:\\Lockstep & co\\lease ü.cmd""'


def test_a_session_task_runs_its_actions_as_the_user_who_is_logged_on_and_at_no_time_of_its_own() -> None:
    text = session_task_xml("DOM\\Jürg & Co", [["a b.exe", "c d", "&e"], ["yes.exe"]], "C:\\x & y", enabled=False, endless=True)
    assert text.isascii()
    task = ET.fromstring(text)
    assert task.find(f"{TASK}Triggers") is None
    assert task.findtext(f".//{TASK}UserId") == "DOM\\Jürg & Co"
    assert task.findtext(f".//{TASK}LogonType") == "InteractiveToken"
    assert task.findtext(f".//{TASK}Enabled") == "false"
    assert task.findtext(f".//{TASK}DisallowStartIfOnBatteries") == "false"
    # Without a limit: Windows' own default would end the program after three days.
    assert task.findtext(f".//{TASK}ExecutionTimeLimit") == "PT0S"
    actions = [tuple(action.findtext(f"{TASK}{part}") for part in ("Command", "Arguments")) for action in task.iter(f"{TASK}Exec")]
    assert actions == [("a b.exe", '"c d" "&e"'), ("yes.exe", "")]
    assert task.findtext(f".//{TASK}WorkingDirectory") == "C:\\x & y"


def test_a_session_task_that_only_closes_something_is_ended_in_time() -> None:
    task = ET.fromstring(session_task_xml("u", [["taskkill.exe", "/PID", "1"]], None, enabled=True, endless=False))
    assert task.findtext(f".//{TASK}ExecutionTimeLimit") == "PT1H"
    assert task.find(f".//{TASK}WorkingDirectory") is None


def test_the_leases_task_is_plain_ascii_whatever_the_path() -> None:
    at = datetime.datetime(2026, 11, 21, tzinfo=datetime.UTC)
    assert task_xml("C:\\ü.cmd", at).isascii()
