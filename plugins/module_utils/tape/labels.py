# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Labels on tape: ANSI VOL1, HDR1, EOF1 and EOV1, and the block behind. Private to lockstep.backup: not a public interface.

A tape begins with VOL1, HDR1 and a block of JSON that names the set, in one tape file. Each part of the set is one more tape file.
A tape file with EOF1 (or EOV1 when the set goes on with another tape) and a block of JSON with the parts' hashes ends the set. A
set that is appended begins with HDR1 again.
"""

from __future__ import annotations

import datetime
import json
import re
import typing as t

SIZE = 80
"""Bytes of a label."""
SYSTEM = "LOCKSTEP"
FORMAT = 1

_LABEL = re.compile(r"[A-Z0-9]{1,6}", re.ASCII)


def is_label(text: str) -> bool:
    """Whether it can be a volume identifier: 1 to 6 capital letters and digits."""
    return bool(_LABEL.fullmatch(text))


def julian(date: datetime.date) -> str:
    """A date as labels have it: a blank for 19xx, 0 for 20xx, 1 for 21xx; two digits of the year; the day of the year."""
    century = " " if date.year < 2000 else str(date.year // 100 - 20)
    return f"{century}{date.year % 100:02d}{date.timetuple().tm_yday:03d}"


def vol1(label: str, owner: str) -> bytes:
    """The volume label. ``owner``: at most 14 characters of it are kept."""
    return _padded(f"VOL1{label:<6}{'':14}{SYSTEM:<13}{_capital(owner):<14.14}{'':28}4")


def hdr1(file_id: str, label: str, sequence: int, created: datetime.date, expires: datetime.date) -> bytes:
    """The label before a set. ``sequence``: which tape of the set this is, from 1."""
    return _file_label("HDR1", file_id, label, sequence, created, expires, 0)


def eof1(file_id: str, label: str, sequence: int, created: datetime.date, expires: datetime.date, blocks: int, ends: bool) -> bytes:
    """The label after a set, with the number of its blocks on this tape; ``ends`` is false when another tape follows."""
    return _file_label("EOF1" if ends else "EOV1", file_id, label, sequence, created, expires, blocks)


def _file_label(
    kind: str, file_id: str, label: str, sequence: int, created: datetime.date, expires: datetime.date, blocks: int
) -> bytes:
    # The last characters of a set's id are those that differ.
    name = _capital(file_id)[-17:]
    dates = f"{julian(created)}{julian(expires)}"
    return _padded(f"{kind}{name:<17}{label:<6}{sequence:04d}0001000100{dates} {blocks % 1000000:06d}{SYSTEM:<13}")


def _capital(text: str) -> str:
    return re.sub(r"[^A-Z0-9 !\"%&'()*+,./:;<=>?_-]", " ", text.upper())


def _padded(text: str) -> bytes:
    return f"{text:<{SIZE}}".encode("ascii")


def kind_of(block: bytes) -> str | None:
    """``VOL1``, ``HDR1``… for a label, else None."""
    if len(block) != SIZE or not re.fullmatch(rb"(VOL|HDR|EOF|EOV|UHL|UTL|UVL)[0-9]", block[:4]):
        return None
    return block[:4].decode("ascii")


def volume_of(block: bytes) -> str:
    """The volume identifier in a VOL1."""
    return block[4:10].decode("ascii", "replace").strip()


def is_ours(block: bytes) -> bool:
    """Whether a VOL1 was written by Lockstep."""
    return block[24:37].decode("ascii", "replace").strip() == SYSTEM


def info_block(content: t.Mapping[str, t.Any]) -> bytes:
    """The block after a label."""
    return json.dumps(dict(content, lockstep=FORMAT), sort_keys=True).encode("ascii")


def read_info(block: bytes) -> dict[str, t.Any] | None:
    """What ``info_block`` was made of, or None when it is none."""
    try:
        content = json.loads(block)
    except ValueError:
        return None
    if not isinstance(content, dict) or content.pop("lockstep", None) != FORMAT:
        return None
    return content
