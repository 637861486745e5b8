# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Views of what lies in the schemas, and of Data Pump jobs."""

from __future__ import annotations

import datetime
import itertools
import typing as t

from tests.lab.oracle.dictionary.registry import FIXED, PUBLIC, Reader, Row, naive, narrowed, view, yes

BLOCK = 8192


@view(
    "DBA_SEGMENTS",
    "OWNER:t SEGMENT_NAME:t PARTITION_NAME:t SEGMENT_TYPE:t TABLESPACE_NAME:t BYTES:n BLOCKS:n EXTENTS:n",
)
def _segments(reader: Reader) -> t.Iterable[Row]:
    database = reader.database

    def segment(owner: str, name: str, kind: str, size: int) -> Row:
        return {
            "OWNER": owner,
            "SEGMENT_NAME": name,
            "SEGMENT_TYPE": kind,
            "TABLESPACE_NAME": database.users[owner].tablespace,
            "BYTES": size,
            "BLOCKS": size // BLOCK,
            "EXTENTS": max(1, size // 65536),
        }

    for owner, tables in database.tables.items():
        for name, table in tables.items():
            if table.bytes is not None:
                yield segment(owner, name, "TABLE", table.bytes)
    for owner, objects in database.objects.items():
        for thing in objects:
            if thing.segment_bytes is not None:
                yield segment(owner, thing.name, thing.kind, thing.segment_bytes)


narrowed("USER_SEGMENTS", "DBA_SEGMENTS", "OWNER")


@view("DBA_EXTENTS", "OWNER:t SEGMENT_NAME:t SEGMENT_TYPE:t TABLESPACE_NAME:t BYTES:n BLOCKS:n")
def _extents(reader: Reader) -> t.Iterable[Row]:
    return _segments(reader)


@view(
    "DBA_OBJECTS",
    "OWNER:t OBJECT_NAME:t SUBOBJECT_NAME:t OBJECT_ID:n OBJECT_TYPE:t CREATED:d LAST_DDL_TIME:d STATUS:t TEMPORARY:t GENERATED:t "
    "SECONDARY:t ORACLE_MAINTAINED:t",
)
def _objects(reader: Reader) -> t.Iterable[Row]:
    database = reader.database
    number = itertools.count(70_000)

    def thing(owner: str, kind: str, name: str, status: str) -> Row:
        return {
            "OWNER": owner,
            "OBJECT_NAME": name,
            "OBJECT_ID": next(number),
            "OBJECT_TYPE": kind,
            "CREATED": datetime.datetime(2024, 1, 2, 3, 4, 5),
            "LAST_DDL_TIME": datetime.datetime(2024, 1, 2, 3, 4, 5),
            "STATUS": status,
            "TEMPORARY": "N",
            "GENERATED": "N",
            "SECONDARY": "N",
            "ORACLE_MAINTAINED": "Y" if database.users[owner].oracle_maintained else "N",
        }

    for owner, tables in database.tables.items():
        yield from (thing(owner, "TABLE", name, "VALID") for name in tables)
    for owner, objects in database.objects.items():
        yield from (thing(owner, entry.kind, entry.name, entry.status) for entry in objects if entry.kind != "LOBSEGMENT")
    yield from (thing("SYS", "DIRECTORY", name, "VALID") for name in database.directories)


narrowed("USER_OBJECTS", "DBA_OBJECTS", "OWNER")
narrowed("ALL_OBJECTS", "DBA_OBJECTS", "OWNER", keep_owner=True)


@view(
    "DBA_TABLES", "OWNER:t TABLE_NAME:t TABLESPACE_NAME:t STATUS:t NUM_ROWS:n TEMPORARY:t NESTED:t SEGMENT_CREATED:t PARTITIONED:t"
)
def _tables(reader: Reader) -> t.Iterable[Row]:
    database = reader.database
    for owner, tables in database.tables.items():
        for name, table in tables.items():
            yield {
                "OWNER": owner,
                "TABLE_NAME": name,
                "TABLESPACE_NAME": database.users[owner].tablespace,
                "STATUS": "VALID",
                "NUM_ROWS": len(table.rows_at(database.scn)),
                "TEMPORARY": "N",
                "NESTED": "NO",
                "SEGMENT_CREATED": yes(table.bytes is not None),
                "PARTITIONED": "NO",
            }


narrowed("USER_TABLES", "DBA_TABLES", "OWNER")
narrowed("ALL_TABLES", "DBA_TABLES", "OWNER", keep_owner=True)


@view("DBA_TABLESPACES", "TABLESPACE_NAME:t BLOCK_SIZE:n STATUS:t CONTENTS:t")
def _tablespaces(reader: Reader) -> t.Iterable[Row]:
    for name in reader.database.tablespaces:
        contents = "TEMPORARY" if name == "TEMP" else "PERMANENT"
        yield {"TABLESPACE_NAME": name, "BLOCK_SIZE": BLOCK, "STATUS": "ONLINE", "CONTENTS": contents}


@view("DBA_TS_QUOTAS", "TABLESPACE_NAME:t USERNAME:t BYTES:n MAX_BYTES:n BLOCKS:n MAX_BLOCKS:n DROPPED:t")
def _quotas(reader: Reader) -> t.Iterable[Row]:
    for name, user in reader.database.users.items():
        for tablespace, limit in user.quotas.items():
            used = sum(table.bytes or 0 for table in reader.database.tables[name].values())
            yield {
                "TABLESPACE_NAME": tablespace,
                "USERNAME": name,
                "BYTES": used,
                "MAX_BYTES": limit,
                "BLOCKS": used // BLOCK,
                "MAX_BLOCKS": -1 if limit < 0 else limit // BLOCK,
                "DROPPED": "NO",
            }


narrowed("USER_TS_QUOTAS", "DBA_TS_QUOTAS", "USERNAME")


@view("DBA_DIRECTORIES", "OWNER:t DIRECTORY_NAME:t DIRECTORY_PATH:t ORIGIN_CON_ID:n")
def _directories(reader: Reader) -> t.Iterable[Row]:
    for name, path in reader.database.directories.items():
        yield {"OWNER": "SYS", "DIRECTORY_NAME": name, "DIRECTORY_PATH": path, "ORIGIN_CON_ID": 0}


@view("ALL_DIRECTORIES", "OWNER:t DIRECTORY_NAME:t DIRECTORY_PATH:t ORIGIN_CON_ID:n", PUBLIC)
def _all_directories(reader: Reader) -> t.Iterable[Row]:
    database, principal = reader.database, reader.principal
    for row in _directories(reader):
        name = row["DIRECTORY_NAME"]
        may_use = any(database.may_use_directory(principal, name, privilege) for privilege in ("READ", "WRITE"))
        if may_use or database.has_privilege(principal, "DROP ANY DIRECTORY"):
            yield row


@view(
    "DBA_DATAPUMP_JOBS",
    "OWNER_NAME:t JOB_NAME:t OPERATION:t JOB_MODE:t STATE:t DEGREE:n ATTACHED_SESSIONS:n DATAPUMP_SESSIONS:n",
)
def _datapump_jobs(reader: Reader) -> t.Iterable[Row]:
    database = reader.database
    for (owner, name), job in database.jobs.items():
        yield {
            "OWNER_NAME": owner,
            "JOB_NAME": name,
            "OPERATION": job.operation,
            "JOB_MODE": job.mode,
            "STATE": job.state,
            "DEGREE": job.degree if job.is_alive else 0,
            "ATTACHED_SESSIONS": len(job.attached),
            "DATAPUMP_SESSIONS": len(job.attached) + (2 if job.is_alive else 0),
        }
    for owner, tables in database.tables.items():
        for name, table in tables.items():
            if table.is_master and (owner, name) not in database.jobs:
                yield {
                    "OWNER_NAME": owner,
                    "JOB_NAME": name,
                    "OPERATION": "EXPORT",
                    "JOB_MODE": "SCHEMA",
                    "STATE": "NOT RUNNING",
                    "DEGREE": 0,
                    "ATTACHED_SESSIONS": 0,
                    "DATAPUMP_SESSIONS": 0,
                }


narrowed("USER_DATAPUMP_JOBS", "DBA_DATAPUMP_JOBS", "OWNER_NAME")


@view("DBA_DATAPUMP_SESSIONS", "OWNER_NAME:t JOB_NAME:t INST_ID:n SESSION_TYPE:t")
def _datapump_sessions(reader: Reader) -> t.Iterable[Row]:
    for (owner, name), job in reader.database.jobs.items():
        for kind in ["DBMS_DATAPUMP"] * len(job.attached) + (["MASTER", "WORKER"] if job.is_alive else []):
            yield {"OWNER_NAME": owner, "JOB_NAME": name, "INST_ID": 1, "SESSION_TYPE": kind}


@view(
    "V$SESSION_LONGOPS",
    "SID:n OPNAME:t TARGET:t TARGET_DESC:t SOFAR:n TOTALWORK:n UNITS:t START_TIME:d LAST_UPDATE_TIME:d ELAPSED_SECONDS:n "
    "TIME_REMAINING:n MESSAGE:t USERNAME:t",
    FIXED,
)
def _longops(reader: Reader) -> t.Iterable[Row]:
    for number, ((owner, name), job) in enumerate(reader.database.jobs.items(), 200):
        total = max(1, job.total_bytes // 2**20)
        done = total * job.percent // 100
        yield {
            "SID": number,
            "OPNAME": name,
            "TARGET_DESC": job.operation,
            "SOFAR": done,
            "TOTALWORK": total,
            "UNITS": "MB",
            "START_TIME": naive(job.started_at) if job.started_at else None,
            "LAST_UPDATE_TIME": naive(reader.database.clock.now()),
            "ELAPSED_SECONDS": int(job.worked),
            "TIME_REMAINING": int(max(0.0, job.seconds - job.worked)),
            "MESSAGE": f"{name}: {job.operation} : {done} out of {total} MB done",
            "USERNAME": owner,
        }
