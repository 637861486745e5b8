# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module file: what it documents is what it takes."""

from __future__ import annotations

import ast
import importlib
import typing as t

import yaml

from ansible_collections.lockstep.backup.plugins.module_utils.feature import OWNER_SPEC
from ansible_collections.lockstep.backup.plugins.module_utils.tape.feature import FEATURE
from tests.conftest import ROOT

SOURCE = (ROOT / "plugins/modules/tape_rotate.py").read_text(encoding="utf-8")


def documents() -> dict[str, t.Any]:
    found = {}
    for node in ast.parse(SOURCE).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and isinstance(node.value, ast.Constant):
            found[node.targets[0].id] = yaml.safe_load(str(node.value.value))
    return found


def as_spec(options: dict[str, t.Any]) -> dict[str, t.Any]:
    """What the argument spec says of options, from their documentation."""
    spec = {}
    for name, option in options.items():
        kept = {key: option[key] for key in ("type", "required", "choices", "default", "elements") if key in option}
        if "suboptions" in option:
            kept["options"] = as_spec(option["suboptions"])
        spec[name] = kept
    return spec


def test_the_documented_options_are_those_that_the_module_takes() -> None:
    taken = {name: spec for name, spec in FEATURE.argument_spec.items() if name not in OWNER_SPEC}
    assert as_spec(documents()["DOCUMENTATION"]["options"]) == taken


def test_the_examples_are_valid_tasks() -> None:
    for task in documents()["EXAMPLES"]:
        options = task["lockstep.backup.tape_rotate"]
        assert set(options) <= set(FEATURE.argument_spec)
        assert {"path", "installation", "state"} <= set(options)


def test_every_returned_value_is_described() -> None:
    for name, described in documents()["RETURN"].items():
        assert {"description", "returned", "type"} <= set(described), name


def test_the_action_plugin_runs_the_same_feature() -> None:
    action = importlib.import_module("ansible_collections.lockstep.backup.plugins.action.tape_rotate")
    assert action.ActionModule.feature is FEATURE
