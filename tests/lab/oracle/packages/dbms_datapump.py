# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""DBMS_DATAPUMP: defining, starting and watching jobs. Handles belong to the session, jobs to the database."""

from __future__ import annotations

import re
import typing as t

from tests.lab.oracle import dump
from tests.lab.oracle.database import EXPORT_ROLES, IMPORT_ROLES, Table
from tests.lab.oracle.datapump import job as jobs
from tests.lab.oracle.datapump.job import FileSpec, Job
from tests.lab.oracle.datapump.status import JOB_ERROR, WIP, status_record
from tests.lab.oracle.datapump.work import ExportWork, ImportWork, real_path
from tests.lab.oracle.errors import OracleError, UnknownRequest
from tests.lab.oracle.plsql.library import Library
from tests.lab.oracle.plsql.values import Collection, Record, Ref, Value, as_number

if t.TYPE_CHECKING:
    from tests.lab.oracle.session import Session

DUMP_FILE, BAD_FILE, LOG_FILE, SQL_FILE = 1, 2, 3, 4
PARAMETERS = frozenset(
    "CLIENT_COMMAND COMPRESSION COMPRESSION_ALGORITHM DATA_ACCESS_METHOD DATA_OPTIONS ENCRYPTION ENCRYPTION_ALGORITHM "
    "ENCRYPTION_MODE ESTIMATE ESTIMATE_ONLY FLASHBACK_SCN FLASHBACK_TIME INCLUDE_METADATA KEEP_MASTER LOGTIME METRICS "
    "PARTITION_OPTIONS REUSE_DATAFILES SKIP_UNUSABLE_INDEXES SOURCE_EDITION STREAMS_CONFIGURATION TABLE_EXISTS_ACTION "
    "TRANSPORTABLE".split()
)
FILTERS = frozenset(
    "SCHEMA_EXPR SCHEMA_LIST NAME_EXPR NAME_LIST TABLESPACE_EXPR TABLESPACE_LIST INCLUDE_PATH_EXPR INCLUDE_PATH_LIST "
    "EXCLUDE_PATH_EXPR EXCLUDE_PATH_LIST EXCLUDE_TABLES".split()
)


def register(library: Library) -> None:
    constants = {"KU$_STATUS_WIP": 1, "KU$_STATUS_JOB_DESC": 2, "KU$_STATUS_JOB_STATUS": 4, "KU$_STATUS_JOB_ERROR": 8}
    files = {"KU$_FILE_TYPE_DUMP_FILE": DUMP_FILE, "KU$_FILE_TYPE_LOG_FILE": LOG_FILE, "KU$_FILE_TYPE_SQL_FILE": SQL_FILE}
    library.constants("DBMS_DATAPUMP", {**constants, **files, "KU$_COMPRESS_NONE": 1, "KU$_COMPRESS_METADATA": 2})
    library.exceptions(
        "DBMS_DATAPUMP",
        {
            "INVALID_ARGVAL": 39001,
            "INVALID_OPERATION": 39002,
            "INVALID_STATE": 39004,
            "INCONSISTENT_ARGS": 39005,
            "INTERNAL_ERROR": 39006,
            "INVALID_HANDLE": 31623,
            "NO_SUCH_JOB": 31626,
            "SUCCESS_WITH_INFO": 31627,
            "PRIVILEGE_ERROR": 31631,
            "JOB_EXISTS": 31634,
        },
    )
    name = "DBMS_DATAPUMP."
    library.routine(name + "OPEN", "operation job_mode remote_link? job_name? version? compression?")(_open)
    library.routine(name + "ATTACH", "job_name? job_owner?")(_attach)
    library.routine(name + "DETACH", "handle")(_detach)
    library.routine(name + "ADD_FILE", "handle filename directory? filesize? filetype? reusefile?")(_add_file)
    library.routine(name + "METADATA_FILTER", "handle name value object_path? object_type?")(_metadata_filter)
    library.routine(name + "METADATA_REMAP", "handle name old_value value object_type?")(_metadata_remap)
    library.routine(name + "METADATA_TRANSFORM", "handle name value object_type?")(_metadata_transform)
    library.routine(name + "SET_PARAMETER", "handle name value")(_set_parameter)
    library.routine(name + "SET_PARALLEL", "handle degree")(_set_parallel)
    library.routine(name + "LOG_ENTRY", "handle message log_file_only?")(_log_entry)
    library.routine(name + "START_JOB", "handle skip_current? abort_step? cluster_ok? service_name?")(_start_job)
    library.routine(name + "STOP_JOB", "handle immediate? keep_master? delay?")(_stop_job)
    library.routine(name + "GET_STATUS", "handle mask timeout?")(_get_status)
    library.routine(name + "GET_STATUS", "handle mask timeout? job_state! status!")(_get_status_procedure)
    library.routine(name + "WAIT_FOR_JOB", "handle job_state!")(_wait_for_job)
    library.routine(name + "GET_DUMPFILE_INFO", "filename directory info_table! filetype!")(_get_dumpfile_info)


def _job(session: Session, handle: Value, *states: str) -> Job:
    job = session.jobs.get(int(handle)) if handle is not None else None
    if job is None:
        raise OracleError(31623)
    job.advance()
    if states and job.state not in states:
        raise OracleError(39004)
    return job


def _refuse(job: Job, *details: OracleError) -> OracleError:
    """ORA-39001, whose details GET_STATUS tells."""
    job.api_errors = list(details)
    return OracleError(39001)


def _open(
    session: Session,
    operation: Value,
    job_mode: Value,
    remote_link: Value = None,
    job_name: Value = None,
    version: Value = "COMPATIBLE",
    compression: Value = 2,
) -> int:
    database, principal = session.database, session.principal
    operation, mode = str(operation).upper(), str(job_mode).upper()
    if operation not in ("EXPORT", "IMPORT") or mode not in ("SCHEMA", "TABLE", "FULL", "TABLESPACE"):
        raise OracleError(39001)
    if mode not in ("SCHEMA", "FULL"):
        raise UnknownRequest(f"DBMS_DATAPUMP: {operation} in mode {mode}")
    if (operation, mode) == ("EXPORT", "FULL") and not (principal.sysdba or principal.roles & EXPORT_ROLES):
        raise OracleError(31631, causes=(OracleError(39161),))
    name = job_name or _default_name(session, operation, mode)
    master = f"{principal.user}.{name}"
    if database.open_mode != "READ WRITE":
        raise OracleError(31626, causes=(OracleError(31633, master), OracleError(16000)))
    if not database.has_privilege(principal, "CREATE TABLE"):
        raise OracleError(31626, causes=(OracleError(31633, master), OracleError(1031)))
    if not principal.sysdba and not database.has_quota(principal.user):
        tablespace = database.users[principal.user].tablespace
        raise OracleError(31626, causes=(OracleError(31633, master), OracleError(1950, tablespace)))
    if name in database.tables[principal.user] or (principal.user, name) in database.jobs:
        raise OracleError(31634)
    job = Job(database, principal, name, operation, mode)
    job.schemas = [principal.user] if operation == "EXPORT" and mode == "SCHEMA" else []
    database.jobs[(job.owner, name)] = job
    database.tables[job.owner][name] = Table({"PROCESS_ORDER": "NUMBER"}, is_master=True)
    return session.attach(job)


def _default_name(session: Session, operation: str, mode: str) -> str:
    tables = session.database.tables[session.principal.user]
    names = (f"SYS_{operation}_{mode}_{number:02d}" for number in range(1, 100))
    return next(name for name in names if name not in tables)


def _attach(session: Session, job_name: Value = None, job_owner: Value = None) -> int:
    database, principal = session.database, session.principal
    owner = str(job_owner or principal.user)
    names = [name for job_owner_name, name in database.jobs if job_owner_name == owner]
    name = str(job_name or (names[0] if names else ""))
    if owner != principal.user and not (principal.sysdba or principal.roles & (EXPORT_ROLES | IMPORT_ROLES)):
        raise OracleError(31631)
    job = database.jobs.get((owner, name))
    if job is not None:
        job.advance()
        job = database.jobs.get((owner, name))
    if job is None:
        master = database.tables.get(owner, {}).get(name)
        if master is None or not master.is_master:
            raise OracleError(31626)
        # An idle job out of its master table: it can only be stopped.
        job = Job(database, database.principal(owner), name, "EXPORT", "SCHEMA")
        job.state = jobs.IDLING
        database.jobs[(owner, name)] = job
    return session.attach(job)


def _detach(session: Session, handle: Value) -> None:
    _job(session, handle)
    session.detach(int(handle))


def _add_file(
    session: Session,
    handle: Value,
    filename: Value,
    directory: Value = None,
    filesize: Value = None,
    filetype: Value = DUMP_FILE,
    reusefile: Value = None,
) -> None:
    job = _job(session, handle, jobs.DEFINING, jobs.EXECUTING)
    kind = DUMP_FILE if filetype is None else int(filetype)
    place = str(directory or "DATA_PUMP_DIR")
    if kind not in (DUMP_FILE, LOG_FILE):
        raise UnknownRequest(f"DBMS_DATAPUMP.ADD_FILE: file type {kind}")
    needed = "READ" if job.operation == "IMPORT" and kind == DUMP_FILE else "WRITE"
    if not filename:
        raise _refuse(job, OracleError(39000))
    if not session.database.may_use_directory(job.principal, place, needed):
        raise _refuse(job, OracleError(39000), OracleError(39087, place))
    name = re.sub("%[UL]", "01", str(filename), flags=re.IGNORECASE)
    spec = FileSpec(place, name, reuse=bool(reusefile))
    if kind == LOG_FILE:
        job.log_file = spec
        return
    _check_dump_file(job, spec)
    job.dump_files.append(spec)


def _check_dump_file(job: Job, spec: FileSpec) -> None:
    path = real_path(job, spec)
    shown = job.database.host_path(spec.directory, spec.name)
    if job.operation == "EXPORT":
        if path.exists() and not spec.reuse:
            raise _refuse(job, OracleError(39000), OracleError(31641, shown), OracleError(27038))
        try:
            path.write_bytes(b"")
        except OSError as error:
            raise _refuse(job, OracleError(39000), OracleError(31641, shown), OracleError(27040)) from error
        return
    try:
        kind = dump.kind_of(path.read_bytes())
    except OSError as error:
        raise _refuse(job, OracleError(39000), OracleError(31640, shown), OracleError(27037)) from error
    if kind is None:
        raise _refuse(job, OracleError(39000), OracleError(31619, shown))
    if kind == dump.CLASSIC:
        raise _refuse(job, OracleError(39000), OracleError(39143, shown))


def _metadata_filter(
    session: Session, handle: Value, name: Value, value: Value, object_path: Value = None, object_type: Value = None
) -> None:
    job = _job(session, handle, jobs.DEFINING)
    key = str(name).upper()
    if key not in FILTERS:
        raise _refuse(job, OracleError(39049, name))
    if key not in ("SCHEMA_LIST", "SCHEMA_EXPR"):
        job.excluded.append(f"{key} {value}")
        return
    named = re.findall(r"'((?:[^']|'')+)'", str(value))
    if not named:
        raise _refuse(job, OracleError(39071, text=f"Value for {key} is badly formed."))
    if key == "SCHEMA_EXPR" and not re.match(r"(?i)\s*(IN\s*\(|=)", str(value)):
        raise UnknownRequest(f"DBMS_DATAPUMP.METADATA_FILTER: the expression {value}")
    roles = EXPORT_ROLES if job.operation == "EXPORT" else IMPORT_ROLES
    if any(schema != job.principal.user for schema in named) and not (job.principal.sysdba or job.principal.roles & roles):
        raise OracleError(31631, causes=(OracleError(39109),))
    if job.mode == "FULL":
        raise UnknownRequest(f"DBMS_DATAPUMP.METADATA_FILTER: {key} of a full job")
    job.schemas = named


def _metadata_remap(
    session: Session, handle: Value, name: Value, old_value: Value, value: Value, object_type: Value = None
) -> None:
    job = _job(session, handle, jobs.DEFINING)
    if str(name).upper() == "REMAP_SCHEMA":
        job.remap[str(old_value)] = str(value)
    elif str(name).upper() not in ("REMAP_TABLESPACE", "REMAP_DATAFILE", "REMAP_TABLE"):
        raise _refuse(job, OracleError(39049, name))


def _metadata_transform(session: Session, handle: Value, name: Value, value: Value, object_type: Value = None) -> None:
    job = _job(session, handle, jobs.DEFINING)
    if str(name).upper() not in ("SEGMENT_ATTRIBUTES", "STORAGE", "OID", "DISABLE_ARCHIVE_LOGGING"):
        raise _refuse(job, OracleError(39049, name))


def _set_parameter(session: Session, handle: Value, name: Value, value: Value) -> None:
    job = _job(session, handle, jobs.DEFINING)
    key = str(name).upper()
    if key not in PARAMETERS:
        raise _refuse(job, OracleError(39049, name))
    if key == "FLASHBACK_SCN" and value is not None:
        value = as_number(value)
    job.parameters[key] = value


def _set_parallel(session: Session, handle: Value, degree: Value) -> None:
    job = _job(session, handle)
    if int(degree) > 1 and not session.database.edition.startswith("Enterprise"):
        job.api_errors = [OracleError(39094)]
        raise OracleError(39094)
    job.degree = int(degree)


def _log_entry(session: Session, handle: Value, message: Value, log_file_only: Value = 0) -> None:
    _job(session, handle).log.add(str(message))


def _start_job(
    session: Session,
    handle: Value,
    skip_current: Value = 0,
    abort_step: Value = 0,
    cluster_ok: Value = 1,
    service_name: Value = None,
) -> None:
    job = _job(session, handle, jobs.DEFINING)
    if not job.dump_files:
        job.api_errors = [OracleError(39000)]
        raise OracleError(39002)
    try:
        job.start(ExportWork(job) if job.operation == "EXPORT" else ImportWork(job))
    except OracleError as error:
        job.api_errors = list(error.causes)
        raise OracleError(error.code) from error


def _stop_job(session: Session, handle: Value, immediate: Value = 0, keep_master: Value = None, delay: Value = 60) -> None:
    job = _job(session, handle, jobs.DEFINING, jobs.EXECUTING, jobs.IDLING)
    job.stop(keep_master=job.state != jobs.DEFINING and (keep_master is None or bool(int(keep_master))))
    session.detach(int(handle))


def _get_status(session: Session, handle: Value, mask: Value, timeout: Value = None) -> Record:
    job = _job(session, handle)
    wanted = int(mask)
    if wanted & (WIP | JOB_ERROR) and timeout is not None and job.state == jobs.EXECUTING:
        seen = session.log_positions[int(handle)]
        limit = float("inf") if float(timeout) < 0 else float(timeout)

        def has_news() -> bool:
            job.advance()
            return job.state != jobs.EXECUTING or len(job.log.lines) > seen

        session.wait(limit, has_news)
    if job.state == jobs.NOT_RUNNING:
        session.detach(int(handle))
        raise OracleError(31623)
    record = status_record(job, wanted, session.log_positions[int(handle)])
    if wanted & (WIP | JOB_ERROR):
        session.log_positions[int(handle)] = len(job.log.lines)
    if job.state in jobs.FINAL_STATES:
        session.detach(int(handle))
    return record


def _get_status_procedure(session: Session, handle: Value, mask: Value, job_state: Ref, status: Ref, timeout: Value = None) -> None:
    job = _job(session, handle)
    record = _get_status(session, handle, mask, timeout)
    job_state.set(job.state)
    status.set(record)


def _wait_for_job(session: Session, handle: Value, job_state: Ref) -> None:
    job = _job(session, handle)
    if job.state == jobs.DEFINING:
        raise OracleError(39004)

    def is_over() -> bool:
        job.advance()
        return job.state != jobs.EXECUTING

    session.wait(float("inf"), is_over)
    session.detach(int(handle))
    if job.state == jobs.NOT_RUNNING:
        raise OracleError(31623)
    job_state.set(job.state)


def _get_dumpfile_info(session: Session, filename: Value, directory: Value, info_table: Ref, filetype: Ref) -> None:
    database = session.database
    if not database.may_use_directory(session.principal, str(directory), "READ"):
        raise OracleError(39211, causes=(OracleError(39087, directory),))
    path = database.resolve_path(database.host_path(str(directory), str(filename)))
    try:
        data = path.read_bytes()
    except OSError as error:
        raise OracleError(39211, causes=(OracleError(31640, filename), OracleError(27037))) from error
    kind = dump.kind_of(data)
    filetype.set({None: 0, dump.DATAPUMP: 1, dump.CLASSIC: 2}[kind])
    items: dict[int, str] = {}
    if kind == dump.DATAPUMP:
        try:
            content = dump.from_bytes(data, kind)
        except dump.DumpDamaged as error:
            raise OracleError(39211, causes=(OracleError(31619, filename),)) from error
        items = {1: "5.1", 2: "1", 4: "1", 8: f'"{content.schema}"."{content.job_name}"', 15: content.version}
    info_table.set(Collection(Record({"ITEM_CODE": code, "VALUE": value}) for code, value in items.items()))
