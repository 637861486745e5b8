# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for real processes, and programs that are easy to tell apart."""

from __future__ import annotations

import os
import pathlib
import shutil
import time
import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.host import base
from ansible_collections.lockstep.backup.plugins.module_utils.host.posix import PosixHost

PATIENCE = 60.0


def eventually(condition: t.Callable[[], object]) -> None:
    """Wait until it holds; fails after a minute, which only a hanging machine needs."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it did not come to hold"
        time.sleep(0.01)


def ended(host: PosixHost, folder: pathlib.Path) -> base.JobStatus:
    eventually(lambda: host.job_status(str(folder)).state != base.JOB_RUNNING)
    return host.job_status(str(folder))


def program(folder: pathlib.Path, name: str) -> str:
    """A copy of ``sleep`` under that name."""
    path = folder / name
    shutil.copy(shutil.which("sleep") or "sleep", path)
    path.chmod(0o755)
    return str(path)


def unique(name: str) -> str:
    """A name that no other test run on this machine has."""
    return f"{name}-{os.getpid()}"


def script(folder: pathlib.Path, name: str, text: str) -> str:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)
    return str(path)
