# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Talking to a lab that runs in another process: a small JSON endpoint on loopback, and the file that says where it is."""

from __future__ import annotations

import dataclasses
import datetime
import json
import os
import pathlib
import secrets
import signal
import socket
import sys
import threading
import time
import typing as t

from tests.lab import etravel_in_use
from tests.lab.inventory import PROJECT
from tests.lab.lab import DEFAULT_NETWORK, DEFAULT_ROOT, Lab, LabError
from tests.lab.sites import SCHEMA
from tests.lab.windows.faults import UnknownFault
from tests.lab.windows.tape import GENEROUS

START_SECONDS = 30.0
STOP_SECONDS = 10.0
TAPE_ACTIONS = ("list", "new", "insert", "eject", "protect", "unprotect")
FREE_NETWORK = "free"


class ControlError(Exception):
    """The lab does not run, or does not do what it was asked."""


@dataclasses.dataclass(frozen=True)
class Running:
    """What the state file says. ``started`` is the process's start time in the kernel's ticks: ids are used again."""

    pid: int
    started: str
    port: int
    token: str

    def is_alive(self) -> bool:
        return _process_started(self.pid) == self.started


def state_path(root: pathlib.Path = DEFAULT_ROOT) -> pathlib.Path:
    return root / "lab.json"


def _process_started(pid: int) -> str:
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] == "Z" else fields[19]


def running(root: pathlib.Path = DEFAULT_ROOT) -> Running | None:
    """The lab that was started for this root, or None. A file left by a dead process counts as none."""
    try:
        found = Running(**json.loads(state_path(root).read_text()))
    except (OSError, ValueError, TypeError):
        return None
    return found if found.is_alive() else None


def ask(request: dict[str, t.Any], root: pathlib.Path = DEFAULT_ROOT) -> t.Any:
    """Send one request to the running lab; its answer. Raises ControlError."""
    found = running(root)
    if found is None:
        raise ControlError("the lab does not run (python -m tests.lab up)")
    with socket.create_connection(("127.0.0.1", found.port), timeout=10) as connection:
        connection.sendall(json.dumps({**request, "token": found.token}).encode() + b"\n")
        with connection.makefile("rb") as source:
            answer = json.loads(source.readline())
    if "error" in answer:
        raise ControlError(answer["error"])
    return answer["result"]


# the side of the lab
class ControlServer:
    """Answers the requests of ``ask`` for one lab."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._token = secrets.token_hex(16)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._run, name="lab-control", daemon=True)
        self._thread.start()

    def announce(self) -> None:
        """Write the state file: from here on the lab counts as up."""
        state = Running(os.getpid(), _process_started(os.getpid()), self._socket.getsockname()[1], self._token)
        path = state_path(self._lab.root)
        new = path.with_suffix(".new")
        new.touch(mode=0o600)
        new.write_text(json.dumps(dataclasses.asdict(state)))
        new.replace(path)

    def close(self) -> None:
        state_path(self._lab.root).unlink(missing_ok=True)
        self._socket.close()

    def _run(self) -> None:
        while True:
            try:
                connection, _peer = self._socket.accept()
            except OSError:
                return
            with connection, connection.makefile("rb") as source:
                try:
                    answer = {"result": self._answer(json.loads(source.readline()))}
                except (LookupError, ValueError, TypeError, OSError, UnknownFault) as error:
                    answer = {"error": " ".join(map(str, error.args)) or type(error).__name__}
                connection.sendall(json.dumps(answer).encode() + b"\n")

    def _answer(self, request: dict[str, t.Any]) -> t.Any:
        if not secrets.compare_digest(str(request.get("token", "")), self._token):
            raise PermissionError("wrong token")
        host = request.get("host")
        if host is not None and host not in self._lab.hosts:
            raise LookupError(f"there is no host {host}; there are {', '.join(self._lab.hosts)}")
        verbs: dict[str, t.Callable[[], t.Any]] = {
            "status": self._status,
            "fault": lambda: self._lab.faults.set(request["host"], request["name"], request.get("value")),
            "clear": lambda: self._lab.faults.clear(request.get("host"), request.get("name")),
            "advance": lambda: self._advance(request["host"], float(request["seconds"])),
            "unknown": lambda: [dataclasses.asdict(one) for one in self._lab.unknown],
            "requests": lambda: [dataclasses.asdict(one) for one in self._lab.requests],
            "processes": lambda: [
                {"host": one.host, "user": one.user, "command_line": one.command_line} for one in self._lab.process_history
            ],
            "empty": lambda: self._empty(request["host"]),
            "tape": lambda: self._tape(request["host"], request["action"], request.get("name"), request.get("capacity")),
        }
        return verbs[request["verb"]]()

    def _empty(self, host: str) -> None:
        database = self._lab.hosts[host].database
        if database is None:
            raise LookupError(f"{host} has no database")
        database.empty(SCHEMA)

    def _tape(self, host: str, action: str, name: str | None, capacity: int | None) -> list[dict[str, t.Any]]:
        """Do it, and tell of every tape of that host."""
        drive = self._lab.hosts[host].machine.tape_drive
        if drive is None:
            raise LookupError(f"{host} has no tape drive")
        if action == "eject":
            drive.eject()
        elif action != "list":
            if name is None:
                raise ValueError(f"{action} needs the name of a tape")
            if action == "new":
                drive.new(name, capacity or GENEROUS)
            elif action == "insert":
                drive.insert(name)
            else:
                drive.tape(name).change(write_protected=action == "protect")
        return [
            {
                "name": tape.name,
                "capacity": tape.capacity,
                "used": tape.used(len(tape)),
                "write_protected": tape.write_protected,
                "loaded": tape is drive.loaded,
            }
            for tape in drive.tapes()
        ]

    def _advance(self, host: str, seconds: float) -> str:
        machine = self._lab.hosts[host].machine
        machine.tasks.pass_time(machine.clock.now() + datetime.timedelta(seconds=seconds))
        return machine.clock.now().isoformat(timespec="seconds")

    def _status(self) -> dict[str, t.Any]:
        hosts = {}
        for host in self._lab.hosts.values():
            machine = host.machine
            hosts[host.name] = {
                "url": host.endpoint.url,
                "disk": str(machine.root / "C"),
                "services": {one.name: one.state for one in machine.services.all()},
                "pools": {pool.name: machine.iis.pool_state(pool) for pool in machine.iis.pools()},
                "tasks": [task.full_name for task in machine.tasks.all()],
            }
        return {
            "network": self._lab.network,
            "inventory": str(self._lab.inventory_path),
            "hosts": hosts,
            "faults": self._lab.faults.as_dict(),
            "requests": len(self._lab.requests),
            "unknown": len(self._lab.unknown),
        }


def serve(
    root: pathlib.Path = DEFAULT_ROOT, installations: int = 2, network: str | None = DEFAULT_NETWORK, etravel: int = 1
) -> None:
    """Run a lab in this process until SIGTERM or SIGINT. ``network`` None: the first free one."""
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_unused: stopping.set())
    try:
        with Lab(root, installations, network, etravel=etravel) as lab:
            for host in lab.hosts.values():
                if host.kind == "etravel":
                    etravel_in_use.take_over(host.machine)
            control = ControlServer(lab)
            control.announce()
            stopping.wait()
            control.close()
    except LabError as error:
        raise ControlError(str(error)) from None


# the side of the caller
def _spawn(command: list[str], log: pathlib.Path) -> int:
    """Start a process of its own session in the project's folder, with its output in ``log``; its id.

    Not subprocess.Popen, which would wait for it or complain: this process is meant to stay.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(log), flags, 0o600),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [str(PROJECT), os.environ.get("PYTHONPATH")]))}
    return os.posix_spawn(command[0], command, environment, file_actions=actions, setsid=True)


def _has_ended(pid: int) -> bool:
    """Whether a process started here has ended (it is then taken off the kernel's list)."""
    try:
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    except ChildProcessError:
        return True


def up(
    root: pathlib.Path = DEFAULT_ROOT, installations: int = 2, network: str | None = DEFAULT_NETWORK, etravel: int = 1
) -> Running:
    """Start a lab in the background and wait until it listens. ``network`` None: the first free one. Raises ControlError."""
    found = running(root)
    if found is not None:
        raise ControlError(f"the lab runs already (process {found.pid})")
    root.mkdir(parents=True, exist_ok=True)
    state_path(root).unlink(missing_ok=True)
    log = root / "lab.log"
    command = [sys.executable, "-m", "tests.lab", "serve", "--root", str(root)]
    command += ["--installations", str(installations), "--etravel", str(etravel), "--network", network or FREE_NETWORK]
    pid = _spawn(command, log)
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        found = running(root)
        if found is not None:
            return found
        if _has_ended(pid):
            raise ControlError(f"the lab did not start; {log} says:\n{log.read_text(errors='replace')[-2000:].strip()}")
        time.sleep(0.01)
    os.kill(pid, signal.SIGTERM)
    raise ControlError(f"the lab did not start within {START_SECONDS:g} s; see {log}")


def down(root: pathlib.Path = DEFAULT_ROOT) -> bool:
    """Stop the lab and wait until its process has ended; False when none ran. Raises ControlError."""
    found = running(root)
    if found is None:
        return False
    os.kill(found.pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while found.is_alive():
        _has_ended(found.pid)
        if time.monotonic() > deadline:
            raise ControlError(f"process {found.pid} of the lab does not end")
        time.sleep(0.01)
    return True
