# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of sets."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.vault import names

DAYS = st.dates(datetime.date(2000, 1, 1), datetime.date(2099, 12, 31))
TODAY = datetime.date(2007, 10, 23)


def test_the_first_two_sets_of_a_day_have_the_names_of_the_overview() -> None:
    assert names.next_name([], TODAY) == "07102301"
    assert names.next_name(["07102301"], TODAY) == "07102302"


def test_a_gap_is_never_filled_because_names_keep_the_order_of_time() -> None:
    assert names.next_name(["07102301", "07102304", "07102209"], TODAY) == "07102305"


def test_the_hundredth_set_of_a_day_is_refused() -> None:
    with pytest.raises(LockstepError) as caught:
        names.next_name(["07102399"], TODAY)
    assert caught.value.slug == "names_exhausted"


@pytest.mark.parametrize(
    "text",
    [
        "07102300",
        "07133101",
        "07022901",
        "0710230",
        "071023011",
        "071023**",
        "lost+found",
        "",
        "٠٧١٠٢٣٠١",
        "07102301\n",
        "07102301.deleting",
    ],
)
def test_what_is_no_name_of_a_set_is_not_taken_for_one(text: str) -> None:
    assert not names.is_set_name(text)


@given(DAYS, st.lists(st.tuples(DAYS, st.integers(1, 98))))
def test_the_next_name_is_new_dated_today_and_sorts_after_all_of_today_and_before(
    today: datetime.date, others: list[tuple[datetime.date, int]]
) -> None:
    taken = [f"{day:%y%m%d}{number:02d}" for day, number in others]
    name = names.next_name(taken, today)
    assert names.name_date(name) == today
    assert all(other < name for other, (day, _number) in zip(taken, others, strict=True) if day <= today)


@given(DAYS.filter(lambda day: day < datetime.date(2099, 12, 30)), st.integers(0, 3), st.integers(1, 99))
def test_a_name_is_in_the_future_from_the_day_after_tomorrow_on(today: datetime.date, ahead: int, number: int) -> None:
    day = min(today + datetime.timedelta(days=ahead), datetime.date(2099, 12, 31))
    name = f"{day:%y%m%d}{number:02d}"
    assert (names.names_in_future([name, "Lock"], today) == [name]) == ((day - today).days > 1)


def test_only_a_deletion_that_was_cut_short_is_taken_for_one() -> None:
    assert names.is_half_deleted("07102301.deleting")
    assert not names.is_half_deleted("notes.deleting")
    assert not names.is_half_deleted("07102301")


@pytest.mark.parametrize("text", ["", "a b", "../x", "a|b", "-x", "x" * 65, "bar\n"])
def test_an_installation_that_cannot_be_part_of_an_id_is_refused(text: str) -> None:
    with pytest.raises(LockstepError) as caught:
        names.check_installation(text)
    assert caught.value.slug == "option_invalid"
