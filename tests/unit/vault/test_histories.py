# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever happens to a vault over many days, in whatever order, the newest good set is never lost."""

from __future__ import annotations

import typing as t

from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from tests.unit.fake_host import FakeHost
from tests.unit.vault.world import OTHER, OWNER, World, fake_world

Event = tuple[str, int, int]


def whole_sets(world: World) -> list[str]:
    return [entry["set"] for entry in world.run("query")["catalogue"] if entry["status"] == "good"]


def damage(world: World, which: int) -> None:
    """Somebody truncates a part of some set in Recent."""
    host = t.cast(FakeHost, world.host)
    files = sorted(path for path in host.files if "\\Recent\\" in path and path.endswith("vault.zip"))
    if files:
        host.files[files[which % len(files)]] = b"x"


def happen(world: World, event: Event) -> None:
    what, first, second = event
    if what == "backup":
        world.backup()
    elif what == "failure":
        world.failed_backup()
    elif what == "death":
        world.opened()
        world.run("failed", owner=OTHER, dead_run=OWNER.run_id)
    elif what == "damage":
        damage(world, first)
    elif what == "clock":
        world.next_day(first - 3)
    else:
        prune(world, first + 1, second)


def prune(world: World, keep_recent: int, keep_archive: int) -> None:
    before = whole_sets(world)
    folders = {folder: world.names(folder) for folder in ("Failed", "Recent", "Archive")}
    try:
        world.run("pruned", keep_recent=keep_recent, keep_archive=keep_archive)
    except LockstepError as error:
        if error.slug != "set_in_future":
            raise
        assert {folder: world.names(folder) for folder in folders} == folders
        return
    after = whole_sets(world)
    assert after[-1:] == before[-1:], "the newest good set is gone"
    assert sum(name in world.names("Recent") for name in after) <= keep_recent
    assert sum(name in world.names("Archive") for name in after) <= max(
        keep_archive, int(after[-1:] == world.names("Archive")[-1:])
    )
    assert set(folders["Failed"]) - set(world.names("Failed")) <= {
        name for name in folders["Failed"] if name < max(before, default="")
    }


EVENTS = st.tuples(
    st.sampled_from(["backup", "backup", "backup", "failure", "death", "damage", "clock", "clock", "prune", "prune"]),
    st.integers(0, 5),
    st.integers(0, 3),
)


@settings(max_examples=60)
@given(st.lists(EVENTS, max_size=25))
def test_the_newest_good_set_survives_any_history_and_the_list_is_what_the_sets_are(history: list[Event]) -> None:
    world = fake_world()
    world.backup()
    for event in history:
        happen(world, event)
        assert "Lock" not in world.root()
    good = whole_sets(world)
    world.run("rebuilt")
    assert [line[0] for line in world.log() if line[1] == "Succeeded"] == good
    assert world.run("rebuilt")["changed"] is False
