# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tapes in the Microsoft Tape Format, as far as a reader needs to see whose tape it is and what lies on it."""

from __future__ import annotations

import datetime
import struct
import typing as t

BLOCK = 1024
"""Bytes of a format logical block."""
_HEADER = struct.Struct("<4sIHBBQQHHIIIHHBBH")
_TAPE = struct.Struct("<IIHHHHHHHHHHHHHH5sB")
_WINDOWS_NT = 14
_UNICODE = 2


def _header(kind: bytes, events: int, number: int) -> bytes:
    """The common part of all descriptor blocks, closed by the exclusive or of its words."""
    head = _HEADER.pack(kind, 0, events, _WINDOWS_NT, 0, 0, 0, 0, 0, 0, number, 0, 0, 0, _UNICODE, 0, 0)
    checksum = 0
    for (word,) in struct.iter_unpack("<H", head[:-2]):
        checksum ^= word
    return head[:-2] + struct.pack("<H", checksum)


def _date(moment: datetime.datetime) -> bytes:
    """Five bytes: 14 bits of the year, 4 of the month, 5 of the day, 5 of the hour, 6 of the minute, 6 of the second."""
    packed = moment.year
    for value, bits in ((moment.month, 4), (moment.day, 5), (moment.hour, 5), (moment.minute, 6), (moment.second, 6)):
        packed = packed << bits | value
    return packed.to_bytes(5, "big")


def tape_block(media_name: str, family: int, moment: datetime.datetime) -> bytes:
    """The descriptor with which a tape begins."""
    name, software = media_name.encode("utf-16-le"), "Windows NT Backup (NTBACKUP.EXE)".encode("utf-16-le")
    names = _HEADER.size + _TAPE.size
    body = _TAPE.pack(
        *(family, 0, 1, 0, 0, 0),
        *(len(name), names),
        *(0, 0, 0, 0),
        *(len(software), names + len(name)),
        *(BLOCK, 0),
        _date(moment),
        1,
    )
    block = _header(b"TAPE", names + len(name) + len(software), 0) + body + name + software
    return block.ljust(BLOCK, b"\0")


def set_blocks(description: str, files: t.Iterable[tuple[str, bytes]]) -> list[bytes]:
    """A backup set: its descriptor, then one block for each file, then its end."""
    blocks = [(_header(b"SSET", 0, 1) + description.encode("utf-16-le")).ljust(BLOCK, b"\0")]
    for number, (path, content) in enumerate(files, 2):
        data = _header(b"FILE", 0, number) + path.encode("utf-16-le") + b"\0\0" + content
        blocks.append(data + b"\0" * (-len(data) % BLOCK))
    blocks.append(_header(b"ESET", 0, len(blocks) + 1).ljust(BLOCK, b"\0"))
    return blocks
