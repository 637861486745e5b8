# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is logged on to a simulated machine, and in which session."""

from __future__ import annotations

import itertools
import threading

from tests.lab.windows.processes import Process, ProcessTable
from tests.lab.windows.users import User

EXPLORER = r"C:\Windows\explorer.exe"


class Sessions:
    """Desktop sessions by number, from 1; each has an Explorer of its user. Session 0 belongs to services."""

    def __init__(self, processes: ProcessTable) -> None:
        self._processes = processes
        self._users: dict[int, User] = {}
        self._lock = threading.RLock()

    def log_on(self, user: User) -> int:
        """The number of the user's session, which is a new one unless there is one already."""
        with self._lock:
            present = self.of(user)
            if present is not None:
                return present
            number = next(number for number in itertools.count(1) if number not in self._users)
            self._users[number] = user
            self._processes.start(EXPLORER, r"C:\Windows\Explorer.EXE", user=user, session_id=number, window=True)
            return number

    def log_off(self, user: User) -> list[Process]:
        """End the user's session and all that runs in it; the processes that were ended. None when there was no session."""
        with self._lock:
            session = self.of(user)
            if session is None:
                return []
            del self._users[session]
            ended = [process for process in self._processes.all() if process.session_id == session]
        for process in ended:
            self._processes.kill(process)
        return ended

    def of(self, user: User) -> int | None:
        """The user's session, or None."""
        with self._lock:
            return next((number for number, one in self._users.items() if one == user), None)
