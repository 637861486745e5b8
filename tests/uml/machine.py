# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Linux of its own with tape drives and a changer, as one process of this machine that needs no privileges.

It is user-mode Linux with the real drivers st and sg, and reaches, over iSCSI on its own loopback, the tape library that tgt
emulates. Its root is the host's file system under one in memory, so nothing that happens inside changes a file here.
"""

from __future__ import annotations

import dataclasses
import os
import pathlib
import platform
import shlex
import shutil
import signal
import subprocess
import sys
import typing as t

from tests.lab.inventory import PROJECT
from tests.uml.boot import ENVIRONMENT

MODULES = pathlib.Path("/usr/lib/uml/modules")
PACKAGES = {
    "linux.uml": "user-mode-linux",
    "modprobe": "kmod",
    "ip": "iproute2",
    "tgtd": "tgt",
    "iscsid": "open-iscsi",
    "mtx": "mtx",
    "tar": "tar",
}
"""Programs that are needed, and Debian's packages of them."""
MEMORY = 512 << 20
_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


@dataclasses.dataclass(frozen=True)
class Finished:
    """``exit_code`` of the command, None when the machine ended without it; what the command and the machine wrote."""

    exit_code: int | None
    output: str
    console: str


def missing() -> list[str]:
    """What keeps this machine from running it, in words."""
    found = [] if (platform.system(), platform.machine()) == ("Linux", "x86_64") else ["Linux on x86-64"]
    lacking = sorted({package for program, package in PACKAGES.items() if shutil.which(program, path=_PATH) is None})
    return found + [f"Debian's package {package}" for package in lacking]


def run(command: t.Sequence[str], environment: t.Mapping[str, str], folder: pathlib.Path, deadline: float) -> Finished:
    """Boot, run the command in the project's folder, and switch off; after ``deadline`` seconds it is killed."""
    shared = folder / "shared"
    shared.mkdir(parents=True)
    (folder / "lib").mkdir()
    (folder / "lib" / "modules").symlink_to(MODULES)
    settings = [f"export {name}={shlex.quote(value)}" for name, value in environment.items()]
    script = shared / "command"
    script.write_text(
        "\n".join(["#!/usr/bin/env bash", *settings, f"cd {shlex.quote(str(PROJECT))}", f"exec {shlex.join(command)}", ""])
    )
    script.chmod(0o755)
    kernel = {
        "mem": str(MEMORY),
        "uml_dir": str(folder),
        "root": "/dev/root",
        "rootfstype": "hostfs",
        "rootflags": "/",
        "panic": "-1",
        "init": str(PROJECT / "tests" / "uml" / "init.sh"),
        "con": "null",
        "con0": "fd:0,fd:1",
        "LOCKSTEP_MODULES": str(folder),
        "LOCKSTEP_SHARED": str(shared),
        **ENVIRONMENT,
    }
    boot = [sys.executable, str(PROJECT / "tests" / "uml" / "boot.py"), "linux.uml", "ro", "quiet"]
    console = folder / "console"
    with console.open("wb") as output:
        process = subprocess.Popen(
            [*boot, *(f"{name}={value}" for name, value in kernel.items())],
            env={"PATH": _PATH, "HOME": str(folder), "TMPDIR": _room_for_memory(folder)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            process.wait(deadline)
        except subprocess.TimeoutExpired:
            pass
        finally:
            # Its processes inside are processes here: without their kernel they must not run on.
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
    code, said = shared / "exit_code", shared / "output"
    return Finished(
        int(code.read_text()) if code.exists() else None,
        said.read_text(errors="replace") if said.exists() else "",
        console.read_text(errors="replace"),
    )


def _room_for_memory(folder: pathlib.Path) -> str:
    """Where the file that is its memory goes: in memory, unless that is as small as containers often have it."""
    shared_memory = "/dev/shm"
    try:
        space = os.statvfs(shared_memory)
    except OSError:
        return str(folder)
    return shared_memory if space.f_bavail * space.f_frsize > MEMORY else str(folder)
