# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""disk_copies on the lab's Windows hosts: further drives, one that is missing and one that fills up, and a killed run."""

from __future__ import annotations

import os
import typing as t

import pytest

from ansible_collections.lockstep.backup.plugins.module_utils.copies.feature import FEATURE
from tests.integration.direct import run_feature
from tests.integration.killing import Run, when
from tests.integration.support import run_playbook, write_playbook
from tests.lab.lab import Lab
from tests.lab.record import AFTER
from tests.lab.windows.files import FIXED, Disk
from tests.lab.windows.machine import GIB, Machine

SOURCE = "C:\\Backups\\full export.dmp"
OPTIONS: dict[str, t.Any] = {
    "folders": ["E:\\Copies\\etravel", "F:\\Copies\\etravel"],
    "set": "26010101",
    "set_id": "etravel-26010101-aa",
    "files": [{"path": SOURCE}],
}


def add_disk(machine: Machine, letter: str) -> None:
    machine.files.disks[f"{letter}:"] = Disk(f"{letter}:", FIXED, 10 * GIB, 5 * GIB)
    (machine.root / letter).mkdir()


@pytest.fixture
def machine(lab: Lab) -> Machine:
    found = lab.hosts["aes1"].machine
    add_disk(found, "E")
    found.files.ensure_folder("C:\\Backups")
    found.files.write(SOURCE, os.urandom(300_000))
    return found


def test_a_set_is_copied_to_every_drive_that_is_there(lab: Lab, machine: Machine) -> None:
    result = run_feature(lab, FEATURE, **OPTIONS)
    assert [copy["state"] for copy in result["copies"]] == ["copied", "failed"]
    assert result["errors"] == ["F:\\Copies\\etravel: aes1: F: does not exist."]
    assert machine.files.read("E:\\Copies\\etravel\\26010101\\full export.dmp") == machine.files.read(SOURCE)
    add_disk(machine, "F")
    result = run_feature(lab, FEATURE, **OPTIONS)
    assert [copy["state"] for copy in result["copies"]] == ["present", "copied"]
    result = run_feature(lab, FEATURE, **OPTIONS)
    assert (result["changed"], result["errors"]) == (False, [])


def test_a_drive_that_is_too_full_keeps_no_part_of_a_copy(lab: Lab, machine: Machine) -> None:
    add_disk(machine, "F")
    machine.files.disks["E:"].free = 1000
    result = run_feature(lab, FEATURE, **OPTIONS)
    assert [(copy["state"], copy["error_code"]) for copy in result["copies"]] == [("failed", "no_space"), ("copied", None)]
    assert not machine.files.exists("E:\\Copies\\etravel\\26010101")


def test_old_copies_are_pruned_and_told(lab: Lab, machine: Machine) -> None:
    for day in range(1, 6):
        name = f"2601010{day}"
        run_feature(lab, FEATURE, **{**OPTIONS, "folders": OPTIONS["folders"][:1], "set": name, "set_id": f"etravel-{name}"})
    result = run_feature(lab, FEATURE, state="pruned", folders=OPTIONS["folders"][:1], keep=2)
    assert [one["set"] for one in result["deleted"]] == ["26010101", "26010102", "26010103"]
    (told,) = run_feature(lab, FEATURE, state="query", folders=OPTIONS["folders"][:1])["folders"]
    assert [(one["set"], one["status"]) for one in told["sets"]] == [("26010104", "good"), ("26010105", "good")]


def test_a_run_that_is_killed_while_it_copies_is_made_up_for_by_the_next_one(lab: Lab, machine: Machine) -> None:
    add_disk(machine, "F")
    playbook = write_playbook(lab.root, [{"name": "Copy", "lockstep.backup.disk_copies": OPTIONS}])
    with Run(lab, when(AFTER, "copy /b", "E:"), playbook) as killed:
        killed.wait()
    assert killed.killed_at is not None
    assert machine.files.exists("E:\\Copies\\etravel\\26010101.partial")
    run = run_playbook(lab, playbook)
    assert run.exit_code == 0, run.output
    assert [copy["state"] for copy in run.result("Copy")["copies"]] == ["copied", "copied"]
    assert machine.files.names("E:\\Copies\\etravel") == ["26010101"]
