# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lease: armed before the first stop, renewed, given up last, and what happens when it fires."""

from __future__ import annotations

import datetime
import typing as t

import pytest

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.host import base
from ansible_collections.lockstep.backup.plugins.module_utils.quiesce.journal import Journal
from tests.unit.quiesce.kit import JOURNAL, MARKER, THREE, actions, call, three


def test_the_lease_stands_with_its_script_before_the_first_stop() -> None:
    host = three()
    call(host, "quiesced", units=THREE, max_outage=600)
    at, script = host.timers["lease-job"]
    assert at == host.wall + datetime.timedelta(seconds=600)
    assert host.files[script].decode().splitlines()[1:4] == ["start db", "start app", "start web"]
    assert host.events[:2] == ["arm lease-job", "stop web"]
    assert host.private >= {JOURNAL.replace("\\job\\", "\\job~run1\\")}


def test_a_lease_that_fired_is_told_by_resumed_and_fails_a_renewal() -> None:
    host = three()
    call(host, "quiesced", units=THREE, max_outage=600)
    host.fire()
    with pytest.raises(LockstepError) as caught:
        call(host, "quiesced", units=THREE, max_outage=600)
    assert caught.value.slug == "lease_fired"
    assert caught.value.details["lease_log"] == "started"
    result = call(host, "resumed")
    assert (result["lease_fired"], result["lease"]["fired"], result["lease_log"]) == (True, True, "started")
    assert actions(result)[:3] == [("leave", "db"), ("leave", "app"), ("leave", "web")]
    assert (host.files, host.timers) == ({}, {})


def test_resumed_verifies_the_units_of_a_lease_that_fired() -> None:
    host = three()
    call(host, "quiesced", units=THREE, max_outage=600)
    host.fire()
    host.service("app").state = base.STOPPED
    call(host, "resumed")
    assert host.up() == {"web", "app", "db"}


def test_a_lease_that_fires_between_two_stops_fails_the_quiesce_and_leaves_all_running() -> None:
    host = three()

    def deadline_comes(operation: str, arguments: tuple[t.Any, ...]) -> None:
        if operation == "stop" and arguments[0] == "db":
            host.fire()

    host.fail = deadline_comes
    with pytest.raises(LockstepError) as caught:
        call(host, "quiesced", units=THREE, max_outage=1)
    assert caught.value.slug == "lease_fired"
    assert host.up() == {"web", "app", "db"}


def test_a_renewal_moves_the_deadline() -> None:
    host = three()
    call(host, "quiesced", units=THREE, max_outage=600)
    host.wall += datetime.timedelta(seconds=500)
    call(host, "quiesced", units=THREE, max_outage=600)
    assert host.timers["lease-job"][0] == host.wall + datetime.timedelta(seconds=600)
    assert Journal.loads(host.files[JOURNAL].decode(), JOURNAL).armed_until == host.timers["lease-job"][0]


def test_a_lease_can_be_added_by_a_renewal() -> None:
    host = three()
    call(host, "quiesced", units=THREE)
    assert host.timers == {}
    call(host, "quiesced", units=THREE, max_outage=600)
    host.fire()
    assert host.up() == {"web", "app", "db"}
    assert MARKER in host.files


def test_a_timer_that_cannot_be_armed_means_that_nothing_is_stopped() -> None:
    host = three()

    def no_timer(operation: str, arguments: tuple[t.Any, ...]) -> None:
        if operation == "arm_timer":
            raise LockstepError("lease_refused", "no timers here")

    host.fail = no_timer
    with pytest.raises(LockstepError) as caught:
        call(host, "quiesced", units=THREE, max_outage=60)
    assert caught.value.slug == "lease_refused"
    assert host.done("stop") == []
    assert host.files == {}
