# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An installation with a tape drive: in a folder, behind the st driver's calls in memory, or on a Windows host of the lab."""

from __future__ import annotations

import datetime
import json
import pathlib
import struct
import typing as t

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.feature import Task
from ansible_collections.lockstep.backup.plugins.module_utils.host.base import WINDOWS, Host
from ansible_collections.lockstep.backup.plugins.module_utils.host.posix import PosixHost
from ansible_collections.lockstep.backup.plugins.module_utils.jobs import LONGEST_PAUSE
from ansible_collections.lockstep.backup.plugins.module_utils.owner import Owner
from ansible_collections.lockstep.backup.plugins.module_utils.tape import scsi, settings
from ansible_collections.lockstep.backup.plugins.module_utils.tape.catalogue import Catalogue, read
from ansible_collections.lockstep.backup.plugins.module_utils.tape.feature import FEATURE
from ansible_collections.lockstep.backup.plugins.module_utils.tape.folder import FolderDrive, write_json
from ansible_collections.lockstep.backup.plugins.plugin_utils.windows.host import WindowsHost
from tests.lab.windows.machine import Machine
from tests.lab.windows.tape import TapeDrive
from tests.unit.direct_session import NOWHERE, DirectSession
from tests.unit.fake_host import OWNER, FakeClock
from tests.unit.tape.fake_st import FakeSt, Medium

Result = dict[str, t.Any]
EXPORT = {"name": "export", "tapes": 4, "retention_days": 2}
DEVICE = "/dev/nst0"
KB = 1024
SMALL = 300 * KB


def mtf_block(name: str) -> bytes:
    """The descriptor that a tape of ntbackup begins with, as the Microsoft Tape Format Specification has it."""
    text = name.encode("utf-16-le")
    block = bytearray(1024)
    block[:4] = b"TAPE"
    block[48] = 2
    struct.pack_into("<HH", block, 68, len(text), 94)
    block[94 : 94 + len(text)] = text
    return bytes(block)


FRIDAY = datetime.datetime(2026, 11, 20, 18, 0, tzinfo=datetime.UTC)


class MovedHost(Host, t.Protocol):
    """A host with a clock that tests move."""

    wall: datetime.datetime


class ClockedHost(PosixHost):
    """This machine."""

    def __init__(self) -> None:
        super().__init__()
        self.name, self.wall = "etravel1", FRIDAY

    def now(self) -> datetime.datetime:
        return self.wall


class ClockedWindowsHost(WindowsHost):
    """A machine of the lab."""

    def __init__(self, machine: Machine) -> None:
        super().__init__("etravel1", NOWHERE)
        self.session = DirectSession(machine, next(iter(machine.users)))
        self.wall = FRIDAY

    def now(self) -> datetime.datetime:
        return self.wall


class Equipment(t.Protocol):
    """What a person can do at a drive."""

    device: dict[str, str]

    def make(self, name: str, capacity: int = 10**9) -> None: ...

    def insert(self, name: str | None) -> None: ...

    def inside(self) -> str | None: ...

    def set(self, name: str, fault: str, value: t.Any) -> None:
        """Faults: protected, cleaning, bad_block, jammed."""

    def scribble(self, name: str, blocks: t.Sequence[bytes]) -> None:
        """Write something foreign from the beginning of the tape."""

    def rot(self, name: str, file: int) -> None:
        """The last byte of a tape file changes."""

    def content(self, name: str) -> t.Any:
        """To compare whether it has changed."""


class InFolder:
    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.device = {"kind": "folder", "path": str(folder)}
        (folder / "tapes").mkdir(parents=True)
        self.drive = FolderDrive(str(folder))

    def make(self, name: str, capacity: int = 10**9) -> None:
        (self.folder / "tapes" / name).mkdir()
        self._about(name, {"capacity": capacity})

    def _about(self, name: str, about: dict[str, t.Any]) -> None:
        write_json(str(self.folder / "tapes" / name / "tape.json"), about)

    def insert(self, name: str | None) -> None:
        self.drive.insert(name)

    def inside(self) -> str | None:
        return self.drive.loaded()

    def set(self, name: str, fault: str, value: t.Any) -> None:
        key = "write_protected" if fault == "protected" else fault
        self._about(name, {**self.drive.about(name), key: value})

    def scribble(self, name: str, blocks: t.Sequence[bytes]) -> None:
        framed = b"".join(len(block).to_bytes(4, "big") + block for block in blocks)
        (self.folder / "tapes" / name / "000000.file").write_bytes(framed)

    def rot(self, name: str, file: int) -> None:
        path = self.folder / "tapes" / name / f"{file:06d}.file"
        data = path.read_bytes()
        path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))

    def content(self, name: str) -> t.Any:
        return {path.name: path.read_bytes() for path in (self.folder / "tapes" / name).iterdir()}


class InMemory:
    def __init__(self) -> None:
        self.device = {"kind": "scsi", "path": DEVICE}
        self.st = FakeSt(DEVICE)
        self.media: dict[str, Medium] = {}

    def make(self, name: str, capacity: int = 10**9) -> None:
        self.media[name] = Medium(capacity=capacity)

    def insert(self, name: str | None) -> None:
        self.st.inserted = None if name is None else self.media[name]
        self.st.position = 0

    def inside(self) -> str | None:
        return next((name for name, medium in self.media.items() if medium is self.st.inserted), None)

    def set(self, name: str, fault: str, value: t.Any) -> None:
        setattr(self.media[name], fault, value)

    def scribble(self, name: str, blocks: t.Sequence[bytes]) -> None:
        self.media[name].items = [*blocks, None]

    def rot(self, name: str, file: int) -> None:
        items = self.media[name].items
        mark = [index for index, item in enumerate(items) if item is None][file]
        last = items[mark - 1] or b""
        items[mark - 1] = last[:-1] + bytes([last[-1] ^ 1])

    def content(self, name: str) -> t.Any:
        return list(self.media[name].items)


class OnWindows:
    def __init__(self, drive: TapeDrive) -> None:
        self.drive = drive
        self.device = {"kind": "windows", "path": drive.device}

    def make(self, name: str, capacity: int = 10**9) -> None:
        self.drive.new(name, capacity)

    def insert(self, name: str | None) -> None:
        if name is None:
            self.drive.eject()
        else:
            self.drive.insert(name)

    def inside(self) -> str | None:
        return self.drive.loaded.name if self.drive.loaded is not None else None

    def set(self, name: str, fault: str, value: t.Any) -> None:
        if fault in ("protected", "bad_block"):
            self.drive.tape(name).change(**{"write_protected" if fault == "protected" else fault: value})
        else:
            # Windows' drive itself is dirty or jammed.
            self.drive.faults.set(f"tape_{fault}")

    def scribble(self, name: str, blocks: t.Sequence[bytes]) -> None:
        self.drive.tape(name).replace([*blocks, None])

    def rot(self, name: str, file: int) -> None:
        records = self.drive.tape(name).records
        mark = [index for index, record in enumerate(records) if record is None][file]
        last = records[mark - 1] or b""
        records[mark - 1] = last[:-1] + bytes([last[-1] ^ 1])
        self.drive.tape(name).replace(records)

    def content(self, name: str) -> t.Any:
        return self.drive.tape(name).records


class Site:
    """An installation. ``said``: what the site was told, in order."""

    def __init__(self, equipment: Equipment, folder: pathlib.Path, host: MovedHost) -> None:
        self.equipment, self.folder, self.host = equipment, folder, host
        self.path = self.there(folder / "catalogue")
        self.clock = FakeClock()
        self.said: list[str] = []

    def there(self, path: pathlib.Path) -> str:
        """What the host calls a file below ``folder``."""
        if self.host.platform == WINDOWS:
            return "\\".join(("C:", self.folder.name, *path.relative_to(self.folder).parts))
        return str(path)

    @property
    def catalogue_file(self) -> pathlib.Path:
        return self.folder / "catalogue" / "tapes.json"

    def run(self, state: str, check_mode: bool = False, owner: Owner = OWNER, **params: t.Any) -> Result:
        """Raises LockstepError."""
        given: Result = {"path": self.path, "installation": "etravel", "state": state, "device": self.equipment.device, **params}
        validated = ArgumentSpecValidator(dict(FEATURE.argument_spec)).validate(given)
        assert validated.error_messages == []
        task = Task(
            params=validated.validated_parameters,
            host=self.host,
            owner=owner,
            check_mode=check_mode,
            diff_mode=True,
            warn=self.said.append,
            progress=self.said.append,
            clock=self.clock,
        )
        return FEATURE.run(task)

    def label(self, name: str, capacity: int = 10**9, **params: t.Any) -> str:
        """A new tape, labelled and taken out again."""
        self.equipment.make(name, capacity)
        self.equipment.insert(name)
        label = str(self.run("labelled", **{"pool": EXPORT, **params})["tape"])
        self.run("ejected", location=f"shelf {name}")
        return label

    def overwrite(self, name: str, media_name: str = "Full WinNT 4.0 Backup", data: bytes = b"NTFS" * 300) -> None:
        """What ntbackup does to a tape."""
        self.equipment.scribble(name, [mtf_block(media_name), data])

    def part(self, name: str, data: bytes = b"export") -> dict[str, str]:
        path = self.folder / name
        path.write_bytes(data)
        return {"path": self.there(path)}

    def later(self, **delta: float) -> None:
        self.host.wall += datetime.timedelta(**delta)

    def catalogue(self) -> Catalogue:
        return read(self.catalogue_file.read_text(encoding="utf-8"), "etravel", str(self.catalogue_file))

    def change_catalogue(self, change: t.Callable[[Result], None]) -> None:
        data = json.loads(self.catalogue_file.read_text(encoding="utf-8"))
        change(data)
        self.catalogue_file.write_text(json.dumps(data), encoding="utf-8")

    def inserts(self, *names: str | None) -> None:
        """A person puts these tapes in, one each time somebody waits for a tape. Waiting for a job is shorter."""
        waiting = list(names)
        before = [self.clock.elapsed]

        def person(elapsed: float) -> None:
            slept, before[0] = elapsed - before[0], elapsed
            if waiting and slept > 2 * LONGEST_PAUSE:
                self.equipment.insert(waiting.pop(0))

        self.clock.on_sleep.append(person)


def site(kind: str, folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    if kind == "folder":
        return Site(InFolder(folder / "drive"), folder, ClockedHost())
    equipment = InMemory()
    monkeypatch.setattr(settings, "ScsiDrive", lambda path: scsi.ScsiDrive(path, equipment.st))
    return Site(equipment, folder, ClockedHost())


def windows_site(machine: Machine) -> Site:
    machine.files.make_folder("C:\\site")
    return Site(OnWindows(machine.add_tape_drive()), machine.root / "C" / "site", ClockedWindowsHost(machine))


def refused(slug: str, call: t.Callable[[], object]) -> LockstepError:
    """The error with which the call must fail."""
    with pytest.raises(LockstepError) as caught:
        call()
    assert caught.value.slug == slug, caught.value.message
    return caught.value


def write(site: Site, set_id: str = "set1", data: bytes = b"export", **params: t.Any) -> dict[str, t.Any]:
    part = site.part(f"{set_id}.dmp", data)
    return site.run("written", **{"pool": EXPORT, "set_id": set_id, "parts": [part], **params})
