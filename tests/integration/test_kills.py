# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whenever the control node dies during a nightly run, the hosts help themselves, and the next run sets everything right.

A run's changes are numbered, and the state after each of them is produced once. Some killed nights in a row, by turns late and
early in the run, and a night that nobody disturbs make a chain: an early kill hits the night while it recovers from the late one
before, and the next late one proves that what both left did not stop it. By turns the hosts' leases fire between two nights.
"""

from __future__ import annotations

import itertools

import pytest

from tests.integration.killing import AT_INPUT, Point, at, chains, state_after
from tests.integration.nights import Nights
from tests.lab.lab import Lab

CHANGES = 114
"""More than an undisturbed night makes; a kill that comes too late is none, and that night ends well."""
INPUTS = 36
"""The same for commands that are given a standard input."""


def nights_with_kills(lab: Lab, points: list[Point], first: int) -> None:
    nights = Nights(lab)
    for index, point in enumerate(points):
        run = nights.night(at(point))
        if run.killed_at is None:
            nights.all_is_well(run)
        elif (first + index) % 2:
            nights.leases_fire()
    nights.all_is_well(nights.night())
    assert any("killed" in told for told in nights.story)
    if first == 1:
        nights.the_last_trace_goes()


@pytest.mark.parametrize("chain", chains(CHANGES, 16), ids=itertools.count(1))
def test_a_run_killed_at_any_change_harms_nothing_and_the_next_one_recovers(lab: Lab, chain: list[int]) -> None:
    nights_with_kills(lab, [state_after(change) for change in chain], min(chain))


@pytest.mark.parametrize("chain", chains(INPUTS, 12), ids=itertools.count(1))
def test_a_run_killed_before_a_command_got_its_input_harms_nothing_and_the_next_one_recovers(lab: Lab, chain: list[int]) -> None:
    nights_with_kills(lab, [Point(number, AT_INPUT) for number in chain], min(chain))


def test_the_kills_reach_every_change_of_a_night(lab: Lab) -> None:
    nights = Nights(lab)
    # The third is the first that deletes a set.
    run = [nights.night() for _night in range(3)][-1]
    nights.all_is_well(run)
    assert CHANGES * 3 // 4 < len(run.changes) <= CHANGES
    assert INPUTS * 3 // 4 < run.inputs <= INPUTS
