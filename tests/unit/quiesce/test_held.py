# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What long jobs use while units are quiesced."""

from __future__ import annotations

import datetime
import typing as t

import pytest

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.host import base
from ansible_collections.lockstep.backup.plugins.module_utils.quiesce import held
from tests.unit.fake_host import OTHER
from tests.unit.quiesce.kit import KitHost, Unit, call, service, task_for

UNITS = [service("web"), service("idle"), service("db")]


def quiesced_host() -> KitHost:
    host = KitHost(web=Unit(), idle=Unit(base.STOPPED), db=Unit())
    call(host, "quiesced", units=UNITS, max_outage=600)
    host.events.clear()
    return host


def test_units_that_run_again_are_named_in_stop_order_and_stopped_again() -> None:
    host = quiesced_host()
    task = task_for(host, {})
    assert held.still_quiesced(task, "job") == []
    host.service("db").state = host.service("web").state = base.RUNNING
    returned = held.still_quiesced(task, "job")
    assert [status.name for status in returned] == ["web", "db"]
    held.stop_again(task, "job", returned)
    assert host.events == ["stop web", "stop db"]
    assert held.still_quiesced(task, "job") == []
    call(host, "resumed")
    assert host.up() == {"web", "db"}


def test_a_unit_that_this_run_has_not_stopped_is_not_stopped_again() -> None:
    host = quiesced_host()
    host.service("idle").state = base.RUNNING
    task = task_for(host, {})
    with pytest.raises(LockstepError) as caught:
        held.stop_again(task, "job", held.still_quiesced(task, "job"))
    assert caught.value.slug == "unit_returned"
    assert host.events == []


def test_a_unit_that_does_not_stop_again_is_an_error_and_starts_nothing() -> None:
    host = quiesced_host()
    host.service("db").state = base.RUNNING
    host.service("db").refuses = True
    task = task_for(host, {})
    with pytest.raises(LockstepError) as caught:
        held.stop_again(task, "job", held.still_quiesced(task, "job"))
    assert caught.value.slug == "unit_refused"
    assert host.done("start") == []


def test_the_lease_moves_on() -> None:
    host = quiesced_host()
    host.wall += datetime.timedelta(seconds=500)
    held.renew_lease(task_for(host, {}), "job", 900)
    assert host.timers["lease-job"][0] == host.wall + datetime.timedelta(seconds=900)


HELPERS: dict[str, t.Callable[[KitHost], object]] = {
    "still_quiesced": lambda host: held.still_quiesced(task_for(host, {}), "job"),
    "stop_again": lambda host: held.stop_again(task_for(host, {}), "job", []),
    "renew_lease": lambda host: held.renew_lease(task_for(host, {}), "job", 60),
}


@pytest.mark.parametrize("helper", HELPERS)
def test_a_lease_that_fired_is_an_error_for_every_helper(helper: str) -> None:
    host = quiesced_host()
    host.fire()
    with pytest.raises(LockstepError) as caught:
        HELPERS[helper](host)
    assert caught.value.slug == "lease_fired"


@pytest.mark.parametrize("helper", HELPERS)
def test_without_a_journal_nothing_counts_as_quiesced(helper: str) -> None:
    with pytest.raises(LockstepError) as caught:
        HELPERS[helper](KitHost(web=Unit(base.STOPPED)))
    assert caught.value.slug == "not_quiesced"


@pytest.mark.parametrize("helper", HELPERS)
def test_another_runs_quiesce_is_not_this_runs(helper: str) -> None:
    host = KitHost(web=Unit())
    call(host, "quiesced", owner=OTHER, units=[service("web")])
    with pytest.raises(LockstepError) as caught:
        HELPERS[helper](host)
    assert caught.value.slug == "run_in_progress"


def test_the_state_folder_of_the_task_counts() -> None:
    host = KitHost(web=Unit())
    call(host, "quiesced", units=[service("web")], state_folder="D:\\State")
    assert "D:\\State\\quiesce\\job\\journal.json" in host.files
    assert held.still_quiesced(task_for(host, {"state_folder": "D:\\State"}), "job") == []
