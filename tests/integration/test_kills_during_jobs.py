# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The control node dies while a tool works for hours: the tool goes on without it, and the next run deals with it."""

from __future__ import annotations

import typing as t

import pytest

from tests.integration.killing import Chosen, when
from tests.integration.nights import Nights
from tests.lab.lab import Lab
from tests.lab.oracle.database import Database
from tests.lab.record import AFTER, BEFORE

AN_HOUR = 3600
AVBACKUP_STARTED = when(AFTER, "Win32_Process.Create", "avbackup-backup")
AVBACKUP_RECORDED = when(AFTER, "avbackup.json")
EXP_STARTED = when(AFTER, "Win32_Process.Create", "oracle-")
DATAPUMP: t.Mapping[str, t.Any] = {
    "altium_enterprise_server_oracle_method": "datapump",
    "altium_enterprise_server_oracle_directory": "DATA_PUMP_DIR",
}


def runs(lab: Lab, host: str, program: str) -> bool:
    return bool(lab.hosts[host].machine.processes.named(program))


@pytest.mark.parametrize(
    ("host", "fault", "program", "chosen"),
    [
        ("aes1", "avbackup_seconds", "avbackup.exe", AVBACKUP_STARTED),
        ("aes1", "avbackup_seconds", "avbackup.exe", AVBACKUP_RECORDED),
        ("ora1", "exp_seconds", "exp.exe", EXP_STARTED),
    ],
    ids=["avbackup just started", "avbackup on record", "exp"],
)
@pytest.mark.parametrize("leases_fire", [False, True], ids=["next run", "leases fire"])
def test_a_tool_goes_on_without_its_run_and_is_not_used(
    lab: Lab, host: str, fault: str, program: str, chosen: Chosen, leases_fire: bool
) -> None:
    nights = Nights(lab)
    lab.faults.set(host, fault, 24 * AN_HOUR)
    assert nights.night(chosen).killed_at is not None
    assert runs(lab, host, program)
    lab.faults.clear(host)
    if leases_fire:
        nights.leases_fire()
        assert runs(lab, host, program), "the lease starts units, and ends nothing"
    nights.all_is_well(nights.night())
    assert not runs(lab, host, program)


def test_a_tool_that_ended_after_its_run_did_is_not_used_either(lab: Lab) -> None:
    nights = Nights(lab)
    for host, fault, chosen in (("aes1", "avbackup_seconds", AVBACKUP_RECORDED), ("ora1", "exp_seconds", EXP_STARTED)):
        lab.faults.set(host, fault, AN_HOUR)
        assert nights.night(chosen).killed_at is not None
        nights.tools_end()
        lab.faults.clear(host)
        nights.nothing_is_promised_that_is_not_there()
    nights.all_is_well(nights.night())
    assert len(nights.good) == 1


def database(lab: Lab) -> Database:
    found = lab.hosts["ora1"].database
    assert found is not None
    return found


@pytest.mark.parametrize(
    "chosen",
    [
        when(BEFORE, "GRANT"),
        when(AFTER, "GRANT"),
        when(AFTER, "DBMS_DATAPUMP.OPEN"),
        when(BEFORE, "DBMS_DATAPUMP.START_JOB"),
        when(AFTER, "DBMS_DATAPUMP.START_JOB"),
        when(BEFORE, "REVOKE"),
        when(AFTER, "REVOKE"),
    ],
    ids=["before grant", "granted", "opened", "before start", "started", "before revoke", "revoked"],
)
def test_a_data_pump_job_and_privileges_that_a_dead_run_left_are_put_back(lab: Lab, chosen: Chosen) -> None:
    nights = Nights(lab)
    lab.faults.set("ora1", "database_slow_job", 0.5)
    assert nights.night(chosen, **DATAPUMP).killed_at is not None
    lab.faults.clear("ora1")
    nights.all_is_well(nights.night(**DATAPUMP))
    assert database(lab).jobs == {}
    assert [name for name, table in database(lab).tables["AESUSER313"].items() if table.is_master] == []
