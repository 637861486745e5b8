# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module backup_vault, apart from where it runs. Private to lockstep.backup: not a public interface."""

from __future__ import annotations

import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.feature import OWNER_SPEC, Feature, Task
from ansible_collections.lockstep.backup.plugins.module_utils.vault import schema
from ansible_collections.lockstep.backup.plugins.module_utils.vault.committing import committed
from ansible_collections.lockstep.backup.plugins.module_utils.vault.failing import failed
from ansible_collections.lockstep.backup.plugins.module_utils.vault.inquiry import query, rebuilt
from ansible_collections.lockstep.backup.plugins.module_utils.vault.opening import opened
from ansible_collections.lockstep.backup.plugins.module_utils.vault.pruning import pruned
from ansible_collections.lockstep.backup.plugins.module_utils.vault.verifying import verified

_STATES: t.Mapping[str, t.Callable[[Task], dict[str, t.Any]]] = {
    "opened": opened,
    "committed": committed,
    "verified": verified,
    "failed": failed,
    "pruned": pruned,
    "query": query,
    "rebuilt": rebuilt,
}


def run(task: Task) -> dict[str, t.Any]:
    return _STATES[task.params["state"]](task)


FEATURE = Feature(
    name="backup_vault",
    run=run,
    argument_spec={
        "path": {"type": "str", "required": True},
        "installation": {"type": "str", "required": True},
        "state": {"type": "str", "required": True, "choices": list(_STATES)},
        "system": {"type": "str"},
        "set": {"type": "str"},
        "set_id": {"type": "str"},
        "host": {"type": "str"},
        "hosts": {"type": "list", "elements": "str"},
        "trigger": {"type": "str", "choices": list(schema.TRIGGERS), "default": schema.ON_DEMAND},
        "grade": {"type": "str", "choices": list(schema.GRADES)},
        "grade_reasons": {"type": "list", "elements": "str", "default": []},
        "parts": {
            "type": "list",
            "elements": "dict",
            "options": {
                "path": {"type": "str", "required": True},
                "kind": {"type": "str", "required": True, "choices": list(schema.KINDS)},
                "bytes": {"type": "int"},
                "sha256": {"type": "str"},
                "tool": {"type": "str"},
                "tool_version": {"type": "str"},
                "log": {"type": "str"},
            },
        },
        "units": {"type": "list", "elements": "dict", "default": []},
        "outage": {
            "type": "dict",
            "options": {
                "started": {"type": "str", "required": True},
                "ended": {"type": "str", "required": True},
                "seconds": {"type": "float", "required": True},
            },
        },
        "steps": {
            "type": "list",
            "elements": "dict",
            "default": [],
            "options": {
                "at": {"type": "str", "required": True},
                "step": {"type": "str", "required": True},
                "detail": {"type": "str"},
            },
        },
        "restore_steps": {"type": "list", "elements": "str", "default": []},
        "details": {"type": "dict", "default": {}},
        "error": {"type": "str"},
        "drill": {"type": "str"},
        "primary_sets": {"type": "list", "elements": "str"},
        "keep_recent": {"type": "int", "default": 4},
        "keep_archive": {"type": "int", "default": 2},
        "clock_skew": {"type": "float", "default": 300.0},
        **OWNER_SPEC,
    },
    required_if=(
        ("state", "opened", ("system",)),
        ("state", "committed", ("set", "grade", "parts")),
        ("state", "verified", ("set",)),
    ),
    required_by={"set_id": ("set",)},
)
