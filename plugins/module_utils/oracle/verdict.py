# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Judging what exp, imp and Data Pump left behind. Private to lockstep.backup: not a public interface.

Success is never concluded from one sign alone, and what is not known here counts as failure. Exit codes: exp and imp give 0
for success, with and without warnings, on UNIX (Oracle Utilities, "Exit Codes"); those on Windows are not documented.
"""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.oracle.failures import SENTENCES, slug_for

TAIL_LINES = 40
# A log has one line for each table. More than this many bytes of it are not needed to judge its end.
LOG_BYTES = 1024 * 1024

SUCCEEDED = "without warnings"
WARNED = "with warnings"
FAILED = "unsuccessfully"
NONE = "no end line"

CLASSIC_WORDS = {"exp": "Export", "imp": "Import"}
CLASSIC_END = re.compile(
    r"^(Export|Import) terminated (successfully without warnings|successfully with warnings|unsuccessfully)\.?\s*$"
)
# Whose tables come next: exp names the schema once for all of them, imp with its new name.
CLASSIC_SCHEMA = re.compile(r"^\. (?:about to export (\S+)'s tables via|importing \S+'s objects into (\S+))")
CLASSIC_TABLE = re.compile(r'^\. \. (?:exporting|importing) (?:table|partition)\s+"?([^"\s]+)"?\s+(\d+) rows (?:exported|imported)')
# Data Pump puts the time before each line when LOGTIME is set.
ERROR_LINE = re.compile(r"^\s*(?:\d\d-\w{3}-\d\d \d\d:\d\d:\d\d\.\d+: )?((?:EXP|IMP|ORA|LRM|UDE|UDI|KUP)-\d{5})\b")

DATAPUMP_END = re.compile(
    r'Job "[^"]+"\."[^"]+" '
    r"(?:(successfully completed)|completed with (\d+) error\(s\)|(stopped due to fatal error)|(stopped by user request))"
)
DATAPUMP_TABLE = re.compile(r'^(?:\S+ \S+: )?\. \. (?:exported|imported) "([^"]+)"\."([^"]+)"(?::"[^"]+")*\s.*?(\d+) rows')

# With warnings the UNIX manual says 0; 2 is what a public tool has met elsewhere. Any other code is unknown.
CODES_WITH_WARNINGS = (0, 2)


@dataclasses.dataclass(frozen=True)
class Verdict:
    """``problems`` are the reasons against it, empty when it is good. ``slug`` names the cause as far as the codes tell."""

    slug: str
    end: str
    problems: tuple[str, ...]
    codes: tuple[str, ...]
    error_lines: tuple[str, ...]
    warnings: tuple[str, ...]
    tables: t.Mapping[str, int]

    @property
    def good(self) -> bool:
        return not self.problems

    @property
    def rows(self) -> int:
        return sum(self.tables.values())


def lines_with_codes(log: str) -> list[tuple[str, str]]:
    """Code and line, of the lines that begin with one."""
    found = ((ERROR_LINE.match(line), line.strip()) for line in log.splitlines())
    return [(match.group(1), line) for match, line in found if match]


def classic_end(tool: str, log: str) -> str:
    """What the last line that is not blank says, if it is the only end line of the log and this tool's."""
    lines = [line for line in log.splitlines() if line.strip()]
    ends = [match for match in map(CLASSIC_END.match, lines) if match]
    if len(ends) != 1 or not CLASSIC_END.match(lines[-1]) or ends[0].group(1) != CLASSIC_WORDS[tool]:
        return NONE
    return {"successfully without warnings": SUCCEEDED, "successfully with warnings": WARNED, "unsuccessfully": FAILED}[
        ends[0].group(2)
    ]


def classic_tables(log: str, full: bool) -> dict[str, int]:
    """Rows by table (of a whole database: by schema and table); the partitions of one are added up."""
    tables: dict[str, int] = {}
    schema = ""
    for line in log.splitlines():
        begins = CLASSIC_SCHEMA.match(line)
        if begins:
            schema = begins.group(1) or begins.group(2)
        match = CLASSIC_TABLE.match(line)
        if match:
            name = f"{schema}.{match.group(1)}" if full else match.group(1)
            tables[name] = tables.get(name, 0) + int(match.group(2))
    return tables


def judge_classic(tool: str, exit_code: int | None, log: str, allowed: t.Collection[str] = (), full: bool = False) -> Verdict:
    """``tool``: exp or imp. ``full``: of a whole database. ``allowed``: codes (``EXP-00091``) that do not make a failure of it."""
    end = classic_end(tool, log)
    found = lines_with_codes(log)
    codes = list(dict.fromkeys(code for code, _line in found))
    refused = [code for code in codes if code not in allowed]
    problems = []
    if end == NONE:
        problems.append("the log has no end line, or more than one")
    elif end == FAILED:
        problems.append("the log ends with 'terminated unsuccessfully'")
    elif end == WARNED and not codes:
        problems.append("the log ends with 'with warnings' and does not say which")
    if refused:
        problems.append(f"the log has {', '.join(refused)}")
    if exit_code is None or exit_code not in (CODES_WITH_WARNINGS if end == WARNED else (0,)):
        problems.append(f"the exit code is {exit_code}")
    default = "export_failed" if tool == "exp" else "import_failed"
    return Verdict(
        slug=slug_for(refused, default),
        end=end,
        problems=tuple(problems),
        codes=tuple(codes),
        error_lines=tuple(line for code, line in found if code in refused),
        warnings=tuple(line for code, line in found if code in allowed),
        tables=classic_tables(log, full),
    )


def datapump_end(log: str) -> tuple[str, int | None]:
    """What the only end line says, and the number of errors that it tells."""
    ends = list(DATAPUMP_END.finditer(log))
    if len(ends) != 1:
        return NONE, None
    completed, errors, fatal, _user = ends[0].groups()
    if completed:
        return SUCCEEDED, 0
    if errors is not None:
        return WARNED, int(errors)
    return "stopped due to fatal error" if fatal else "stopped by user request", None


def datapump_tables(log: str, full: bool) -> dict[str, int]:
    tables: dict[str, int] = {}
    for match in filter(None, map(DATAPUMP_TABLE.match, log.splitlines())):
        name = f"{match.group(1)}.{match.group(2)}" if full else match.group(2)
        tables[name] = tables.get(name, 0) + int(match.group(3))
    return tables


def judge_datapump(
    operation: str,
    state: str | None,
    error_count: int | None,
    still_listed: str | None,
    log: str,
    allowed: t.Collection[str] = (),
    full: bool = False,
) -> Verdict:
    """``operation``: EXPORT or IMPORT. ``state`` and ``error_count`` as last told by GET_STATUS, None when the job was gone
    before it could be asked. ``still_listed``: the state in which the dictionary still has the job, None when it has none."""
    end, errors = datapump_end(log)
    found = lines_with_codes(log)
    codes = list(dict.fromkeys(code for code, _line in found))
    refused = [code for code in codes if code not in allowed]
    problems = []
    if end == NONE:
        problems.append("the log has no end line, or more than one")
    elif end == WARNED and (not codes or refused):
        problems.append(f"the log ends with {errors} error(s)")
    elif end not in (SUCCEEDED, WARNED):
        problems.append(f"the log says that the job was {end}")
    if refused:
        problems.append(f"the log has {', '.join(refused)}")
    if state not in (None, "COMPLETED"):
        problems.append(f"the job's last state was {state}")
    if error_count and not (end == WARNED and codes and not refused):
        problems.append(f"the job counted {error_count} error(s)")
    if still_listed is not None:
        problems.append(f"the database still lists the job as {still_listed}")
    return Verdict(
        slug=slug_for(refused, f"{operation.lower()}_failed"),
        end=end,
        problems=tuple(problems),
        codes=tuple(codes),
        error_lines=tuple(line for code, line in found if code in refused),
        warnings=tuple(line for code, line in found if code in allowed),
        tables=datapump_tables(log, full),
    )


def failed(verdict: Verdict, what: str, log: str, tail: str) -> LockstepError:
    """The error of a verdict that is not good."""
    advice = f" {SENTENCES[verdict.slug]}" if verdict.slug in SENTENCES else " Read the log, correct the cause and run again."
    return LockstepError(
        verdict.slug,
        f"{what} failed: {'; '.join(verdict.problems)}. The log is {log}.{advice}",
        problems=list(verdict.problems),
        error_lines=list(verdict.error_lines),
        oracle_codes=list(verdict.codes),
        log_tail=tail,
    )
