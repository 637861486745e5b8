# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many requests to the host each state costs.

Over WinRM each is one or more round trips of 1 to 20 ms, and ``opened`` and ``committed`` lie on every nightly's path. The budgets
are what the steps need: whoever raises one says why.
"""

from __future__ import annotations

import collections
import typing as t

from tests.unit.vault.world import PART, World, fake_world

FREE_OF_CHARGE = {"join", "parent", "basename", "is_absolute"}


class Counting:
    """A host that counts the requests that go through it."""

    def __init__(self, host: object) -> None:
        self.host = host
        self.counts: collections.Counter[str] = collections.Counter()

    def __getattr__(self, name: str) -> t.Any:
        found = getattr(self.host, name)
        if not callable(found) or name in FREE_OF_CHARGE:
            return found

        def counted(*args: t.Any, **options: t.Any) -> t.Any:
            self.counts[name] += 1
            return found(*args, **options)

        return counted


def counting_world(days: int) -> tuple[World, Counting]:
    world = fake_world()
    for _day in range(days):
        world.failed_backup()
        world.backup()
        world.run("pruned")
        world.next_day()
    counting = Counting(world.host)
    world.host = t.cast(t.Any, counting)
    return world, counting


def test_opening_costs_eight_requests_however_many_sets_there_are() -> None:
    world, counting = counting_world(20)
    world.opened()
    assert counting.counts == {
        "now": 1,
        "make_folder": 1,  # the set
        "write_text": 2,  # the lock's owner with its folder, the manifest
        "rename": 1,  # the lock
        "list_folder": 4,  # the vault, and its three folders
    }


def test_committing_costs_fourteen_requests_with_one_zip() -> None:
    world, counting = counting_world(20)
    opened = world.opened()
    world.put(world.host.join(opened["folder"], "vault.zip"), PART)
    counting.counts.clear()
    world.committed(opened["set"])
    assert counting.counts == {
        "now": 1,
        "read_text": 3,  # the lock's owner, the manifest, BACKUP.LOG
        "list_folder": 1,  # the sizes of all parts
        "zip_problem": 1,
        "sha256": 1,
        "write_text": 4,  # the manifest, RESTORE.txt, HB.LOG, BACKUP.LOG
        "rename": 2,  # the set, the lock
        "remove": 1,  # the lock
    }


def test_each_further_part_costs_only_its_verification() -> None:
    world, counting = counting_world(1)
    opened = world.opened()
    parts: list[dict[str, str]] = []
    for number in range(5):
        world.put(world.host.join(opened["folder"], f"{number}.dmp"), PART)
        parts.append({"path": f"{number}.dmp", "kind": "file"})
    counting.counts.clear()
    world.committed(opened["set"], parts=parts)
    assert (counting.counts["sha256"], counting.counts["zip_problem"], counting.counts["list_folder"]) == (5, 0, 1)


def test_pruning_nothing_reads_no_manifest() -> None:
    world, counting = counting_world(2)
    world.run("pruned")
    assert counting.counts["read_text"] == 0
    assert counting.counts.total() <= 10


def test_pruning_a_full_vault_reads_each_counted_set_once() -> None:
    world, counting = counting_world(20)
    world.backup()
    counting.counts.clear()
    result = world.run("pruned")
    assert (len(result["archived"]), len(result["deleted"]), len(result["failed_deleted"])) == (1, 1, 1)
    # Seven good sets and the failed one that is deleted; BACKUP.LOG; the newest set's step log.
    assert counting.counts["read_text"] == 8 + 1 + 1
    # Each good set's parts; the three folders; the vault itself for what cut-short runs have left.
    assert counting.counts["list_folder"] == 7 + 3 + 1
