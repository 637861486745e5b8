# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""TNS packets on a socket."""

from __future__ import annotations

import re
import socket
import struct

CONNECT, ACCEPT, REFUSE, DATA, MARKER = 1, 2, 4, 6, 12
BREAK, RESET, INTERRUPT = 1, 2, 3
SDU = 8192
VERSION = 315
END_OF_FILE = 0x0040


class ConnectionOver(Exception):
    """The client is gone, or what it sent cannot be understood."""


class PacketStream:
    """Packets of one connection. Lengths are 16 bits wide until the ACCEPT has been sent, 32 bits from then on."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self._wide = False

    def _read(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            try:
                piece = self.socket.recv(size - len(data))
            except OSError as error:
                raise ConnectionOver(str(error)) from error
            if not piece:
                raise ConnectionOver("closed by the client")
            data += piece
        return data

    def read(self) -> tuple[int, bytes]:
        """Type and body of the next packet."""
        header = self._read(8)
        size = struct.unpack(">I" if self._wide else ">H", header[: 4 if self._wide else 2])[0]
        if size < 8:
            raise ConnectionOver(f"a packet of {size} bytes")
        return header[4], self._read(size - 8)

    def write(self, kind: int, body: bytes) -> None:
        size = len(body) + 8
        lengths = struct.pack(">I", size) if self._wide else struct.pack(">HH", size, 0)
        try:
            self.socket.sendall(lengths + bytes((kind, 0, 0, 0)) + body)
        except OSError as error:
            raise ConnectionOver(str(error)) from error

    def write_data(self, body: bytes) -> None:
        self.write(DATA, b"\0\0" + body)

    def write_marker(self, kind: int) -> None:
        self.write(MARKER, bytes((1, 0, kind)))

    def read_connect_string(self) -> str:
        """The CONNECT packet's descriptor, which comes in a packet of its own when it is long."""
        kind, body = self.read()
        if kind != CONNECT:
            raise ConnectionOver(f"packet type {kind} instead of CONNECT")
        size, offset = struct.unpack_from(">HH", body, 16)
        text = body[offset - 8 : offset - 8 + size]
        if len(text) < size:
            kind, body = self.read()
            text = body[2 : 2 + size]
        return text.decode()

    def accept(self) -> None:
        body = struct.pack(">HHHHHHHBB8sIIBI", VERSION, 0, SDU, SDU, 1, 0, 45, 4, 4, b"", SDU, SDU, 0, 0)
        self.write(ACCEPT, body)
        self._wide = True

    def refuse(self, code: int) -> None:
        text = f"(DESCRIPTION=(TMP=)(VSNNUM=318767104)(ERR={code})(ERROR_STACK=(ERROR=(CODE={code})(EMFI=4))))".encode()
        self.write(REFUSE, struct.pack(">BBH", 0, 0, len(text)) + text)


def wanted_service(descriptor: str) -> tuple[str, str]:
    """``("SERVICE_NAME", name)`` or ``("SID", name)``; the name is empty where the client gave none."""
    found = re.search(r"\((SERVICE_NAME|SID)=([^)]*)\)", descriptor, re.IGNORECASE)
    return (found.group(1).upper(), found.group(2)) if found else ("SERVICE_NAME", "")
