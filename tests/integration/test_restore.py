# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Proving a set, drilling with it, and the real restore."""

from __future__ import annotations

import json
import pathlib
import re

from tests.integration.chains import once
from tests.integration.support import PlaybookRun, run_playbook, vault_folder
from tests.lab.lab import Lab
from tests.lab.oracle.database import Database
from tests.lab.sites import DATA_FOLDER, SCHEMA
from tests.lab.windows.programs.altium import AVBACKUP, SERVER_VERSION

ONLY_FIRST = ("--limit", "aes1")
SCRATCH = "AESDRILL"


def backed_up(lab: Lab) -> str:
    """The name of a new set of aes1."""
    run = run_playbook(lab, "nightly", *ONLY_FIRST)
    assert run.exit_code == 0, run.output
    name: str = run.result("Open the set")["set"]
    return name


def database(lab: Lab) -> Database:
    found = lab.hosts["ora1"].database
    assert found is not None
    return found


def rows(lab: Lab, schema: str = SCHEMA) -> dict[str, list[tuple[object, ...]]]:
    model = database(lab)
    return {name: sorted(table.rows_at(model.scn), key=repr) for name, table in model.tables[schema].items()}


def data_files(lab: Lab) -> dict[str, bytes]:
    folder = lab.hosts["aes1"].machine.files.real(DATA_FOLDER)
    assert folder is not None
    return {str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}


def part(lab: Lab, host: str, name: str, file: str) -> pathlib.Path:
    return vault_folder(lab, host, "aes1", "Recent", name, file)


def restore(lab: Lab, name: str, confirm: str | None = None) -> PlaybookRun:
    return run_playbook(
        lab,
        "altium_restore",
        *ONLY_FIRST,
        altium_enterprise_server_set=name,
        altium_enterprise_server_restore_confirm=f"aes1/{name}" if confirm is None else confirm,
    )


def requests_that_change(lab: Lab, since: int) -> list[str]:
    """Commands that stop or overwrite something; reading, and the journals of recovery, are left out."""
    telling = ("StopService", "avbackup", "imp.exe", "appcmd.exe stop")
    return [request.text for request in lab.requests[since:] if request.mutating and any(word in request.text for word in telling)]


def test_verify_reads_both_parts_and_names_the_damaged_one(lab: Lab) -> None:
    name = backed_up(lab)
    assert run_playbook(lab, "verify", *ONLY_FIRST).exit_code == 0
    dump = part(lab, "ora1", name, "AESUSER313.dmp")
    data = bytearray(dump.read_bytes())
    data[len(data) // 2] ^= 1
    dump.write_bytes(data)
    run = run_playbook(lab, "verify", *ONLY_FIRST)
    assert run.exit_code != 0
    assert run.error_codes() == ["part_hash"]
    assert "AESUSER313.dmp" in run.failures()[0]["msg"]


def test_parts_of_different_sets_are_refused_before_anything_is_stopped(lab: Lab) -> None:
    name = backed_up(lab)
    manifest = part(lab, "ora1", name, "manifest.json")
    other = json.loads(manifest.read_text()) | {"set_id": f"aes1-{name}-00000000"}
    manifest.write_text(json.dumps(other))
    before = len(lab.requests)
    for run in (restore(lab, name), run_playbook(lab, "verify", *ONLY_FIRST)):
        assert run.exit_code != 0
        assert "Parts of different sets are never mixed" in run.output
    assert requests_that_change(lab, before) == []


def test_a_drill_leaves_the_installation_alone_and_is_dated_in_the_sets_log(lab: Lab) -> None:
    name = backed_up(lab)
    database(lab).add_user(SCRATCH, "lab-drill-Fake1")
    files, content, before = data_files(lab), rows(lab), len(lab.requests)
    run = run_playbook(
        lab,
        "altium_restore",
        *ONLY_FIRST,
        altium_enterprise_server_drill_schema=SCRATCH,
        altium_enterprise_server_drill_password="lab-drill-Fake1",
    )
    assert run.exit_code == 0, run.output
    assert rows(lab, SCRATCH) == content
    assert (data_files(lab), rows(lab)) == (files, content)
    assert [text for text in requests_that_change(lab, before) if "imp" not in text] == []
    assert not vault_folder(lab, "aes1", "aes1", "Drill").exists()
    log = part(lab, "aes1", name, "HB.LOG").read_text()
    assert re.search(r"\|l:DRILL_SUCCEEDED\|\d+ bytes unpacked on aes1, dump imported into AESDRILL on ora1\n", log)
    assert run_playbook(lab, "verify", *ONLY_FIRST).exit_code == 0


def test_a_restore_without_the_right_confirmation_stops_nothing(lab: Lab) -> None:
    name = backed_up(lab)
    before = len(lab.requests)
    for confirmation in ("yes", f"aes2/{name}"):
        run = restore(lab, name, confirmation)
        assert run.exit_code != 0
        assert "confirm with altium_enterprise_server_restore_confirm" in run.output
    assert requests_that_change(lab, before) == []


def test_a_restore_into_a_schema_that_is_not_empty_is_refused_before_anything_is_stopped(lab: Lab) -> None:
    name = backed_up(lab)
    before = len(lab.requests)
    run = restore(lab, name)
    assert run.exit_code != 0
    assert "is not empty" in run.output
    assert requests_that_change(lab, before) == []


def test_a_restore_into_another_version_of_avbackup_is_refused_before_anything_is_stopped(lab: Lab) -> None:
    name = backed_up(lab)
    manifest = json.loads(part(lab, "aes1", name, "manifest.json").read_text())
    assert [made["tool_version"] for made in manifest["parts"]] == [SERVER_VERSION]
    database(lab).empty(SCHEMA)
    lab.hosts["aes1"].machine.file_versions[AVBACKUP.lower()] = "8.0.4.2"
    before = len(lab.requests)
    run = restore(lab, name)
    assert run.exit_code != 0
    assert run.error_codes() == ["version_mismatch"]
    assert requests_that_change(lab, before) == []


def test_a_restore_brings_back_the_files_and_the_rows_of_the_same_set(lab: Lab) -> None:
    files, content = data_files(lab), rows(lab)
    name = backed_up(lab)
    folder = lab.hosts["aes1"].machine.files.real(DATA_FOLDER)
    assert folder is not None
    for number, file in enumerate(file for file in sorted(folder.rglob("*")) if file.is_file()):
        if number % 2:
            file.unlink()
        else:
            file.write_bytes(b"overwritten")
    database(lab).empty(SCHEMA)
    services = {service.name: service.state for service in lab.hosts["aes1"].machine.services.all()}
    run = restore(lab, name)
    assert run.exit_code == 0, run.output
    assert data_files(lab) == files
    assert rows(lab) == content
    assert {service.name: service.state for service in lab.hosts["aes1"].machine.services.all()} == services


def test_a_restore_that_failed_names_also_the_unit_that_did_not_start_again(lab: Lab) -> None:
    name = backed_up(lab)
    database(lab).empty(SCHEMA)
    lab.faults.set("aes1", "service_refuses_start", "W3SVC")
    goes_down = once(lab, "aes1", ("Win32_Process.Create", "avbackup-restore"), lambda: lab.faults.set("ora1", "database_down"))
    run = restore(lab, name)
    assert goes_down.is_set()
    assert run.exit_code != 0
    message = run.failures()[-1]["msg"]
    assert "Import the Oracle schema: " in message
    assert " Besides: " in message
    assert "W3SVC" in message.partition(" Besides: ")[2]
