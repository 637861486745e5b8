# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts of the lab and features on them without ansible-playbook: in this process, over the real pywinrm."""

from __future__ import annotations

import typing as t

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.lockstep.backup.plugins.module_utils.feature import Feature, Task
from ansible_collections.lockstep.backup.plugins.module_utils.owner import Owner
from ansible_collections.lockstep.backup.plugins.plugin_utils.windows.host import WindowsHost
from ansible_collections.lockstep.backup.plugins.plugin_utils.windows.wsman import Settings
from tests.lab.lab import ADMIN, ADMIN_PASSWORD, Lab

STRANGER = Owner("0123456789ab", "another-control-node", "another-boot", 4711, "12345", "somebody")
"""A run on another control node, of which nobody here can tell whether it is over."""
SELF = Owner("ba9876543210", "this-control-node", "this-boot", 815, "54321", "tester")


def settings(lab: Lab, name: str, **arguments: t.Any) -> Settings:
    """As the lab's inventory has it: NTLM over HTTP for odd installations, Basic over HTTPS for even ones."""
    host = lab.hosts[name]
    chosen: dict[str, t.Any] = {"username": ADMIN, "password": ADMIN_PASSWORD}
    # Without a path pywinrm takes what the environment of this machine says, and warns of it.
    chosen["ca_trust_path"] = str(lab.authority.certificate_path)
    if not host.https:
        chosen["message_encryption"] = "always"
    return Settings(host.endpoint.url, ("basic" if host.https else "ntlm",), {**chosen, **arguments})


def windows_host(lab: Lab, name: str = "aes1", **arguments: t.Any) -> WindowsHost:
    """To be closed by the caller. ``arguments`` replace or add to pywinrm's."""
    return WindowsHost(name, settings(lab, name, **arguments))


def run_feature(lab: Lab, feature: Feature, host: str = "aes1", owner: Owner = SELF, **params: t.Any) -> dict[str, t.Any]:
    """A module's feature with its defaults, as the action plugin runs it. Raises LockstepError."""
    validated = ArgumentSpecValidator(dict(feature.argument_spec)).validate(params)
    assert validated.error_messages == []
    machine = windows_host(lab, host)
    try:
        return feature.run(Task(params=validated.validated_parameters, host=machine, owner=owner))
    finally:
        machine.close()
