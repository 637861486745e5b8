# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A vault on a host, and runs that use it: what the tests of backup_vault share."""

from __future__ import annotations

import datetime
import hashlib
import json
import pathlib
import typing as t

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.feature import Task
from ansible_collections.lockstep.backup.plugins.module_utils.host.base import FileInfo, Host
from ansible_collections.lockstep.backup.plugins.module_utils.host.posix import PosixHost
from ansible_collections.lockstep.backup.plugins.module_utils.owner import Owner
from ansible_collections.lockstep.backup.plugins.module_utils.vault.feature import FEATURE
from tests.unit.fake_host import OTHER, OWNER, FakeClock, FakeHost

PART = b"the data of the vault"
Result = dict[str, t.Any]

__all__ = ["OTHER", "OWNER", "PART", "Killed", "World", "fake_world", "posix_world"]


class Killed(BaseException):
    """The run is gone at this very moment: nothing of it runs any more, no cleanup either."""


class World:
    """One vault of installation ``berlin`` on one host, whose clock tests move."""

    def __init__(self, host: Host, path: str, put: t.Callable[[str, bytes], None]) -> None:
        self.host, self.path, self._put = host, path, put
        self.clock = FakeClock()
        self.warnings: list[str] = []
        self.hosts = [host.name]

    def run(self, state: str, owner: Owner = OWNER, check_mode: bool = False, diff_mode: bool = False, **options: t.Any) -> Result:
        """One task, with the module's own defaults and validation."""
        given = {"path": self.path, "installation": "berlin", "state": state, **options}
        checked = ArgumentSpecValidator(
            dict(FEATURE.argument_spec), required_if=FEATURE.required_if, required_by=dict(FEATURE.required_by)
        ).validate(given)
        assert not checked.error_messages, checked.error_messages
        task = Task(
            params=checked.validated_parameters,
            host=self.host,
            owner=owner,
            check_mode=check_mode,
            diff_mode=diff_mode,
            warn=self.warnings.append,
            clock=self.clock,
        )
        return FEATURE.run(task)

    def slug_of(self, state: str, **options: t.Any) -> str:
        """The error that the task ends with."""
        try:
            result = self.run(state, **options)
        except LockstepError as error:
            return error.slug
        raise AssertionError(f"{state} did not fail: {result}")

    def opened(self, owner: Owner = OWNER, **options: t.Any) -> Result:
        given = {
            "system": "altium_enterprise_server",
            "host": self.host.name,
            "hosts": self.hosts,
            "trigger": "Scheduled",
            **options,
        }
        return self.run("opened", owner=owner, **given)

    def committed(self, name: str, owner: Owner = OWNER, **options: t.Any) -> Result:
        given = {
            "set": name,
            "grade": "quiesced",
            "parts": [{"path": "vault.zip", "kind": "zip", "tool": "avbackup.exe"}],
            **options,
        }
        return self.run("committed", owner=owner, **given)

    def backup(self, owner: Owner = OWNER, data: bytes = PART, **options: t.Any) -> str:
        """A whole good set with one part; its name."""
        opened = self.opened(owner=owner, **options)
        self.put(self.host.join(opened["folder"], "vault.zip"), data)
        self.committed(opened["set"], owner=owner)
        return str(opened["set"])

    def failed_backup(self, owner: Owner = OWNER) -> str:
        name = str(self.opened(owner=owner)["set"])
        self.run("failed", owner=owner, set=name, error="the tool died")
        return name

    def put(self, path: str, data: bytes) -> None:
        self._put(path, data)

    def set_clock(self, moment: datetime.datetime) -> None:
        t.cast(t.Any, self.host).wall = moment

    def next_day(self, days: float = 1) -> None:
        self.set_clock(self.host.now() + datetime.timedelta(days=days))

    def names(self, folder: str) -> list[str]:
        where = self.host.join(self.path, folder)
        if self.host.stat(where) is None:
            return []
        return [self.host.basename(info.path) for info in self.host.list_folder(where)]

    def root(self) -> list[str]:
        return [self.host.basename(info.path) for info in self.host.list_folder(self.path)]

    def text(self, *parts: str) -> str:
        return self.host.read_text(self.host.join(self.path, *parts))

    def manifest(self, folder: str, name: str) -> Result:
        return t.cast(Result, json.loads(self.text(folder, name, "manifest.json")))

    def log(self) -> list[list[str]]:
        """The lines of BACKUP.LOG: name, status, error."""
        fields = [line.split("|") for line in self.text("BACKUP.LOG").splitlines()]
        return [[line[0], line[4], line[11]] for line in fields]

    def status(self) -> dict[str, str]:
        return {entry["set"]: entry["status"] for entry in self.run("query")["catalogue"]}

    def everything(self) -> dict[str, tuple[bool, str]]:
        """All that is in the vault, to see that nothing has changed: paths, and hashes of files."""
        found: dict[str, tuple[bool, str]] = {}

        def walk(info: FileInfo) -> None:
            found[info.path] = (info.is_dir, "" if info.is_dir else self.host.sha256(info.path))
            for child in self.host.list_folder(info.path) if info.is_dir else ():
                walk(child)

        top = self.host.stat(self.path)
        if top is not None:
            walk(top)
        return found


def fake_world(name: str = "aes1", path: str = "D:\\Backups\\berlin") -> World:
    host = FakeHost(name)
    host.folders.add("D:\\")

    def put(file: str, data: bytes) -> None:
        host.make_folder(host.parent(file))
        host.files[file] = data

    return World(host, path, put)


class ClockedPosixHost(PosixHost):
    """The real files of this machine, with a clock that tests move, and zips that are what the tests say."""

    wall = datetime.datetime(2026, 11, 21, 3, 13, 0, tzinfo=datetime.UTC)

    def now(self) -> datetime.datetime:
        return self.wall

    def zip_problem(self, path: str) -> str | None:
        return "no end of the central directory" if pathlib.Path(path).read_bytes() == b"truncated" else None


def posix_world(folder: pathlib.Path) -> World:
    def put(file: str, data: bytes) -> None:
        pathlib.Path(file).parent.mkdir(parents=True, exist_ok=True)
        pathlib.Path(file).write_bytes(data)

    host = ClockedPosixHost()
    host.name = "aes1"
    return World(host, str(folder / "berlin"), put)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
