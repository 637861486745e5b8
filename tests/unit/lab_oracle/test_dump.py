# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Dump files, and the model's export and import that other tools use."""

from __future__ import annotations

import datetime
import decimal
import pathlib

import hypothesis
import hypothesis.strategies as st
import pytest

from tests.lab.oracle import Database, OracleError, dump
from tests.unit.lab_oracle.conftest import DBA, SCHEMA

CELLS = st.one_of(
    st.none(), st.integers(), st.text(), st.binary(), st.datetimes(), st.decimals(allow_nan=False, allow_infinity=False, places=3)
)


def content() -> dump.SchemaDump:
    table = dump.TableDump("T", {"ID": "NUMBER", "X": "RAW(9)"}, [(1, b"\0"), (decimal.Decimal("1.5"), None)], 4096)
    return dump.SchemaDump(SCHEMA, 77, [table, dump.TableDump("EMPTY", {"D": "DATE"}, [])], version="11.2.0.2.0", job_name="J")


@hypothesis.given(st.lists(st.tuples(CELLS, CELLS)), st.sampled_from([dump.CLASSIC, dump.DATAPUMP]))
def test_what_is_written_is_read_again(rows: list[tuple[object, ...]], kind: str) -> None:
    made = dump.SchemaDump("S", None, [dump.TableDump("T", {"A": "X", "B": "Y"}, rows)])
    assert dump.from_bytes(dump.as_bytes(kind, made), kind) == made


def test_files_are_written_and_read_by_kind(tmp_path: pathlib.Path) -> None:
    classic, datapump = tmp_path / "a.dmp", tmp_path / "b.dmp"
    assert dump.write_classic(classic, content()) == classic.stat().st_size
    dump.write_datapump(datapump, content())
    assert dump.read_classic(classic) == dump.read_datapump(datapump) == content()
    for path, read in ((classic, dump.read_datapump), (datapump, dump.read_classic)):
        with pytest.raises(dump.DumpDamaged, match="not a"):
            read(path)


def test_a_classic_dump_begins_as_real_ones_do() -> None:
    assert dump.as_bytes(dump.CLASSIC, content()).startswith(b"\x03\x03EXPORT:V11.00.00\n")


@pytest.mark.parametrize("kind", [dump.CLASSIC, dump.DATAPUMP])
def test_every_truncation_and_every_changed_byte_is_noticed(kind: str) -> None:
    whole = dump.as_bytes(kind, content())
    for size in range(len(whole)):
        with pytest.raises(dump.DumpDamaged):
            dump.from_bytes(whole[:size], kind)
        with pytest.raises(dump.DumpDamaged):
            dump.from_bytes(whole[:size] + bytes([whole[size] ^ 1]) + whole[size + 1 :], kind)


def test_dates_in_rows_survive() -> None:
    moment = datetime.datetime.fromisoformat("2026-01-02T03:04:05.000600")
    made = dump.SchemaDump("S", 1, [dump.TableDump("T", {"D": "DATE"}, [(moment,)])])
    assert dump.from_bytes(dump.as_bytes(dump.CLASSIC, made), dump.CLASSIC).tables[0].rows == [(moment,)]


def test_an_inconsistent_export_sees_each_table_as_it_is_when_read(database: Database) -> None:
    def meanwhile(table: dump.TableDump) -> None:
        if table.name == "COMPONENTS":
            database.insert(SCHEMA, "PROJECTS", (2, None))
            database.insert(SCHEMA, "COMPONENTS", (9, "late"))

    assert database.export_schema(SCHEMA, SCHEMA, after_table=meanwhile).row_counts() == {"COMPONENTS": 3, "PROJECTS": 2}


def test_a_consistent_export_sees_all_tables_as_they_were_at_its_start(database: Database) -> None:
    def meanwhile(table: dump.TableDump) -> None:
        database.insert(SCHEMA, "PROJECTS", (2, None))

    found = database.export_schema(SCHEMA, SCHEMA, consistent=True, after_table=meanwhile)
    assert found.row_counts() == {"COMPONENTS": 3, "PROJECTS": 1}
    assert found.scn is not None


def test_a_consistent_export_can_be_too_slow_for_its_undo(database: Database) -> None:
    database.faults.add("snapshot_too_old")
    with pytest.raises(OracleError, match="ORA-01555"):
        database.export_schema(SCHEMA, SCHEMA, consistent=True)
    assert database.export_schema(SCHEMA, SCHEMA).row_counts() == {"COMPONENTS": 3, "PROJECTS": 1}


def test_classic_export_leaves_out_tables_without_a_segment(database: Database) -> None:
    assert "EMPTY_ONE" not in database.export_schema(SCHEMA, SCHEMA).row_counts()
    assert "EMPTY_ONE" in database.export_schema(SCHEMA, SCHEMA, with_empty=True).row_counts()


def test_exporting_and_importing_others_needs_a_role(database: Database) -> None:
    with pytest.raises(OracleError, match="ORA-01031"):
        database.export_schema("OTHER", SCHEMA)
    found = database.export_schema(DBA, SCHEMA)
    with pytest.raises(OracleError, match="ORA-01031"):
        database.import_schema("OTHER", found)
    assert database.import_schema(DBA, found, "OTHER").rows == {"COMPONENTS": 3, "PROJECTS": 1}


def test_a_schema_that_is_not_there_is_an_error(database: Database) -> None:
    with pytest.raises(OracleError, match="ORA-01435"):
        database.export_schema(DBA, "NOBODY")
    with pytest.raises(OracleError, match="ORA-01435"):
        database.import_schema(DBA, content(), "NOBODY")


@pytest.mark.parametrize(("existing", "count"), [("SKIP", 3), ("APPEND", 6), ("TRUNCATE", 3), ("REPLACE", 3)])
def test_tables_that_exist_are_treated_as_told(database: Database, existing: str, count: int) -> None:
    found = database.export_schema(SCHEMA, SCHEMA)
    outcome = database.import_schema(SCHEMA, found, existing=existing)
    assert outcome.existing == (["COMPONENTS", "PROJECTS"] if existing == "SKIP" else [])
    assert len(database.tables[SCHEMA]["COMPONENTS"].rows_at(database.scn)) == count
