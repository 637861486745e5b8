# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of oracle_schema_export. Private to lockstep.backup: not a public interface."""

from __future__ import annotations

import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.feature import OWNER_SPEC

ARGUMENT_SPEC: t.Mapping[str, t.Any] = {
    "state": {
        "type": "str",
        "choices": ["exported", "imported", "verified", "query", "recovered"],
        "default": "exported",
    },
    "method": {"type": "str", "choices": ["classic", "datapump"], "default": "classic"},
    "schema": {"type": "str"},
    "full": {"type": "bool", "default": False},
    "dsn": {"type": "str", "required": True},
    "net_service": {"type": "str"},
    "user": {"type": "str"},
    "password": {"type": "str", "no_log": True},
    "wallet_alias": {"type": "str"},
    "admin_user": {"type": "str"},
    "admin_password": {"type": "str", "no_log": True},
    "admin_mode": {"type": "str", "choices": ["default", "sysdba"], "default": "default"},
    "config_dir": {"type": "path"},
    "wallet_location": {"type": "path"},
    "wallet_password": {"type": "str", "no_log": True},
    "elevate": {"type": "str", "choices": ["none", "dba", "export_role"], "default": "none"},
    "dump": {"type": "str"},
    "log": {"type": "str"},
    "set_id": {"type": "str"},
    "consistent": {"type": "bool", "default": True},
    "exp_program": {"type": "str", "default": "exp"},
    "imp_program": {"type": "str", "default": "imp"},
    "environment": {"type": "dict", "default": {}},
    "directory": {"type": "str"},
    "parallel": {"type": "int", "default": 1},
    "compression": {"type": "str", "choices": ["none", "metadata_only", "data_only", "all"], "default": "metadata_only"},
    "extra_parameters": {"type": "dict", "default": {}},
    "allowed_warnings": {"type": "list", "elements": "str", "default": []},
    "timeout": {"type": "int", "default": 14400},
    "login_timeout": {"type": "float", "default": 60.0},
    "preflight": {"type": "bool", "default": True},
    "min_free_ratio": {"type": "float", "default": 1.1},
    "expected_set_id": {"type": "str"},
    "allow_other_set": {"type": "bool", "default": False},
    "from_schema": {"type": "str"},
    "allow_other_schema": {"type": "bool", "default": False},
    "state_folder": {"type": "str"},
    **OWNER_SPEC,
}

REQUIRED_IF: t.Sequence[t.Sequence[t.Any]] = (
    ("state", "exported", ("dump", "set_id")),
    ("state", "imported", ("dump",)),
    ("state", "verified", ("dump",)),
    ("method", "datapump", ("directory",)),
    ("elevate", "dba", ("admin_user", "admin_password")),
    ("elevate", "export_role", ("admin_user", "admin_password")),
    ("full", False, ("schema",)),
    ("full", True, ("user",)),
)
REQUIRED_TOGETHER: t.Sequence[t.Sequence[str]] = (("admin_user", "admin_password"),)
MUTUALLY_EXCLUSIVE: t.Sequence[t.Sequence[str]] = (("password", "wallet_alias"),)
