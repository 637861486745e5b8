# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must hold after a unit's start, and what its start needs on the host."""

from __future__ import annotations

import datetime
import typing as t

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.host import base
from ansible_collections.lockstep.backup.plugins.module_utils.quiesce import conditions
from ansible_collections.lockstep.backup.plugins.module_utils.quiesce.conditions import Mark
from ansible_collections.lockstep.backup.plugins.module_utils.quiesce.feature import FEATURE
from ansible_collections.lockstep.backup.plugins.module_utils.quiesce.journal import Journal
from ansible_collections.lockstep.backup.plugins.module_utils.quiesce.plan import Wanted, refuse_invalid
from tests.unit.quiesce.kit import JOURNAL, LOG, THREE, KitHost, Unit, call, service, three

READY: dict[str, t.Any] = {"log": LOG, "expect": ["TA01 in", "TA02 in"], "refuse": ["ERROR"]}
EVENTS = {"event_log": {"source": "Manager"}}
SINCE = "2026-11-20T18:00:00+00:00"
OLD = "TA01 in\nERROR old\n"


def failure(work: t.Callable[[], t.Any]) -> LockstepError:
    with pytest.raises(LockstepError) as caught:
        work()
    return caught.value


def reasons(error: LockstepError) -> dict[str, str]:
    assert error.slug == "units_not_resumed"
    return {one["name"]: one["error_code"] for one in error.details["not_resumed"]}


@pytest.mark.parametrize(
    ("log", "absent", "refused"),
    [
        (OLD, ["TA01 in", "TA02 in"], None),
        (OLD + "TA01 in\n", ["TA02 in"], None),
        (OLD + "TA02 in\nTA01 in\n", [], None),
        (OLD + "TA01 in\nERROR new\n", ["TA02 in"], "ERROR new"),
        # A pattern does not reach over lines.
        (OLD + "TA01\nin TA02\nin\n", ["TA01 in", "TA02 in"], None),
        # Begun anew: shorter than it was.
        ("TA02 in\n", ["TA01 in"], None),
    ],
)
def test_only_what_a_log_has_gained_counts(log: str, absent: list[str], refused: str | None) -> None:
    mark = Mark(len(OLD), len(OLD), SINCE)
    assert conditions.missing(READY, log, mark) == absent
    assert conditions.refused_line(READY, log, mark) == refused


def test_without_a_log_nothing_is_missing() -> None:
    assert conditions.missing(EVENTS, "", Mark(0, 0, SINCE)) == []
    assert conditions.refused_line(EVENTS, "", Mark(0, 0, SINCE)) is None


@pytest.mark.parametrize(
    ("entry", "platform", "words"),
    [
        (service("a", ready={"log": LOG, "expect": ["("]}), base.WINDOWS, "no regular expression"),
        (service("a", ready={"log": LOG, "refuse": ["*"]}), base.WINDOWS, "no regular expression"),
        (service("a", desktop={"user": "u", "command_line": "["}), base.WINDOWS, "units of kind process"),
        ({"kind": "process", "name": "a", "desktop": {"user": "u"}}, base.POSIX, "process on Windows"),
        ({"kind": "process", "name": "a", "desktop": {"user": "u", "command_line": "["}}, base.WINDOWS, "no regular expression"),
        (service("a", ready=EVENTS), base.POSIX, "for Windows"),
    ],
)
def test_what_no_host_of_the_platform_can_do_is_refused(entry: dict[str, t.Any], platform: str, words: str) -> None:
    error = failure(lambda: refuse_invalid([Wanted.from_params(entry)], platform))
    assert error.slug == "option_invalid"
    assert words in error.message


@pytest.mark.parametrize(
    "entry",
    [
        service("a", ready={"expect": ["x"]}),
        service("a", ready={"refuse": ["x"]}),
        service("a", ready={"event_log": {}}),
        {"kind": "process", "name": "a", "start": {"argv": ["a"]}, "desktop": {}},
        {"kind": "process", "name": "a", "start": {"argv": ["a"]}, "desktop": {"user": "u", "close": "command"}},
    ],
)
def test_what_is_said_by_halves_is_refused(entry: dict[str, t.Any]) -> None:
    checked = ArgumentSpecValidator(dict(FEATURE.argument_spec)).validate({"name": "job", "units": [entry]})
    assert len(checked.error_messages) == 1


def test_a_resume_waits_until_the_log_says_what_is_expected() -> None:
    host = KitHost(web=Unit(says="TA01 in\nTA02 in"))
    host.say(OLD)
    call(host, "quiesced", units=[service("web", ready=READY)])
    result = call(host, "resumed")
    assert [unit["after"] for unit in result["units"]] == ["running"]
    assert JOURNAL not in host.files


@pytest.mark.parametrize(
    ("says", "words"), [("TA01 in", "did not say TA02 in"), ("TA01 in\nERROR no database", "ERROR no database")]
)
def test_a_unit_that_is_not_ready_is_named_with_what_it_says_and_the_others_start(says: str, words: str) -> None:
    host = KitHost(web=Unit(says=says), app=Unit(), db=Unit())
    host.say("TA02 in\nERROR of yesterday")
    call(host, "quiesced", units=[*THREE[1:], service("web", ready=READY)])
    error = failure(lambda: call(host, "resumed"))
    assert reasons(error) == {"web": "unit_not_ready"}
    assert words in error.message
    assert host.up() == {"web", "app", "db"}
    assert [unit.name for unit in Journal.loads(host.files[JOURNAL].decode(), JOURNAL).units] == ["web"]


def test_what_was_refused_once_is_not_held_against_the_unit_for_ever() -> None:
    host = KitHost(web=Unit(says="TA01 in\nTA02 in\nERROR once"))
    call(host, "quiesced", units=[service("web", ready=READY)])
    assert reasons(failure(lambda: call(host, "resumed"))) == {"web": "unit_not_ready"}
    host.say("ERROR twice")
    assert "ERROR twice" in failure(lambda: call(host, "resumed")).message
    call(host, "resumed")
    assert JOURNAL not in host.files


def test_an_error_event_after_the_start_fails_the_resume_and_one_before_it_does_not() -> None:
    host = KitHost(web=Unit())
    host.event_log.append((host.wall - datetime.timedelta(seconds=5), "Manager", "yesterday"))
    call(host, "quiesced", units=[service("web", ready=EVENTS)])
    call(host, "resumed")
    call(host, "quiesced", units=[service("web", ready=EVENTS)])
    host.event_log += [(host.wall, "Another", "not ours"), (host.wall, "Manager", "link\r\nlost")]
    error = failure(lambda: call(host, "resumed"))
    assert reasons(error) == {"web": "unit_not_ready"}
    assert "link lost" in error.message
    host.wall += datetime.timedelta(seconds=5)
    call(host, "resumed")


def test_an_error_that_comes_while_others_start_is_found_at_the_end() -> None:
    host = KitHost(web=Unit(), db=Unit(says="ERROR of web"))
    call(host, "quiesced", units=[service("db"), service("web", ready={"log": LOG, "refuse": ["ERROR"]})])
    assert reasons(failure(lambda: call(host, "resumed"))) == {"web": "unit_not_ready"}


def test_what_was_never_stopped_has_nothing_to_say() -> None:
    host = KitHost(web=Unit(), db=Unit(refuses=True))
    error = failure(lambda: call(host, "quiesced", units=[service("db", ready=READY), service("web")]))
    assert (error.slug, error.details["resumed"]) == ("unit_refused", True)


def test_what_came_back_by_itself_is_asked_for_the_same() -> None:
    host = KitHost(web=Unit())
    call(host, "quiesced", units=[service("web", ready=READY)])
    host.service("web").state, host.service("web").pid = base.RUNNING, 999
    assert reasons(failure(lambda: call(host, "resumed"))) == {"web": "unit_not_ready"}
    host.say("TA02 in\nTA01 in")
    call(host, "resumed")


def test_conditions_are_no_dependents_business() -> None:
    host = KitHost(db=Unit(says="TA01 in\nTA02 in"), app=Unit(needs=("db",)))
    call(host, "quiesced", units=[service("db", ready=READY)])
    units = Journal.loads(host.files[JOURNAL].decode(), JOURNAL).units
    assert [(unit.name, bool(unit.ready), unit.mark is not None) for unit in units] == [("app", False, False), ("db", True, True)]
    call(host, "resumed")


def test_a_connection_that_is_lost_before_or_after_the_start_keeps_no_unit_from_starting() -> None:
    host = KitHost(web=Unit(says="TA01 in\nTA02 in"))
    call(host, "quiesced", units=[service("web", ready=READY)])
    lost = iter([True, True, True])

    def fail(operation: str, arguments: tuple[t.Any, ...]) -> None:
        if operation == "read_text" and arguments[0] == LOG and next(lost, False):
            raise LockstepError("connection_lost", "lost")

    host.fail = fail
    call(host, "resumed")
    assert host.up() == {"web"}
    assert next(lost, False) is False


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_unit_that_is_unfit_is_refused_before_anything_stops_also_in_check_mode(check_mode: bool) -> None:
    host = three()
    host.service("db").unfit = "unit_ambiguous"
    error = failure(lambda: call(host, "quiesced", units=THREE, check_mode=check_mode))
    assert error.slug == "unit_ambiguous"
    assert host.events == []


def test_what_a_start_needs_is_there_before_the_first_stop_and_gone_after_the_resume() -> None:
    host = KitHost(web=Unit(), app=Unit(needs_preparation=True), idle=Unit(base.STOPPED, needs_preparation=True))
    call(host, "quiesced", units=[service("web"), service("app"), service("idle")])
    call(host, "resumed")
    assert host.events == ["prepare app", "stop web", "stop app", "start app", "start web", "dismiss app"]


def test_what_runs_again_needs_nothing_more_even_when_another_unit_does_not() -> None:
    host = KitHost(web=Unit(needs_preparation=True, will_not_start=True), app=Unit(needs_preparation=True))
    call(host, "quiesced", units=[service("web"), service("app")])
    assert reasons(failure(lambda: call(host, "resumed"))) == {"web": "unit_refused"}
    assert (host.service("app").prepared, host.service("web").prepared) == (False, True)
    host.service("web").will_not_start = False
    call(host, "resumed")
    assert host.service("web").prepared is False


def test_what_cannot_be_removed_is_told_and_harms_no_resume() -> None:
    host = KitHost(web=Unit(needs_preparation=True))
    call(host, "quiesced", units=[service("web")])

    def fail(operation: str, arguments: tuple[t.Any, ...]) -> None:
        if operation == "dismiss":
            raise LockstepError("unit_refused", "it stays")

    host.fail = fail
    call(host, "resumed")
    assert host.up() == {"web"}
    assert any("stayed on the host: it stays" in event for event in host.events)
