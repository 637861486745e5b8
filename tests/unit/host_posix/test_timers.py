# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Timers: waiting processes for real, systemd's by what is said to it."""

from __future__ import annotations

import datetime
import os
import pathlib
import subprocess
import typing as t

import pytest

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.host.base import Completed
from ansible_collections.lockstep.backup.plugins.module_utils.host.posix import PosixHost
from ansible_collections.lockstep.backup.plugins.module_utils.host.posix_timers import SystemdTimers
from tests.unit.host_posix.real import eventually


@pytest.fixture
def host(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> t.Iterator[PosixHost]:
    made = PosixHost(str(tmp_path / "state"))
    monkeypatch.setattr(made, "_systemd", False)
    yield made
    # A failed test leaves no timer behind.
    for name in ("lease-job", "lease-job2"):
        made.disarm_timer(name)


def at(host: PosixHost, seconds: float) -> datetime.datetime:
    return host.now() + datetime.timedelta(seconds=seconds)


def lease(host: PosixHost, folder: pathlib.Path, *commands: t.Sequence[str]) -> str:
    folder.mkdir(exist_ok=True)
    script = folder / "resume.sh"
    script.write_text(host.timer_script(commands, str(folder / "log"), str(folder / "marker")))
    return str(script)


def waiting_processes(host: PosixHost) -> str:
    listing = subprocess.run(["ps", "-axww", "-o", "args="], capture_output=True, text=True, check=True).stdout
    return "\n".join(line for line in listing.splitlines() if host.state_folder in line)


def test_a_timer_fires_once_at_its_time_and_is_gone(host: PosixHost, tmp_path: pathlib.Path) -> None:
    count = tmp_path / "count"
    script = lease(host, tmp_path / "lease", ["sh", "-c", f"echo fired >>{count}"])
    due = at(host, 2)
    host.arm_timer("lease-job", due, script)
    assert host.timer_armed("lease-job")
    eventually(count.exists)
    assert host.now() >= due
    eventually(lambda: not os.listdir(tmp_path / "state/timers"))
    assert not host.timer_armed("lease-job")
    assert count.read_text() == "fired\n"


def test_a_time_that_has_passed_fires_at_once(host: PosixHost, tmp_path: pathlib.Path) -> None:
    host.arm_timer("lease-job", at(host, -3600), lease(host, tmp_path / "lease"))
    eventually((tmp_path / "lease/marker").exists)


def test_disarming_ends_the_waiting_process_and_nothing_fires(host: PosixHost, tmp_path: pathlib.Path) -> None:
    host.arm_timer("lease-job", at(host, 3600), lease(host, tmp_path / "lease"))
    host.arm_timer("lease-job2", at(host, 3600), lease(host, tmp_path / "lease"))
    host.disarm_timer("lease-job")
    assert not host.timer_armed("lease-job")
    assert host.timer_armed("lease-job2")
    host.disarm_timer("lease-job2")
    host.disarm_timer("lease-job2")
    eventually(lambda: not waiting_processes(host))
    assert os.listdir(tmp_path / "state/timers") == []
    assert not (tmp_path / "lease/marker").exists()


def test_arming_again_replaces_the_timer_of_that_name(host: PosixHost, tmp_path: pathlib.Path) -> None:
    host.arm_timer("lease-job", at(host, 3600), lease(host, tmp_path / "old"))
    host.arm_timer("lease-job", at(host, 0), lease(host, tmp_path / "new"))
    eventually((tmp_path / "new/marker").exists)
    eventually(lambda: not waiting_processes(host))
    assert not (tmp_path / "old/marker").exists()


def test_the_timer_of_an_earlier_start_of_the_machine_is_not_armed_and_its_number_is_nobodys(
    host: PosixHost, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hit: list[int] = []
    monkeypatch.setattr(os, "killpg", lambda group, number: hit.append(group))
    timers = tmp_path / "state/timers"
    timers.mkdir(parents=True)
    with subprocess.Popen(["sleep", "1000"], start_new_session=True) as stranger:
        (timers / "lease-job:0badcafe.armed").write_text(f"{stranger.pid}\n")
        assert not host.timer_armed("lease-job")
        host.disarm_timer("lease-job")
        stranger.kill()
    assert hit == []
    assert os.listdir(timers) == []


def test_what_fires_after_it_was_given_up_does_nothing(host: PosixHost, tmp_path: pathlib.Path) -> None:
    """The timer's file is taken away although its process cannot be ended: it still must not fire."""
    host.arm_timer("lease-job", at(host, 3), lease(host, tmp_path / "lease"))
    (armed,) = (tmp_path / "state/timers").iterdir()
    armed.rename(tmp_path / "taken")
    eventually(lambda: not waiting_processes(host))
    assert not (tmp_path / "lease/marker").exists()


def test_the_script_marks_first_goes_on_after_failures_and_logs_what_it_did(host: PosixHost, tmp_path: pathlib.Path) -> None:
    folder = tmp_path / "it's a lease"
    seen = tmp_path / "seen"
    script = lease(
        host,
        folder,
        ["sh", "-c", f'ls "$1" >{seen}', "sh", str(folder)],
        ["nosuchprogram"],
        ["sh", "-c", "exit 3"],
        ["printf", "%s|", "a b", "$HOME", "'", "`id`"],
    )
    subprocess.run(["sh", script], check=True, stdin=subprocess.DEVNULL)
    assert "marker" in seen.read_text()
    log = (folder / "log").read_text()
    assert "lease fired" in log
    assert [line.split()[-1] for line in log.splitlines() if "exit code" in line] == ["0", "127", "3", "0"]
    assert "a b|$HOME|'|`id`|" in log


def test_the_script_starts_its_units_even_if_it_can_log_nothing(host: PosixHost, tmp_path: pathlib.Path) -> None:
    script = tmp_path / "resume.sh"
    nosuch = tmp_path / "nosuch"
    commands = [["touch", str(tmp_path / "started")]]
    script.write_text(host.timer_script(commands, str(nosuch / "log"), str(nosuch / "marker")))
    subprocess.run(["sh", str(script)], check=False, stderr=subprocess.DEVNULL)
    assert (tmp_path / "started").exists()


class Manager(PosixHost):
    """Answers for systemctl and systemd-run, and keeps what was asked."""

    def __init__(self, listing: str = "", exit_code: int = 0) -> None:
        super().__init__()
        self.listing, self.exit_code = listing, exit_code
        self.asked: list[list[str]] = []

    def run(self, argv: t.Sequence[str], stdin: str | None = None, timeout: float = 60.0) -> Completed:
        self.asked.append(list(argv))
        return Completed(tuple(argv), self.exit_code, self.listing if "list-units" in argv else "", "no right")


WHEN = datetime.datetime(2026, 11, 21, 4, 13, tzinfo=datetime.timezone(datetime.timedelta(hours=1)))


def test_systemd_gets_the_new_timer_before_the_old_one_is_stopped() -> None:
    manager = Manager("lockstep-lease-job:0badcafe.timer loaded active waiting Lockstep\n")
    SystemdTimers(manager).arm("lease-job", WHEN, "/var/lib/lockstep/quiesce/job/resume.sh")
    assert [argv[0] for argv in manager.asked] == ["systemctl", "systemd-run", "systemctl"]
    run = manager.asked[1]
    assert run[1].startswith("--unit=lockstep-lease-job:")
    assert run[1] != "--unit=lockstep-lease-job:0badcafe"
    assert "--on-calendar=2026-11-21 03:13:00 UTC" in run
    assert run[-2:] == ["/bin/sh", "/var/lib/lockstep/quiesce/job/resume.sh"]
    assert manager.asked[2] == ["systemctl", "stop", "--", "lockstep-lease-job:0badcafe.timer"]


def test_systemd_timers_are_listed_by_their_own_name_only_and_stopped() -> None:
    manager = Manager("lockstep-lease-job:0badcafe.timer loaded active waiting Lockstep\n")
    timers = SystemdTimers(manager)
    assert timers.armed("lease-job")
    assert manager.asked[0][-1] == "lockstep-lease-job:*.timer"
    timers.disarm("lease-job")
    assert manager.asked[-1] == ["systemctl", "stop", "--", "lockstep-lease-job:0badcafe.timer"]
    assert not SystemdTimers(Manager()).armed("lease-job")


def test_without_a_timer_nothing_is_stopped() -> None:
    manager = Manager()
    SystemdTimers(manager).disarm("lease-job")
    assert [argv[1] for argv in manager.asked] == ["list-units"]


def test_a_refusal_of_systemd_is_an_error() -> None:
    with pytest.raises(LockstepError) as caught:
        SystemdTimers(Manager(exit_code=1)).arm("lease-job", WHEN, "/x")
    assert caught.value.slug == "lease_refused"
    assert "no right" in caught.value.message
