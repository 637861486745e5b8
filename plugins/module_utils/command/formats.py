# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the logs of backup programs say. Pure. Private to lockstep.backup: not a public interface.

Both known formats are those of an English Windows; for another language, or another program, there is ``patterns``.
Sources: Microsoft's KB 239892 and 839591 and administrators' own log checkers for ntbackup, published transcripts for wbadmin.
"""

from __future__ import annotations

import dataclasses
import re
import typing as t

NTBACKUP = "ntbackup"
WBADMIN = "wbadmin"
PATTERNS = "patterns"

MOST_LINES = 5
"""Lines that a message repeats."""


@dataclasses.dataclass(frozen=True)
class Expected:
    """How a log is judged: its format; regular expressions, of which each of ``success`` must match somewhere and none of
    ``failure`` may (without regard to case, ^ and $ at each line); and how many files may have been left out."""

    log_format: str
    success: tuple[str, ...] = ()
    failure: tuple[str, ...] = ()
    max_skipped: int = 0


@dataclasses.dataclass
class Counts:
    """What the log counts itself, summed over its sets; None where it does not say. ``bytes`` are bytes; ``skipped`` are files that
    were left out or not read completely; ``different`` are those that the program's own comparison found different."""

    sets: int | None = None
    directories: int | None = None
    files: int | None = None
    bytes: int | None = None
    skipped: int | None = None
    different: int | None = None

    def as_dict(self) -> dict[str, t.Any]:
        return dataclasses.asdict(self)


@dataclasses.dataclass
class Findings:
    """``failures`` are lines that tell a failure, ``missing`` phrases of what a log of a success would have, ``skipped`` lines
    about files that were left out."""

    counts: Counts = dataclasses.field(default_factory=Counts)
    failures: list[str] = dataclasses.field(default_factory=list)
    missing: list[str] = dataclasses.field(default_factory=list)
    skipped: list[str] = dataclasses.field(default_factory=list)


def read(text: str, expected: Expected) -> Findings:
    """All that the log says, by its format and by the patterns."""
    findings = FORMATS[expected.log_format](text.splitlines())
    if not text.strip():
        findings.missing.append("anything at all")
    for pattern in expected.failure:
        findings.failures += _matching_lines(pattern, text)
    findings.missing += [f"a match of {pattern!r}" for pattern in expected.success if not _search(pattern, text)]
    return findings


def _search(pattern: str, text: str) -> t.Match[str] | None:
    return re.search(pattern, text, re.IGNORECASE | re.MULTILINE)


def _matching_lines(pattern: str, text: str) -> list[str]:
    """Whole lines, since a pattern may match only a word of the sentence that a person needs."""
    found = []
    for match in re.finditer(pattern, text, re.IGNORECASE | re.MULTILINE):
        begin, end = text.rfind("\n", 0, match.start()) + 1, text.find("\n", match.end())
        found.append(text[begin : end if end >= 0 else len(text)].strip())
    return list(dict.fromkeys(found))


_STARTED = re.compile(r"\s*(backup|verify) started on\b", re.IGNORECASE)
_COMPLETED = re.compile(r"\s*(backup|verify) completed on\b", re.IGNORECASE)
_NUMBER = re.compile(r"\s*(directories|files|bytes|different|skipped|corrupt)\s*:\s*([\d.,' \u00a0\u202f]*\d)\s*\Z", re.IGNORECASE)
_TIME = re.compile(r"\s*time\s*:", re.IGNORECASE)
# A full log lists the names of all files: what is no whole sentence of the program could be one of them.
_NTBACKUP_FAILURE = re.compile(
    r"\s*error\s*:|.*\bthe (?:operation|backup|job) (?:was|has been) (?:ended|aborted|cancell?ed)\b"
    r"|.*\bthe (?:operation|backup) (?:was not (?:successfully )?completed|did not complete|failed)\b|.*\bfailed to mount\b",
    re.IGNORECASE,
)
_NTBACKUP_SKIPPED = re.compile(r"\s*warning\b\s*[:\-]|.*\b(?:in use|unable to open)\b.*\bskipped\b", re.IGNORECASE)


def _ntbackup(lines: t.Sequence[str]) -> Findings:
    """Every set begins, completes, and has its numbers up to the time that it took; so has its verification.

    A log that was cut short, or whose program was ended, lacks one of these.
    """
    findings = Findings(Counts(sets=0, directories=0, files=0, bytes=0, skipped=0))
    counts = findings.counts
    begun: str | None = None
    counting: str | None = None
    counted_skipped = 0
    for line in lines:
        if _NTBACKUP_FAILURE.match(line):
            findings.failures.append(line.strip())
        elif _NTBACKUP_SKIPPED.match(line):
            findings.skipped.append(line.strip())
        elif _STARTED.match(line):
            findings.missing += _unended(begun, counting)
            begun, counting = _kind(_STARTED, line), None
        elif _COMPLETED.match(line):
            kind = _kind(_COMPLETED, line)
            if begun != kind:
                findings.missing.append(f"the start of what completed with {line.strip()!r}")
            begun, counting = None, kind
        elif counting is not None and _TIME.match(line):
            counts.sets = (counts.sets or 0) + (counting == "backup")
            counting = None
        elif counting is not None:
            counted_skipped += _count(counts, counting, line)
    findings.missing += _unended(begun, counting)
    if not counts.sets:
        findings.missing.append("a set that was begun and completed")
    if counts.different:
        findings.failures.append(f"the verification found {counts.different} different files")
    # A full log names them and counts them.
    counts.skipped = max(counted_skipped, len(findings.skipped))
    return findings


def _kind(pattern: t.Pattern[str], line: str) -> str:
    match = pattern.match(line)
    return match.group(1).lower() if match else ""


def _unended(begun: str | None, counting: str | None) -> list[str]:
    if begun is not None:
        return [f"the end of a {begun} that was begun"]
    return [f"the numbers of a {counting} that was completed"] if counting is not None else []


def _count(counts: Counts, kind: str, line: str) -> int:
    """Add the number of a line below ``… completed on``; files that it says were left out."""
    match = _NUMBER.match(line)
    if match is None:
        return 0
    name, number = match.group(1).lower(), int(re.sub(r"\D", "", match.group(2)))
    if name in ("skipped", "corrupt"):
        return number
    if name == "different":
        counts.different = (counts.different or 0) + number
    elif kind == "backup":
        setattr(counts, name, getattr(counts, name) + number)
    return 0


_WBADMIN_SUCCESS = re.compile(r"\s*the (?:system state )?backup operation (?:to .+ )?successfully completed\.?\s*\Z", re.IGNORECASE)
_WBADMIN_VOLUME = re.compile(
    r"\s*the backup of (?:the )?(?:volume .+|system state.*) completed successfully\.?\s*\Z", re.IGNORECASE
)
_WBADMIN_FAILURE = re.compile(
    r"\s*(?:windows server backup[: -]+)?error\b|\s*detailed error\b|.*\bcompleted with (?:errors|warnings)\b"
    r"|.*\bstopped before completing\b|.*\bbackup (?:operation |of .+ )?(?:has )?(?:failed|was cancell?ed|did not complete)\b"
    r"|\s*there was a failure\b",
    re.IGNORECASE,
)


def _wbadmin(lines: t.Sequence[str]) -> Findings:
    """The sentence of success alone is not enough: a run that left something out may print it, too."""
    findings = Findings(Counts(sets=0))
    findings.failures = list(dict.fromkeys(line.strip() for line in lines if _WBADMIN_FAILURE.match(line)))
    findings.counts.sets = len({line.strip() for line in lines if _WBADMIN_VOLUME.match(line)})
    if not any(_WBADMIN_SUCCESS.match(line) for line in lines):
        findings.missing.append("that the backup operation successfully completed")
    return findings


FORMATS: t.Mapping[str, t.Callable[[t.Sequence[str]], Findings]] = {
    NTBACKUP: _ntbackup,
    WBADMIN: _wbadmin,
    PATTERNS: lambda lines: Findings(),
}
