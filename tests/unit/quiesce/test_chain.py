# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a whole playbook asks of a resume: its part of check mode's plan, and what happened during the outage."""

from __future__ import annotations

from tests.unit.quiesce.kit import KitHost, Unit, call, service


def host() -> KitHost:
    made = KitHost()
    made.units["service"] = {"A": Unit(), "B": Unit(state="stopped"), "C": Unit()}
    return made


UNITS = [service("A"), service("B"), service("C")]


def test_with_its_units_a_resume_shows_what_it_would_start_after_the_planned_quiesce() -> None:
    plan = call(host(), "resumed", check_mode=True, units=UNITS, max_outage=60)["plan"]
    assert [(step["action"], step.get("name")) for step in plan] == [
        ("start", "C"),
        ("start", "A"),
        ("verify", None),
        ("disarm_lease", None),
        ("forget", None),
    ]


def test_it_is_the_same_plan_that_the_real_resume_executes() -> None:
    shown = call(host(), "resumed", check_mode=True, units=UNITS, max_outage=60)["plan"]
    real = host()
    call(real, "quiesced", units=UNITS, max_outage=60)
    done = call(real, "resumed", units=UNITS, max_outage=60)["plan"]
    assert [(step["action"], step.get("name")) for step in done] == [(step["action"], step.get("name")) for step in shown]


def test_outside_check_mode_units_alone_resume_nothing() -> None:
    made = host()
    result = call(made, "resumed", units=UNITS, max_outage=60)
    assert (result["changed"], result["plan"], made.events) == (False, [], [])


def test_a_unit_that_ran_again_during_the_outage_is_named_when_it_is_resumed() -> None:
    made = host()
    call(made, "quiesced", units=UNITS)
    made.units["service"]["C"].state = "running"
    assert call(made, "resumed")["ran_again"] == ["C"]
    assert call(host(), "resumed")["ran_again"] == []
