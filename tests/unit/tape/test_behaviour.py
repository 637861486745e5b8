# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One suite of behaviours over all drives: labelling, writing, reading, and refusing."""

from __future__ import annotations

import os
import pathlib
import typing as t

import pytest

from ansible_collections.lockstep.backup.plugins.module_utils.tape import sections
from ansible_collections.lockstep.backup.plugins.module_utils.tape.labels import vol1
from tests.unit.fake_host import OTHER, OWNER
from tests.unit.tape.kit import EXPORT, KB, SMALL, Site, refused, write


def everything(folder: pathlib.Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# labelling


def test_a_blank_tape_gets_the_next_label_of_the_pool(site: Site) -> None:
    assert [site.label("one"), site.label("two")] == ["EXP001", "EXP002"]


def test_a_tape_that_is_labelled_already_is_left_alone(site: Site) -> None:
    site.label("one")
    site.equipment.insert("one")
    before = site.equipment.content("one")
    assert site.run("labelled", pool=EXPORT)["tape"] == "EXP001"
    assert site.equipment.content("one") == before


def test_labelling_needs_a_tape(site: Site) -> None:
    refused("drive_empty", lambda: site.run("labelled", pool=EXPORT))


@pytest.mark.parametrize(
    ("blocks", "named"),
    [
        ([vol1("OTHER1", "x").replace(b"LOCKSTEP", b"BACKUP  ")], "OTHER1"),
        ([b"TAPE\0\0\x03\0" + b"ntbackup" * 100], "foreign-"),
        ([b"\0" * 257 + b"ustar" + b"\0" * 250], "foreign-"),
    ],
)
def test_a_foreign_tape_is_only_labelled_under_its_own_name(site: Site, blocks: list[bytes], named: str) -> None:
    site.equipment.make("alien")
    site.equipment.scribble("alien", blocks)
    site.equipment.insert("alien")
    before = site.equipment.content("alien")
    error = refused("tape_foreign", lambda: site.run("labelled", pool=EXPORT))
    name = error.details["found"]["name"]
    assert name.startswith(named)
    refused("tape_foreign", lambda: site.run("labelled", pool=EXPORT, overwrite="ANOTHER"))
    assert site.equipment.content("alien") == before
    assert site.run("labelled", pool=EXPORT, overwrite=name)["tape"] == "EXP001"


def test_a_tape_that_cannot_be_read_is_not_taken_for_a_blank_one(site: Site) -> None:
    site.equipment.make("bad")
    site.equipment.scribble("bad", [b"something"])
    site.equipment.set("bad", "bad_block", 0)
    site.equipment.insert("bad")
    refused("tape_unreadable", lambda: site.run("labelled", pool=EXPORT))


def test_another_installations_tape_is_foreign(site: Site) -> None:
    site.equipment.make("theirs")
    site.equipment.insert("theirs")
    site.run("labelled", pool=EXPORT, installation="elsewhere", path=site.path + "2")
    refused("tape_foreign", lambda: site.run("labelled", pool=EXPORT))


def test_a_pool_has_no_more_tapes_than_configured(site: Site) -> None:
    site.label("one")
    site.equipment.make("two")
    site.equipment.insert("two")
    refused("pool_full", lambda: site.run("labelled", pool={**EXPORT, "tapes": 1}))


def test_a_tape_with_a_set_is_not_labelled_anew_before_its_time(site: Site) -> None:
    site.label("one")
    site.equipment.insert("one")
    write(site)
    refused("tape_retained", lambda: site.run("labelled", pool=EXPORT, tape="EXP009", overwrite="EXP001"))


def test_a_new_tape_may_take_the_place_of_a_missing_one(site: Site) -> None:
    site.label("one")
    site.equipment.make("new")
    site.equipment.insert("new")
    refused("option_invalid", lambda: site.run("labelled", pool=EXPORT, tape="EXP001"))
    assert site.run("labelled", pool={**EXPORT, "missing": ["EXP001"]}, tape="EXP001")["changed"]


# writing and reading


def test_what_is_written_is_what_is_read(site: Site) -> None:
    site.label("one")
    site.equipment.insert("one")
    data = os.urandom(3 * SMALL + 17)
    written = write(site, data=data)
    assert written["changed"]
    assert written["set"]["state"] == "complete"
    assert written["tape"] == "EXP001"
    target = site.folder / "restored"
    read = site.run("restored", set_id="set1", dest=site.there(target))
    assert (target / "set1.dmp").read_bytes() == data
    assert read["files"] == [site.there(target / "set1.dmp")]
    assert not site.run("restored", set_id="set1", dest=site.there(target))["changed"]


def test_a_set_that_is_on_tape_is_not_written_again(site: Site) -> None:
    site.label("one")
    site.equipment.insert("one")
    write(site)
    assert not write(site)["changed"]
    refused("set_exists", lambda: site.run("written", pool=EXPORT, set_id="set1", parts=[site.part("other")]))


def test_a_set_goes_on_with_the_next_tape_when_one_is_full(site: Site) -> None:
    for name in ("one", "two", "three"):
        site.label(name, capacity=SMALL)
    site.equipment.insert("one")
    site.inserts("two", "three")
    data = os.urandom(2 * SMALL)
    written = write(site, data=data, block_size=16 * KB, wait_seconds=60)
    assert [place["label"] for place in written["set"]["tapes"]] == ["EXP001", "EXP002", "EXP003"]
    site.clock.on_sleep.clear()
    site.inserts("one", "two", "three")
    site.run("restored", set_id="set1", dest=site.there(site.folder / "restored"), wait_seconds=60)
    assert (site.folder / "restored" / "set1.dmp").read_bytes() == data


def test_without_span_nothing_is_written_to_a_tape_that_is_too_small(site: Site) -> None:
    site.label("one", capacity=SMALL)
    site.equipment.insert("one")
    before = site.equipment.content("one")
    error = refused("tape_full", lambda: write(site, data=bytes(2 * SMALL), span=False))
    if site.equipment.device["kind"] == "folder":
        # The st driver does not know a tape's capacity: there it shows when it is full.
        assert site.equipment.content("one") == before
        assert error.details["room"] < 2 * SMALL


def test_nothing_is_appended_where_the_tape_does_not_end_as_the_catalogue_says(site: Site) -> None:
    pool = {**EXPORT, "use_days": 4}
    site.label("one", pool=pool)
    site.equipment.insert("one")
    write(site, pool=pool)

    def forget(data: dict[str, t.Any]) -> None:
        data["tapes"][0]["files"] = 2

    site.change_catalogue(forget)
    refused("tape_mismatch", lambda: write(site, "set2", pool=pool))


def test_a_tape_is_not_overwritten_before_its_time(site: Site) -> None:
    site.label("one")
    site.label("two")
    site.equipment.insert("one")
    write(site)
    site.later(hours=1)
    site.equipment.insert("two")
    write(site, "set2")
    site.later(hours=46)
    error = refused("no_tape_free", lambda: write(site, "set3"))
    assert {entry["tape"] for entry in error.details["passed_over"]} == {"EXP001", "EXP002"}
    site.equipment.insert("one")
    refused("tape_retained", lambda: write(site, "set3", tape="EXP001"))
    site.later(hours=2)
    assert write(site, "set3")["tape"] == "EXP001"
    assert "set1" not in site.catalogue().sets


def test_a_shorter_retention_does_not_expose_what_was_written_before(site: Site) -> None:
    site.label("one")
    site.equipment.insert("one")
    write(site)
    site.later(days=1)
    refused("no_tape_free", lambda: write(site, "set2", pool={**EXPORT, "retention_days": 0, "keep_newer": 0}))


def test_a_catalogue_that_is_older_than_the_tape_does_not_expose_it(site: Site) -> None:
    site.label("one")
    old = site.catalogue_file.read_text(encoding="utf-8")
    site.equipment.insert("one")
    write(site)
    site.catalogue_file.write_text(old, encoding="utf-8")
    error = refused("tape_retained", lambda: write(site, "set2"))
    assert "its own label" in error.message


def test_a_tape_whose_label_is_not_the_catalogues_is_never_written(site: Site) -> None:
    site.label("one")

    def change(data: dict[str, t.Any]) -> None:
        data["tapes"][0]["volume_id"] = "another"

    site.change_catalogue(change)
    site.equipment.insert("one")
    before = site.equipment.content("one")
    refused("tape_mismatch", lambda: write(site))
    assert site.equipment.content("one") == before


def test_pools_never_mix(site: Site) -> None:
    site.label("one")
    site.equipment.insert("one")
    full = {"name": "full", "tapes": 2, "retention_days": 30}
    refused("no_tape_free", lambda: write(site, pool=full))
    refused("tape_wrong", lambda: write(site, pool=full, tape="EXP001"))


def test_a_blank_tape_is_not_written_without_a_label(site: Site) -> None:
    site.label("one")
    site.equipment.make("blank")
    site.equipment.insert("blank")
    refused("tape_blank", lambda: write(site))


def test_a_tape_of_ours_that_the_catalogue_does_not_have_is_not_written(site: Site) -> None:
    site.label("one")
    site.label("two")

    def lose(data: dict[str, t.Any]) -> None:
        del data["tapes"][1]

    site.change_catalogue(lose)
    refused("tape_unknown", lambda: write(site, tape="EXP002"))


@pytest.mark.parametrize(
    ("fault", "slug"), [("protected", "tape_write_protected"), ("cleaning", "drive_needs_cleaning"), ("bad_block", "drive_failed")]
)
def test_a_faulty_tape_fails_the_set_and_says_why(site: Site, fault: str, slug: str) -> None:
    site.label("one")
    site.equipment.insert("one")
    site.equipment.set("one", fault, 4 if fault == "bad_block" else True)
    if fault == "bad_block":
        refused(slug, lambda: write(site, data=bytes(20 * KB), block_size=1 * KB))
        stored = site.catalogue().sets["set1"]
        assert stored.state == "failed"
        assert site.catalogue().tapes["EXP001"].errors == 1
    else:
        refused(slug, lambda: write(site))


def test_a_jammed_drive_says_so(site: Site) -> None:
    site.label("one")
    site.equipment.insert("one")
    site.equipment.set("one", "jammed", True)
    refused("drive_jammed", lambda: site.run("ejected"))


def test_a_set_whose_tape_reads_back_differently_is_not_complete(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sections, "difference", lambda segments, outcomes: "set1.dmp has other bytes")
    site.label("one")
    site.equipment.insert("one")
    refused("tape_verify_failed", lambda: write(site))
    assert site.catalogue().sets["set1"].state == "failed"
    refused("set_not_on_tape", lambda: site.run("restored", set_id="set1", dest=site.there(site.folder / "restored")))


def test_what_has_changed_on_tape_is_not_restored(site: Site) -> None:
    site.label("one")
    site.equipment.insert("one")
    write(site, data=os.urandom(3 * KB), block_size=1 * KB)
    site.equipment.rot("one", 1)
    target = site.folder / "restored"
    refused("tape_verify_failed", lambda: site.run("restored", set_id="set1", dest=site.there(target)))
    assert not (target / "set1.dmp").exists()
    assert site.catalogue().tapes["EXP001"].errors == 1


def test_what_a_drive_writes_differently_is_found_by_reading_it_back(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.label("one")
    site.equipment.insert("one")
    steps = sections.Section.verify_steps

    def after_rot(section: sections.Section, segments: int) -> t.Any:
        site.equipment.rot("one", section.first_file + 1)
        return steps(section, segments)

    monkeypatch.setattr(sections.Section, "verify_steps", after_rot)
    refused("tape_verify_failed", lambda: write(site))


def test_a_part_that_is_missing_empty_or_another_is_not_written(site: Site) -> None:
    site.label("one")
    site.equipment.insert("one")
    part = site.part("a.dmp")
    refused("part_missing", lambda: site.run("written", pool=EXPORT, set_id="s", parts=[{"path": "/nowhere/x"}]))
    refused("part_size", lambda: site.run("written", pool=EXPORT, set_id="s", parts=[site.part("empty", b"")]))
    refused("part_hash", lambda: site.run("written", pool=EXPORT, set_id="s", parts=[{**part, "sha256": "00"}]))


def test_a_run_that_was_killed_while_writing_leaves_no_complete_set_and_a_tape_that_can_be_used(site: Site) -> None:
    site.label("one")
    site.equipment.insert("one")
    write(site)

    def killed(data: dict[str, t.Any]) -> None:
        data["sets"][0]["state"] = "writing"

    site.change_catalogue(killed)
    assert write(site, "set2")["tape"] == "EXP001"
    assert site.catalogue().sets["set2"].state == "complete"


# changing tapes


def test_the_right_tape_is_asked_for_with_its_place_and_the_run_goes_on_when_it_is_in(site: Site) -> None:
    site.label("one")
    site.label("two")
    site.inserts(None, "two", "one")
    assert write(site, wait_seconds=60)["tape"] == "EXP001"
    assert "Insert tape EXP001" in site.said[0]
    assert "shelf one" in site.said[0]
    assert "EXP002 of pool export" in site.said[1]


def test_nobody_inserts_the_tape(site: Site) -> None:
    site.label("one")
    refused("tape_not_inserted", lambda: write(site, wait_seconds=30))
    assert site.clock.elapsed >= 1030


def test_a_wrong_tape_is_named_at_the_end_of_the_wait(site: Site) -> None:
    site.label("one")
    site.label("two")
    site.equipment.insert("two")
    refused("tape_wrong", lambda: write(site))


def test_whoever_changes_tapes_is_notified_by_the_sites_command(posix_site: Site) -> None:
    posix_site.label("one")
    note = posix_site.folder / "note"
    posix_site.inserts("one")
    write(posix_site, wait_seconds=60, notify=["tee", str(note)])
    assert "Insert tape EXP001" in note.read_text(encoding="utf-8")


def test_ejecting_records_the_place_and_prints_the_sticker(site: Site) -> None:
    site.label("one")
    site.equipment.insert("one")
    write(site)
    out = site.run("ejected", location="safe", title="Full WinNT 4.0 Backup", server="eTravel Server")
    assert out["sticker"] == "Full WinNT 4.0 Backup\neTravel Server\n2026-11-20\nEXP001"
    assert site.equipment.inside() is None
    assert site.catalogue().tapes["EXP001"].location == "safe"
    assert not site.run("ejected")["changed"]


def test_loading_checks_that_the_tape_may_be_written(site: Site) -> None:
    site.label("one")
    site.inserts("one")
    first = site.run("loaded", pool=EXPORT, wait_seconds=60)
    assert first["tape"] == "EXP001"
    assert not site.run("loaded", pool=EXPORT)["changed"]
    site.equipment.set("one", "protected", True)
    refused("tape_write_protected", lambda: site.run("loaded", pool=EXPORT))


def test_on_a_day_without_a_run_no_tape_is_used_unless_it_is_wanted(site: Site) -> None:
    site.label("one")
    site.equipment.insert("one")
    policy = {"kind": "cycle", "days": ["monday"], "holidays": ["2026-11-23"]}
    error = refused("tape_not_due", lambda: write(site, policy=policy))
    assert "2026-11-30" in error.message
    assert write(site, policy=policy, any_day=True)["changed"]


# rebuilding


def test_the_catalogue_is_rebuilt_from_the_tapes(site: Site) -> None:
    pool = {**EXPORT, "use_days": 3}
    for name in ("one", "two"):
        site.label(name, capacity=4 * SMALL, pool=pool)
    site.equipment.insert("one")
    write(site, "set1", os.urandom(SMALL), pool=pool, block_size=16 * KB)
    site.later(hours=1)
    site.inserts("two")
    write(site, "set2", os.urandom(4 * SMALL), pool=pool, block_size=16 * KB, wait_seconds=60)
    before = site.catalogue()
    site.catalogue_file.unlink()
    site.equipment.insert("two")
    assert site.run("imported")["changed"]
    assert site.catalogue().sets["set2"].state == "partial"
    site.equipment.insert("one")
    site.run("imported")
    after = site.catalogue()
    for set_id in ("set1", "set2"):
        assert after.sets[set_id].tapes == before.sets[set_id].tapes
        assert (after.sets[set_id].parts, after.sets[set_id].state) == (before.sets[set_id].parts, "complete")
    for label in ("EXP001", "EXP002"):
        mine, was = after.tapes[label], before.tapes[label]
        assert (mine.expires, mine.files, mine.volume_id) == (was.expires, was.files, was.volume_id)
    assert not site.run("imported")["changed"]


def test_tapes_of_a_set_that_is_not_all_imported_are_not_overwritten(site: Site) -> None:
    for name in ("one", "two"):
        site.label(name, capacity=SMALL)
    site.equipment.insert("one")
    site.inserts("two")
    write(site, data=os.urandom(SMALL), block_size=16 * KB, wait_seconds=60)
    site.catalogue_file.unlink()
    site.equipment.insert("one")
    site.run("imported")
    refused("no_tape_free", lambda: write(site, "set2"))


def test_importing_needs_a_tape_and_leaves_foreign_ones_alone(site: Site) -> None:
    refused("drive_empty", lambda: site.run("imported"))
    site.equipment.make("alien")
    site.equipment.scribble("alien", [b"x" * 512])
    site.equipment.insert("alien")
    assert not site.run("imported")["imported"][0]["imported"]


def test_a_damaged_catalogue_stops_everything(site: Site) -> None:
    site.label("one")
    site.catalogue_file.write_text("{", encoding="utf-8")
    site.equipment.insert("one")
    refused("catalogue_damaged", lambda: write(site))


# runs and check mode


def test_two_runs_cannot_change_tapes_at_once(site: Site) -> None:
    site.label("one")

    def meanwhile(elapsed: float) -> None:
        site.clock.on_sleep.clear()
        refused("run_in_progress", lambda: site.run("ejected", owner=OTHER))
        assert site.run("query", owner=OTHER)["lock"] is not None
        site.equipment.insert("one")

    site.clock.on_sleep.append(meanwhile)
    assert write(site, wait_seconds=60)["changed"]
    assert site.run("query")["lock"] is None


def test_a_run_that_was_taken_for_dead_while_it_waited_writes_nothing(site: Site) -> None:
    site.label("one")

    def meanwhile(elapsed: float) -> None:
        site.run("ejected", owner=OTHER, dead_run=OWNER.run_id)
        site.equipment.insert("one")

    site.clock.on_sleep.append(meanwhile)
    before = site.equipment.content("one")
    refused("lock_lost", lambda: write(site, wait_seconds=60))
    assert site.equipment.content("one") == before
    assert site.catalogue().sets == {}


@pytest.mark.parametrize("inside", [True, False])
def test_check_mode_shows_the_plan_to_the_last_step_and_changes_nothing(site: Site, inside: bool) -> None:
    site.label("one")
    site.equipment.insert("one" if inside else None)
    part = site.part("set1.dmp")
    before, tape = everything(site.folder), site.equipment.content("one")
    planned = site.run("written", check_mode=True, pool=EXPORT, set_id="set1", parts=[part])
    assert (everything(site.folder), site.equipment.content("one")) == (before, tape)
    steps = [entry["action"] for entry in planned["plan"]]
    asked = [] if inside else ["ask", "load"]
    assert steps == ["take_lock", *asked, "check_label", "write", "write_part", "verify", "write", "write", "release_lock"]
    if inside:
        real = site.run("written", pool=EXPORT, set_id="set1", parts=[part])
        assert [entry["action"] for entry in real["plan"]] == steps


def test_labelling_in_check_mode_changes_nothing(site: Site) -> None:
    site.equipment.make("one")
    site.equipment.insert("one")
    before = everything(site.folder)
    planned = site.run("labelled", check_mode=True, pool=EXPORT)
    assert planned["changed"]
    assert "label" in [entry["action"] for entry in planned["plan"]]
    assert everything(site.folder) == before


def test_query_tells_tapes_sets_drive_and_the_next_tape(site: Site) -> None:
    site.label("one")
    site.equipment.insert("one")
    write(site)
    told = site.run("query", pool={**EXPORT, "life_writes": 1}, date="2026-11-24")
    assert not told["changed"]
    assert told["tapes"][0]["life_used"] == 1
    assert "end of its life" in told["life_warnings"][0]
    assert told["sets"][0]["set_id"] == "set1"
    assert told["drive"]["tape"]["name"] == "EXP001"
    assert told["choice"]["tape"] is None
    assert "newer sets" in told["choice"]["why"]


def test_a_clock_that_went_back_stops_everything(site: Site) -> None:
    site.label("one")
    site.equipment.insert("one")
    write(site)
    site.later(days=-1)
    refused("tape_in_future", lambda: write(site, "set2"))
