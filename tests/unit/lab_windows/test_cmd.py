# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulated cmd.exe: single lines."""

from __future__ import annotations

import typing as t

import pytest

from tests.lab.windows.cmd.effects import is_mutating
from tests.lab.windows.machine import Machine
from tests.unit.lab_windows.conftest import Runner


@pytest.mark.parametrize(
    ("line", "out", "code"),
    [
        ("echo a b", "a b\r\n", 0),
        ("echo a&echo b", "a\r\nb\r\n", 0),
        ("exit /b 7", "", 7),
        ("cd nowhere && echo no || echo yes", "yes\r\n", 1),
        ("cd C:\\Windows && echo yes|| echo no", "yes\r\n", 0),
        ("cd nowhere & echo next", "next\r\n", 1),
        ('echo "a & b"', '"a & b"\r\n', 0),
        ("echo a^&b", "a&b\r\n", 0),
        ("(echo a&echo b)&&echo c", "a\r\nb\r\nc\r\n", 0),
        ("if exist C:\\Windows (echo yes) else (echo no)", "yes\r\n", 0),
        ("if exist C:\\Windows\\nothing (echo yes) else (echo no)", "no\r\n", 0),
        ("if not exist C:\\Windows\\ (echo yes) else echo no", "no\r\n", 0),
        ("if exist C:\\Windows\\System32\\cmd.exe\\ (echo folder) else echo file", "file\r\n", 0),
        ("if 1==2 echo a & echo b", "", 0),
        ("if /i ABC==abc echo same", "same\r\n", 0),
        ("if 10 gtr 9 echo number", "number\r\n", 0),
        ("for %f in (a b) do @echo %f", "a\r\nb\r\n", 0),
        ('for %f in ("C:\\a (b)\\c d") do @echo %~nxf', "c d\r\n", 0),
        ("echo %undefined% %COMPUTERNAME%", "%undefined% WIN1\r\n", 0),
        ("cd nowhere || whoami.exe", "win1\\administrator\r\n", 0),
        ("type nul", "", 0),
        ("chcp 65001 >nul & echo ä", "ä\r\n", 0),
    ],
)
def test_a_line_prints_and_exits_as_in_windows(run: Runner, line: str, out: str, code: int) -> None:
    ended = run.cmd(line)
    assert (ended.out, ended.code) == (out, code)


def test_standard_input_reaches_a_file_and_comes_back(run: Runner) -> None:
    assert run.cmd(r'mkdir "C:\a (b) & c" && findstr "^" > "C:\a (b) & c\x y.txt"', "häl%lo\nzwei\n".encode()).code == 0
    assert run.cmd(r'type "C:\A (B) & C\X Y.TXT"').out == "häl%lo\r\nzwei\r\n"


def test_findstr_ends_every_line_and_drops_lines_that_are_too_long(run: Runner) -> None:
    ended = run.cmd(r'findstr "^"', b"x" * 8192 + b"\nrest")
    assert ended.out == "rest\r\n"
    assert "Line 1 is too long" in ended.err


def test_a_lone_digit_before_a_redirection_is_a_handle(run: Runner, machine: Machine) -> None:
    assert run.cmd(r'echo 5>"C:\five"').out == "ECHO is on.\r\n"
    assert machine.files.read(r"C:\five") == b""
    run.cmd(r'echo 15>"C:\fifteen"&>"C:\right" echo 5')
    assert machine.files.read(r"C:\fifteen") == b"15\r\n"
    assert machine.files.read(r"C:\right") == b"5\r\n"


def test_redirections_go_where_they_say(run: Runner, machine: Machine) -> None:
    run.cmd(r'(type C:\nothing & echo out) >"C:\o" 2>"C:\e" & (type C:\nothing & echo out) >>"C:\o" 2>&1')
    assert machine.files.read(r"C:\e") == b"The system cannot find the file specified.\r\n"
    assert machine.files.read(r"C:\o") == b"out\r\nThe system cannot find the file specified.\r\nout\r\n"
    assert run.cmd(r'findstr "^" <"C:\e"').out.startswith("The system")


def test_a_redirection_that_cannot_be_opened_keeps_the_command_from_running(run: Runner, machine: Machine) -> None:
    ended = run.cmd(r'mkdir C:\made >"C:\no such folder\x" || echo failed')
    assert (ended.out, ended.err) == ("failed\r\n", "The system cannot find the path specified.\r\n")
    assert not machine.files.exists(r"C:\made")


def test_mkdir_makes_parents_and_refuses_what_is_there(run: Runner, machine: Machine) -> None:
    assert run.cmd(r'mkdir "C:\a\b\c"').code == 0
    assert machine.files.is_dir(r"C:\A\B\C")
    again = run.cmd(r'mkdir "C:\a\b"')
    assert (again.code, again.err) == (1, "A subdirectory or file C:\\a\\b already exists.\r\n")


def test_move_replaces_files_only_with_y_and_moves_into_folders(run: Runner, machine: Machine) -> None:
    for name in ("one", "two"):
        machine.files.write(f"C:\\{name}", name.encode())
    assert run.cmd(r'move "C:\one" "C:\two"').code == 1
    assert run.cmd(r'move /y "C:\one" "C:\two"').code == 0
    assert machine.files.read(r"C:\two") == b"one"
    machine.files.make_folder(r"C:\folder")
    assert run.cmd(r'move "C:\two" "C:\folder"').code == 0
    assert machine.files.read(r"C:\folder\two") == b"one"


def test_deleting_reports_what_is_missing_as_windows_does(run: Runner, machine: Machine) -> None:
    assert run.cmd(r'del /f /q "C:\nothing"').code == 0
    missing = run.cmd(r'rmdir /s /q "C:\nothing"')
    assert (missing.code, missing.err) == (0, "The system cannot find the file specified.\r\n")
    assert run.cmd(r'rmdir /s /q "C:\nothing" && echo went on').out == ""
    machine.files.make_folder(r"C:\f\g")
    assert run.cmd(r'rmdir "C:\f" || whoami >nul').code == 0
    assert run.cmd(r'rmdir "C:\f" || rem').code == 145
    assert run.cmd(r'rmdir /s /q "C:\f"').code == 0
    assert not machine.files.exists(r"C:\f")


def test_sizes_below_a_folder_are_listed_file_by_file(run: Runner, machine: Machine) -> None:
    machine.files.make_folder(r"C:\t\u")
    machine.files.write(r"C:\t\a", b"12345")
    machine.files.write(r"C:\t\u\b", b"123")
    assert run.cmd(r'for /r "C:\t" %f in (*) do @echo %~zf').out == "5\r\n3\r\n"
    assert run.cmd(r'for /r "C:\missing" %f in (*) do @echo %~zf').out == ""


def test_a_missing_program_ends_with_9009_and_one_that_the_lab_lacks_is_recorded(
    run: Runner, take_unknown: t.Callable[[], list[str]]
) -> None:
    assert run.cmd(r'"C:\Windows\nothing.exe"').code == 9009
    assert run.cmd(r'"C:\nowhere\nothing.exe"').err == "The system cannot find the path specified.\r\n"
    assert take_unknown() == []
    assert run.cmd("robocopy a b").code == 9009
    assert take_unknown() == ["program: robocopy a b"]


@pytest.mark.parametrize(
    "line",
    ["dir C:\\", "echo a | findstr a", "for /f %i in (x) do echo %i", "set /a 1+1", "goto end", "if cmdextversion 1 echo x"],
)
def test_what_the_interpreter_does_not_know_fails_loudly(run: Runner, take_unknown: t.Callable[[], list[str]], line: str) -> None:
    assert run.cmd(line).code != 0
    assert len(take_unknown()) == 1


@pytest.mark.parametrize(
    ("line", "mutating"),
    [
        (r'cmd.exe /d /s /c "type "C:\x""', False),
        (r'cmd.exe /d /s /c "type nul > "C:\x""', True),
        (r'cmd.exe /d /s /c "if exist C:\x (rmdir /s /q C:\x)"', True),
        (r'cmd.exe /d /s /c "for /r "C:\x" %f in (*) do @echo %~zf"', False),
        (r'cmd.exe /d /s /c "tar.exe -xOf C:\x >nul"', False),
        ("whoami.exe /user", False),
        ("certutil.exe -hashfile C:\\x SHA256", False),
        (r"C:\Windows\System32\inetsrv\appcmd.exe list apppool /xml", False),
        (r"C:\Windows\System32\inetsrv\appcmd.exe stop apppool /apppool.name:X", True),
        ("schtasks.exe /query /tn x /xml ONE", False),
        ("schtasks.exe /delete /tn x /f", True),
        ("net start W3SVC", True),
        ("sc.exe queryex W3SVC", False),
        ("something-else.exe", True),
    ],
)
def test_the_log_of_requests_knows_which_commands_change_something(machine: Machine, line: str, mutating: bool) -> None:
    assert is_mutating(machine, line) is mutating
