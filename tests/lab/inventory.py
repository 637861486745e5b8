# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible inventories for a lab: the static one of the project, or a generated one with the same groups."""

from __future__ import annotations

import json
import pathlib
import typing as t

if t.TYPE_CHECKING:
    from tests.lab.lab import Lab

PROJECT = pathlib.Path(__file__).resolve().parents[2]
STATIC = PROJECT / "inventories" / "lab"
GROUPS = {"aes": "altium_enterprise_server", "ora": "oracle", "etravel": "etravel"}
"""The group of each kind of host."""


def write_inventory(lab: Lab, folder: pathlib.Path) -> pathlib.Path:
    """Write ``hosts.yml`` beside a link to the static inventory's group variables; the folder is the inventory."""
    folder.mkdir(parents=True, exist_ok=True)
    groups: dict[str, dict[str, t.Any]] = {
        name: {"hosts": {}} for name in (*GROUPS.values(), "winrm_http_ntlm", "winrm_https_basic")
    }
    for host in lab.hosts.values():
        variables: dict[str, str] = {"ansible_host": host.address}
        if host.kind == "aes":
            variables["altium_enterprise_server_oracle_host"] = f"ora{host.installation}"
        if host.https:
            # Host variables win over the group's, whose path leads to the lab of the project's own build folder.
            variables["ansible_winrm_ca_trust_path"] = str(lab.authority.certificate_path)
        groups[GROUPS[host.kind]]["hosts"][host.name] = variables
        groups["winrm_https_basic" if host.https else "winrm_http_ntlm"]["hosts"][host.name] = {}
    # JSON is YAML, and needs no library.
    (folder / "hosts.yml").write_text(json.dumps({"all": {"children": groups}}, indent=2) + "\n")
    link = folder / "group_vars"
    if not link.is_symlink():
        link.symlink_to(STATIC / "group_vars")
    return folder
