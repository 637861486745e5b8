# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection as a user has it: built, installed, and run by its full names."""

from __future__ import annotations

import pathlib
import subprocess
import sys

from tests.integration.support import PROJECT, playbook_environment, read_trace
from tests.lab.lab import Lab

TOOLS = pathlib.Path(sys.executable).parent


def tool(name: str, *arguments: str, folder: pathlib.Path, environment: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        [str(TOOLS / name), *arguments],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_the_installed_collection_runs_its_playbooks_by_their_full_names(lab: Lab, tmp_path: pathlib.Path) -> None:
    collections = tmp_path / "collections"
    tool("ansible-galaxy", "collection", "build", str(PROJECT), "--output-path", str(tmp_path), folder=tmp_path)
    (archive,) = tmp_path.glob("lockstep-backup-*.tar.gz")
    tool("ansible-galaxy", "collection", "install", str(archive), "-p", str(collections), "--offline", folder=tmp_path)
    assert not (collections / "ansible_collections/lockstep/backup/build").exists()
    environment = playbook_environment(tmp_path / "trace.jsonl") | {"ANSIBLE_COLLECTIONS_PATH": str(collections)}
    del environment["ANSIBLE_CONFIG"]
    for playbook in ("preflight", "nightly", "verify"):
        output = tool(
            "ansible-playbook",
            f"lockstep.backup.{playbook}",
            *("--inventory", str(lab.inventory_path), "--limit", "aes1"),
            folder=tmp_path,
            environment=environment,
        )
        assert "failed=0" in output
    events = read_trace(tmp_path / "trace.jsonl")
    assert [event["result"]["grade"] for event in events if event["task"].endswith("and with it the set")] == ["quiesced"]
