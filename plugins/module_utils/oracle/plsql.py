# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The PL/SQL blocks of a Data Pump job. Private to lockstep.backup: not a public interface.

Source: Oracle Database PL/SQL Packages and Types Reference, DBMS_DATAPUMP. Values are binds; only numbers that the package
defines as constants (file types, status masks) are written out.
"""

from __future__ import annotations

import typing as t

DUMP_FILE = 1
LOG_FILE = 3
STATUS_JOB_STATUS = 4
STATUS_JOB_ERROR = 8

OPEN = """
DECLARE
  h NUMBER;
BEGIN
  h := DBMS_DATAPUMP.OPEN(operation => :operation, job_mode => :mode, remote_link => NULL, job_name => :job,
    version => 'COMPATIBLE');
  :handle := h;
END;
"""

ATTACH = """
DECLARE
  h NUMBER;
BEGIN
  h := DBMS_DATAPUMP.ATTACH(job_name => :job, job_owner => :account);
  :handle := h;
END;
"""

# Gives the job's state and numbers, and the texts of its errors: the exceptions themselves often only say "invalid operation".
STATUS = f"""
DECLARE
  job_state VARCHAR2(30);
  answer KU$_STATUS;
  entry NUMBER;
  texts VARCHAR2(32767);
BEGIN
  DBMS_DATAPUMP.GET_STATUS(handle => :handle, mask => {STATUS_JOB_STATUS + STATUS_JOB_ERROR}, timeout => 0, job_state => job_state,
    status => answer);
  :state := job_state;
  IF answer.job_status IS NOT NULL THEN
    :percent := answer.job_status.percent_done;
    :errors := answer.job_status.error_count;
  END IF;
  IF answer.error IS NOT NULL THEN
    entry := answer.error.FIRST;
    WHILE entry IS NOT NULL LOOP
      texts := SUBSTR(texts || answer.error(entry).LogText || CHR(10), 1, 8000);
      entry := answer.error.NEXT(entry);
    END LOOP;
  END IF;
  :texts := texts;
END;
"""

DETACH = """
BEGIN
  DBMS_DATAPUMP.DETACH(handle => :handle);
END;
"""

# Ends it at once and removes its master table.
STOP = """
BEGIN
  DBMS_DATAPUMP.STOP_JOB(handle => :handle, immediate => 1, keep_master => 0, delay => 0);
END;
"""


def quoted_list(name: str) -> str:
    """One name as the filters want it: in single quotes, as a piece of a SQL list."""
    return "'" + name.replace("'", "''") + "'"


def start(
    files: t.Mapping[str, int],
    directory: str,
    filters: t.Mapping[str, str],
    remaps: t.Sequence[tuple[str, str, str]],
    parameters: t.Mapping[str, str | int],
    parallel: int,
) -> tuple[str, dict[str, t.Any]]:
    """Block and binds that define the job at ``:handle``, start it and let it go on alone.

    ``files``: type by name. ``remaps``: name, old value, new value. A job that is left before START_JOB is deleted by the server.
    """
    lines: list[str] = []
    binds: dict[str, t.Any] = {"directory": directory}
    for number, (filename, kind) in enumerate(files.items()):
        binds[f"file{number}"] = filename
        lines.append(
            f"DBMS_DATAPUMP.ADD_FILE(handle => :handle, filename => :file{number}, directory => :directory, filetype => {kind});"
        )
    for number, (name, value) in enumerate(filters.items()):
        binds.update({f"filter{number}": name, f"filtered{number}": value})
        lines.append(f"DBMS_DATAPUMP.METADATA_FILTER(handle => :handle, name => :filter{number}, value => :filtered{number});")
    for number, (name, old, new) in enumerate(remaps):
        binds.update({f"remap{number}": name, f"old{number}": old, f"new{number}": new})
        lines.append(
            f"DBMS_DATAPUMP.METADATA_REMAP(handle => :handle, name => :remap{number}, old_value => :old{number}, value => "
            f":new{number});"
        )
    for number, (name, setting) in enumerate(parameters.items()):
        binds.update({f"name{number}": name, f"value{number}": setting})
        lines.append(f"DBMS_DATAPUMP.SET_PARAMETER(handle => :handle, name => :name{number}, value => :value{number});")
    if parallel > 1:
        binds["parallel"] = parallel
        lines.append("DBMS_DATAPUMP.SET_PARALLEL(handle => :handle, degree => :parallel);")
    lines.append("DBMS_DATAPUMP.START_JOB(handle => :handle);")
    lines.append("DBMS_DATAPUMP.DETACH(handle => :handle);")
    return "BEGIN\n  " + "\n  ".join(lines) + "\nEND;\n", binds
