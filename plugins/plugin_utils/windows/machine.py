# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the drivers of units need of a Windows host. Private to lockstep.backup: not a public interface."""

from __future__ import annotations

import collections.abc
import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.host.base import Completed, Host
from ansible_collections.lockstep.backup.plugins.plugin_utils.windows.wsman import Session


class WindowsMachine(Host, t.Protocol):
    """What the drivers need beside the Host protocol."""

    session: Session

    def cmd(self, line: str) -> Completed: ...

    def register_task(
        self,
        name: str,
        definition: str,
        path: str,
        then: collections.abc.Sequence[collections.abc.Sequence[str]] = (),
    ) -> Completed: ...
