# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small HTTP/1.1 server: keep-alive, one thread per connection, one thread that accepts for all addresses."""

from __future__ import annotations

import contextlib
import dataclasses
import selectors
import socket
import ssl
import threading
import typing as t

LONGEST_LINE = 65536

REASONS = {
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    404: "Not Found",
    405: "Method Not Allowed",
    411: "Length Required",
    413: "Request Entity Too Large",
    500: "Internal Server Error",
}


@dataclasses.dataclass
class HttpRequest:
    """Header names are in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclasses.dataclass
class HttpResponse:
    status: int
    headers: list[tuple[str, str]] = dataclasses.field(default_factory=list)
    body: bytes = b""
    close: bool = False


Exchange = t.Callable[[HttpRequest], HttpResponse | None]
"""Answers one request; None cuts the connection without an answer."""


class Bad(Exception):
    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Listener:
    """One address and port. ``new_exchange`` is called for each connection; ``tls`` is asked for each one's context."""

    def __init__(
        self,
        address: tuple[str, int],
        new_exchange: t.Callable[[], Exchange],
        tls: t.Callable[[], ssl.SSLContext] | None = None,
        largest_body: t.Callable[[], int] = lambda: 1 << 30,
    ) -> None:
        self.address, self.new_exchange, self.tls, self.largest_body = address, new_exchange, tls, largest_body
        self.socket: socket.socket | None = None
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()

    def bind(self) -> socket.socket:
        bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind(self.address)
            bound.listen(128)
        except OSError:
            bound.close()
            raise
        bound.setblocking(False)
        self.socket = bound
        return bound

    def cut_connections(self) -> None:
        with self._lock:
            connections = list(self._connections)
        for connection in connections:
            _cut(connection)

    def serve(self, connection: socket.socket) -> None:
        """Answer one connection's requests until it ends; in its own thread."""
        try:
            with connection:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                connection.setblocking(True)
                if self.tls is None:
                    self._serve_open(connection)
                    return
                # The wrapped socket takes the file descriptor over.
                with self.tls().wrap_socket(connection, server_side=True, do_handshake_on_connect=False) as encrypted:
                    self._serve_open(encrypted)
        except OSError:
            return  # The client went away, did not like the certificate, or was cut off.

    def _serve_open(self, connection: socket.socket) -> None:
        with self._lock:
            self._connections.add(connection)
        try:
            if isinstance(connection, ssl.SSLSocket):
                connection.do_handshake()
            self._answer_all(connection)
        finally:
            with self._lock:
                self._connections.discard(connection)

    def _answer_all(self, connection: socket.socket) -> None:
        exchange = self.new_exchange()
        with connection.makefile("rb") as source:
            while True:
                try:
                    request = _read_request(source, self.largest_body())
                except Bad as bad:
                    connection.sendall(_encode(HttpResponse(bad.status, close=True)))
                    # Take what is still coming, or the reset on closing would eat the answer.
                    connection.shutdown(socket.SHUT_WR)
                    connection.settimeout(1.0)
                    while source.read1(65536):
                        pass
                    return
                if request is None:
                    return
                response = exchange(request)
                if response is None:
                    return
                if request.headers.get("connection", "").lower() == "close":
                    response.close = True
                connection.sendall(_encode(response))
                if response.close:
                    return


def _cut(connection: socket.socket) -> None:
    # It may be gone already.
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def _read_request(source: t.Any, largest_body: int) -> HttpRequest | None:
    line = source.readline(LONGEST_LINE)
    if not line:
        return None
    parts = line.decode("latin-1").split()
    if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
        raise Bad(400)
    headers: dict[str, str] = {}
    while True:
        line = source.readline(LONGEST_LINE)
        if line in (b"\r\n", b"\n"):
            break
        if not line:
            return None
        name, _colon, value = line.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
    if "transfer-encoding" in headers:
        # WinRM refuses chunked bodies.
        raise Bad(411)
    length = int(headers.get("content-length", "0"))
    if length > largest_body:
        raise Bad(413)
    body = source.read(length) if length else b""
    if len(body) < length:
        return None
    return HttpRequest(parts[0], parts[1], headers, body)


def _encode(response: HttpResponse) -> bytes:
    lines = [f"HTTP/1.1 {response.status} {REASONS[response.status]}"]
    lines += [f"{name}: {value}" for name, value in response.headers]
    lines.append("Server: Microsoft-HTTPAPI/2.0")
    if response.close:
        lines.append("Connection: close")
    lines.append(f"Content-Length: {len(response.body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + response.body


class Acceptor:
    """Accepts for all listeners in one thread; each connection gets a thread of its own."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._wake_read, self._wake_write = socket.socketpair()
        self._wake_read.setblocking(False)
        self._selector.register(self._wake_read, selectors.EVENT_READ, None)
        self._closing = False
        self._lock = threading.Lock()
        self._pending: list[t.Callable[[], None]] = []
        self._listeners: list[Listener] = []
        self._thread = threading.Thread(target=self._run, name="lab-accept", daemon=True)
        self._thread.start()

    def _soon(self, action: t.Callable[[], None]) -> None:
        """Do it in the accepting thread, and wait until it is done."""
        done = threading.Event()

        def act() -> None:
            action()
            done.set()

        with self._lock:
            self._pending.append(act)
        self._wake_write.send(b"x")
        done.wait(10)

    def open(self, listener: Listener) -> None:
        """Listen. Raises OSError when the address is taken."""
        bound = listener.bind()
        self._listeners.append(listener)
        self._soon(lambda: self._register(bound, listener))

    def _register(self, bound: socket.socket, listener: Listener) -> None:
        self._selector.register(bound, selectors.EVENT_READ, listener)

    def close_listener(self, listener: Listener) -> None:
        """Stop listening and cut all connections."""
        bound, listener.socket = listener.socket, None
        if bound is not None:
            self._listeners.remove(listener)
            self._soon(lambda: self._unregister(bound))
        listener.cut_connections()

    def _unregister(self, bound: socket.socket) -> None:
        self._selector.unregister(bound)
        bound.close()

    def _run(self) -> None:
        while not self._closing:
            for key, _events in self._selector.select():
                if key.data is None:
                    self._wake_read.recv(4096)
                    with self._lock:
                        pending, self._pending = self._pending, []
                    for action in pending:
                        action()
                    continue
                listener: Listener = key.data
                try:
                    connection, _peer = t.cast(socket.socket, key.fileobj).accept()
                except OSError:
                    continue
                threading.Thread(target=listener.serve, args=(connection,), name=f"lab-{listener.address[0]}", daemon=True).start()

    def close(self) -> None:
        """Close all listeners and connections, and end the thread."""
        for listener in list(self._listeners):
            self.close_listener(listener)

        def stop() -> None:
            self._closing = True

        self._soon(stop)
        self._thread.join(10)
        self._selector.close()
        self._wake_read.close()
        self._wake_write.close()
