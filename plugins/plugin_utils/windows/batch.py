# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The batch files that Lockstep leaves on a Windows host. Private to lockstep.backup: not a public interface."""

from __future__ import annotations

import collections.abc
import datetime
import xml.sax.saxutils

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.plugin_utils.windows.quoting import batch_line, quote_argument, quote_path

EXIT_PREFIX = "exit."
TASK_FOLDER = "\\Lockstep\\"
"""Where the task scheduler has all tasks that Lockstep makes."""
NAMESPACE = "http://schemas.microsoft.com/windows/2004/02/mit/task"


def job_script(
    folder: str,
    argv: collections.abc.Sequence[str],
    cwd: str | None,
    env: collections.abc.Mapping[str, str],
    discard_output: bool,
) -> str:
    """A job's run.cmd. Its exit code becomes the name of an empty file, so that one listing of the folder tells it all."""
    out = "nul" if discard_output else quote_path(f"{folder}\\stdout.log")
    err = quote_path(f"{folder}\\stderr.log")
    lines = ["@echo off", "chcp 65001 >nul", "setlocal DisableDelayedExpansion"]
    for name, value in env.items():
        if '"' in value or "\n" in value or "=" in name:
            raise LockstepError("argument_invalid", f"The environment variable {name} cannot be set in a batch file.")
        lines.append(f'set "{name}={value.replace("%", "%%")}"')
    if cwd:
        lines.append(f"cd /d {quote_path(cwd)} 2>{err}")
        lines.append(f'if errorlevel 1 type nul >"{folder}\\{EXIT_PREFIX}1" & exit /b 1')
    lines.append(f"{batch_line(argv)} >{out} 2>{err} <nul")
    lines.append(f'type nul >"{folder}\\{EXIT_PREFIX}%ERRORLEVEL%"')
    return "\n".join(lines) + "\n"


def timer_script(commands: collections.abc.Iterable[collections.abc.Sequence[str]], log: str, marker: str) -> str:
    """The plain .cmd of a lease: a person can read what will happen, and run it by hand."""
    lines = [
        "@echo off",
        "chcp 65001 >nul",
        "rem Lockstep lease: the run that stopped these units did not come back in time. They are started again, in order.",
        f"type nul >{quote_path(marker)}",
        f">>{quote_path(log)} echo %DATE% %TIME% lease fired",
    ]
    for argv in commands:
        line = batch_line(argv)
        lines.append(f">>{quote_path(log)} echo %DATE% %TIME% {_echoed(argv)}")
        lines.append(f"{line} >>{quote_path(log)} 2>&1 <nul")
        lines.append(f">>{quote_path(log)} echo %DATE% %TIME% exit code %ERRORLEVEL%")
    return "\n".join(lines) + "\n"


def _echoed(argv: collections.abc.Sequence[str]) -> str:
    text = " ".join(argv).replace("%", "%%")
    return "".join(f"^{character}" if character in "&|<>^()" else character for character in text)


def task_xml(script: str, at: datetime.datetime) -> str:
    """A one-shot task, as SYSTEM, that also runs when its time was missed (the machine was off). Free of the host's language."""
    utc = at.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    arguments = xml.sax.saxutils.escape(f'/d /c "{quote_path(script)}"')
    text = f"""<Task version="1.2" xmlns="{NAMESPACE}">
<Triggers><TimeTrigger><StartBoundary>{utc}</StartBoundary><Enabled>true</Enabled></TimeTrigger></Triggers>
<Principals><Principal id="Author"><UserId>S-1-5-18</UserId><RunLevel>HighestAvailable</RunLevel></Principal></Principals>
<Settings>
<MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
<DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
<StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
<StartWhenAvailable>true</StartWhenAvailable>
<ExecutionTimeLimit>PT1H</ExecutionTimeLimit>
</Settings>
<Actions Context="Author"><Exec><Command>cmd.exe</Command><Arguments>{arguments}</Arguments></Exec></Actions>
</Task>
"""
    return _plain_text(text)


def session_task_xml(
    user: str, actions: collections.abc.Iterable[collections.abc.Sequence[str]], cwd: str | None, enabled: bool, endless: bool
) -> str:
    """A task without a time of its own: once asked to, it runs the actions one after the other in the desktop session of ``user``,
    and only while that user is logged on. ``endless``: the last action may run for ever; otherwise the task is ended in time.

    The programs get the priority that they have when a person starts them; a task's own default is lower.
    """
    folder = f"<WorkingDirectory>{xml.sax.saxutils.escape(cwd)}</WorkingDirectory>" if cwd else ""
    execs = "\n".join(
        f"<Exec><Command>{xml.sax.saxutils.escape(argv[0])}</Command>"
        f"<Arguments>{xml.sax.saxutils.escape(' '.join(map(quote_argument, argv[1:])))}</Arguments>{folder}</Exec>"
        for argv in actions
    )
    text = f"""<Task version="1.2" xmlns="{NAMESPACE}">
<Principals><Principal id="Author"><UserId>{xml.sax.saxutils.escape(user)}</UserId>
<LogonType>InteractiveToken</LogonType><RunLevel>LeastPrivilege</RunLevel></Principal></Principals>
<Settings>
<Enabled>{str(enabled).lower()}</Enabled>
<MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
<DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
<StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
<ExecutionTimeLimit>{"PT0S" if endless else "PT1H"}</ExecutionTimeLimit>
<Priority>5</Priority>
</Settings>
<Actions Context="Author">
{execs}
</Actions>
</Task>
"""
    return _plain_text(text)


def _plain_text(text: str) -> str:
    """schtasks guesses the encoding of a file without a declaration; character references leave nothing to guess."""
    return text.encode("ascii", "xmlcharrefreplace").decode("ascii")
