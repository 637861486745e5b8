# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Logging on to the endpoint: Basic, and NTLM with message encryption."""

from __future__ import annotations

import base64
import dataclasses
import os
import pathlib
import re
import struct
import threading
import typing as t

import spnego
import spnego.channel_bindings
from spnego.exceptions import SpnegoError

from tests.lab.windows.users import User, Users
from tests.lab.winrm.http import HttpRequest, HttpResponse

_BOUNDARY = b"--Encrypted Boundary"
_PROTOCOL = b"application/HTTP-SPNEGO-session-encrypted"
_OCTETS = b"\tContent-Type: application/octet-stream\r\n"
_CONTENT_TYPE = "application/soap+xml;charset=UTF-8"


class NtlmStore:
    """The accounts in the file form that spnego's acceptor reads, for all machines of a lab."""

    # spnego takes the file's name from the environment only: one acceptor at a time, and the variable is put back.
    _lock = threading.Lock()

    def __init__(self, path: pathlib.Path) -> None:
        self._path = path
        self._lines: list[str] = []

    def add(self, users: Users) -> None:
        for user in users:
            for domain in (users.computer.upper(), users.computer.lower(), "."):
                self._lines.append(f"{domain}:{user.name}:{user.password}")
            self._lines.append(f":{user.name}:{user.password}")
        self._path.write_text("\n".join(dict.fromkeys(self._lines)) + "\n")
        self._path.chmod(0o600)

    def accept(self, context: spnego.ContextProxy | None, token: bytes) -> tuple[spnego.ContextProxy, bytes | None]:
        """One step of the handshake. Raises SpnegoError when the password is wrong."""
        with self._lock:
            before = os.environ.get("NTLM_USER_FILE")
            os.environ["NTLM_USER_FILE"] = str(self._path)
            try:
                if context is None:
                    context = spnego.server(protocol="ntlm", options=spnego.NegotiateOptions.use_ntlm)
                return context, context.step(token)
            finally:
                if before is None:
                    del os.environ["NTLM_USER_FILE"]
                else:
                    os.environ["NTLM_USER_FILE"] = before


@dataclasses.dataclass
class Admitted:
    """A request from a known user: its body in clear, and how to wrap the answer's."""

    user: User
    body: bytes
    wrap: t.Callable[[int, bytes], HttpResponse]


def _plain(status: int, body: bytes) -> HttpResponse:
    return HttpResponse(status, [("Content-Type", _CONTENT_TYPE)] if body else [], body)


class Gate:
    """The logging on of one connection. NTLM holds for the whole connection, Basic for one request."""

    def __init__(self, users: Users, basic: bool, ntlm: NtlmStore | None, encrypted_only: bool) -> None:
        self._users, self._basic, self._ntlm, self._encrypted_only = users, basic, ntlm, encrypted_only
        self._context: spnego.ContextProxy | None = None
        self._user: User | None = None

    def admit(self, request: HttpRequest) -> Admitted | HttpResponse:
        """The user and body, or the answer that asks for (more) proof."""
        scheme, _blank, token = request.headers.get("authorization", "").partition(" ")
        scheme = scheme.lower()
        if scheme == "basic" and self._basic:
            return self._admit_basic(request, token)
        if scheme in ("ntlm", "negotiate") and self._ntlm is not None:
            answer = self._handshake(scheme, token)
            if answer is not None:
                return answer
        elif not (self._user is not None and self._context is not None and self._context.complete):
            return self._challenge()
        assert self._user is not None
        return self._admit_ntlm(request, self._user)

    def _challenge(self) -> HttpResponse:
        offered = (["Negotiate", "NTLM"] if self._ntlm is not None else []) + (['Basic realm="WSMAN"'] if self._basic else [])
        return HttpResponse(401, [("WWW-Authenticate", scheme) for scheme in offered])

    def _admit_basic(self, request: HttpRequest, token: str) -> Admitted | HttpResponse:
        try:
            name, _colon, password = base64.b64decode(token, validate=True).decode().partition(":")
        except ValueError:
            return self._challenge()
        user = self._users.find(name)
        if user is None or user.password != password:
            return self._challenge()
        return Admitted(user, request.body, _plain)

    def _handshake(self, scheme: str, token: str) -> HttpResponse | None:
        """A step of NTLM; None when it is complete and the request can be served."""
        assert self._ntlm is not None
        message = base64.b64decode(token)
        if message[8:12] == struct.pack("<I", 1):
            self._context, self._user = None, None
        try:
            self._context, answer = self._ntlm.accept(self._context, message)
        except SpnegoError:
            self._context = None
            return self._challenge()
        if not self._context.complete:
            reply = base64.b64encode(answer or b"").decode()
            return HttpResponse(401, [("WWW-Authenticate", f"{'NTLM' if scheme == 'ntlm' else 'Negotiate'} {reply}")])
        self._user = self._users.find(self._context.client_principal or "")
        return self._challenge() if self._user is None else None

    def _admit_ntlm(self, request: HttpRequest, user: User) -> Admitted | HttpResponse:
        context = self._context
        assert context is not None
        if not request.headers.get("content-type", "").startswith("multipart/encrypted"):
            if self._encrypted_only and request.body:
                # AllowUnencrypted is false: the service does not say more than that.
                return HttpResponse(500)
            return Admitted(user, request.body, _plain)
        try:
            body = self._decrypt(context, request.body)
        except (SpnegoError, ValueError):
            return HttpResponse(400, close=True)
        return Admitted(user, body, lambda status, answer: self._encrypt(context, status, answer))

    @staticmethod
    def _decrypt(context: spnego.ContextProxy, content: bytes) -> bytes:
        header, separator, rest = content.partition(_OCTETS)
        length = re.search(rb"Length=(\d+)", header)
        if not separator or length is None or _PROTOCOL not in header:
            raise ValueError("not an encrypted message")
        end = _BOUNDARY + b"--\r\n"
        if not rest.endswith(end):
            raise ValueError("the message has no end")
        payload = rest[: -len(end)]
        size = struct.unpack("<I", payload[:4])[0]
        clear = context.unwrap(payload[4:]).data
        if size != 16 or len(clear) != int(length.group(1)):
            raise ValueError("the lengths do not fit")
        return clear

    @staticmethod
    def _encrypt(context: spnego.ContextProxy, status: int, answer: bytes) -> HttpResponse:
        sealed = context.wrap(answer).data
        body = (
            _BOUNDARY
            + b"\r\n\tContent-Type: "
            + _PROTOCOL
            + b"\r\n\tOriginalContent: type=application/soap+xml;charset=UTF-8;Length="
            + str(len(answer)).encode()
            + b"\r\n"
            + _BOUNDARY
            + b"\r\n"
            + _OCTETS
            + struct.pack("<I", 16)
            + sealed
            + _BOUNDARY
            + b"--\r\n"
        )
        content_type = f'multipart/encrypted;protocol="{_PROTOCOL.decode()}";boundary="Encrypted Boundary"'
        return HttpResponse(status, [("Content-Type", content_type)], body)
