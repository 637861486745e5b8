# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""backup_command on the control node for Windows hosts."""

from __future__ import annotations

from ansible_collections.lockstep.backup.plugins.module_utils.command.feature import FEATURE
from ansible_collections.lockstep.backup.plugins.plugin_utils.on_host import OnHost


class ActionModule(OnHost):
    feature = FEATURE
