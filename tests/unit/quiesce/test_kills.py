# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A process that is killed at any operation leaves a host that one resume of a later run brings back."""

from __future__ import annotations

import itertools
import typing as t

import pytest

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.host import base
from tests.unit.fake_host import OTHER
from tests.unit.quiesce.kit import JOURNAL, LOG, KilledError, KitHost, Unit, call, service

READY = {"log": LOG, "expect": ["web is up"]}
UNITS = [service("web", ready=READY), service("idle"), service("db", start_position=-1)]
RAN = {"web", "app", "db"}


def fresh() -> KitHost:
    """``app`` is a dependent of db and no entry of its own; ``idle`` does not run; ``db`` refuses in no test but one.
    ``web`` has to say that it is up, and needs something on the host to be started."""
    return KitHost(
        web=Unit(slow=2, says="web is up", needs_preparation=True),
        idle=Unit(base.STOPPED),
        db=Unit(),
        app=Unit(needs=("db",)),
        bystander=Unit(),
    )


def quiesce(host: KitHost) -> None:
    call(host, "quiesced", owner=OTHER, units=UNITS, max_outage=600)


def renew(host: KitHost) -> None:
    host.service("db").state = base.RUNNING  # so that the renewal has something to stop
    quiesce(host)


def resume(host: KitHost) -> None:
    call(host, "resumed", owner=OTHER)


def fail_and_resume(host: KitHost) -> None:
    """A quiesce whose last unit refuses."""
    host.service("db").refuses = True
    with pytest.raises(LockstepError):
        quiesce(host)


SCENES: dict[str, tuple[t.Callable[[KitHost], None], t.Callable[[KitHost], None]]] = {
    "quiesce": (lambda host: None, quiesce),
    "renewal": (quiesce, renew),
    "resume": (quiesce, resume),
    "orderly resume after a refusal": (lambda host: None, fail_and_resume),
}


def killed_hosts(scene: str, before_effect: bool) -> t.Iterator[tuple[str, KitHost]]:
    """For each operation of the scene: a host on which the process died there, and the operation's name."""
    prepare, act = SCENES[scene]
    for number in itertools.count(1):
        host = fresh()
        prepare(host)
        host.operations.clear()
        host.kill_at, host.killed_before_effect = number, before_effect
        try:
            act(host)
        except KilledError:
            yield f"{number}: {host.operations[-1]}", host
        else:
            return


def assert_all_is_as_before(where: str, host: KitHost) -> None:
    assert host.up() == {*RAN, "bystander"}, where
    assert not set(host.done("start")) & {"idle", "bystander"}, where
    assert host.timers == {}, where
    assert JOURNAL not in host.files, where
    assert host.stat(host.parent(JOURNAL)) is None, where


@pytest.mark.parametrize("before_effect", [True, False])
@pytest.mark.parametrize("scene", SCENES)
def test_after_a_kill_at_any_operation_one_resume_of_a_later_run_gives_all_back(scene: str, before_effect: bool) -> None:
    count = 0
    for where, host in killed_hosts(scene, before_effect):
        count += 1
        host.survive()
        host.settle()
        call(host, "resumed", dead_run=OTHER.run_id)
        assert_all_is_as_before(where, host)
    assert count > 15


@pytest.mark.parametrize("before_effect", [True, False])
@pytest.mark.parametrize("scene", SCENES)
def test_after_a_kill_at_any_operation_the_lease_alone_gives_the_service_back(scene: str, before_effect: bool) -> None:
    fired = 0
    for where, host in killed_hosts(scene, before_effect):
        host.settle()
        if "lease-job" in host.timers:
            fired += 1
            host.survive()
            host.fire()
        assert host.up() == {*RAN, "bystander"}, where
        assert not set(host.done("start")) & {"idle", "bystander"}, where
    assert fired > 5


@pytest.mark.parametrize("scene", SCENES)
def test_no_unit_is_stopped_before_journal_and_lease_stand(scene: str) -> None:
    for where, host in killed_hosts(scene, before_effect=False):
        if host.up() != {*RAN, "bystander"}:
            assert JOURNAL in host.files, where
            assert "lease-job" in host.timers, where
            assert host.timers["lease-job"][1] in host.files, where


def test_after_a_kill_the_next_quiesce_refuses_until_the_resume_or_begins_anew() -> None:
    outcomes = set()
    for where, host in killed_hosts("quiesce", before_effect=False):
        host.survive()
        host.settle()
        began = JOURNAL in host.files
        if began:
            with pytest.raises(LockstepError) as caught:
                call(host, "quiesced", units=UNITS, dead_run=OTHER.run_id)
            assert caught.value.slug == "unfinished_quiesce", where
        else:
            assert call(host, "quiesced", units=UNITS)["changed"], where
        outcomes.add(began)
    assert outcomes == {True, False}
