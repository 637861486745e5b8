# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be stopped and started on POSIX. Private to lockstep.backup: not a public interface.

Properties and states of systemd: systemctl(1) and org.freedesktop.systemd1(5). launchd: launchctl(1); its ``print`` is
documented as not being an interface, so only its plainest lines are read.
"""

from __future__ import annotations

import fnmatch
import os
import re
import signal
import subprocess
import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.host import posix_detached, posix_processes, scripts
from ansible_collections.lockstep.backup.plugins.module_utils.host.base import (
    ABSENT,
    RUNNING,
    STARTING,
    STOPPED,
    STOPPING,
    UNKNOWN,
    Completed,
    Host,
    LeavesNothing,
    UnitStatus,
)


def _named(name: str, pattern: str | None) -> bool:
    return pattern is None or fnmatch.fnmatchcase(name.lower(), pattern.lower())


def _placed(executable: str | None, folder: str | None) -> bool:
    return folder is None or (executable or "").startswith(os.path.normpath(folder) + "/")


def _ask(host: Host, argv: t.Sequence[str], name: str) -> None:
    done = host.run(argv)
    if done.exit_code != 0:
        answer = (done.stderr or done.stdout).strip()
        raise LockstepError("unit_refused", f"{host.name}: {' '.join(argv)} exited {done.exit_code}: {answer}", unit_name=name)


class SystemdUnits(LeavesNothing):
    """Services, and timers as scheduled tasks. A name may leave out its type (``nginx`` is ``nginx.service``)."""

    _STATES: t.Mapping[str, str] = {
        "active": RUNNING,
        "reloading": RUNNING,
        "refreshing": RUNNING,
        "activating": STARTING,
        "deactivating": STOPPING,
        "inactive": STOPPED,
        "failed": STOPPED,
    }
    _TYPES = (".service", ".socket", ".timer", ".path", ".target", ".mount")
    _PROPERTIES = "Id,LoadState,ActiveState,SubState,MainPID,ExecStart"
    # What systemd stops too when it is told to stop a unit, and does not start again with it.
    _STOPPED_TOO = ("RequiredBy", "RequisiteOf", "BoundBy", "ConsistsOf")

    def __init__(self, host: Host, kind: str) -> None:
        self._host, self._kind = host, kind
        self._type = ".timer" if kind == "scheduled_task" else ".service"

    def find(self, pattern: str | None, path_under: str | None) -> list[UnitStatus]:
        if path_under is not None and self._kind != "service":
            raise LockstepError("unit_kind_unsupported", "Timers are not found by the folder of a program (path_under).")
        units = [self._unit(block) for block in self._show(f"*{self._type}", self._PROPERTIES)]
        return [
            unit
            for unit in units
            if unit.state != ABSENT
            and (_named(unit.name, pattern) or _named(unit.name[: -len(self._type)], pattern))
            and _placed(unit.executable, path_under)
        ]

    def status(self, name: str) -> UnitStatus:
        blocks = self._show(self._full(name), self._PROPERTIES)
        return self._unit(blocks[0]) if blocks else UnitStatus(self._kind, name, ABSENT)

    def statuses(self, names: t.Sequence[str]) -> list[UnitStatus]:
        return [self.status(name) for name in names]

    def dependents(self, name: str) -> list[str]:
        return self._dependents(self._full(name), {self._full(name)})

    def _dependents(self, name: str, seen: set[str]) -> list[str]:
        blocks = self._show(name, ",".join(self._STOPPED_TOO))
        found: list[str] = []
        for other in " ".join(blocks[0].values()).split() if blocks else ():
            if other.endswith(self._type) and other not in seen:
                seen.add(other)
                if self.status(other).state not in (STOPPED, ABSENT):
                    found += [*self._dependents(other, seen), other]
        return found

    def stop(self, name: str, force: bool) -> None:
        how = ["kill", "--signal=SIGKILL"] if force else ["stop", "--no-block"]
        _ask(self._host, ["systemctl", *how, "--", self._full(name)], name)

    def start(self, name: str) -> None:
        _ask(self._host, ["systemctl", "start", "--no-block", "--", self._full(name)], name)

    def start_command(self, name: str) -> list[str]:
        return ["systemctl", "start", "--", self._full(name)]

    def _full(self, name: str) -> str:
        return name if name.endswith(self._TYPES) else name + self._type

    def _show(self, unit: str, properties: str) -> list[dict[str, str]]:
        done = self._host.run(["systemctl", "show", f"--property={properties}", "--", unit])
        if done.exit_code != 0:
            raise LockstepError("tool_failed", f"{self._host.name}: systemctl show {unit}: {done.stderr.strip()}")
        blocks = (block for block in done.stdout.split("\n\n") if block.strip())
        return [dict(line.split("=", 1) for line in block.splitlines() if "=" in line) for block in blocks]

    def _unit(self, block: t.Mapping[str, str]) -> UnitStatus:
        active = block.get("ActiveState", "")
        state = self._STATES.get(active, UNKNOWN)
        if block.get("LoadState") == "not-found" and state == STOPPED:
            state = ABSENT
        program = re.search(r"path=(\S+)", block.get("ExecStart", ""))
        pid = int(block.get("MainPID") or 0)
        detail = f"{active} ({block.get('SubState', '')})"
        return UnitStatus(self._kind, block.get("Id", ""), state, pid or None, program.group(1) if program else None, detail)


class LaunchdServices(LeavesNothing):
    """Jobs of launchd by their label. Stopping takes the job out of its domain, or KeepAlive would bring it back at once."""

    _NOT_FOUND = 113

    def __init__(self, host: Host) -> None:
        self._host = host
        root = host.is_admin()
        self._domain = "system" if root else f"gui/{os.getuid()}"
        self._folder = "/Library/LaunchDaemons" if root else os.path.expanduser("~/Library/LaunchAgents")

    def find(self, pattern: str | None, path_under: str | None) -> list[UnitStatus]:
        if path_under is not None:
            raise LockstepError("unit_kind_unsupported", "Jobs of launchd are not found by the folder of a program (path_under).")
        labels = {os.path.splitext(info.path.rpartition("/")[2])[0] for info in self._host.list_folder(self._folder)}
        return [self.status(label) for label in sorted(labels) if _named(label, pattern)]

    def status(self, name: str) -> UnitStatus:
        done = self._print(name)
        if done.exit_code == self._NOT_FOUND:
            return UnitStatus("service", name, STOPPED if self._host.stat(self._definition(name)) else ABSENT, detail="not loaded")
        if done.exit_code != 0:
            raise LockstepError("tool_failed", f"{self._host.name}: launchctl print {name}: {done.stderr.strip()}")
        lines = dict(re.findall(r"^\t(state|pid|program) = (.*)$", done.stdout, re.MULTILINE))
        state = {"running": RUNNING, "not running": STOPPED, "waiting": STOPPED}.get(lines.get("state", ""), UNKNOWN)
        pid = int(lines["pid"]) if "pid" in lines else None
        return UnitStatus("service", name, state, pid, lines.get("program"), lines.get("state", ""))

    def _print(self, name: str) -> Completed:
        return self._host.run(["launchctl", "print", f"{self._domain}/{name}"])

    def _definition(self, name: str) -> str:
        return f"{self._folder}/{name}.plist"

    def statuses(self, names: t.Sequence[str]) -> list[UnitStatus]:
        return [self.status(name) for name in names]

    def dependents(self, name: str) -> list[str]:
        return []

    def stop(self, name: str, force: bool) -> None:
        if force:
            _ask(self._host, ["launchctl", "kill", "SIGKILL", f"{self._domain}/{name}"], name)
        _ask(self._host, ["launchctl", "bootout", f"{self._domain}/{name}"], name)

    def start(self, name: str) -> None:
        if self._print(name).exit_code == self._NOT_FOUND:
            _ask(self._host, ["launchctl", "bootstrap", self._domain, self._definition(name)], name)
        _ask(self._host, ["launchctl", "kickstart", f"{self._domain}/{name}"], name)

    def start_command(self, name: str) -> list[str]:
        # A job that is loaded already makes bootstrap fail; then kickstart alone does it.
        script = 'launchctl bootstrap "$1" "$2"; launchctl kickstart "$1/$3"'
        return ["/bin/sh", "-c", script, "lockstep-start", self._domain, self._definition(name), name]


class Processes(LeavesNothing):
    """Programs by file name or path, all processes of each. One that is not running is stopped, never absent."""

    def __init__(self, host: Host, definition: t.Mapping[str, t.Any]) -> None:
        self._host, self._definition = host, definition

    def find(self, pattern: str | None, path_under: str | None) -> list[UnitStatus]:
        found: dict[str, UnitStatus] = {}
        for process in posix_processes.all_processes():
            path = process.executable
            if path is not None and _named(os.path.basename(path), pattern) and _placed(path, path_under):
                found.setdefault(path, UnitStatus("process", path, RUNNING, process.pid, path))
        return list(found.values())

    def status(self, name: str) -> UnitStatus:
        pids = self._host.processes(name)
        return UnitStatus("process", name, RUNNING if pids else STOPPED, pids[0] if pids else None)

    def statuses(self, names: t.Sequence[str]) -> list[UnitStatus]:
        return [self.status(name) for name in names]

    def dependents(self, name: str) -> list[str]:
        return []

    def stop(self, name: str, force: bool) -> None:
        for pid in self._host.processes(name):
            try:
                os.kill(pid, signal.SIGKILL if force else signal.SIGTERM)
            except ProcessLookupError:
                continue
            except PermissionError as error:
                message = f"{self._host.name}: process {pid} of {name} belongs to another account. Run the task with become."
                raise LockstepError("unit_refused", message, pid=pid) from error

    def start(self, name: str) -> None:
        done = self._start(name)
        try:
            posix_detached.start(scripts.detached_argv(done["argv"], done.get("cwd")))
        except (OSError, subprocess.CalledProcessError) as error:
            raise LockstepError("unit_refused", f"{self._host.name}: {name} was not started: {error}") from error

    def start_command(self, name: str) -> list[str]:
        how = self._start(name)
        return scripts.detached_argv(how["argv"], how.get("cwd"))

    def _start(self, name: str) -> t.Mapping[str, t.Any]:
        how: t.Mapping[str, t.Any] = self._definition.get("start") or {}
        if not how.get("argv"):
            raise LockstepError("unit_refused", f"How the process {name} is started must be said in its unit (start: argv).")
        return how
