# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role's variables, its check mode, and its sets over many nights."""

from __future__ import annotations

import datetime
import hashlib
import json
import pathlib

import pytest

from tests.integration.support import run_playbook, vault_folder
from tests.lab.lab import Lab

ONLY_FIRST = ("--limit", "aes1")


def contents(lab: Lab) -> dict[str, str]:
    """Every file on the disks of all hosts, by its hash."""
    files = [file for host in lab.hosts for file in (lab.root / host).rglob("*") if file.is_file()]
    return {str(file): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def names(folder: pathlib.Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def test_a_variable_that_the_role_does_not_have_is_refused_by_name(lab: Lab) -> None:
    run = run_playbook(lab, "nightly", *ONLY_FIRST, altium_enterprise_server_vaults="C:\\Elsewhere")
    assert run.exit_code != 0
    assert "has no variable altium_enterprise_server_vaults" in run.output
    assert not any(request.mutating for request in lab.requests)


@pytest.mark.parametrize("missing", ["oracle_schema", "oracle_dsn", "oracle_host"])
def test_a_variable_that_is_needed_is_asked_for_before_anything_else(lab: Lab, tmp_path: pathlib.Path, missing: str) -> None:
    needed = {"oracle_schema": "AESUSER313", "oracle_dsn": "127.0.0.1:1521/XE", "oracle_host": "ora1"}
    del needed[missing]
    variables = {f"altium_enterprise_server_{name}": value for name, value in needed.items()}
    inventory = tmp_path / "hosts.yml"
    inventory.write_text(json.dumps({"altium_enterprise_server": {"hosts": {"aes1": variables}}}), encoding="utf-8")
    run = run_playbook(lab, "preflight", inventory=inventory)
    assert run.exit_code != 0
    assert f"altium_enterprise_server_{missing}" in run.failures()[0]["msg"]
    assert lab.requests == []


def test_check_mode_shows_every_step_and_changes_nothing_at_all(lab: Lab) -> None:
    before = contents(lab)
    run = run_playbook(lab, "nightly", "--check", "--diff", *ONLY_FIRST)
    assert run.exit_code == 0, run.output
    assert contents(lab) == before
    plan = run.result("Say what was backed up, or in check mode what would be done")["msg"]
    telling = ["arm lease", "stop app_pool", "stop service W3SVC", "avbackup.exe backup", "Grant DBA", "Run exp", "Revoke DBA"]
    telling += ["start service W3SVC", "start app_pool", "disarm lease", "AESUSER313.dmp - SHA-256", "\\Recent\\", "release lock"]
    places = [next(number for number, line in enumerate(plan) if word in line) for word in telling]
    assert places == sorted(places)
    assert not any("AltiumNetworkInstallation" in line and " start" in line for line in plan)
    mutating = [request.text for request in lab.requests if request.mutating]
    assert [text for text in mutating if "StopService" in text or "appcmd.exe stop" in text or "Create" in text] == []


def test_many_nights_keep_as_many_sets_as_wanted_on_both_hosts(lab: Lab) -> None:
    nights = 4
    for _night in range(nights):
        run = run_playbook(
            lab, "nightly", *ONLY_FIRST, altium_enterprise_server_keep_recent=2, altium_enterprise_server_keep_archive=1
        )
        assert run.exit_code == 0, run.output
        for host in ("aes1", "ora1"):
            machine = lab.hosts[host].machine
            machine.clock.advance(datetime.timedelta(days=1).total_seconds())
    for host in ("aes1", "ora1"):
        recent, archive = (names(vault_folder(lab, host, "aes1", folder)) for folder in ("Recent", "Archive"))
        assert (len(recent), len(archive)) == (2, 1)
        assert max(archive) < min(recent)
    assert names(vault_folder(lab, "aes1", "aes1", "Recent")) == names(vault_folder(lab, "ora1", "aes1", "Recent"))
    assert any(
        line.startswith("aes1: deleted: ")
        for line in run.result("Say what was backed up, or in check mode what would be done")["msg"]
    )
