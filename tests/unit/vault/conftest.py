# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each test of a whole task runs on a host in memory, and on the real files of this machine."""

from __future__ import annotations

import pathlib

import pytest

from tests.unit.vault.world import World, fake_world, posix_world


@pytest.fixture(params=["fake", "posix"])
def world(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> World:
    return fake_world() if request.param == "fake" else posix_world(tmp_path)
