# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The edge of every module on POSIX targets. Private to lockstep.backup: not a public interface."""

from __future__ import annotations

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.feature import Feature, Task
from ansible_collections.lockstep.backup.plugins.module_utils.host.posix import PosixHost
from ansible_collections.lockstep.backup.plugins.module_utils.owner import Owner, this_process


def run_module(feature: Feature) -> None:
    """Run the feature on this machine and end the process with its result."""
    module = AnsibleModule(
        argument_spec=dict(feature.argument_spec),
        required_if=feature.required_if,
        required_by=feature.required_by,
        required_together=feature.required_together,
        required_one_of=feature.required_one_of,
        mutually_exclusive=feature.mutually_exclusive,
        supports_check_mode=True,
    )
    given = module.params.get("owner")
    task = Task(
        params=module.params,
        host=PosixHost(),
        owner=Owner.from_dict(given) if given else this_process(),
        check_mode=module.check_mode,
        diff_mode=module._diff,
        warn=module.warn,
    )
    try:
        result = feature.run(task)
    except LockstepError as error:
        module.fail_json(**error.as_result())
    finally:
        task.host.close()
    module.exit_json(**result)
