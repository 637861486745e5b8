# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose journal it is: other runs, dead runs, races, and what is left of interrupted ones."""

from __future__ import annotations

import dataclasses
import datetime
import typing as t

import pytest

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.quiesce.journal import Journal
from tests.unit.fake_host import OTHER, OWNER
from tests.unit.quiesce.kit import JOURNAL, MARKER, THREE, call, service, three


def test_quiesced_again_with_other_units_is_refused() -> None:
    host = three()
    call(host, "quiesced", units=THREE)
    with pytest.raises(LockstepError) as caught:
        call(host, "quiesced", units=THREE[:2])
    assert caught.value.slug == "units_differ"


def test_the_journal_of_another_run_is_shown_and_not_taken_over() -> None:
    host = three()
    call(host, "quiesced", owner=OTHER, units=THREE)
    host.wall += datetime.timedelta(hours=1000)
    for state in ("quiesced", "resumed"):
        with pytest.raises(LockstepError) as caught:
            call(host, state, units=THREE)
        assert caught.value.slug == "run_in_progress"
        assert caught.value.details["owner"]["run_id"] == OTHER.run_id
        assert "1000 h 0 min ago" in caught.value.message
        assert "somebody on control2" in caught.value.message
    assert host.done("start") == []


def test_the_journal_of_a_dead_run_is_only_resumed() -> None:
    host = three()
    call(host, "quiesced", owner=OTHER, units=THREE)
    with pytest.raises(LockstepError) as caught:
        call(host, "quiesced", units=THREE, dead_run=OTHER.run_id)
    assert caught.value.slug == "unfinished_quiesce"
    result = call(host, "resumed", dead_run=OTHER.run_id)
    assert result["recovered_from"]["run_id"] == OTHER.run_id
    assert host.up() == {"web", "app", "db"}


def test_check_mode_after_a_dead_run_plans_as_if_its_units_ran_again() -> None:
    host = three()
    call(host, "quiesced", owner=OTHER, units=THREE)
    before = dict(host.files)
    host.events.clear()
    planned = call(host, "quiesced", units=THREE, dead_run=OTHER.run_id, check_mode=True)
    assert planned["left_by"]["run_id"] == OTHER.run_id
    assert [step["name"] for step in planned["plan"] if step["action"] == "stop"] == ["web", "app", "db"]
    assert (host.files, host.events) == (before, [])


def test_of_two_runs_that_begin_at_once_the_second_stops_nothing() -> None:
    host = three()
    raced: list[bool] = []

    def the_other_is_faster(operation: str, arguments: tuple[t.Any, ...]) -> None:
        if operation == "rename" and not raced:
            raced.append(True)
            call(host, "quiesced", owner=OTHER, units=[service("web")])

    host.fail = the_other_is_faster
    with pytest.raises(LockstepError) as caught:
        call(host, "quiesced", units=THREE)
    assert caught.value.slug == "run_in_progress"
    assert host.events == ["stop web"]
    assert Journal.loads(host.files[JOURNAL].decode(), JOURNAL).owner == OTHER


def test_a_resume_that_failed_has_to_be_finished_before_the_same_run_quiesces_again() -> None:
    host = three()
    call(host, "quiesced", units=THREE)
    host.service("app").will_not_start = True
    with pytest.raises(LockstepError):
        call(host, "resumed")
    with pytest.raises(LockstepError) as caught:
        call(host, "quiesced", units=THREE)
    assert caught.value.slug == "unfinished_quiesce"


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"schema": 2}', '{"schema": 1, "name": "job"}'])
@pytest.mark.parametrize("state", ["quiesced", "resumed", "query"])
def test_a_damaged_journal_is_an_error_and_stays(text: str, state: str) -> None:
    host = three()
    host.make_folder(host.parent(JOURNAL))
    host.write_text(JOURNAL, text)
    with pytest.raises(LockstepError) as caught:
        call(host, state, units=THREE)
    assert caught.value.slug == "journal_damaged"
    assert host.files[JOURNAL].decode() == text
    assert host.events == []


def test_a_journals_folder_without_a_journal_is_an_error() -> None:
    host = three()
    host.make_folder(host.parent(JOURNAL))
    with pytest.raises(LockstepError) as caught:
        call(host, "quiesced", units=THREE)
    assert caught.value.slug == "journal_damaged"
    assert host.events == []


def test_drafts_of_interrupted_runs_are_swept_after_a_day_but_not_before() -> None:
    host = three()
    root = host.parent(host.parent(JOURNAL))
    for name, age in (("job~old", 25), ("job~new", 23), ("other~old", 25)):
        host.make_folder(host.join(root, name))
        host.modified[host.join(root, name)] = host.wall - datetime.timedelta(hours=age)
    call(host, "quiesced", units=THREE)
    call(host, "resumed")
    assert {host.basename(info.path) for info in host.list_folder(root)} == {"job~new", "other~old"}


def test_the_owner_defaults_are_those_of_the_task() -> None:
    host = three()
    call(host, "quiesced", units=THREE)
    assert Journal.loads(host.files[JOURNAL].decode(), JOURNAL).owner == OWNER


def test_nothing_of_an_interrupted_attempt_of_the_same_run_gets_into_its_journal() -> None:
    host = three()
    draft = host.join(host.parent(host.parent(JOURNAL)), f"job~{OWNER.run_id}")
    host.make_folder(draft)
    host.write_text(host.join(draft, host.basename(MARKER)), "")
    assert call(host, "quiesced", units=THREE, max_outage=60)["lease_fired"] is False
    assert host.stat(MARKER) is None


def test_while_a_dead_runs_journal_is_being_resumed_a_third_run_has_to_wait() -> None:
    host = three()
    call(host, "quiesced", owner=OTHER, units=THREE)
    refused: list[str] = []

    def a_third_run_comes(operation: str, arguments: tuple[t.Any, ...]) -> None:
        if operation == "start" and arguments == ("app",) and not refused:
            refused.append("")
            with pytest.raises(LockstepError) as caught:
                call(host, "resumed", owner=dataclasses.replace(OTHER, run_id="run3"), dead_run=OTHER.run_id)
            refused[0] = caught.value.details["owner"]["run_id"]

    host.fail = a_third_run_comes
    call(host, "resumed", dead_run=OTHER.run_id)
    assert refused == [OWNER.run_id]
    assert host.up() == {"web", "app", "db"}
