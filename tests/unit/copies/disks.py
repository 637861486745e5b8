# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host in memory with a set's files and disks for copies, of which one can be slow to break."""

from __future__ import annotations

import typing as t

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.lockstep.backup.plugins.module_utils.copies.feature import FEATURE
from ansible_collections.lockstep.backup.plugins.module_utils.copies.record import CopiedFile, CopyRecord
from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.feature import Feature
from tests.unit.fake_host import FakeHost, make_task

SOURCE = "C:\\Backups\\etravel\\Failed\\26112101\\etravel.dmp"
SET, SET_ID = "26112101", "etravel-26112101-5f3a9c1e"
DISKS = ["D:\\Copies", "E:\\Copies"]


class DiskHost(FakeHost):
    """Drives C:, D: and E: unless some are taken out; free bytes by drive."""

    def __init__(self) -> None:
        super().__init__("etravel1")
        self.drives = {"C:": 10**9, "D:": 10**9, "E:": 10**9}
        self.spoil: dict[str, bytes] = {}
        """What a disk gives back instead of what was written, by path."""
        self.make_folder("C:\\Backups\\etravel\\Failed\\26112101")
        self.files[SOURCE] = b"dump" * 1000
        for disk in DISKS:
            self.make_folder(disk)

    def take_out(self, drive: str) -> None:
        del self.drives[drive]
        self.folders = {path for path in self.folders if not path.startswith(drive)}
        self.files = {path: data for path, data in self.files.items() if not path.startswith(drive)}

    def free_bytes(self, path: str) -> int:
        if path[:2] not in self.drives:
            raise LockstepError("path_missing", f"{self.name}: {path[:2]} does not exist.")
        return self.drives[path[:2]]

    def copy_file(self, source: str, target: str) -> None:
        super().copy_file(source, target)
        self.events.append(f"copy {target}")
        if target in self.spoil:
            self.files[target] = self.spoil[target]

    def have(self, folder: str, name: str, set_id: str | None = None, content: bytes = b"old") -> None:
        """A complete copy."""
        path = f"{folder}\\{name}"
        self.make_folder(path)
        self.files[f"{path}\\etravel.dmp"] = content
        file = CopiedFile("etravel.dmp", len(content), self.sha256(f"{path}\\etravel.dmp"))
        record = CopyRecord(name, set_id or f"etravel-{name}", "2026-11-20T03:20:00+00:00", (file,))
        self.files[f"{path}\\copy.json"] = record.as_text().encode()

    def sets(self, folder: str) -> list[str]:
        return [self.basename(entry.path) for entry in self.list_folder(folder)]


def parameters(feature: Feature = FEATURE, **options: t.Any) -> dict[str, t.Any]:
    validated = ArgumentSpecValidator(dict(feature.argument_spec), required_if=feature.required_if).validate(options)
    assert not validated.error_messages
    return t.cast(dict[str, t.Any], validated.validated_parameters)


def present(host: FakeHost, check_mode: bool = False, **options: t.Any) -> dict[str, t.Any]:
    common: dict[str, t.Any] = {"folders": DISKS, "set": SET, "set_id": SET_ID, "files": [{"path": SOURCE}]}
    return FEATURE.run(make_task(host, None, check_mode, **parameters(**{**common, **options})))


def pruned(host: FakeHost, check_mode: bool = False, **options: t.Any) -> dict[str, t.Any]:
    common: dict[str, t.Any] = {"state": "pruned", "folders": DISKS}
    return FEATURE.run(make_task(host, None, check_mode, **parameters(**{**common, **options})))


def failure(call: t.Callable[..., dict[str, t.Any]], *arguments: t.Any, **options: t.Any) -> LockstepError:
    with pytest.raises(LockstepError) as caught:
        call(*arguments, **options)
    return caught.value


def states(result: t.Mapping[str, t.Any]) -> list[str]:
    return [copy["state"] for copy in result["copies"]]
