# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan is done in order, and what must be given back is given back."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.oracle.steps import Step, perform
from tests.unit.fake_host import FakeClock

PLAN = [Step("one", "1"), Step("two", "2"), Step("back", "b", always=True), Step("three", "3"), Step("end", "e", last=True)]


def perform_failing(*failing: str, error: BaseException | None = None) -> tuple[list[str], BaseException | None]:
    done: list[dict[str, t.Any]] = []

    def act(name: str) -> None:
        if name in failing:
            raise error or LockstepError(f"{name}_failed", name)

    actions = {step.name: (lambda name=step.name: act(name)) for step in PLAN}
    caught: BaseException | None = None
    try:
        perform(PLAN, actions, FakeClock(), done)
    except (LockstepError, KeyboardInterrupt) as raised:
        caught = raised
    return [entry["result"] for entry in done], caught


@pytest.mark.parametrize(
    ("failing", "results", "slug"),
    [
        ((), ["done"] * 5, None),
        (("one",), ["failed", "skipped", "done", "skipped", "skipped"], "one_failed"),
        (("two",), ["done", "failed", "done", "skipped", "skipped"], "two_failed"),
        (("back",), ["done", "done", "failed", "done", "skipped"], "back_failed"),
        (("two", "back"), ["done", "failed", "failed", "skipped", "skipped"], "two_failed"),
        (("back", "three"), ["done", "done", "failed", "failed", "skipped"], "back_failed"),
    ],
)
def test_after_a_failure_only_what_must_be_given_back_is_done(
    failing: tuple[str, ...], results: list[str], slug: str | None
) -> None:
    found, caught = perform_failing(*failing)
    assert found == results
    assert getattr(caught, "slug", None) == slug


def test_everything_that_failed_is_told() -> None:
    _results, caught = perform_failing("two", "back")
    assert isinstance(caught, LockstepError)
    assert [failure["error_code"] for failure in caught.details["also_failed"]] == ["back_failed"]
    assert "Besides: back" in caught.message


def test_an_interruption_gives_back_and_goes_on_up() -> None:
    results, caught = perform_failing("one", error=KeyboardInterrupt())
    assert results == ["failed", "skipped", "done", "skipped", "skipped"]
    assert isinstance(caught, KeyboardInterrupt)
