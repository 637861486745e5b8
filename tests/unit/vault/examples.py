# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Manifests for tests."""

from __future__ import annotations

import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.vault import manifest as manifests
from tests.unit.fake_host import OWNER

STARTED = "2026-11-21T03:13:00+01:00"
ENDED = "2026-11-21T03:20:00+01:00"


def opened(name: str = "26112101", **changed: t.Any) -> manifests.Manifest:
    opening = manifests.Opening(
        name=name,
        set_id=f"berlin-{name}-00000000",
        installation="berlin",
        system="altium_enterprise_server",
        host="aes1",
        hosts=["aes1", "ora1"],
        trigger="Scheduled",
        started=STARTED,
    )
    return dict(manifests.opened(opening, OWNER), **changed)


def committed(name: str = "26112101", **changed: t.Any) -> manifests.Manifest:
    finished: dict[str, t.Any] = {
        "state": "committed",
        "ended": ENDED,
        "grade": "quiesced",
        "parts": [
            {
                "path": "zips/vault.zip",
                "kind": "zip",
                "bytes": 1234,
                "sha256": "a" * 64,
                "tool": "avbackup.exe",
                "tool_version": "5.0",
                "log": None,
            }
        ],
        "outage": {"started": STARTED, "ended": "2026-11-21T02:18:00.5Z", "seconds": 300.5},
        "units": [{"kind": "service", "name": "W3SVC"}],
        "restore_steps": ["Stop IIS.", "Restore the zip."],
    }
    return opened(name, **finished, **changed)
