# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which units are stopped and started, and in which order. Pure. Private to lockstep.backup: not a public interface."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.host import base
from ansible_collections.lockstep.backup.plugins.module_utils.quiesce.conditions import Mark, Ready, broken_pattern

KINDS = ("service", "app_pool", "site", "scheduled_task", "process", "command")

RECORD = "record"
ARM_LEASE = "arm_lease"
RENEW_LEASE = "renew_lease"
STOP = "stop"
START = "start"
LEAVE = "leave"
VERIFY = "verify"
DISARM_LEASE = "disarm_lease"
FORGET = "forget"

_RAN = (base.RUNNING, base.STARTING)
_DID_NOT_RUN = (base.STOPPED, base.STOPPING)


@dataclasses.dataclass(frozen=True)
class Wanted:
    """One entry of the option ``units``: a unit by name, or all that a pattern and a folder describe.

    ``definition`` is what ``Host.unit_driver`` needs of it: how it is started, stopped and checked, where the user says so.
    ``ready``: what must hold after its start.
    """

    kind: str
    name: str | None = None
    pattern: str | None = None
    path_under: str | None = None
    timeout: float = 120.0
    force: bool = False
    start_position: int = 0
    definition: t.Mapping[str, t.Any] = dataclasses.field(default_factory=dict)
    ready: Ready = dataclasses.field(default_factory=dict)

    @classmethod
    def from_params(cls, entry: t.Mapping[str, t.Any]) -> Wanted:
        return cls(
            kind=entry["kind"],
            name=entry.get("name"),
            pattern=entry.get("pattern"),
            path_under=entry.get("path_under"),
            timeout=float(entry.get("timeout") or 120.0),
            force=bool(entry.get("force")),
            start_position=int(entry.get("start_position") or 0),
            definition={word: _given(entry[word]) for word in ("start", "stop", "check", "desktop") if entry.get(word)},
            ready=_given(entry.get("ready") or {}),
        )

    def as_dict(self) -> dict[str, t.Any]:
        return dict(dataclasses.asdict(self), definition={word: dict(how) for word, how in self.definition.items()})

    def describe(self) -> str:
        if self.name is not None:
            return f"{self.kind} {self.name}"
        parts = [f"{word} {value}" for word, value in (("pattern", self.pattern), ("path_under", self.path_under)) if value]
        return f"{self.kind} with {' and '.join(parts)}"


def _given(options: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    return {name: value for name, value in options.items() if value not in (None, [], {})}


@dataclasses.dataclass(frozen=True)
class Unit:
    """One unit as the journal records it. ``before`` is its state, and ``pid`` its process, when the outage began.

    ``mark``: from where its conditions of ``ready`` count, where it has some.
    """

    kind: str
    name: str
    before: str
    timeout: float
    force: bool = False
    start_position: int = 0
    definition: t.Mapping[str, t.Any] = dataclasses.field(default_factory=dict)
    dependent_of: str | None = None
    ready: Ready = dataclasses.field(default_factory=dict)
    pid: int | None = None
    mark: Mark | None = None

    @property
    def ran(self) -> bool:
        """Only what ran is ever started; what was on its way up counts as running, what was on its way down does not."""
        return self.before in _RAN

    @classmethod
    def from_dict(cls, data: t.Mapping[str, t.Any]) -> Unit:
        return cls(
            kind=str(data["kind"]),
            name=str(data["name"]),
            before=str(data["before"]),
            timeout=float(data["timeout"]),
            force=bool(data["force"]),
            start_position=int(data["start_position"]),
            definition=dict(data["definition"]),
            dependent_of=data["dependent_of"],
            ready=dict(data.get("ready") or {}),
            pid=data.get("pid"),
            mark=Mark.from_dict(data["mark"]) if data.get("mark") else None,
        )

    def as_dict(self) -> dict[str, t.Any]:
        return dict(dataclasses.asdict(self), definition=dict(self.definition))


@dataclasses.dataclass(frozen=True)
class Step:
    """One step of a plan. ``state`` is the unit's state when the plan was made. Check mode returns what a real run executes."""

    action: str
    unit: Unit | None = None
    state: str | None = None
    facts: t.Mapping[str, t.Any] = dataclasses.field(default_factory=dict)

    def as_dict(self) -> dict[str, t.Any]:
        result: dict[str, t.Any] = {"action": self.action, **self.facts}
        if self.unit is not None:
            result.update(kind=self.unit.kind, name=self.unit.name, state=self.state, timeout=self.unit.timeout)
            if self.action == STOP:
                result["force"] = self.unit.force
            if self.action == START and self.unit.ready:
                result["ready"] = dict(self.unit.ready)
            if self.unit.dependent_of is not None:
                result["dependent_of"] = self.unit.dependent_of
        return result


def unit_key(platform: str, kind: str, name: str) -> tuple[str, str]:
    """Equal for two spellings of one unit: Windows does not distinguish case."""
    return (kind, name.lower() if platform == base.WINDOWS else name)


def record(wanted: Wanted, status: base.UnitStatus, dependent_of: str | None = None) -> Unit:
    """The unit as it goes into the journal. A dependent takes the deadline and the force of the unit that needs it stopped, and
    nothing that is that unit's own."""
    return Unit(
        kind=wanted.kind,
        name=status.name,
        before=status.state,
        timeout=wanted.timeout,
        force=wanted.force,
        start_position=wanted.start_position,
        definition=wanted.definition,
        dependent_of=dependent_of,
        ready=wanted.ready if dependent_of is None else {},
        pid=status.pid,
    )


def refuse_invalid(entries: t.Iterable[Wanted], platform: str) -> None:
    """Raise ``option_invalid`` for what no host of this platform can do."""
    for entry in entries:
        desktop = entry.definition.get("desktop", {})
        problem = broken_pattern([desktop.get("command_line", ""), *entry.ready.get("expect", ()), *entry.ready.get("refuse", ())])
        if desktop and (entry.kind != "process" or platform != base.WINDOWS):
            problem = "desktop is for units of kind process on Windows"
        elif entry.ready.get("event_log") and platform != base.WINDOWS:
            problem = "ready.event_log is for Windows"
        if problem is not None:
            raise LockstepError("option_invalid", f"{entry.describe()}: {problem}. Correct units.")


def refuse_unclear(statuses: t.Iterable[base.UnitStatus]) -> None:
    """Raise ``unit_missing`` or ``unit_state_unknown`` for units that could not be given back as they are."""
    seen = list(statuses)
    missing = [status for status in seen if status.state == base.ABSENT]
    if missing:
        names = ", ".join(f"{status.kind} {status.name}" for status in missing)
        raise LockstepError(
            "unit_missing",
            f"There is no {names} on this host. Nothing was stopped. Correct the name in units.",
            missing=[status.name for status in missing],
        )
    unclear = [status for status in seen if status.state not in (*_RAN, *_DID_NOT_RUN)]
    if unclear:
        names = ", ".join(f"{status.kind} {status.name} is {status.detail or status.state}" for status in unclear)
        raise LockstepError(
            "unit_state_unknown",
            f"{names}: what is neither running nor stopped cannot be given back as it was. Nothing was stopped. "
            "Start it or stop it, and run again.",
            unclear=[{"kind": s.kind, "name": s.name, "state": s.state, "detail": s.detail} for s in unclear],
        )


def start_order(units: t.Sequence[Unit]) -> list[Unit]:
    """The units that ran, by ``start_position``; equal positions in the reverse of the order in which they stop."""
    return sorted((unit for unit in reversed(units) if unit.ran), key=lambda unit: unit.start_position)


def stop_steps(units: t.Sequence[Unit], states: t.Sequence[str]) -> list[Step]:
    """For each unit, in order: stop it when it runs (and ran when it was recorded), else leave it alone."""
    return [Step(STOP if unit.ran and state in _RAN else LEAVE, unit, state) for unit, state in zip(units, states)]


def quiesce_plan(units: t.Sequence[Unit], journal: str, max_outage: float | None) -> list[Step]:
    """All that a first quiesce does: the journal and the lease stand before the first stop."""
    plan = [Step(RECORD, facts={"path": journal})]
    if max_outage is not None:
        plan.append(_lease_step(ARM_LEASE, units, max_outage))
    return [*plan, *stop_steps(units, [unit.before for unit in units]), Step(VERIFY)]


def renewal_plan(units: t.Sequence[Unit], states: t.Sequence[str], max_outage: float | None) -> list[Step]:
    """All that a second quiesce of the same run does."""
    plan = [_lease_step(RENEW_LEASE, units, max_outage)] if max_outage is not None else []
    return [*plan, *stop_steps(units, states), Step(VERIFY)]


def _lease_step(action: str, units: t.Sequence[Unit], max_outage: float) -> Step:
    return Step(action, facts={"max_outage": max_outage, "starts": [unit.name for unit in start_order(units)]})


def resume_plan(ordered: t.Sequence[Unit], states: t.Sequence[str], leased: bool, journal: str) -> list[Step]:
    """Start what does not run, check all that ran, then give up the lease, then the journal.

    The lease goes after the last start: until then it is the second chance. It goes before the journal: a lease without a
    journal could start units that a later run has stopped under another name.
    """
    steps = [Step(LEAVE if state == base.RUNNING else START, unit, state) for unit, state in zip(ordered, states)]
    lease = [Step(DISARM_LEASE)] if leased else []
    return [*steps, Step(VERIFY), *lease, Step(FORGET, facts={"path": journal})]
