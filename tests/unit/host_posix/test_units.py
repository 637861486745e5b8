# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Units of POSIX: processes and commands for real, systemd's and launchd's by what is said to them and what they answer."""

from __future__ import annotations

import os
import pathlib
import signal
import subprocess
import sys
import typing as t

import pytest

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.host import base
from ansible_collections.lockstep.backup.plugins.module_utils.host.base import Completed
from ansible_collections.lockstep.backup.plugins.module_utils.host.posix import PosixHost
from ansible_collections.lockstep.backup.plugins.module_utils.host.posix_processes import Process
from ansible_collections.lockstep.backup.plugins.module_utils.host.posix_units import LaunchdServices, SystemdUnits
from tests.unit.host_posix.real import eventually, program, script, unique

SLEEPER, STUBBORN, LEASED, NONE, ZOMBIE = (
    unique(f"lockstep-test-{word}") for word in ("sleeper", "stubborn", "leased", "none", "zombie")
)


@pytest.fixture
def host(tmp_path: pathlib.Path) -> PosixHost:
    return PosixHost(str(tmp_path / "state"))


def test_a_process_unit_is_started_found_stopped_and_never_absent(host: PosixHost, tmp_path: pathlib.Path) -> None:
    path = program(tmp_path, SLEEPER)
    unit = host.unit_driver("process", {"start": {"argv": [path, "1000"], "cwd": str(tmp_path)}})
    assert unit.status(SLEEPER).state == base.STOPPED
    unit.start(SLEEPER)
    eventually(lambda: unit.status(SLEEPER).state == base.RUNNING)
    pid = unit.status(SLEEPER).pid
    assert pid is not None
    assert os.readlink(f"/proc/{pid}/cwd") == str(tmp_path)
    assert unit.status(path).pid == pid
    assert unit.status(f"{tmp_path}/elsewhere/{SLEEPER}").state == base.STOPPED
    assert [found.name for found in unit.find("LOCKSTEP-test-sl*", str(tmp_path))] == [path]
    assert unit.find("lockstep-test-*", str(tmp_path) + "/deeper") == []
    assert unit.dependents(path) == []
    unit.stop(SLEEPER, force=False)
    eventually(lambda: unit.status(SLEEPER).state == base.STOPPED)


def test_all_processes_of_a_program_are_stopped_and_a_stubborn_one_only_by_force(host: PosixHost, tmp_path: pathlib.Path) -> None:
    ready, never = tmp_path / "ready", tmp_path / "never"
    os.mkfifo(never)
    # It waits without a child of its own: until its exec, a child would be found as one more process of this program.
    path = script(tmp_path, STUBBORN, '#!/bin/sh\ntrap "" TERM\necho >>"$1"\nread -r line <"$2"\n')
    unit = host.unit_driver("process", {"start": {"argv": [path, str(ready), str(never)]}})
    unit.start(STUBBORN)
    unit.start(STUBBORN)
    eventually(lambda: ready.exists() and len(ready.read_text()) == 2)
    assert len(host.processes(STUBBORN)) == 2
    unit.stop(STUBBORN, force=False)
    assert unit.status(STUBBORN).state == base.RUNNING
    unit.stop(STUBBORN, force=True)
    eventually(lambda: unit.status(STUBBORN).state == base.STOPPED)


def test_the_start_command_of_a_process_comes_back_and_leaves_it_running(host: PosixHost, tmp_path: pathlib.Path) -> None:
    path = program(tmp_path, LEASED)
    unit = host.unit_driver("process", {"start": {"argv": [path, "1000"], "cwd": str(tmp_path)}})
    subprocess.run(unit.start_command(LEASED), check=True)
    eventually(lambda: host.processes(LEASED))
    unit.stop(LEASED, force=True)


def test_a_process_that_cannot_be_started_is_refused(host: PosixHost, tmp_path: pathlib.Path) -> None:
    definitions: list[dict[str, t.Any]] = [{}, {"start": {"argv": ["sleep", "1"], "cwd": str(tmp_path / "nosuch")}}]
    for definition in definitions:
        with pytest.raises(LockstepError) as caught:
            host.unit_driver("process", definition).start(NONE)
        assert caught.value.slug == "unit_refused"


def test_a_zombie_does_not_run(host: PosixHost, tmp_path: pathlib.Path) -> None:
    path = program(tmp_path, ZOMBIE)
    with subprocess.Popen([path, "1000"]) as child:
        eventually(lambda: host.processes(ZOMBIE) == [child.pid])
        child.send_signal(signal.SIGKILL)
        eventually(lambda: host.processes(ZOMBIE) == [])


@pytest.mark.parametrize(
    ("process", "name", "fits"),
    [
        (Process(1, "java", "/opt/jre/bin/java", ("/opt/jre/bin/java", "-jar")), "java", True),
        (Process(1, "java", "/opt/jre/bin/java", ("/opt/jre/bin/java",)), "/opt/jre/bin/java", True),
        (Process(1, "java", "/opt/jre/bin/java", ("/opt/jre/bin/java",)), "/usr/bin/java", False),
        (Process(1, "a-very-long-nam", None, ("/opt/a-very-long-name",)), "a-very-long-name", True),
        (Process(1, "a-very-long-nam", None, ("/opt/a-very-long-names",)), "a-very-long-name", False),
        (Process(1, "job.py", "/usr/bin/python3", ("python3", "/opt/job.py")), "job.py", True),
        (Process(1, "job.py", "/usr/bin/python3", ("python3", "/opt/job.py")), "/opt/job.py", True),
        (Process(1, "vi", "/usr/bin/vi", ("vi", "/opt/job.py")), "job.py", False),
        (Process(1, "kworker", None, ("",)), "java", False),
    ],
)
def test_a_process_is_known_by_its_programs_name_or_path_and_a_script_by_its_own(process: Process, name: str, fits: bool) -> None:
    assert process.is_program(name) is fits


def test_a_command_unit_is_what_its_commands_say(host: PosixHost, tmp_path: pathlib.Path) -> None:
    flag = tmp_path / "flag"
    unit = host.unit_driver(
        "command",
        {
            "start": {"argv": ["touch", str(flag)]},
            "stop": {"argv": ["rm", str(flag)]},
            "check": {"argv": ["sh", "-c", 'test -e "$1" || exit 3', "sh", str(flag)]},
        },
    )
    assert unit.status("flag").state == base.STOPPED
    unit.start("flag")
    assert unit.status("flag").state == base.RUNNING
    unit.stop("flag", force=False)
    assert unit.status("flag").state == base.STOPPED
    with pytest.raises(LockstepError) as caught:
        unit.stop("flag", force=False)
    assert caught.value.slug == "unit_refused"


@pytest.mark.parametrize("kind", ["app_pool", "site", "service", "scheduled_task"])
def test_kinds_that_this_machine_does_not_have_are_refused(host: PosixHost, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "_systemd", kind in ("app_pool", "site"))
    monkeypatch.setattr(sys, "platform", "sunos5")
    with pytest.raises(LockstepError) as caught:
        host.unit_driver(kind, {})
    assert caught.value.slug == "unit_kind_unsupported"


class Manager(PosixHost):
    """Answers for systemctl or launchctl from a table of argv beginnings, longest first; anything else fails the test."""

    def __init__(self, answers: dict[str, str | Completed]) -> None:
        super().__init__()
        self.answers = answers
        self.asked: list[str] = []

    def run(self, argv: t.Sequence[str], stdin: str | None = None, timeout: float = 60.0) -> Completed:
        line = " ".join(argv)
        self.asked.append(line)
        for beginning in sorted(self.answers, key=len, reverse=True):
            if line.startswith(beginning):
                answer = self.answers[beginning]
                return answer if isinstance(answer, Completed) else Completed(tuple(argv), 0, answer, "")
        raise AssertionError(f"unexpected: {line}")


SHOW = "systemctl show --property=Id,LoadState,ActiveState,SubState,MainPID,ExecStart --"
REVERSE = "systemctl show --property=RequiredBy,RequisiteOf,BoundBy,ConsistsOf --"


def block(unit: str, active: str = "active", sub: str = "running", load: str = "loaded", program: str = "/usr/sbin/x") -> str:
    return (
        f"ExecStart={{ path={program} ; argv[]={program} -g daemon on ; ignore_errors=no ; start_time=[n/a] }}\n"
        f"MainPID={'77' if active == 'active' else '0'}\nId={unit}\nLoadState={load}\nActiveState={active}\nSubState={sub}\n"
    )


@pytest.mark.parametrize(
    ("active", "load", "state"),
    [
        ("active", "loaded", base.RUNNING),
        ("reloading", "loaded", base.RUNNING),
        ("activating", "loaded", base.STARTING),
        ("deactivating", "loaded", base.STOPPING),
        ("inactive", "loaded", base.STOPPED),
        ("failed", "loaded", base.STOPPED),
        ("inactive", "masked", base.STOPPED),
        ("inactive", "not-found", base.ABSENT),
        ("active", "not-found", base.RUNNING),
        ("maintenance", "loaded", base.UNKNOWN),
        ("something-new", "loaded", base.UNKNOWN),
    ],
)
def test_the_states_of_systemd_and_nothing_is_guessed(active: str, load: str, state: str) -> None:
    manager = Manager({f"{SHOW} nginx.service": block("nginx.service", active, "sub", load)})
    status = SystemdUnits(manager, "service").status("nginx")
    assert (status.state, status.name, status.executable) == (state, "nginx.service", "/usr/sbin/x")
    assert status.pid == (77 if active == "active" else None)


def test_systemd_services_are_found_by_pattern_and_by_the_folder_of_their_program() -> None:
    listing = "\n".join(
        [
            block("web.service", program="/opt/site/bin/web"),
            block("db.service", program="/opt/sites/db"),
            block("gone.service", "inactive", "dead", "not-found", "/opt/site/gone"),
        ]
    )
    units = SystemdUnits(Manager({f"{SHOW} *.service": listing}), "service")
    assert [unit.name for unit in units.find("WEB", None)] == ["web.service"]
    assert [unit.name for unit in units.find("*.service", None)] == ["web.service", "db.service"]
    assert [unit.name for unit in units.find(None, "/opt/site/")] == ["web.service"]


def test_what_systemd_would_stop_too_is_found_over_all_levels() -> None:
    none = "RequiredBy=\nRequisiteOf=\nBoundBy=\nConsistsOf=\n"
    manager = Manager(
        {
            f"{REVERSE} db.service": "RequiredBy=app.service multi-user.target\nBoundBy=idle.service\nConsistsOf=\n",
            f"{REVERSE} app.service": "RequiredBy=\nRequisiteOf=\nBoundBy=\nConsistsOf=web.service db.service\n",
            f"{REVERSE} web.service": none,
            f"{SHOW} app.service": block("app.service"),
            f"{SHOW} web.service": block("web.service"),
            f"{SHOW} idle.service": block("idle.service", "inactive"),
            f"{SHOW} db.service": block("db.service"),
            f"{REVERSE} idle.service": none,
        }
    )
    assert SystemdUnits(manager, "service").dependents("db") == ["web.service", "app.service"]


def test_systemd_is_asked_without_waiting_and_by_full_names() -> None:
    manager = Manager({"systemctl": ""})
    services, timers = SystemdUnits(manager, "service"), SystemdUnits(manager, "scheduled_task")
    services.stop("nginx", force=False)
    services.stop("nginx", force=True)
    services.start("docker.socket")
    timers.stop("backup", force=False)
    assert manager.asked == [
        "systemctl stop --no-block -- nginx.service",
        "systemctl kill --signal=SIGKILL -- nginx.service",
        "systemctl start --no-block -- docker.socket",
        "systemctl stop --no-block -- backup.timer",
    ]
    assert timers.start_command("backup") == ["systemctl", "start", "--", "backup.timer"]


def test_a_refusal_of_systemd_carries_its_answer() -> None:
    manager = Manager({"systemctl stop": Completed((), 4, "", "Interactive authentication required.\n")})
    with pytest.raises(LockstepError) as caught:
        SystemdUnits(manager, "service").stop("nginx", force=False)
    assert caught.value.slug == "unit_refused"
    assert "Interactive authentication required." in caught.value.message


def test_a_systemctl_that_fails_is_not_taken_for_a_stopped_unit() -> None:
    manager = Manager({"systemctl show": Completed((), 1, "", "Failed to connect to bus\n")})
    with pytest.raises(LockstepError) as caught:
        SystemdUnits(manager, "service").status("nginx")
    assert caught.value.slug == "tool_failed"


def test_timers_are_not_found_by_folder() -> None:
    with pytest.raises(LockstepError) as caught:
        SystemdUnits(Manager({}), "scheduled_task").find(None, "/opt")
    assert caught.value.slug == "unit_kind_unsupported"


LAUNCHD = (
    "system/org.site.web = {\n\tactive count = 1\n\tpath = /x.plist\n\tstate = running\n\n\tprogram = /opt/web\n\tpid = 88\n}\n"
)


def launchd(
    answers: dict[str, str | Completed], monkeypatch: pytest.MonkeyPatch, loaded: bool = True
) -> tuple[Manager, LaunchdServices]:
    manager = Manager(answers)
    monkeypatch.setattr(manager, "is_admin", lambda: True)
    monkeypatch.setattr(manager, "stat", lambda path: object() if "org.site" in path else None)
    if not loaded:
        manager.answers["launchctl print"] = Completed((), 113, "", "Could not find service")
    return manager, LaunchdServices(manager)


def test_the_states_of_launchd(monkeypatch: pytest.MonkeyPatch) -> None:
    _unused, units = launchd({"launchctl print system/org.site.web": LAUNCHD}, monkeypatch)
    status = units.status("org.site.web")
    assert (status.state, status.pid, status.executable) == (base.RUNNING, 88, "/opt/web")
    _unused, units = launchd({"launchctl print": LAUNCHD.replace("= running", "= spawn scheduled")}, monkeypatch)
    assert units.status("org.site.web").state == base.UNKNOWN
    _unused, units = launchd({}, monkeypatch, loaded=False)
    assert units.status("org.site.web").state == base.STOPPED
    assert units.status("org.other").state == base.ABSENT


def test_a_launchd_job_is_taken_out_of_its_domain_and_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    manager, units = launchd({"launchctl": ""}, monkeypatch, loaded=False)
    units.stop("org.site.web", force=False)
    units.start("org.site.web")
    assert manager.asked == [
        "launchctl bootout system/org.site.web",
        "launchctl print system/org.site.web",
        "launchctl bootstrap system /Library/LaunchDaemons/org.site.web.plist",
        "launchctl kickstart system/org.site.web",
    ]
