# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What backup_command is told to do, as data. Pure. Private to lockstep.backup: not a public interface."""

from __future__ import annotations

import codecs
import dataclasses
import re
import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.command.formats import FORMATS, PATTERNS, Expected
from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.feature import OWNER_SPEC
from ansible_collections.lockstep.backup.plugins.module_utils.host.base import Host

CHECKED = "checked"
FINISHED = "finished"
QUERY = "query"
RECOVERED = "recovered"

ARGUMENT_SPEC: t.Mapping[str, t.Any] = {
    **OWNER_SPEC,
    "state": {"type": "str", "choices": [CHECKED, FINISHED, QUERY, RECOVERED], "default": FINISHED},
    "name": {"type": "str", "required": True},
    "argv": {"type": "list", "elements": "str"},
    "cwd": {"type": "str"},
    "idle_programs": {"type": "list", "elements": "str", "default": []},
    "success_codes": {"type": "list", "elements": "int", "default": [0]},
    "log": {"type": "str"},
    "log_format": {"type": "str", "choices": list(FORMATS)},
    "log_code_page": {"type": "str", "default": "cp1252"},
    "success_patterns": {"type": "list", "elements": "str", "default": []},
    "failure_patterns": {"type": "list", "elements": "str", "default": []},
    "max_skipped": {"type": "int", "default": 0},
    "keep_log": {"type": "str"},
    "timeout": {"type": "int", "default": 28800},
    "quiesced": {"type": "str"},
    "max_outage": {"type": "int"},
    "state_folder": {"type": "str"},
}

REQUIRED_IF = (("state", CHECKED, ("argv", "log_format")), ("state", FINISHED, ("argv", "log_format")))

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")


@dataclasses.dataclass(frozen=True)
class Settings:
    """One call of backup_command. Times are seconds; ``log`` is None where the program's own output is its log."""

    name: str
    argv: tuple[str, ...]
    cwd: str | None
    idle_programs: tuple[str, ...]
    success_codes: tuple[int, ...]
    log: str | None
    log_code_page: str
    expected: Expected
    keep_log: str | None
    timeout: int
    quiesced: str | None
    max_outage: int | None
    job_folder: str
    record: str
    output: str

    @property
    def program(self) -> str:
        return self.argv[0] if self.argv else ""


def settings_from(params: t.Mapping[str, t.Any], host: Host) -> Settings:
    """The validated options as settings; ``option_invalid`` names all that cannot be meant, ``invalid_name`` the name."""
    problems = option_problems(params)
    if problems:
        raise LockstepError("option_invalid", "Options of backup_command that cannot be meant: " + "; ".join(problems) + ".")
    name = params["name"]
    if not _NAME.fullmatch(name):
        raise LockstepError(
            "invalid_name",
            f"The name {name!r} cannot name a command: use letters, digits, dot, underscore and hyphen, at most 80 of them, "
            "beginning with a letter or digit.",
        )
    state_folder = params["state_folder"] or host.state_folder
    return Settings(
        name=name,
        argv=tuple(params["argv"] or ()),
        cwd=params["cwd"],
        idle_programs=tuple(params["idle_programs"]),
        success_codes=tuple(params["success_codes"]),
        log=params["log"],
        log_code_page=params["log_code_page"],
        expected=Expected(
            params["log_format"] or PATTERNS,
            tuple(params["success_patterns"]),
            tuple(params["failure_patterns"]),
            params["max_skipped"],
        ),
        keep_log=params["keep_log"],
        timeout=params["timeout"],
        quiesced=params["quiesced"],
        max_outage=params["max_outage"],
        job_folder=host.join(state_folder, "jobs", f"command-{name}"),
        record=host.join(state_folder, "commands", f"{name}.json"),
        output=host.join(state_folder, "commands", f"{name}.log"),
    )


def option_problems(params: t.Mapping[str, t.Any]) -> list[str]:
    """What no host needs to be asked for, as phrases for one sentence."""
    problems = []
    runs = params["state"] in (CHECKED, FINISHED)
    if runs and not params["argv"]:
        problems.append("argv must name a program")
    if not params["success_codes"]:
        problems.append("success_codes must name at least one code")
    if runs and params["log_format"] == PATTERNS and not params["success_patterns"]:
        problems.append("log_format=patterns needs success_patterns: without one nothing could say that the backup succeeded")
    if params["max_skipped"] < 0:
        problems.append(f"max_skipped must not be negative, but is {params['max_skipped']}")
    above_zero = [name for name in ("timeout", "max_outage") if params[name] is not None]
    problems += [f"{name} must be more than 0, not {params[name]}" for name in above_zero if params[name] <= 0]
    for option in ("success_patterns", "failure_patterns"):
        wrong = [repr(pattern) for pattern in params[option] if not _is_regex(pattern)]
        problems += [f"{option} has {pattern}, which is no regular expression" for pattern in wrong]
    try:
        codecs.lookup(params["log_code_page"])
    except LookupError:
        problems.append(f"log_code_page must be the name of a code page such as cp1252, not {params['log_code_page']!r}")
    return problems


def _is_regex(pattern: str) -> bool:
    try:
        re.compile(pattern)
    except re.error:
        return False
    return True
