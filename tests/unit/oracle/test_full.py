# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole database: by exp and by Data Pump, with the roles that it needs, imported as a whole or one schema out of it."""

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.feature import Task
from ansible_collections.lockstep.backup.plugins.module_utils.host import base
from ansible_collections.lockstep.backup.plugins.module_utils.oracle.feature import run_with
from ansible_collections.lockstep.backup.plugins.module_utils.oracle.verdict import judge_classic, judge_datapump
from tests.unit.fake_host import OWNER, FakeClock, FakeHost, FakeJob
from tests.unit.oracle.fake_oracle import FakeOracle
from tests.unit.oracle.support import ADMIN, finish_datapump, make_host, parameters, parameters_of, run_tool

FOLDER = "D:\\Vault\\Failed\\26112101"
DUMP = f"{FOLDER}\\full.dmp"
SET = "26112101"
FULL_LOG = """
About to export the entire database ...
. exporting tablespace definitions
. about to export AESUSER313's tables via Conventional Path ...
. . exporting table                      ITEM         12 rows exported
. about to export SYSTEM's tables via Conventional Path ...
. . exporting table                      ITEM          3 rows exported
Export terminated successfully without warnings.
"""
FULL_IMPORT_LOG = """
. importing AESUSER313's objects into AESUSER313
. . importing table                    "ITEM"         12 rows imported
. importing SYSTEM's objects into SYSTEM
. . importing table                    "ITEM"          3 rows imported
Import terminated successfully without warnings.
"""
FULL_DATAPUMP_LOG = """
. . exported "AESUSER313"."ITEM"                         5.9 KB      12 rows
. . exported "SYSTEM"."ITEM"                             1.2 MB       3 rows
Job "SYSTEM"."LOCKSTEP_EXPORT_0" successfully completed at Sat Nov 21 03:14:00 2026 elapsed 0 00:00:42
"""
TABLES = {"AESUSER313.ITEM": 12, "SYSTEM.ITEM": 3}


@pytest.fixture
def database() -> FakeOracle:
    return FakeOracle()


@pytest.fixture
def host() -> FakeHost:
    found = make_host()
    found.job = lambda job: run_tool(found, job, FULL_LOG if job.argv[0] == "exp" else FULL_IMPORT_LOG)
    return found


def call(host: FakeHost, database: FakeOracle, check_mode: bool = False, **options: t.Any) -> dict[str, t.Any]:
    """As the administrator unless told otherwise; None leaves an option out."""
    given: dict[str, t.Any] = {"full": True, "user": "system", "password": "manager", "dump": DUMP, "set_id": SET, "schema": None}
    task = Task(parameters(**{**given, **options}), host, OWNER, check_mode, warn=host.events.append, clock=FakeClock())
    return run_with(task, database.connect)


def refused(host: FakeHost, database: FakeOracle, **options: t.Any) -> LockstepError:
    with pytest.raises(LockstepError) as caught:
        call(host, database, **options)
    return caught.value


def seen_parameters(host: FakeHost) -> list[dict[str, str]]:
    """What exp and imp were told, noted while they run."""
    seen: list[dict[str, str]] = []
    answer = host.job

    def note(job: FakeJob) -> base.JobStatus:
        seen.append(parameters_of(host, job))
        return answer(job)

    host.job = note
    return seen


def test_exp_is_told_to_export_everything_and_the_record_says_so(host: FakeHost, database: FakeOracle) -> None:
    seen = seen_parameters(host)
    result = call(host, database)
    assert (seen[0]["full"], "owner" in seen[0]) == ("y", False)
    assert (result["full"], result["schema"], result["tables"], result["rows"]) == (True, None, TABLES, 15)
    record = json.loads(host.files[f"{DUMP}.lockstep.json"])
    assert (record["full"], record["tables"]) == (True, TABLES)
    assert call(host, database)["changed"] is False


def test_a_full_export_is_not_taken_for_one_of_a_schema_nor_the_other_way_round(host: FakeHost, database: FakeOracle) -> None:
    call(host, database)
    assert refused(host, database, full=False, schema="SYSTEM", user=None).slug == "dump_exists"


def test_the_size_of_the_whole_database_must_fit(host: FakeHost, database: FakeOracle) -> None:
    database.fill("dba_segments", ("OTHER", 5_000_000))
    host.free = 6_000_000
    error = refused(host, database)
    assert error.slug == "no_space"
    assert "the whole database has 6000000 bytes" in error.message
    assert call(host, database, min_free_ratio=0.5)["changed"]


@pytest.mark.parametrize("method", ["classic", "datapump"])
def test_an_account_without_the_role_is_found_out_before_anything_is_started(
    host: FakeHost, database: FakeOracle, method: str
) -> None:
    login = {"user": "aesuser313", "password": "s3cret", "method": method, "directory": "BACKUP_DIR"}
    for extra in ({}, ADMIN):
        error = refused(host, database, **login, **extra)
        assert error.slug == "oracle_privileges_missing"
        assert "EXP_FULL_DATABASE" in error.message
    assert (host.jobs, database.jobs) == ({}, {})
    role = "EXP_FULL_DATABASE" if method == "classic" else "DATAPUMP_EXP_FULL_DATABASE"
    database.fill("dba_role_privs", ("AESUSER313", role, "NO", "YES"))
    assert call(host, database, **login, **ADMIN, check_mode=True)["changed"]


def test_the_role_can_be_granted_for_the_time_of_the_export(host: FakeHost, database: FakeOracle) -> None:
    before = database.roles_of("AESUSER313")
    result = call(host, database, user="aesuser313", password="s3cret", elevate="export_role", **ADMIN)
    assert result["granted"] == ["EXP_FULL_DATABASE"]
    assert database.roles_of("AESUSER313") == before


def test_data_pump_opens_a_full_job_without_a_list_of_schemas(host: FakeHost, database: FakeOracle) -> None:
    finish_datapump(host, database, log=FULL_DATAPUMP_LOG)
    opened: list[dict[str, t.Any]] = []
    started: list[dict[str, t.Any]] = []
    ends = database.job_ends

    def note(job: t.Any) -> None:
        started.append(job.calls[0][1])
        opened.append(job.opening)
        ends(job)

    database.job_ends = note
    result = call(host, database, method="datapump", directory="BACKUP_DIR")
    assert result["tables"] == TABLES
    assert opened[0]["mode"] == "FULL"
    values = set(map(str, started[0].values()))
    assert "EXCLUDE_PATH_LIST" in values
    assert "SCHEMA_LIST" not in values


def exported(host: FakeHost, database: FakeOracle, **options: t.Any) -> None:
    call(host, database, **options)
    host.events.clear()


def test_imp_is_told_to_import_everything(host: FakeHost, database: FakeOracle) -> None:
    exported(host, database)
    database.fill("dba_role_privs", ("DBA", "IMP_FULL_DATABASE", "NO", "YES"))
    seen = seen_parameters(host)
    result = call(host, database, state="imported", expected_set_id=SET, set_id=None, extra_parameters={"ignore": "y"})
    assert (seen[0]["full"], seen[0]["ignore"], "fromuser" in seen[0]) == ("y", "y", False)
    assert result["tables"] == TABLES


def test_one_schema_is_taken_out_of_a_full_dump(host: FakeHost, database: FakeOracle) -> None:
    exported(host, database)
    seen = seen_parameters(host)
    options: dict[str, t.Any] = {"full": False, "user": None, "password": "s3cret", "set_id": None, "expected_set_id": SET}
    call(host, database, state="imported", schema="aesuser313", **options)
    assert (seen[0]["fromuser"], seen[0]["touser"]) == ("AESUSER313", "AESUSER313")
    options["from_schema"] = "system"
    assert refused(host, database, state="imported", schema="aesuser313", **options).slug == "import_refused"
    call(host, database, state="imported", schema="aesuser313", allow_other_schema=True, **options)
    assert (seen[1]["fromuser"], seen[1]["touser"]) == ("SYSTEM", "AESUSER313")


def test_a_dump_of_one_schema_is_no_whole_database(host: FakeHost, database: FakeOracle) -> None:
    host.job = lambda job: run_tool(host, job)
    exported(host, database, full=False, schema="system", user=None)
    error = refused(host, database, state="imported", expected_set_id=SET, set_id=None)
    assert error.slug == "import_refused"
    assert "only the schema SYSTEM" in error.message


def test_a_full_dump_of_another_set_is_refused(host: FakeHost, database: FakeOracle) -> None:
    exported(host, database)
    assert refused(host, database, state="imported", expected_set_id="other", set_id=None).slug == "set_mismatch"


@pytest.mark.parametrize("options", [{"schema": "SYSTEM"}, {"from_schema": "SYSTEM"}])
def test_a_schema_beside_full_is_refused(host: FakeHost, database: FakeOracle, options: dict[str, str]) -> None:
    assert refused(host, database, **options).slug == "option_invalid"


def test_tables_of_a_whole_database_are_told_by_schema() -> None:
    assert judge_classic("exp", 0, FULL_LOG, full=True).tables == TABLES
    assert judge_classic("imp", 0, FULL_IMPORT_LOG, full=True).tables == TABLES
    assert judge_datapump("EXPORT", "COMPLETED", 0, None, FULL_DATAPUMP_LOG, full=True).tables == TABLES
    assert judge_classic("exp", 0, FULL_LOG).tables == {"ITEM": 15}


def test_a_tool_that_wants_a_dba_is_told_as_missing_privileges() -> None:
    log = "EXP-00023: must be a DBA to do Full Database or Tablespace export\nEXP-00000: Export terminated unsuccessfully\n"
    assert judge_classic("exp", 1, log, full=True).slug == "oracle_privileges_missing"
