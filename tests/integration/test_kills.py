# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whenever the control node dies during a nightly run, the hosts help themselves, and the next run sets everything right.

A run's changes are numbered. What a kill leaves after change n is what it leaves before change n + 1, so every such state is
produced once, by turns the one way and the other. Some killed nights in a row, by turns late and early in the run, and a night that
nobody disturbs make a chain: an early kill hits the night while it recovers from the late one before, and the next late one proves
that what both left did not stop it. By turns the hosts' leases fire between two nights.
"""

from __future__ import annotations

import pytest

from tests.integration.killing import AT_INPUT, Point, at
from tests.integration.nights import Nights
from tests.lab.lab import Lab
from tests.lab.record import AFTER, BEFORE

CHANGES = 126
"""More than an undisturbed night makes; a kill that comes too late is none, and that night ends well."""
INPUTS = 42
"""The same for commands that are given a standard input."""
TESTS = 7


def state_after(change: int) -> Point:
    return Point(change, AFTER) if change % 2 else Point(change + 1, BEFORE)


def chains(last: int, length: int) -> list[list[int]]:
    """Numbers from 1 to ``last``, each chain of which spans the whole run, late and early by turns."""
    apart = last // length
    found = []
    for first in range(1, apart + 1):
        numbers = list(range(first, last + 1, apart))
        chain = [0] * len(numbers)
        chain[1::2], chain[0::2] = numbers[: len(numbers) // 2], numbers[len(numbers) // 2 :]
        found.append(chain)
    return found


def nights_with_kills(lab: Lab, points: list[list[Point]], last_trace: bool) -> None:
    """All chains on one installation."""
    nights = Nights(lab)
    for number, chain in enumerate(points):
        for index, point in enumerate(chain):
            run = nights.night(at(point))
            if run.killed_at is None:
                nights.all_is_well(run)
            elif (number + index) % 2:
                nights.leases_fire()
        nights.all_is_well(nights.night())
    assert any("killed" in told for told in nights.story)
    if last_trace:
        nights.the_last_trace_goes()


@pytest.mark.parametrize("part", range(TESTS))
def test_a_run_killed_at_any_change_harms_nothing_and_the_next_one_recovers(lab: Lab, part: int) -> None:
    nights_with_kills(lab, [[state_after(change) for change in chain] for chain in chains(CHANGES, 9)[part::TESTS]], part == 0)


@pytest.mark.parametrize("part", range(2))
def test_a_run_killed_before_a_command_got_its_input_harms_nothing_and_the_next_one_recovers(lab: Lab, part: int) -> None:
    nights_with_kills(lab, [[Point(number, AT_INPUT) for number in chain] for chain in chains(INPUTS, 7)[part::2]], part == 0)


def test_the_kills_reach_every_change_of_a_night(lab: Lab) -> None:
    nights = Nights(lab)
    # The third is the first that deletes a set.
    run = [nights.night() for _night in range(3)][-1]
    nights.all_is_well(run)
    assert CHANGES * 3 // 4 < len(run.changes) <= CHANGES
    assert INPUTS * 3 // 4 < run.inputs <= INPUTS
