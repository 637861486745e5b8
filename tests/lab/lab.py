# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole lab: installations of an Enterprise Server host and its Oracle host, and hosts of eTravel, each on its own address."""

from __future__ import annotations

import dataclasses
import errno
import pathlib
import socket
import types
import typing as t

from tests.lab import etravel, sites
from tests.lab.certificates import Authority
from tests.lab.inventory import PROJECT, STATIC, write_inventory
from tests.lab.oracle.database import Database
from tests.lab.oracle.faults import NAMES as DATABASE_FAULTS
from tests.lab.oracle.server import OracleServer
from tests.lab.record import Recorder, Request, RequestCallback, Started, Unknown
from tests.lab.tls import ServerCertificate
from tests.lab.windows.faults import FAULTS
from tests.lab.windows.machine import Machine
from tests.lab.windows.programs.oracle import LISTENER_SERVICE
from tests.lab.windows.services import RUNNING, STOPPED, Service
from tests.lab.winrm.auth import NtlmStore
from tests.lab.winrm.endpoint import HTTP_PORT, Endpoint
from tests.lab.winrm.http import Acceptor

DEFAULT_ROOT = PROJECT / "build" / "lab"
DEFAULT_NETWORK = "127.31"
ORACLE_PORT = 1521
ADMIN, ADMIN_PASSWORD = "Administrator", "lab-admin-Fake1"
OPERATOR, OPERATOR_PASSWORD = "operator", "lab-operator-Fake1"
"""May log on, and is no administrator."""
ACCOUNTS = ((ADMIN, ADMIN_PASSWORD, True), (OPERATOR, OPERATOR_PASSWORD, False))

HOST_KINDS = ("aes", "ora", "etravel")
"""What a host is; also the beginning of its name, and by its place the end of its address."""


class LabError(Exception):
    """The lab cannot start."""


@dataclasses.dataclass
class LabHost:
    """One machine of the lab, of one of HOST_KINDS. ``oracle`` (the listener, with its ``database``) only where Oracle runs."""

    name: str
    kind: str
    installation: int
    address: str
    https: bool
    machine: Machine
    endpoint: Endpoint
    oracle: OracleServer | None = None

    @property
    def database(self) -> Database | None:
        return self.oracle.database if self.oracle is not None else None


class LabFaults:
    """Faults by host and name. ``database_…`` are the faults of an Oracle host's database."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab

    def set(self, host: str, name: str, value: t.Any = None) -> None:
        database = self._lab.hosts[host].database
        if name.startswith("database_"):
            if database is None:
                raise ValueError(f"{host} has no database")
            database.faults.add(name[len("database_") :], True if value is None else value)
        else:
            self._lab.hosts[host].machine.faults.set(name, value)

    def clear(self, host: str | None = None, name: str | None = None) -> None:
        """One fault, all of a host, or all."""
        for one in self._lab.hosts.values():
            if host not in (None, one.name):
                continue
            if one.database is not None and (name is None or name.startswith("database_")):
                if name is None:
                    one.database.faults.clear()
                else:
                    one.database.faults.remove(name[len("database_") :])
            if name is None or not name.startswith("database_"):
                one.machine.faults.clear(name)

    def as_dict(self) -> dict[str, dict[str, list[str]]]:
        """What is on, by host."""
        found: dict[str, dict[str, list[str]]] = {}
        for one in self._lab.hosts.values():
            on = one.machine.faults.as_dict()
            if one.database is not None:
                on.update(
                    {
                        f"database_{name}": [str(one.database.faults.value(name))]
                        for name in DATABASE_FAULTS
                        if name in one.database.faults
                    }
                )
            if on:
                found[one.name] = on
        return found

    @staticmethod
    def known() -> dict[str, str]:
        """All names and what they do."""
        return {**FAULTS, **{f"database_{name}": text for name, text in DATABASE_FAULTS.items()}}


class Lab:
    """Use as a context manager. Odd installations speak HTTP with NTLM, even ones HTTPS with Basic.

    ``installations`` pairs of an Enterprise Server host and its Oracle host, ``etravel`` hosts of the eTravel system.
    ``network``: the first two numbers of the addresses; None takes the first free one, so that several labs run at once.
    ``root`` holds the machines' disks, the certificate authority and the inventory; disks are kept if they are there.
    """

    def __init__(
        self,
        root: pathlib.Path = DEFAULT_ROOT,
        installations: int = 2,
        network: str | None = None,
        data_files: int = 12,
        etravel: int = 0,
    ) -> None:
        self.root = root
        self.installations, self.etravel = installations, etravel
        self.recorder = Recorder()
        self.faults = LabFaults(self)
        self.hosts: dict[str, LabHost] = {}
        self.network = ""
        self._wanted_network = network
        self._data_files = data_files
        self._acceptor: Acceptor | None = None
        self._claim: socket.socket | None = None

    # what happened
    @property
    def unknown(self) -> list[Unknown]:
        """Everything that the lab was asked and does not know: a test that leaves something here has failed."""
        of_databases = [
            Unknown(host.name, "oracle", text)
            for host in self.hosts.values()
            if host.oracle is not None
            for text in host.oracle.unknown
        ]
        return [*self.recorder.unknown, *of_databases]

    def take_unknown(self) -> list[Unknown]:
        """What ``unknown`` has, and forget it: for tests that ask for something unknown on purpose."""
        taken = self.unknown
        self.recorder.unknown.clear()
        for host in self.hosts.values():
            if host.oracle is not None:
                host.oracle.unknown.clear()
        return taken

    @property
    def requests(self) -> list[Request]:
        return self.recorder.requests

    @property
    def process_history(self) -> list[Started]:
        return self.recorder.process_history

    def on_request(self, callback: RequestCallback) -> t.Callable[[], None]:
        return self.recorder.on_request(callback)

    @property
    def inventory_path(self) -> pathlib.Path:
        """The static inventory where it fits, otherwise one that is written for this lab."""
        if (self.network, self.installations, self.etravel, self.root) == (DEFAULT_NETWORK, 2, 1, DEFAULT_ROOT):
            return STATIC
        return write_inventory(self, self.root / "inventory")

    # life
    def __enter__(self) -> t.Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: types.TracebackType | None) -> None:
        self.stop()

    def start(self) -> None:
        self.root.mkdir(parents=True, exist_ok=True)
        self.authority = Authority(self.root / "ca")
        self.stranger = Authority(self.root / "ca-stranger", "Nobody's CA")
        self._ntlm = NtlmStore(self.root / "ntlm-users")
        self._acceptor = Acceptor()
        try:
            self._take_network()
            for number in range(1, self.installations + 1):
                self._add_installation(number)
            for number in range(1, self.etravel + 1):
                self._add_host("etravel", number)
        except BaseException:
            self.stop()
            raise

    def _take_network(self) -> None:
        """Settle on a network by binding an address in it that is no host's, until everything else in it is closed again."""
        wanted = [self._wanted_network] if self._wanted_network else [f"127.{second}" for second in range(32, 250)]
        for network in wanted:
            claim = socket.socket()
            try:
                claim.bind((f"{network}.255.1", HTTP_PORT))
            except OSError as error:
                claim.close()
                if error.errno != errno.EADDRINUSE:
                    raise
            else:
                self.network, self._claim = network, claim
                return
        raise LabError(f"the addresses of {', '.join(wanted)} are in use: another lab runs")

    def _add_installation(self, number: int) -> None:
        self._add_host("aes", number)
        self._add_host("ora", number)

    def _add_host(self, kind: str, number: int) -> None:
        assert self._acceptor is not None
        name = f"{kind}{number}"
        address = f"{self.network}.{number}.{1 + HOST_KINDS.index(kind)}"
        https = number % 2 == 0
        accounts = (*ACCOUNTS, etravel.ACCOUNT) if kind == "etravel" else ACCOUNTS
        machine = Machine(name, self.root / name, self.recorder, accounts)
        certificate = ServerCertificate(machine, address, self.authority, self.stranger) if https else None
        self._ntlm.add(machine.users)
        endpoint = Endpoint(
            machine,
            self._acceptor,
            address,
            basic=https,
            ntlm=self._ntlm,
            tls=certificate.context if certificate is not None else None,
        )
        endpoint.open()
        host = LabHost(name, kind, number, address, https, machine, endpoint)
        self.hosts[name] = host
        if kind == "aes":
            sites.build_enterprise_server(machine, f"ora{number}", self._data_files)
        elif kind == "ora":
            database = sites.build_oracle_host(machine, address)
            host.oracle = OracleServer(database, address, ORACLE_PORT)
            _ListenerService(machine, host.oracle, LISTENER_SERVICE)
        else:
            database = etravel.build_etravel(machine, address)
            host.oracle = OracleServer(database, address, ORACLE_PORT)
            _ListenerService(machine, host.oracle, etravel.LISTENER_SERVICE)

    def stop(self) -> None:
        """Close every connection and end everything that runs."""
        if self._acceptor is not None:
            self._acceptor.close()
            self._acceptor = None
        for host in self.hosts.values():
            host.machine.close()
            if host.oracle is not None:
                host.oracle.stop()
        if self._claim is not None:
            self._claim.close()
            self._claim = None


class _ListenerService:
    """The listener listens while its Windows service runs."""

    def __init__(self, machine: Machine, server: OracleServer, listener: str) -> None:
        self._server, self._listener = server, listener
        self._follow_listener(machine.services[listener].state)
        machine.services.on_state.append(self._changed)

    def _changed(self, service: Service) -> None:
        if service.name == self._listener:
            self._follow_listener(service.state)

    def _follow_listener(self, state: str) -> None:
        if state == RUNNING and not self._server.is_listening:
            self._server.start()
        elif state == STOPPED:
            self._server.stop()
