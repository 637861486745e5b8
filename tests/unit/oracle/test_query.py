# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands against an export is found before anything is stopped."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.host import base
from tests.unit.fake_host import OTHER, FakeHost
from tests.unit.oracle.fake_oracle import FakeOracle, ora
from tests.unit.oracle.support import ADMIN, DUMP, JOURNAL, PASSWORD, call, make_host

QUERY: t.Mapping[str, t.Any] = {"state": "query", "dump": DUMP, "elevate": "dba", **ADMIN}


def findings(host: FakeHost, database: FakeOracle, **params: t.Any) -> dict[str, str]:
    result = call(host, database, **{**QUERY, "preflight": False, **params})
    return {finding["slug"]: finding["level"] for finding in result["findings"]}


def test_a_schema_with_a_view_and_no_segment_is_not_empty() -> None:
    database = FakeOracle()
    database.change("DELETE FROM dba_segments")
    database.change("DELETE FROM dba_objects")
    assert call(make_host(), database, **QUERY)["database"]["schema_objects"] == 0
    database.fill("dba_objects", ("AESUSER313", "VIEW", "ALU_ITEM_V", "VALID"))
    found = call(make_host(), database, **QUERY)["database"]
    assert (found["schema_bytes"], found["schema_objects"]) == (0, 1)


def test_a_database_that_is_well_is_ready_and_told_about() -> None:
    result = call(make_host(), FakeOracle(), **QUERY)
    assert result["ready"]
    assert not result["changed"]
    assert result["findings"] == []
    assert result["database"]["open_mode"] == "READ WRITE"
    assert result["database"]["schema_bytes"] == 1_000_000
    assert result["privileges"]["roles"] == {"CONNECT": {"admin_option": False, "default": True}}
    assert result["tool_release"] == "19.0.0.0.0"


@pytest.mark.parametrize(
    ("sql", "slug"),
    [
        ("UPDATE v$database SET open_mode = 'MOUNTED'", "oracle_not_open"),
        ("UPDATE v$database SET open_mode = 'READ ONLY'", "oracle_not_open"),
        ("DELETE FROM dba_users WHERE username = 'AESUSER313'", "schema_missing"),
        ("UPDATE dba_users SET account_status = 'LOCKED(TIMED)'", "oracle_account_locked"),
        ("UPDATE dba_users SET account_status = 'EXPIRED'", "oracle_password_expired"),
        ("UPDATE dba_segments SET bytes = 950000000000", "no_space"),
    ],
)
def test_what_stands_against_an_export_fails_the_query_with_its_name(sql: str, slug: str) -> None:
    host, database = make_host(), FakeOracle()
    database.change(sql)
    with pytest.raises(LockstepError) as caught:
        call(host, database, **QUERY)
    assert caught.value.slug == slug
    assert caught.value.details["findings"][0]["slug"] == slug
    with pytest.raises(LockstepError) as caught:
        call(host, database, elevate="dba", **ADMIN)
    assert caught.value.slug == slug
    assert JOURNAL not in host.files


def test_without_preflight_the_query_only_reports() -> None:
    database = FakeOracle()
    database.change("UPDATE dba_users SET account_status = 'LOCKED'")
    result = call(make_host(), database, **QUERY, preflight=False)
    assert not result["ready"] or result["findings"] == []


def test_a_read_only_database_can_be_exported_by_exp_when_nothing_is_granted() -> None:
    database = FakeOracle()
    database.change("UPDATE v$database SET open_mode = 'READ ONLY'")
    assert call(make_host(), database, **{**QUERY, "elevate": "none"})["ready"]


def test_invalid_objects_and_tables_without_a_segment_are_reported_and_do_not_fail() -> None:
    database = FakeOracle()
    database.fill("dba_objects", ("AESUSER313", "VIEW", "BROKEN", "INVALID"), ("AESUSER313", "VIEW", "WELL", "VALID"))
    database.fill("dba_tables", ("AESUSER313", "EMPTY", "NO", "N"), ("AESUSER313", "ITEM", "YES", "N"), ("SYS", "X", "NO", "N"))
    result = call(make_host(), database, **QUERY)
    assert result["ready"]
    assert [finding["slug"] for finding in result["findings"]] == ["invalid_objects", "tables_without_segment"]
    assert "VIEW BROKEN" in result["findings"][0]["text"]
    assert result["database"]["tables_without_segment"] == ["EMPTY"]


def test_the_schemas_own_account_is_told_what_it_may_not_see() -> None:
    result = call(make_host(), FakeOracle(), state="query", dump=DUMP)
    assert result["ready"]
    assert [finding["slug"] for finding in result["findings"]] == ["not_visible"]
    assert result["database"]["open_mode"] is None
    assert result["database"]["schema_bytes"] == 1_000_000
    assert set(result["privileges"]["roles"]) == {"CONNECT"}


def test_a_tool_that_is_missing_or_is_something_else_is_found() -> None:
    host = make_host()

    def missing(argv: tuple[str, ...], stdin: str | None) -> base.Completed:
        raise LockstepError("tool_missing", "exp is missing")

    host.program = missing
    with pytest.raises(LockstepError) as caught:
        call(host, FakeOracle(), **QUERY)
    assert caught.value.slug == "tool_missing"
    host.program = lambda argv, stdin: base.Completed(argv, 1, "", "error while loading shared libraries")
    with pytest.raises(LockstepError) as caught:
        call(host, FakeOracle(), **QUERY)
    assert caught.value.slug == "tool_missing"


@pytest.mark.parametrize(
    ("code", "text", "slug"),
    [
        (12541, "TNS:no listener", "oracle_listener_down"),
        (12514, "TNS:listener does not currently know of service", "oracle_service_unknown"),
        (1033, "ORACLE initialization or shutdown in progress", "oracle_not_open"),
        (28000, "The account is locked.", "oracle_account_locked"),
        (28001, "the password has expired", "oracle_password_expired"),
        (600, "internal error code", "oracle_failed"),
    ],
)
def test_a_refused_connection_has_a_name(code: int, text: str, slug: str) -> None:
    database = FakeOracle()

    def refuse(operation: str) -> None:
        raise ora(code, text)

    database.on_operation = refuse
    with pytest.raises(LockstepError) as caught:
        call(make_host(), database, **QUERY)
    assert caught.value.slug == slug
    assert caught.value.details["oracle_codes"] == [f"ORA-{code:05d}"]


def test_a_wrong_password_is_named_and_not_shown() -> None:
    with pytest.raises(LockstepError) as caught:
        call(make_host(), FakeOracle(), state="query", password="wr0ng-canary")
    assert caught.value.slug == "oracle_login_failed"
    assert "wr0ng-canary" not in str(caught.value.as_result())


def leave_journal(host: FakeHost, database: FakeOracle) -> None:
    def refuse(operation: str) -> None:
        if operation.startswith("REVOKE"):
            raise ora(1031, "insufficient privileges")

    database.on_operation = refuse
    with pytest.raises(LockstepError):
        call(host, database, elevate="dba", **ADMIN)
    database.on_operation = lambda operation: None
    assert JOURNAL in host.files
    assert PASSWORD not in host.read_text(JOURNAL)


def test_the_query_shows_an_unfinished_run_and_leaves_it() -> None:
    host, database = make_host(), FakeOracle()
    leave_journal(host, database)
    files = dict(host.files)
    assert findings(host, database, preflight=True)["unfinished_run"] == "warning"
    with pytest.raises(LockstepError) as caught:
        call(host, database, owner=OTHER, **QUERY)
    assert caught.value.slug == "run_in_progress"
    assert host.files == files
    assert "DBA" in database.roles_of("AESUSER313")


def test_recovery_in_check_mode_shows_what_it_would_do() -> None:
    host, database = make_host(), FakeOracle()
    leave_journal(host, database)
    files = dict(host.files)
    planned = call(host, database, check_mode=True, state="recovered", **ADMIN)
    assert planned["changed"]
    assert [step["step"] for step in planned["plan"]] == ["remove_parameter_file", "stop_job", "revoke", "remove_journal"]
    assert host.files == files
    exporting = call(host, database, check_mode=True, elevate="dba", dump="D:\\Backups\\b.dmp", set_id="26112102", **ADMIN)
    steps = [step["step"] for step in exporting["plan"]]
    assert steps.index("revoke") < steps.index("write_journal") < steps.index("grant")


def test_recovery_of_grants_needs_an_administrator() -> None:
    host, database = make_host(), FakeOracle()
    leave_journal(host, database)
    with pytest.raises(LockstepError) as caught:
        call(host, database, state="recovered")
    assert caught.value.slug == "privileges_left"
    assert JOURNAL in host.files


def test_where_nothing_is_left_recovery_changes_nothing_and_needs_no_database() -> None:
    database = FakeOracle()
    assert not call(make_host(), database, state="recovered", **ADMIN)["changed"]
    assert database.opened == 0


def test_a_damaged_journal_stops_everything() -> None:
    host = make_host()
    host.make_folder("C:\\ProgramData\\Lockstep\\privileges")
    host.files[JOURNAL] = b"{"
    for state in ("exported", "recovered", "query"):
        with pytest.raises(LockstepError) as caught:
            call(host, FakeOracle(), **{**QUERY, "state": state, "set_id": "1"})
        assert caught.value.slug == "journal_damaged"


@pytest.mark.parametrize(
    ("params", "slug"),
    [
        ({"dump": "relative.dmp"}, "path_not_absolute"),
        ({"dump": "\\\\server\\share\\a.dmp"}, "path_not_absolute"),
        ({"dump": "Z:\\a.dmp"}, "path_not_local"),
        ({"log": "a.log"}, "path_not_absolute"),
        ({"allowed_warnings": ["91"]}, "option_invalid"),
        ({"parallel": 0}, "option_invalid"),
        ({"timeout": 0}, "option_invalid"),
        ({"schema": 'A"B'}, "option_invalid"),
        ({"password": None}, "option_invalid"),
        ({"password": 'has"quote', "admin_user": "system", "admin_password": "manager"}, "option_invalid"),
    ],
)
def test_options_that_make_no_sense_are_refused(params: dict[str, t.Any], slug: str) -> None:
    with pytest.raises(LockstepError) as caught:
        call(make_host(), FakeOracle(), **params)
    assert caught.value.slug == slug
