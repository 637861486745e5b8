# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Detached jobs and programs, with real processes."""

from __future__ import annotations

import json
import os
import pathlib
import signal
import subprocess
import sys

import pytest

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.host import base, posix_detached
from ansible_collections.lockstep.backup.plugins.module_utils.host.posix import PosixHost
from tests.unit.host_posix.real import ended, eventually, script


@pytest.fixture
def host(tmp_path: pathlib.Path) -> PosixHost:
    return PosixHost(str(tmp_path / "state"))


ARGV = ["", " ", "a b", "$HOME", "`id`", "'", '"', "\\", "*", "-n", "é\n2", ";exit 7", "%s", "--"]


def test_every_argument_reaches_program_and_job_as_it_is(host: PosixHost, tmp_path: pathlib.Path) -> None:
    show = [sys.executable, "-c", "import sys, json; print(json.dumps(sys.argv[1:]))", *ARGV]
    done = host.run(show)
    host.start_job(str(tmp_path / "job"), show)
    assert ended(host, tmp_path / "job") == base.JobStatus(base.JOB_EXITED, 0, host.job_status(str(tmp_path / "job")).pid)
    assert done.stdout == (tmp_path / "job/stdout.log").read_text()
    assert json.loads(done.stdout) == ARGV


def test_run_returns_any_exit_code_with_both_outputs(host: PosixHost) -> None:
    done = host.run(["sh", "-c", "cat; echo err >&2; exit 3"], stdin="in\n")
    assert (done.exit_code, done.stdout, done.stderr) == (3, "in\n", "err\n")


def test_run_reads_nothing_from_this_process(host: PosixHost) -> None:
    assert host.run(["cat"]).stdout == ""


def test_a_missing_program_is_an_error_for_run_and_job(host: PosixHost, tmp_path: pathlib.Path) -> None:
    plain = tmp_path / "plain"
    plain.write_text("no program")
    for program in ("nosuchprogram", str(tmp_path / "nosuch"), str(plain)):
        with pytest.raises(LockstepError) as caught:
            host.run([program])
        assert caught.value.slug == "tool_missing"
        with pytest.raises(LockstepError) as caught:
            host.start_job(str(tmp_path / "job"), [program])
        assert caught.value.slug == "tool_missing"
    assert not (tmp_path / "job").exists()


def test_a_program_that_takes_too_long_is_ended_with_its_children(host: PosixHost, tmp_path: pathlib.Path) -> None:
    pid_file = tmp_path / "pid"
    with pytest.raises(LockstepError) as caught:
        host.run(["sh", "-c", f"sleep 1000 & echo $! >{pid_file}; wait"], timeout=0.5)
    assert caught.value.slug == "command_timeout"
    assert not pid_file.exists() or is_gone(int(pid_file.read_text()))


def is_gone(pid: int) -> bool:
    eventually(lambda: not os.path.exists(f"/proc/{pid}") or " Z " in pathlib.Path(f"/proc/{pid}/stat").read_text())
    return True


def test_a_program_that_leaves_something_running_does_not_keep_run_waiting(host: PosixHost, tmp_path: pathlib.Path) -> None:
    pid_file = tmp_path / "pid"
    done = host.run(["sh", "-c", f"sleep 1000 & echo $! >{pid_file}; echo started"], timeout=30)
    assert done.stdout == "started\n"
    os.kill(int(pid_file.read_text()), signal.SIGKILL)


def test_a_job_runs_in_its_folder_with_its_environment_and_both_outputs(host: PosixHost, tmp_path: pathlib.Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    host.start_job(str(tmp_path / "job"), ["sh", "-c", "pwd; echo $WORD; echo err >&2; exit 5"], str(work), {"WORD": "x y"})
    assert ended(host, tmp_path / "job").exit_code == 5
    assert host.job_output(str(tmp_path / "job")) == f"{work}\nx y\nerr"
    assert host.job_output(str(tmp_path / "job"), lines=1) == "err"


def test_output_can_be_discarded_but_errors_are_kept(host: PosixHost, tmp_path: pathlib.Path) -> None:
    host.start_job(str(tmp_path / "job"), ["sh", "-c", "echo out; echo err >&2"], discard_output=True)
    ended(host, tmp_path / "job")
    assert host.job_output(str(tmp_path / "job")) == "err"


def test_the_environment_of_a_job_is_in_no_file_and_no_command_line(host: PosixHost, tmp_path: pathlib.Path) -> None:
    host.start_job(str(tmp_path / "job"), ["sleep", "1000"], env={"PASSWORD": "s3cret-value"})
    eventually(lambda: host.job_status(str(tmp_path / "job")).pid is not None)
    files = b"".join(path.read_bytes() for path in (tmp_path / "job").iterdir())
    lines = subprocess.run(["ps", "-axww", "-o", "args="], capture_output=True, check=True).stdout
    host.stop_job(str(tmp_path / "job"))
    assert b"s3cret-value" not in files
    assert b"s3cret-value" not in lines


def test_a_shells_own_words_are_programs_or_missing(host: PosixHost, tmp_path: pathlib.Path) -> None:
    host.start_job(str(tmp_path / "job"), ["test", "a", "=", "b"])
    assert ended(host, tmp_path / "job").exit_code == 1
    with pytest.raises(LockstepError) as caught:
        host.start_job(str(tmp_path / "job2"), ["exit", "3"])
    assert caught.value.slug == "tool_missing"


def test_a_folder_has_one_job(host: PosixHost, tmp_path: pathlib.Path) -> None:
    assert host.job_status(str(tmp_path / "job")).state == base.JOB_ABSENT
    host.start_job(str(tmp_path / "job"), ["echo", "first"])
    ended(host, tmp_path / "job")
    with pytest.raises(LockstepError) as caught:
        host.start_job(str(tmp_path / "job"), ["echo", "second"])
    assert caught.value.slug == "job_exists"
    assert host.job_output(str(tmp_path / "job")) == "first"


def test_a_missing_working_folder_is_an_error_before_the_job(host: PosixHost, tmp_path: pathlib.Path) -> None:
    with pytest.raises(LockstepError) as caught:
        host.start_job(str(tmp_path / "job"), ["echo"], cwd=str(tmp_path / "nosuch"))
    assert caught.value.slug == "path_missing"
    assert host.job_status(str(tmp_path / "job")).state == base.JOB_ABSENT


def test_a_job_outlives_the_process_that_started_it(host: PosixHost, tmp_path: pathlib.Path) -> None:
    gate = tmp_path / "gate"
    start = (
        "import sys\n"
        "from ansible_collections.lockstep.backup.plugins.module_utils.host.posix import PosixHost\n"
        "wait = 'while [ ! -e \"$1\" ]; do sleep 0.02; done; exit 6'\n"
        "PosixHost().start_job(sys.argv[1], ['sh', '-c', wait, 'sh', sys.argv[2]])\n"
    )
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path))
    subprocess.run([sys.executable, "-c", start, str(tmp_path / "job"), str(gate)], check=True, env=environment)
    assert host.job_status(str(tmp_path / "job")).state == base.JOB_RUNNING
    gate.touch()
    assert ended(host, tmp_path / "job").exit_code == 6


def test_stopping_a_job_ends_its_whole_tree_and_it_is_lost(
    host: PosixHost, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(posix_detached, "_PATIENCE", 0.5)
    pids = tmp_path / "pids"
    stubborn = script(
        tmp_path, "stubborn", f'#!/bin/sh\ntrap "" TERM\nsleep 1000 &\necho $$ $! >{pids}.tmp\nmv {pids}.tmp {pids}\nwait\nwait\n'
    )
    host.start_job(str(tmp_path / "job"), [stubborn])
    eventually(pids.exists)
    host.stop_job(str(tmp_path / "job"))
    assert all(is_gone(int(pid)) for pid in pids.read_text().split())
    assert host.job_status(str(tmp_path / "job")).state == base.JOB_LOST
    host.stop_job(str(tmp_path / "job"))


def test_a_killed_job_is_lost_and_not_taken_for_a_running_or_ended_one(host: PosixHost, tmp_path: pathlib.Path) -> None:
    host.start_job(str(tmp_path / "job"), ["sleep", "1000"])
    group = host.job_status(str(tmp_path / "job")).pid
    assert group is not None
    os.killpg(group, signal.SIGKILL)
    status = ended(host, tmp_path / "job")
    assert (status.state, status.exit_code) == (base.JOB_LOST, None)


def test_what_a_job_left_running_counts_as_the_job_until_an_exit_code_is_there(host: PosixHost, tmp_path: pathlib.Path) -> None:
    pid_file = tmp_path / "pid"
    host.start_job(str(tmp_path / "job"), ["sh", "-c", f"sleep 1000 & echo $! >{pid_file}; exit 4"])
    assert ended(host, tmp_path / "job").exit_code == 4
    os.kill(int(pid_file.read_text()), signal.SIGKILL)


def test_stopping_never_hits_a_process_group_that_was_numbered_anew(
    host: PosixHost, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job of an earlier start of the machine: its files are there, and its number now belongs to somebody else."""
    host.start_job(str(tmp_path / "job"), ["sleep", "1000"])
    host.stop_job(str(tmp_path / "job"))
    hit: list[int] = []
    monkeypatch.setattr(os, "killpg", lambda group, number: hit.append(group))
    with subprocess.Popen(["sleep", "1000"], start_new_session=True) as stranger:
        (tmp_path / "job/group").write_text(f"{stranger.pid}\n")
        host.stop_job(str(tmp_path / "job"))
        stranger.kill()
    assert hit == []


def test_a_job_that_cannot_write_down_its_process_group_is_not_started(host: PosixHost, tmp_path: pathlib.Path) -> None:
    (tmp_path / "job/group.tmp").mkdir(parents=True)
    with pytest.raises(LockstepError) as caught:
        host.start_job(str(tmp_path / "job"), ["touch", str(tmp_path / "ran")])
    assert caught.value.slug == "job_refused"
    assert not (tmp_path / "ran").exists()
