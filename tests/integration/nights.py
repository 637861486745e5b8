# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One installation over several nightly runs, of which some are killed: what must hold at any moment, and after a good one."""

from __future__ import annotations

import hashlib
import typing as t

from tests.integration.killing import Chosen, Run, never, wait_until
from tests.integration.promises import DUMP, TOOLS, ZIP, Installation, units
from tests.lab.lab import Lab, LabHost

KEPT: t.Mapping[str, t.Any] = {
    # So that every run but the first moves a set, and every run but the first two deletes one.
    "altium_enterprise_server_keep_recent": 1,
    "altium_enterprise_server_keep_archive": 1,
    # As in the vendor's document: what uses the schema on the Oracle host stops, too.
    "altium_enterprise_server_oracle_units": [{"kind": "service", "name": "WAS"}],
}
PAST_EVERY_LEASE = 6 * 3600 + 60.0
"""Seconds; the role's altium_enterprise_server_max_outage is six hours."""


class Nights:
    """``good`` are the names of the sets that passed their commit point, ``story`` what was done so far, for messages."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.home = Installation(lab)
        self.units_before = {host.name: units(host) for host in self.home.hosts}
        self.privileges_before = self.home.privileges()
        self.good: list[str] = []
        self.story: list[str] = []
        self.opened: set[str] = set()

    def night(self, chosen: Chosen = never, **variables: t.Any) -> Run:
        """One nightly run, killed where ``chosen`` says so; what must hold at any moment holds then."""
        with Run(self.lab, chosen, **{**KEPT, **variables}) as run:
            run.wait()
        self.story.append(f"killed {run.killed_at[0]} {run.killed_at[1]}" if run.killed_at else "ran to its end")
        self._look()
        self.nothing_is_promised_that_is_not_there()
        return run

    def _look(self) -> None:
        for folder in ("Recent", "Archive"):
            self.good += sorted(self.names(self.home.server, folder) - set(self.good))
        self.good.sort()
        self.opened |= self.names(self.home.server, "Failed") | set(self.good)

    def names(self, host: LabHost, folder: str) -> set[str]:
        """The sets in a folder of a vault; a folder that is being deleted is none."""
        there = self.home.folder(host, folder)
        return {entry.name for entry in there.iterdir() if entry.name.isdigit()} if there.is_dir() else set()

    # at any moment
    def nothing_is_promised_that_is_not_there(self) -> None:
        """Also in the very moment of a kill: good sets are whole and paired, privileges and stopped units are on record."""
        for folder in ("Recent", "Archive"):
            for name in self.names(self.home.server, folder):
                self._is_whole(self.home.server, folder, name, ZIP)
        for name in self.names(self.home.server, "Recent"):
            (place,) = [folder for folder in ("Recent", "Archive") if name in self.names(self.home.oracle, folder)]
            self._is_whole(self.home.oracle, place, name, DUMP)
            manifests = self.home.manifest(self.home.server, "Recent", name), self.home.manifest(self.home.oracle, place, name)
            assert manifests[0]["set_id"] == manifests[1]["set_id"], self.story
        if self.home.privileges() != self.privileges_before:
            assert list(self.home.state_folder(self.home.oracle, "privileges").iterdir()), self.story
        for host in self.home.hosts:
            if self.stopped(host):
                assert self.home.state_folder(host, "quiesce", self.home.name, "journal.json").is_file(), self.story
                assert [task.name for task in host.machine.tasks.all() if "Lockstep" in task.path], self.story

    def _is_whole(self, host: LabHost, folder: str, name: str, expected: str) -> None:
        manifest = self.home.manifest(host, folder, name)
        assert manifest["state"] == "committed", self.story
        (part,) = manifest["parts"]
        content = self.home.folder(host, folder, name, expected).read_bytes()
        found = (expected, len(content), hashlib.sha256(content).hexdigest())
        assert (part["path"], part["bytes"], part["sha256"]) == found, self.story

    def stopped(self, host: LabHost) -> set[str]:
        """What ran before the first night and does not run now."""
        return {name for name, unit in units(host).items() if self.units_before[host.name][name].runs and not unit.runs}

    def reason(self, host: LabHost, name: str) -> str:
        """Why a set failed: as its manifest says, or BACKUP.LOG where its run ended before it could write one."""
        if self.home.folder(host, "Failed", name, "manifest.json").exists():
            manifest = self.home.manifest(host, "Failed", name)
            assert manifest["state"] == "failed", self.story
            return str(manifest["error"])
        log = self.home.folder(host, "BACKUP.LOG").read_text(encoding="utf-8")
        (line,) = [line for line in log.splitlines() if line.startswith(name)]
        assert "its run ended before it began" in line, self.story
        return line

    # between two nights
    def leases_fire(self) -> None:
        """Time passes, and no control node is there: the hosts themselves start what ran, and nothing else."""
        for host in self.home.hosts:
            host.machine.clock.advance(PAST_EVERY_LEASE)
        wait_until(lambda: not any(map(self.stopped, self.home.hosts)), f"the leases start all units; {self.story}")
        self.story.append("the leases fired")
        self.home.service_is_back()

    def the_last_trace_goes(self) -> None:
        """A day later not even the drafts of journals are left."""
        for host in self.home.hosts:
            host.machine.clock.advance(24 * 3600 + 60)
        self.all_is_well(self.night())
        assert self.home.left() == set(), self.story

    def tools_end(self) -> None:
        """Time passes until no tool works any more, in steps so small that no lease fires meanwhile."""

        def none_works() -> bool:
            for host in self.home.hosts:
                host.machine.clock.advance(20)
            return not any(host.machine.processes.named(tool) for host in self.home.hosts for tool in TOOLS)

        wait_until(none_works, "the tools end")

    # after a night that ran to its end
    def all_is_well(self, run: Run) -> None:
        """Every promise, after a run that nobody disturbed."""
        assert run.killed_at is None
        assert run.process.returncode == 0, f"{self.story}\n{run.output}"
        self.home.service_is_back()
        # Drafts of journals that were never put in place; whoever made them, they are no locks.
        assert {thing for thing in self.home.left() if "~" not in thing} == set(), self.story
        for host in self.home.hosts:
            # Retention counted the good sets and no other one.
            assert self.names(host, "Recent") == set(self.good[-1:]), self.story
            assert self.names(host, "Archive") == set(self.good[-2:-1]), self.story
            assert [path for path in self.home.folder(host).glob("*/*") if not path.name.isdigit()] == [], self.story
            for name in self.names(host, "Failed"):
                assert name not in self.good, self.story
                assert self.reason(host, name), self.story
        # A failed set stays, for whoever wants to know why, until a newer good one is deleted.
        newest_deleted = max(self.good[:-2], default="")
        failed = {name for name in self.opened - set(self.good) if name > newest_deleted}
        assert self.names(self.home.server, "Failed") == failed, self.story
