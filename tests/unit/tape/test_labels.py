# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Labels on tape, what tapes are recognised as, and stickers."""

from __future__ import annotations

import datetime

import pytest

from ansible_collections.lockstep.backup.plugins.module_utils.tape import identity, labels, sticker

DAY = datetime.date(2026, 11, 21)


def test_a_volume_label_has_its_fields_where_the_standard_has_them() -> None:
    block = labels.vol1("EXP001", "berlin").decode()
    assert len(block) == 80
    assert (block[:4], block[4:10], block[24:32], block[37:43], block[79]) == ("VOL1", "EXP001", "LOCKSTEP", "BERLIN", "4")


def test_a_header_label_has_its_fields_where_the_standard_has_them() -> None:
    block = labels.hdr1("etravel-26112101-5f0c3a9e", "EXP001", 2, DAY, datetime.date(2027, 1, 1)).decode()
    assert len(block) == 80
    assert (block[:4], block[4:21], block[21:27]) == ("HDR1", "26112101-5F0C3A9E", "EXP001")
    assert (block[27:31], block[31:35]) == ("0002", "0001")
    assert (block[41:47], block[47:53], block[54:60], block[60:68]) == ("026325", "027001", "000000", "LOCKSTEP")


def test_an_end_label_counts_blocks_and_tells_whether_another_tape_follows() -> None:
    ends = labels.eof1("s", "EXP001", 1, DAY, DAY, 42, True).decode()
    goes_on = labels.eof1("s", "EXP001", 1, DAY, DAY, 1000042, False).decode()
    assert (ends[:4], ends[54:60], goes_on[:4], goes_on[54:60]) == ("EOF1", "000042", "EOV1", "000042")


@pytest.mark.parametrize(
    ("date", "written"),
    [(datetime.date(1999, 12, 31), " 99365"), (datetime.date(2000, 1, 1), "000001"), (datetime.date(2100, 2, 1), "100032")],
)
def test_dates_have_a_century(date: datetime.date, written: str) -> None:
    assert labels.julian(date) == written


@pytest.mark.parametrize("text", ["", "TOOLONG", "exp001", "EXP-01", "ÄXP001"])
def test_labels_are_capital_letters_and_digits(text: str) -> None:
    assert not labels.is_label(text)


@pytest.mark.parametrize(
    ("blocks", "kind", "form"),
    [
        ([], identity.FOREIGN, "begins with a file mark"),
        ([b"TAPE\0\0\x03\0" + bytes(1000)], identity.FOREIGN, "Microsoft Tape Format (ntbackup)"),
        ([bytes(257) + b"ustar\0" + bytes(300)], identity.FOREIGN, "tar"),
        ([b"AMANDA: TAPESTART"], identity.FOREIGN, "Amanda"),
        ([bytes(12) + b"BB02" + bytes(100)], identity.FOREIGN, "Bareos or Bacula"),
        ([b"garbage"], identity.FOREIGN, "unknown format"),
        ([labels.vol1("EXP001", "x")], identity.FOREIGN, "a label of Lockstep that is damaged"),
        ([labels.vol1("EXP001", "x"), labels.hdr1("", "EXP001", 1, DAY, DAY), b"{}"], identity.FOREIGN, "damaged"),
    ],
)
def test_what_is_not_surely_ours_is_foreign(blocks: list[bytes], kind: str, form: str) -> None:
    found = identity.identify(blocks)
    assert found.kind == kind
    assert form in found.format


def test_the_sticker_is_that_of_the_document() -> None:
    text = sticker.sticker("Full WinNT 4.0 Backup", "eTravel Server", DAY, "FUL001")
    assert text.splitlines() == ["Full WinNT 4.0 Backup", "eTravel Server", "2026-11-21", "FUL001"]
