# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must be so before a backup program may run. Private to lockstep.backup: not a public interface."""

from __future__ import annotations

import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.checks import Check, pids
from ansible_collections.lockstep.backup.plugins.module_utils.command.record import STOP, Previous
from ansible_collections.lockstep.backup.plugins.module_utils.command.settings import Settings
from ansible_collections.lockstep.backup.plugins.module_utils.feature import Task
from ansible_collections.lockstep.backup.plugins.module_utils.host.base import Host
from ansible_collections.lockstep.backup.plugins.module_utils.quiesce import held


def make_checks(task: Task, settings: Settings, previous: Previous, ask_units: bool) -> list[Check]:
    """Ask the host and judge; ``ask_units`` where the units are expected to be stopped by now."""
    host = task.host
    found = [_program(host, settings), _idle(host, settings, previous)]
    if settings.cwd is not None:
        found.append(_folder(host, "cwd", settings.cwd, settings.cwd))
    if settings.log is not None:
        found.append(_folder(host, "log", settings.log, host.parent(settings.log)))
    if settings.keep_log is not None and not host.is_absolute(settings.keep_log):
        # Its folder may be that of a set which has not been opened yet.
        found.append(_not_absolute(host, "keep_log", settings.keep_log))
    if ask_units and settings.quiesced is not None:
        found.append(_units(settings, [unit.name for unit in held.still_quiesced(task, settings.quiesced)]))
    return found


def _program(host: Host, settings: Settings) -> Check:
    if not host.is_absolute(settings.program):
        return Check("program", True, f"{settings.program} is looked for on the PATH when it is started.")
    found = host.stat(settings.program)
    if found is not None and not found.is_dir:
        return Check("program", True, f"{settings.program} is there.")
    return Check("program", False, f"{settings.program} is not on {host.name}. Correct argv, or install it.", "tool_missing")


def _idle(host: Host, settings: Settings, previous: Previous) -> Check:
    """What the job of a run that is over still runs is stopped before the program is started, and stands in nobody's way."""
    running = {program: host.processes(program) for program in settings.idle_programs}
    busy = [f"{program} ({pids(numbers)})" for program, numbers in running.items() if numbers]
    if not busy or previous.action == STOP:
        return Check("idle", True, "No program runs that must not run beside it." if not busy else "An old job will be stopped.")
    return Check("idle", False, f"On {host.name} runs {', '.join(busy)}. Wait until it has ended, or end it.", "tool_running")


def _folder(host: Host, option: str, path: str, folder: str) -> Check:
    if not host.is_absolute(path):
        return _not_absolute(host, option, path)
    found = host.stat(folder)
    if found is None or not found.is_dir:
        detail = f"{option}: there is no folder {folder} on {host.name}. Correct it, or make it."
        return Check(option, False, detail, "path_missing")
    return Check(option, True, f"{folder} is there.")


def _not_absolute(host: Host, option: str, path: str) -> Check:
    return Check(option, False, f"{option} must be an absolute path on {host.name}, not {path}.", "path_not_absolute")


def _units(settings: Settings, running: t.Sequence[str]) -> Check:
    if not running:
        return Check("units", True, f"Everything that {settings.quiesced} has stopped is stopped.")
    detail = f"{', '.join(running)} should be stopped by {settings.quiesced}, and run. Find what started them, and quiesce again."
    return Check("units", False, detail, "not_quiesced")
