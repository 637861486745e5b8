# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two runs cannot overlap on one installation, and a run that is over does not keep the next one away."""

from __future__ import annotations

import json
import socket
import subprocess
import typing as t

import pytest

from tests.integration.killing import Change, Chosen, Run, is_alive, wait_until, when
from tests.integration.nights import Nights
from tests.integration.promises import error_codes, final_message
from tests.integration.support import PlaybookRun, playbook_command, playbook_environment, read_trace, run_playbook
from tests.lab.lab import Lab
from tests.lab.record import AFTER

GONE = "control-9.example"
IN_THE_OUTAGE = when(AFTER, "StopService", "AltiumTaskRunner")
WITH_PRIVILEGES = when(AFTER, "Win32_Process.Create", "oracle-")
WITH_AN_OPEN_SET = when(AFTER, "Failed", "manifest.json", host="ora1")


def give_to_another_control_node(nights: Nights) -> str:
    """As if the killed run had been one of ``GONE``, of which nobody here can know whether it lives; the run's id."""
    runs = set()
    for host in nights.home.hosts:
        for path in (nights.lab.root / host.name / "C").rglob("*.json"):
            found = json.loads(path.read_text(encoding="utf-8"))
            if "owner" in found:
                runs.add(found["owner"]["run_id"])
                found["owner"]["control_node"] = GONE
                path.write_text(json.dumps(found), encoding="utf-8")
    (run_id,) = runs
    return str(run_id)


def touched(run: Run) -> list[Change]:
    """What it changed but for asking for the lock, which is a folder of its own that cannot be renamed while there is a lock."""
    return [change for change in run.changes if "\\Lock." not in change.text]


def outcome(run: Run) -> PlaybookRun:
    return PlaybookRun(run.process.returncode, run.output, read_trace(run.trace))


@pytest.mark.parametrize("chosen", [IN_THE_OUTAGE, WITH_PRIVILEGES, WITH_AN_OPEN_SET], ids=["outage", "privileges", "open set"])
def test_a_run_of_a_lost_control_node_is_respected_until_a_person_says_that_it_is_over(lab: Lab, chosen: Chosen) -> None:
    nights = Nights(lab)
    assert nights.night(chosen).killed_at is not None
    dead = give_to_another_control_node(nights)
    before = nights.home.left()

    refused = nights.night()
    assert refused.process.returncode != 0
    assert "run_in_progress" in error_codes(outcome(refused), "aes1")
    message = final_message(outcome(refused), "aes1")
    for text in (GONE, dead, f"dead_run={dead}"):
        assert text in message
    assert touched(refused) == [], "it touched what belongs to another run"
    assert nights.home.left() == before

    # The hosts wait for nobody: their leases give the service back.
    nights.leases_fire()
    nights.all_is_well(nights.night(altium_enterprise_server_dead_run=dead))


def test_another_dead_run_than_the_one_that_is_there_opens_nothing(lab: Lab) -> None:
    nights = Nights(lab)
    assert nights.night(IN_THE_OUTAGE).killed_at is not None
    dead = give_to_another_control_node(nights)
    refused = nights.night(altium_enterprise_server_dead_run="0" * len(dead))
    assert refused.process.returncode != 0
    assert touched(refused) == []
    nights.leases_fire()


def test_the_next_run_of_the_same_control_node_needs_nobody_although_it_is_told_of_another_dead_run(lab: Lab) -> None:
    nights = Nights(lab)
    assert nights.night(IN_THE_OUTAGE).killed_at is not None
    nights.all_is_well(nights.night(altium_enterprise_server_dead_run="0" * 12))


def test_a_second_run_during_a_run_fails_naming_it_and_harms_nothing(lab: Lab) -> None:
    nights = Nights(lab)
    lab.faults.set("aes1", "avbackup_seconds", 3600)
    with Run(lab) as first:
        wait_until(lambda: bool(lab.hosts["aes1"].machine.processes.named("avbackup.exe")), "the first run is in its outage")
        before = len(first.changes)
        second = run_playbook(lab, "nightly", "--limit", "aes1")
        assert second.exit_code != 0
        assert "run_in_progress" in error_codes(second, "aes1")
        message = final_message(second, "aes1")
        assert f"process {first.process.pid}" in message
        assert socket.gethostname() in message
        assert [change for change in first.changes[before:] if "avbackup.json" not in change.text] == []
        nights.tools_end()
        assert first.wait() == 0, first.output
    nights.home.service_is_back()
    assert nights.home.left() == set()
    assert nights.home.new_set()["grade"] == "quiesced"


def test_of_two_runs_that_start_together_one_makes_a_set_and_both_harm_nothing(lab: Lab) -> None:
    nights = Nights(lab)
    traces = [lab.root / f"together-{number}.jsonl" for number in (1, 2)]
    command = playbook_command(lab, "nightly", "--limit", "aes1", "--forks", "1")
    pipes: dict[str, t.Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    both = [subprocess.Popen(command, env=playbook_environment(trace), **pipes) for trace in traces]
    done = []
    for process, trace in zip(both, traces, strict=True):
        output = process.communicate()[0]
        done.append(PlaybookRun(process.returncode, output, read_trace(trace)))
    assert min(run.exit_code for run in done) == 0, [run.output for run in done]
    for loser in [run for run in done if run.exit_code != 0]:
        assert error_codes(loser, "aes1") & {"run_in_progress", "set_exists"}, loser.output
    nights.home.service_is_back()
    assert nights.home.left() == set()
    made = [nights.names(host, "Recent") for host in nights.home.hosts]
    assert made[0] == made[1]
    assert len(made[0]) == len([run for run in done if run.exit_code == 0])


def test_a_worker_does_nothing_more_when_only_its_run_is_killed(lab: Lab) -> None:
    """As by the kernel when memory is short. ansible-core's workers have sessions of their own: no signal reaches them."""
    nights = Nights(lab)
    with Run(lab, IN_THE_OUTAGE, alone=True) as run:
        run.process.wait()
        wait_until(lambda: not any(map(is_alive, run.workers)), "its worker is gone")
        assert run.workers
        assert run.killed_at is not None
        assert run.changes[-1] == run.killed_at[1], "the worker went on stopping units"
    nights.all_is_well(nights.night())


def test_check_mode_after_a_run_that_was_killed_shows_the_whole_plan_and_changes_nothing(lab: Lab) -> None:
    nights = Nights(lab)
    assert nights.night(IN_THE_OUTAGE).killed_at is not None
    left = nights.home.left()
    assert left
    run = run_playbook(lab, "nightly", "--check", "--limit", "aes1")
    assert run.exit_code == 0, run.output
    plan = run.result("Say what was backed up, or in check mode what would be done")["msg"]
    for telling in ("stop service W3SVC", "avbackup.exe backup", "Run exp", "start service W3SVC", "\\Recent\\"):
        assert any(telling in line for line in plan), plan
    assert nights.home.left() == left
    assert nights.night().process.returncode == 0
    nights.home.nothing_is_left()
