# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Timers of this machine, whether or not anybody is connected. Private to lockstep.backup: not a public interface.

A new timer stands before the old ones of its name are given up: at no moment is there none.
"""

from __future__ import annotations

import contextlib
import datetime
import glob
import math
import os
import typing as t
import uuid

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.host import posix_detached, scripts
from ansible_collections.lockstep.backup.plugins.module_utils.host.base import Host


class Timers(t.Protocol):
    def arm(self, name: str, at: datetime.datetime, script: str) -> None: ...

    def disarm(self, name: str) -> None: ...

    def armed(self, name: str) -> bool: ...


class SystemdTimers:
    """Transient units of the system's manager, which no logout ends. A colon, which no name has, sets off what tells two apart."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def arm(self, name: str, at: datetime.datetime, script: str) -> None:
        old = self._units(name)
        when = at.astimezone(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC")
        argv = [
            "systemd-run",
            f"--unit=lockstep-{name}:{uuid.uuid4().hex[:8]}",
            f"--description=Lockstep: {name}",
            f"--on-calendar={when}",
            "--timer-property=AccuracySec=1s",
            # What the script starts in the background has to outlive it.
            "--property=KillMode=process",
            "--collect",
            "--quiet",
            "/bin/sh",
            script,
        ]
        self._ask(argv, name)
        self._stop(old, name)

    def disarm(self, name: str) -> None:
        self._stop(self._units(name), name)

    def armed(self, name: str) -> bool:
        return bool(self._units(name))

    def _units(self, name: str) -> list[str]:
        argv = ["systemctl", "list-units", "--all", "--plain", "--no-legend", "--full", f"lockstep-{name}:*.timer"]
        return [line.split()[0] for line in self._ask(argv, name).splitlines() if line.strip()]

    def _stop(self, units: t.Sequence[str], name: str) -> None:
        if units:
            self._ask(["systemctl", "stop", "--", *units], name)

    def _ask(self, argv: t.Sequence[str], name: str) -> str:
        done = self._host.run(argv)
        if done.exit_code != 0:
            answer = (done.stderr or done.stdout).strip()
            raise LockstepError(
                "lease_refused", f"{self._host.name}: the timer {name}: {argv[0]} exited {done.exit_code}: {answer}"
            )
        return done.stdout


class DetachedTimers:
    """A waiting process for each timer, where there is no systemd or no right to use it. It does not survive a restart of the
    machine; but neither does what it would start again then."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def arm(self, name: str, at: datetime.datetime, script: str) -> None:
        os.makedirs(self._folder, mode=0o700, exist_ok=True)
        old = self._files(name)
        armed = os.path.join(self._folder, f"{name}:{uuid.uuid4().hex[:8]}.armed")
        posix_detached.start(scripts.timer_argv(armed, math.ceil(at.timestamp()), script), lock=armed)
        self._give_up(old)

    def disarm(self, name: str) -> None:
        self._give_up(self._files(name))

    def armed(self, name: str) -> bool:
        return any(posix_detached.lives(file) for file in self._files(name))

    def _files(self, name: str) -> list[str]:
        return glob.glob(os.path.join(glob.escape(self._folder), f"{glob.escape(name)}:*.armed"))

    @staticmethod
    def _give_up(files: t.Sequence[str]) -> None:
        for file in files:
            claimed = f"{file}.given_up"
            # The timer renames the same file before it fires: only one of the two succeeds.
            with contextlib.suppress(FileNotFoundError):
                os.rename(file, claimed)
                with open(claimed, encoding="ascii") as source:
                    group = source.read().strip()
                if group:
                    posix_detached.end(claimed, int(group))
                os.unlink(claimed)
