# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The eTravel server of the lab: its desktop, its full backup, its export at 3:13, and tasks that need somebody logged on."""

from __future__ import annotations

import collections.abc
import datetime
import pathlib

import pytest

from ansible_collections.lockstep.backup.plugins.module_utils.command import formats
from tests.lab import etravel
from tests.lab.windows import event_log, mtf
from tests.lab.windows.machine import Machine
from tests.lab.windows.programs import desktop
from tests.lab.windows.tape import Tape
from tests.lab.windows.tasks import NOT_LOGGED_ON, TaskXmlError
from tests.unit.lab_windows.conftest import Runner, wait_for

ADMINISTRATOR = ("Administrator", "lab-Fake1", True)
SIGN_IN = "signed in to the CRS"


@pytest.fixture
def machine(tmp_path: pathlib.Path) -> collections.abc.Iterator[Machine]:
    made = Machine("etravel1", tmp_path, accounts=(ADMINISTRATOR, etravel.ACCOUNT))
    etravel.build_etravel(made, "127.0.0.1")
    wait_for(lambda: sign_ins(made) == 3)
    yield made
    made.close()
    assert made.recorder.unknown == []


@pytest.fixture
def run(machine: Machine) -> Runner:
    administrator = machine.users.find("Administrator")
    assert administrator is not None
    return Runner(machine, administrator)


def text(machine: Machine, path: str) -> str:
    return machine.files.read(path).decode("cp1252") if machine.files.exists(path) else ""


def sign_ins(machine: Machine) -> int:
    return sum(text(machine, desktop.scheduler_log(number)).count(SIGN_IN) for number in desktop.SCHEDULERS)


def in_drive(machine: Machine) -> Tape:
    assert machine.tape_drive is not None
    tape = machine.tape_drive.loaded
    assert tape is not None
    return tape


def kinds(tape: Tape) -> list[str]:
    """The descriptors of Microsoft's tape format on it; a mark for each file mark."""
    return ["mark" if record is None else record[:4].decode() for record in tape.records]


def stop(machine: Machine, *services: str) -> None:
    for name in services:
        machine.services.stop(machine.services[name])


def stop_all(machine: Machine) -> None:
    stop(machine, etravel.LISTENER_SERVICE, etravel.START_SERVICE, etravel.DATABASE_SERVICE)


def next_export(machine: Machine, days: int = 1) -> datetime.datetime:
    """Shortly after the export of a coming day."""
    now = machine.clock.now()
    first = datetime.datetime.combine(now.date(), etravel.EXPORT_TIME, now.tzinfo)
    if first <= now:
        first += datetime.timedelta(days=1)
    return first + datetime.timedelta(days=days - 1, seconds=1)


# the desktop


def test_the_programs_live_on_the_desktop_of_their_user(machine: Machine) -> None:
    living = [(one.name, one.session_id, one.user.name) for one in machine.processes.all() if one.session_id]
    assert sorted(living) == [
        ("affinity.exe", 1, "etravel"),
        ("explorer.exe", 1, "etravel"),
        ("scheduler.exe", 1, "etravel"),
        ("scheduler.exe", 1, "etravel"),
    ]


def test_nobody_closes_them_from_a_session_of_services(machine: Machine, run: Runner) -> None:
    for process in [*machine.processes.named("scheduler.exe"), *machine.processes.named("affinity.exe")]:
        assert run(f"taskkill.exe /PID {process.pid}").code == 1
    assert len(machine.processes.named("scheduler.exe")) == 2


def session_task(*commands: tuple[str, str], user: str = etravel.USER) -> str:
    actions = "".join(f"<Exec><Command>{name}</Command><Arguments>{tail}</Arguments></Exec>" for name, tail in commands)
    return f"""<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
<Principals><Principal><UserId>{user}</UserId><LogonType>InteractiveToken</LogonType></Principal></Principals>
<Actions>{actions}</Actions></Task>"""


def test_the_affinity_manager_asks_before_it_closes_and_unloads_when_told_yes(machine: Machine) -> None:
    (manager,) = machine.processes.named("affinity.exe")
    close = ("taskkill.exe", f"/PID {manager.pid}")
    asking = machine.tasks.register("\\ask", session_task(close))
    machine.tasks.run_now(asking)
    wait_for(lambda: asking.last_result == 0)
    assert machine.processes.named("affinity.exe") == [manager]
    answering = machine.tasks.register("\\answer", session_task(close, (desktop.AFFINITY_ANSWER, "")))
    machine.tasks.run_now(answering)
    wait_for(lambda: machine.processes.named("affinity.exe") == [])
    wait_for(lambda: not answering.instances)
    assert answering.history == ["registered", "started", "ended 0", "ended 0"]
    assert machine.events.events[-1].message == "The Affinity software is unloaded."


def test_nobody_answers_a_question_that_was_not_asked(machine: Machine) -> None:
    task = machine.tasks.register("\\answer", session_task((desktop.AFFINITY_ANSWER, "")))
    machine.tasks.run_now(task)
    wait_for(lambda: task.last_result == 1)


def test_a_task_with_an_interactive_token_runs_only_while_its_user_is_logged_on(machine: Machine) -> None:
    task = machine.tasks.register("\\window", session_task((desktop.SCHEDULER, "/n 1")))
    machine.faults.set("user_logged_off")
    assert machine.processes.named("scheduler.exe") == []
    machine.tasks.run_now(task)
    assert task.last_result == NOT_LOGGED_ON
    machine.faults.clear()
    wait_for(lambda: sign_ins(machine) == 6)
    for _unused in range(2):
        machine.tasks.run_now(task)
    assert task.history == ["registered", "started", "etravel is not logged on", "started", "runs already"]
    assert {one.session_id for one in machine.processes.named("scheduler.exe")} == {1}
    assert len(machine.processes.named("scheduler.exe")) == 3


def test_an_interactive_task_of_an_account_that_does_not_exist_cannot_be_registered(machine: Machine) -> None:
    with pytest.raises(TaskXmlError, match="No mapping between account names"):
        machine.tasks.register("\\nobody", session_task((desktop.SCHEDULER, ""), user="nobody"))


def test_a_scheduler_without_the_database_or_the_gateway_says_so_and_signs_in_nowhere(machine: Machine) -> None:
    task = machine.tasks.register("\\window", session_task((desktop.SCHEDULER, "/n 2")))
    stop(machine, etravel.START_SERVICE)
    machine.tasks.run_now(task)
    log = desktop.scheduler_log("2")
    wait_for(lambda: "ERROR cannot log on to database DTA" in text(machine, log) or sign_ins(machine) > 3)
    assert sign_ins(machine) == 3


def test_red_text_is_an_error_event(machine: Machine) -> None:
    assert {event.kind for event in machine.events.events} == {event_log.INFORMATION}
    machine.faults.set("affinity_red_text")
    machine.faults.set("user_logged_off")
    machine.faults.clear("user_logged_off")
    wait_for(lambda: event_log.ERROR in {event.kind for event in machine.events.events})


# Oracle


def test_starting_the_start_service_starts_the_instance_and_opens_the_database(machine: Machine, run: Runner) -> None:
    stop_all(machine)
    assert run(rf"{etravel.EXPORT_PROGRAM} C:\Etravel\Export\try.dmp").code == 1
    machine.services.start(machine.services[etravel.START_SERVICE])
    assert machine.services[etravel.DATABASE_SERVICE].state == "Running"


def test_the_instance_cannot_be_stopped_alone_while_the_start_service_runs(machine: Machine) -> None:
    assert machine.services.stop(machine.services[etravel.DATABASE_SERVICE]) == 3


# the full backup


def test_the_full_backup_overwrites_the_tape_and_says_what_it_did(machine: Machine, run: Runner) -> None:
    stop_all(machine)
    machine.faults.set("ntbk_seconds", 0.01)
    in_drive(machine).replace([b"whatever was there", None])
    assert run(etravel.FULL_BACKUP).code == 0
    found = kinds(in_drive(machine))
    assert (found[:3], found[-2:]) == (["TAPE", "SSET", "FILE"], ["ESET", "mark"])
    log = text(machine, etravel.FULL_BACKUP_LOG)
    for words in ("Backup started on", "Backup completed on", f"Files: {found.count('FILE')}", "Bytes: "):
        assert words in log
    assert "skipped" not in log
    assert etravel.DATA_FILE.encode("utf-16-le") in b"".join(filter(None, in_drive(machine).records))


def test_an_open_database_is_skipped_by_the_full_backup(machine: Machine, run: Runner) -> None:
    assert run(etravel.FULL_BACKUP).code == 0
    assert f"Unable to open {etravel.DATA_FILE} - skipped." in text(machine, etravel.FULL_BACKUP_LOG)


@pytest.mark.parametrize(
    ("fault", "value", "code", "words", "lacks"),
    [
        ("ntbk_fails", None, 1, "The operation was ended.", "Backup completed"),
        ("ntbk_fails", 0, 0, "The operation was ended.", "Backup completed"),
        ("ntbk_log_truncated", None, 0, "Backup started", "Backup completed"),
        ("tape_empty", None, 1, "The requested media failed to mount.", "Backup started"),
        ("tape_full", None, 1, "The operation was ended.", "Backup completed"),
        ("tape_write_protected", None, 1, "The operation was ended.", "Backup completed"),
    ],
)
def test_a_full_backup_that_fails(
    machine: Machine, run: Runner, fault: str, value: int | None, code: int, words: str, lacks: str
) -> None:
    stop_all(machine)
    machine.faults.set(fault, value)
    assert run(etravel.FULL_BACKUP).code == code
    log = text(machine, etravel.FULL_BACKUP_LOG)
    assert words in log
    assert lacks not in log


@pytest.mark.parametrize(
    ("fault", "failed", "missing"),
    [("ntbk_seconds", False, False), ("ntbk_fails", True, True), ("ntbk_log_truncated", False, True), ("tape_empty", True, True)],
)
def test_its_log_tells_backup_command_how_it_ended(machine: Machine, run: Runner, fault: str, failed: bool, missing: bool) -> None:
    stop_all(machine)
    machine.faults.set(fault, 0 if fault == "ntbk_seconds" else None)
    run(etravel.FULL_BACKUP)
    findings = formats.read(text(machine, etravel.FULL_BACKUP_LOG), formats.Expected(formats.NTBACKUP))
    assert (bool(findings.failures), bool(findings.missing)) == (failed, missing)
    assert findings.counts.skipped == 0


def test_the_log_may_be_in_utf_16(machine: Machine, run: Runner) -> None:
    machine.faults.set("ntbk_log_unicode")
    run(etravel.FULL_BACKUP)
    assert machine.files.read(etravel.FULL_BACKUP_LOG).decode("utf-16").startswith("Backup Status")


def test_a_full_backup_that_hangs_holds_no_tape(machine: Machine) -> None:
    machine.faults.set("ntbk_hangs")
    run = machine.create_detached(etravel.FULL_BACKUP, None, next(iter(machine.users)))
    wait_for(lambda: "Active backup destination" in text(machine, etravel.FULL_BACKUP_LOG))
    assert machine.tape_drive is not None
    assert machine.tape_drive.opened is None
    machine.processes.kill_tree(run.process)
    wait_for(lambda: not machine.files.in_use(etravel.FULL_BACKUP_LOG))


def test_the_tapes_descriptor_is_closed_by_its_checksum_and_tells_the_media_name() -> None:
    block = mtf.tape_block("Médium 7", 4711, datetime.datetime(2026, 11, 20, 18, 2, 11, tzinfo=datetime.UTC))
    words = [int.from_bytes(block[place : place + 2], "little") for place in range(0, 52, 2)]
    checksum = 0
    for word in words:
        checksum ^= word
    assert checksum == 0
    size, place = (int.from_bytes(block[at : at + 2], "little") for at in (68, 70))
    assert block[place : place + size].decode("utf-16-le") == "Médium 7"
    assert len(block) == mtf.BLOCK


# the export at 3:13


def test_the_export_runs_each_night_and_appends_to_whatever_tape_is_in(machine: Machine, run: Runner) -> None:
    stop_all(machine)
    run(etravel.FULL_BACKUP)
    before = kinds(in_drive(machine))
    machine.services.start(machine.services[etravel.START_SERVICE])
    machine.tasks.pass_time(next_export(machine, days=2))
    assert kinds(in_drive(machine)) == [*before, *["SSET", "FILE", "ESET", "mark"] * 2]
    for disk in etravel.COPY_DISKS:
        assert machine.files.read(rf"{disk}\Export\etravel.dmp") == machine.files.read(rf"{etravel.EXPORT_FOLDER}\etravel.dmp")


def test_a_full_tape_takes_no_export(machine: Machine) -> None:
    machine.faults.set("tape_full")
    machine.tasks.pass_time(next_export(machine))
    task = machine.tasks.find(etravel.EXPORT_TASK)
    assert task is not None
    assert task.last_result == 1
    assert kinds(in_drive(machine)) == []


def test_a_disabled_export_does_not_run(machine: Machine) -> None:
    task = machine.tasks.find(etravel.EXPORT_TASK)
    assert task is not None
    machine.tasks.enable(task, False)
    machine.tasks.pass_time(next_export(machine, days=3))
    assert task.history == ["registered", "disabled"]
    machine.tasks.enable(task, True)
    machine.tasks.pass_time(next_export(machine))
    assert task.history[2:] == ["enabled", "started", "ended 0"]


def test_a_disk_that_is_missing_is_back_when_the_fault_is_over(machine: Machine) -> None:
    machine.faults.set("disk_missing", "F:")
    assert not machine.files.is_dir(r"F:\Export")
    machine.faults.clear()
    assert machine.files.is_dir(r"F:\Export")
