# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run that is killed at any operation leaves nothing that the next run does not put back."""

from __future__ import annotations

import contextlib
import typing as t

import pytest

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.host import base
from tests.unit.fake_host import OTHER, OWNER, FakeClock, FakeHost, FakeJob
from tests.unit.oracle.fake_oracle import FakeOracle
from tests.unit.oracle.killing import Countdown, CountedHost, Killed, count, stop_counting
from tests.unit.oracle.support import ADMIN, JOURNAL, PRIVILEGES, call, finish_datapump, make_host, run_tool

CLASSIC: t.Mapping[str, t.Any] = {"elevate": "dba", **ADMIN}
DATAPUMP: t.Mapping[str, t.Any] = {"elevate": "export_role", "method": "datapump", "directory": "BACKUP_DIR", **ADMIN}
CASES = {
    "classic with unlimited tablespace before": (CLASSIC, True, True),
    "classic as in Oracle 11": (CLASSIC, True, False),
    "classic": (CLASSIC, False, False),
    "datapump": (DATAPUMP, False, False),
}


class World:
    """A host and a database, with an account's privileges as they were before."""

    def __init__(self, dba_brings_unlimited: bool, unlimited_before: bool) -> None:
        self.host, self.database, self.clock = make_host(), FakeOracle(), FakeClock()
        self.database.dba_brings_unlimited = dba_brings_unlimited
        self.database.fill("dba_role_privs", ("AESUSER313", "RESOURCE", "YES", "NO"))
        if unlimited_before:
            self.database.fill("dba_sys_privs", ("AESUSER313", "UNLIMITED TABLESPACE", "YES"))
        finish_datapump(self.host, self.database)
        self.host.job = self.start_slow_job
        self.before = self.privileges()

    def privileges(self) -> t.Any:
        return self.database.roles_of("AESUSER313"), self.database.unlimited_of("AESUSER313")

    def start_slow_job(self, job: FakeJob) -> base.JobStatus:
        """It runs until time passes."""
        ended = run_tool(self.host, job)

        def end(elapsed: float) -> None:
            if job.status.state == base.JOB_RUNNING:
                job.status = ended

        self.clock.on_sleep.append(end)
        return base.JobStatus(base.JOB_RUNNING, None, 42)

    def export(self, params: t.Mapping[str, t.Any], countdown: Countdown) -> None:
        count(self.database, countdown)
        try:
            call(t.cast(FakeHost, CountedHost(self.host, countdown)), self.database, clock=self.clock, **params)
        finally:
            stop_counting(self.database)

    def leftovers(self) -> list[str]:
        found = [path for path in self.host.files if path.startswith(PRIVILEGES) and not path.endswith("~run1")]
        found += [folder for folder, job in self.host.jobs.items() if job.status.state == base.JOB_RUNNING]
        return [*found, *(name for name, job in self.database.jobs.items() if job.state != "DEFINING")]


def operations_of(case: str) -> int:
    params, *manner = CASES[case]
    countdown = Countdown()
    world = World(*manner)
    world.export(params, countdown)
    assert world.privileges() == world.before
    assert world.leftovers() == []
    return countdown.seen


MOMENTS = [
    pytest.param(case, number, done, id=f"{case}, operation {number}, {'done' if done else 'not done'}")
    for case in CASES
    for number in range(operations_of(case))
    for done in (False, True)
]


@pytest.mark.parametrize(("case", "number", "done"), MOMENTS)
def test_after_a_kill_recovery_leaves_exactly_the_privileges_of_before(case: str, number: int, done: bool) -> None:
    params, *manner = CASES[case]
    world = World(*manner)
    with pytest.raises(Killed):
        world.export(params, Countdown(number, done))
    assert JOURNAL in world.host.files or world.privileges() == world.before, "granted without a journal"
    call(world.host, world.database, owner=OTHER, dead_run=OWNER.run_id, clock=world.clock, **{**params, "state": "recovered"})
    assert world.privileges() == world.before
    assert world.leftovers() == []


@pytest.mark.parametrize(("case", "number", "done"), MOMENTS[:: len(MOMENTS) // 60 or 1])
def test_after_a_kill_the_next_export_of_another_set_succeeds_and_leaves_nothing(case: str, number: int, done: bool) -> None:
    params, *manner = CASES[case]
    world = World(*manner)
    with pytest.raises(Killed):
        world.export(params, Countdown(number, done))
    dump = "D:\\Vault\\Failed\\26112201\\AESUSER313.dmp"
    result = call(
        world.host,
        world.database,
        owner=OTHER,
        dead_run=OWNER.run_id,
        clock=world.clock,
        **{**params, "set_id": "26112201", "dump": dump},
    )
    assert result["dump"]["path"] == dump
    assert world.privileges() == world.before
    assert world.leftovers() == []


@pytest.mark.parametrize(("case", "number", "done"), MOMENTS[:: len(MOMENTS) // 60 or 1])
def test_after_a_kill_the_same_export_is_finished_or_refused_but_never_half_believed(case: str, number: int, done: bool) -> None:
    params, *manner = CASES[case]
    world = World(*manner)
    with pytest.raises(Killed):
        world.export(params, Countdown(number, done))
    refused: str | None = None
    with contextlib.suppress(LockstepError):
        try:
            call(world.host, world.database, owner=OTHER, dead_run=OWNER.run_id, clock=world.clock, **params)
        except LockstepError as error:
            refused = error.slug
            raise
    assert refused in (None, "dump_exists")
    assert world.privileges() == world.before
    assert world.leftovers() == []


def test_nothing_of_a_living_run_is_touched() -> None:
    world = World(False, False)
    granted = Countdown(1000)
    with pytest.raises(Killed):
        world.export(CLASSIC, Countdown(next(n for n in range(100) if is_granted_at(n))))
    held = dict(world.host.files)
    for state in ("recovered", "exported"):
        with pytest.raises(LockstepError) as caught:
            call(world.host, world.database, owner=OTHER, **{**CLASSIC, "state": state})
        assert caught.value.slug == "run_in_progress"
        assert caught.value.details["owner"] == OWNER.as_dict()
    assert "DBA" in world.database.roles_of("AESUSER313")
    assert world.host.files == held
    assert not granted.dead


def is_granted_at(number: int) -> bool:
    world = World(False, False)
    with contextlib.suppress(Killed):
        world.export(CLASSIC, Countdown(number))
    return "DBA" in world.database.roles_of("AESUSER313")


def test_a_parameter_file_of_a_dead_run_is_removed_also_where_nothing_was_granted() -> None:
    world = World(False, False)
    params = {"elevate": "none", **ADMIN}
    for number in range(100):
        world = World(False, False)
        with contextlib.suppress(Killed):
            world.export(params, Countdown(number))
        if any(path.endswith(".par") for path in world.host.files):
            break
    assert any(path.endswith(".par") for path in world.host.files)
    # Without an administrator: nothing was granted, so nobody is needed to revoke.
    call(world.host, world.database, owner=OTHER, dead_run=OWNER.run_id, state="recovered")
    assert world.leftovers() == []


def test_what_is_left_of_a_parameter_file_that_was_being_written_goes_with_it() -> None:
    world = World(False, False)
    for number in range(100):
        world = World(False, False)
        with contextlib.suppress(Killed):
            world.export(CLASSIC, Countdown(number))
        written = [path for path in world.host.files if path.endswith(".par")]
        if written:
            break
    (path,) = written
    # Windows' name for it, and a POSIX host's.
    world.host.files[f"{path}.tmp"] = world.host.files[f"{path}.4711.tmp"] = world.host.files.pop(path)
    call(world.host, world.database, owner=OTHER, dead_run=OWNER.run_id, clock=world.clock, **{**CLASSIC, "state": "recovered"})
    assert world.leftovers() == []
