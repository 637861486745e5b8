# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Temporary large objects of one session."""

from __future__ import annotations

import itertools

from tests.lab.oracle.errors import OracleError, UnknownRequest
from tests.lab.oracle.wire import answers, requests, values

CHUNK_SIZE = 8132


class LobStore:
    """Texts and byte strings by their locators."""

    def __init__(self) -> None:
        self._contents: dict[bytes, str | bytes] = {}
        self._numbers = itertools.count(1)

    def create(self, content: str | bytes) -> bytes:
        locator = bytearray(requests.LOCATOR_SIZE)
        locator[4] = 0x40
        locator[7] = 0x01
        locator[10:18] = next(self._numbers).to_bytes(8, "big")
        self._contents[bytes(locator)] = content
        return bytes(locator)

    def handle(self, content: str | bytes) -> values.Lob:
        return values.Lob(self.create(content), len(content))

    def content(self, locator: bytes) -> str | bytes:
        if locator not in self._contents:
            raise OracleError(22275, text="invalid LOB locator specified")
        return self._contents[locator]

    def free(self, locator: bytes) -> None:
        self._contents.pop(locator, None)

    def answer(self, call: requests.LobCall) -> bytes:
        """Do one LOB operation. Offsets count from 1, in characters of texts and bytes of byte strings."""
        if call.operation == requests.LOB_CREATE:
            locator = self.create("" if call.kind == values.CLOB else b"")
            return answers.lob_reply(locator, None, None, created=True)
        content = self.content(call.locator)
        if call.operation == requests.LOB_LENGTH:
            return answers.lob_reply(call.locator, None, len(content), created=False)
        if call.operation == requests.LOB_CHUNK_SIZE:
            return answers.lob_reply(call.locator, None, CHUNK_SIZE, created=False)
        if call.operation == requests.LOB_READ:
            piece = content[call.offset - 1 : call.offset - 1 + (call.amount or 0)]
            data = piece.encode() if isinstance(piece, str) else piece
            return answers.lob_reply(call.locator, data, len(piece), created=False)
        if call.operation == requests.LOB_WRITE:
            self._write(call, content)
            return answers.lob_reply(call.locator, None, call.amount, created=False)
        raise UnknownRequest(f"LOB operation {call.operation:#x}")

    def _write(self, call: requests.LobCall, content: str | bytes) -> None:
        start = call.offset - 1
        if isinstance(content, str):
            text = call.data.decode()
            self._contents[call.locator] = content[:start].ljust(start) + text + content[start + len(text) :]
        else:
            self._contents[call.locator] = content[:start].ljust(start, b"\0") + call.data + content[start + len(call.data) :]
