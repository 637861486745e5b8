# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Batch files on the simulated machine: those that Lockstep leaves on a host, and how Windows would read them."""

from __future__ import annotations

import typing as t

from ansible_collections.lockstep.backup.plugins.plugin_utils.windows import batch
from tests.lab.windows.machine import Machine
from tests.unit.lab_windows.conftest import Runner


def test_a_jobs_script_leaves_its_output_and_exit_code_in_files(run: Runner, machine: Machine) -> None:
    machine.files.make_folder(r"C:\job 1")
    script = batch.job_script(r"C:\job 1", ["certutil.exe", "-hashfile", r"C:\gone"], r"C:\Windows", {"A": "50%"}, False)
    run.batch(*script.splitlines(), path=r"C:\job 1\run.cmd")
    assert [name for name in machine.files.names(r"C:\job 1") if name.startswith("exit.")] == ["exit.-2147024894"]
    assert b"ERROR_FILE_NOT_FOUND" in machine.files.read(r"C:\job 1\stdout.log")


def test_a_leases_script_runs_every_command_and_logs_it(run: Runner, machine: Machine) -> None:
    script = batch.timer_script([["net.exe", "start", "nothing"], ["hostname.exe"]], r"C:\log", r"C:\fired")
    run.batch(*script.splitlines())
    log = machine.files.read(r"C:\log").decode()
    assert machine.files.exists(r"C:\fired")
    assert "The service name is invalid." in log
    assert log.count("exit code ") == 2
    assert log.index("exit code 2") < log.index("WIN1") < log.index("exit code 0")


def test_variables_are_expanded_as_in_batch_files(run: Runner) -> None:
    ended = run.batch("@echo off", 'set "A=x y"', "echo [%A%][%B%][100%%][%0]", "cd nowhere 2>nul", "echo %ERRORLEVEL%")
    assert ended.out == "[x y][][100%][C:\\test.cmd]\r\n1\r\n"


def test_setlocal_ends_with_the_file(run: Runner, machine: Machine) -> None:
    machine.files.write(r"C:\inner.cmd", b"@setlocal\r\n@set X=inner\r\n@cd /d C:\\Windows\r\n@exit /b 3\r\n")
    ended = run.batch("@echo off", "set X=outer", "call C:\\inner.cmd", "echo %ERRORLEVEL% %X% %CD%")
    assert ended.out == "3 outer C:\\\r\n"


def test_calling_a_batch_file_without_call_never_comes_back(run: Runner, machine: Machine) -> None:
    machine.files.write(r"C:\inner.cmd", b"@echo inner\r\n")
    assert run.batch("@echo off", "C:\\inner.cmd", "echo never").out == "inner\r\n"


def test_lines_are_read_in_the_code_page_of_that_moment(run: Runner, machine: Machine) -> None:
    run.batch("@echo off", 'type nul > "C:\\a-ä"', "chcp 65001 >nul", 'type nul > "C:\\b-ä"')
    names = machine.files.names("C:\\")
    assert "b-ä" in names
    assert "a-ä" not in names


def test_a_byte_order_mark_spoils_the_first_command(run: Runner, take_unknown: t.Callable[[], list[str]]) -> None:
    ended = run.batch("\ufeff@echo off", "echo x")
    assert "is not recognized" in ended.err
    assert take_unknown() != []


def test_without_echo_off_the_commands_are_printed(run: Runner) -> None:
    assert run.batch("echo x").out == "\r\nC:\\>echo x\r\nx\r\n"


def test_waiting_with_ping_takes_the_machines_time(run: Runner, machine: Machine) -> None:
    machine.clock.freeze()
    before = machine.clock.elapsed()
    assert run.batch("@ping -n 1 127.0.0.1 >nul").code == 0
    assert machine.clock.elapsed() == before


def test_timeout_refuses_as_it_does_without_a_keyboard(run: Runner) -> None:
    assert run("timeout.exe /t 5").code == 1


def test_start_does_not_wait(run: Runner, machine: Machine) -> None:
    machine.clock.freeze()
    assert run.batch("@echo off", 'start "" ping.exe -n 10 127.0.0.1', "echo on we go").out == "on we go\r\n"
    (started,) = machine.processes.named("PING.EXE")
    machine.processes.kill(started)
