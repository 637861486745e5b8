# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tapes that a site's own program overwrites: asked for, recorded, recognised, protected and used again."""

from __future__ import annotations

import typing as t

import pytest

from tests.unit.tape.kit import EXPORT, Site, mtf_block, refused

FULL = {"name": "full", "tapes": 3, "retention_days": 6}


def load(site: Site, name: str, **params: t.Any) -> dict[str, t.Any]:
    site.equipment.insert(name)
    return site.run("loaded", **{"pool": FULL, "overwrite_accepted": True, **params})


def seal(site: Site, set_id: str = "full1", **params: t.Any) -> dict[str, t.Any]:
    return site.run("sealed", **{"pool": FULL, "set_id": set_id, **params})


def full_backup(site: Site, name: str, set_id: str) -> dict[str, t.Any]:
    """One Friday: the tape is loaded, the program overwrites it, and the tape goes to its shelf."""
    load(site, name)
    site.overwrite(name, media_name=f"Full {set_id}")
    sealed = seal(site, set_id)
    site.run("ejected", location=f"shelf {name}")
    return sealed


@pytest.fixture
def full(site: Site) -> Site:
    """A site with two tapes of the pool for full backups."""
    for name in ("one", "two"):
        site.label(name, pool=FULL)
    return site


def test_what_another_program_wrote_becomes_a_set_and_counts_as_a_use(full: Site) -> None:
    load(full, "one")
    full.overwrite("one")
    sealed = seal(full, bytes=5000, title="Full WinNT 4.0 Backup", server="eTravel Server")
    assert sealed["changed"]
    assert (sealed["set"]["state"], sealed["set"]["format"]) == ("complete", "Microsoft Tape Format (ntbackup)")
    assert sealed["found"]["media_name"] == "Full WinNT 4.0 Backup"
    assert sealed["sticker"] == "Full WinNT 4.0 Backup\neTravel Server\n2026-11-20\nFUL001"
    tape = full.catalogue().tapes["FUL001"]
    assert (tape.writes, tape.total_bytes, tape.closed) == (1, 5000, True)
    assert tape.expires == "2026-11-26T18:00:00+00:00"
    assert "full1" in tape.history[-1]["what"]


def test_a_sealed_tape_is_kept_recognised_and_used_again_in_its_turn(full: Site) -> None:
    full_backup(full, "one", "full1")
    full.later(days=1)
    assert load(full, "two")["tape"] == "FUL002"
    full.overwrite("two", "Full full2")
    seal(full, "full2")
    error = refused("tape_retained", lambda: load(full, "one", tape="FUL001"))
    assert error.details["tape"] == "FUL001"
    full.later(days=6)
    loaded = load(full, "one")
    assert (loaded["tape"], loaded["choice"]["how"]) == ("FUL001", "overwrite")
    full.overwrite("one", "Full full3")
    seal(full, "full3")
    assert sorted(full.catalogue().sets) == ["full2", "full3"]


def test_a_sealed_tape_gets_its_own_label_back_when_a_set_is_written_to_it(full: Site) -> None:
    full_backup(full, "one", "full1")
    full.later(days=1)
    full_backup(full, "two", "full2")
    full.later(days=8)
    full.equipment.insert("one")
    full.run("written", pool=FULL, set_id="own", parts=[full.part("own.dmp")])
    assert full.catalogue().tapes["FUL001"].seal is None
    drive = full.run("query")["drive"]
    assert (drive["tape"]["name"], drive["tape"]["set_id"], drive["tape"]["sealed"]) == ("FUL001", "own", False)


def test_a_sealed_tape_of_another_pool_is_never_written(full: Site) -> None:
    full_backup(full, "one", "full1")
    full.label("export")
    full.later(days=30)
    full.equipment.insert("one")
    before = full.equipment.content("one")
    refused("tape_wrong", lambda: full.run("written", pool=EXPORT, set_id="s", parts=[full.part("s.dmp")]))
    assert full.equipment.content("one") == before


def test_a_program_that_wrote_nothing_or_appended_has_made_no_set(full: Site) -> None:
    load(full, "one")
    refused("tape_not_overwritten", lambda: seal(full))
    full.overwrite("one")
    seal(full)
    full.later(days=7)
    full.run("ejected")
    load(full, "one", tape="FUL001", pool={**FULL, "keep_newer": 0})
    refused("tape_not_overwritten", lambda: seal(full, "full2"))
    assert sorted(full.catalogue().sets) == ["full1"]


def test_another_tape_than_the_one_that_was_loaded_is_not_sealed(full: Site) -> None:
    refused("tape_unknown", lambda: seal(full))
    load(full, "one")
    refused("tape_wrong", lambda: seal(full, tape="FUL002"))
    refused("tape_wrong", lambda: seal(full, pool={**FULL, "name": "export"}))
    full.equipment.insert("two")
    refused("tape_wrong", lambda: seal(full))
    full.equipment.make("blank")
    full.equipment.insert("blank")
    refused("tape_blank", lambda: seal(full))
    full.equipment.insert(None)
    refused("drive_empty", lambda: seal(full))
    full.overwrite("one")
    full.equipment.set("one", "bad_block", 0)
    full.equipment.insert("one")
    refused("tape_unreadable", lambda: seal(full))
    assert full.catalogue().sets == {}


def test_sealing_again_changes_nothing_and_a_set_has_one_tape(full: Site) -> None:
    load(full, "one")
    full.overwrite("one")
    seal(full)
    assert not seal(full)["changed"]
    assert full.catalogue().tapes["FUL001"].writes == 1
    full.run("ejected")
    load(full, "two")
    full.overwrite("two", "another")
    refused("set_exists", lambda: seal(full))


def test_a_tape_that_was_overwritten_without_being_recorded_is_foreign(full: Site) -> None:
    full_backup(full, "one", "full1")
    full.overwrite("one", "somebody else's job")
    full.later(days=30)
    refused("tape_foreign", lambda: load(full, "one", tape="FUL001"))
    told = full.run("query", pool=FULL)["drive"]
    assert told["permission"]["error_code"] == "tape_foreign"
    assert "somebody else's job" in told["permission"]["msg"]


def test_a_tape_that_begins_exactly_as_another_is_taken_for_that_one(full: Site) -> None:
    load(full, "one")
    full.overwrite("one", "always the same")
    seal(full)
    full.later(days=1)
    load(full, "two")
    full.overwrite("two", "always the same")
    error = refused("tape_wrong", lambda: seal(full, "full2"))
    assert "begins exactly alike" in error.message


def test_a_tape_that_begins_with_a_file_mark_is_sealed_and_that_it_will_not_be_recognised_is_said(full: Site) -> None:
    load(full, "one")
    full.equipment.scribble("one", [])
    assert seal(full)["set"]["state"] == "complete"
    assert "FUL001 begins with a file mark" in full.said[-1]
    full.later(days=30)
    refused("tape_foreign", lambda: load(full, "one", tape="FUL001", pool={**FULL, "keep_newer": 0}))


def test_a_program_that_failed_leaves_a_tape_that_can_be_labelled_again_by_name(full: Site) -> None:
    load(full, "one")
    full.overwrite("one", "cut short")
    foreign = refused("tape_foreign", lambda: load(full, "one")).details["found"]["name"]
    refused("tape_foreign", lambda: full.run("labelled", pool=FULL, tape="FUL001"))
    full.run("labelled", pool=FULL, tape="FUL001", overwrite=foreign)
    assert load(full, "one")["tape"] == "FUL001"


def test_a_foreign_tape_takes_no_label_of_a_tape_that_is_kept(full: Site) -> None:
    load(full, "one")
    full.overwrite("one")
    seal(full)
    full.overwrite("one", "another job")
    foreign = refused("tape_foreign", lambda: full.run("labelled", pool=FULL)).details["found"]["name"]
    refused("tape_retained", lambda: full.run("labelled", pool=FULL, tape="FUL001", overwrite=foreign))


def test_a_sealed_tape_is_labelled_anew_only_by_name_and_after_its_time(full: Site) -> None:
    full_backup(full, "one", "full1")
    full.equipment.insert("one")
    assert not full.run("labelled", pool=FULL)["changed"]
    again: dict[str, t.Any] = {"pool": {**FULL, "keep_newer": 0}, "tape": "FUL001", "overwrite": "FUL001"}
    refused("tape_retained", lambda: full.run("labelled", **again))
    full.later(days=7)
    assert full.run("labelled", **again)["changed"]
    assert full.catalogue().sets == {}


def test_importing_and_restoring_leave_sealed_tapes_to_the_program_that_wrote_them(full: Site) -> None:
    full_backup(full, "one", "full1")
    before = full.catalogue()
    full.equipment.insert("one")
    assert [(tape["name"], tape["sealed"]) for tape in full.run("imported")["imported"]] == [("FUL001", True)]
    assert full.catalogue().sets == before.sets
    error = refused("set_not_on_tape", lambda: full.run("restored", set_id="full1", dest=full.there(full.folder / "restored")))
    assert "FUL001" in error.message
    full.catalogue_file.unlink()
    assert [tape["imported"] for tape in full.run("imported")["imported"]] == [False]


def test_check_mode_plans_the_seal_although_the_program_has_not_run(full: Site) -> None:
    load(full, "one")
    planned = seal(full, check_mode=True)
    assert [entry["action"] for entry in planned["plan"]] == ["take_lock", "read", "seal", "write", "release_lock"]
    assert full.catalogue().sets == {}
    full.overwrite("one")
    assert [entry["action"] for entry in seal(full)["plan"]] == [entry["action"] for entry in planned["plan"]]


# before the program runs


def test_the_warning_that_data_will_be_lost_must_be_accepted(full: Site) -> None:
    full_backup(full, "one", "full1")
    full.later(days=1)
    full_backup(full, "two", "full2")
    full.later(days=7)
    full.equipment.insert("one")
    error = refused("overwrite_not_accepted", lambda: full.run("loaded", pool=FULL, overwrite_accepted=False))
    assert "Any data on tape FUL001 will be overwritten" in error.message
    assert "holds full1" in error.message
    told = full.run("loaded", pool=FULL)["warning"]
    assert told not in full.said
    assert full.run("loaded", pool=FULL, overwrite_accepted=True)["warning"] == told
    assert told in full.said


def test_a_tape_without_room_for_what_is_to_be_written_is_refused_before(full: Site) -> None:
    full.equipment.insert("one")
    small = {**FULL, "capacity": 10**9}
    told = full.run("loaded", pool=small, needed_bytes=10**6)
    assert 0 < told["room"] <= 10**9
    error = refused("tape_full", lambda: full.run("loaded", pool=small, needed_bytes=10**10))
    assert error.details["room"] == told["room"]
    asked = full.run("query", pool=small, needed_bytes=10**10)["drive"]["permission"]
    assert (asked["allowed"], asked["error_code"], asked["room"]) == (False, "tape_full", told["room"])


def test_query_says_whether_the_tape_in_the_drive_may_be_written_now(site: Site) -> None:
    pool = {**EXPORT, "use_days": 4, "retention_days": 7, "capacity": 10**9}
    for name in ("one", "two"):
        site.label(name, pool=pool)
    site.equipment.insert("one")
    asked = site.run("query", pool=pool)["drive"]["permission"]
    assert (asked["allowed"], asked["msg"]) == (True, "")
    assert "EXP001 will be overwritten" in asked["warning"]
    site.run("written", pool=pool, set_id="set1", parts=[site.part("set1.dmp", bytes(10**5))])
    room = asked["room"]
    asked = site.run("query", pool=pool)["drive"]["permission"]
    assert (asked["allowed"], asked["warning"]) == (True, None)
    assert asked["room"] <= room - 10**5
    site.equipment.insert("two")
    assert site.run("query", pool=pool)["drive"]["permission"]["error_code"] == "tape_wrong"
    site.equipment.insert("one")
    site.equipment.set("one", "protected", True)
    assert site.run("query", pool=pool)["drive"]["permission"]["error_code"] == "tape_write_protected"
    assert site.run("query", pool={**pool, "missing": ["EXP001", "EXP002"]})["drive"]["permission"]["error_code"] == "no_tape_free"


def test_the_media_name_is_read_from_microsofts_tape_format(site: Site) -> None:
    for block, name in (
        (mtf_block("Größe"), "Größe"),
        (mtf_block("x")[:90], ""),
        (mtf_block("")[:1024], ""),
    ):
        site.equipment.make(str(len(block)) + name)
        site.equipment.scribble(str(len(block)) + name, [block])
        site.equipment.insert(str(len(block)) + name)
        assert site.run("query")["drive"]["tape"]["media_name"] == name


def test_check_mode_of_a_whole_playbook_plans_the_seal_of_a_tape_that_nobody_has_put_in(full: Site) -> None:
    full.equipment.insert("two")
    before = full.catalogue_file.read_text(encoding="utf-8")
    planned = seal(full, tape="FUL001", check_mode=True)
    assert [step["action"] for step in planned["plan"]] == ["take_lock", "seal", "release_lock"]
    assert planned["tape"] == "FUL001"
    assert full.catalogue_file.read_text(encoding="utf-8") == before
    refused("tape_unknown", lambda: seal(full, tape="FUL001"))
