# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tape drive of a Windows host: what Windows' errors mean, jobs that outlive their run, and the module as a playbook runs it.

The behaviours that all drives share are in tests/unit/tape.
"""

from __future__ import annotations

import collections.abc
import json
import pathlib
import typing as t

import pytest

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.feature import Task
from ansible_collections.lockstep.backup.plugins.module_utils.host.base import JOB_RUNNING
from ansible_collections.lockstep.backup.plugins.module_utils.tape import drive as drives
from ansible_collections.lockstep.backup.plugins.module_utils.tape import settings
from ansible_collections.lockstep.backup.plugins.module_utils.tape.drive import Outcome, Step
from ansible_collections.lockstep.backup.plugins.module_utils.tape.feature import FEATURE
from ansible_collections.lockstep.backup.plugins.plugin_utils.windows import powershell
from ansible_collections.lockstep.backup.plugins.plugin_utils.windows.host import WindowsHost
from ansible_collections.lockstep.backup.plugins.plugin_utils.windows.tape_script import SCRIPT
from tests.integration.direct import SELF, run_feature, windows_host
from tests.integration.killing import wait_until
from tests.integration.support import run_playbook, write_playbook
from tests.lab.lab import Lab
from tests.lab.windows.tape import TapeDrive
from tests.unit.fake_host import FakeClock

FOLDER = "C:\\Catalogue"
JOB = f"{FOLDER}\\TapeJob"
DEVICE: dict[str, t.Any] = {"kind": "windows", "path": r"\\.\Tape0", "timeout": 600.0}
WRITE = (Step(drives.REWIND), Step(drives.WRITE_BLOCKS, blocks=(b"label",)), Step(drives.WRITE_MARK))


class Site:
    """A host with a drive, and a task that uses it. ``said``: progress."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.machine = lab.hosts["aes1"].machine
        self.tapes = self.machine.add_tape_drive()
        self.tapes.new("one", capacity=2 << 20)
        self.tapes.insert("one")
        self.machine.files.make_folder(FOLDER)
        self.machine.files.write(f"{FOLDER}\\part", b"p" * 5000)
        self.host = windows_host(lab)
        self.said: list[str] = []
        self.clock = FakeClock()

    def drive(self, **device: t.Any) -> drives.Drive:
        task = Task(params={"path": FOLDER}, host=self.host, owner=SELF, progress=self.said.append, clock=self.clock)
        return settings.drive_of(task, {**DEVICE, **device})

    def write_file(self, **device: t.Any) -> Outcome:
        step = Step(drives.WRITE_FILE, path=f"{FOLDER}\\part", block_size=1024)
        return self.drive(**device).perform([Step(drives.REWIND), step, Step(drives.WRITE_MARK)])[1]


@pytest.fixture
def site(lab: Lab) -> collections.abc.Iterator[Site]:
    made = Site(lab)
    yield made
    made.host.close()


def refused(call: t.Callable[[], object]) -> LockstepError:
    with pytest.raises(LockstepError) as caught:
        call()
    return caught.value


# errors


@pytest.mark.parametrize(
    ("fault", "slug"),
    [
        ("tape_empty", "drive_empty"),
        ("tape_write_protected", "tape_write_protected"),
        ("tape_cleaning", "drive_needs_cleaning"),
        ("tape_busy", "drive_busy"),
        ("powershell_refuses", "drive_failed"),
    ],
)
def test_what_keeps_a_drive_from_writing_is_told_by_its_code(site: Site, fault: str, slug: str) -> None:
    site.machine.faults.set(fault)
    error = refused(lambda: site.drive().perform(WRITE))
    assert error.slug == slug
    assert "aes1" in error.message
    site.machine.faults.clear(fault)
    assert [outcome.end for outcome in site.drive().perform(WRITE)] == [None, None, None]


def test_errors_of_the_tape_are_outcomes_and_name_windows_code(site: Site) -> None:
    site.machine.faults.set("tape_bad_block", 0)
    assert "Win32 error 1117" in site.drive().perform(WRITE)[-1].error
    site.machine.faults.clear()
    site.drive().perform(WRITE)
    site.machine.faults.set("tape_bad_block", 0)
    assert "Win32 error 23" in site.drive().perform([Step(drives.REWIND), Step(drives.READ_GROUP)])[-1].error
    site.machine.faults.clear()
    site.machine.faults.set("tape_full")
    assert site.drive().perform(WRITE)[-1].end == drives.END_OF_TAPE


def test_a_drive_that_is_not_there_or_keeps_its_tape_says_so(site: Site) -> None:
    assert refused(site.drive(path=r"\\.\Tape7").status).slug == "drive_missing"
    site.machine.faults.set("tape_jammed")
    assert refused(site.drive().unload).slug == "drive_jammed"
    site.machine.faults.clear()
    site.drive().unload()
    site.drive().unload()
    assert site.tapes.loaded is None


@pytest.mark.parametrize("event", ["tape_media_changed", "tape_bus_reset"])
def test_what_is_told_once_before_a_status_is_asked_again(site: Site, event: str) -> None:
    site.machine.faults.set(event)
    assert site.drive().status().loaded
    site.machine.faults.set(event)
    assert site.drive().perform(WRITE)[-1].end is None


def test_a_connection_that_is_lost_while_a_tape_is_waited_for_ends_nothing(site: Site) -> None:
    drive = site.drive()
    assert drive.status().loaded
    site.machine.faults.set("drop_before", 2)
    assert drive.status().loaded
    site.machine.faults.set("drop_before", 2)
    assert refused(lambda: drive.perform(WRITE)).slug == "connection_lost"


def test_files_that_cannot_be_used_are_told_as_the_hosts_own_errors(site: Site) -> None:
    site.drive().perform(WRITE)

    def move(step: str, path: str) -> t.Callable[[], object]:
        return lambda: site.drive().perform([Step(drives.REWIND), Step(step, path=path, block_size=1024)])

    assert refused(move(drives.WRITE_FILE, f"{FOLDER}\\nothing")).slug == "path_missing"
    assert refused(move(drives.READ_FILE, "C:\\Windows")).slug == "access_denied"
    with site.machine.files.open(f"{FOLDER}\\held"):
        assert refused(move(drives.READ_FILE, f"{FOLDER}\\held")).slug == "access_denied"


def test_a_full_disk_is_told_when_a_set_is_read_from_tape(site: Site) -> None:
    assert site.write_file().end == drives.END_OF_FILE
    site.machine.files.disks["C:"].free = 4000
    steps = [Step(drives.REWIND), Step(drives.READ_FILE, path=f"{FOLDER}\\read")]
    assert refused(lambda: site.drive().perform(steps)).slug == "no_space"


def test_drives_are_those_of_the_hosts_platform(site: Site) -> None:
    assert refused(lambda: site.drive(kind="scsi")).slug == "option_invalid"


# the script


def test_the_host_keeps_nothing_of_short_work_and_the_script_of_long_work(site: Site) -> None:
    before = set(site.machine.files.walk("C:\\"))
    site.drive().perform(WRITE)
    assert set(site.machine.files.walk("C:\\")) == before
    site.write_file()
    placed = f"C:\\ProgramData\\Lockstep\\scripts\\{SCRIPT.file_name}"
    assert set(site.machine.files.walk("C:\\")) - before == {placed}
    rights = site.machine.files.permissions[site.machine.files.key(placed)]
    assert "/inheritance:r" in rights


def test_a_script_that_was_changed_on_the_host_is_replaced_before_it_runs(site: Site) -> None:
    placed = powershell.place(site.host, SCRIPT)
    site.machine.files.write(placed, b"Remove-Item C:\\ -Recurse")
    assert site.write_file().bytes == 5000


def test_the_lab_runs_no_script_but_those_of_the_collection(site: Site) -> None:
    other = powershell.Script("other", "Get-Process\n")
    assert powershell.run(site.host, other, "{}", 60.0).exit_code == 87
    assert site.host.run([powershell.PROGRAM, "-Command", "Get-Process"]).exit_code == 87
    assert len(site.lab.take_unknown()) == 2


def test_a_line_of_a_long_block_is_short_enough_for_windows(site: Site) -> None:
    blocks = (b"x" * 80, bytes(range(256)) * 150)
    step = Step(drives.WRITE_FILE, path=f"{FOLDER}\\part", block_size=1024)
    outcomes = site.drive().perform([Step(drives.REWIND), Step(drives.WRITE_BLOCKS, blocks=blocks), Step(drives.WRITE_MARK), step])
    assert outcomes[-1].end == drives.END_OF_FILE
    assert site.drive().perform([Step(drives.REWIND), Step(drives.READ_GROUP)])[-1].blocks == blocks


# jobs


def test_long_work_tells_how_far_it_is_and_ends_at_its_time(site: Site) -> None:
    site.machine.faults.set("tape_hangs", 2)
    site.clock.on_sleep.append(lambda elapsed: wait_until(lambda: site.tapes.position == 2, "two blocks are written"))
    error = refused(lambda: site.write_file(timeout=100.0))
    assert error.slug == "job_timeout"
    assert "0 MiB of the present file" in site.said[0]
    wait_until(lambda: site.tapes.opened is None, "the job's process ends")


def leave_job(site: Site) -> None:
    """A run has died, and its job works on."""
    site.machine.faults.set("tape_hangs", 2)
    site.host.write_text(f"{FOLDER}\\tape-request.json", request())
    site.host.start_job(JOB, powershell.file_command(powershell.place(site.host, SCRIPT), f"{FOLDER}\\tape-request.json"))
    wait_until(lambda: site.tapes.position == 2, "the job has written two blocks")


def test_what_a_dead_run_left_working_is_ended_by_the_next_one(site: Site) -> None:
    leave_job(site)
    assert refused(site.drive().status).slug == "drive_busy"
    drive = site.drive()
    drive.take_over()
    wait_until(lambda: site.tapes.opened is None, "the job's process ends")
    assert drive.status().loaded
    assert site.host.stat(JOB) is None
    site.machine.faults.clear()
    assert site.write_file().end == drives.END_OF_FILE


def test_only_who_has_the_lock_ends_what_a_dead_run_left_working(site: Site) -> None:
    leave_job(site)
    common: dict[str, t.Any] = {"path": FOLDER, "installation": "etravel", "device": DEVICE}
    assert run_feature(site.lab, FEATURE, state="query", **common)["drive"]["error_code"] == "drive_busy"
    assert site.host.job_status(JOB).state == JOB_RUNNING
    pool = {"name": "export", "tapes": 4, "retention_days": 7}
    # The two blocks that the dead run wrote are nobody's set.
    assert refused(lambda: run_feature(site.lab, FEATURE, state="labelled", pool=pool, **common)).slug == "tape_foreign"
    assert site.host.stat(JOB) is None


def request() -> str:
    """What a run asks that writes a file."""
    step = {"step": "write_file", "path": f"{FOLDER}\\part", "offset": 0, "block_size": 1024}
    asked = {"operation": "perform", "device": DEVICE["path"], "writing": True, "largest_block": 1 << 20, "largest_group": 16}
    return json.dumps({**asked, "steps": [{"step": "rewind"}, step]})


# a playbook


def test_a_playbook_writes_an_export_and_reads_it_back(lab: Lab, tmp_path: pathlib.Path) -> None:
    machine = lab.hosts["aes1"].machine
    tapes: TapeDrive = machine.add_tape_drive()
    tapes.new("one")
    tapes.insert("one")
    machine.files.write("C:\\export.dmp", bytes(range(256)) * 400)
    common = {"path": "C:\\Tapes", "installation": "etravel", "device": {"kind": "windows", "path": r"\\.\Tape0"}}
    pool = {"name": "export", "tapes": 4, "retention_days": 7}
    tasks: list[tuple[str, dict[str, t.Any]]] = [
        ("labelled", {"pool": pool}),
        ("written", {"pool": pool, "set_id": "set1", "parts": [{"path": "C:\\export.dmp"}]}),
        ("restored", {"set_id": "set1", "dest": "C:\\Restored"}),
        ("ejected", {"location": "safe"}),
    ]
    playbook = write_playbook(
        tmp_path,
        [{"name": state, "lockstep.backup.tape_rotate": {"state": state, **common, **options}} for state, options in tasks],
    )
    done = run_playbook(lab, playbook)
    assert done.exit_code == 0, done.output
    assert done.result("written")["set"]["state"] == "complete"
    assert machine.files.read("C:\\Restored\\export.dmp") == machine.files.read("C:\\export.dmp")
    assert "EXP001" in done.result("ejected")["sticker"]


def test_hosts_are_closed(lab: Lab) -> None:
    """The drive uses the host's own session, and no other."""
    host: WindowsHost = windows_host(lab)
    lab.hosts["aes1"].machine.add_tape_drive()
    task = Task(params={"path": FOLDER}, host=host, owner=SELF)
    assert not settings.drive_of(task, DEVICE).status().loaded
    host.close()
    assert len(lab.hosts["aes1"].endpoint.shells) == 0
