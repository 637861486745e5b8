# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What has to be asked of a host before avbackup may run. Private to lockstep.backup: not a public interface."""

from __future__ import annotations

import functools

from ansible_collections.lockstep.backup.plugins.module_utils.altium.checks import Facts, PathFact
from ansible_collections.lockstep.backup.plugins.module_utils.altium.record import STOP, Previous
from ansible_collections.lockstep.backup.plugins.module_utils.altium.settings import BACKUP, Settings
from ansible_collections.lockstep.backup.plugins.module_utils.feature import Task
from ansible_collections.lockstep.backup.plugins.module_utils.host.absent import or_none
from ansible_collections.lockstep.backup.plugins.module_utils.host.base import Host
from ansible_collections.lockstep.backup.plugins.module_utils.quiesce import held


def path_facts(host: Host, settings: Settings) -> list[PathFact]:
    """Only of the zip is it asked on which disk it lies: of the others, the account sees at once whether they are there."""
    absolute = host.is_absolute(settings.zip_path)
    facts = [PathFact("path", settings.zip_path, absolute, host.is_local(settings.zip_path) if absolute else None)]
    others = [("tool_folder", settings.tool_folder), ("ini", settings.ini), ("log", settings.log)]
    others += [("data_folders", folder) for folder in settings.data_folders]
    return facts + [PathFact(option, path, host.is_absolute(path), True) for option, path in others]


def gather(task: Task, settings: Settings, previous: Previous, ask_units: bool) -> Facts:
    """Everything that the checks judge; ``ask_units`` where the units are expected to be stopped by now."""
    host = task.host
    tool, ini = host.stat(settings.tool), host.stat(settings.ini)
    target = host.stat(settings.zip_path)
    parent = host.stat(host.parent(settings.zip_path))
    data_bytes, missing = (None, []) if settings.operation != BACKUP else _data_size(host, settings)
    running = None
    if ask_units and settings.quiesced is not None:
        running = tuple(unit.name for unit in held.still_quiesced(task, settings.quiesced))
    return Facts(
        admin=host.is_admin(),
        tool_there=tool is not None and not tool.is_dir,
        tool_version=tool.version if tool is not None else None,
        ini_there=ini is not None and not ini.is_dir,
        zip_bytes=target.size if target and not target.is_dir else None,
        zip_is_folder=bool(target and target.is_dir),
        folder_there=parent is not None,
        folder_is_file=bool(parent and not parent.is_dir),
        free_bytes=host.free_bytes(settings.zip_path) if settings.operation == BACKUP else 0,
        data_bytes=data_bytes,
        missing_data_folders=tuple(missing),
        monitor_pids=tuple(host.processes(settings.health_monitor)),
        tool_pids=tuple(host.processes(settings.program)),
        tool_is_ours=previous.action == STOP,
        running_units=running,
    )


def _data_size(host: Host, settings: Settings) -> tuple[int | None, list[str]]:
    """Bytes below all data folders together, None when none is given or one is missing; and the missing ones."""
    total, missing = 0, []
    for folder in settings.data_folders:
        size = or_none(functools.partial(host.tree_bytes, folder))
        if size is None:
            missing.append(folder)
        total += size or 0
    return (total if settings.data_folders and not missing else None), missing
