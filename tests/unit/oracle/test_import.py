# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Importing and verifying: only the dump that was meant, and only a whole one."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.host import base
from tests.unit.fake_host import FakeHost, FakeJob
from tests.unit.oracle.fake_oracle import FakeOracle
from tests.unit.oracle.support import (
    ADMIN,
    DUMP,
    FOLDER,
    GOOD_IMPORT_LOG,
    JOURNAL,
    call,
    finish_datapump,
    make_host,
    parameters_of,
    run_tool,
)

IMPORT: t.Mapping[str, t.Any] = {"state": "imported", "dump": DUMP, "expected_set_id": "26112101"}


@pytest.fixture
def host() -> FakeHost:
    """With a dump of the set 26112101 and its record."""
    made = make_host()
    call(made, FakeOracle())
    made.events.clear()
    return made


def refused(host: FakeHost, **params: t.Any) -> LockstepError:
    with pytest.raises(LockstepError) as caught:
        call(host, FakeOracle(), **{**IMPORT, **params})
    assert host.jobs == {}
    return caught.value


def test_a_dump_of_the_expected_set_is_imported(host: FakeHost) -> None:
    seen: list[dict[str, str]] = []

    def job(started: FakeJob) -> base.JobStatus:
        seen.append(parameters_of(host, started))
        return run_tool(host, started)

    host.job = job
    result = call(host, FakeOracle(), **IMPORT, extra_parameters={"ignore": "y"})
    assert result["changed"]
    assert result["tables"] == {"ITEM": 12}
    assert (seen[0]["fromuser"], seen[0]["touser"], seen[0]["ignore"]) == ("AESUSER313", "AESUSER313", "y")
    assert seen[0]["log"] == f'"{FOLDER}\\AESUSER313.import.log"'


def test_a_dump_of_another_set_is_refused(host: FakeHost) -> None:
    assert refused(host, expected_set_id="26112102").slug == "set_mismatch"


def test_a_dump_without_a_record_is_refused_unless_any_set_is_meant(host: FakeHost) -> None:
    del host.files[f"{DUMP}.lockstep.json"]
    assert refused(host).slug == "set_mismatch"
    assert refused(host, allow_other_set=True).slug == "import_refused", "nothing tells which schema it holds"
    assert call(host, FakeOracle(), **{**IMPORT, "allow_other_set": True, "from_schema": "AESUSER313"})["changed"]


def test_a_dump_of_another_schema_is_refused_unless_it_is_meant(host: FakeHost) -> None:
    database = FakeOracle()
    database.fill("dba_users", ("DRILL", "OPEN"))
    database.passwords["DRILL"] = "s3cret"
    with pytest.raises(LockstepError) as caught:
        call(host, database, **IMPORT, schema="DRILL")
    assert caught.value.slug == "import_refused"
    assert call(host, database, **IMPORT, schema="DRILL", allow_other_schema=True)["changed"]
    assert refused(host, from_schema="OTHER").slug == "import_refused"


def test_a_dump_that_is_missing_or_not_as_long_as_it_was_is_refused(host: FakeHost) -> None:
    host.files[DUMP] = host.files[DUMP][:-1]
    error = refused(host)
    assert error.slug == "dump_truncated"
    assert (error.details["bytes"], error.details["expected_bytes"]) == (4999, 5000)
    del host.files[DUMP]
    assert refused(host).slug == "dump_missing"


def test_an_import_says_which_set_it_expects() -> None:
    with pytest.raises(LockstepError) as caught:
        call(make_host(), FakeOracle(), state="imported", dump=DUMP)
    assert caught.value.slug == "option_invalid"


@pytest.mark.parametrize(
    ("log", "slug"),
    [
        ("IMP-00009: abnormal end of export file\nImport terminated unsuccessfully\n", "dump_truncated"),
        ("IMP-00015: following statement failed\nImport terminated successfully with warnings.\n", "import_failed"),
        ("IMP-00058: ORACLE error 1017\nORA-01017: invalid\nImport terminated unsuccessfully\n", "oracle_login_failed"),
    ],
)
def test_an_import_that_ends_badly_fails_with_its_cause(host: FakeHost, log: str, slug: str) -> None:
    host.job = lambda job: run_tool(host, job, log, 0)
    with pytest.raises(LockstepError) as caught:
        call(host, FakeOracle(), **IMPORT)
    assert caught.value.slug == slug
    assert JOURNAL not in host.files


def test_check_mode_shows_the_import_and_changes_nothing(host: FakeHost) -> None:
    files = dict(host.files)
    planned = call(host, FakeOracle(), check_mode=True, elevate="dba", **IMPORT, **ADMIN)
    assert [step["step"] for step in planned["plan"]][:4] == ["write_journal", "grant", "write_parameter_file", "run"]
    assert host.files == files


def test_verifying_lists_the_whole_dump_and_imports_nothing(host: FakeHost) -> None:
    seen: list[dict[str, str]] = []

    def job(started: FakeJob) -> base.JobStatus:
        seen.append(parameters_of(host, started))
        return run_tool(host, started)

    host.job = job
    result = call(host, FakeOracle(), **{**IMPORT, "state": "verified"})
    assert not result["changed"]
    assert (seen[0]["show"], seen[0]["full"]) == ("y", "y")
    assert "fromuser" not in seen[0]


def test_verifying_finds_a_dump_without_its_end(host: FakeHost) -> None:
    log = "IMP-00009: abnormal end of export file\nImport terminated unsuccessfully\n"
    host.job = lambda job: run_tool(host, job, log, 1)
    with pytest.raises(LockstepError) as caught:
        call(host, FakeOracle(), **{**IMPORT, "state": "verified"})
    assert caught.value.slug == "dump_truncated"


def test_verifying_in_check_mode_needs_no_dump() -> None:
    result = call(make_host(), FakeOracle(), check_mode=True, **{**IMPORT, "state": "verified"})
    assert "run" in [step["step"] for step in result["plan"]]


DATAPUMP: t.Mapping[str, t.Any] = {"method": "datapump", "directory": "BACKUP_DIR"}


def datapump_dump(host: FakeHost) -> FakeOracle:
    database = FakeOracle()
    finish_datapump(host, database)
    call(host, database, **{**DATAPUMP, **ADMIN, "dump": "D:\\Backups\\A.dmp", "set_id": "26112101"})
    return database


def test_data_pump_imports_from_the_directorys_folder_only() -> None:
    host = make_host()
    database = datapump_dump(host)
    log = GOOD_IMPORT_LOG + 'Job "AESUSER313"."X" successfully completed at'
    finish_datapump(host, database, log=log)
    result = call(host, database, **{**IMPORT, **DATAPUMP, "dump": "D:\\Backups\\A.dmp"})
    assert result["changed"]
    database.change("UPDATE dba_directories SET directory_path = 'D:\\Elsewhere'")
    with pytest.raises(LockstepError) as caught:
        call(host, database, **{**IMPORT, **DATAPUMP, "dump": "D:\\Backups\\A.dmp"})
    assert caught.value.slug == "oracle_directory"


def test_data_pumps_dump_is_verified_by_its_sizes_and_its_log() -> None:
    host = make_host()
    database = datapump_dump(host)
    verify = {**IMPORT, **DATAPUMP, "state": "verified", "dump": "D:\\Backups\\A.dmp", "log": "D:\\Backups\\A.log"}
    assert call(host, database, **verify)["rows"] == 1055
    host.files["D:\\Backups\\A.log"] = b"something else"
    with pytest.raises(LockstepError) as caught:
        call(host, database, **verify)
    assert caught.value.slug == "export_failed"
