# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets behind one another on the same tape, over all drives: until it is full, until it is advanced, after an interruption."""

from __future__ import annotations

import collections.abc
import contextlib
import os
import unittest.mock

import pytest

from ansible_collections.lockstep.backup.plugins.module_utils.tape import writing
from tests.unit.tape.kit import EXPORT, SMALL, Site, refused, write


@contextlib.contextmanager
def dying_before_the_end(monkeypatch: pytest.MonkeyPatch) -> collections.abc.Iterator[None]:
    """The set's blocks are on the tape, and its run ends before it could read them back."""
    with monkeypatch.context() as patched:
        patched.setattr(writing, "_verify", unittest.mock.Mock(side_effect=KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            yield


def test_a_tape_without_room_for_the_next_set_is_closed_so_that_the_run_after_it_goes_on_with_another(site: Site) -> None:
    pool = {**EXPORT, "use_days": 4}
    for name in ("one", "two"):
        site.label(name, capacity=4 * SMALL, pool=pool)
    site.equipment.insert("one")
    write(site, data=bytes(3 * SMALL), pool=pool)
    site.later(days=1)
    before = site.catalogue_file.read_bytes()
    if site.equipment.device["kind"] != "scsi":
        # The st driver does not know what remains on a tape.
        refused("tape_full", lambda: write(site, "set2", bytes(2 * SMALL), pool=pool, span=False, check_mode=True))
        assert site.catalogue_file.read_bytes() == before
    refused("tape_full", lambda: write(site, "set2", bytes(2 * SMALL), pool=pool, span=False))
    assert site.catalogue().tapes["EXP001"].closed
    site.later(days=1)
    error = refused("tape_wrong", lambda: write(site, "set3", bytes(2 * SMALL), pool=pool, span=False))
    assert "EXP002 is wanted" in error.message
    site.equipment.insert("two")
    assert write(site, "set3", bytes(2 * SMALL), pool=pool, span=False)["tape"] == "EXP002"
    site.equipment.insert("one")
    assert site.run("restored", set_id="set1", dest=site.there(site.folder / "restored"))["changed"]


def test_the_set_after_an_interrupted_one_takes_its_place_behind_the_sets_before(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = {**EXPORT, "use_days": 4}
    for name in ("one", "two"):
        site.label(name, pool=pool)
    site.equipment.insert("one")
    write(site, "set1", os.urandom(SMALL), pool=pool)
    with dying_before_the_end(monkeypatch):
        write(site, "set2", os.urandom(2 * SMALL), pool=pool)
    written = write(site, "set3", os.urandom(SMALL), pool=pool)
    assert written["tape"] == "EXP001"
    assert site.catalogue().sets["set2"].error == "its run ended before it was complete"
    site.run("restored", set_id="set1", dest=site.there(site.folder / "restored"))
    site.run("restored", set_id="set3", dest=site.there(site.folder / "restored"))
    for name in ("set1.dmp", "set3.dmp"):
        assert (site.folder / "restored" / name).read_bytes() == (site.folder / name).read_bytes()


def test_sets_are_appended_while_the_tape_is_in_use_and_until_it_is_advanced(site: Site) -> None:
    pool = {**EXPORT, "use_days": 4, "retention_days": 7}
    for name in ("one", "two"):
        site.label(name, pool=pool)
    site.equipment.insert("one")
    for number in (1, 2, 3):
        assert write(site, f"set{number}", os.urandom(SMALL), pool=pool)["tape"] == "EXP001"
        site.later(days=1)
    site.run("restored", set_id="set2", dest=site.there(site.folder / "restored"))
    assert (site.folder / "restored" / "set2.dmp").read_bytes() == (site.folder / "set2.dmp").read_bytes()
    moved = site.run("advanced", pool=pool)
    assert (moved["closed"], moved["tape"], moved["inserted"]) == (["EXP001"], "EXP002", False)
    assert "shelf two" in moved["location"]
    site.equipment.insert("two")
    site.run("advanced", pool=pool)
    assert not site.run("advanced", pool=pool)["changed"]
    assert site.catalogue().tapes["EXP002"].location == "drive"
    assert write(site, "set4", pool=pool)["tape"] == "EXP002"


def test_a_tape_whose_only_set_was_interrupted_is_asked_for_again(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("one", "two"):
        site.label(name)
    site.equipment.insert("one")
    with dying_before_the_end(monkeypatch):
        write(site, "set1")
    site.later(days=1)
    written = write(site, "set2")
    assert (written["tape"], written["choice"]["how"]) == ("EXP001", "overwrite")
    assert "holds nothing but a set that was interrupted" in written["choice"]["why"]
