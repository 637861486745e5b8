# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A set whose parts lie on two hosts is good on both or on neither."""

from __future__ import annotations

import functools

import pytest

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from tests.unit.vault.world import OTHER, OWNER, PART, Killed, Result, fake_world

HOSTS = ["aes1", "ora1"]


class Pair:
    """The vaults of one installation on its first and its second host."""

    def __init__(self) -> None:
        self.first, self.second = fake_world("aes1"), fake_world("ora1")
        for world in (self.first, self.second):
            world.hosts = HOSTS

    def open(self) -> Result:
        opened = self.first.opened()
        other = self.second.opened(set=opened["set"], set_id=opened["set_id"])
        for world, result in ((self.first, opened), (self.second, other)):
            world.put(world.host.join(result["folder"], "vault.zip"), PART)
        return opened

    def commit(self, name: str) -> None:
        self.second.committed(name)
        self.first.committed(name)

    def next_day(self) -> None:
        self.first.next_day()
        self.second.next_day()

    def good(self) -> tuple[list[str], list[str]]:
        return self.first.run("query")["good_sets"], self.second.run("query")["good_sets"]

    def recover(self) -> None:
        """What the next run does before it begins."""
        for world in (self.first, self.second):
            world.run("failed", owner=OTHER, dead_run=OWNER.run_id)
        here, there = self.good()
        for set_id in there:
            if set_id not in here:
                self.second.run(
                    "failed", owner=OTHER, set=set_id.split("-")[1], primary_sets=here, error="the first host did not commit"
                )


@pytest.fixture
def pair() -> Pair:
    return Pair()


def test_both_hosts_hold_the_same_id_and_know_of_each_other(pair: Pair) -> None:
    opened = pair.open()
    pair.commit(opened["set"])
    here, there = (world.manifest("Recent", opened["set"]) for world in (pair.first, pair.second))
    assert here["set_id"] == there["set_id"] == opened["set_id"]
    assert here["hosts"] == there["hosts"] == HOSTS
    assert "The rest lies in the vaults on ora1" in pair.first.text("Recent", opened["set"], "RESTORE.txt")
    assert "The rest lies in the vaults on aes1" in pair.second.text("Recent", opened["set"], "RESTORE.txt")


def test_only_the_first_hosts_commit_is_the_commit_point(pair: Pair) -> None:
    opened = pair.open()
    assert pair.second.committed(opened["set"])["commit_point"] is False
    assert pair.first.committed(opened["set"])["commit_point"] is True


def test_when_the_first_host_cannot_commit_the_seconds_set_is_taken_back(pair: Pair) -> None:
    name = pair.open()["set"]
    pair.second.committed(name)
    pair.first.host.remove(pair.first.host.join(pair.first.path, "Failed", name, "vault.zip"))
    with pytest.raises(LockstepError) as caught:
        pair.first.committed(name)
    assert caught.value.slug == "part_missing"
    pair.first.run("failed", set=name, error="part missing")
    result = pair.second.run("failed", set=name, primary_sets=pair.good()[0], error="aes1 could not commit")
    assert result["sets"] == [name]
    assert pair.second.names("Recent") == []
    assert pair.second.manifest("Failed", name)["error"] == "aes1 could not commit"
    assert pair.second.log() == [[name, "Failed", "aes1 could not commit"]]
    assert pair.good() == ([], [])


def test_without_a_proof_from_the_first_host_nothing_is_taken_back(pair: Pair) -> None:
    opened = pair.open()
    pair.commit(opened["set"])
    assert pair.second.slug_of("failed", set=opened["set"], error="why") == "set_committed"
    assert pair.second.slug_of("failed", set=opened["set"], error="why", primary_sets=[opened["set_id"]]) == "set_committed"
    assert pair.good() == ([opened["set_id"]], [opened["set_id"]])


def test_a_set_can_be_taken_back_from_the_archive_too(pair: Pair) -> None:
    name = pair.open()["set"]
    pair.second.committed(name)
    folder = pair.second.path
    pair.second.host.rename(pair.second.host.join(folder, "Recent", name), pair.second.host.join(folder, "Archive", name))
    pair.second.run("failed", set=name, primary_sets=[])
    assert pair.second.names("Failed") == [name]


def test_a_way_back_that_was_cut_short_is_finished_by_the_next_run(pair: Pair) -> None:
    name = pair.open()["set"]
    pair.second.committed(name)

    def die(operation: str, path: str) -> None:
        if operation == "rename" and path.endswith(f"Failed\\{name}"):
            raise Killed

    pair.second.host.before_write = die  # type: ignore[attr-defined]  # FakeHost's
    with pytest.raises(Killed):
        pair.second.run("failed", set=name, primary_sets=[])
    pair.second.host.before_write = lambda operation, path: None  # type: ignore[attr-defined]  # FakeHost's
    assert pair.second.names("Recent") == [name]
    assert pair.good()[1] == []
    pair.second.run("failed", owner=OTHER, dead_run=OWNER.run_id)
    assert pair.second.names("Failed") == [name]
    assert pair.second.names("Recent") == []


def test_pruning_the_second_host_does_not_count_what_the_first_does_not_know(pair: Pair) -> None:
    names = []
    for _day in range(2):
        names.append(pair.open()["set"])
        pair.commit(names[-1])
        pair.next_day()
    orphans = []
    for _day in range(3):
        orphans.append(pair.open()["set"])
        pair.second.committed(orphans[-1])
        pair.first.run("failed", set=orphans[-1], error="could not commit")
        pair.next_day()
    result = pair.second.run("pruned", keep_recent=1, keep_archive=0, primary_sets=pair.good()[0])
    assert (result["deleted"], result["kept"]) == (names[:1], [names[1], *orphans])
    assert [found["set"] for found in result["unconfirmed"]] == orphans
    assert orphans[0] in pair.second.warnings[-3]


def test_pruning_the_second_host_after_the_first_deletes_the_same_sets(pair: Pair) -> None:
    for _day in range(4):
        pair.commit(pair.open()["set"])
        pair.next_day()
    first = pair.first.run("pruned", keep_recent=1, keep_archive=1)
    second = pair.second.run("pruned", keep_recent=1, keep_archive=1, primary_sets=pair.good()[0])
    assert (first["deleted"], first["archived"]) == (second["deleted"], second["archived"])
    here, there = pair.good()
    assert here == there


def test_pruning_the_second_host_deletes_nothing_when_it_shares_no_set_with_the_first(pair: Pair) -> None:
    for _day in range(3):
        pair.commit(pair.open()["set"])
        pair.next_day()
    assert pair.second.run("pruned", keep_recent=1, keep_archive=0, primary_sets=[])["deleted"] == []


def test_a_kill_at_any_moment_of_the_two_commits_leaves_the_set_good_on_both_or_on_neither() -> None:
    moment = 0
    while True:
        pair = Pair()
        old = pair.open()
        pair.commit(old["set"])
        pair.next_day()
        new = pair.open()
        left = [moment]

        def die(left: list[int], operation: str, path: str) -> None:
            if left[0] == 0:
                raise Killed
            left[0] -= 1

        for world in (pair.first, pair.second):
            world.host.before_write = functools.partial(die, left)  # type: ignore[attr-defined]  # FakeHost's
        try:
            pair.commit(new["set"])
            killed = False
        except Killed:
            killed = True
        for world in (pair.first, pair.second):
            world.host.before_write = lambda operation, path: None  # type: ignore[attr-defined]  # FakeHost's
        pair.recover()
        here, there = pair.good()
        assert here == there
        assert here in ([old["set_id"]], [old["set_id"], new["set_id"]])
        for world in (pair.first, pair.second):
            assert not world.run("rebuilt", owner=OTHER)["changed"]
        if not killed:
            assert here == [old["set_id"], new["set_id"]]
            assert moment > 10
            return
        moment += 1
