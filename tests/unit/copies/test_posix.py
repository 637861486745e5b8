# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""disk_copies with real files on this machine."""

from __future__ import annotations

import os
import pathlib
import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.copies.feature import FEATURE
from ansible_collections.lockstep.backup.plugins.module_utils.feature import Task
from ansible_collections.lockstep.backup.plugins.module_utils.host.posix import PosixHost
from tests.unit.copies.disks import parameters
from tests.unit.fake_host import OWNER


def run(**options: t.Any) -> dict[str, t.Any]:
    return FEATURE.run(Task(params={"dead_run": None, **parameters(**options)}, host=PosixHost(), owner=OWNER))


def test_real_files_are_copied_compared_and_pruned(tmp_path: pathlib.Path) -> None:
    disks = [tmp_path / "one", tmp_path / "two", tmp_path / "not mounted"]
    for disk in disks[:2]:
        disk.mkdir()
    folders = [str(disk) for disk in disks]
    data = os.urandom(2_500_000)
    files = [{"path": str(tmp_path / name)} for name in ("a.dmp", "a.log")]
    for file in files:
        pathlib.Path(file["path"]).write_bytes(data)
    for name in ("20010101", "20010201"):
        result = run(folders=folders, set=name, set_id=f"test-{name}", files=files, minimum=2)
        assert [copy["state"] for copy in result["copies"]] == ["copied", "copied", "failed"]
        assert (disks[1] / name / "a.dmp").read_bytes() == data
    assert not disks[2].exists()
    deleted = run(state="pruned", folders=folders, keep=1)["deleted"]
    assert [pathlib.Path(one["folder"]).name for one in deleted] == ["one", "two"]
    assert [path.name for path in disks[0].iterdir()] == ["20010201"]
