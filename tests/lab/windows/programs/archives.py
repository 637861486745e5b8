# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""certutil (hashes) and tar (Windows' bsdtar, reading zip files)."""

from __future__ import annotations

import hashlib
import ntpath
import typing as t
import zipfile
import zlib

from tests.lab.windows import errors
from tests.lab.windows.execution import Execution
from tests.lab.windows.tool import Tool, always

_CHUNK = 1 << 20


def certutil(run: Execution) -> int:
    arguments = run.arguments
    if len(arguments) not in (2, 3) or arguments[0].lower() not in ("-hashfile", "/hashfile"):
        return run.unknown("certutil other than -hashfile")
    algorithm = arguments[2].lower() if len(arguments) == 3 else "sha1"
    path = run.path(arguments[1])
    real = run.machine.files.real(path)
    if real is None or not real.is_file():
        name = "ERROR_FILE_NOT_FOUND" if run.machine.files.is_dir(path.rpartition("\\")[0]) else "ERROR_PATH_NOT_FOUND"
        code = 2 if name == "ERROR_FILE_NOT_FOUND" else 3
        text = errors.TEXTS[code]
        run.out(f"CertUtil: -hashfile command FAILED: 0x8007000{code} (WIN32: {code} {name})\nCertUtil: {text}\n")
        return 0x80070000 + code - (1 << 32)
    digest = hashlib.new(algorithm)
    with real.open("rb") as source:
        while chunk := source.read(_CHUNK):
            run.checkpoint()
            digest.update(chunk)
    if real.stat().st_size == 0:
        # certutil cannot map an empty file.
        run.out("CertUtil: -hashfile command FAILED: 0x800703ee (WIN32: 1006 ERROR_FILE_INVALID)\n")
        return 0x800703EE - (1 << 32)
    run.out(f"{algorithm.upper()} hash of {arguments[1]}:\n{digest.hexdigest()}\n")
    run.out("CertUtil: -hashfile command completed successfully.\n")
    return 0


def tar(run: Execution) -> int:
    """Reading zip archives: -xOf and -tf, and unpacking them: -xf with -C."""
    arguments = run.arguments
    unpacks = len(arguments) == 4 and arguments[0].lstrip("-") == "xf" and arguments[2] == "-C"
    if not unpacks and (len(arguments) != 2 or arguments[0].lstrip("-") not in ("xOf", "tf")):
        return run.unknown("tar other than -xOf or -tf of one archive, or -xf with -C")
    real = run.machine.files.real(run.path(arguments[1]))
    if real is None:
        run.err(f"tar: Error opening archive: Failed to open '{arguments[1]}'\n")
        return 1
    try:
        with zipfile.ZipFile(real) as archive:
            for member in archive.infolist():
                if arguments[0].endswith("tf"):
                    run.out(member.filename + "\n")
                    continue
                if unpacks:
                    if not member.is_dir():
                        target = ntpath.join(run.path(arguments[3]), *member.filename.split("/"))
                        run.machine.files.ensure_folder(ntpath.dirname(target))
                        run.machine.files.write(target, archive.read(member))
                    continue
                with archive.open(member) as source:
                    while chunk := source.read(_CHUNK):
                        run.checkpoint()
                        run.stdout.write(chunk)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        unreadable = "File is not a zip file" in str(error)
        run.err("tar: Unrecognized archive format\n" if unreadable else f"tar: ZIP bad CRC: {error}\n")
        run.err("tar: Error exit delayed from previous errors.\n")
        return 1
    return 0


TOOLS: t.Mapping[str, Tool] = {
    "certutil.exe": Tool(certutil, always),
    "tar.exe": Tool(tar, always),
}
