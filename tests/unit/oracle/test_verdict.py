# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What exp, imp and Data Pump left is judged by all signs together."""

from __future__ import annotations

import pytest

from ansible_collections.lockstep.backup.plugins.module_utils.oracle.verdict import judge_classic, judge_datapump
from tests.unit.oracle.support import GOOD_DATAPUMP_LOG, GOOD_IMPORT_LOG, GOOD_LOG

WARNED_LOG = """
. . exporting table                      ITEM         12 rows exported
EXP-00091: Exporting questionable statistics.
Export terminated successfully with warnings.
"""
SNAPSHOT_LOG = """
. . exporting table                      ITEM
EXP-00056: ORACLE error 1555 encountered
ORA-01555: snapshot too old: rollback segment number 5 too small
Export terminated unsuccessfully
"""
WITHOUT = "Export terminated successfully without warnings.\n"
WITH = "Export terminated successfully with warnings.\n"


@pytest.mark.parametrize(
    ("exit_code", "log", "allowed", "good"),
    [
        (0, GOOD_LOG, (), True),
        (1, GOOD_LOG, (), False),
        (2, GOOD_LOG, (), False),
        (None, GOOD_LOG, (), False),
        (0, WARNED_LOG, (), False),
        (0, WARNED_LOG, ("EXP-00091",), True),
        (2, WARNED_LOG, ("EXP-00091",), True),
        (1, WARNED_LOG, ("EXP-00091",), False),
        (3, WARNED_LOG, ("EXP-00091",), False),
        (0, WITH, ("EXP-00091",), False),
        (0, f"EXP-00091: x\nEXP-00079: y\n{WITH}", ("EXP-00091",), False),
        (0, SNAPSHOT_LOG, (), False),
        (1, SNAPSHOT_LOG, (), False),
        (1, SNAPSHOT_LOG, ("EXP-00056", "ORA-01555"), False),
        (0, "", (), False),
        (0, GOOD_LOG.replace(WITHOUT, ""), (), False),
        (0, GOOD_LOG.rstrip()[:-20], (), False),
        (0, f"ORA-00600: internal error\n{WITHOUT}", (), False),
        (0, f"{WITHOUT}and something after it\n", (), False),
        (0, WITHOUT + WITHOUT, (), False),
        (0, "Exportación terminada correctamente sin advertencias.\n", (), False),
        (0, GOOD_IMPORT_LOG, (), False),
        (0, GOOD_LOG.replace("\n", "\r\n"), (), True),
    ],
)
def test_an_export_is_good_only_when_exit_code_and_end_line_and_error_lines_agree(
    exit_code: int | None, log: str, allowed: tuple[str, ...], good: bool
) -> None:
    verdict = judge_classic("exp", exit_code, log, allowed)
    assert verdict.good is good
    assert bool(verdict.problems) is not good


def test_an_import_is_judged_by_the_end_line_of_imp() -> None:
    assert judge_classic("imp", 0, GOOD_IMPORT_LOG).good
    assert not judge_classic("imp", 0, GOOD_LOG).good


def test_tables_and_rows_are_read_from_the_log() -> None:
    verdict = judge_classic("exp", 0, GOOD_LOG)
    assert dict(verdict.tables) == {"ITEM": 12, "REVISION": 1043}
    assert verdict.rows == 1055


@pytest.mark.parametrize(
    ("lines", "slug"),
    [
        ("EXP-00056: ORACLE error 1555 encountered\nORA-01555: snapshot too old", "oracle_snapshot_too_old"),
        ("EXP-00056: ORACLE error 1017 encountered\nORA-01017: invalid username/password", "oracle_login_failed"),
        ("EXP-00056: ORACLE error 28000 encountered\nORA-28000: the account is locked", "oracle_account_locked"),
        ("EXP-00056: ORACLE error 12541 encountered\nORA-12541: TNS:no listener", "oracle_listener_down"),
        ("EXP-00056: ORACLE error 12514 encountered\nORA-12514: TNS:listener", "oracle_service_unknown"),
        ("EXP-00002: error in writing to export file", "no_space"),
        ("EXP-00009: no privilege to export X's table Y", "oracle_privileges_missing"),
        ("EXP-00010: X is not a valid username", "schema_missing"),
        ("EXP-00106: Invalid Database Link Passwords", "export_failed"),
    ],
)
def test_the_codes_of_the_log_name_the_cause(lines: str, slug: str) -> None:
    log = f"{lines}\nEXP-00000: Export terminated unsuccessfully\nExport terminated unsuccessfully\n"
    verdict = judge_classic("exp", 1, log)
    assert verdict.slug == slug
    assert verdict.error_lines[0] == lines.splitlines()[0]


ERRORS_LOG = GOOD_DATAPUMP_LOG.replace("successfully completed", "completed with 1 error(s)")
ONE_ERROR_LOG = f'ORA-31693: Table data object "A"."B" failed to load\n{ERRORS_LOG}'


@pytest.mark.parametrize(
    ("state", "errors", "listed", "log", "allowed", "good"),
    [
        ("COMPLETED", 0, None, GOOD_DATAPUMP_LOG, (), True),
        (None, None, None, GOOD_DATAPUMP_LOG, (), True),
        (None, 0, None, GOOD_DATAPUMP_LOG, (), True),
        ("COMPLETED", 1, None, GOOD_DATAPUMP_LOG, (), False),
        ("STOPPED", 0, None, GOOD_DATAPUMP_LOG, (), False),
        ("A NEW STATE", 0, None, GOOD_DATAPUMP_LOG, (), False),
        ("COMPLETED", 0, "NOT RUNNING", GOOD_DATAPUMP_LOG, (), False),
        ("COMPLETED", 0, None, "", (), False),
        ("COMPLETED", 0, None, GOOD_DATAPUMP_LOG.replace("successfully completed", "ended"), (), False),
        ("COMPLETED", 1, None, ERRORS_LOG, (), False),
        ("COMPLETED", 1, None, ONE_ERROR_LOG, (), False),
        ("COMPLETED", 1, None, ONE_ERROR_LOG, ("ORA-31693",), True),
        ("COMPLETED", 0, None, f"ORA-39171: Job is experiencing a resumable wait\n{GOOD_DATAPUMP_LOG}", (), False),
        ("COMPLETED", 0, None, f"21-NOV-26 03:14:07.123: ORA-01555: too old\n{GOOD_DATAPUMP_LOG}", (), False),
        (None, None, None, 'Job "A"."B" stopped due to fatal error at 03:14', (), False),
        (None, None, None, GOOD_DATAPUMP_LOG + GOOD_DATAPUMP_LOG, (), False),
    ],
)
def test_a_data_pump_job_is_good_only_when_state_and_errors_and_log_agree(
    state: str | None, errors: int | None, listed: str | None, log: str, allowed: tuple[str, ...], good: bool
) -> None:
    assert judge_datapump("EXPORT", state, errors, listed, log, allowed).good is good


def test_tables_and_rows_are_read_from_the_log_of_data_pump() -> None:
    verdict = judge_datapump("EXPORT", "COMPLETED", 0, None, GOOD_DATAPUMP_LOG)
    assert dict(verdict.tables) == {"ITEM": 12, "REVISION": 1043}
