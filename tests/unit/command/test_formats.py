# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is read out of the logs of backup programs: success only where all of it is there."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.lockstep.backup.plugins.module_utils.command.formats import Expected, Findings, read
from tests.unit.command.program import GOOD_LOG, HEAD, SET_C, SET_D

NTBACKUP = Expected("ntbackup")
WBADMIN = Expected("wbadmin")
VERIFIED = """\
Verify started on 11/8/2002 at 6:51 PM.
Verify completed on 11/8/2002 at 7:20 PM.
Directories: 412
Files: 20,012
Different: 0
Bytes: 1,073,741,824
Time:  29 minutes and  2 seconds
"""
WBADMIN_LOG = """\
wbadmin 1.0 - Backup command-line tool
The backup operation to E: is starting.
Creating a shadow copy of the volumes specified for backup...
Creating a backup of volume Data(D:), copied (0%).
Creating a backup of volume Data(D:), copied (100%).
The backup of volume Data(D:) completed successfully.
Summary of the backup operation:
------------------

The backup operation successfully completed.
The backup of volume Data(D:) completed successfully.
Log of files successfully backed up:
C:\\Windows\\Logs\\WindowsServerBackup\\Backup-08-11-2002_17-45-03.log
"""


def proves(findings: Findings) -> bool:
    return not findings.failures and not findings.missing and not findings.counts.skipped


def test_a_complete_ntbackup_log_proves_a_backup_and_its_numbers_are_summed() -> None:
    findings = read(GOOD_LOG, NTBACKUP)
    assert proves(findings)
    assert findings.counts.as_dict() == {
        "sets": 2,
        "directories": 824,
        "files": 40024,
        "bytes": 2147483648,
        "skipped": 0,
        "different": None,
    }


def test_numbers_are_read_however_thousands_are_grouped() -> None:
    for grouped in ("20.012", "20 012", "20\u00a0012", "20'012", "20012"):
        assert read(SET_C.replace("20,012", grouped), NTBACKUP).counts.files == 20012


def test_a_verification_counts_no_files_twice_and_must_find_no_difference() -> None:
    findings = read(SET_C + VERIFIED, NTBACKUP)
    assert proves(findings)
    assert (findings.counts.sets, findings.counts.files, findings.counts.different) == (1, 20012, 0)
    assert not proves(read(SET_C + VERIFIED.replace("Different: 0", "Different: 3"), NTBACKUP))


LINES = (HEAD + SET_C).rstrip("\n").split("\n")


@pytest.mark.parametrize("kept", range(len(LINES)))
def test_a_log_that_ends_before_its_last_line_proves_nothing(kept: int) -> None:
    assert not proves(read("\n".join(LINES[:kept]), NTBACKUP))


@pytest.mark.parametrize("what", ["Backup started", "Backup completed", "Time:", "Verify started", "Verify completed"])
def test_a_log_that_lacks_one_of_its_sentences_proves_nothing(what: str) -> None:
    text = GOOD_LOG + VERIFIED
    line = next(line for line in text.split("\n") if line.startswith(what))
    assert proves(read(text, NTBACKUP))
    assert not proves(read(text.replace(line, "", 1), NTBACKUP))


@pytest.mark.parametrize(
    "line",
    [
        "Error: The device reported an error on a request to write data to media.",
        "The operation was ended.",
        "The operation was aborted.",
        "The requested media failed to mount. The operation was aborted.",
        "The backup was not successfully completed.",
    ],
)
def test_a_sentence_of_failure_beside_complete_sets_is_a_failure(line: str) -> None:
    assert read(f"{GOOD_LOG}{line}\n", NTBACKUP).failures == [line]


def test_names_of_files_in_a_full_log_are_no_sentences_of_failure() -> None:
    names = "    error.log      12   11/8/2002   5:00 PM\n    operation aborted.txt      7   11/8/2002   5:00 PM\n"
    assert proves(read(GOOD_LOG.replace("Folder C:\\\n", "Folder C:\\\n" + names), NTBACKUP))


def test_files_that_were_left_out_are_counted() -> None:
    warnings = [
        'Warning: Unable to open "C:\\pagefile.sys" - skipped.',
        'Warning: Portions of "\\data.dbf" cannot be read. The backed up data is corrupt or incomplete.',
    ]
    findings = read(GOOD_LOG.replace("Folder C:\\\n", "\n".join(["Folder C:\\", *warnings, ""]), 1), NTBACKUP)
    assert (findings.counts.skipped, findings.skipped) == (2, warnings)
    assert read(GOOD_LOG.replace("Files: 20,012\n", "Files: 20,012\nSkipped: 3\nCorrupt: 1\n", 1), NTBACKUP).counts.skipped == 4


def test_a_complete_wbadmin_log_proves_a_backup() -> None:
    findings = read(WBADMIN_LOG, WBADMIN)
    assert proves(findings)
    assert (findings.counts.sets, findings.counts.files) == (1, None)


@pytest.mark.parametrize(
    "line",
    [
        "ERROR - A Volume Shadow Copy Service operation error has occurred: (0x800423f4)",
        "The backup operation completed with errors.",
        "Backup completed with warnings.",
        "The backup operation stopped before completing.",
        "Detailed error: The device is not ready.",
        "The backup of volume Data(D:) has failed.",
    ],
)
def test_a_wbadmin_log_with_an_error_or_a_warning_is_a_failure(line: str) -> None:
    assert read(f"{WBADMIN_LOG}{line}\n", WBADMIN).failures == [line]


def test_a_wbadmin_log_without_its_sentence_of_success_proves_nothing() -> None:
    for text in (WBADMIN_LOG.replace("The backup operation successfully completed.", ""), "", WBADMIN_LOG[:200]):
        assert not proves(read(text, WBADMIN))


def test_patterns_must_all_match_in_any_case_and_at_any_line() -> None:
    expected = Expected("patterns", ("^dump complete$", "[0-9]+ tables"))
    assert proves(read("12 Tables\nDump complete\n", expected))
    assert read("12 Tables\nDump complete, almost\n", expected).missing == ["a match of '^dump complete$'"]


def test_a_pattern_of_failure_is_told_with_its_whole_line() -> None:
    expected = Expected("patterns", ("done",), ("warn",))
    assert read("done\n 3 warnings at x \n", expected).failures == ["3 warnings at x"]


@pytest.mark.parametrize("log_format", ["ntbackup", "wbadmin"])
def test_patterns_are_wanted_in_addition_to_a_known_format(log_format: str) -> None:
    text = GOOD_LOG if log_format == "ntbackup" else WBADMIN_LOG
    assert proves(read(text, Expected(log_format, ("backup",), ("nonsense",))))
    assert not proves(read(text, Expected(log_format, ("E: drive",))))
    assert not proves(read(text, Expected(log_format, (), ("backup",))))


@given(st.sampled_from(["ntbackup", "wbadmin", "patterns"]), st.text(max_size=300))
def test_no_other_text_proves_a_backup(log_format: str, text: str) -> None:
    assert not proves(read(text, dataclasses.replace(NTBACKUP, log_format=log_format, success=("complete",)))) or "omplete" in text


def test_two_sets_of_which_one_is_not_complete_prove_nothing() -> None:
    for damaged in (SET_C + SET_D.replace("Backup completed", "x"), SET_C.replace("Time:", "x") + SET_D):
        assert not proves(read(damaged, NTBACKUP))
