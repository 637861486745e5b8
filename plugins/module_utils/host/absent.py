# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files and folders that may not be there: asked for in one request, instead of looking first. Private to lockstep.backup."""

from __future__ import annotations

import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.host.base import FileInfo, Host

Found = t.TypeVar("Found")


def read_or_none(host: Host, path: str, tail_bytes: int | None = None) -> str | None:
    """A text file, or its end; None where there is none."""
    return or_none(lambda: host.read_text(path, tail_bytes))


def list_or_none(host: Host, path: str, kind: str | None = None) -> list[FileInfo] | None:
    """What lies in a folder; None where there is no such folder."""
    return or_none(lambda: host.list_folder(path, kind))


def or_none(ask: t.Callable[[], Found]) -> Found | None:
    """None instead of the slug ``path_missing``."""
    try:
        return ask()
    except LockstepError as error:
        if error.slug != "path_missing":
            raise
        return None
