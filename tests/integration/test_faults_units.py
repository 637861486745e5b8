# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Units that do not stop, do not stay stopped, or do not start again; leases that fire."""

from __future__ import annotations

from tests.integration.chains import AVBACKUP_STARTS, EXPORT_STARTS, LAST_UNIT_STOPS, impatient, nightly, once
from tests.integration.killing import wait_until
from tests.integration.promises import Installation, final_message
from tests.lab.lab import Lab
from tests.lab.record import AFTER

STUCK, WATCHED = "AltiumCollaboration", "AltiumSearchService"
PAST_THE_LEASE = 6 * 3600 + 60.0
"""Seconds; the role's altium_enterprise_server_max_outage is six hours."""


def test_a_service_or_application_pool_that_refuses_to_stop(lab: Lab, first: Installation, second: Installation) -> None:
    lab.faults.set("aes1", "service_refuses_stop", STUCK)
    lab.faults.set("aes2", "pool_refuses_stop", "AltiumVault")
    run = nightly(first, second)
    message = first.failed(run, "unit_refused", "aes1", f"StopService of {STUCK}", "(code 5)", "All that was stopped runs again")
    assert f"process {lab.hosts['aes1'].machine.services[STUCK].pid}" in message
    second.failed(run, "unit_refused", "aes2", "appcmd stop apppool AltiumVault", "is running", "All that was stopped runs again")


def test_a_service_that_hangs_in_stop_pending_and_one_that_starts_again_at_once(
    lab: Lab, first: Installation, second: Installation
) -> None:
    lab.faults.set("aes1", "service_hangs_stopping", STUCK)
    lab.faults.set("aes2", "service_returns", STUCK)
    run = nightly(first, second, altium_enterprise_server_units=impatient(1))
    # Nobody can start what does not end stopping: that stays on record, with the lease, and is said beside the first cause.
    left = {"aes1: quiesce/aes1", r"aes1: task \Lockstep\lease-aes1"}
    message = first.failed(
        run, "unit_not_stopped", "aes1", f"{STUCK} on aes1 did not stop within 1 s", left=left, down=[f"service {STUCK}"]
    )
    assert f"stopping (Stop Pending), process {lab.hosts['aes1'].machine.services[STUCK].pid}" in message
    assert "Not running again on aes1" in message
    assert "The journal keeps them: run state: resumed again" in message
    second.failed(run, "unit_not_stopped", "aes2", f"{STUCK} on aes2 did not stop within 1 s: it is running", "allow force for it")


def test_a_watchdog_that_starts_a_stopped_service_again(lab: Lab, first: Installation, second: Installation) -> None:
    services = lab.hosts["aes1"].machine.services
    came_back = once(lab, "aes1", LAST_UNIT_STOPS, lambda: services.start(services[WATCHED]), AFTER)
    run = nightly(first, second)
    assert came_back.is_set()
    first.failed(run, "unit_returned", "aes1", f"service {WATCHED} (running)", "something started it again", "put that into units")
    assert second.succeeded(run)["grade"] == "quiesced"


def test_units_that_run_again_during_the_backup_make_it_degraded(lab: Lab, first: Installation, second: Installation) -> None:
    services = lab.hosts["aes1"].machine.services
    came_back = once(lab, "ora1", EXPORT_STARTS, lambda: services.start(services[STUCK]))
    lab.faults.set("aes2", "avbackup_restarts_services")
    run = nightly(first, second)
    assert run.exit_code == 0
    assert came_back.is_set()
    manifest = first.succeeded(run)
    assert manifest["grade"] == "degraded"
    assert manifest["grade_reasons"] == [f"{STUCK} ran again by itself before the export had ended."]
    manifest = second.succeeded(run)
    assert manifest["grade"] == "degraded"
    assert "ran again when avbackup had ended" in manifest["grade_reasons"][0]


def test_what_does_not_start_again_stays_on_record_and_the_next_run_gives_it_back(
    lab: Lab, first: Installation, second: Installation
) -> None:
    lab.faults.set("aes1", "service_refuses_start", STUCK)
    lab.faults.set("aes2", "service_hangs_starting", STUCK)
    run = nightly(first, second, altium_enterprise_server_units=impatient(1))
    for installation, why in ((first, "its account could not log on (code 15)"), (second, "starting (Start Pending)")):
        name = installation.name
        told = (f"Not running again on {name}", STUCK, why, "The journal keeps them: run state: resumed again")
        left = {f"{name}: quiesce/{name}", rf"{name}: task \Lockstep\lease-{name}"}
        installation.failed(run, "units_not_resumed", name, *told, left=left, down=[f"service {STUCK}"])
    lab.faults.clear("aes1")
    run = nightly(first)
    assert run.exit_code == 0
    first.succeeded(run)


def test_a_lease_that_fires_during_the_export_fails_the_set(lab: Lab, first: Installation, second: Installation) -> None:
    def time_passes() -> None:
        lab.hosts["aes1"].machine.clock.advance(PAST_THE_LEASE)
        marker = first.state_folder(first.server, "quiesce", "aes1", "lease.fired")
        wait_until(marker.exists, "the lease fires")

    fired = once(lab, "ora1", EXPORT_STARTS, time_passes)
    run = nightly(first, second)
    assert fired.is_set()
    message = first.failed(run, None, "aes1", "The lease fired", "the host started its units by itself")
    assert "Give it a longer altium_enterprise_server_max_outage" in message
    second.succeeded(run)


def test_a_host_that_goes_away_while_its_services_are_stopped_gives_them_back_by_itself(lab: Lab, first: Installation) -> None:
    machine = lab.hosts["aes1"].machine
    gone = once(lab, "aes1", AVBACKUP_STARTS, lambda: lab.faults.set("aes1", "unreachable"))
    run = nightly(first, altium_enterprise_server_units=impatient(1))
    assert gone.is_set()
    assert run.exit_code != 0
    assert f"{lab.hosts['aes1'].endpoint.url} cannot be reached" in final_message(run, "aes1")
    assert machine.services[STUCK].state == "Stopped"
    for host in first.hosts:
        host.machine.clock.advance(PAST_THE_LEASE)
    wait_until(lambda: machine.tasks.all()[0].history[-1] == "ended 0", "the lease has started the units")
    first.service_is_back()
    lab.faults.clear("aes1")
    recovered = nightly(first)
    assert recovered.exit_code == 0
    assert len(first.newly_failed(first.server)) == 1
    first.succeeded(recovered)
