# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""certutil and tar: checks of files on the simulated machine."""

from __future__ import annotations

import hashlib
import zipfile

import pytest

from tests.lab.windows.machine import Machine
from tests.unit.lab_windows.conftest import Runner


@pytest.fixture
def archive(machine: Machine) -> str:
    """A zip with one long member."""
    machine.files.write(r"C:\a.zip", b"")
    real = machine.files.real(r"C:\a.zip")
    assert real is not None
    with zipfile.ZipFile(real, "w", zipfile.ZIP_STORED) as made:
        made.writestr("member", b"content " * 500)
    return r"C:\a.zip"


def _change(machine: Machine, path: str, position: int, length: int | None = None) -> None:
    real = machine.files.real(path)
    assert real is not None
    content = bytearray(real.read_bytes())
    content[position] ^= 1
    real.write_bytes(content[:length])


def test_certutil_really_hashes(run: Runner, machine: Machine) -> None:
    machine.files.write(r"C:\x", b"abc" * 1000)
    assert hashlib.sha256(b"abc" * 1000).hexdigest() in run(r"certutil.exe -hashfile C:\x SHA256").out.splitlines()
    assert run(r"certutil.exe -hashfile C:\y SHA256").code == -2147024894


def test_certutil_cannot_hash_an_empty_file(run: Runner, machine: Machine) -> None:
    machine.files.write(r"C:\x", b"")
    assert run(r"certutil.exe -hashfile C:\x SHA256").code == -2147023890


def test_tar_reads_a_good_archive(run: Runner, archive: str) -> None:
    assert run(f"tar.exe -xOf {archive}") == (0, "content " * 500, "")
    assert run(f"tar.exe -tf {archive}").out == "member\r\n"


def test_tar_finds_a_wrong_byte_inside_a_member(run: Runner, machine: Machine, archive: str) -> None:
    _change(machine, archive, 1000)
    ended = run(f"tar.exe -xOf {archive}")
    assert ended.code == 1
    assert "CRC" in ended.err


def test_tar_finds_a_missing_end(run: Runner, machine: Machine, archive: str) -> None:
    _change(machine, archive, 0, 2000)
    ended = run(f"tar.exe -xOf {archive}")
    assert ended.code == 1
    assert "Unrecognized archive format" in ended.err


def test_tar_tells_a_missing_file(run: Runner) -> None:
    assert run(r"tar.exe -xOf C:\nothing.zip").code == 1
