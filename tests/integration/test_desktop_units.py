# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs on a user's desktop as units: eTravel's Schedulers and its Affinity Manager, over the real pywinrm."""

from __future__ import annotations

import collections.abc
import datetime
import pathlib
import typing as t

import pytest

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.owner import Owner
from ansible_collections.lockstep.backup.plugins.module_utils.quiesce.feature import FEATURE
from tests.integration.direct import SELF, run_feature, windows_host
from tests.integration.killing import wait_until
from tests.lab import etravel
from tests.lab.lab import Lab
from tests.lab.record import AFTER, Request
from tests.lab.windows import event_log
from tests.lab.windows.machine import Machine
from tests.lab.windows.programs import desktop

HOST = "etravel1"
LATER = Owner("fedcba987654", "this-control-node", "this-boot", 816, "54322", "tester")
TASK_FOLDER = "\\Lockstep\\"

AFFINITY: dict[str, t.Any] = {
    "kind": "process",
    "name": "affinity.exe",
    "timeout": 2,
    "start": {"argv": [desktop.AFFINITY_MANAGER]},
    "desktop": {"user": etravel.USER, "confirm_argv": [desktop.AFFINITY_ANSWER]},
    "ready": {"event_log": {"source": desktop.EVENT_SOURCE}},
}


def scheduler(number: str, **changes: t.Any) -> dict[str, t.Any]:
    return {
        "kind": "process",
        "name": f"Scheduler {number}",
        "timeout": 2,
        "start": {"argv": desktop.scheduler_command(number), "cwd": desktop.FOLDER},
        "desktop": {"user": etravel.USER, "program": "scheduler.exe", "command_line": f"/n {number}$", "close": "ctrl_break"},
        "ready": {
            "log": desktop.scheduler_log(number),
            "expect": [rf"\b{terminal} signed in\b" for terminal in desktop.SCHEDULERS[number]],
            "refuse": ["ERROR"],
        },
        **changes,
    }


UNITS = [scheduler("1"), scheduler("2"), AFFINITY]


@pytest.fixture
def lab(tmp_path: pathlib.Path) -> collections.abc.Iterator[Lab]:
    with Lab(tmp_path / "lab", installations=0, etravel=1) as running:
        machine = running.hosts[HOST].machine
        wait_until(lambda: signed_in(machine) == ["TA01", "TA02", "TA03"], "the Schedulers sign in")
        yield running
        unknown = list(running.unknown)
    assert unknown == []


@pytest.fixture
def machine(lab: Lab) -> Machine:
    return lab.hosts[HOST].machine


def log_text(machine: Machine, number: str) -> str:
    path = desktop.scheduler_log(number)
    return machine.files.read(path).decode("cp1252") if machine.files.exists(path) else ""


def signed_in(machine: Machine) -> list[str]:
    lines = [line for number in desktop.SCHEDULERS for line in log_text(machine, number).splitlines()]
    return [line.split()[2] for line in lines if "signed in" in line]


def running(machine: Machine) -> dict[str, tuple[int, str, int]]:
    """By command line: session, user and process of each program on the desktop, except its Explorer."""
    return {
        process.command_line or "": (process.session_id, process.user.name, process.pid)
        for process in machine.processes.all()
        if process.session_id and process.name != "explorer.exe"
    }


def commands(machine: Machine) -> set[str]:
    return {line.replace('"', "") for line in running(machine)}


ALL = {" ".join(desktop.scheduler_command(number)) for number in desktop.SCHEDULERS} | {desktop.AFFINITY_MANAGER}


def tasks_left(machine: Machine) -> list[str]:
    return [task.full_name for task in machine.tasks.all() if task.path == TASK_FOLDER]


def quiesce(lab: Lab, **params: t.Any) -> dict[str, t.Any]:
    return run_feature(lab, FEATURE, HOST, **{"name": "etravel", "units": UNITS, **params})


def resume(lab: Lab, **params: t.Any) -> dict[str, t.Any]:
    return run_feature(lab, FEATURE, HOST, **{"name": "etravel", "state": "resumed", **params})


def failure(work: collections.abc.Callable[[], t.Any]) -> LockstepError:
    with pytest.raises(LockstepError) as caught:
        work()
    return caught.value


def test_programs_on_a_desktop_are_closed_and_all_come_back_on_that_desktop(lab: Lab, machine: Machine) -> None:
    before = running(machine)
    result = quiesce(lab)
    assert [(unit["name"], unit["before"], unit["after"]) for unit in result["units"]] == [
        ("Scheduler 1", "running", "stopped"),
        ("Scheduler 2", "running", "stopped"),
        ("affinity.exe", "running", "stopped"),
    ]
    assert running(machine) == {}
    assert "ended by Ctrl+Break" in log_text(machine, "1")
    assert machine.events.events[-1].message == "The Affinity software is unloaded."
    result = resume(lab)
    assert [unit["after"] for unit in result["units"]] == ["running"] * 3
    assert commands(machine) == ALL
    after = running(machine)
    assert {one[:2] for one in after.values()} == {(1, etravel.USER)}
    assert not {one[2] for one in before.values()} & {one[2] for one in after.values()}
    assert signed_in(machine) == ["TA01", "TA02"] * 2 + ["TA03"] * 2
    assert tasks_left(machine) == []
    assert [name for name in machine.files.names("C:\\ProgramData\\Lockstep") if name.endswith(".xml")] == []


def test_the_plan_says_what_must_hold_after_each_start(lab: Lab, machine: Machine) -> None:
    quiesce(lab)
    assert len(tasks_left(machine)) == 2 * len(UNITS)
    started = [step for step in resume(lab)["plan"] if step["action"] == "start"]
    assert [step["name"] for step in started] == ["affinity.exe", "Scheduler 2", "Scheduler 1"]
    assert [step["ready"] for step in started[1:]] == [UNITS[1]["ready"], UNITS[0]["ready"]]


def test_one_scheduler_of_two_is_told_apart_by_its_command_line(lab: Lab, machine: Machine) -> None:
    quiesce(lab, units=[scheduler("2")])
    assert commands(machine) == {*ALL} - {" ".join(desktop.scheduler_command("2"))}
    resume(lab)
    assert commands(machine) == ALL


def test_the_same_program_on_another_users_desktop_is_left_alone(lab: Lab, machine: Machine) -> None:
    other = machine.users.find("operator")
    assert other is not None
    session = machine.sessions.log_on(other)
    line = " ".join(desktop.scheduler_command("1"))
    theirs = machine.processes.start(desktop.SCHEDULER, line, user=other, session_id=session, window=True)
    quiesce(lab)
    assert machine.processes.named("scheduler.exe") == [theirs]
    resume(lab)
    assert len(machine.processes.named("scheduler.exe")) == 3


def test_instances_that_cannot_be_told_apart_are_refused_before_anything_stops(lab: Lab, machine: Machine) -> None:
    before = running(machine)
    both = scheduler("1", desktop={"user": etravel.USER, "program": "scheduler.exe", "close": "ctrl_break"})
    error = failure(lambda: quiesce(lab, units=[both]))
    assert error.slug == "unit_ambiguous"
    assert running(machine) == before


def test_a_user_who_is_not_logged_on_is_refused_before_anything_stops(lab: Lab, machine: Machine) -> None:
    lab.faults.set(HOST, "user_logged_off")
    web = {"kind": "service", "name": "W3SVC"}
    error = failure(lambda: quiesce(lab, units=[web, *UNITS]))
    assert error.slug == "user_not_logged_on"
    assert etravel.USER in error.message
    assert machine.services["W3SVC"].history == ["Running"]


def test_a_program_that_does_not_exist_is_refused_before_anything_stops(lab: Lab, machine: Machine) -> None:
    machine.files.remove_file(desktop.AFFINITY_ANSWER)
    error = failure(lambda: quiesce(lab))
    assert error.slug == "tool_missing"
    assert commands(machine) == ALL


@pytest.mark.parametrize(
    ("fault", "culprit"), [("scheduler_ignores_break", "Scheduler 1"), ("affinity_asks_twice", "affinity.exe")]
)
def test_a_program_that_does_not_close_is_named_and_all_else_runs_again(
    lab: Lab, machine: Machine, fault: str, culprit: str
) -> None:
    lab.faults.set(HOST, fault)
    error = failure(lambda: quiesce(lab))
    assert error.slug == "unit_not_stopped"
    assert culprit in error.message
    assert error.details["resumed"] is True
    assert commands(machine) == ALL
    assert tasks_left(machine) == []


def test_a_question_that_nobody_answers_keeps_a_program_from_closing(lab: Lab, machine: Machine) -> None:
    silent = {**AFFINITY, "desktop": {"user": etravel.USER}}
    error = failure(lambda: quiesce(lab, units=[silent]))
    assert error.slug == "unit_not_stopped"
    assert commands(machine) == ALL


def test_a_program_is_killed_only_by_force(lab: Lab, machine: Machine) -> None:
    lab.faults.set(HOST, "scheduler_ignores_break")
    quiesce(lab, units=[scheduler("1", timeout=1, force=True)])
    assert commands(machine) == {*ALL} - {" ".join(desktop.scheduler_command("1"))}
    resume(lab)
    assert commands(machine) == ALL


def test_a_program_may_be_closed_by_a_command_on_its_desktop(lab: Lab, machine: Machine) -> None:
    (affinity,) = machine.processes.named("affinity.exe")
    closing = {"close": "command", "close_argv": ["taskkill.exe", "/PID", str(affinity.pid)]}
    quiesce(lab, units=[{**AFFINITY, "desktop": {**AFFINITY["desktop"], **closing}}])
    assert machine.processes.named("affinity.exe") == []


def test_a_scheduler_that_does_not_sign_in_everywhere_fails_the_resume_and_can_be_mended(lab: Lab, machine: Machine) -> None:
    quiesce(lab)
    lab.faults.set(HOST, "scheduler_no_sign_in", "TA02")
    error = failure(lambda: resume(lab))
    assert error.slug == "units_not_resumed"
    (left,) = error.details["not_resumed"]
    assert (left["name"], left["error_code"]) == ("Scheduler 1", "unit_not_ready")
    assert "TA02 signed in" in left["msg"]
    assert "TA01" not in left["msg"]
    lab.faults.clear()
    # The same again: the Scheduler still has not signed in.
    assert failure(lambda: resume(lab)).slug == "units_not_resumed"
    # What came before counts no more for what is refused, and what comes now counts for what is expected.
    with machine.files.open(desktop.scheduler_log("1"), append=True) as log:
        log.write(b"TA02 signed in to the CRS\r\n")
    resume(lab)
    assert commands(machine) == ALL
    assert tasks_left(machine) == []


def test_red_text_of_the_affinity_manager_fails_the_resume(lab: Lab, machine: Machine) -> None:
    machine.events.report(desktop.EVENT_SOURCE, event_log.ERROR, "An error of yesterday")
    machine.clock.advance(3600)
    quiesce(lab)
    lab.faults.set(HOST, "affinity_red_text")
    error = failure(lambda: resume(lab))
    assert [(one["name"], one["error_code"]) for one in error.details["not_resumed"]] == [("affinity.exe", "unit_not_ready")]
    assert "Link to the CRS failed" in error.message
    assert commands(machine) == ALL
    machine.clock.advance(2)
    resume(lab)


def test_schedulers_started_before_the_gateway_are_found_not_ready(lab: Lab, machine: Machine) -> None:
    quiesce(lab, units=[AFFINITY, *UNITS[:2]])
    error = failure(lambda: resume(lab))
    assert {one["error_code"] for one in error.details["not_resumed"]} == {"unit_not_ready"}
    assert "no gateway" in error.message


def test_the_lease_starts_the_programs_on_their_desktop_when_nobody_comes_back(lab: Lab, machine: Machine) -> None:
    quiesce(lab, max_outage=600)
    assert running(machine) == {}
    machine.tasks.pass_time(machine.clock.now() + datetime.timedelta(seconds=601))
    wait_until(lambda: commands(machine) == ALL, "the lease starts the programs")
    assert {one[:2] for one in running(machine).values()} == {(1, etravel.USER)}
    wait_until(lambda: signed_in(machine) == ["TA01", "TA02"] * 2 + ["TA03"] * 2, "the Schedulers sign in")
    result = resume(lab, owner=LATER, dead_run=SELF.run_id)
    assert result["lease_fired"] is True
    assert result["ran_again"] != []
    assert len(machine.processes.named("scheduler.exe")) == 2
    assert tasks_left(machine) == []


def test_a_lease_that_fires_before_a_program_was_asked_to_close_starts_no_second_copy(lab: Lab, machine: Machine) -> None:
    host = windows_host(lab, HOST)
    driver = host.unit_driver("process", {"start": UNITS[0]["start"], "desktop": UNITS[0]["desktop"]})
    driver.prepare("Scheduler 1")
    assert host.run(driver.start_command("Scheduler 1")).exit_code == 1
    assert commands(machine) == ALL
    driver.dismiss("Scheduler 1")
    driver.dismiss("Scheduler 1")
    host.close()


@pytest.mark.parametrize("fault", ["drop_before", "drop_after"])
def test_a_start_whose_request_or_answer_is_lost_starts_one_copy(lab: Lab, machine: Machine, fault: str) -> None:
    quiesce(lab)
    (explorer,) = machine.processes.named("explorer.exe")
    cut = []

    def cut_the_next(moment: str, request: Request) -> None:
        # Who is logged on is asked right before each start.
        if moment == AFTER and request.text.endswith(f"GetOwner Handle={explorer.pid}"):
            lab.faults.set(HOST, fault, 1)
            cut.append(request)

    forget = lab.on_request(cut_the_next)
    result = resume(lab)
    forget()
    assert len(cut) >= 3
    assert [unit["after"] for unit in result["units"]] == ["running"] * 3
    started = [process for process in machine.processes.all() if process.session_id and process.name != "explorer.exe"]
    assert len(started) == 3
    assert commands(machine) == ALL


def test_what_is_ready_is_asked_of_services_too(lab: Lab, machine: Machine) -> None:
    service = {
        "kind": "service",
        "name": "W3SVC",
        "timeout": 1,
        "ready": {"log": "C:\\inetpub\\start.log", "expect": ["listening"]},
    }
    quiesce(lab, units=[service])
    error = failure(lambda: resume(lab))
    assert [one["error_code"] for one in error.details["not_resumed"]] == ["unit_not_ready"]
    machine.files.ensure_folder("C:\\inetpub")
    machine.files.write("C:\\inetpub\\start.log", b"listening on port 80\r\n")
    resume(lab)


def test_exports_that_are_suspended_over_the_weekend_write_on_no_tape_until_they_are_resumed(lab: Lab, machine: Machine) -> None:
    exports = [{"kind": "scheduled_task", "name": etravel.EXPORT_TASK}]
    assert machine.tape_drive is not None
    quiesce(lab, name="etravel_exports", units=exports)
    machine.tasks.pass_time(machine.clock.now() + datetime.timedelta(days=3))
    assert machine.tape_drive.tape("export-1").records == []
    resume(lab, name="etravel_exports", owner=LATER, dead_run=SELF.run_id)
    machine.tasks.pass_time(machine.clock.now() + datetime.timedelta(days=1))
    assert machine.tape_drive.tape("export-1").records != []
