# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files on the database host: UTL_FILE and DBMS_LOB."""

from __future__ import annotations

import pathlib

import oracledb
import pytest

from tests.lab.oracle import OracleServer
from tests.unit.lab_oracle.conftest import DIRECTORY, Connect, call, ora, rows

READ_LOG = """
DECLARE
  f UTL_FILE.FILE_TYPE;
  line VARCHAR2(32767);
  text CLOB;
BEGIN
  f := UTL_FILE.FOPEN(:directory, :name, 'r', 32767);
  BEGIN
    LOOP
      UTL_FILE.GET_LINE(f, line);
      text := text || line || CHR(10);
    END LOOP;
  EXCEPTION
    WHEN NO_DATA_FOUND THEN
      UTL_FILE.FCLOSE(f);
  END;
  :text := text;
END;
"""
ATTRIBUTES = """
DECLARE
  is_there BOOLEAN;
  length NUMBER;
  block BINARY_INTEGER;
BEGIN
  UTL_FILE.FGETATTR(:directory, :name, is_there, length, block);
  :is_there := CASE WHEN is_there THEN 1 ELSE 0 END;
  :length := length;
END;
"""
READ_BFILE = """
DECLARE
  source BFILE := BFILENAME(:directory, :name);
  target CLOB;
  target_offset INTEGER := 1;
  source_offset INTEGER := 1;
  context INTEGER := DBMS_LOB.DEFAULT_LANG_CTX;
  warning INTEGER;
BEGIN
  :found := DBMS_LOB.FILEEXISTS(source);
  DBMS_LOB.CREATETEMPORARY(target, TRUE);
  DBMS_LOB.FILEOPEN(source, DBMS_LOB.FILE_READONLY);
  :length := DBMS_LOB.GETLENGTH(source);
  DBMS_LOB.LOADCLOBFROMFILE(target, source, DBMS_LOB.LOBMAXSIZE, target_offset, source_offset, 0, context, warning);
  :head := UTL_RAW.CAST_TO_VARCHAR2(DBMS_LOB.SUBSTR(source, 4, 1));
  DBMS_LOB.FILECLOSE(source);
  :text := target;
END;
"""


def test_a_log_is_read_line_by_line(schema: oracledb.Connection, folder: pathlib.Path) -> None:
    text = "first\r\n" + "x" * 2000 + "\r\n\r\nlast without an end"
    (folder / "job.log").write_bytes(text.encode())
    found = call(schema, READ_LOG, {"text": oracledb.DB_TYPE_CLOB}, directory=DIRECTORY, name="job.log")
    assert found["text"].read() == text.replace("\r", "") + "\n"


def test_a_log_is_read_as_a_bfile(schema: oracledb.Connection, folder: pathlib.Path) -> None:
    (folder / "job.log").write_text("Grüße\n" * 10_000, encoding="utf-8")
    out = {"found": int, "length": int, "head": str, "text": oracledb.DB_TYPE_CLOB}
    found = call(schema, READ_BFILE, out, directory=DIRECTORY, name="job.log")
    assert (found["found"], found["length"], found["head"]) == (1, 80_000, "Grü")
    assert found["text"].read() == "Grüße\n" * 10_000


def test_a_files_size_is_told(schema: oracledb.Connection, folder: pathlib.Path) -> None:
    (folder / "a.dmp").write_bytes(b"12345")
    out = {"is_there": int, "length": int}
    assert call(schema, ATTRIBUTES, out, directory=DIRECTORY, name="a.dmp") == {"is_there": 1, "length": 5}
    assert call(schema, ATTRIBUTES, out, directory=DIRECTORY, name="b.dmp") == {"is_there": 0, "length": None}


def test_files_are_written_renamed_and_removed(schema: oracledb.Connection, folder: pathlib.Path) -> None:
    block = """
DECLARE f UTL_FILE.FILE_TYPE; BEGIN f := UTL_FILE.FOPEN(:d, 'x.txt', 'w'); UTL_FILE.PUT_LINE(f, 'one'); UTL_FILE.PUT(f, 'two');
UTL_FILE.FCLOSE(f); UTL_FILE.FRENAME(:d, 'x.txt', :d, 'y.txt', TRUE); END;
"""
    call(schema, block, d=DIRECTORY)
    assert (folder / "y.txt").read_text() == "one\ntwo"
    call(schema, "BEGIN UTL_FILE.FREMOVE(:d, 'y.txt'); END;", d=DIRECTORY)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("block", "code"),
    [
        ("BEGIN UTL_FILE.FREMOVE('LOCKSTEP_DIR', 'absent'); END;", "ORA-29283"),
        ("BEGIN UTL_FILE.FREMOVE('lockstep_dir', 'absent'); END;", "ORA-29280"),
        ("BEGIN UTL_FILE.FREMOVE('C:\\Backups', 'absent'); END;", "ORA-29280"),
        ("BEGIN UTL_FILE.FREMOVE('LOCKSTEP_DIR', '..\\absent'); END;", "ORA-29288"),
        ("DECLARE f UTL_FILE.FILE_TYPE; BEGIN f := UTL_FILE.FOPEN('LOCKSTEP_DIR', 'absent', 'r'); END;", "ORA-29283"),
        ("DECLARE f UTL_FILE.FILE_TYPE; BEGIN f := UTL_FILE.FOPEN('LOCKSTEP_DIR', 'absent', 'x'); END;", "ORA-29281"),
        ("DECLARE f UTL_FILE.FILE_TYPE; BEGIN UTL_FILE.FCLOSE(f); END;", "ORA-29282"),
        (
            """
DECLARE f UTL_FILE.FILE_TYPE; s VARCHAR2(9); BEGIN f := UTL_FILE.FOPEN('LOCKSTEP_DIR', 'long', 'r', 5);
UTL_FILE.GET_LINE(f, s); END;
""",
            "ORA-29284",
        ),
        ("DECLARE b BFILE := BFILENAME('LOCKSTEP_DIR', 'absent'); BEGIN DBMS_LOB.FILEOPEN(b); END;", "ORA-22288"),
        ("DECLARE b BFILE := BFILENAME('NO_DIR', 'absent'); BEGIN DBMS_LOB.FILEOPEN(b); END;", "ORA-22285"),
        ("DECLARE b BFILE := BFILENAME('LOCKSTEP_DIR', 'long'); r RAW(9); BEGIN r := DBMS_LOB.SUBSTR(b, 1, 1); END;", "ORA-22289"),
    ],
)
def test_errors_of_files(schema: oracledb.Connection, folder: pathlib.Path, block: str, code: str) -> None:
    (folder / "long").write_text("longer than five")
    with ora(code):
        call(schema, block)


def test_a_directory_needs_a_grant(server: OracleServer, connect: Connect) -> None:
    other = connect("OTHER", "other")
    with ora("ORA-29280"):
        call(other, ATTRIBUTES, {"is_there": int, "length": int}, directory=DIRECTORY, name="a.dmp")
    server.database.directory_grants[(DIRECTORY, "OTHER")] = {"READ"}
    assert call(other, ATTRIBUTES, {"is_there": int, "length": int}, directory=DIRECTORY, name="a.dmp")["is_there"] == 0
    with ora("ORA-29280"):
        call(other, "BEGIN UTL_FILE.FREMOVE(:d, 'a.dmp'); END;", d=DIRECTORY)


def test_open_files_are_closed_with_the_session(server: OracleServer, connect: Connect, folder: pathlib.Path) -> None:
    connection = connect()
    (folder / "a.log").write_text("x")
    call(connection, "DECLARE f UTL_FILE.FILE_TYPE; BEGIN f := UTL_FILE.FOPEN(:d, 'a.log', 'r'); END;", d=DIRECTORY)
    server.stop()
    server.start()
    assert rows(connect(), "SELECT 1 FROM dual") == [(1,)]
