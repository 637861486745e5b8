# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The primitive encodings inside messages: counted integers, chunked byte strings."""

from __future__ import annotations

import struct

LONGEST_SHORT_STRING = 252
CHUNK = 32767


class NeedMore(Exception):
    """The message goes on in the next packet."""


class Reader:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.position = 0

    def at_end(self) -> bool:
        return self.position >= len(self.data)

    def raw(self, size: int) -> bytes:
        if self.position + size > len(self.data):
            raise NeedMore
        self.position += size
        return self.data[self.position - size : self.position]

    def u8(self) -> int:
        return self.raw(1)[0]

    def skip(self, shape: str) -> None:
        """Fields that nobody needs: b for a byte, u for a counted integer, d for a byte string with its length told twice."""
        for letter in shape:
            if letter == "b":
                self.raw(1)
            elif letter == "u":
                self.uint()
            else:
                self.dlc()

    def u16le(self) -> int:
        return int(struct.unpack("<H", self.raw(2))[0])

    def uint(self) -> int:
        return int.from_bytes(self.raw(self.u8()), "big")

    def sint(self) -> int:
        count = self.u8()
        value = int.from_bytes(self.raw(count & 0x7F), "big")
        return -value if count & 0x80 else value

    def clr(self) -> bytes | None:
        """A counted byte string; None for NULL, which is the same as empty."""
        count = self.u8()
        if count in (0, 255):
            return None
        if count != 254:
            return self.raw(count)
        pieces = []
        while size := self.uint():
            pieces.append(self.raw(size))
        return b"".join(pieces)

    def dlc(self) -> bytes:
        return (self.clr() or b"") if self.uint() else b""

    def until_zero(self) -> bytes:
        end = self.data.find(b"\0", self.position)
        if end < 0:
            raise NeedMore
        text = self.data[self.position : end]
        self.position = end + 1
        return text


class Writer:
    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def data(self) -> bytes:
        return b"".join(self._pieces)

    def raw(self, data: bytes) -> Writer:
        self._pieces.append(data)
        return self

    def u8(self, *values: int) -> Writer:
        return self.raw(bytes(values))

    def uint(self, *values: int) -> Writer:
        for value in values:
            data = value.to_bytes((value.bit_length() + 7) // 8, "big")
            self.u8(len(data)).raw(data)
        return self

    def sint(self, value: int) -> Writer:
        data = abs(value).to_bytes((abs(value).bit_length() + 7) // 8, "big")
        return self.u8(len(data) | (0x80 if value < 0 else 0)).raw(data)

    def clr(self, data: bytes | None) -> Writer:
        if not data:
            return self.u8(0)
        if len(data) <= LONGEST_SHORT_STRING:
            return self.u8(len(data)).raw(data)
        self.u8(254)
        for start in range(0, len(data), CHUNK):
            piece = data[start : start + CHUNK]
            self.uint(len(piece)).raw(piece)
        return self.uint(0)

    def dlc(self, data: bytes) -> Writer:
        self.uint(len(data))
        return self.clr(data) if data else self
