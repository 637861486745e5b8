# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Data Pump as clients of DBMS_DATAPUMP write it."""

from __future__ import annotations

import typing as t

import oracledb

from tests.unit.lab_oracle.conftest import DIRECTORY, SCHEMA, call

EXPORT = """
DECLARE
  h NUMBER;
BEGIN
  h := DBMS_DATAPUMP.OPEN(operation => 'EXPORT', job_mode => 'SCHEMA', job_name => :job);
  :h := h;
  DBMS_DATAPUMP.ADD_FILE(h, :name || '.dmp', :directory, filetype => DBMS_DATAPUMP.KU$_FILE_TYPE_DUMP_FILE, reusefile => :reuse);
  DBMS_DATAPUMP.ADD_FILE(h, :name || '.log', :directory, NULL, DBMS_DATAPUMP.KU$_FILE_TYPE_LOG_FILE);
  DBMS_DATAPUMP.METADATA_FILTER(h, 'SCHEMA_LIST', '''' || :schema || '''');
  IF :scn IS NOT NULL THEN
    DBMS_DATAPUMP.SET_PARAMETER(h, 'FLASHBACK_SCN', :scn);
  END IF;
  DBMS_DATAPUMP.START_JOB(h);
END;
"""
IMPORT = """
BEGIN
  :h := DBMS_DATAPUMP.OPEN('IMPORT', 'SCHEMA', NULL, :job);
  DBMS_DATAPUMP.ADD_FILE(:h, :name || '.dmp', :directory);
  DBMS_DATAPUMP.ADD_FILE(:h, :name || '_imp.log', :directory, filetype => 3);
  IF :target IS NOT NULL THEN
    DBMS_DATAPUMP.METADATA_REMAP(:h, 'REMAP_SCHEMA', :schema, :target);
  END IF;
  DBMS_DATAPUMP.SET_PARAMETER(:h, 'TABLE_EXISTS_ACTION', :existing);
  DBMS_DATAPUMP.START_JOB(:h);
END;
"""
STATUS = """
DECLARE
  s ku$_Status;
  state VARCHAR2(30);
  i PLS_INTEGER;
BEGIN
  DBMS_DATAPUMP.GET_STATUS(handle => :h, mask => 13, timeout => 0, job_state => state, status => s);
  :state := state;
  :percent := s.job_status.percent_done;
  :errors := s.job_status.error_count;
  IF s.error IS NOT NULL THEN
    i := s.error.FIRST;
    WHILE i IS NOT NULL LOOP
      :texts := :texts || s.error(i).LogText || CHR(10);
      i := s.error.NEXT(i);
    END LOOP;
  END IF;
END;
"""
WAIT = "BEGIN DBMS_DATAPUMP.WAIT_FOR_JOB(:h, :state); END;"
ATTACH = "BEGIN :h := DBMS_DATAPUMP.ATTACH(job_name => :job, job_owner => USER); END;"
STOP = "BEGIN DBMS_DATAPUMP.STOP_JOB(:h, immediate => 1, keep_master => :keep); END;"


def start_export(connection: oracledb.Connection, job: str = "LOCKSTEP_EXP", **binds: t.Any) -> int:
    """The handle; the session stays attached."""
    given = {"name": "a", "directory": DIRECTORY, "schema": SCHEMA, "scn": None, "reuse": None, **binds}
    return int(call(connection, EXPORT, {"h": int}, job=job, **given)["h"])


def start_import(connection: oracledb.Connection, job: str = "LOCKSTEP_IMP", **binds: t.Any) -> int:
    given = {"name": "a", "directory": DIRECTORY, "schema": SCHEMA, "target": None, "existing": "SKIP", **binds}
    return int(call(connection, IMPORT, {"h": int}, job=job, **given)["h"])


def status(connection: oracledb.Connection, handle: int) -> dict[str, t.Any]:
    return call(connection, STATUS, {"state": str, "percent": int, "errors": int, "texts": str}, h=handle)
