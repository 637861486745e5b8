# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An eTravel server on which Lockstep is in use: what its administrator has done before the first run (README of the role)."""

from __future__ import annotations

import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.tape import catalogue as catalogues
from ansible_collections.lockstep.backup.plugins.module_utils.tape import labels, moments, placing
from tests.lab.etravel import EXPORT_TASK
from tests.lab.windows.machine import Machine

LABELS: t.Mapping[str, str] = {
    "export-1": "EXP001",
    "export-2": "EXP002",
    "export-3": "EXP003",
    "full-1": "FUL001",
    "full-2": "FUL002",
}
"""The labels on the tapes of the lab's shelf."""
POOLS: t.Mapping[str, str] = {"EXP": "export", "FUL": "full"}


def take_over(machine: Machine) -> None:
    """Every tape has its label and is in the catalogue, and the site's own export is disabled."""
    task = machine.tasks.find(EXPORT_TASK)
    if task is not None:
        machine.tasks.enable(task, False)
    folder = rf"C:\ProgramData\Lockstep\tapes\{machine.name}"
    path = rf"{folder}\{catalogues.FILE_NAME}"
    if machine.files.exists(path):
        return
    machine.files.ensure_folder(folder)
    machine.files.write(path, catalogues.write(_labelled(machine)).encode())


def _labelled(machine: Machine) -> catalogues.Catalogue:
    """Write the labels; the catalogue of the tapes."""
    drive = machine.tape_drive
    if drive is None:
        raise LookupError(f"{machine.name} has no tape drive")
    now = machine.clock.now()
    at, catalogue = moments.text(now), catalogues.Catalogue(machine.name)
    for number, (name, label) in enumerate(sorted(LABELS.items()), 1):
        pool, volume_id = POOLS[label[:3]], f"{number:012x}"
        info: dict[str, t.Any] = {"installation": machine.name, "pool": pool, "group": "", "label": label, "volume_id": volume_id}
        info.update(set_id=None, written=at, expires=None, labelled=at)
        begins = (labels.vol1(label, machine.name), labels.hdr1("", label, 1, now.date(), now.date()), labels.info_block(info))
        drive.tape(name).replace([*begins, None])
        location = placing.IN_DRIVE if drive.tape(name) is drive.loaded else "shelf"
        catalogue.tapes[label] = catalogues.Tape(label, volume_id, pool, "", at, None, location)
    return catalogue
