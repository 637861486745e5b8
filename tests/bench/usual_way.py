# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a user would write instead: a module that runs on localhost and is given the Windows host's credentials as arguments.

It is made from this collection's own code, so that both do exactly the same work and only the way of running it differs.
"""

from __future__ import annotations

import pathlib
import shutil

from tests.lab.inventory import PROJECT

_MODULE = """#!/usr/bin/python
from __future__ import annotations

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.lockstep.usual.plugins.module_utils.feature import Task
from ansible_collections.lockstep.usual.plugins.module_utils.owner import this_process
from ansible_collections.lockstep.usual.plugins.module_utils.quiesce.feature import FEATURE
from ansible_collections.lockstep.usual.plugins.module_utils.windows.host import WindowsHost
from ansible_collections.lockstep.usual.plugins.module_utils.windows.wsman import Settings


def main() -> None:
    connection = {
        "endpoint": {"type": "str", "required": True},
        "transport": {"type": "str", "required": True},
        "username": {"type": "str", "required": True},
        "password": {"type": "str", "required": True, "no_log": True},
    }
    module = AnsibleModule(argument_spec=dict(FEATURE.argument_spec, **connection), supports_check_mode=True)
    given = module.params
    arguments = {"username": given["username"], "password": given["password"]}
    host = WindowsHost("bench", Settings(given["endpoint"], (given["transport"],), arguments))
    try:
        result = FEATURE.run(Task(params=given, host=host, owner=this_process()))
    finally:
        host.close()
    module.exit_json(**result)


if __name__ == "__main__":
    main()
"""


def make_collection(collections: pathlib.Path) -> None:
    """Write the collection ``lockstep.usual`` below the folder, anew."""
    root = collections / "ansible_collections" / "lockstep" / "usual"
    shutil.rmtree(root, ignore_errors=True)
    source = PROJECT / "plugins"
    utils = root / "plugins" / "module_utils"
    shutil.copytree(source / "module_utils", utils, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(source / "plugin_utils" / "windows", utils / "windows", ignore=shutil.ignore_patterns("__pycache__"))
    for file in utils.rglob("*.py"):
        text = file.read_text(encoding="utf-8").replace(
            "lockstep.backup.plugins.plugin_utils", "lockstep.usual.plugins.module_utils"
        )
        file.write_text(text.replace("lockstep.backup.plugins", "lockstep.usual.plugins"), encoding="utf-8")
    modules = root / "plugins" / "modules"
    modules.mkdir(parents=True)
    (modules / "win_service_quiesce.py").write_text(_MODULE, encoding="utf-8")
