# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parameters, logs and hosts for the tests of oracle_schema_export."""

from __future__ import annotations

import typing as t

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.lockstep.backup.plugins.module_utils.feature import Task
from ansible_collections.lockstep.backup.plugins.module_utils.host import base
from ansible_collections.lockstep.backup.plugins.module_utils.oracle.feature import FEATURE, run_with
from ansible_collections.lockstep.backup.plugins.module_utils.owner import Owner
from tests.unit.fake_host import OWNER, FakeClock, FakeHost, FakeJob
from tests.unit.oracle.fake_oracle import FakeJob as DatapumpJob
from tests.unit.oracle.fake_oracle import FakeOracle

FOLDER = "D:\\Vault\\Failed\\26112101"
DUMP = f"{FOLDER}\\AESUSER313.dmp"
LOG = f"{FOLDER}\\AESUSER313.log"
PRIVILEGES = "C:\\ProgramData\\Lockstep\\privileges"
JOURNAL = f"{PRIVILEGES}\\AESUSER313@XE.json"
PASSWORD = "s3cret"

GOOD_LOG = """
Connected to: Oracle Database 19c Standard Edition 2 Release 19.0.0.0.0 - Production
Export done in AL32UTF8 character set and AL16UTF16 NCHAR character set

About to export specified users ...
. about to export AESUSER313's tables via Conventional Path ...
. . exporting table                      ITEM         12 rows exported
. . exporting table                  REVISION       1043 rows exported
. exporting statistics
Export terminated successfully without warnings.
"""
GOOD_IMPORT_LOG = """
. importing AESUSER313's objects into AESUSER313
. . importing table                    "ITEM"         12 rows imported
Import terminated successfully without warnings.
"""
GOOD_DATAPUMP_LOG = """
Starting "AESUSER313"."LOCKSTEP_EXPORT_0":
. . exported "AESUSER313"."ITEM"                         5.9 KB      12 rows
. . exported "AESUSER313"."REVISION"                     1.2 MB    1043 rows
Job "AESUSER313"."LOCKSTEP_EXPORT_0" successfully completed at Sat Nov 21 03:14:00 2026 elapsed 0 00:00:42
"""


def make_host() -> FakeHost:
    """A host whose exp and imp work."""
    host = FakeHost("oracle1")
    host.make_folder(FOLDER)
    host.make_folder("D:\\Backups")
    host.program = answer_help
    host.job = lambda job: run_tool(host, job)
    return host


def answer_help(argv: tuple[str, ...], stdin: str | None) -> base.Completed:
    assert argv[1:] == ("help=y",)
    word = "Import" if argv[0].startswith("imp") else "Export"
    return base.Completed(argv, 0, f"{word}: Release 19.0.0.0.0 - Production", "")


def run_tool(host: FakeHost, job: FakeJob, log: str | None = None, exit_code: int = 0, dump: bytes = b"x" * 5000) -> base.JobStatus:
    """What exp and imp leave: the dump (exp), the log, the exit code."""
    parameters = parameters_of(host, job)
    if job.argv[0] == "exp":
        host.files[parameters["file"].strip('"')] = dump
    written = log if log is not None else (GOOD_LOG if job.argv[0] == "exp" else GOOD_IMPORT_LOG)
    host.files[parameters["log"].strip('"')] = written.encode()
    return base.JobStatus(base.JOB_EXITED, exit_code, 42)


def parameters_of(host: FakeHost, job: FakeJob) -> dict[str, str]:
    """Read the parameter file as the tool would, and at the same time: while it runs."""
    path = host.join(str(job.cwd), job.argv[1].split("=", 1)[1])
    assert path in host.private
    return dict(line.split("=", 1) for line in host.read_text(path).splitlines())


def finish_datapump(host: FakeHost, database: FakeOracle, folder: str = "D:\\Backups", log: str = GOOD_DATAPUMP_LOG) -> None:
    """Let the jobs of the database write their files when they end."""

    def ends(job: DatapumpJob) -> None:
        binds = job.calls[0][1]
        host.files[f"{folder}\\{binds['file0']}"] = b"d" * 9000
        host.files[f"{folder}\\{binds['file1']}"] = log.encode()

    database.job_ends = ends


def parameters(**params: t.Any) -> dict[str, t.Any]:
    """Options of a task, completed as Ansible does it; None leaves one out."""
    given: dict[str, t.Any] = {"schema": "aesuser313", "dsn": "oracle1:1521/xe", "password": PASSWORD}
    if params.get("state", "exported") == "exported":
        given.update(dump=DUMP, set_id="26112101")
    given.update(params)
    given = {name: value for name, value in given.items() if value is not None}
    validator = ArgumentSpecValidator(
        dict(FEATURE.argument_spec),
        required_if=FEATURE.required_if,
        required_together=FEATURE.required_together,
        mutually_exclusive=FEATURE.mutually_exclusive,
    )
    result = validator.validate(given)
    assert not result.error_messages
    return t.cast(dict[str, t.Any], result.validated_parameters)


ADMIN: t.Mapping[str, t.Any] = {"admin_user": "system", "admin_password": "manager"}


def call(
    host: FakeHost,
    database: FakeOracle,
    owner: Owner = OWNER,
    check_mode: bool = False,
    clock: FakeClock | None = None,
    **params: t.Any,
) -> dict[str, t.Any]:
    """Run the feature over the fakes."""
    task = Task(
        params=parameters(**params),
        host=host,
        owner=owner,
        check_mode=check_mode,
        warn=lambda message: host.events.append(f"warning {message}"),
        progress=lambda message: host.events.append(f"progress {message}"),
        clock=clock or FakeClock(),
    )
    return run_with(task, database.connect)
