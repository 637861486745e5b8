# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One logged-in session: statements in, results out. Knows nothing of packets."""

from __future__ import annotations

import dataclasses
import datetime
import typing as t

from tests.lab.oracle import statements
from tests.lab.oracle.database import Database, Executed, Principal
from tests.lab.oracle.datapump.job import Job
from tests.lab.oracle.dictionary import query
from tests.lab.oracle.dictionary.functions import QueryContext
from tests.lab.oracle.dictionary.views import VIEWS, Reader, Row
from tests.lab.oracle.errors import OracleError
from tests.lab.oracle.packages import LIBRARY
from tests.lab.oracle.packages.utl_file import FileHandle
from tests.lab.oracle.plsql.interpreter import Interpreter
from tests.lab.oracle.plsql.parser import parse_block
from tests.lab.oracle.plsql.values import Record, Value
from tests.lab.oracle.sqltext import BIND, WORD, Token, bind_names, tokenize

QUERY_WORDS = ("SELECT", "WITH")
BLOCK_WORDS = ("BEGIN", "DECLARE", "CALL")
POLL_SECONDS = 0.005


class Channel(t.Protocol):
    """The client's end, as far as a running statement cares."""

    def poll(self, seconds: float) -> None:
        """Wait at most so long; raise when the client breaks the call off or goes away."""


@dataclasses.dataclass(frozen=True)
class BlockResult:
    """Values of all binds in order, and the positions of those that the block assigned."""

    values: list[Value]
    changed: frozenset[int]


class Session:
    """The library's routines get it as their first argument. The database's lock is held, once, while a statement runs, and
    given back while one waits."""

    library = LIBRARY

    def __init__(self, database: Database, principal: Principal, service: str, sid: int, channel: Channel) -> None:
        self.database, self.principal, self.service, self.sid, self.channel = database, principal, service, sid, channel
        self.schema = principal.user
        self.container = database.container
        self.identity: dict[str, str] = {}
        self.files: list[FileHandle] = []
        self.output: list[str | None] | None = None
        self.jobs: dict[int, Job] = {}
        self.log_positions: dict[int, int] = {}
        self.other_sessions: t.Callable[[], t.Sequence[Row]] = lambda: ()
        self._next_handle = 1

    # statements
    def execute(self, text: str, bind_values: t.Sequence[Value]) -> query.Rows | BlockResult | None:
        """What the statement gives: rows, the binds of a block, or nothing. Raises OracleError and UnknownRequest."""
        shown = tuple(str(value) for value in bind_values if isinstance(value, (str, int)))
        with self.database.lock:
            self.database.history.append(Executed(self.principal.user, text, shown))
            self.database.advance_jobs()
            tokens = tokenize(text)
            if tokens[0].is_word(*BLOCK_WORDS):
                names = bind_names(tokens, distinct=True)
                return self._run_block(text, names, bind_values)
            names = bind_names(tokens, distinct=False)
            if len(names) > len(bind_values):
                raise OracleError(1008)
            if tokens[0].is_word(*QUERY_WORDS) or tokens[0].is_operator("("):
                return query.run(text, dict(zip(names, bind_values, strict=False)), self.query_context())
            statements.run(self, text)
            return None

    def _run_block(self, text: str, names: list[str], bind_values: t.Sequence[Value]) -> BlockResult:
        if len(names) > len(bind_values):
            raise OracleError(1008)
        binds = dict(zip(names, bind_values, strict=False))
        interpreter = Interpreter(self, binds)
        interpreter.run(parse_block(text))
        changed = frozenset(position for position, name in enumerate(names) if name in interpreter.assigned)
        return BlockResult([binds[name] for name in names], changed)

    def execute_text(self, text: str) -> None:
        """A statement without rows, out of a block."""
        self.database.history.append(Executed(self.principal.user, text, ()))
        statements.run(self, text)

    def query_context(self) -> QueryContext:
        sessions = self.other_sessions()
        reader = Reader(self.database, self.principal, self.sid, self.identity.get("program", ""), sessions)
        return QueryContext(reader, self.schema, self.service, self.container)

    # what blocks need
    def check_interrupted(self) -> None:
        self.database.lock.release()
        try:
            self.channel.poll(0)
        finally:
            self.database.lock.acquire()

    def wait(self, seconds: float, is_over: t.Callable[[], bool]) -> None:
        """Until the condition holds or the seconds have passed on the database's clock."""
        clock = self.database.clock
        deadline = clock.monotonic() + seconds
        while not is_over() and clock.monotonic() < deadline:
            self.database.lock.release()
            try:
                self.channel.poll(POLL_SECONDS)
            finally:
                self.database.lock.acquire()

    def now(self) -> datetime.datetime:
        return self.database.clock.now().astimezone(datetime.UTC).replace(tzinfo=None)

    def select(self, text: str, variables: t.Callable[[str], tuple[bool, Value]], limit: int | None) -> list[Record]:
        """A query inside a block. A name that is both a column of a view in the text and a variable means the column."""
        tokens = tokenize(text)
        columns = {column for token in tokens if token.value in VIEWS for column in VIEWS[token.value].columns}
        pieces: list[str] = []
        binds: dict[str, Value] = {}
        end = index = 0
        while index < len(tokens):
            used, name = _dotted(tokens, index)
            is_variable, value = variables(name) if name and name.split(".")[0] not in columns else (False, None)
            if is_variable:
                binds[f"V{len(binds)}"] = value
                pieces += [text[end : tokens[index].start], f":V{len(binds) - 1}"]
                end = tokens[index + used - 1].end
            index += used
        pieces.append(text[end:])
        found = query.run("".join(pieces), binds, self.query_context())
        return [Record(dict(zip(found.names, row, strict=True))) for row in found.rows[:limit]]

    def execute_immediate(self, text: str, binds: list[Value]) -> list[tuple[Value, ...]]:
        tokens = tokenize(text)
        self.database.history.append(Executed(self.principal.user, text, tuple(map(str, binds))))
        if tokens[0].is_word(*QUERY_WORDS):
            names = bind_names(tokens, distinct=False)
            return query.run(text, dict(zip(names, binds, strict=True)), self.query_context()).rows
        if tokens[0].is_word(*BLOCK_WORDS):
            self._run_block(text, bind_names(tokens, distinct=True), binds)
            return []
        statements.run(self, text)
        return []

    def identify(self, **names: Value) -> None:
        self.identity.update({key: str(value or "") for key, value in names.items()})

    # what belongs to the session
    def attach(self, job: Job) -> int:
        handle = self.sid * 1000 + self._next_handle
        self._next_handle += 1
        self.jobs[handle] = job
        self.log_positions[handle] = 0
        job.attached.add((self.sid, handle))
        return handle

    def detach(self, handle: int) -> None:
        job = self.jobs.pop(handle, None)
        self.log_positions.pop(handle, None)
        if job is not None:
            job.detach(self.sid, handle)

    def close_files(self) -> None:
        for handle in self.files:
            handle.close()
        self.files.clear()

    def close(self) -> None:
        """The session ends: its files are closed; its jobs go on, except those that were never started."""
        with self.database.lock:
            self.close_files()
            for handle in list(self.jobs):
                self.detach(handle)


def _dotted(tokens: list[Token], index: int) -> tuple[int, str]:
    """How many tokens belong together here, and the dotted name (``:X`` for a bind) that they form, if any."""
    token = tokens[index]
    if token.kind == BIND:
        return 1, ":" + token.value
    if token.kind != WORD:
        return 1, ""
    used, parts = 1, [token.value]
    while index + used + 1 < len(tokens) and tokens[index + used].is_operator(".") and tokens[index + used + 1].is_name:
        parts.append(tokens[index + used + 1].value)
        used += 2
    return used, ".".join(parts)
