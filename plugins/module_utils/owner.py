# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who holds a lock or a journal. Private to lockstep.backup: not a public interface."""

from __future__ import annotations

import dataclasses
import getpass
import hashlib
import os
import socket
import subprocess
import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError


@dataclasses.dataclass(frozen=True)
class Owner:
    """One run: one ansible-playbook process on one control node.

    ``run_id`` differs between any two runs, also between two that got the same process id (it contains the boot and the
    start of the process). ``pid`` and ``started`` let the same control node prove that the run is over.
    """

    run_id: str
    control_node: str
    boot_id: str
    pid: int
    started: str
    user: str

    @classmethod
    def from_dict(cls, data: t.Mapping[str, t.Any]) -> Owner:
        return cls(
            run_id=str(data["run_id"]),
            control_node=str(data["control_node"]),
            boot_id=str(data["boot_id"]),
            pid=int(data["pid"]),
            started=str(data["started"]),
            user=str(data["user"]),
        )

    def as_dict(self) -> dict[str, t.Any]:
        return dataclasses.asdict(self)

    def describe(self) -> str:
        """For messages: who, where, which process."""
        return f"{self.user} on {self.control_node} (process {self.pid}, run {self.run_id})"


def refuse_foreign(what: str, holder: Owner, mine: Owner, dead_run: str | None, since: str) -> None:
    """Raise ``run_in_progress`` unless ``holder`` is this run, or a run that is proven to be over.

    ``what`` names the lock or journal in the message; ``since`` is its time as text; ``dead_run`` is the run id that the
    action plugin (or a person) says is over. Age is deliberately no argument: an old run may still be working.
    """
    if holder.run_id in (mine.run_id, dead_run):
        return
    raise LockstepError(
        "run_in_progress",
        f"{what} belongs to another run: {holder.describe()}, since {since}. Wait until it has ended. If that control node "
        f"is gone for good, run again with dead_run={holder.run_id}.",
        owner=holder.as_dict(),
        since=since,
    )


def control_node() -> str:
    """This machine's name, and after a slash what tells it from another one of the same name, where the system says so (Linux).

    Also containers differ by it: they may share a name and a kernel, but a process id means something in only one of them.
    """
    marks = []
    try:
        with open("/etc/machine-id", encoding="ascii", errors="replace") as source:
            marks.append(source.read().strip())
    except OSError:
        marks.append("")
    try:
        marks.append(str(os.stat("/proc/self/ns/pid").st_ino))
    except OSError:
        return socket.gethostname()
    return f"{socket.gethostname()}/{hashlib.sha256('/'.join(marks).encode()).hexdigest()[:8]}"


def boot_id() -> str:
    """Differs after each start of the machine where the kernel tells it (Linux), else a constant."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as source:
            return source.read().strip()
    except OSError:
        return "unknown"


def process_started(pid: int) -> str | None:
    """When the process began, in a form that only compares for equality; None when there is no such process."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as source:
            # The program's name may contain blanks and brackets: count from the last bracket. Field 22 is the start time.
            fields = source.read().rpartition(")")[2].split()
            return None if fields[0] == "Z" else fields[19]
    except FileNotFoundError:
        if os.path.isdir("/proc/self"):
            return None
    listing = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return listing.stdout.strip() or None


def owner_of_process(pid: int) -> Owner:
    """The run whose main process is ``pid`` on this machine."""
    started = process_started(pid) or "unknown"
    node = control_node()
    digest = hashlib.sha256("\0".join((node, boot_id(), str(pid), started)).encode()).hexdigest()
    return Owner(run_id=digest[:12], control_node=node, boot_id=boot_id(), pid=pid, started=started, user=getpass.getuser())


def this_process() -> Owner:
    return owner_of_process(os.getpid())


def is_proven_over(holder: Owner) -> bool:
    """Whether ``holder`` was a process of this very machine that no longer runs. False means: not known."""
    if holder.control_node != control_node():
        return False
    if "unknown" in (holder.boot_id, holder.started):
        return False
    return holder.boot_id != boot_id() or process_started(holder.pid) != holder.started
