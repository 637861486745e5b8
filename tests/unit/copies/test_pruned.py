# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Old copies go by the vault's own rules; a query tells what is there."""

from __future__ import annotations

import datetime

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.lockstep.backup.plugins.module_utils.copies.feature import FEATURE
from tests.unit.copies.disks import DISKS, DiskHost, failure, parameters, pruned
from tests.unit.fake_host import make_task

DAYS = [f"261115{number:02d}" for number in range(1, 8)]
FOLDER = "D:\\Copies"


def with_copies(*names: str, folder: str = FOLDER) -> DiskHost:
    host = DiskHost()
    for name in names:
        host.have(folder, name)
    return host


def ids(*names: str) -> list[str]:
    return [f"etravel-{name}" for name in names]


def test_the_newest_stay_in_each_folder_for_itself() -> None:
    host = with_copies(*DAYS)
    host.have("E:\\Copies", DAYS[0])
    result = pruned(host)
    assert host.sets(FOLDER) == DAYS[-3:]
    assert host.sets("E:\\Copies") == DAYS[:1]
    assert result["deleted"] == [{"folder": FOLDER, "set": name} for name in DAYS[:-3]]
    assert pruned(host)["changed"] is False


def test_check_mode_deletes_nothing() -> None:
    host = with_copies(*DAYS)
    assert len(pruned(host, check_mode=True)["deleted"]) == 4
    assert host.sets(FOLDER) == DAYS


def test_a_copy_of_a_failed_set_is_not_counted_and_goes_with_a_newer_good_one() -> None:
    host = with_copies(*DAYS[:5])
    good = ids(DAYS[0], DAYS[1], DAYS[3], DAYS[4])
    pruned(host, keep=3, good_sets=good)
    assert host.sets(FOLDER) == DAYS[1:5]
    pruned(host, keep=1, good_sets=good)
    assert host.sets(FOLDER) == DAYS[4:5]


def test_copies_that_outlived_their_sets_in_the_vault_count() -> None:
    host = with_copies(*DAYS[:4])
    pruned(host, keep=3, good_sets=ids(*DAYS[2:4]))
    assert host.sets(FOLDER) == DAYS[1:4]


def test_nothing_is_deleted_when_the_vault_knows_no_good_set() -> None:
    host = with_copies(*DAYS)
    assert pruned(host, keep=1, good_sets=[])["deleted"] == []
    assert host.sets(FOLDER) == DAYS


def test_a_damaged_copy_is_neither_counted_nor_deleted() -> None:
    host = with_copies(*DAYS[:4])
    host.files[f"{FOLDER}\\{DAYS[3]}\\etravel.dmp"] = b""
    pruned(host, keep=3)
    assert host.sets(FOLDER) == DAYS[:4]
    pruned(host, keep=1)
    assert host.sets(FOLDER) == DAYS[2:4]


def test_a_date_in_the_future_stops_it_in_all_folders() -> None:
    host = with_copies(*DAYS)
    host.have("E:\\Copies", "26112401")
    error = failure(pruned, host)
    assert (error.slug, error.details["future"]) == ("set_in_future", ["26112401"])
    assert host.sets(FOLDER) == DAYS
    host.wall += datetime.timedelta(days=3)
    assert pruned(host)["changed"] is True


def test_a_missing_disk_is_an_error_and_the_others_are_pruned() -> None:
    host = with_copies(*DAYS)
    host.take_out("E:")
    result = pruned(host)
    assert (len(result["deleted"]), len(result["errors"])) == (4, 1)


def test_what_a_cut_short_deletion_left_is_removed_and_strangers_are_not() -> None:
    host = with_copies(DAYS[0])
    for name in ("26111001.deleting", "my files", "notes.partial"):
        host.make_folder(f"{FOLDER}\\{name}")
    pruned(host)
    assert host.sets(FOLDER) == [DAYS[0], "my files", "notes.partial"]


@given(st.sets(st.sampled_from(DAYS), min_size=1), st.sets(st.sampled_from(DAYS)), st.integers(1, 4))
def test_the_newest_good_copy_always_stays(there: set[str], good: set[str], keep: int) -> None:
    host = with_copies(*sorted(there))
    pruned(host, keep=keep, good_sets=ids(*sorted(good)))
    left = host.sets(FOLDER)
    confirmed = sorted(there & good)
    assert confirmed[-keep:] == [name for name in left if name in confirmed[-keep:]]
    if not confirmed:
        assert left == sorted(there)


def test_a_query_tells_every_copy_and_every_disk() -> None:
    host = with_copies(*DAYS[:2])
    host.files[f"{FOLDER}\\{DAYS[1]}\\etravel.dmp"] = b""
    host.take_out("E:")
    result = FEATURE.run(make_task(host, **parameters(state="query", folders=DISKS)))
    first, second = result["folders"]
    assert [(one["set"], one["status"], one["set_id"]) for one in first["sets"]] == [
        (DAYS[0], "good", f"etravel-{DAYS[0]}"),
        (DAYS[1], "damaged", f"etravel-{DAYS[1]}"),
    ]
    assert first["sets"][1]["problem"] == "etravel.dmp has 0 bytes instead of 3"
    assert (second["sets"], second["error_code"], len(result["errors"]), result["changed"]) == ([], "path_missing", 1, False)
