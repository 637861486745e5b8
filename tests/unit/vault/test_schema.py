# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Our own small checker of the manifest's schema against the jsonschema package."""

from __future__ import annotations

import copy
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.lockstep.backup.plugins.module_utils.vault import manifest as manifests
from ansible_collections.lockstep.backup.plugins.module_utils.vault import schema
from tests.unit.vault import examples

jsonschema = pytest.importorskip("jsonschema")
VALIDATOR = jsonschema.Draft202012Validator(t.cast(dict[str, t.Any], schema.SCHEMA))
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 2),
    st.just(1.5),
    st.sampled_from(["", "x", "committed", "open", "hot", [], {}, [1], {"a": 1}]),
)
Path = tuple[str | int, ...]


def places(value: t.Any, path: Path = ()) -> list[Path]:
    """Every place in a JSON value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, child in inner for found in places(child, (*path, key)))]


def changed(value: t.Any, path: Path, change: t.Callable[[t.Any, t.Any], None]) -> t.Any:
    result = copy.deepcopy(value)
    target = result
    for key in path[:-1]:
        target = target[key]
    change(target, path[-1])
    return result


def test_the_schema_is_a_schema() -> None:
    VALIDATOR.check_schema(schema.SCHEMA)


@pytest.mark.parametrize(
    "manifest", [examples.opened(), examples.committed(), manifests.failed(examples.opened(), examples.ENDED, "why")]
)
def test_manifests_of_every_state_fit_the_schema(manifest: manifests.Manifest) -> None:
    VALIDATOR.validate(manifest)
    assert schema.problem(manifest) is None


@given(st.data())
def test_our_checker_and_jsonschema_agree_on_manifests_with_one_wrong_value(data: st.DataObject) -> None:
    manifest = data.draw(st.sampled_from([examples.opened(), examples.committed()]))
    path = data.draw(st.sampled_from([place for place in places(manifest) if place]))
    value = data.draw(VALUES)
    broken = changed(manifest, path, lambda target, key: target.__setitem__(key, value))
    assert (schema.problem(broken) is None) == VALIDATOR.is_valid(broken)


@given(st.data())
def test_our_checker_and_jsonschema_agree_on_manifests_that_lack_something(data: st.DataObject) -> None:
    manifest = data.draw(st.sampled_from([examples.opened(), examples.committed()]))
    path = data.draw(st.sampled_from([place for place in places(manifest) if place]))
    broken = changed(manifest, path, lambda target, key: target.__delitem__(key))
    assert (schema.problem(broken) is None) == VALIDATOR.is_valid(broken)
