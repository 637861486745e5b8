# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files, folders and disks of this machine, for real."""

from __future__ import annotations

import ctypes
import datetime
import errno
import hashlib
import os
import pathlib
import stat
import zipfile

import pytest

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.host import mounts, posix_files
from ansible_collections.lockstep.backup.plugins.module_utils.host.mounts import Mount
from ansible_collections.lockstep.backup.plugins.module_utils.host.posix import PosixHost


@pytest.fixture
def host() -> PosixHost:
    return PosixHost()


def slug_of(caught: pytest.ExceptionInfo[LockstepError]) -> str:
    return caught.value.slug


def test_written_text_reads_back_and_replaces_as_a_whole(host: PosixHost, tmp_path: pathlib.Path) -> None:
    path = str(tmp_path / "a.txt")
    host.write_text(path, "first\n")
    host.write_text(path, "zweite Zeile: ä\n")
    assert host.read_text(path) == "zweite Zeile: ä\n"
    assert [info.path for info in host.list_folder(str(tmp_path))] == [path]


def test_a_private_file_is_private_although_an_open_one_was_there(host: PosixHost, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "secret"
    leftover = tmp_path / f"secret.{os.getpid()}.tmp"
    for file in (path, leftover):
        file.write_text("open")
        file.chmod(0o644)
    host.write_text(str(path), "closed", private=True)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not leftover.exists()


def test_a_failed_write_leaves_the_old_file_and_no_temporary_one(
    host: PosixHost, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a"
    path.write_text("old")

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(LockstepError) as caught:
        host.write_text(str(path), "new")
    assert slug_of(caught) == "no_space"
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("code", "slug"),
    [
        (errno.ENOENT, "path_missing"),
        (errno.ENOTDIR, "path_missing"),
        (errno.EEXIST, "path_exists"),
        (errno.EACCES, "access_denied"),
        (errno.EPERM, "access_denied"),
        (errno.EROFS, "access_denied"),
        (errno.ENOSPC, "no_space"),
        (errno.EDQUOT, "no_space"),
        (errno.EIO, "file_error"),
    ],
)
def test_errors_of_the_system_become_errors_that_name_the_path(code: int, slug: str) -> None:
    with pytest.raises(LockstepError) as caught, posix_files.explained("here", "/some/path"):
        raise OSError(code, os.strerror(code))
    assert slug_of(caught) == slug
    assert "/some/path" in caught.value.message


def test_text_is_read_with_or_without_a_mark_with_any_line_ends_and_broken_bytes(host: PosixHost, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"\xef\xbb\xbfone\r\ntwo\xff\n")
    assert host.read_text(str(path)) == "one\ntwo\ufffd\n"
    assert host.read_text(str(path), tail_bytes=5) == "two\ufffd\n"
    assert host.read_text(str(path), tail_bytes=5000) == "one\ntwo\ufffd\n"


def test_what_is_missing_is_said_to_be_missing(host: PosixHost, tmp_path: pathlib.Path) -> None:
    nosuch = str(tmp_path / "nosuch")
    for work in (host.read_text, host.list_folder, host.sha256, host.zip_problem, host.tree_bytes):
        with pytest.raises(LockstepError) as caught:
            work(nosuch)
        assert slug_of(caught) == "path_missing"
    with pytest.raises(LockstepError) as caught:
        host.write_text(f"{nosuch}/a", "text")
    assert slug_of(caught) == "path_missing"
    assert host.stat(nosuch) is None
    host.remove(nosuch)


def test_stat_and_list_tell_files_folders_sizes_and_times(host: PosixHost, tmp_path: pathlib.Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "a").write_text("12345")
    (tmp_path / "dangling").symlink_to("nosuch")
    os.utime(tmp_path / "a", (1_000_000, 1_000_000))
    found = host.list_folder(str(tmp_path))
    assert [(host.basename(info.path), info.is_dir) for info in found] == [("a", False), ("b", True), ("dangling", False)]
    assert found[0].size == 5
    assert found[0].modified == datetime.datetime.fromtimestamp(1_000_000, datetime.UTC)


@pytest.mark.parametrize("target_kind", ["file", "folder", "empty folder"])
@pytest.mark.parametrize("source_kind", ["file", "folder"])
@pytest.mark.parametrize("with_the_system_call", [True, False])
def test_rename_never_replaces(
    host: PosixHost,
    tmp_path: pathlib.Path,
    source_kind: str,
    target_kind: str,
    with_the_system_call: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if not with_the_system_call:
        monkeypatch.setattr(ctypes, "CDLL", lambda *arguments, **keywords: object())
    source, target, other = tmp_path / "source", tmp_path / "target", tmp_path / "other"
    for path, kind in ((source, source_kind), (target, target_kind)):
        if kind == "file":
            path.write_text(path.name)
        else:
            path.mkdir()
            if kind == "folder":
                (path / path.name).touch()
    with pytest.raises(LockstepError) as caught:
        host.rename(str(source), str(target))
    assert slug_of(caught) == "path_exists"
    assert source.exists()
    host.rename(str(source), str(other))
    assert other.exists()
    assert not source.exists()


def test_renaming_what_is_missing_is_an_error(host: PosixHost, tmp_path: pathlib.Path) -> None:
    with pytest.raises(LockstepError) as caught:
        host.rename(str(tmp_path / "nosuch"), str(tmp_path / "target"))
    assert slug_of(caught) == "path_missing"


def test_remove_takes_folders_with_all_below_and_never_follows_links(host: PosixHost, tmp_path: pathlib.Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").touch()
    gone = tmp_path / "gone"
    host.make_folder(str(gone / "deep/er"))
    host.make_folder(str(gone / "deep/er"))
    (gone / "deep/link").symlink_to(kept)
    (tmp_path / "link").symlink_to(kept)
    host.remove(str(gone))
    host.remove(str(tmp_path / "link"))
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "kept"]


def test_hash_and_sizes(host: PosixHost, tmp_path: pathlib.Path) -> None:
    data = os.urandom((1 << 20) + 17)
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep/a").write_bytes(data)
    (tmp_path / "b").write_bytes(b"123")
    assert host.sha256(str(tmp_path / "deep/a")) == hashlib.sha256(data).hexdigest()
    assert host.tree_bytes(str(tmp_path)) == len(data) + 3
    assert host.free_bytes(str(tmp_path / "not/there/yet")) > 0


def make_zip(path: pathlib.Path) -> bytes:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(5):
            archive.writestr(f"file{number}", os.urandom(5000) + b"x" * 5000)
    return path.read_bytes()


def test_a_whole_zip_has_no_problem(host: PosixHost, tmp_path: pathlib.Path) -> None:
    make_zip(tmp_path / "a.zip")
    assert host.zip_problem(str(tmp_path / "a.zip")) is None


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.9, 0.999])
def test_a_truncated_zip_is_found(host: PosixHost, tmp_path: pathlib.Path, share: float) -> None:
    data = make_zip(tmp_path / "a.zip")
    (tmp_path / "a.zip").write_bytes(data[: int(len(data) * share)])
    assert host.zip_problem(str(tmp_path / "a.zip"))


def test_a_changed_byte_anywhere_in_the_data_of_a_zip_is_found(host: PosixHost, tmp_path: pathlib.Path) -> None:
    data = make_zip(tmp_path / "a.zip")
    for position in range(0, data.index(b"PK\x01\x02"), 997):
        damaged = bytearray(data)
        damaged[position] ^= 0x5A
        (tmp_path / "a.zip").write_bytes(damaged)
        assert host.zip_problem(str(tmp_path / "a.zip")), position


def test_an_encrypted_zip_is_not_taken_for_a_good_one(host: PosixHost, tmp_path: pathlib.Path) -> None:
    data = bytearray(make_zip(tmp_path / "a.zip"))
    entry = data.index(b"PK\x01\x02")
    data[6] |= 1
    data[entry + 8] |= 1
    (tmp_path / "a.zip").write_bytes(data)
    problem = host.zip_problem(str(tmp_path / "a.zip"))
    assert problem is not None
    assert "cannot be tested" in problem


PROC_MOUNTS = r"""sysfs /sys sysfs rw,nosuid 0 0
/dev/sda1 / ext4 rw,relatime 0 0
server:/export /mnt/nfs nfs4 rw 0 0
//nas/share /mnt/with\040blank cifs rw 0 0
user@host:/ /mnt/nfs/inner fuse.sshfs rw 0 0
/dev/sdb1 /mnt/usb fuseblk rw 0 0
/dev/sdc1 /srv ext4 rw 0 0
tmpfs /srv tmpfs rw 0 0
"""

MAC_MOUNTS = """/dev/disk3s1s1 on / (apfs, sealed, local, read-only, journaled)
//user@nas/Share on /Volumes/My Share (smbfs, nodev, nosuid, mounted by user)
/dev/disk4s1 on /Volumes/USB (exfat, local, nodev)
"""


@pytest.mark.parametrize(
    ("path", "kind", "local"),
    [
        ("/", "ext4", True),
        ("/home/x", "ext4", True),
        ("/mnt/nfs", "nfs4", False),
        ("/mnt/nfs/a/b", "nfs4", False),
        ("/mnt/nfs2/a", "ext4", True),
        ("/mnt/nfs/inner/x", "fuse.sshfs", False),
        ("/mnt/with blank/x", "cifs", False),
        ("/mnt/usb/x", "fuseblk", True),
        ("/srv/x", "tmpfs", True),
    ],
)
def test_the_last_mount_of_the_longest_folder_tells_whether_a_path_is_local(path: str, kind: str, local: bool) -> None:
    found = mounts.kind_of(path, mounts.parse_proc_mounts(PROC_MOUNTS))
    assert (found, mounts.is_local_kind(found)) == (kind, local)


@pytest.mark.parametrize(("path", "local"), [("/Users/x", True), ("/Volumes/My Share/x", False), ("/Volumes/USB", True)])
def test_the_listing_of_macos_is_understood(path: str, local: bool) -> None:
    assert mounts.is_local_kind(mounts.kind_of(path, mounts.parse_mount_listing(MAC_MOUNTS))) is local


def test_what_no_mount_explains_is_not_local() -> None:
    assert mounts.is_local_kind(mounts.kind_of("/x", [Mount("/mnt", "ext4")])) is False


def test_a_folder_of_this_machine_is_local_even_before_it_is_made(host: PosixHost, tmp_path: pathlib.Path) -> None:
    assert host.is_local(str(tmp_path / "not/there/yet"))


def test_the_clock_has_its_time_zone(host: PosixHost) -> None:
    assert host.now().tzinfo is not None
    assert abs(host.now() - datetime.datetime.now(datetime.UTC)) < datetime.timedelta(minutes=5)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-8", "utf-8-sig"])
def test_a_text_is_read_in_the_encoding_that_it_shows(host: PosixHost, tmp_path: pathlib.Path, encoding: str) -> None:
    path = tmp_path / "log"
    path.write_bytes("One\r\nGröße\r\n".encode(encoding))
    assert host.read_text(str(path), code_page="cp850") == "One\nGröße\n"
    if encoding != "utf-16-le":
        assert host.read_text(str(path), tail_bytes=9)[-3:] == "ße\n"


def test_a_text_that_shows_no_encoding_is_read_in_the_code_page(host: PosixHost, tmp_path: pathlib.Path) -> None:
    (tmp_path / "log").write_bytes("Größe".encode("cp850"))
    assert host.read_text(str(tmp_path / "log"), code_page="cp850") == "Größe"
    assert host.read_text(str(tmp_path / "log")) == "Gr��e"


def test_a_copy_replaces_what_is_there_with_all_of_its_bytes(host: PosixHost, tmp_path: pathlib.Path) -> None:
    data = os.urandom(3_000_000)
    (tmp_path / "a").write_bytes(data)
    (tmp_path / "b").write_bytes(b"old")
    host.copy_file(str(tmp_path / "a"), str(tmp_path / "b"))
    assert (tmp_path / "b").read_bytes() == data


@pytest.mark.parametrize(("source", "target"), [("missing", "b"), ("a", "missing/b")])
def test_a_copy_names_what_is_missing(host: PosixHost, tmp_path: pathlib.Path, source: str, target: str) -> None:
    (tmp_path / "a").write_bytes(b"x")
    with pytest.raises(LockstepError) as caught:
        host.copy_file(str(tmp_path / source), str(tmp_path / target))
    assert caught.value.slug == "path_missing"
    assert "missing" in caught.value.details["path"]
