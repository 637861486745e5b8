# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Quiesce and resume on a host in memory: order, faults, check mode, owners."""

from __future__ import annotations

import datetime
import typing as t

import pytest

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.host import base
from ansible_collections.lockstep.backup.plugins.module_utils.quiesce.journal import Journal
from tests.unit.fake_host import OTHER
from tests.unit.quiesce.kit import JOURNAL, THREE, KitHost, Unit, actions, call, service, three


def test_stops_in_the_given_order_and_starts_in_the_reverse() -> None:
    host = three()
    call(host, "quiesced", units=THREE)
    assert host.up() == set()
    call(host, "resumed")
    assert host.events == ["stop web", "stop app", "stop db", "start db", "start app", "start web"]


def test_running_dependents_stop_first_and_start_last() -> None:
    host = KitHost(db=Unit(), app=Unit(needs=("db",)), web=Unit(needs=("app",)), idle=Unit(base.STOPPED, needs=("db",)))
    result = call(host, "quiesced", units=[service("db")])
    call(host, "resumed")
    assert host.events == ["stop web", "stop app", "stop db", "start db", "start app", "start web"]
    assert [(unit["name"], unit["before"]) for unit in result["units"]] == [
        ("web", "running"),
        ("app", "running"),
        ("db", "running"),
    ]
    assert result["plan"][1]["dependent_of"] == "db"


def test_a_dependent_that_has_an_entry_of_its_own_keeps_its_settings() -> None:
    host = KitHost(db=Unit(), app=Unit(needs=("db",), refuses=True))
    call(host, "quiesced", units=[service("db"), {"kind": "service", "pattern": "APP", "force": True}])
    assert host.done("stop") == ["app", "app", "db"]


def test_a_pattern_and_an_explicit_name_mean_one_unit_once() -> None:
    host = KitHost(alpha=Unit(), beta=Unit(), other=Unit())
    call(host, "quiesced", units=[service("beta"), {"kind": "service", "pattern": "*A"}])
    assert host.events == ["stop beta", "stop alpha"]


def test_services_are_found_by_the_folder_of_their_program() -> None:
    host = KitHost(ours=Unit(executable="C:\\Altium\\bin\\s.exe"), other=Unit(executable="C:\\Altium2\\s.exe"))
    call(host, "quiesced", units=[{"kind": "service", "path_under": "C:\\Altium"}])
    assert host.up() == {"other"}


def test_start_position_makes_a_start_order_that_is_not_the_reverse() -> None:
    host = three()
    call(host, "quiesced", units=[service("web", start_position=-1), service("app"), service("db", start_position=5)])
    call(host, "resumed")
    assert host.done("start") == ["web", "app", "db"]


def test_what_did_not_run_is_recorded_and_never_started() -> None:
    host = KitHost(web=Unit(), idle=Unit(base.STOPPED))
    result = call(host, "quiesced", units=[service("web"), service("idle")])
    assert [(unit["name"], unit["before"], unit["after"]) for unit in result["units"]] == [
        ("web", "running", "stopped"),
        ("idle", "stopped", "stopped"),
    ]
    call(host, "resumed")
    assert host.events == ["stop web", "start web"]


def test_a_unit_on_its_way_up_is_stopped_once_it_is_up_and_counts_as_having_run() -> None:
    host = KitHost(web=Unit(base.STARTING, pending=4, aim=base.RUNNING))
    call(host, "quiesced", units=[service("web")])
    assert host.up() == set()
    call(host, "resumed")
    assert host.up() == {"web"}


def test_a_unit_on_its_way_down_is_waited_for_and_counts_as_not_having_run() -> None:
    host = KitHost(web=Unit(base.STOPPING, pending=4, aim=base.STOPPED))
    result = call(host, "quiesced", units=[service("web")])
    assert result["units"][0]["after"] == "stopped"
    call(host, "resumed")
    assert host.events == []


def test_slow_units_are_polled_until_the_state_holds() -> None:
    host = KitHost(web=Unit(slow=6), db=Unit(slow=9))
    result = call(host, "quiesced", units=[service("web"), service("db")])
    assert [unit["after"] for unit in result["units"]] == ["stopped", "stopped"]
    assert all(unit["seconds"] > 0 for unit in result["units"])
    call(host, "resumed")
    assert host.up() == {"web", "db"}


@pytest.mark.parametrize(
    ("units", "slug"),
    [
        ([service("web"), service("nosuch")], "unit_missing"),
        ([service("web"), {"kind": "service", "pattern": "nosuch*"}], "unit_missing"),
        ([service("web"), service("paused")], "unit_state_unknown"),
        ([service("web"), service("odd")], "unit_state_unknown"),
    ],
)
def test_what_could_not_be_given_back_is_refused_before_anything_stops(units: list[dict[str, t.Any]], slug: str) -> None:
    host = KitHost(web=Unit(), paused=Unit(base.PAUSED), odd=Unit(base.UNKNOWN))
    with pytest.raises(LockstepError) as caught:
        call(host, "quiesced", units=units, max_outage=60)
    assert caught.value.slug == slug
    assert (host.events, host.files, host.timers) == ([], {}, {})


@pytest.mark.parametrize("name", ["", "..", "a/b", "a\\b", "a~b", ".a", "a b", "x" * 81])
def test_a_name_that_cannot_be_a_file_is_refused(name: str) -> None:
    with pytest.raises(LockstepError) as caught:
        call(three(), "query", name=name)
    assert caught.value.slug == "invalid_name"


@pytest.mark.parametrize(
    ("fault", "slug", "state"),
    [(Unit(refuses=True), "unit_refused", "running"), (Unit(hangs=True), "unit_not_stopped", "stopping")],
)
def test_what_does_not_stop_leads_to_an_orderly_resume_and_is_named(fault: Unit, slug: str, state: str) -> None:
    host = KitHost(web=Unit(), app=Unit(), db=fault, last=Unit())
    with pytest.raises(LockstepError) as caught:
        call(host, "quiesced", units=[*THREE, service("last")], max_outage=60)
    error = caught.value
    assert error.slug == slug
    assert (error.details["unit"]["name"], error.details["unit"]["state"]) == ("db", state)
    assert "db" in error.message
    assert host.done("start")[:2] == ["app", "web"]
    assert host.up() >= {"web", "app", "last"}
    after = {unit["name"]: unit["after"] for unit in error.details["units"]}
    assert after["web"] == "running"
    if slug == "unit_refused":
        assert error.details["unit"]["pid"] == 100
        assert error.details["resumed"] is True
        assert (host.files, host.timers) == ({}, {})
    else:
        assert [unit["name"] for unit in error.details["not_resumed"]] == ["db"]
        assert [unit.name for unit in Journal.loads(host.files[JOURNAL].decode(), JOURNAL).units] == ["db"]
        assert "lease-job" in host.timers


@pytest.mark.parametrize("fault", [Unit(refuses=True), Unit(hangs=True)])
def test_force_kills_what_does_not_go(fault: Unit) -> None:
    host = KitHost(web=fault)
    call(host, "quiesced", units=[service("web", force=True)])
    assert host.events[0] == "stop web"
    assert host.events[-1] == "stop web by force"
    assert host.up() == set()


def test_a_unit_that_comes_back_by_itself_is_an_error_after_an_orderly_resume() -> None:
    host = KitHost(web=Unit(comes_back=True), db=Unit(slow=5))
    with pytest.raises(LockstepError) as caught:
        call(host, "quiesced", units=[service("web"), service("db")])
    assert caught.value.slug == "unit_returned"
    assert caught.value.details["returned"][0]["name"] == "web"
    assert host.up() == {"web", "db"}
    assert host.files == {}


def test_a_unit_that_does_not_start_does_not_keep_the_others_down_and_resume_can_be_repeated() -> None:
    host = three()
    call(host, "quiesced", units=THREE, max_outage=60)
    host.service("app").will_not_start = True
    with pytest.raises(LockstepError) as caught:
        call(host, "resumed")
    assert caught.value.slug == "units_not_resumed"
    assert [(unit["name"], unit["error_code"]) for unit in caught.value.details["not_resumed"]] == [("app", "unit_refused")]
    assert host.up() == {"web", "db"}
    assert "lease-job" in host.timers
    host.service("web").state = base.STOPPED  # by hand, in the meantime: no longer ours to start
    host.service("app").will_not_start = False
    call(host, "resumed")
    assert host.up() == {"app", "db"}
    assert (host.files, host.timers) == ({}, {})


def test_a_unit_that_ends_while_it_starts_fails_at_once_and_not_at_its_deadline() -> None:
    host = KitHost(web=Unit())
    call(host, "quiesced", units=[service("web", timeout=600)])
    host.service("web").dies_when_started = True
    before = host.wall
    with pytest.raises(LockstepError) as caught:
        call(host, "resumed")
    assert caught.value.details["not_resumed"][0]["error_code"] == "unit_not_started"
    assert host.wall - before < datetime.timedelta(seconds=5)


def test_a_unit_that_ends_after_its_start_is_found_by_the_last_check() -> None:
    host = three()
    call(host, "quiesced", units=THREE)

    def db_dies_when_web_starts(operation: str, arguments: tuple[t.Any, ...]) -> None:
        if operation == "start" and arguments == ("web",):
            host.service("db").state = base.STOPPED

    host.fail = db_dies_when_web_starts
    with pytest.raises(LockstepError) as caught:
        call(host, "resumed")
    assert [unit["name"] for unit in caught.value.details["not_resumed"]] == ["db"]


def test_quiesced_twice_is_one_quiesce_and_resumed_twice_is_one_resume() -> None:
    host = three()
    assert call(host, "quiesced", units=THREE)["changed"] is True
    again = call(host, "quiesced", units=THREE)
    assert again["changed"] is False
    assert actions(again) == [("leave", "web"), ("leave", "app"), ("leave", "db"), ("verify", None)]
    assert call(host, "resumed")["changed"] is True
    assert call(host, "resumed")["changed"] is False
    assert host.events == ["stop web", "stop app", "stop db", "start db", "start app", "start web"]


def test_quiesced_again_stops_what_somebody_started_meanwhile() -> None:
    host = three()
    call(host, "quiesced", units=THREE)
    host.service("app").state = base.RUNNING
    again = call(host, "quiesced", units=THREE)
    assert again["changed"] is True
    assert host.up() == set()


def test_quiesced_again_refuses_a_unit_that_did_not_run_before_and_runs_now() -> None:
    host = KitHost(web=Unit(), idle=Unit(base.STOPPED))
    units = [service("web"), service("idle")]
    call(host, "quiesced", units=units)
    host.service("idle").state = base.RUNNING
    with pytest.raises(LockstepError) as caught:
        call(host, "quiesced", units=units)
    assert caught.value.slug == "unit_returned"
    assert host.up() == {"web", "idle"}


def test_check_mode_shows_the_steps_that_a_real_run_executes_and_changes_nothing() -> None:
    def without_seconds(result: dict[str, t.Any]) -> list[dict[str, t.Any]]:
        return [{word: value for word, value in step.items() if word != "seconds"} for step in result["plan"]]

    host = KitHost(web=Unit(), app=Unit(base.STOPPED), db=Unit())
    planned = call(host, "quiesced", check_mode=True, units=THREE, max_outage=60)
    assert (host.events, host.files, host.timers) == ([], {}, {})
    assert actions(planned) == [
        ("record", None),
        ("arm_lease", None),
        ("stop", "web"),
        ("leave", "app"),
        ("stop", "db"),
        ("verify", None),
    ]
    done = call(host, "quiesced", units=THREE, max_outage=60)
    assert without_seconds(done) == without_seconds(planned)
    assert planned["plan"][1] == {"action": "arm_lease", "max_outage": 60, "starts": ["db", "web"]}
    assert all("seconds" in step for step in done["plan"])
    kept = dict(host.files)
    planned = call(host, "resumed", check_mode=True)
    assert (host.files, host.done("start")) == (kept, [])
    assert planned["changed"] is True
    assert actions(planned) == [
        ("start", "db"),
        ("start", "web"),
        ("verify", None),
        ("disarm_lease", None),
        ("forget", None),
    ]
    done = call(host, "resumed")
    assert without_seconds(done) == without_seconds(planned)


def test_diff_shows_the_states_before_and_after() -> None:
    host = KitHost(web=Unit(), idle=Unit(base.STOPPED))
    result = call(host, "quiesced", check_mode=True, units=[service("web"), service("idle")])
    assert result["diff"] == {
        "before": "service web: running\nservice idle: stopped\n",
        "after": "service web: stopped\nservice idle: stopped\n",
    }


def test_the_outage_lasts_from_the_first_stop_to_the_last_start() -> None:
    host = KitHost(web=Unit(slow=10))
    began = host.wall
    result = call(host, "quiesced", units=[service("web")])
    assert result["outage"]["started"] == began.isoformat()
    assert result["outage"]["ended"] is None
    assert result["outage"]["seconds"] == pytest.approx(sum(unit["seconds"] for unit in result["units"]), abs=0.01)


def test_query_shows_units_and_journal_whoever_holds_it() -> None:
    host = three()
    free = call(host, "query", units=[service("web"), {"kind": "service", "pattern": "d*"}, service("nosuch")])
    assert [(unit["name"], unit["state"]) for unit in free["units"]] == [
        ("web", "running"),
        ("db", "running"),
        ("nosuch", "absent"),
    ]
    assert (free["journal"], free["changed"]) == (None, False)
    call(host, "quiesced", owner=OTHER, units=THREE, max_outage=600)
    files = dict(host.files)
    held = call(host, "query")
    assert held["owner"]["run_id"] == OTHER.run_id
    assert held["journal"] == JOURNAL
    assert [(unit["name"], unit["before"], unit["state"]) for unit in held["units"][:1]] == [("web", "running", "stopped")]
    assert held["lease"] == {"armed_until": (host.wall + datetime.timedelta(seconds=600)).isoformat(), "fired": False}
    assert host.files == files


def test_a_short_loss_of_the_connection_is_survived_when_stopping_and_when_starting() -> None:
    host = three()
    lost: set[str] = set()

    def once_each(operation: str, arguments: tuple[t.Any, ...]) -> None:
        word = f"{operation} {arguments}"
        if operation in ("stop", "start") and word not in lost:
            lost.add(word)
            raise LockstepError("unreachable", "connection lost")

    host.fail = once_each
    call(host, "quiesced", units=THREE)
    call(host, "resumed")
    assert host.events == ["stop web", "stop app", "stop db", "start db", "start app", "start web"]
    assert len(lost) == 6


def test_a_host_that_stays_away_fails_after_one_deadline_and_keeps_the_journal() -> None:
    host = three()
    call(host, "quiesced", units=THREE, max_outage=60)
    kept = host.files[JOURNAL]

    def gone(operation: str, arguments: tuple[t.Any, ...]) -> None:
        if operation in ("status", "start", "write_text"):
            raise LockstepError("unreachable", "no answer")

    host.fail = gone
    before = host.wall
    with pytest.raises(LockstepError) as caught:
        call(host, "resumed")
    assert caught.value.slug == "units_not_resumed"
    assert [unit["name"] for unit in caught.value.details["not_resumed"]] == ["db", "app", "web"]
    assert host.wall - before < datetime.timedelta(seconds=130)
    assert host.files[JOURNAL] == kept
    assert "lease-job" in host.timers


def test_a_unit_that_hangs_keeps_the_others_down_for_its_deadline_once_and_not_twice() -> None:
    host = KitHost(web=Unit(), db=Unit(hangs=True))
    began = host.wall
    started_at: list[datetime.timedelta] = []

    def note(operation: str, arguments: tuple[t.Any, ...]) -> None:
        if operation == "start" and arguments == ("web",):
            started_at.append(host.wall - began)

    host.fail = note
    with pytest.raises(LockstepError):
        call(host, "quiesced", units=[service("web"), service("db", timeout=100)])
    assert datetime.timedelta(seconds=100) <= started_at[0] < datetime.timedelta(seconds=110)
