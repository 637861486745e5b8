# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""oracle_schema_export on the lab: the real driver at the lab's listener, the real pywinrm at its Windows host."""

from __future__ import annotations

import collections.abc
import dataclasses
import json
import os
import pathlib
import signal
import subprocess
import threading
import typing as t

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.feature import Task
from ansible_collections.lockstep.backup.plugins.module_utils.oracle.feature import FEATURE
from ansible_collections.lockstep.backup.plugins.module_utils.owner import Owner
from ansible_collections.lockstep.backup.plugins.plugin_utils.windows.host import WindowsHost
from ansible_collections.lockstep.backup.plugins.plugin_utils.windows.wsman import Settings
from tests.integration.support import playbook_command, playbook_environment, run_playbook, write_playbook
from tests.lab.lab import ADMIN, ADMIN_PASSWORD, Lab
from tests.lab.oracle import dump
from tests.lab.oracle.database import UNLIMITED, Database, Grant
from tests.lab.sites import SCHEMA, SCHEMA_PASSWORD, SYSTEM_PASSWORD

OWNER = Owner(run_id="run1", control_node="control1", boot_id="boot1", pid=1, started="1", user="backup")
FOLDER = r"C:\Backups\26112101"
DUMP = rf"{FOLDER}\AESUSER313.dmp"
ROWS = {"ALU_ITEM": 40, "ALU_LINK": 39, "ALU_USER": 2}
DATAPUMP: t.Mapping[str, t.Any] = {"method": "datapump", "directory": "DATA_PUMP_DIR", "elevate": "export_role"}
DEADLINE = 60.0


@dataclasses.dataclass
class Site:
    """The Oracle host of the first installation."""

    lab: Lab
    messages: list[str] = dataclasses.field(default_factory=list)
    on_progress: t.Callable[[], None] = lambda: None

    @property
    def database(self) -> Database:
        found = self.lab.hosts["ora1"].database
        assert found is not None
        return found

    def defaults(self) -> dict[str, t.Any]:
        return {
            "schema": SCHEMA,
            "dsn": f"{self.lab.hosts['ora1'].address}:1521/XE",
            "password": SCHEMA_PASSWORD,
            "admin_user": "system",
            "admin_password": SYSTEM_PASSWORD,
            "elevate": "dba",
            "dump": DUMP,
        }

    def call(self, check_mode: bool = False, owner: Owner = OWNER, **params: t.Any) -> dict[str, t.Any]:
        given = {name: value for name, value in {**self.defaults(), "set_id": "26112101", **params}.items() if value is not None}
        validated = ArgumentSpecValidator(dict(FEATURE.argument_spec), required_if=FEATURE.required_if).validate(given)
        assert not validated.error_messages
        address = self.lab.hosts["ora1"].address
        # The environment's proxies and certificates have no say here.
        login = {"username": ADMIN, "password": ADMIN_PASSWORD, "ca_trust_path": None, "proxy": None}
        settings = Settings(f"http://{address}:5985/wsman", ("ntlm",), login)
        host = WindowsHost("ora1", settings)
        task = Task(validated.validated_parameters, host, owner, check_mode, False, self.messages.append, self.progress)
        try:
            return FEATURE.run(task)
        finally:
            host.close()

    def progress(self, message: str) -> None:
        self.messages.append(message)
        self.on_progress()

    def refused(self, **params: t.Any) -> LockstepError:
        with pytest.raises(LockstepError) as caught:
            self.call(**params)
        return caught.value

    def path(self, path: str) -> pathlib.Path:
        return self.lab.root / "ora1" / pathlib.Path(*path.replace(":", "").split("\\"))

    def privileges(self) -> t.Any:
        user = self.database.users[SCHEMA]
        return {name: (grant.admin, grant.default) for name, grant in user.roles.items()}, sorted(user.privileges)

    def leftovers(self) -> list[str]:
        folder = self.path(r"C:\ProgramData\Lockstep")
        return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())

    def fault(self, name: str, value: t.Any = None) -> None:
        self.lab.faults.set("ora1", name, value)


@pytest.fixture
def site(lab: Lab) -> Site:
    return Site(lab)


@pytest.fixture
def untouched(site: Site) -> collections.abc.Iterator[None]:
    """At the end the account has what it had, and nothing is left on the host or in the database."""
    before = site.privileges()
    yield
    assert site.privileges() == before
    assert site.leftovers() == []
    assert site.database.jobs == {}
    assert set(site.database.tables[SCHEMA]) <= set(ROWS)


@pytest.mark.usefixtures("untouched")
class TestClassic:
    def test_a_real_dump_holds_the_schema_and_its_record_says_so(self, site: Site) -> None:
        result = site.call()
        content = dump.read_classic(site.path(DUMP))
        assert content.row_counts() == result["tables"] == ROWS
        assert content.scn is not None, "consistent"
        record = json.loads(site.path(f"{DUMP}.lockstep.json").read_text())
        assert record["files"] == {"AESUSER313.dmp": site.path(DUMP).stat().st_size}
        assert record["scn"] == result["scn"]
        assert site.path(rf"{FOLDER}\AESUSER313.log").read_text().rstrip().endswith("without warnings.")
        assert result["granted"] == ["DBA"]

    def test_the_same_export_once_more_changes_nothing(self, site: Site) -> None:
        site.call()
        logons = len(site.database.logons)
        assert not site.call()["changed"]
        assert len(site.database.logons) == logons

    def test_check_mode_changes_nothing_and_shows_the_steps_of_the_real_run(self, site: Site) -> None:
        planned = site.call(check_mode=True)
        assert not site.path(FOLDER).exists()
        assert not any("GRANT" in executed.text for executed in site.database.history)
        assert [step["step"] for step in planned["plan"]] == [step["step"] for step in site.call()["plan"]]

    def test_a_dump_can_be_read_through_and_imported_into_an_empty_schema(self, site: Site) -> None:
        site.call()
        assert not site.call(state="verified", expected_set_id="26112101")["changed"]
        site.database.tables[SCHEMA].clear()
        imported = site.call(state="imported", expected_set_id="26112101")
        assert imported["tables"] == ROWS
        assert {name: len(table.rows_at(site.database.scn)) for name, table in site.database.tables[SCHEMA].items()} == ROWS

    @pytest.mark.parametrize(
        ("fault", "value", "slug"),
        [
            ("exp_error", None, "oracle_snapshot_too_old"),
            ("exp_error", 1017, "oracle_login_failed"),
            ("exp_error_exit_0", 3113, "oracle_connection_lost"),
            ("exp_no_end_line", None, "export_failed"),
            ("exp_no_dump", None, "dump_missing"),
            ("exp_warnings", None, "export_failed"),
            # The tool cannot say why any more, and the lab's volumes do not tell less free space.
            ("disk_full_after", 8_000, "export_failed"),
        ],
    )
    def test_a_tool_that_fails_is_found_out_and_everything_is_given_back(
        self, site: Site, fault: str, value: t.Any, slug: str
    ) -> None:
        if fault == "disk_full_after":
            for number in range(40):
                site.database.insert(SCHEMA, "ALU_ITEM", (f"{number}" * 30, "x" * 190, number))
        site.fault(fault, value)
        assert site.refused().slug == slug
        assert not site.path(f"{DUMP}.lockstep.json").exists()
        site.lab.faults.clear()

    def test_warnings_that_are_allowed_do_not_fail(self, site: Site) -> None:
        site.fault("exp_warnings")
        result = site.call(allowed_warnings=["EXP-00008", "ORA-01455"])
        assert [line[:9] for line in result["log_warnings"]] == ["EXP-00008", "ORA-01455"]

    def test_a_dump_that_lost_its_end_is_found_when_it_is_read_through(self, site: Site) -> None:
        site.fault("exp_truncated_dump")
        site.call()
        error = site.refused(state="verified", expected_set_id="26112101")
        assert error.slug == "dump_truncated"
        assert "IMP-00009" in error.details["oracle_codes"]

    def test_a_tool_that_hangs_is_stopped_at_the_timeout(self, site: Site) -> None:
        site.fault("exp_hangs")
        assert site.refused(timeout=1).slug == "job_timeout"
        assert site.lab.hosts["ora1"].machine.processes.named("exp.exe") == []

    def test_a_tool_that_is_missing_is_found_before_anything_is_granted(self, site: Site) -> None:
        site.fault("exp_missing")
        assert site.refused().slug == "tool_missing"
        assert not any("GRANT" in executed.text for executed in site.database.history)

    def test_a_dump_of_another_schema_or_set_is_not_imported(self, site: Site) -> None:
        site.call()
        site.database.add_user("DRILL", "drill-Fake1")
        drill: dict[str, t.Any] = {"schema": "DRILL", "password": "drill-Fake1", "state": "imported"}
        assert site.refused(**drill, expected_set_id="26112101").slug == "import_refused"
        assert site.refused(state="imported", expected_set_id="26112102").slug == "set_mismatch"
        result = site.call(**drill, expected_set_id="26112101", allow_other_schema=True)
        assert result["tables"] == ROWS
        assert set(site.database.tables["DRILL"]) == set(ROWS)


@pytest.mark.usefixtures("untouched")
class TestDatabase:
    @pytest.mark.parametrize(
        ("params", "slug"),
        [
            ({"admin_password": "wr0ng"}, "oracle_login_failed"),
            ({"dsn": "127.0.0.1:1/XE"}, "oracle_listener_down"),
            ({"schema": "NOBODY"}, "schema_missing"),
            ({"min_free_ratio": 1e12}, "no_space"),
            ({"method": "datapump", "directory": "NO_DIR"}, "oracle_directory"),
        ],
    )
    def test_what_stands_against_an_export_is_named_by_the_query(self, site: Site, params: dict[str, t.Any], slug: str) -> None:
        assert site.refused(state="query", **params).slug == slug

    def test_an_unknown_service_is_named(self, site: Site) -> None:
        address = site.lab.hosts["ora1"].address
        assert site.refused(state="query", dsn=f"{address}:1521/NOWHERE").slug == "oracle_service_unknown"

    def test_a_locked_account_and_a_closed_database_are_named(self, site: Site) -> None:
        site.database.users[SCHEMA].account_status = "LOCKED"
        assert site.refused(state="query").slug == "oracle_account_locked"
        site.database.users[SCHEMA].account_status = "OPEN"
        site.database.open_mode = "MOUNTED"
        assert site.refused(state="query").slug == "oracle_not_open"

    def test_a_database_that_is_well_is_ready(self, site: Site) -> None:
        result = site.call(state="query")
        assert result["ready"]
        assert result["tool_release"] == "19.0.0.0.0"
        assert result["database"]["schema_bytes"] == 196608
        assert result["database"]["schema_objects"] == 4

    def test_dba_that_was_there_before_stays(self, site: Site) -> None:
        site.database.users[SCHEMA].roles["DBA"] = Grant(admin=True)
        assert site.call()["granted"] == []
        assert site.database.users[SCHEMA].roles["DBA"].admin
        del site.database.users[SCHEMA].roles["DBA"]

    @pytest.mark.parametrize("had_it", [False, True])
    def test_unlimited_tablespace_is_as_before_also_where_dba_brings_and_takes_it(self, site: Site, had_it: bool) -> None:
        site.database.dba_brings_unlimited = True
        privileges = site.database.users[SCHEMA].privileges
        before = set(privileges)
        (privileges.add if had_it else privileges.discard)(UNLIMITED)
        site.call()
        assert (UNLIMITED in site.database.users[SCHEMA].privileges) is had_it
        privileges.clear()
        privileges.update(before)

    @pytest.mark.parametrize("statement", ["GRANT DBA", "REVOKE DBA", "dba_role_privs"])
    @pytest.mark.parametrize("fault", ["database_drop_on", "database_drop_before"])
    def test_a_connection_cut_at_a_statement_leaves_no_privilege(self, site: Site, fault: str, statement: str) -> None:
        site.fault(fault, statement)
        with pytest.raises(LockstepError):
            site.call()
        site.lab.faults.clear()
        site.call(state="recovered")

    def test_a_revoke_that_fails_leaves_the_journal_and_the_next_run_does_it(self, site: Site) -> None:
        site.fault("database_error_on", {"REVOKE DBA": 1031})
        assert site.refused().slug == "privileges_left"
        assert "DBA" in site.database.users[SCHEMA].roles
        assert [name for name in site.leftovers() if name.startswith("privileges")] == ["privileges/AESUSER313@XE.json"]
        site.lab.faults.clear()
        other = dataclasses.replace(OWNER, run_id="run2")
        assert site.refused(owner=other, dump=rf"{FOLDER}\other.dmp", set_id="2").slug == "run_in_progress"
        assert site.call(owner=other, dead_run="run1", dump=rf"{FOLDER}\other.dmp", set_id="2")["recovered"]["set_id"] == "26112101"


@pytest.mark.usefixtures("untouched")
class TestDatapump:
    def test_a_real_dump_is_consistent_and_lies_in_its_set(self, site: Site) -> None:
        result = site.call(**DATAPUMP)
        content = dump.read_datapump(site.path(DUMP))
        assert content.row_counts() == result["tables"] == ROWS
        assert content.scn == result["scn"]
        assert [path.name for path in site.path(r"C:\Backups").iterdir()] == ["26112101"]

    @pytest.mark.parametrize(
        ("fault", "value", "slug"),
        [
            ("database_job_errors", 2, "export_failed"),
            ("database_job_fatal", None, "export_failed"),
            ("database_log_without_end", None, "export_failed"),
            ("database_no_space", None, "no_space"),
            ("database_no_space_for_log", None, "oracle_directory"),
            ("database_snapshot_too_old", None, "oracle_snapshot_too_old"),
            ("database_orphan_master", None, "export_failed"),
        ],
    )
    def test_a_job_that_fails_is_found_out_and_cleared_away(self, site: Site, fault: str, value: t.Any, slug: str) -> None:
        site.fault(fault, value)
        error = site.refused(**DATAPUMP)
        assert error.slug == slug, error.message
        assert not site.path(DUMP).exists()
        site.lab.faults.clear()
        assert site.call(**DATAPUMP, preflight=False)["rows"] == 81, "nothing of the failed job is in the way"

    def test_a_lost_connection_is_attached_to_the_same_job_again(self, site: Site) -> None:
        site.fault("database_slow_job", 0.5)
        site.on_progress = lambda: site.fault("database_drop_connections")
        result = site.call(**DATAPUMP)
        assert result["tables"] == ROWS
        assert sum("START_JOB" in executed.text for executed in site.database.history) == 1
        assert sum("ATTACH" in executed.text for executed in site.database.history) >= 2

    def test_progress_is_told_while_a_job_runs(self, site: Site) -> None:
        site.fault("database_slow_job", 0.5)
        site.call(**DATAPUMP)
        assert [message for message in site.messages if message.endswith(" %")]

    def test_a_job_that_hangs_is_stopped_and_removed(self, site: Site) -> None:
        site.fault("database_slow_job", 5)
        site.fault("database_job_hangs")
        assert site.refused(**DATAPUMP, timeout=1).slug == "job_timeout"
        site.lab.faults.clear()

    def test_the_details_of_a_refused_argument_are_told(self, site: Site) -> None:
        site.database.directory_grants.clear()
        error = site.refused(**DATAPUMP, preflight=False)
        assert error.slug == "oracle_directory"
        assert "ORA-39087" in error.details["oracle_codes"]

    def test_a_dump_is_imported_from_the_directorys_folder(self, site: Site) -> None:
        place: dict[str, t.Any] = {"dump": r"C:\Backups\A.dmp"}
        site.call(**DATAPUMP, **place)
        site.database.tables[SCHEMA].clear()
        result = site.call(**DATAPUMP, **place, state="imported", expected_set_id="26112101")
        assert result["tables"] == ROWS
        assert {name: len(table.rows_at(site.database.scn)) for name, table in site.database.tables[SCHEMA].items()} == ROWS


def export_task(site: Site, **params: t.Any) -> dict[str, t.Any]:
    return {"name": "Export", "lockstep.backup.oracle_schema_export": {**site.defaults(), "set_id": "26112101", **params}}


def test_a_control_node_killed_during_the_export_leaves_nothing_that_the_next_run_does_not_put_back(
    site: Site, tmp_path: pathlib.Path
) -> None:
    before = site.privileges()
    site.fault("exp_hangs")
    started = threading.Event()

    def look(moment: str, request: t.Any) -> None:
        if site.lab.hosts["ora1"].machine.processes.named("exp.exe"):
            started.set()

    forget = site.lab.on_request(look)
    playbook = write_playbook(tmp_path, [export_task(site)], hosts="ora1")
    command = playbook_command(site.lab, playbook)
    running = subprocess.Popen(
        command,
        env=playbook_environment(tmp_path / "trace"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    assert started.wait(DEADLINE)
    os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    forget()
    assert "DBA" in site.database.users[SCHEMA].roles
    assert [name for name in site.leftovers() if name.endswith(".par")]
    site.lab.faults.clear()
    after = run_playbook(
        site.lab, write_playbook(tmp_path, [export_task(site, dump=rf"{FOLDER}\b.dmp", set_id="26112102")], hosts="ora1")
    )
    assert after.exit_code == 0, after.output
    assert after.result("Export", "ora1")["recovered"]["set_id"] == "26112101"
    assert site.privileges() == before
    assert site.leftovers() == []
    assert site.lab.hosts["ora1"].machine.processes.named("exp.exe") == []


def test_no_password_is_in_a_command_line_a_file_or_an_output(site: Site, tmp_path: pathlib.Path) -> None:
    secrets = ("canary-schema#1 @/", "canary-admin#2")
    site.database.users[SCHEMA].password, site.database.users["SYSTEM"].password = secrets
    logins = {"password": secrets[0], "admin_password": secrets[1]}
    datapump = {**logins, **DATAPUMP, "dump": rf"{FOLDER}\b.dmp"}
    tasks = [export_task(site, **logins), export_task(site, **datapump), export_task(site, **logins, state="verified")]
    run = run_playbook(site.lab, write_playbook(tmp_path, tasks, hosts="ora1"), "-vvv", "--diff")
    assert run.exit_code == 0, run.output
    site.fault("exp_error")
    failing = write_playbook(tmp_path, [export_task(site, **logins, dump=rf"{FOLDER}\c.dmp")], hosts="ora1")
    failed = run_playbook(site.lab, failing, "-vvv")
    assert failed.error_codes("ora1") == ["oracle_snapshot_too_old"]
    everything = [run.output, failed.output, json.dumps(run.events), json.dumps(failed.events)]
    everything += [f"{started.command_line} {started.environment}" for started in site.lab.process_history]
    everything += [request.text for request in site.lab.requests]
    everything += [f"{executed.text} {executed.binds}" for executed in site.database.history]
    everything += [path.read_bytes().decode("utf-8", "replace") for path in (site.lab.root / "ora1").rglob("*") if path.is_file()]
    assert [secret for secret in secrets for text in everything if secret in text] == []
