# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A full export and import on the lab: the real driver at the lab's listener, the real pywinrm at its Windows host."""

from __future__ import annotations

import typing as t

import pytest

from tests.integration.test_oracle_export import FOLDER, ROWS, Site
from tests.lab.lab import Lab
from tests.lab.oracle import dump
from tests.lab.sites import SCHEMA, SCHEMA_PASSWORD, SYSTEM_PASSWORD

DUMP = rf"{FOLDER}\full.dmp"
TABLES = {f"{SCHEMA}.{name}": rows for name, rows in ROWS.items()} | {"SCOTT.EMP": 2}
SYSTEM: t.Mapping[str, t.Any] = {"schema": None, "full": True, "user": "system", "password": SYSTEM_PASSWORD, "dump": DUMP}
DATAPUMP: t.Mapping[str, t.Any] = {"method": "datapump", "directory": "DATA_PUMP_DIR"}


class FullSite(Site):
    """The administrator exports everything."""

    def defaults(self) -> dict[str, t.Any]:
        return {name: value for name, value in {**super().defaults(), "elevate": "none", **SYSTEM}.items() if value is not None}


@pytest.fixture
def site(lab: Lab) -> FullSite:
    found = FullSite(lab)
    found.database.add_user("SCOTT", "tiger-Fake1")
    found.database.add_table("SCOTT", "EMP", {"NAME": "VARCHAR2(20)"}, [("KING",), ("BLAKE",)])
    return found


@pytest.mark.parametrize("method", ["classic", "datapump"])
def test_a_full_export_holds_every_schema_and_goes_back_as_a_whole(site: FullSite, method: str) -> None:
    options: dict[str, t.Any] = dict(DATAPUMP) if method == "datapump" else {}
    result = site.call(**options)
    read = dump.read_datapump if method == "datapump" else dump.read_classic
    content = read(site.path(DUMP))
    assert content.row_counts() == result["tables"] == TABLES
    assert "SYS" not in content.users
    assert content.scn is not None
    assert not site.call(**options)["changed"]
    assert not site.call(state="verified", expected_set_id="26112101", **options)["changed"]
    for schema in (SCHEMA, "SCOTT"):
        site.database.tables[schema].clear()
    del site.database.users["SCOTT"]
    existing: dict[str, t.Any] = {"extra_parameters": {"ignore": "y"}}
    if method == "datapump":
        existing = {"allowed_warnings": ["ORA-31684"]}
    # A dump that the directory object reaches: the set's folder is not the directory's.
    place: dict[str, t.Any] = {"dump": DUMP}
    if method == "datapump":
        for suffix in ("", ".lockstep.json"):
            site.path(f"{DUMP}{suffix}").rename(site.path(rf"C:\Backups\full.dmp{suffix}"))
        place = {"dump": r"C:\Backups\full.dmp"}
    imported = site.call(state="imported", expected_set_id="26112101", **options, **existing, **place)
    assert imported["tables"] == TABLES
    assert "SCOTT" in site.database.users
    assert set(site.database.tables["SCOTT"]) == {"EMP"}
    assert site.leftovers() == []


def test_what_exists_already_is_told_unless_it_is_meant(site: FullSite) -> None:
    site.call()
    assert site.refused(state="imported", expected_set_id="26112101").slug == "import_failed"


@pytest.mark.parametrize("options", [{}, DATAPUMP], ids=["classic", "datapump"])
def test_without_the_role_it_is_refused_and_with_the_role_for_its_time_it_works(
    site: FullSite, options: t.Mapping[str, t.Any]
) -> None:
    account: dict[str, t.Any] = {"user": SCHEMA, "password": SCHEMA_PASSWORD, **options}
    assert site.refused(**account).slug == "oracle_privileges_missing"
    assert site.refused(**account, preflight=False).slug == "oracle_privileges_missing"
    before = site.privileges()
    assert site.call(**account, elevate="export_role")["tables"] == TABLES
    assert site.privileges() == before
    assert site.leftovers() == []


def test_one_schema_is_taken_out_of_a_full_dump(site: FullSite) -> None:
    site.call()
    site.database.tables["SCOTT"].clear()
    options: dict[str, t.Any] = {"full": False, "schema": "SCOTT", "user": "system"}
    result = site.call(state="imported", expected_set_id="26112101", **options)
    assert (result["tables"], set(site.database.tables["SCOTT"])) == ({"EMP": 2}, {"EMP"})


@pytest.mark.parametrize(("fault", "slug"), [("exp_truncated_dump", None), ("exp_error", "oracle_snapshot_too_old")])
def test_a_full_export_that_fails_or_is_damaged_is_found_out(site: FullSite, fault: str, slug: str | None) -> None:
    site.fault(fault)
    if slug is not None:
        assert site.refused().slug == slug
        assert not site.path(f"{DUMP}.lockstep.json").exists()
        return
    site.call()
    site.lab.faults.clear()
    assert site.refused(state="verified", expected_set_id="26112101").slug == "dump_truncated"
