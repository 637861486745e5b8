# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The manifest's schema, version 1, and what of JSON Schema is needed to check it on hosts that have only Python.

Private to lockstep.backup: not a public interface. ``docs/manifest.schema.json`` is this table, written as JSON; the unit tests
compare them, and this checker with the jsonschema package. Nothing is added to version 1: whoever needs another field makes a
version 2, so that an older Lockstep sees that it does not know the set, and never takes it for a good one.
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.vault import times

SCHEMA_VERSION = 1
OPEN, COMMITTED, FAILED = "open", "committed", "failed"
STATES = (OPEN, COMMITTED, FAILED)
GRADES = ("quiesced", "hot", "crash_consistent", "degraded")
SCHEDULED, ON_DEMAND = "Scheduled", "On Demand"
TRIGGERS = (SCHEDULED, ON_DEMAND)
ZIP, FILE = "zip", "file"
KINDS = (ZIP, FILE)

_TEXT: t.Mapping[str, t.Any] = {"type": "string", "minLength": 1}
_ANY_TEXT: t.Mapping[str, t.Any] = {"type": "string"}
_TEXT_OR_NULL: t.Mapping[str, t.Any] = {"type": ["string", "null"]}
_TIME: t.Mapping[str, t.Any] = {"type": "string", "pattern": times.PATTERN}
_TIME_OR_NULL: t.Mapping[str, t.Any] = {"type": ["string", "null"], "pattern": times.PATTERN}


def _record(properties: t.Mapping[str, t.Any], **more: t.Any) -> dict[str, t.Any]:
    """An object with exactly these properties."""
    return {"type": "object", "required": list(properties), "properties": properties, "additionalProperties": False, **more}


SCHEMA: t.Mapping[str, t.Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Manifest of a Lockstep set, version 1",
    **_record(
        {
            "schema_version": {"const": SCHEMA_VERSION},
            "set": {"type": "string", "pattern": "^[0-9]{8}$"},
            "set_id": _TEXT,
            "installation": _TEXT,
            "system": _TEXT,
            "host": _TEXT,
            "hosts": {"type": "array", "minItems": 1, "items": _TEXT},
            "state": {"enum": list(STATES)},
            "trigger": {"enum": list(TRIGGERS)},
            "owner": _record(
                {
                    "run_id": _TEXT,
                    "control_node": _ANY_TEXT,
                    "boot_id": _ANY_TEXT,
                    "pid": {"type": "integer"},
                    "started": _ANY_TEXT,
                    "user": _ANY_TEXT,
                }
            ),
            "started": _TIME,
            "ended": _TIME_OR_NULL,
            "grade": {"enum": [*GRADES, None]},
            "grade_reasons": {"type": "array", "items": _ANY_TEXT},
            "parts": {
                "type": "array",
                "items": _record(
                    {
                        "path": _TEXT,
                        "kind": {"enum": list(KINDS)},
                        "bytes": {"type": "integer", "minimum": 1},
                        "sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
                        "tool": _TEXT_OR_NULL,
                        "tool_version": _TEXT_OR_NULL,
                        "log": _TEXT_OR_NULL,
                    }
                ),
            },
            "units": {"type": "array", "items": {"type": "object"}},
            "outage": {
                "type": ["object", "null"],
                "required": ["started", "ended", "seconds"],
                "properties": {"started": _TIME, "ended": _TIME, "seconds": {"type": "number", "minimum": 0}},
                "additionalProperties": False,
            },
            "restore_steps": {"type": "array", "items": _ANY_TEXT},
            "steps": {"type": "array", "items": _record({"at": _TIME, "step": _TEXT, "detail": _ANY_TEXT})},
            "error": _TEXT_OR_NULL,
            "details": {"type": "object"},
        }
    ),
    # What only a finished set has, so that a manifest cannot call itself good with nothing in it.
    "if": {"required": ["state"], "properties": {"state": {"const": COMMITTED}}},
    "then": {"properties": {"ended": _TIME, "grade": {"enum": list(GRADES)}, "parts": {"minItems": 1}, "error": {"const": None}}},
}

_TYPES: t.Mapping[str, t.Callable[[t.Any], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
    "null": lambda value: value is None,
}


def _same(left: t.Any, right: t.Any) -> bool:
    # True is 1 in Python, but not in JSON.
    return left == right and isinstance(left, bool) == isinstance(right, bool)


def problem(value: t.Any, schema: t.Mapping[str, t.Any] | None = None, where: str = "") -> str | None:
    """What is wrong with a value in a few words, or None. Knows the keywords that ``SCHEMA`` uses, which is the default."""
    schema = SCHEMA if schema is None else schema
    here = where or "the manifest"
    if "type" in schema:
        allowed = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
        if not any(_TYPES[name](value) for name in allowed):
            return f"{here} is not of type {' or '.join(allowed)}"
    if "const" in schema and not _same(value, schema["const"]):
        return f"{here} is not {schema['const']!r}"
    if "enum" in schema and not any(_same(value, allowed) for allowed in schema["enum"]):
        return f"{here} has the unknown value {value!r}"
    if isinstance(value, str):
        return _text_problem(value, schema, here)
    if isinstance(value, (int, float)) and "minimum" in schema and value < schema["minimum"]:
        return f"{here} is below {schema['minimum']}"
    if isinstance(value, list):
        return _array_problem(value, schema, where, here)
    if isinstance(value, dict):
        return _object_problem(value, schema, where, here)
    return None


def _text_problem(value: str, schema: t.Mapping[str, t.Any], here: str) -> str | None:
    if len(value) < schema.get("minLength", 0):
        return f"{here} is empty"
    # Python's $ also matches before a last line end, JSON Schema's does not.
    if "pattern" in schema and (value.endswith("\n") or not re.search(schema["pattern"], value)):
        return f"{here} has the wrong form: {value!r}"
    return None


def _array_problem(value: list[t.Any], schema: t.Mapping[str, t.Any], where: str, here: str) -> str | None:
    if len(value) < schema.get("minItems", 0):
        return f"{here} has too few entries"
    found = (problem(item, schema.get("items", {}), f"{where}[{index}]") for index, item in enumerate(value))
    return next((text for text in found if text), None)


def _object_problem(value: dict[str, t.Any], schema: t.Mapping[str, t.Any], where: str, here: str) -> str | None:
    missing = [key for key in schema.get("required", ()) if key not in value]
    if missing:
        return f"{here} lacks {', '.join(missing)}"
    known = schema.get("properties", {})
    unknown = sorted(str(key) for key in value if key not in known)
    if unknown and schema.get("additionalProperties") is False:
        return f"{here} has the unknown {', '.join(unknown)}"
    for key, rule in known.items():
        found = problem(value[key], rule, f"{where}.{key}" if where else key) if key in value else None
        if found:
            return found
    if "if" in schema and problem(value, schema["if"]) is None:
        return problem(value, schema["then"], where)
    return None
