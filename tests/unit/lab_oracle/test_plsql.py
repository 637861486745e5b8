# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Anonymous blocks through the real driver."""

from __future__ import annotations

import datetime
import decimal
import typing as t

import oracledb
import pytest

from tests.lab.oracle import OracleServer
from tests.unit.lab_oracle.conftest import SCHEMA, Connect, call, execute, ora

EXPRESSIONS: list[tuple[str, t.Any]] = [
    ("1 + 2 * 3", "7"),
    ("(1 + 2) * 3 - -1", "10"),
    ("7 / 2", "3.5"),
    ("2 ** 10", "1024"),
    ("1 / 4", ".25"),
    ("MOD(7, 4)", "3"),
    ("'a' || 1 || NULL || 'b'", "a1b"),
    ("'it''s ' || q'[it's]'", "it's it's"),
    ("''", None),
    ("NULL + 1", None),
    ("CASE WHEN 1 = 1 THEN 'y' ELSE 'n' END", "y"),
    ("CASE 3 WHEN 1 THEN 'one' WHEN 3 THEN 'three' END", "three"),
    ("CASE WHEN 'abc' LIKE 'a%' AND 'abc' NOT LIKE 'b_' THEN 'y' END", "y"),
    ("CASE WHEN 2 BETWEEN 1 AND 3 AND 2 NOT IN (5, 6) THEN 'y' END", "y"),
    ("CASE WHEN NULL = NULL THEN 'y' ELSE 'n' END", "n"),
    ("CASE WHEN NOT (NULL = 1) THEN 'y' ELSE 'n' END", "n"),
    ("CASE WHEN '' IS NULL AND 'x' IS NOT NULL THEN 'y' END", "y"),
    ("CASE WHEN '10' > 9 THEN 'numbers' END", "numbers"),
    ("UPPER('a') || LOWER('B') || LENGTH('four') || TRIM('  x ')", "Ab4x"),
    ("SUBSTR('abcdef', 2, 3) || SUBSTR('abcdef', -2)", "bcdef"),
    ("INSTR('abcabc', 'c', 1, 2)", "6"),
    ("REPLACE('a.b.c', '.', '-') || RTRIM('xx..', '.') || LPAD('7', 3, '0')", "a-b-cxx007"),
    ("NVL(NULL, 'x') || COALESCE(NULL, NULL, 'y') || DECODE(1, 1, 'z')", "xyz"),
    ("GREATEST(1, 3, 2) || LEAST(4, 2)", "32"),
    ("ROUND(2.567, 2) || ' ' || TRUNC(2.9) || ' ' || ABS(-3)", "2.57 2 3"),
    ("BITAND(13, 8)", "8"),
    ("USER", SCHEMA),
    ("TO_CHAR(SYSDATE, 'YYYY-MM-DD HH24:MI:SS')", "2026-03-04 05:06:07"),
    ("SYS_CONTEXT('USERENV', 'DB_NAME')", "XE"),
]


@pytest.mark.parametrize(("expression", "expected"), EXPRESSIONS)
def test_expressions(schema: oracledb.Connection, expression: str, expected: str | None) -> None:
    assert call(schema, f"BEGIN :result := {expression}; END;", {"result": str}) == {"result": expected}


BLOCKS: list[tuple[str, t.Any]] = [
    ("DECLARE n NUMBER := 0; BEGIN FOR i IN 1..4 LOOP n := n + i; END LOOP; :r := n; END;", "10"),
    ("DECLARE s VARCHAR2(9); BEGIN FOR i IN REVERSE 1 .. 3 LOOP s := s || i; END LOOP; :r := s; END;", "321"),
    ("DECLARE n PLS_INTEGER := 0; BEGIN LOOP n := n + 1; EXIT WHEN n >= 5; END LOOP; :r := n; END;", "5"),
    ("DECLARE n INTEGER := 9; BEGIN WHILE n > 3 LOOP n := n - 2; END LOOP; :r := n; END;", "3"),
    (
        """
BEGIN <<outer>> FOR i IN 1..3 LOOP FOR j IN 1..3 LOOP CONTINUE WHEN j = 2; EXIT outer WHEN i = 2;
:r := :r || i || j || ' '; END LOOP; END LOOP outer; END;
""",
        "11 13",
    ),
    ("BEGIN IF 1 > 2 THEN :r := 'a'; ELSIF 2 > 1 THEN :r := 'b'; ELSE :r := 'c'; END IF; END;", "b"),
    ("BEGIN CASE 2 WHEN 1 THEN :r := 'a'; WHEN 2 THEN :r := 'b'; ELSE NULL; END CASE; END;", "b"),
    ("BEGIN DECLARE x VARCHAR2(5) := 'in'; BEGIN :r := x; END; :r := :r || 'out'; END;", "inout"),
    ("DECLARE e EXCEPTION; BEGIN RAISE e; EXCEPTION WHEN e THEN :r := 'caught ' || SQLCODE; END;", "caught 1"),
    (
        """
DECLARE e EXCEPTION; PRAGMA EXCEPTION_INIT(e, -31626); h NUMBER; BEGIN h := DBMS_DATAPUMP.ATTACH('NO', USER);
EXCEPTION WHEN e THEN :r := SQLCODE; END;
""",
        "-31626",
    ),
    (
        "BEGIN :r := 1 / 0; EXCEPTION WHEN ZERO_DIVIDE OR VALUE_ERROR THEN :r := SQLERRM; END;",
        "ORA-01476: divisor is equal to zero",
    ),
    (
        """
BEGIN
  BEGIN :r := TO_NUMBER('x'); EXCEPTION WHEN NO_DATA_FOUND THEN NULL; END;
EXCEPTION WHEN OTHERS THEN :r := SQLCODE;
END;
""",
        "-6502",
    ),
    (
        """
BEGIN
  BEGIN RAISE NO_DATA_FOUND; EXCEPTION WHEN OTHERS THEN RAISE; END;
EXCEPTION WHEN NO_DATA_FOUND THEN :r := SQLCODE;
END;
""",
        "100",
    ),
    ("BEGIN RAISE_APPLICATION_ERROR(-20001, 'mine'); EXCEPTION WHEN OTHERS THEN :r := SQLERRM; END;", "ORA-20001: mine"),
    ("BEGIN SELECT name INTO :r FROM components WHERE id = 2; END;", "C5"),
    ("DECLARE k NUMBER := 1; n VARCHAR2(9); BEGIN SELECT name INTO n FROM components WHERE id = k; :r := n; END;", "R1"),
    ("BEGIN SELECT name INTO :r FROM components WHERE id = 9; EXCEPTION WHEN NO_DATA_FOUND THEN :r := 'none'; END;", "none"),
    ("BEGIN SELECT name INTO :r FROM components; EXCEPTION WHEN TOO_MANY_ROWS THEN :r := 'many'; END;", "many"),
    (
        "BEGIN FOR c IN (SELECT id, name FROM components ORDER BY id) LOOP :r := :r || c.id || c.name || ','; END LOOP; END;",
        "1R1,2C5,3,",
    ),
    ("BEGIN EXECUTE IMMEDIATE 'SELECT name FROM components WHERE id = :x' INTO :r USING 2; END;", "C5"),
    (
        """
DECLARE FUNCTION twice(n NUMBER) RETURN NUMBER IS BEGIN RETURN n * 2; END;
PROCEDURE add(p IN OUT VARCHAR2, q VARCHAR2 DEFAULT '!') IS BEGIN p := p || q; END;
s VARCHAR2(20); BEGIN s := twice(n => 21); add(s); add(s, '?'); :r := s; END;
""",
        "42!?",
    ),
    (
        """
DECLARE TYPE names IS TABLE OF VARCHAR2(10) INDEX BY PLS_INTEGER; a names; i PLS_INTEGER; BEGIN a(5) := 'x'; a(2) := 'y';
i := a.FIRST; WHILE i IS NOT NULL LOOP :r := :r || i || a(i); i := a.NEXT(i); END LOOP; :r := :r || a.COUNT; END;
""",
        "2y5x2",
    ),
    (
        """
DECLARE TYPE names IS TABLE OF VARCHAR2(10); a names := names('p', 'q'); BEGIN a.EXTEND; a(3) := 'z';
FOR i IN 1 .. a.COUNT LOOP :r := :r || a(i); END LOOP; END;
""",
        "pqz",
    ),
    ("DECLARE TYPE pair IS RECORD (a NUMBER, b VARCHAR2(5)); p pair; BEGIN p.a := 4; p.b := 'f'; :r := p.a || p.b; END;", "4f"),
    ("-- a comment with :nobind\nBEGIN /* and :another */ :r := ':text'; END;", ":text"),
    ("BEGIN DBMS_OUTPUT.ENABLE(NULL); DBMS_OUTPUT.PUT_LINE('x'); COMMIT; NULL; RETURN; :r := 'not reached'; END;", None),
]


@pytest.mark.parametrize(("block", "expected"), BLOCKS)
def test_blocks(schema: oracledb.Connection, block: str, expected: str | None) -> None:
    result = call(schema, block, {"r": str})["r"]
    assert (result.strip() if result else result) == expected


def test_binds_of_all_types_go_in_and_out(schema: oracledb.Connection) -> None:
    moment = datetime.datetime.fromisoformat("2026-02-03T04:05:06")
    block = "BEGIN :n := :n1 + 1; :d := :d1; :b := NOT :b1; :f := :f1; :raw := :raw1; :s := :s1 || :s1; END;"
    out = {"n": int, "d": datetime.datetime, "b": bool, "f": float, "raw": oracledb.DB_TYPE_RAW, "s": str}
    found = call(schema, block, out, n1=41, d1=moment, b1=False, f1=0.5, raw1=b"\x00\xff", s1="é")
    assert found == {"n": 42, "d": moment, "b": True, "f": 0.5, "raw": b"\x00\xff", "s": "éé"}


def test_a_bind_can_be_in_and_out(schema: oracledb.Connection) -> None:
    with schema.cursor() as cursor:
        number = cursor.var(int)
        number.setvalue(0, 20)
        cursor.execute("BEGIN :n := :n + 1; END;", n=number)
        assert number.getvalue() == 21


def test_fractions_keep_their_digits(schema: oracledb.Connection) -> None:
    assert call(schema, "BEGIN :n := 1.23456789012345; END;", {"n": decimal.Decimal}) == {"n": decimal.Decimal("1.23456789012345")}


def test_a_call_statement_runs_one_procedure(schema: oracledb.Connection) -> None:
    execute(schema, "CALL DBMS_OUTPUT.PUT_LINE('x')")
    with schema.cursor() as cursor:
        cursor.callproc("DBMS_OUTPUT.ENABLE", [None])
        assert cursor.callfunc("UPPER", str, ["abc"]) == "ABC"


def test_long_texts_go_in_and_out_as_clobs(schema: oracledb.Connection) -> None:
    text = "Zeile für Zeile\n" * 5000
    found = call(
        schema, "BEGIN :length := LENGTH(:body); :copy := :body; END;", {"length": int, "copy": oracledb.DB_TYPE_CLOB}, body=text
    )
    assert found["length"] == len(text)
    assert found["copy"].read() == text
    assert found["copy"].size() == len(text)
    assert found["copy"].read(3, 5) == text[2:7]


def test_dbms_output_comes_back_line_by_line_and_in_arrays(schema: oracledb.Connection) -> None:
    call(schema, "BEGIN DBMS_OUTPUT.ENABLE(NULL); FOR i IN 1..5 LOOP DBMS_OUTPUT.PUT_LINE('line ' || i); END LOOP; END;")
    assert call(schema, "BEGIN DBMS_OUTPUT.GET_LINE(:line, :status); END;", {"line": str, "status": int}) == {
        "line": "line 1",
        "status": 0,
    }
    with schema.cursor() as cursor:
        lines, count = cursor.arrayvar(str, 10), cursor.var(int)
        count.setvalue(0, 10)
        cursor.callproc("DBMS_OUTPUT.GET_LINES", [lines, count])
        assert (lines.getvalue(), count.getvalue()) == (["line 2", "line 3", "line 4", "line 5"], 4)


def test_an_error_that_nobody_handles_ends_the_block_with_its_line(schema: oracledb.Connection) -> None:
    with pytest.raises(oracledb.DatabaseError, match=r"ORA-01476: divisor is equal to zero\nORA-06512: at line 3"):
        call(schema, "BEGIN\n  NULL;\n  :r := 1 / 0;\nEND;", {"r": int})


@pytest.mark.parametrize(
    ("block", "code"),
    [
        ("DECLARE s VARCHAR2(3); BEGIN s := 'four'; END;", "ORA-06502"),
        ("DECLARE n NUMBER; BEGIN n := 'four'; END;", "ORA-06502"),
        ("DECLARE s VARCHAR2(3) := 'four'; BEGIN NULL; EXCEPTION WHEN OTHERS THEN NULL; END;", "ORA-06502"),
        ("BEGIN RAISE NO_DATA_FOUND; END;", "ORA-01403"),
        ("BEGIN CASE 1 WHEN 2 THEN NULL; END CASE; END;", "ORA-06592"),
        ("DECLARE s ku$_Status; BEGIN s.job_status.state := 'x'; END;", "ORA-06530"),
        ("BEGIN UTL_RECOMP.RECOMP_SERIAL(USER); END;", "ORA-01031"),
    ],
)
def test_errors_of_blocks(schema: oracledb.Connection, block: str, code: str) -> None:
    with ora(code):
        call(schema, block)


def test_an_out_value_must_fit_its_variable(schema: oracledb.Connection) -> None:
    with schema.cursor() as cursor, ora("ORA-06502"):
        cursor.execute("BEGIN :r := RPAD('x', 200, 'x'); END;", r=cursor.var(str, 10))


def test_handlers_do_not_hide_what_the_lab_does_not_know(lenient_server: OracleServer, connect: Connect) -> None:
    with ora("ORA-00900"):
        call(connect(), "BEGIN no_such.thing(1); EXCEPTION WHEN OTHERS THEN NULL; END;")
    assert len(lenient_server.unknown) == 1


def test_recompiling_makes_objects_valid(dba: oracledb.Connection, server: OracleServer) -> None:
    call(dba, "BEGIN UTL_RECOMP.RECOMP_SERIAL(:s); END;", s=SCHEMA)
    assert [thing.status for thing in server.database.objects[SCHEMA]] == ["VALID", "VALID"]


def test_sleeping_lasts_until_the_clock_says_so(schema: oracledb.Connection) -> None:
    schema.call_timeout = 100
    with ora("DPY-4024"):
        call(schema, "BEGIN DBMS_SESSION.SLEEP(3600); END;")
    schema.call_timeout = 0
    assert call(schema, "BEGIN :r := 1; END;", {"r": int}) == {"r": 1}


def test_an_endless_loop_can_be_broken_off(schema: oracledb.Connection) -> None:
    schema.call_timeout = 100
    with ora("DPY-4024"):
        call(schema, "BEGIN LOOP NULL; END LOOP; END;")
    schema.call_timeout = 0
    assert call(schema, "BEGIN :r := 1; END;", {"r": int}) == {"r": 1}
