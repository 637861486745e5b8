# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Proving and importing an export, from vault, disk and tape; and what surrounds the restore of a full tape."""

from __future__ import annotations

from tests.integration.etravel import NAME, Server, failed, succeeded
from tests.lab.etravel import SCHEMA
from tests.lab.oracle.database import Database


def database(server: Server) -> Database:
    found = server.host.database
    assert found is not None
    return found


def rows(server: Server) -> dict[str, list[tuple[object, ...]]]:
    model = database(server)
    return {name: sorted(table.rows_at(model.scn), key=repr) for name, table in model.tables[SCHEMA].items()}


def empty(server: Server) -> None:
    model = database(server)
    model.tables[SCHEMA].clear()
    model.objects.pop(SCHEMA, None)


def test_an_export_brings_back_the_database_from_the_vault_from_another_disk_and_from_tape(server: Server) -> None:
    content = rows(server)
    succeeded(server.nightly())
    manifest = server.newest()
    name, set_id = manifest["set"], manifest["set_id"]
    succeeded(server.run("verify"))
    copy = manifest["details"]["copies"][0]
    confirmed = {"etravel_set": name, "etravel_restore_confirm": f"{NAME}/{name}"}
    for source in (
        {},
        {"etravel_restore_from": "disk", "etravel_restore_folder": copy, "etravel_set_id": set_id},
        {"etravel_restore_from": "tape", "etravel_restore_folder": r"E:\From tape", "etravel_set_id": set_id},
    ):
        empty(server)
        before = server.changed()
        run = succeeded(server.run("etravel_restore", **confirmed, **source))
        assert rows(server) == content
        server.service_is_back()
        server.nothing_is_left()
        # What uses the database was stopped; the database itself was not.
        now = server.changed()
        assert [one for one in before if "Oracle" in one] == [one for one in now if "Oracle" in one]
        assert [one for one in before if one in now and "Oracle" not in one] == []
    assert "was there already, and was left alone: IMP-00015" in str(run.result("Say what was restored", NAME)["msg"])


def test_a_damaged_export_is_found_and_never_imported(server: Server) -> None:
    succeeded(server.nightly())
    name = server.newest()["set"]
    dump = server.vault("Recent", name, "etravel.dmp")
    dump.write_bytes(dump.read_bytes()[:-10] + b"0123456789")
    failed(server.run("verify"), "etravel.dmp")
    before = server.changed()
    failed(server.run("etravel_restore", etravel_set=name, etravel_restore_confirm=f"{NAME}/{name}"), "etravel.dmp")
    failed(server.run("etravel_restore", etravel_set=name, etravel_restore_confirm="yes"), f"etravel_restore_confirm={NAME}/")
    assert server.changed() == before


def test_a_full_tape_is_restored_by_a_person_while_the_server_is_held_still(server: Server) -> None:
    succeeded(server.full_backup("full-1"))
    confirmed = {"etravel_restore_confirm": f"{NAME}/full"}
    before = server.changed()
    failed(server.run("etravel_restore", etravel_restore="full_begin", **confirmed), "Nothing was stopped. Insert tape FUL001")
    assert server.changed() == before
    server.drive.insert("full-1")
    begun = succeeded(server.run("etravel_restore", etravel_restore="full_begin", **confirmed))
    assert "catalogue the tape, choose all drives" in str(begun.result("Say what a person does now", NAME)["msg"])
    assert server.machine.services["OracleServiceDTA"].state == "Stopped"
    assert server.machine.processes.named("scheduler.exe") == []
    # Whatever comes meanwhile leaves the server alone.
    failed(server.nightly(), "Nothing was done. The full tape of etravel1 is being restored since")
    assert server.machine.services["OracleServiceDTA"].state == "Stopped"
    succeeded(server.run("etravel_restore", etravel_restore="full_end", **confirmed))
    server.service_is_back()
    server.nothing_is_left()
