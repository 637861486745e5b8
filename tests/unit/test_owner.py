# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a run counts as over: only where this machine can know it."""

from __future__ import annotations

import dataclasses
import os
import socket
import subprocess
import types
import typing as t

import pytest

from ansible_collections.lockstep.backup.plugins.module_utils import owner
from ansible_collections.lockstep.backup.plugins.module_utils.owner import is_proven_over, owner_of_process, this_process

pytestmark = pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="only Linux tells enough about a process")


@pytest.fixture
def ended() -> owner.Owner:
    """A run on this machine that has ended and left its process id free."""
    with subprocess.Popen(["sleep", "100"]) as process:
        holder = owner_of_process(process.pid)
        process.kill()
    return holder


def test_a_run_whose_process_is_gone_is_over(ended: owner.Owner) -> None:
    assert is_proven_over(ended)


def test_a_killed_run_that_nobody_has_waited_for_is_over() -> None:
    with subprocess.Popen(["sleep", "100"]) as process:
        holder = owner_of_process(process.pid)
        assert not is_proven_over(holder)
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert is_proven_over(holder)


def test_a_run_that_still_works_is_not() -> None:
    assert not is_proven_over(this_process())


def test_another_process_of_the_same_id_does_not_keep_it_alive() -> None:
    assert is_proven_over(dataclasses.replace(this_process(), started="1"))


def test_a_run_from_before_the_last_start_of_this_machine_is_over() -> None:
    assert is_proven_over(dataclasses.replace(this_process(), boot_id="another"))


@pytest.mark.parametrize("change", [{"boot_id": "unknown"}, {"started": "unknown"}, {"control_node": "control-9"}])
def test_what_cannot_be_known_is_not_taken_for_over(ended: owner.Owner, change: dict[str, t.Any]) -> None:
    assert not is_proven_over(dataclasses.replace(ended, **change))


def test_another_machine_of_the_same_name_proves_nothing(ended: owner.Owner, monkeypatch: pytest.MonkeyPatch) -> None:
    other = dataclasses.replace(ended, boot_id="another", control_node=f"{socket.gethostname()}/00000000")
    assert not is_proven_over(other)


def test_another_container_of_the_same_name_proves_nothing(ended: owner.Owner, monkeypatch: pytest.MonkeyPatch) -> None:
    """Process ids of two containers have nothing to do with each other, although they see the same boot."""
    stat = os.stat
    there = types.SimpleNamespace(st_ino=4026532999)
    monkeypatch.setattr(os, "stat", lambda path, **more: there if path == "/proc/self/ns/pid" else stat(path, **more))
    assert not is_proven_over(ended)


def test_the_node_is_named_so_that_a_person_recognises_it() -> None:
    assert this_process().control_node.split("/")[0] == socket.gethostname()
