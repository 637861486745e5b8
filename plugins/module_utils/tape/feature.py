# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module tape_rotate, apart from where it runs. Private to lockstep.backup: not a public interface."""

from __future__ import annotations

import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.feature import OWNER_SPEC, Feature, Task
from ansible_collections.lockstep.backup.plugins.module_utils.tape import moments, policies
from ansible_collections.lockstep.backup.plugins.module_utils.tape.importing import imported
from ansible_collections.lockstep.backup.plugins.module_utils.tape.inquiry import query
from ansible_collections.lockstep.backup.plugins.module_utils.tape.labelling import labelled
from ansible_collections.lockstep.backup.plugins.module_utils.tape.restoring import restored
from ansible_collections.lockstep.backup.plugins.module_utils.tape.rotating import advanced, ejected, loaded, recovered
from ansible_collections.lockstep.backup.plugins.module_utils.tape.sealing import sealed
from ansible_collections.lockstep.backup.plugins.module_utils.tape.writing import written

_STATES: t.Mapping[str, t.Callable[[Task], dict[str, t.Any]]] = {
    "query": query,
    "loaded": loaded,
    "ejected": ejected,
    "labelled": labelled,
    "written": written,
    "sealed": sealed,
    "advanced": advanced,
    "imported": imported,
    "restored": restored,
    "recovered": recovered,
}


def run(task: Task) -> dict[str, t.Any]:
    return _STATES[task.params["state"]](task)


FEATURE = Feature(
    name="tape_rotate",
    run=run,
    argument_spec={
        "path": {"type": "str", "required": True},
        "installation": {"type": "str", "required": True},
        "state": {"type": "str", "required": True, "choices": list(_STATES)},
        "device": {
            "type": "dict",
            "options": {
                "kind": {"type": "str", "choices": ["folder", "scsi", "windows"], "required": True},
                "path": {"type": "str", "required": True},
                "timeout": {"type": "float", "default": 86400.0},
            },
        },
        "changer": {
            "type": "dict",
            "options": {
                "kind": {"type": "str", "choices": ["folder", "mtx"], "required": True},
                "path": {"type": "str"},
                "drive": {"type": "int", "default": 0},
                "program": {"type": "str", "default": "mtx"},
                "timeout": {"type": "float", "default": 300.0},
            },
        },
        "pool": {
            "type": "dict",
            "options": {
                "name": {"type": "str", "required": True},
                "tapes": {"type": "int", "required": True},
                "retention_days": {"type": "float", "required": True},
                "group_retention_days": {"type": "dict", "default": {}},
                "naming": {"type": "str"},
                "keep_newer": {"type": "int", "default": 1},
                "use_days": {"type": "float", "default": 0.0},
                "max_errors": {"type": "int", "default": 3},
                "life_writes": {"type": "int", "default": 0},
                "life_days": {"type": "float", "default": 0.0},
                "life_warning": {"type": "float", "default": 0.9},
                "missing": {"type": "list", "elements": "str", "default": []},
                "damaged": {"type": "list", "elements": "str", "default": []},
                "capacity": {"type": "int", "default": 0},
            },
        },
        "policy": {
            "type": "dict",
            "options": {
                "kind": {"type": "str", "required": True, "choices": [policies.CYCLE, policies.WEEKDAY, policies.GFS]},
                "days": {"type": "list", "elements": "str", "choices": list(moments.DAYS), "default": list(moments.DAYS)},
                "weekly_day": {"type": "str", "choices": list(moments.DAYS), "default": "friday"},
                "holidays": {"type": "list", "elements": "str", "default": []},
            },
        },
        "tape": {"type": "str"},
        "group": {"type": "str"},
        "overwrite": {"type": "str"},
        "overwrite_accepted": {"type": "bool"},
        "needed_bytes": {"type": "int"},
        "location": {"type": "str"},
        "date": {"type": "str"},
        "any_day": {"type": "bool", "default": False},
        "set_id": {"type": "str"},
        "parts": {
            "type": "list",
            "elements": "dict",
            "options": {
                "path": {"type": "str", "required": True},
                "name": {"type": "str"},
                "sha256": {"type": "str"},
            },
        },
        "bytes": {"type": "int"},
        "dest": {"type": "str"},
        "block_size": {"type": "int", "default": 262144},
        "span": {"type": "bool", "default": True},
        "verify": {"type": "bool", "default": True},
        "wait_seconds": {"type": "float", "default": 0.0},
        "poll_seconds": {"type": "float", "default": 5.0},
        "load_timeout": {"type": "float", "default": 120.0},
        "notify": {"type": "list", "elements": "str", "default": []},
        "title": {"type": "str"},
        "server": {"type": "str"},
        **OWNER_SPEC,
    },
    required_if=(
        ("state", "loaded", ("device", "pool")),
        ("state", "ejected", ("device",)),
        ("state", "labelled", ("device", "pool")),
        ("state", "written", ("device", "pool", "set_id", "parts")),
        ("state", "sealed", ("device", "pool", "set_id")),
        ("state", "advanced", ("device", "pool")),
        ("state", "imported", ("device",)),
        ("state", "restored", ("device", "set_id", "dest")),
        ("state", "recovered", ("device",)),
    ),
    required_by={"changer": ("device",)},
)
