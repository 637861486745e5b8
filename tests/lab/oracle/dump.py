# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Dump files of the simulated database: classic (exp) and Data Pump. Both end in a marker with a checksum, so that a file
that lacks its last part is known to be damaged."""

from __future__ import annotations

import base64
import dataclasses
import datetime
import decimal
import hashlib
import json
import pathlib
import typing as t

CLASSIC, DATAPUMP = "classic", "datapump"
CLASSIC_MAGIC = b"\x03\x03EXPORT:V"
DATAPUMP_MAGIC = b"\x04\x01LOCKSTEP-LAB-DATAPUMP:V"
END_MARKER = b"\nEXIT\n"


class DumpDamaged(Exception):
    """The file is no dump, or not a complete one; the text says which."""


@dataclasses.dataclass
class TableDump:
    """``columns`` maps names to types; ``rows`` are in the order of the columns. ``bytes`` is the segment's size. ``schema`` is
    empty in a dump of one schema."""

    name: str
    columns: dict[str, str]
    rows: list[tuple[t.Any, ...]]
    bytes: int = 65536
    schema: str = ""


@dataclasses.dataclass
class SchemaDump:
    """One schema's content, or that of a whole database: then ``users`` are its schemas, and ``schema`` is empty.

    ``scn``: all tables as of this moment; None where each is consistent only in itself.
    """

    schema: str
    scn: int | None
    tables: list[TableDump] = dataclasses.field(default_factory=list)
    version: str = "19.0.0.0.0"
    job_name: str = ""
    users: tuple[str, ...] = ()

    @property
    def is_full(self) -> bool:
        return bool(self.users)

    def row_counts(self) -> dict[str, int]:
        """By table; in a whole database by schema and table."""
        return {(f"{table.schema}.{table.name}" if self.is_full else table.name): len(table.rows) for table in self.tables}

    def part(self, schema: str) -> SchemaDump:
        """One schema's content out of the whole."""
        tables = [dataclasses.replace(table, schema="") for table in self.tables if table.schema == schema]
        return SchemaDump(schema, self.scn, tables, self.version, self.job_name)


def _encode_value(value: t.Any) -> t.Any:
    if isinstance(value, datetime.datetime):
        return {"date": value.isoformat()}
    if isinstance(value, decimal.Decimal):
        return {"number": str(value)}
    if isinstance(value, bytes):
        return {"raw": base64.b64encode(value).decode()}
    return value


def _decode_value(value: t.Any) -> t.Any:
    if not isinstance(value, dict):
        return value
    if "date" in value:
        return datetime.datetime.fromisoformat(value["date"])
    if "number" in value:
        return decimal.Decimal(value["number"])
    return base64.b64decode(value["raw"])


def start_bytes(kind: str, dump: SchemaDump) -> bytes:
    """What stands at the beginning of the file, before the tables."""
    major = dump.version.split(".")[0]
    magic = (CLASSIC_MAGIC if kind == CLASSIC else DATAPUMP_MAGIC) + f"{int(major):02d}.00.00".encode()
    header: dict[str, t.Any] = {"schema": dump.schema, "scn": dump.scn, "version": dump.version, "job_name": dump.job_name}
    header.update({"users": dump.users} if dump.users else {})
    return magic + b"\n" + json.dumps(header, ensure_ascii=False).encode()


def table_bytes(table: TableDump) -> bytes:
    rows = [[_encode_value(value) for value in row] for row in table.rows]
    record = {"table": table.name, "columns": table.columns, "bytes": table.bytes, "rows": rows}
    record.update({"schema": table.schema} if table.schema else {})
    return b"\n" + json.dumps(record, ensure_ascii=False).encode()


def end_bytes(everything_before: bytes) -> bytes:
    return b"\n" + hashlib.sha256(everything_before).hexdigest().encode() + END_MARKER


def as_bytes(kind: str, dump: SchemaDump) -> bytes:
    """A whole file's content."""
    body = start_bytes(kind, dump) + b"".join(table_bytes(table) for table in dump.tables)
    return body + end_bytes(body)


def kind_of(data: bytes) -> str | None:
    """CLASSIC, DATAPUMP, or None where the first bytes are neither's."""
    if data.startswith(CLASSIC_MAGIC):
        return CLASSIC
    return DATAPUMP if data.startswith(DATAPUMP_MAGIC) else None


def from_bytes(data: bytes, kind: str) -> SchemaDump:
    """Raises DumpDamaged when the file is of another kind, has been changed, or lacks its end."""
    if kind_of(data) != kind:
        raise DumpDamaged(f"not a {kind} dump")
    if not data.endswith(END_MARKER):
        raise DumpDamaged("the end marker is missing: the file is truncated")
    body, _unused, checksum = data[: -len(END_MARKER)].rpartition(b"\n")
    if hashlib.sha256(body).hexdigest().encode() != checksum:
        raise DumpDamaged("the checksum is wrong")
    header, *tables = (json.loads(line) for line in body.split(b"\n")[1:])
    dump = SchemaDump(header["schema"], header["scn"], version=header["version"], job_name=header["job_name"])
    dump.users = tuple(header.get("users", ()))
    for record in tables:
        rows = [tuple(_decode_value(value) for value in row) for row in record["rows"]]
        dump.tables.append(TableDump(record["table"], record["columns"], rows, record["bytes"], record.get("schema", "")))
    return dump


def write_classic(path: pathlib.Path, dump: SchemaDump) -> int:
    """Write what exp would; the number of bytes."""
    return path.write_bytes(as_bytes(CLASSIC, dump))


def read_classic(path: pathlib.Path) -> SchemaDump:
    return from_bytes(path.read_bytes(), CLASSIC)


def write_datapump(path: pathlib.Path, dump: SchemaDump) -> int:
    return path.write_bytes(as_bytes(DATAPUMP, dump))


def read_datapump(path: pathlib.Path) -> SchemaDump:
    return from_bytes(path.read_bytes(), DATAPUMP)
