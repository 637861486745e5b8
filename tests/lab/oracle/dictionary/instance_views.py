# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Views of the instance and the database as a whole."""

from __future__ import annotations

import datetime
import typing as t

from tests.lab.oracle.dictionary.registry import FIXED, PUBLIC, VIEWS, Reader, Row, View, naive, view, yes


def _short_version(version: str) -> str:
    """What VERSION columns show since 18c: the release without its update."""
    major, *rest = version.split(".")
    return ".".join([major, *["0"] * len(rest)]) if int(major) >= 18 else version


@view("DUAL", "DUMMY:t", PUBLIC)
def _dual(reader: Reader) -> t.Iterable[Row]:
    return [{"DUMMY": "X"}]


@view("PRODUCT_COMPONENT_VERSION", "PRODUCT:t VERSION:t VERSION_FULL:t STATUS:t", PUBLIC)
def _product(reader: Reader) -> t.Iterable[Row]:
    database = reader.database
    product = f"Oracle Database {database.version.split('.')[0]}c {database.edition}"
    return [
        {
            "PRODUCT": product + " ",
            "VERSION": _short_version(database.version),
            "VERSION_FULL": database.version,
            "STATUS": "Production",
        }
    ]


@view("V$VERSION", "BANNER:t BANNER_FULL:t BANNER_LEGACY:t CON_ID:n", PUBLIC)
def _version(reader: Reader) -> t.Iterable[Row]:
    version = reader.database.version
    major = version.split(".")[0]
    banner = f"Oracle Database {major}c {reader.database.edition} Release {_short_version(version)} - Production"
    return [{"BANNER": banner, "BANNER_FULL": f"{banner}\nVersion {version}", "BANNER_LEGACY": banner, "CON_ID": 0}]


@view(
    "V$INSTANCE",
    "INSTANCE_NUMBER:n INSTANCE_NAME:t HOST_NAME:t VERSION:t VERSION_LEGACY:t VERSION_FULL:t STARTUP_TIME:d STATUS:t PARALLEL:t "
    "ARCHIVER:t LOGINS:t SHUTDOWN_PENDING:t DATABASE_STATUS:t INSTANCE_ROLE:t ACTIVE_STATE:t BLOCKED:t CON_ID:n INSTANCE_MODE:t "
    "EDITION:t DATABASE_TYPE:t",
    FIXED,
)
def _instance(reader: Reader) -> t.Iterable[Row]:
    database = reader.database
    return [
        {
            "INSTANCE_NUMBER": 1,
            "INSTANCE_NAME": database.name.lower(),
            "HOST_NAME": database.host_name,
            "VERSION": _short_version(database.version),
            "VERSION_LEGACY": _short_version(database.version),
            "VERSION_FULL": database.version,
            "STARTUP_TIME": naive(database.clock.now()) - datetime.timedelta(days=3),
            "STATUS": "OPEN" if database.is_open else database.open_mode,
            "PARALLEL": "NO",
            "ARCHIVER": "STARTED" if database.log_mode == "ARCHIVELOG" else "STOPPED",
            "LOGINS": "ALLOWED",
            "SHUTDOWN_PENDING": "NO",
            "DATABASE_STATUS": "ACTIVE",
            "INSTANCE_ROLE": "PRIMARY_INSTANCE",
            "ACTIVE_STATE": "NORMAL",
            "BLOCKED": "NO",
            "CON_ID": 0,
            "INSTANCE_MODE": "REGULAR",
            "EDITION": {"E": "EE", "S": "SE", "X": "XE"}.get(database.edition[:1], "SE"),
            "DATABASE_TYPE": "SINGLE",
        }
    ]


@view(
    "V$DATABASE",
    "DBID:n NAME:t DB_UNIQUE_NAME:t CREATED:d LOG_MODE:t OPEN_MODE:t DATABASE_ROLE:t CURRENT_SCN:n PLATFORM_NAME:t CDB:t CON_ID:n "
    "FORCE_LOGGING:t FLASHBACK_ON:t CONTROLFILE_TYPE:t SWITCHOVER_STATUS:t",
    FIXED,
)
def _database(reader: Reader) -> t.Iterable[Row]:
    database = reader.database
    return [
        {
            "DBID": database.dbid,
            "NAME": database.name,
            "DB_UNIQUE_NAME": database.name,
            "CREATED": datetime.datetime(2024, 1, 2, 3, 4, 5),
            "LOG_MODE": database.log_mode,
            "OPEN_MODE": database.open_mode,
            "DATABASE_ROLE": "PRIMARY",
            "CURRENT_SCN": database.scn,
            "PLATFORM_NAME": "Microsoft Windows x86 64-bit",
            "CDB": yes(bool(database.pluggable)),
            "CON_ID": 0,
            "FORCE_LOGGING": "NO",
            "FLASHBACK_ON": "NO",
            "CONTROLFILE_TYPE": "CURRENT",
            "SWITCHOVER_STATUS": "NOT ALLOWED",
        }
    ]


@view("V$PDBS", "CON_ID:n DBID:n NAME:t OPEN_MODE:t RESTRICTED:t", FIXED)
def _pdbs(reader: Reader) -> t.Iterable[Row]:
    for number, (name, mode) in enumerate(reader.database.pluggable.items(), 2):
        yield {"CON_ID": number, "DBID": reader.database.dbid + number, "NAME": name, "OPEN_MODE": mode, "RESTRICTED": "NO"}


@view("V$SESSION", "SID:n SERIAL#:n USERNAME:t STATUS:t PROGRAM:t MACHINE:t OSUSER:t MODULE:t ACTION:t TYPE:t", FIXED)
def _sessions(reader: Reader) -> t.Iterable[Row]:
    return reader.sessions


def _nls(reader: Reader) -> t.Iterable[Row]:
    values = {
        "NLS_LANGUAGE": "AMERICAN",
        "NLS_TERRITORY": "AMERICA",
        "NLS_CHARACTERSET": reader.database.charset,
        "NLS_NCHAR_CHARACTERSET": "AL16UTF16",
        "NLS_DATE_FORMAT": "DD-MON-RR",
        "NLS_LENGTH_SEMANTICS": "BYTE",
        "NLS_RDBMS_VERSION": _short_version(reader.database.version),
    }
    return ({"PARAMETER": parameter, "VALUE": value} for parameter, value in values.items())


VIEWS["NLS_DATABASE_PARAMETERS"] = View({"PARAMETER": "t", "VALUE": "t"}, _nls, PUBLIC)
VIEWS["NLS_SESSION_PARAMETERS"] = View({"PARAMETER": "t", "VALUE": "t"}, _nls, PUBLIC)


@view("V$PARAMETER", "NAME:t VALUE:t DISPLAY_VALUE:t", FIXED)
def _parameters(reader: Reader) -> t.Iterable[Row]:
    database = reader.database
    known = {"db_name": database.name, "instance_name": database.name.lower(), "deferred_segment_creation": "TRUE"}
    return ({"NAME": name, "VALUE": value, "DISPLAY_VALUE": value} for name, value in known.items())
