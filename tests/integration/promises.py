# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The promises as assertions on one installation of the lab: what it was before a run, and whether they were kept."""

from __future__ import annotations

import collections.abc
import dataclasses
import hashlib
import json
import pathlib
import typing as t
import zipfile

from tests.integration.support import PlaybookRun, vault_folder
from tests.lab.lab import Lab, LabHost
from tests.lab.sites import SCHEMA

STATE = pathlib.PurePosixPath("ProgramData/Lockstep")
ZIP, DUMP = "enterprise_server.zip", f"{SCHEMA}.dmp"
TOOLS = ("avbackup.exe", "exp.exe", "imp.exe")


@dataclasses.dataclass(frozen=True)
class Unit:
    """``changes``: how often its state has changed so far; a unit that nobody touched has as many as before."""

    runs: bool
    changes: int


def units(host: LabHost) -> dict[str, Unit]:
    """Every service, application pool, site and scheduled task of a host, by kind and name."""
    machine = host.machine
    found = {f"service {one.name}": Unit(one.state == "Running", len(one.history)) for one in machine.services.all()}
    for pool in machine.iis.pools():
        found[f"app_pool {pool.name}"] = Unit(machine.iis.pool_state(pool) == "Started", len(pool.history))
    for site in machine.iis.sites():
        found[f"site {site.name}"] = Unit(machine.iis.site_state(site) == "Started", 0)
    return found


class Installation:
    """One installation of the lab. Made before a run, it remembers what there was."""

    def __init__(self, lab: Lab, number: int = 1) -> None:
        self.lab = lab
        self.name = f"aes{number}"
        self.server, self.oracle = lab.hosts[f"aes{number}"], lab.hosts[f"ora{number}"]
        self._units = {host.name: units(host) for host in self.hosts}
        self._sets = {host.name: self.recent(host) for host in self.hosts}
        self._failed = {host.name: self.names(host, "Failed") for host in self.hosts}
        self._privileges = self.privileges()

    @property
    def hosts(self) -> tuple[LabHost, LabHost]:
        return self.server, self.oracle

    # what there is
    def folder(self, host: LabHost, *below: str) -> pathlib.Path:
        return vault_folder(self.lab, host.name, self.name, *below)

    def state_folder(self, host: LabHost, *below: str) -> pathlib.Path:
        """Where Lockstep keeps journals, jobs and privileges on the host."""
        return self.lab.root / host.name / "C" / STATE.joinpath(*below)

    def names(self, host: LabHost, folder: str) -> set[str]:
        """What lies in a folder of the vault, whatever it is."""
        there = self.folder(host, folder)
        return {entry.name for entry in there.iterdir()} if there.is_dir() else set()

    def recent(self, host: LabHost) -> set[str]:
        return self.names(host, "Recent")

    def newly_failed(self, host: LabHost) -> set[str]:
        return self.names(host, "Failed") - self._failed[host.name]

    def manifest(self, host: LabHost, folder: str, name: str) -> dict[str, t.Any]:
        found: dict[str, t.Any] = json.loads(self.folder(host, folder, name, "manifest.json").read_text(encoding="utf-8"))
        return found

    def privileges(self) -> tuple[set[str], set[str]]:
        """Roles and system privileges of the schema."""
        assert self.oracle.database is not None
        user = self.oracle.database.users[SCHEMA]
        return set(user.roles), set(user.privileges)

    def left(self) -> set[str]:
        """What a run must give back and has not: ``host: thing``, in the words of the documentation."""
        found = set()
        for host in self.hosts:
            vault = self.folder(host)
            if vault.is_dir():
                found |= {f"{host.name}: {entry.name}" for entry in vault.iterdir() if entry.name.startswith("Lock")}
            for kind in ("quiesce", "privileges", "jobs"):
                if self.state_folder(host, kind).is_dir():
                    found |= {f"{host.name}: {kind}/{entry.name}" for entry in self.state_folder(host, kind).iterdir()}
            found |= {f"{host.name}: task {task.full_name}" for task in host.machine.tasks.all() if "Lockstep" in task.path}
            found |= {f"{host.name}: process {tool}" for tool in TOOLS if host.machine.processes.named(tool)}
        if self.privileges() != self._privileges:
            found.add(f"{self.oracle.name}: privileges {sorted(set.union(*self.privileges()) ^ set.union(*self._privileges))}")
        return found

    # the promises
    def nothing_was_stopped(self) -> None:
        """Promise 1: not even for a moment."""
        assert {host.name: units(host) for host in self.hosts} == self._units

    def service_is_back(self, but: collections.abc.Collection[str] = ()) -> None:
        """Promise 2: what ran runs again, and what did not run was never started. ``but``: units that the fault keeps down."""
        for host in self.hosts:
            for name, unit in units(host).items():
                before = self._units[host.name][name]
                if before.runs:
                    assert unit.runs or name in but, f"{name} of {host.name} was not started again"
                else:
                    assert unit == before, f"{name} of {host.name} did not run before and was touched"

    def no_new_set(self) -> None:
        """Promise 3: whatever was made is not under Recent, on neither host, and says under Failed that it is not good."""
        for host in self.hosts:
            assert self.recent(host) == self._sets[host.name]
            for name in self.newly_failed(host):
                assert self.manifest(host, "Failed", name)["state"] == "failed"

    def new_set(self) -> dict[str, t.Any]:
        """Promises 3 and 4: one new set, the same on both hosts, every part as its manifest says; the first host's manifest."""
        new = [self.recent(host) - self._sets[host.name] for host in self.hosts]
        assert new[0] == new[1]
        (name,) = new[0]
        manifests = [self.manifest(host, "Recent", name) for host in self.hosts]
        assert len({manifest["set_id"] for manifest in manifests}) == 1
        for host, manifest, expected in zip(self.hosts, manifests, (ZIP, DUMP), strict=True):
            assert manifest["state"] == "committed"
            (part,) = manifest["parts"]
            content = self.folder(host, "Recent", name, expected).read_bytes()
            assert (part["path"], part["bytes"], part["sha256"]) == (expected, len(content), hashlib.sha256(content).hexdigest())
        with zipfile.ZipFile(self.folder(self.server, "Recent", name, ZIP)) as made:
            assert made.testzip() is None
            assert made.namelist()
        return manifests[0]

    def nothing_is_left(self) -> None:
        """Promise 5, and what else a run takes: locks, journals, leases, jobs."""
        assert self.left() == set()

    def succeeded(self, run: PlaybookRun) -> dict[str, t.Any]:
        """All of it, after a run that went well for this installation; the new set's manifest."""
        assert run.failures(self.name) == [], run.output
        self.service_is_back()
        self.nothing_is_left()
        return self.new_set()

    def failed(
        self,
        run: PlaybookRun,
        code: str | None,
        host: str,
        *says: str,
        left: collections.abc.Collection[str] = (),
        down: collections.abc.Collection[str] = (),
    ) -> str:
        """All of it, after a run that failed for this installation; what the person reads at its end.

        That names the ``host`` and contains all of ``says`` (the cause, and what to do). ``code`` is None where the role itself
        refuses. ``left`` and ``down``: what the fault itself keeps the run from giving back, and keeps from running; the test looks
        whether it is reported.
        """
        assert run.exit_code != 0, run.output
        assert code is None or code in error_codes(run, self.name), run.output
        message = final_message(run, self.name)
        for text in (host, *says):
            assert text in message, message
        self.service_is_back(but=down)
        self.no_new_set()
        assert self.left() == set(left)
        return message

    def refused_before_anything_stopped(
        self, run: PlaybookRun, code: str, host: str, *says: str, left: collections.abc.Collection[str] = ()
    ) -> str:
        """As ``failed``, and promise 1: the run ended before it stopped or opened anything."""
        message = self.failed(run, code, host, *says, left=left)
        self.nothing_was_stopped()
        for one in self.hosts:
            assert self.newly_failed(one) == set()
        return message


def final_message(run: PlaybookRun, host: str) -> str:
    """The last failure of a host, which is what a person sees."""
    message = str(run.failures(host)[-1]["msg"])
    # Long messages are printed as they are, short ones as JSON: the words of either are there.
    assert message.split(maxsplit=1)[0] in run.output
    return message


def error_codes(run: PlaybookRun, host: str) -> set[str]:
    """Of all results, also of checks that are judged together later."""
    return {event["result"]["error_code"] for event in run.events if event["host"] == host and "error_code" in event["result"]}
