# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One client's connection: its thread reads packets, runs the calls in them, and answers."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import select
import socket
import threading
import time
import traceback
import typing as t

from tests.lab.oracle.database import Database, Executed
from tests.lab.oracle.dictionary.query import Rows
from tests.lab.oracle.dictionary.views import Row
from tests.lab.oracle.errors import OracleError, UnknownRequest
from tests.lab.oracle.lobs import LobStore
from tests.lab.oracle.results import columns_of, out_value
from tests.lab.oracle.session import BlockResult, Session
from tests.lab.oracle.wire import answers, packets, requests, values
from tests.lab.oracle.wire.packets import ConnectionOver, PacketStream
from tests.lab.oracle.wire.primitives import NeedMore
from tests.lab.oracle.wire.verifier import PasswordExchange
from tests.lab.record import AFTER, BEFORE

FRESH_READ_SLACK = 16
LOOK_SECONDS = 0.05
"""Between two looks at whether a fault is over."""


class Interrupted(Exception):
    """The client broke the running call off."""


@dataclasses.dataclass
class _Cursor:
    """A query that the client may fetch from or run again."""

    text: str
    bind_types: list[requests.BindType]
    columns: list[answers.Column]
    rows: list[tuple[t.Any, ...]]
    sent: int = 0


class ClientConnection:
    """``run()`` is the thread's whole life; ``cut()`` ends it from outside. ``report_unknown(text)`` is told of every request
    that the lab does not know."""

    def __init__(self, connection: socket.socket, database: Database, sid: int, report_unknown: t.Callable[[str], None]) -> None:
        self.socket, self.database, self.sid, self.report_unknown = connection, database, sid, report_unknown
        self.stream = PacketStream(connection)
        self.session: Session | None = None
        self.client: dict[str, str] = {}
        self.other_sessions: t.Callable[[], t.Sequence[Row]] = lambda: ()
        self.thread = threading.Thread(target=self.run, name=f"oracle-session-{sid}", daemon=True)
        self._service = ""
        self._exchange: PasswordExchange | None = None
        self._user = ""
        self._cursors: dict[int, _Cursor] = {}
        self._next_cursor = 1
        self._lobs = LobStore()
        self._is_over = False

    def cut(self) -> None:
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)

    def run(self) -> None:
        try:
            self._connect()
            while not self._is_over:
                self._serve()
        except ConnectionOver:
            pass
        except Exception:  # noqa: BLE001 - a mistake of the lab itself must be loud, and the client must not wait for ever
            self.report_unknown(f"the lab failed: {traceback.format_exc()}")
        finally:
            self.cut()
            self.socket.close()
            if self.session is not None:
                self.session.close()

    def _connect(self) -> None:
        kind, name = packets.wanted_service(self.stream.read_connect_string())
        while "login_hangs" in self.database.faults:
            if select.select([self.socket], [], [], LOOK_SECONDS)[0]:
                raise ConnectionOver("the client gave up")
        known = [self.database.name] if kind == "SID" else self.database.services
        if name.upper() not in (service.upper() for service in known):
            self.stream.refuse(12505 if kind == "SID" else 12514)
            raise ConnectionOver(f"no service {name}")
        self._service = name
        self.stream.accept()

    # packets to calls
    def _serve(self) -> None:
        message = b""
        while True:
            kind, body = self.stream.read()
            if kind == packets.MARKER:
                self._finish_break()
                return
            if kind != packets.DATA:
                raise ConnectionOver(f"packet type {kind}")
            if int.from_bytes(body[:2], "big") & packets.END_OF_FILE:
                raise ConnectionOver("closed by the client")
            message += body[2:]
            try:
                call = requests.read_message(message, self._bind_types_of)
            except NeedMore as error:
                # The client fills packets before it starts another: a short one that does not parse was misread.
                if len(body) + 8 < packets.SDU - FRESH_READ_SLACK:
                    self.report_unknown(f"a message that the lab cannot read: {message!r}")
                    raise ConnectionOver("misread") from error
                continue
            self._answer(call)
            return

    def _bind_types_of(self, cursor: int) -> list[requests.BindType]:
        if cursor not in self._cursors:
            raise ConnectionOver(f"cursor {cursor} is not open")
        return self._cursors[cursor].bind_types

    def poll(self, seconds: float) -> None:
        """While a statement runs, only a break may come."""
        if not select.select([self.socket], [], [], seconds)[0]:
            return
        kind, _unused = self.stream.read()
        if kind != packets.MARKER:
            raise ConnectionOver("closed by the client during a call")
        raise Interrupted

    def _finish_break(self) -> None:
        """The exchange of markers after which both sides are in step again, and the error that ends the call."""
        self.stream.write_marker(packets.BREAK)
        while True:
            kind, body = self.stream.read()
            if kind == packets.MARKER and body[2] == packets.RESET:
                break
        self.stream.write_marker(packets.RESET)
        self._send_error(OracleError(1013))

    def _send(self, body: bytes) -> None:
        self.stream.write_data(body)

    def _send_error(self, error: OracleError) -> None:
        self._send(answers.end_of_call(error.code, str(error)))

    def _answer(self, call: requests.Call | int) -> None:
        if isinstance(call, int):
            self._send(answers.protocol() if call == requests.PROTOCOL else answers.data_types())
            return
        try:
            self._send(self._result_of(call))
        except OracleError as error:
            self._send_error(error)
        except Interrupted:
            self._finish_break()
        except (UnknownRequest, values.UnsupportedType) as error:
            text = call.execute.sql if call.execute is not None else f"function {call.function}"
            self.report_unknown(f"{error}: {text}")
            self._send_error(OracleError(900, text=f"invalid SQL statement (the lab does not know it: {error})"))

    def _result_of(self, call: requests.Call) -> bytes:
        if call.auth is not None:
            return self._phase_one(call.auth) if call.function == requests.AUTH_ONE else self._phase_two(call.auth)
        if self.session is None:
            raise ConnectionOver("a call before the login")
        for number in call.closed_cursors:
            self._cursors.pop(number, None)
        for locator in call.freed:
            self._lobs.free(locator)
        if call.schema is not None:
            self.session.schema = call.schema
        self.session.identity.update(call.end_to_end)
        if call.execute is not None:
            return self._execute(self.session, call.execute)
        if call.function == requests.FETCH:
            return self._fetch(call.cursor, call.rows)
        if call.lob is not None:
            return self._lobs.answer(call.lob)
        if call.function == requests.LOGOFF:
            # Before the answer, so that a client's next session finds nothing of this one.
            self.session.close()
            self._is_over = True
        return answers.status()

    # login
    def _phase_one(self, auth: requests.Auth) -> bytes:
        user = auth.user.strip('"') if auth.user.startswith('"') else auth.user.upper()
        account = self.database.users.get(user)
        self._user, self._exchange = user, PasswordExchange(account.password if account is not None else None)
        self.client = {key.removeprefix("AUTH_").lower(): value for key, value in auth.pairs.items()}
        return answers.parameters(self._exchange.challenge()) + answers.status()

    def _phase_two(self, auth: requests.Auth) -> bytes:
        if self._exchange is None:
            raise ConnectionOver("phase two without phase one")
        if auth.mode & requests.MODE_CHANGE_PASSWORD:
            return self._change_password(auth)
        fits = self._exchange.accept(auth.pairs.get("AUTH_SESSKEY", ""), auth.pairs.get("AUTH_PASSWORD", ""))
        is_sysdba = bool(auth.mode & requests.MODE_SYSDBA)
        principal = self.database.login(self._user, fits, is_sysdba, self.client)
        self.session = Session(self.database, principal, self._service, self.sid, self)
        self.session.other_sessions = self.other_sessions
        self.session.identity["program"] = self.client.get("program_nm", "")
        numbers = [int(part) for part in self.database.version.split(".")]
        packed = numbers[0] << 24 | numbers[1] << 16 | numbers[2] << 12 | numbers[3] << 4 | numbers[4]
        pairs = {
            "AUTH_VERSION_NO": str(packed),
            "AUTH_SESSION_ID": str(self.sid),
            "AUTH_SERIAL_NUM": str(os.getpid() % 60000),
            "AUTH_MAX_OPEN_CURSORS": "300",
            "AUTH_MAX_IDEN_LENGTH": "128",
            "AUTH_SVR_RESPONSE": self._exchange.response(),
            "AUTH_SC_DBUNIQUE_NAME": self.database.name,
            "AUTH_SC_SERVICE_NAME": self._service,
            "AUTH_INSTANCENAME": self.database.name.lower(),
            "AUTH_SC_DB_DOMAIN": "",
        }
        return answers.parameters([(key, value, 0) for key, value in pairs.items()]) + answers.status()

    def _change_password(self, auth: requests.Auth) -> bytes:
        exchange, session = self._exchange, self.session
        if exchange is None or session is None:
            raise ConnectionOver("a change of password before the login")
        user = self.database.users[session.principal.user]
        if exchange.decrypt(auth.pairs.get("AUTH_PASSWORD", "")) != user.password:
            raise OracleError(1017)
        user.password = exchange.decrypt(auth.pairs.get("AUTH_NEWPASSWORD", ""))
        return answers.status()

    # statements
    def _execute(self, session: Session, request: requests.Execute) -> bytes:
        cursor = self._cursors.get(request.cursor)
        if request.options & requests.OPTION_DEFINE:
            return answers.end_of_call(cursor=request.cursor)
        text = request.sql if request.sql is not None else cursor.text if cursor is not None else None
        if text is None:
            raise ConnectionOver(f"cursor {request.cursor} is not open")
        rows = request.bind_rows or [[]]
        results = [self._run(session, text, [self._in_value(value) for value in row]) for row in rows]
        first = results[0]
        if isinstance(first, Rows):
            return self._first_rows(request, text, first)
        if isinstance(first, BlockResult):
            return self._out_binds(request, [result for result in results if isinstance(result, BlockResult)])
        return answers.end_of_call(row_count=0)

    def _run(self, session: Session, text: str, bind_values: list[values.Value]) -> Rows | BlockResult | None:
        """One execution, with the faults that belong to statements."""
        faults = self.database.faults
        folded = text.upper()

        def concerns(name: str) -> bool:
            part = faults.value(name)
            return part is not None and str(part).upper() in folded

        if concerns("drop_before"):
            raise ConnectionOver("fault drop_before")
        for part, code in (faults.value("error_on") or {}).items():
            if part.upper() in folded:
                raise OracleError(code)
        while concerns("statement_hangs"):
            self.poll(0.01)
        executed = Executed(self._user, text, ())
        self._tell(BEFORE, executed)
        try:
            result = session.execute(text, bind_values)
        finally:
            self._tell(AFTER, executed)
        if concerns("drop_on"):
            raise ConnectionOver("fault drop_on")
        if faults.count_down("drop_after"):
            raise ConnectionOver("fault drop_after")
        return result

    def _tell(self, moment: str, executed: Executed) -> None:
        for callback in tuple(self.database.on_statement):
            callback(moment, executed)

    def _in_value(self, value: values.Value) -> values.Value:
        return self._lobs.content(value.locator) if isinstance(value, values.Lob) else value

    def _first_rows(self, request: requests.Execute, text: str, result: Rows) -> bytes:
        columns = columns_of(result)
        number = request.cursor
        if not number:
            number, self._next_cursor = self._next_cursor, self._next_cursor + 1
        known = self._cursors.get(number)
        types = request.bind_types or (known.bind_types if known is not None else [])
        self._cursors[number] = _Cursor(text, types, columns, list(result.rows))
        described = b"" if known is not None and known.columns == columns else answers.describe(columns)
        if not request.options & requests.OPTION_FETCH:
            return described + answers.end_of_call(cursor=number)
        return described + self._fetch(number, request.wanted)

    def _fetch(self, number: int, wanted: int) -> bytes:
        cursor = self._cursors.get(number)
        if cursor is None:
            raise OracleError(1001, text="invalid cursor")
        taken, cursor.rows = cursor.rows[:wanted], cursor.rows[wanted:]
        cursor.sent += len(taken)
        body = b"".join(answers.row(cursor.columns, row) for row in taken)
        if cursor.rows:
            return body + answers.end_of_call(cursor=number, row_count=cursor.sent)
        return body + answers.no_more_rows(number, cursor.sent)

    def _out_binds(self, request: requests.Execute, results: list[BlockResult]) -> bytes:
        changed = frozenset().union(*(result.changed for result in results))
        if not changed:
            return answers.end_of_call()
        types = request.bind_types
        rows = []
        for result in results:
            cells = [
                out_value(types[index], value, self._lobs) if index in changed else None
                for index, value in enumerate(result.values)
            ]
            rows.append(cells + [None] * (len(types) - len(cells)))
        return answers.out_binds(types, rows, changed) + answers.end_of_call()


def close_all(connections: t.Iterable[ClientConnection], seconds: float) -> None:
    """Cut them and wait for their threads, together at most so long."""
    found = list(connections)
    for connection in found:
        connection.cut()
    deadline = time.monotonic() + seconds
    for connection in found:
        if connection.thread.is_alive() and connection.thread is not threading.current_thread():
            connection.thread.join(max(0.0, deadline - time.monotonic()))
