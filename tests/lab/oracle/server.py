# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The listener: accepts connections on one address, and keeps the jobs of its database going."""

from __future__ import annotations

import contextlib
import itertools
import select
import socket
import threading
import types
import typing as t

from tests.lab.oracle.connection import ClientConnection, close_all
from tests.lab.oracle.database import Database, Executed
from tests.lab.oracle.dictionary.views import Row
from tests.lab.oracle.faults import Faults

BACKLOG = 128
TICK_SECONDS = 0.02
STOP_SECONDS = 0.5


class OracleServer:
    """A listener and its instance. ``unknown`` is the list of requests that the lab did not know: a test fails when it is not
    empty. ``start()`` and ``stop()`` may alternate; a port of 0 is chosen at the first start and kept."""

    def __init__(self, database: Database, address: str = "127.0.0.1", port: int = 1521) -> None:
        self.database, self.address, self.port = database, address, port
        self.unknown: list[str] = []
        self._listening: socket.socket | None = None
        self._connections: dict[int, ClientConnection] = {}
        self._sids = itertools.count(101)
        self._lock = threading.RLock()
        self._stopping = threading.Event()
        self._accepting: threading.Thread | None = None
        self._ticking: threading.Thread | None = None
        self._wakers: tuple[socket.socket, socket.socket] | None = None

    @property
    def faults(self) -> Faults:
        return self.database.faults

    @property
    def history(self) -> list[Executed]:
        return self.database.history

    @property
    def dsn(self) -> str:
        return f"{self.address}:{self.port}/{self.database.services[0]}"

    @property
    def is_listening(self) -> bool:
        return self._listening is not None

    def __enter__(self) -> t.Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: types.TracebackType | None) -> None:
        self.stop()

    def start(self) -> None:
        self._stopping.clear()
        self._wakers = socket.socketpair()
        if "down" not in self.faults:
            self._open()
        self._accepting = threading.Thread(
            target=self._accept, args=(self._wakers[0],), name=f"oracle-listener-{self.address}", daemon=True
        )
        self._accepting.start()
        self.faults.watch(self._on_fault)
        self.database.job_watchers.append(self._tick_while_jobs_run)

    def stop(self) -> None:
        """No thread and no socket is left; running jobs stay in the model as they are."""
        if self._accepting is None:
            return
        self.faults.unwatch(self._on_fault)
        self.database.job_watchers.remove(self._tick_while_jobs_run)
        self._stopping.set()
        self._wake()
        self._accepting.join()
        self._accepting = None
        self._close()
        close_all(list(self._connections.values()), STOP_SECONDS)
        if self._ticking is not None:
            self._ticking.join()
        for waker in self._wakers or ():
            waker.close()
        self._wakers = None

    def drop_connections(self) -> None:
        """Cut all present connections."""
        close_all(list(self._connections.values()), STOP_SECONDS)

    def wait_for_jobs(self, seconds: float) -> bool:
        """Whether all Data Pump jobs have ended by themselves within so many real seconds."""
        ticking = self._ticking
        if ticking is not None:
            ticking.join(seconds)
        return not self.database.jobs

    def _open(self) -> None:
        with self._lock:
            if self._listening is not None:
                return
            family = socket.AF_INET6 if ":" in self.address else socket.AF_INET
            listening = socket.socket(family, socket.SOCK_STREAM)
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind((self.address, self.port))
            listening.listen(BACKLOG)
            # A client that is gone again between select() and accept() must not leave accept() waiting for the next one.
            listening.setblocking(False)
            self.port = listening.getsockname()[1]
            self._listening = listening

    def _close(self) -> None:
        with self._lock:
            if self._listening is not None:
                # The accepting thread still holds it in select(), which keeps a merely closed socket alive.
                with contextlib.suppress(OSError):
                    self._listening.shutdown(socket.SHUT_RDWR)
                self._listening.close()
                self._listening = None

    def _wake(self) -> None:
        if self._wakers is not None:
            self._wakers[1].send(b"x")

    def _on_fault(self, name: str, is_on: bool) -> None:
        if name == "down" and is_on:
            self._close()
            self._wake()
        elif name == "down":
            self._open()
            self._wake()
        elif name == "drop_connections" and is_on:
            self.drop_connections()
            self.faults.remove(name)

    def _accept(self, waker: socket.socket) -> None:
        while not self._stopping.is_set():
            with self._lock:
                listening = self._listening
            watched: list[socket.socket] = [waker] + ([listening] if listening is not None else [])
            try:
                ready = select.select(watched, [], [])[0]
            except (OSError, ValueError):
                # The listening socket was closed meanwhile, by the fault "down".
                continue
            if waker in ready:
                waker.recv(64)
            if listening is not None and listening in ready:
                self._welcome(listening)

    def _welcome(self, listening: socket.socket) -> None:
        try:
            client, _unused = listening.accept()
        except OSError:
            return
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = ClientConnection(client, self.database, next(self._sids), self.unknown.append)
        connection.other_sessions = self._session_rows
        with self._lock:
            for sid in [sid for sid, old in self._connections.items() if not old.thread.is_alive()]:
                del self._connections[sid]
            connection.thread.start()
            self._connections[connection.sid] = connection

    def _session_rows(self) -> t.Sequence[Row]:
        """The rows of V$SESSION."""
        with self._lock:
            sessions = [connection.session for connection in self._connections.values() if connection.thread.is_alive()]
        return [
            {
                "SID": session.sid,
                "SERIAL#": 1,
                "USERNAME": session.principal.user,
                "STATUS": "INACTIVE",
                "PROGRAM": session.identity.get("program"),
                "MODULE": session.identity.get("module"),
                "ACTION": session.identity.get("action"),
                "TYPE": "USER",
            }
            for session in sessions
            if session is not None
        ]

    def _tick_while_jobs_run(self) -> None:
        """Jobs go on whether or not somebody watches them."""
        with self._lock:
            if self._ticking is None or not self._ticking.is_alive():
                self._ticking = threading.Thread(target=self._tick, name=f"oracle-jobs-{self.address}", daemon=True)
                self._ticking.start()

    def _tick(self) -> None:
        while self.database.jobs and not self._stopping.wait(TICK_SECONDS):
            self.database.advance_jobs()
