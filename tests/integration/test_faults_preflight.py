# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is not ready ends the run before anything stops, and says so by name."""

from __future__ import annotations

from ansible_collections.lockstep.backup.plugins.module_utils.quiesce.feature import FEATURE as QUIESCE
from ansible_collections.lockstep.backup.plugins.module_utils.vault.feature import FEATURE as VAULT
from tests.integration.chains import nightly
from tests.integration.direct import STRANGER, run_feature
from tests.integration.promises import Installation
from tests.lab.lab import OPERATOR, OPERATOR_PASSWORD, Lab
from tests.lab.sites import SCHEMA
from tests.lab.windows.programs.oracle import DATABASE_SERVICE

WRONG = "not-the-password"


def test_one_run_names_everything_that_is_not_ready_on_both_hosts(lab: Lab, first: Installation) -> None:
    lab.faults.set("aes1", "avbackup_missing")
    lab.faults.set("aes1", "avbackup_ini_missing")
    lab.faults.set("aes1", "health_monitor_running")
    lab.faults.set("ora1", "exp_missing")
    lab.faults.set("ora1", "clock_jump", 3600)
    run = nightly(
        first,
        altium_enterprise_server_units=[{"kind": "service", "name": "NoSuchService"}],
        altium_enterprise_server_data_folders=[r"C:\NoSuchFolder"],
    )
    message = first.refused_before_anything_stopped(
        run, "unit_missing", "aes1", "service NoSuchService", "Correct the name in units"
    )
    for told in (
        r"Tools\BackupTool\avbackup.exe is missing. Set tool_folder",
        r"LocalVault.ini is missing. Set ini",
        r"C:\NoSuchFolder. Correct them",
        "avhealth.exe runs (process ",
        "ora1: run exp: there is no such program on the host. Install it, or give its full path",
        "The clocks of aes1 and ora1 differ by 36",
    ):
        assert told in message, message


def test_no_space_for_either_part(lab: Lab, first: Installation) -> None:
    for host in ("aes1", "ora1"):
        lab.hosts[host].machine.files.disks["C:"].free = 20_000
    message = first.refused_before_anything_stopped(nightly(first), "no_space", "aes1", "Make room")
    assert "ora1" in message
    assert f"{SCHEMA} has " in message


def test_a_wrong_windows_password_on_either_host(lab: Lab, first: Installation, second: Installation) -> None:
    wrong = {"ansible_password": WRONG}
    run = nightly(first, second, by_host={"aes1": wrong, "ora2": wrong})
    for installation, host in ((first, "aes1"), (second, "ora2")):
        installation.refused_before_anything_stopped(
            run, "authentication_failed", f"{host}: ", "credentials were rejected", "Correct ansible_user and ansible_password"
        )
    assert WRONG not in run.output


def test_a_wrong_oracle_password_of_the_schema_or_the_administrator(lab: Lab, first: Installation, second: Installation) -> None:
    run = nightly(
        first,
        second,
        by_host={
            "aes1": {"altium_enterprise_server_oracle_password": WRONG},
            "aes2": {"altium_enterprise_server_oracle_admin_password": WRONG},
        },
    )
    for installation, host, account in ((first, "ora1", SCHEMA), (second, "ora2", "SYSTEM")):
        installation.refused_before_anything_stopped(
            run, "oracle_login_failed", f"{host}: {account} at ", "Oracle refused the user name or the password. Correct them"
        )
    assert WRONG not in run.output


def test_a_certificate_that_nobody_vouches_for_is_refused_and_the_other_installation_is_backed_up(
    lab: Lab, first: Installation, second: Installation
) -> None:
    lab.faults.set("ora2", "certificate_untrusted")
    run = nightly(first, second)
    second.refused_before_anything_stopped(
        run,
        "certificate_untrusted",
        "ora2",
        "certificate is not trusted",
        "Give the authority's file in ansible_winrm_ca_trust_path",
    )
    first.succeeded(run)


def test_an_oracle_host_that_is_off_ends_only_its_own_installation(lab: Lab, first: Installation, second: Installation) -> None:
    lab.faults.set("ora1", "unreachable")
    run = nightly(first, second)
    first.refused_before_anything_stopped(run, "unreachable", "ora1", "cannot be reached", "its WinRM service")
    second.succeeded(run)


def test_network_paths_and_mapped_drives_are_no_place_for_a_set(lab: Lab, first: Installation, second: Installation) -> None:
    run = nightly(
        first,
        second,
        by_host={
            "aes1": {"altium_enterprise_server_vault": r"\\server\share"},
            "aes2": {"altium_enterprise_server_oracle_vault": "Z:\\Backups"},
        },
    )
    first.refused_before_anything_stopped(run, "path_not_absolute", "aes1", r"\\server\share", "Give the full path")
    second.refused_before_anything_stopped(
        run, "path_not_local", "ora2", "Z:\\Backups does not lie on a disk of ora2", "local disks"
    )


def test_oracle_that_is_down(lab: Lab, first: Installation, second: Installation) -> None:
    lab.faults.set("ora1", "database_down")
    machine = lab.hosts["ora2"].machine
    machine.services.stop(machine.services["OracleVssWriterXE"])
    machine.services.stop(machine.services[DATABASE_SERVICE])
    second = Installation(lab, 2)
    run = nightly(first, second)
    first.refused_before_anything_stopped(run, "oracle_listener_down", "ora1: SYSTEM at ", "No Oracle listener answers", "Start it")
    second.refused_before_anything_stopped(run, "oracle_not_open", "ora2: SYSTEM at ", "is not open", "Open it")


def test_an_account_without_administrator_rights_and_a_locked_schema(lab: Lab, first: Installation, second: Installation) -> None:
    database = lab.hosts["ora2"].database
    assert database is not None
    database.users[SCHEMA].account_status = "LOCKED"
    run = nightly(first, second, by_host={"aes1": {"ansible_user": OPERATOR, "ansible_password": OPERATOR_PASSWORD}})
    first.refused_before_anything_stopped(run, "not_admin", "aes1", "avbackup needs an account with administrator rights")
    second.refused_before_anything_stopped(run, "oracle_account_locked", "ora2", f"The account {SCHEMA} is LOCKED. Unlock it")


def test_what_a_run_of_another_control_node_holds_is_never_taken(lab: Lab) -> None:
    unit = {"kind": "service", "name": "Spooler"}
    run_feature(lab, QUIESCE, "aes1", STRANGER, name="aes1", units=[unit], max_outage=3600)
    run_feature(lab, VAULT, "ora2", STRANGER, path=r"C:\Backups\aes2", installation="aes2", system="test", state="opened")
    first, second = Installation(lab, 1), Installation(lab, 2)
    held = first.left(), second.left()
    run = nightly(first, second)
    for installation, host in ((first, "aes1"), (second, "ora2")):
        told = (host, STRANGER.describe(), f"run again with dead_run={STRANGER.run_id}")
        message = installation.refused_before_anything_stopped(run, "run_in_progress", *told, left=installation.left())
        assert (r"The journal C:\ProgramData\Lockstep\quiesce\aes1" if host == "aes1" else "The lock of the vault") in message
    assert (first.left(), second.left()) == held
