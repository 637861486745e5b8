# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module tape_rotate as ansible-playbook runs it, on this machine with a drive in a folder."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
import time
import typing as t

import pytest

from tests.integration.support import LONGEST_RUN, playbook_environment, read_trace, write_playbook


class Bench:
    """A drive with one blank tape, and playbooks on it."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.runs = 0
        tape = folder / "drive" / "tapes" / "one"
        tape.mkdir(parents=True)
        (tape / "tape.json").write_text(json.dumps({"capacity": 1 << 20}), encoding="utf-8")
        (folder / "export.dmp").write_bytes(os.urandom(200_000))
        self.insert("one")

    def insert(self, name: str | None) -> None:
        (self.folder / "drive" / "drive.json").write_text(json.dumps({"tape": name}), encoding="utf-8")

    def task(self, state: str, **options: t.Any) -> dict[str, t.Any]:
        common = {
            "state": state,
            "path": str(self.folder / "catalogue"),
            "installation": "etravel",
            "device": {"kind": "folder", "path": str(self.folder / "drive")},
        }
        return {"name": state, "lockstep.backup.tape_rotate": {**common, **options}}

    def written(self, **options: t.Any) -> dict[str, t.Any]:
        return self.task("written", pool=POOL, set_id="set1", parts=[{"path": str(self.folder / "export.dmp")}], **options)

    def start(self, *tasks: dict[str, t.Any]) -> subprocess.Popen[str]:
        self.runs += 1
        playbook = write_playbook(
            self.folder,
            list(tasks),
            hosts="localhost",
            connection="local",
            vars={"ansible_python_interpreter": sys.executable},
        )
        program = str(pathlib.Path(sys.executable).parent / "ansible-playbook")
        return subprocess.Popen(
            [program, str(playbook), "--inventory", "localhost,"],
            env=playbook_environment(self.trace),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    @property
    def trace(self) -> pathlib.Path:
        return self.folder / f"trace-{self.runs}.jsonl"

    def play(self, *tasks: dict[str, t.Any]) -> list[dict[str, t.Any]]:
        """The results of the tasks, all of which must succeed."""
        process = self.start(*tasks)
        output, _unused = process.communicate(timeout=LONGEST_RUN)
        assert process.returncode == 0, output
        return [event["result"] for event in read_trace(self.trace)]


POOL = {"name": "export", "tapes": 2, "retention_days": 7}


@pytest.fixture
def bench(tmp_path: pathlib.Path) -> Bench:
    return Bench(tmp_path)


def test_a_tape_is_labelled_written_and_read(bench: Bench) -> None:
    restored = bench.folder / "restored"
    labelled, written, again, read, told = bench.play(
        bench.task("labelled", pool=POOL),
        bench.written(),
        bench.written(),
        bench.task("restored", set_id="set1", dest=str(restored)),
        bench.task("query", pool=POOL),
    )
    assert (labelled["tape"], written["changed"], again["changed"]) == ("EXP001", True, False)
    assert read["files"] == [str(restored / "export.dmp")]
    assert (restored / "export.dmp").read_bytes() == (bench.folder / "export.dmp").read_bytes()
    assert told["tapes"][0]["writes"] == 1


def test_a_run_takes_over_from_one_that_was_killed_while_it_waited_for_a_tape(bench: Bench) -> None:
    bench.play(bench.task("labelled", pool=POOL), bench.task("ejected"))
    process = bench.start(bench.written(wait_seconds=120, poll_seconds=0.2))
    lock = bench.folder / "catalogue" / "Lock"
    deadline = time.monotonic() + LONGEST_RUN
    while not lock.exists():
        assert time.monotonic() < deadline, "the run never took the lock"
        time.sleep(0.05)
    process.kill()
    process.communicate()
    bench.insert("one")
    (written,) = bench.play(bench.written())
    assert written["set"]["state"] == "complete"
    assert not lock.exists()
