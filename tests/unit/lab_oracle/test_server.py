# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starting and stopping, several servers, and the parts below the driver."""

from __future__ import annotations

import decimal
import socket
import threading
import typing as t

import hypothesis
import hypothesis.strategies as st
import oracledb
import pytest

from tests.lab.oracle import Database, OracleServer
from tests.lab.oracle.errors import UnknownRequest
from tests.lab.oracle.sqltext import bind_names, tokenize
from tests.lab.oracle.wire import values
from tests.lab.oracle.wire.primitives import NeedMore, Reader, Writer
from tests.unit.lab_oracle.conftest import ADDRESS, PASSWORD, SCHEMA, Connect, ora, rows


def oracle_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("oracle-")]


def test_stopping_ends_every_session_thread_and_socket(database: Database) -> None:
    server = OracleServer(database, ADDRESS, 0)
    server.start()
    database.faults.add("statement_hangs", "components")
    connections = [oracledb.connect(user=SCHEMA, password=PASSWORD, dsn=server.dsn) for _unused in range(5)]
    failures: list[str] = []

    def hang() -> None:
        try:
            rows(connections[0], "SELECT 1 FROM components")
        except oracledb.Error as error:
            failures.append(error.args[0].full_code)

    hanging = threading.Thread(target=hang)
    hanging.start()
    server.stop()
    hanging.join(5)
    assert failures == ["DPY-4011"]
    assert oracle_threads() == []
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((ADDRESS, server.port))
    for connection in connections[1:]:
        with ora("DPY-4011"):
            connection.ping()


def test_a_server_starts_again_on_its_port_with_its_data(server: OracleServer, connect: Connect) -> None:
    port = server.port
    server.stop()
    server.stop()
    server.start()
    assert server.port == port
    assert rows(connect(), "SELECT COUNT(*) FROM components") == [(3,)]


def test_servers_are_apart_from_each_other() -> None:
    first, second = Database(name="ONE", services=("ONE",)), Database(name="TWO", services=("TWO",))
    with OracleServer(first, "127.0.0.1", 0) as one, OracleServer(second, "127.0.0.1", 0) as two:
        found = []
        for server in (one, two):
            with oracledb.connect(user="SYSTEM", password="oracle", dsn=server.dsn) as connection:
                found += rows(connection, "SELECT name FROM v$database")
    assert found == [("ONE",), ("TWO",)]


def test_many_sessions_work_side_by_side(server: OracleServer, connect: Connect) -> None:
    connections = [connect() for _unused in range(20)]
    found: list[list[tuple[t.Any, ...]]] = []
    threads = [
        threading.Thread(target=lambda one=connection: found.append(rows(one, "SELECT COUNT(*) FROM components")))
        for connection in connections
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert found == [[(3,)]] * 20


@pytest.mark.parametrize(
    "data", [b"", b"GET / HTTP/1.1\r\n\r\n", b"\x00\x08\x00\x00\x06\x00\x00\x00", b"\x00\x00\x00\x00\x00\x00\x00\x00"]
)
def test_garbage_ends_only_its_own_connection(server: OracleServer, connect: Connect, data: bytes) -> None:
    with socket.create_connection((server.address, server.port), timeout=5) as other:
        other.sendall(data)
        other.shutdown(socket.SHUT_WR)
        assert other.recv(100) == b""
    assert connect().version


numbers = st.one_of(
    st.integers(min_value=-(10**38) + 1, max_value=10**38 - 1),
    st.decimals(allow_nan=False, allow_infinity=False, places=9, min_value=-(10**20), max_value=10**20),
)


@hypothesis.given(numbers)
def test_numbers_survive_their_encoding(number: int | decimal.Decimal) -> None:
    assert values.decode_number(values.encode_number(number)) == number


@hypothesis.given(
    st.integers(min_value=-(10**38) + 1, max_value=10**38 - 1), st.integers(min_value=-(10**38) + 1, max_value=10**38 - 1)
)
def test_encoded_numbers_sort_like_numbers(one: int, two: int) -> None:
    assert (values.encode_number(one) < values.encode_number(two)) == (one < two)


@hypothesis.given(st.floats(allow_nan=False))
def test_binary_doubles_survive_their_encoding(number: float) -> None:
    assert values.decode_binary_float(values.encode_binary_float(number, ">d"), ">d") == number


@hypothesis.given(st.binary(min_size=1, max_size=400), st.integers(min_value=-(2**63), max_value=2**63))
def test_primitives_survive_and_say_when_they_are_cut(data: bytes, number: int) -> None:
    message = Writer().clr(data).sint(number).uint(abs(number)).dlc(data).data()
    reader = Reader(message)
    assert (reader.clr(), reader.sint(), reader.uint(), reader.dlc()) == (data, number, abs(number), data)
    assert reader.at_end()
    cut = Reader(message[:-1])
    cut.clr(), cut.sint(), cut.uint()
    with pytest.raises(NeedMore):
        cut.dlc()


def test_byte_strings_longer_than_a_chunk_are_cut_in_chunks() -> None:
    data = bytes(range(256)) * 400
    assert Reader(Writer().clr(data).data()).clr() == data


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT :a, ':b', q'[:c]', \":d\" FROM t -- :e\n WHERE x = :a /* :f */ AND y=:1", ["A", "A", "1"]),
        ("BEGIN x := :y; z := 'a''b :c'; END;", ["Y"]),
        ('SELECT :"Quoted" FROM dual', ["Quoted"]),
    ],
)
def test_bind_names_are_found_outside_of_strings_and_comments(text: str, expected: list[str]) -> None:
    assert bind_names(tokenize(text), distinct=False) == expected


@pytest.mark.parametrize("text", ["SELECT 'open", "SELECT q'[open", "SELECT #"])
def test_unreadable_text_is_unknown(text: str) -> None:
    with pytest.raises(UnknownRequest):
        tokenize(text)
