# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each test of a whole task runs on a drive in a folder, and on the st driver's calls with a drive in memory."""

from __future__ import annotations

import pathlib

import pytest

from tests.unit.tape import kit


@pytest.fixture(params=["folder", "scsi"])
def site(request: pytest.FixtureRequest, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> kit.Site:
    return kit.site(request.param, tmp_path, monkeypatch)
