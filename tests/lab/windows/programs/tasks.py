# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""schtasks: scheduled tasks from the command line."""

from __future__ import annotations

import typing as t

from tests.lab.windows.errors import WinError
from tests.lab.windows.execution import Execution
from tests.lab.windows.tasks import TaskXmlError, decode_task_file
from tests.lab.windows.tool import Tool

_WITH_VALUE = ("/tn", "/xml")
_FLAGS = ("/f", "/enable", "/disable")


def _options(arguments: list[str]) -> dict[str, str] | None:
    """Switches and values; None when there is one that the lab does not know."""
    found: dict[str, str] = {}
    rest = list(arguments)
    while rest:
        switch = rest.pop(0).lower()
        if switch in _WITH_VALUE and rest:
            found[switch] = rest.pop(0)
        elif switch in _FLAGS:
            found[switch] = ""
        else:
            return None
    return found


def schtasks(run: Execution) -> int:
    arguments = run.arguments
    verb = arguments[0].lower() if arguments else ""
    options = _options(arguments[1:])
    if options is None or "/tn" not in options or verb not in ("/create", "/delete", "/query", "/change", "/end", "/run"):
        return run.unknown("schtasks")
    name = options["/tn"]
    tasks = run.machine.tasks
    if verb != "/query" and not run.user.admin:
        run.err("ERROR: Access is denied.\n")
        return 1
    if verb == "/create":
        return _create(run, name, options)
    task = tasks.find(name)
    if task is None:
        run.err("ERROR: The system cannot find the file specified.\n")
        return 1
    if verb == "/query":
        if options.get("/xml", "").upper() != "ONE":
            return run.unknown("schtasks /query without /xml ONE")
        run.out(task.definition.xml + "\n")
        return 0
    if verb == "/delete":
        if "/f" not in options:
            return run.unknown("schtasks /delete without /f would ask")
        tasks.delete(task)
        run.out(f'SUCCESS: The scheduled task "{name}" was successfully deleted.\n')
    elif verb == "/change":
        if ("/enable" in options) == ("/disable" in options):
            return run.unknown("schtasks /change")
        tasks.enable(task, "/enable" in options)
        run.out(f'SUCCESS: The parameters of scheduled task "{name}" have been changed.\n')
    elif verb == "/end":
        tasks.end(task)
        run.out(f'SUCCESS: The scheduled task "{name}" has been terminated successfully.\n')
    elif not task.enabled:
        run.err("ERROR: The scheduled task cannot be run because it is disabled.\n")
        return 1
    else:
        tasks.run_now(task)
        run.out(f'SUCCESS: Attempted to run the scheduled task "{name}".\n')
    return 0


def _create(run: Execution, name: str, options: dict[str, str]) -> int:
    if "/xml" not in options:
        return run.unknown("schtasks /create without /xml")
    if run.machine.tasks.find(name) is not None and "/f" not in options:
        run.err(f'WARNING: The task name "{name}" already exists. Do you want to replace it (Y/N)? \n')
        return 1
    try:
        text = decode_task_file(run.machine.files.read(run.path(options["/xml"])))
        run.machine.tasks.register(name, text)
    except WinError as error:
        run.err(f"ERROR: {error.text}\n")
        return 1
    except TaskXmlError as error:
        if error.unknown:
            run.machine.report_unknown("task", str(error))
        run.err(f"ERROR: The task XML is malformed.\n{error}\n")
        return 1
    run.out(f'SUCCESS: The scheduled task "{name}" has successfully been created.\n')
    return 0


TOOLS: t.Mapping[str, Tool] = {
    "schtasks.exe": Tool(schtasks, lambda arguments: bool(arguments) and arguments[0].lower() == "/query"),
}
