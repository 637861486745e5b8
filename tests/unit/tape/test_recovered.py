# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run that is over has left of the tapes is put in order, and a plan is shown for parts that are still to be made."""

from __future__ import annotations

import typing as t

from tests.unit.tape.kit import EXPORT, Site


def test_what_a_dead_run_did_not_complete_is_failed_and_nothing_moves(site: Site) -> None:
    site.label("one")
    site.equipment.insert("one")
    site.run("written", pool=EXPORT, set_id="set1", parts=[site.part("a.dmp")])

    def killed(data: dict[str, t.Any]) -> None:
        data["sets"][0]["state"] = "writing"

    site.change_catalogue(killed)
    before = site.equipment.content("one")
    assert site.run("recovered", check_mode=True)["changed"]
    assert site.catalogue().sets["set1"].state == "writing"
    assert site.run("recovered")["changed"]
    assert site.catalogue().sets["set1"].state == "failed"
    assert not site.run("recovered")["changed"]
    assert site.equipment.content("one") == before
    assert site.equipment.inside() == "one"


def test_locks_that_dead_runs_left_beside_the_lock_go(site: Site) -> None:
    site.label("one")
    left = site.catalogue_file.parent / "Lock.0123456789ab-01234567"
    left.mkdir()
    (left / "owner.json").write_text("{}", encoding="utf-8")
    assert site.run("recovered", check_mode=True)["changed"]
    assert left.is_dir()
    assert site.run("recovered")["changed"]
    assert not left.exists()
    assert not site.run("recovered")["changed"]


def test_check_mode_plans_a_set_whose_parts_have_not_been_made(site: Site) -> None:
    site.label("one")
    site.equipment.insert("one")
    part = {"path": site.there(site.folder / "not yet.dmp")}
    planned = site.run("written", check_mode=True, pool=EXPORT, set_id="set1", parts=[part])
    assert "write_part" in [step["action"] for step in planned["plan"]]
    assert site.catalogue().sets == {}
