# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host in memory whose units have faults, which can be killed at every operation, and whose lease can fire."""

from __future__ import annotations

import dataclasses
import datetime
import functools
import typing as t

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.feature import Task
from ansible_collections.lockstep.backup.plugins.module_utils.host import base
from ansible_collections.lockstep.backup.plugins.module_utils.owner import Owner
from ansible_collections.lockstep.backup.plugins.module_utils.quiesce.feature import FEATURE
from tests.unit.fake_host import OWNER, FakeClock, FakeHost, FakeUnit, FakeUnits

JOURNAL = "C:\\ProgramData\\Lockstep\\quiesce\\job\\journal.json"
MARKER = "C:\\ProgramData\\Lockstep\\quiesce\\job\\lease.fired"

LOG = "C:\\logs\\units.log"

_READS = ("status", "find", "dependents", "start_command", "refuse_unfit")
_CHANGES = ("prepare", "stop", "start", "dismiss")
_HOST_OPERATIONS = (
    "stat",
    "list_folder",
    "read_text",
    "write_text",
    "make_folder",
    "rename",
    "remove",
    "now",
    "timer_script",
    "arm_timer",
    "disarm_timer",
    "timer_armed",
)


class KilledError(BaseException):
    """The process is gone: nothing may catch this."""


@dataclasses.dataclass
class Unit(FakeUnit):
    """``slow``: how often it is still pending when asked after a stop or start. ``says``: what it adds to LOG when it starts."""

    slow: int = 0
    will_not_start: bool = False
    dies_when_started: bool = False
    comes_back: bool = False
    says: str = ""
    pending: int = 0
    aim: str = ""


class Units(FakeUnits):
    def __init__(self, host: KitHost, kind: str) -> None:
        super().__init__(kind, host.units.setdefault(kind, {}), host.events)
        self._host = host

    def unit(self, name: str) -> Unit:
        found = self.units[name]
        assert isinstance(found, Unit)
        return found

    def status(self, name: str) -> base.UnitStatus:
        if name in self.units:
            unit = self.unit(name)
            if unit.pending:
                unit.pending -= 1
                if not unit.pending:
                    unit.state = unit.aim
        return super().status(name)

    def stop(self, name: str, force: bool) -> None:
        unit = self.unit(name)
        if unit.state == base.STARTING:
            raise LockstepError("unit_refused", f"{name} takes no stop while it starts")
        super().stop(name, force)
        if unit.comes_back:
            self._later(unit, base.RUNNING)
        elif unit.slow and unit.state == base.STOPPED:
            unit.state = base.STOPPING
            self._later(unit, base.STOPPED)

    def start(self, name: str) -> None:
        unit = self.unit(name)
        if unit.will_not_start:
            self.events.append(f"start {name}")
            raise LockstepError("unit_refused", f"{name} refused to start")
        if unit.state == base.STOPPING:
            raise LockstepError("unit_refused", f"{name} is still stopping")
        super().start(name)
        self._host.say(unit.says)
        if unit.dies_when_started or unit.slow:
            unit.state = base.STARTING
            self._later(unit, base.STOPPED if unit.dies_when_started else base.RUNNING)

    @staticmethod
    def _later(unit: Unit, aim: str) -> None:
        unit.pending, unit.aim = unit.slow + 2, aim


class KitHost(FakeHost):
    """``kill_at`` counts operations, of the host and of its units; the one with that number is the last, done or not done."""

    def __init__(self, **services: Unit) -> None:
        super().__init__()
        self.units["service"] = dict(services)
        self.operations: list[str] = []
        self.kill_at: int | None = None
        self.killed_before_effect = True
        self.fail: t.Callable[[str, tuple[t.Any, ...]], None] = lambda operation, arguments: None
        for name in _HOST_OPERATIONS:
            setattr(self, name, self._counted(name, getattr(self, name)))

    def unit_driver(self, kind: str, definition: t.Mapping[str, t.Any]) -> FakeUnits:
        driver = Units(self, kind)
        for name in (*_READS, *_CHANGES):
            setattr(driver, name, self._counted(name, getattr(driver, name)))
        return driver

    def _counted(self, name: str, method: t.Callable[..., t.Any]) -> t.Callable[..., t.Any]:
        @functools.wraps(method)
        def counted(*arguments: t.Any, **keywords: t.Any) -> t.Any:
            self.operations.append(name)
            last = self.kill_at == len(self.operations)
            if last and self.killed_before_effect:
                raise KilledError
            try:
                self.fail(name, arguments)
                return method(*arguments, **keywords)
            finally:
                if last:
                    raise KilledError

        return counted

    def survive(self) -> None:
        """What killed the last process does not kill the next one."""
        self.kill_at = None
        self.fail = lambda operation, arguments: None

    def service(self, name: str) -> Unit:
        unit = self.units["service"][name]
        assert isinstance(unit, Unit)
        return unit

    def up(self) -> set[str]:
        return {name for name, unit in self.units["service"].items() if unit.state == base.RUNNING}

    def say(self, text: str) -> None:
        if text:
            self.files[LOG] = self.files.get(LOG, b"") + text.encode() + b"\r\n"

    def settle(self) -> None:
        """Let what is pending come to its end."""
        for unit in self.units["service"].values():
            assert isinstance(unit, Unit)
            if unit.pending:
                unit.pending, unit.state = 0, unit.aim

    def fire(self, name: str = "lease-job") -> None:
        """The deadline has come: do what the script says, as the host itself would."""
        _unused, script = self.timers.pop(name)
        if script not in self.files:
            return
        for line in self.files[script].decode().splitlines():
            what, _blank, argument = line.partition(" ")
            if what == "mark":
                self.files[argument] = b""
            elif what == "start" and self.service(argument).state != base.RUNNING:
                unit = self.service(argument)
                assert unit.prepared or not unit.needs_preparation
                self.events.append(f"start {argument}")
                self.say(unit.says)
                unit.state, unit.pending, unit.pid = base.RUNNING, 0, unit.pid + 1
            elif what == "log":
                self.files[argument] = b"started"

    def done(self, word: str) -> list[str]:
        """The names in the events that begin with this word, in order."""
        return [event.split()[1] for event in self.events if event.startswith(word + " ")]


def service(name: str, **options: t.Any) -> dict[str, t.Any]:
    return {"kind": "service", "name": name, **options}


def call(host: KitHost, state: str, owner: Owner = OWNER, check_mode: bool = False, **params: t.Any) -> dict[str, t.Any]:
    """Run the feature as its edges do, arguments validated and completed."""
    given = {"state": state, "name": "job", **params}
    checked = ArgumentSpecValidator(dict(FEATURE.argument_spec), required_if=FEATURE.required_if).validate(given)
    assert not checked.error_messages, checked.error_messages
    return FEATURE.run(task_for(host, checked.validated_parameters, owner, check_mode))


def task_for(host: KitHost, params: t.Mapping[str, t.Any], owner: Owner = OWNER, check_mode: bool = False) -> Task:
    def warn(message: str) -> None:
        host.events.append(f"warning {message}")

    clock = FakeClock()
    start = host.wall

    def wall_follows(elapsed: float) -> None:
        host.wall = start + datetime.timedelta(seconds=elapsed - 1000.0)

    clock.on_sleep.append(wall_follows)
    return Task(
        params=params,
        host=host,
        owner=owner,
        check_mode=check_mode,
        diff_mode=True,
        warn=warn,
        clock=clock,
    )


THREE = [service("web"), service("app"), service("db")]


def three() -> KitHost:
    return KitHost(web=Unit(), app=Unit(), db=Unit())


def actions(result: dict[str, t.Any]) -> list[tuple[str, str | None]]:
    return [(step["action"], step.get("name")) for step in result["plan"]]
