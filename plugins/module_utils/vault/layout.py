# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A vault on a host: where its things lie, and reading them. Private to lockstep.backup: not a public interface."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.host.absent import list_or_none, read_or_none
from ansible_collections.lockstep.backup.plugins.module_utils.host.base import FILES, FOLDERS, WINDOWS, Host
from ansible_collections.lockstep.backup.plugins.module_utils.vault import backup_log, catalogue, names
from ansible_collections.lockstep.backup.plugins.module_utils.vault import manifest as manifests

LOCK = "Lock"
LOCK_OWNER = "owner.json"


@dataclasses.dataclass(frozen=True)
class Listing:
    """Names in a vault's folders. ``sets`` and ``half_deleted``: by folder; a folder that does not exist is in ``missing``.
    ``locked``: the lock is there; ``left_locks``: paths of lock folders that never became, or no longer are, the lock."""

    sets: t.Mapping[str, t.Sequence[str]]
    half_deleted: t.Sequence[tuple[str, str]]
    missing: t.Sequence[str]
    locked: bool
    left_locks: t.Sequence[str]

    @property
    def all_sets(self) -> list[str]:
        return [name for found in self.sets.values() for name in found]


class Vault:
    """Paths of one installation's vault, and what they hold. Nothing here changes anything."""

    def __init__(self, host: Host, path: str, installation: str) -> None:
        self.host, self.path, self.installation = host, path, installation
        self.backup_log = host.join(path, backup_log.FILE_NAME)
        self.lock = host.join(path, LOCK)

    def folder(self, folder: str) -> str:
        return self.host.join(self.path, folder)

    def set_folder(self, folder: str, name: str) -> str:
        return self.host.join(self.path, folder, name)

    def manifest(self, folder: str, name: str) -> str:
        return self.host.join(self.path, folder, name, manifests.FILE_NAME)

    def part(self, folder: str, name: str, path: str) -> str:
        """The host's path of a part, from its path in a manifest."""
        return self.host.join(self.set_folder(folder, name), *path.split("/"))

    def text_file(self, text: str) -> str:
        """Text for a file that people of this platform open: Windows' own viewer long knew no other line ends than CRLF."""
        return text.replace("\n", "\r\n") if self.host.platform == WINDOWS else text

    def folders_in(self, path: str) -> list[str] | None:
        """Names of the folders in a folder, or None where there is no such folder."""
        there = list_or_none(self.host, path, FOLDERS)
        return None if there is None else [self.host.basename(info.path) for info in there]

    def listing(self) -> Listing:
        """One question for the vault's folder and for each of those in it; no manifest is read."""
        below = self.folders_in(self.path) or []
        there = {name.lower() for name in below}
        found = {folder: self.folders_in(self.folder(folder)) if folder.lower() in there else None for folder in catalogue.FOLDERS}
        return Listing(
            sets={folder: sorted(filter(names.is_set_name, inside or ())) for folder, inside in found.items()},
            half_deleted=[
                (folder, name) for folder, inside in found.items() for name in inside or () if names.is_half_deleted(name)
            ],
            missing=[folder for folder, inside in found.items() if inside is None],
            locked=LOCK.lower() in there,
            left_locks=self.left_locks(below),
        )

    def left_locks(self, below: t.Iterable[str]) -> list[str]:
        """Of the names of the vault's folders: paths of those that never became, or no longer are, the lock."""
        return [self.host.join(self.path, name) for name in below if name.lower().startswith(f"{LOCK}.".lower())]

    def sizes(self, folder: str, name: str, paths: t.Iterable[str]) -> dict[str, int]:
        """Bytes of the files that lie beside the given parts, by their path as in manifests; one request per folder with parts."""
        found: dict[str, int] = {}
        for inner in sorted({path.rpartition("/")[0] for path in paths}):
            where = self.part(folder, name, inner) if inner else self.set_folder(folder, name)
            files = list_or_none(self.host, where, FILES) or []
            found.update({"/".join(filter(None, (inner, self.host.basename(info.path)))): info.size for info in files})
        return found

    def entry(self, folder: str, name: str) -> catalogue.Entry:
        """A set as it is, with the presence and sizes of its parts."""
        text = read_or_none(self.host, self.manifest(folder, name))

        def sizes() -> dict[str, int]:
            return self.sizes(folder, name, [part["path"] for part in manifests.parse(text or "")["parts"]])

        return catalogue.assess(folder, name, text, sizes, self.installation)

    def entries(self, listing: Listing, folders: t.Sequence[str] = catalogue.FOLDERS) -> list[catalogue.Entry]:
        """The sets of these folders, in order of time."""
        found = [self.entry(folder, name) for folder in folders for name in listing.sets[folder]]
        return catalogue.without_doubles(found, listing.sets)

    def find(self, name: str) -> tuple[str, str | None] | None:
        """The folder that holds a set, and its manifest's text. None when there is no such set."""
        for folder in catalogue.FOLDERS:
            text = read_or_none(self.host, self.manifest(folder, name))
            if text is not None:
                return folder, text
        for folder in catalogue.FOLDERS:
            if self.host.stat(self.set_folder(folder, name)):
                return folder, None
        return None


def check_path(host: Host, path: str) -> None:
    """Slug ``path_not_absolute`` for a relative or a UNC path; costs no request."""
    if not host.is_absolute(path):
        raise LockstepError(
            "path_not_absolute",
            f"The vault path {path} is not absolute on {host.name}. Give the full path of a folder on a disk of that machine, no "
            "network share: a session over the network cannot use shares.",
            path=path,
        )


def check_local(host: Host, path: str) -> None:
    """Slug ``path_not_local`` for mapped drives and network mounts."""
    if not host.is_local(path):
        raise LockstepError(
            "path_not_local",
            f"The vault path {path} does not lie on a disk of {host.name}. Vaults are made on local disks; use the offsite step to "
            "copy sets elsewhere.",
            path=path,
        )
