# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What export and import jobs do to files and tables, in steps of one table each."""

from __future__ import annotations

import pathlib
import typing as t

from tests.lab.oracle import dump
from tests.lab.oracle.database import IMPORT_ROLES, ImportOutcome
from tests.lab.oracle.datapump.job import FileSpec, Job
from tests.lab.oracle.errors import OracleError

LINES = "*" * 78


class Work(t.Protocol):
    """``done`` of ``steps`` are finished; ``step()`` does the next one and returns its number of errors."""

    steps: int
    done: int
    total_bytes: int

    def prepare(self) -> None:
        """Raises OracleError for what prevents the start."""

    def step(self) -> int: ...

    def finish(self, truncated: bool) -> None: ...


def real_path(job: Job, spec: FileSpec) -> pathlib.Path:
    return job.database.resolve_path(job.database.host_path(spec.directory, spec.name))


def _size(count: int) -> str:
    return f"{count / 1024:.3g} KB" if count < 2**20 else f"{count / 2**20:.4g} MB"


class ExportWork:
    """Writes the dump file table by table, and its end marker last."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.done = 0
        self.steps = 0
        self.total_bytes = 0
        self._tables: list[tuple[str, str]] = []
        self._scn: int | None = None
        self._written = b""

    def prepare(self) -> None:
        job, database = self.job, self.job.database
        full = job.mode == "FULL"
        if full:
            job.schemas = list(database.exported_users())
        for schema in job.schemas:
            if schema not in database.users:
                raise OracleError(39002, causes=(OracleError(39165, schema),))
        self._tables = [(schema, name) for schema in job.schemas for name in database.exportable_tables(schema, with_empty=True)]
        self.steps = len(self._tables) + 1
        self.total_bytes = sum(database.tables[schema][name].bytes or 0 for schema, name in self._tables)
        if "FLASHBACK_SCN" in job.parameters:
            self._scn = int(job.parameters["FLASHBACK_SCN"])
            if self._scn > database.scn:
                raise OracleError(39002, causes=(OracleError(8181, text="specified number is not a valid system change number"),))
        elif "FLASHBACK_TIME" in job.parameters:
            self._scn = database.scn
        header = dump.SchemaDump("" if full else ",".join(job.schemas), self._scn, version=database.version, job_name=job.name)
        header.users = tuple(job.schemas) if full else ()
        self._append(dump.start_bytes(dump.DATAPUMP, header))

    def _append(self, data: bytes) -> None:
        self._written += data
        real_path(self.job, self.job.dump_files[0]).write_bytes(self._written)

    def step(self) -> int:
        self.done += 1
        log = self.job.log
        if self.done == 1:
            kind = "DATABASE_EXPORT/SCHEMA" if self.job.mode == "FULL" else "SCHEMA_EXPORT"
            log.add(f"Processing object type {kind}/TABLE/TABLE_DATA")
            log.add(f"Processing object type {kind}/TABLE/TABLE")
            return 0
        schema, name = self._tables[self.done - 2]
        try:
            table = self.job.database.export_table(schema, name, self._scn)
        except KeyError:
            log.add(f'ORA-39166: Object "{schema}"."{name}" was not found or could not be exported or imported.')
            return 1
        except OracleError as error:
            log.add(f'ORA-31693: Table data object "{schema}"."{name}" failed to load/unload and is being skipped due to error:')
            log.add("ORA-02354: error in exporting/importing data")
            log.add(error.line)
            return 1
        table.schema = schema if self.job.mode == "FULL" else ""
        data = dump.table_bytes(table)
        self._append(data)
        quoted = f'"{schema}"."{name}"'
        log.add(f". . exported {quoted:<50} {_size(len(data)):>10} {len(table.rows):>7} rows")
        return 0

    def finish(self, truncated: bool) -> None:
        job = self.job
        log = job.log
        self._append(dump.end_bytes(self._written))
        if truncated:
            real_path(job, job.dump_files[0]).write_bytes(self._written[: len(self._written) * 2 // 3])
        log.add(f"Master table {job.quoted_name} successfully loaded/unloaded")
        log.add(LINES)
        log.add(f"Dump file set for {job.owner}.{job.name} is:")
        log.add("  " + job.database.host_path(job.dump_files[0].directory, job.dump_files[0].name))


class ImportWork:
    """Reads the whole dump first: a damaged one changes nothing."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.done = 0
        self.steps = 0
        self.total_bytes = 0
        self._content = dump.SchemaDump("", None)
        self._target = ""
        self._users: list[str] = []

    def prepare(self) -> None:
        job, database = self.job, self.job.database
        spec = job.dump_files[0]
        try:
            self._content = dump.read_datapump(real_path(job, spec))
        except dump.DumpDamaged as error:
            raise OracleError(39002, causes=(OracleError(39059), OracleError(31619, spec.name))) from error
        if job.mode == "FULL" and self._content.is_full:
            self._prepare_all()
            return
        if self._content.is_full and job.schemas and job.schemas[0] in self._content.users:
            self._content = self._content.part(job.schemas[0])
        if job.schemas and self._content.schema not in job.schemas:
            raise OracleError(39002, causes=(OracleError(39165, job.schemas[0]),))
        self._target = job.remap.get(self._content.schema, self._content.schema)
        if self._target != job.principal.user and not _may_import(job):
            raise OracleError(31631, causes=(OracleError(39109),))
        if self._target not in database.users:
            database.add_user(self._target, None, roles=(), quota=0)
        self.steps = len(self._content.tables) + 1
        self.total_bytes = sum(table.bytes for table in self._content.tables)

    def _prepare_all(self) -> None:
        """Every user of the dump, with its tables."""
        if not _may_import(self.job):
            raise OracleError(31631, causes=(OracleError(39161),))
        self._users = list(self._content.users)
        self.steps = len(self._content.tables) + 1
        self.total_bytes = sum(table.bytes for table in self._content.tables)

    def _make_users(self) -> int:
        """The number of those that were there already."""
        database, log = self.job.database, self.job.log
        there = [name for name in self._users if name in database.users]
        for name in self._users:
            if name in there:
                log.add(OracleError(31684, name).line)
            else:
                database.add_user(name, None)
        return len(there)

    def step(self) -> int:
        self.done += 1
        job = self.job
        if self.done == 1:
            job.log.add(f"Master table {job.quoted_name} successfully loaded/unloaded")
            job.log.add("Processing object type SCHEMA_EXPORT/TABLE/TABLE")
            return self._make_users()
        table = self._content.tables[self.done - 2]
        self._target = table.schema or self._target
        outcome = ImportOutcome()
        existing = str(job.parameters.get("TABLE_EXISTS_ACTION", "SKIP")).upper()
        job.database.import_table(self._target, table, existing, outcome)
        if outcome.existing:
            job.log.add(
                f'ORA-39151: Table "{self._target}"."{table.name}" exists. All dependent metadata and data will be skipped due to '
                "table_exists_action of skip"
            )
            return 1
        name = f'"{self._target}"."{table.name}"'
        job.log.add(f". . imported {name:<50} {_size(len(dump.table_bytes(table))):>10} {len(table.rows):>7} rows")
        return 0

    def finish(self, truncated: bool) -> None:
        """Nothing is left to do."""


def _may_import(job: Job) -> bool:
    return bool(job.principal.sysdba or job.principal.roles & IMPORT_ROLES)
