# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each test of a whole task runs on a drive in a folder, on the st driver's calls with a drive in memory, and on a Windows host."""

from __future__ import annotations

import collections.abc
import pathlib

import pytest

from tests.lab.windows.machine import Machine
from tests.unit.tape import kit


@pytest.fixture(params=["folder", "scsi", "windows"])
def site(
    request: pytest.FixtureRequest, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> collections.abc.Iterator[kit.Site]:
    if request.param != "windows":
        yield kit.site(request.param, tmp_path, monkeypatch)
        return
    machine = Machine("etravel1", tmp_path)
    yield kit.windows_site(machine)
    machine.close()
    assert machine.recorder.unknown == []


@pytest.fixture(params=["folder", "scsi"])
def posix_site(request: pytest.FixtureRequest, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> kit.Site:
    return kit.site(request.param, tmp_path, monkeypatch)
