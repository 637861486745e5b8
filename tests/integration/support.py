# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Playbooks of the collection against a lab in this process, and what is true of the lab afterwards."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import subprocess
import sys
import typing as t

from tests.lab.lab import Lab

PROJECT = pathlib.Path(__file__).resolve().parents[2]
PLAYBOOKS = PROJECT / "playbooks"
LONGEST_RUN = 240.0
"""Seconds after which a playbook is taken for hung and the test fails."""


@dataclasses.dataclass(frozen=True)
class PlaybookRun:
    """A finished ansible-playbook: its exit code, what a person saw, and the result of every task by host."""

    exit_code: int
    output: str
    events: list[dict[str, t.Any]]

    def results(self, task: str) -> dict[str, dict[str, t.Any]]:
        """Results by host of the last task whose name ends so."""
        return {event["host"]: event["result"] for event in self.events if event["task"].endswith(task)}

    def result(self, task: str, host: str = "aes1") -> dict[str, t.Any]:
        return self.results(task)[host]

    def failures(self, host: str = "aes1") -> list[dict[str, t.Any]]:
        """Results of failed tasks, in order, also of those that were rescued."""
        return [event["result"] for event in self.events if event["host"] == host and event["failed"]]

    def error_codes(self, host: str = "aes1") -> list[str]:
        return [failure["error_code"] for failure in self.failures(host) if "error_code" in failure]


def playbook_environment(trace: pathlib.Path) -> dict[str, str]:
    """The environment in which ansible-playbook runs here; ``trace`` receives one JSON line for each result."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    return {
        **inherited,
        "ANSIBLE_CONFIG": str(PROJECT / "ansible.cfg"),
        "ANSIBLE_COLLECTIONS_PATH": str(PROJECT / "build" / "collections"),
        "ANSIBLE_CALLBACK_PLUGINS": str(PROJECT / "tests" / "integration" / "callback_plugins"),
        "ANSIBLE_CALLBACKS_ENABLED": "lockstep_trace",
        "ANSIBLE_NOCOLOR": "1",
        "LOCKSTEP_TRACE": str(trace),
    }


def playbook_command(lab: Lab, playbook: str | pathlib.Path, *arguments: str, inventory: pathlib.Path | None = None) -> list[str]:
    """``playbook``: a name in ``playbooks/``, or a path. ``inventory``: the lab's own unless given."""
    path = playbook if isinstance(playbook, pathlib.Path) else PLAYBOOKS / f"{playbook}.yml"
    program = str(pathlib.Path(sys.executable).parent / "ansible-playbook")
    return [program, str(path), "--inventory", str(inventory or lab.inventory_path), *arguments]


def run_playbook(
    lab: Lab, playbook: str | pathlib.Path, *arguments: str, inventory: pathlib.Path | None = None, **variables: t.Any
) -> PlaybookRun:
    """Run to its end. ``variables`` become extra variables."""
    trace = lab.root / f"trace-{len(list(lab.root.glob('trace-*')))}.jsonl"
    extra = ["--extra-vars", json.dumps(variables)] if variables else []
    done = subprocess.run(
        playbook_command(lab, playbook, *arguments, *extra, inventory=inventory),
        env=playbook_environment(trace),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=LONGEST_RUN,
        check=False,
    )
    return PlaybookRun(done.returncode, done.stdout, read_trace(trace))


def read_trace(trace: pathlib.Path) -> list[dict[str, t.Any]]:
    """What the callback has written so far; a line cut short by a kill is left out."""
    if not trace.exists():
        return []
    lines = trace.read_text(encoding="utf-8").split("\n")
    return [json.loads(line) for line in lines[:-1]]


def write_playbook(folder: pathlib.Path, tasks: list[dict[str, t.Any]], hosts: str = "aes1", **play: t.Any) -> pathlib.Path:
    """A playbook of one play for tests of single modules."""
    path = folder / "playbook.yml"
    path.write_text(json.dumps([{"hosts": hosts, "gather_facts": False, "tasks": tasks, **play}]), encoding="utf-8")
    return path


def vault_folder(lab: Lab, host: str, installation: str, *below: str) -> pathlib.Path:
    """The real folder behind a vault's folder on a simulated host."""
    return lab.root / host / "C" / pathlib.Path("Backups", installation, *below)
