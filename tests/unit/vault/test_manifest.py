# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The manifest and its schema."""

from __future__ import annotations

import datetime
import json
import pathlib
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.vault import manifest as manifests
from ansible_collections.lockstep.backup.plugins.module_utils.vault import schema, times
from tests.unit.vault import examples

DOCUMENTED = pathlib.Path(__file__).resolve().parents[3] / "docs/manifest.schema.json"


def test_the_documented_schema_is_the_one_that_is_used() -> None:
    assert json.loads(DOCUMENTED.read_text(encoding="utf-8")) == json.loads(json.dumps(schema.SCHEMA))


@pytest.mark.parametrize(
    "manifest", [examples.opened(), examples.committed(), manifests.failed(examples.opened(), examples.ENDED, "why")]
)
def test_manifests_of_every_state_are_read_back(manifest: manifests.Manifest) -> None:
    assert manifests.parse(manifests.as_text(manifest)) == manifest


@pytest.mark.parametrize(
    "change",
    [
        {"parts": []},
        {"ended": None},
        {"grade": None},
        {"grade": "perfect"},
        {"error": "but"},
        {"schema_version": True},
        {"unknown": 1},
        {"set_id": ""},
        {"started": "yesterday"},
        {"started": "2026-11-21T03:13:00+01:00\n"},
    ],
)
def test_a_committed_manifest_with_nothing_in_it_or_something_odd_is_not_valid(change: dict[str, t.Any]) -> None:
    broken = examples.committed(**change) if "unknown" in change or "error" in change else {**examples.committed(), **change}
    assert schema.problem(broken) is not None
    with pytest.raises(manifests.ManifestProblem):
        manifests.parse(json.dumps(broken))


@pytest.mark.parametrize("version", [2, 0, "1", None, True, 1.5])
def test_an_unknown_schema_version_is_never_understood(version: object) -> None:
    with pytest.raises(manifests.ManifestProblem, match="schema version"):
        manifests.parse(json.dumps({**examples.committed(), "schema_version": version}))


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '"x"', manifests.as_text(examples.committed())[:-20]])
def test_a_text_that_is_no_whole_manifest_is_not_understood(text: str) -> None:
    with pytest.raises(manifests.ManifestProblem):
        manifests.parse(text)


def test_a_failed_set_keeps_what_was_known_of_it() -> None:
    before = examples.committed()
    after = manifests.failed(before, "2026-11-22T00:00:00+00:00", "the other host could not commit")
    assert (after["state"], after["error"], after["ended"]) == ("failed", "the other host could not commit", examples.ENDED)
    assert after["parts"] == before["parts"]
    assert before["state"] == "committed"


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/x",
        "\\x",
        "C:\\x",
        "c:x",
        "../x",
        "a/../b",
        "a//b",
        "./a",
        "a/",
        "\\\\nas\\x",
        "manifest.json",
        "RESTORE.TXT",
        "hb.log/x",
    ],
)
def test_a_part_outside_the_set_or_in_place_of_its_own_files_is_refused(path: str) -> None:
    with pytest.raises(LockstepError) as caught:
        manifests.part_path(path)
    assert caught.value.slug == "option_invalid"


def test_part_paths_have_forward_slashes_on_every_platform() -> None:
    assert manifests.part_path("zips\\a b\\vault.zip") == manifests.part_path("zips/a b/vault.zip") == "zips/a b/vault.zip"


@pytest.mark.parametrize("paths", [[], ["a.zip", "A.ZIP"], ["x/a", "x\\a"]])
def test_no_part_and_the_same_part_twice_are_refused(paths: list[str]) -> None:
    with pytest.raises(LockstepError) as caught:
        manifests.expected_parts([{"path": path, "kind": "file"} for path in paths])
    assert caught.value.slug == "option_invalid"


@given(st.datetimes(), st.integers(-23 * 60, 23 * 60))
def test_times_are_read_back_to_the_second(moment: datetime.datetime, minutes: int) -> None:
    aware = moment.replace(tzinfo=datetime.timezone(datetime.timedelta(minutes=minutes)))
    assert times.parse_iso(times.iso(aware)) == aware.replace(microsecond=0)


@pytest.mark.parametrize("text", ["2026-11-21T03:13:00.123456789Z", "2026-11-21T03:13:00Z", "2026-11-21T04:13:00.5+01:00"])
def test_times_of_other_writers_are_understood(text: str) -> None:
    assert (
        times.iso(times.parse_iso(text).astimezone(tz=times.parse_iso("2026-01-01T00:00:00Z").tzinfo))
        == "2026-11-21T03:13:00+00:00"
    )


@pytest.mark.parametrize("text", ["2026-11-21 03:13:00", "2026-11-21T03:13:00", "2026-13-21T03:13:00Z", ""])
def test_a_time_without_a_zone_is_not_guessed(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        times.parse_iso(text)
