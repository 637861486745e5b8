# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One eTravel server over several runs, of which some are killed: what must hold at any moment, and after a good one."""

from __future__ import annotations

import abc
import collections.abc
import hashlib
import itertools
import json
import pathlib
import re
import typing as t

from tests.integration.etravel import NAME, QUICK, Server, succeeded
from tests.integration.killing import Chosen, Run, never, wait_until

FULL: t.Mapping[str, str] = {"FUL001": "full-1", "FUL002": "full-2"}
"""Labels, and the lab's tapes that have them."""
EXPORTS = ("export-1", "export-2")
PAST_THE_LEASE = 2 * 3600 + 60.0
"""Seconds; the role's etravel_max_outage is two hours."""
SITE: t.Mapping[str, t.Any] = {
    "etravel_exports_by": "site",
    "etravel_overwrite_accepted": True,
    "etravel_tape_wait": 30,
    # Two tapes have to do for all these Fridays.
    "etravel_full_pool": {"name": "full", "tapes": 2, "retention_days": 0, "keep_newer": 0},
}


class Story(abc.ABC):
    """``story`` is what was done so far, for messages."""

    settings: t.ClassVar[t.Mapping[str, t.Any]] = {}

    def __init__(self, server: Server) -> None:
        self.server = server
        self.story: list[str] = []

    def run(self, playbook: str, chosen: Chosen, inserts: collections.abc.Sequence[str] = ()) -> Run:
        """One run, killed where ``chosen`` says so, with a person at the drive who puts these tapes in."""
        with (
            self.server.operator.at_the_drive(inserts),
            Run(self.server.lab, chosen, playbook, limit=NAME, **QUICK, **self.settings) as run,
        ):
            run.wait()
        self.story.append(f"{playbook} killed {run.killed_at[0]} {run.killed_at[1]}" if run.killed_at else f"{playbook} ended")
        self.what_must_hold()
        return run

    @abc.abstractmethod
    def what_must_hold(self) -> None:
        """Also in the very moment of a kill."""

    def ended_well(self, run: Run) -> None:
        assert run.killed_at is None
        assert run.process.returncode == 0, f"{self.story}\n{run.output}"
        self.server.service_is_back()
        self.server.nothing_is_left()

    def loaded(self) -> str | None:
        loaded = self.server.drive.loaded
        return None if loaded is None else loaded.name


class Weeks(Story):
    """Fridays and Mondays. The site's own export is in force, so that the suspension has something to keep away."""

    settings = SITE

    def __init__(self, server: Server) -> None:
        super().__init__(server)
        server.machine.tasks.enable(server.export_task, True)
        self.exports = {tape: server.records(tape) for tape in EXPORTS}

    def friday(self, chosen: Chosen = never) -> Run:
        run = self.run("etravel_full_backup", chosen, [self._next_tape()])
        told = re.search(r"-e etravel_label_overwrite=(foreign-[0-9a-f]+)", run.output)
        if told is None or run.killed_at is not None:
            return run
        # A run that was killed had overwritten the tape and could not record it: a person does as the refusal says.
        assert "Nothing was stopped. Not ready:" in run.output
        name = next(label for label, tape in FULL.items() if tape == self.loaded())
        label = {"etravel_label_pool": "full", "etravel_label_name": name, "etravel_label_overwrite": told.group(1)}
        succeeded(self.server.run("etravel_label_tape", **self.settings, **label))
        self.story.append("labelled again")
        return self.run("etravel_full_backup", chosen, [self._next_tape()])

    def _next_tape(self) -> str:
        """The tape that is asked for: what was never written, else what was written longest ago."""
        catalogue = json.loads(self.server.state_folder("tapes", NAME, "tapes.json").read_text(encoding="utf-8"))
        tapes = [(tape["last_written"] or "", tape["label"]) for tape in catalogue["tapes"] if tape["label"] in FULL]
        return FULL[min(tapes)[1]]

    def monday(self, chosen: Chosen = never) -> Run:
        if self.loaded() not in EXPORTS:
            self.server.drive.insert(EXPORTS[1])
        return self.run("etravel_return", chosen)

    def what_must_hold(self) -> None:
        server = self.server
        if server.site_exports():
            assert self.loaded() in EXPORTS, self.story
        else:
            assert server.suspended(), self.story
        for tape in EXPORTS:
            assert server.records(tape) == self.exports[tape], self.story
        if self.is_stopped():
            assert server.state_folder("quiesce", NAME, "journal.json").is_file(), self.story
            assert [task.full_name for task in server.machine.tasks.all() if "Lockstep" in task.path], self.story
        for name in server.sets(full=True):
            if name.isdigit():
                assert server.vault("Recent", name, "backup.log", full=True).stat().st_size > 0, self.story

    def is_stopped(self) -> bool:
        services = self.server.machine.services
        return any(services[name].state == "Stopped" for name in ("W3SVC", "OracleTNSListener", "OracleServiceDTA"))

    def lease_fires(self) -> None:
        """Time passes, and no control node is there."""
        self.server.machine.clock.advance(PAST_THE_LEASE)
        wait_until(lambda: not self.is_stopped(), f"the lease starts all units; {self.story}")
        self.story.append("the lease fired")
        self.what_must_hold()


class Days(Story):
    """Daily exports to the tape that is in the drive; nothing stops for them."""

    tape, label = EXPORTS[0], "EXP001"

    def __init__(self, server: Server) -> None:
        super().__init__(server)
        self.others = {tape: server.records(tape) for tape in (*FULL.values(), EXPORTS[1])}

    def day(self, chosen: Chosen = never) -> Run:
        return self.run("nightly", chosen)

    def what_must_hold(self) -> None:
        self.server.service_is_back()
        for tape, records in self.others.items():
            assert self.server.records(tape) == records, self.story
        on_tape = self._files_on_tape()
        for folder, name in self._good_sets():
            manifest = json.loads(self.server.vault(folder, name, "manifest.json").read_text(encoding="utf-8"))
            assert manifest["state"] == "committed", self.story
            (part,) = manifest["parts"]
            dump = self.server.vault(folder, name, part["path"]).read_bytes()
            assert part["sha256"] == hashlib.sha256(dump).hexdigest(), self.story
            assert manifest["details"]["tape"] is None or dump in on_tape, self.story
        for copy in self._copies():
            if copy.name.isdigit():
                for file in json.loads((copy / "copy.json").read_text(encoding="utf-8"))["files"]:
                    assert hashlib.sha256((copy / file["name"]).read_bytes()).hexdigest() == file["sha256"], self.story

    def _good_sets(self) -> list[tuple[str, str]]:
        return [(folder, name) for folder in ("Recent", "Archive") for name in self.server.sets(folder) if name.isdigit()]

    def _files_on_tape(self) -> set[bytes]:
        """The contents between the file marks."""
        groups = itertools.groupby(self.server.records(self.tape), lambda record: record is None)
        return {b"".join(record or b"" for record in records) for is_mark, records in groups if not is_mark}

    def _copies(self) -> list[pathlib.Path]:
        return [copy for disk in "EF" for copy in (self.server.lab.root / NAME / disk / "Backups").glob("*")]

    def ended_well(self, run: Run) -> None:
        super().ended_well(run)
        manifest = self.server.newest()
        assert (manifest["grade"], manifest["details"]["tape"]) == ("hot", self.label), self.story
        assert len(manifest["details"]["copies"]) == 2, self.story
        assert [copy.name for copy in self._copies() if not copy.name.isdigit()] == [], self.story
        # But for drafts that were never put in place.
        left = {file.name for folder in (("privileges",), ("tapes", NAME)) for file in self.server.state_folder(*folder).iterdir()}
        assert {name for name in left if "~" not in name} == {"tapes.json"}, self.story
