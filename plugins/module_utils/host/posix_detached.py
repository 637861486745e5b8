# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs that outlive this process. Private to lockstep.backup: not a public interface.

Whether such a program still lives is told by a lock on a file: it inherits the open file, with the lock, and so does all
that it starts. The kernel releases the lock when the last of them is gone, however that came about. Process ids are used
again, also after a restart of the machine; locks are not.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
import time
import typing as t

_PATIENCE = 5.0
"""Seconds between asking a program to end and killing it."""


def start(
    argv: t.Sequence[str],
    lock: str | None = None,
    output: str | None = None,
    errors: str | None = None,
    cwd: str | None = None,
    env: t.Mapping[str, str] | None = None,
) -> None:
    """Run ``argv``, which goes into the background by itself, in a session of its own; wait for its front part, and raise
    CalledProcessError when that fails.

    ``lock`` is made (FileExistsError when it is there) and stays locked as long as anything lives that came of it. ``output``
    and ``errors`` are files, made or emptied; None discards.
    """
    with contextlib.ExitStack() as stack:
        inherited: tuple[int, ...] = ()
        if lock is not None:
            handle = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            stack.callback(os.close, handle)
            fcntl.flock(handle, fcntl.LOCK_EX)
            inherited = (handle,)
        out = stack.enter_context(open(output or os.devnull, "wb"))
        err = stack.enter_context(open(errors or os.devnull, "wb"))
        subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            cwd=cwd,
            env=None if env is None else dict(os.environ, **env),
            pass_fds=inherited,
            start_new_session=True,
            check=True,
        )


def lives(lock: str) -> bool:
    """Whether anything lives that was started with this lock. False when there is no such file."""
    try:
        handle = os.open(lock, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def end(lock: str, group: int) -> None:
    """End the process group that holds the lock: asked first, killed when it is still there after five seconds."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if not lives(lock):
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group, number)
        deadline = time.monotonic() + _PATIENCE
        while lives(lock) and time.monotonic() < deadline:
            time.sleep(0.02)
