# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The task scheduler of a simulated machine: tasks from XML definitions, fired by the machine's clock."""

from __future__ import annotations

import dataclasses
import datetime
import functools
import re
import threading
import typing as t
import xml.etree.ElementTree as ET

from tests.lab.windows import execution
from tests.lab.windows.cmdline import split_program
from tests.lab.windows.errors import WinError
from tests.lab.windows.execution import Console, Execution
from tests.lab.windows.users import SYSTEM, User

if t.TYPE_CHECKING:
    from tests.lab.windows.machine import Machine

NAMESPACE = "http://schemas.microsoft.com/windows/2004/02/mit/task"
DISABLED, READY, RUNNING = 1, 3, 4
"""MSFT_ScheduledTask.State."""
NOT_LOGGED_ON = 0x800710E0
"""The last result of a task whose user would have to be logged on: the operator or administrator has refused the request."""
LONGEST_RUN = 30.0
"""Real seconds that a task may run while a test lets time pass."""
MISSED_AFTER = 60.0
"""Seconds after its time from which a start counts as missed: only tasks with StartWhenAvailable make up for it."""

_KNOWN = {
    "RegistrationInfo": {"Date", "Author", "Description", "URI", "Version", "SecurityDescriptor", "Source", "Documentation"},
    "Settings": {
        "AllowStartOnDemand",
        "AllowHardTerminate",
        "DisallowStartIfOnBatteries",
        "StopIfGoingOnBatteries",
        "RunOnlyIfNetworkAvailable",
        "RunOnlyIfIdle",
        "IdleSettings",
        "Enabled",
        "Hidden",
        "ExecutionTimeLimit",
        "MultipleInstancesPolicy",
        "Priority",
        "StartWhenAvailable",
        "WakeToRun",
        "UseUnifiedSchedulingEngine",
        "DisallowStartOnRemoteAppSession",
    },
    "Principal": {"UserId", "LogonType", "RunLevel"},
    "Exec": {"Command", "Arguments", "WorkingDirectory"},
    "Trigger": {"StartBoundary", "EndBoundary", "Enabled", "ScheduleByDay", "ScheduleByWeek", "RandomDelay", "Delay", "Repetition"},
}


class TaskXmlError(Exception):
    """The definition is not one; ``unknown`` when the lab does not know a part of it."""

    def __init__(self, text: str, unknown: bool = False) -> None:
        super().__init__(text)
        self.unknown = unknown


@dataclasses.dataclass
class Action:
    command: str
    arguments: str
    folder: str


@dataclasses.dataclass
class Definition:
    """What the scheduler keeps of the XML.

    ``times`` are the starts of enabled time triggers, None-zoned ones in local time. ``daily`` are the first starts of daily ones.
    ``interactive``: it runs in the desktop session of its user, and only while that user is logged on.
    """

    xml: str
    enabled: bool
    times: list[datetime.datetime]
    start_when_available: bool
    user_id: str
    actions: list[Action]
    daily: list[datetime.datetime] = dataclasses.field(default_factory=list)
    interactive: bool = False
    one_instance: bool = True
    """Whether it is not started again while it runs: Windows' own default."""

    def starts(self, after: datetime.datetime, until: datetime.datetime) -> list[datetime.datetime]:
        """All starts from ``after`` to ``until``; the single ones also before that."""
        found = [moment for moment in self.times if moment <= until]
        for first in self.daily:
            days = max(0, (after - first).days)
            while (moment := first + datetime.timedelta(days=days)) <= until:
                if moment >= after:
                    found.append(moment)
                days += 1
        return sorted(found)


@dataclasses.dataclass
class ScheduledTask:
    path: str
    name: str
    definition: Definition
    enabled: bool
    registered: datetime.datetime
    fired: set[datetime.datetime] = dataclasses.field(default_factory=set)
    instances: list[Execution] = dataclasses.field(default_factory=list)
    last_result: int | None = None
    history: list[str] = dataclasses.field(default_factory=list)
    """registered, disabled, enabled, started, ended N: what tests look at."""

    @property
    def full_name(self) -> str:
        return self.path + self.name

    @property
    def state(self) -> int:
        if self.instances:
            return RUNNING
        return READY if self.enabled else DISABLED


def decode_task_file(content: bytes) -> str:
    """The text of a task file; the declared encoding must be the real one, as schtasks demands."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16")
    text = content.decode("utf-8-sig", "replace")
    declared = re.match(r"<\?xml[^>]*encoding=[\"']([^\"']+)[\"']", text)
    if declared and declared.group(1).lower() not in ("utf-8", "us-ascii", "windows-1252"):
        raise TaskXmlError("(1,40)::: unable to switch the encoding")
    return text


def parse_definition(text: str, zone: datetime.tzinfo) -> Definition:
    """Read the XML strictly: what the lab does not know is an error, never ignored."""
    try:
        root = ET.fromstring(re.sub(r"^\s*<\?xml[^>]*\?>", "", text))
    except ET.ParseError as error:
        raise TaskXmlError(f"The task XML is malformed: {error}") from None
    if root.tag != f"{{{NAMESPACE}}}Task":
        raise TaskXmlError(f"unexpected node {root.tag}")
    definition = Definition(text, True, [], False, "S-1-5-18", [])
    for section in root:
        name = _local(section)
        if name == "Triggers":
            for trigger in section:
                _read_trigger(trigger, definition, zone)
        elif name == "Principals":
            for principal in section:
                _read_principal(_values(principal, "Principal"), definition)
        elif name == "Settings":
            _read_settings(_values(section, "Settings"), definition)
        elif name == "Actions":
            for action in section:
                if _local(action) != "Exec":
                    raise TaskXmlError(f"action {_local(action)}", unknown=True)
                values = _values(action, "Exec")
                definition.actions.append(
                    Action(values["Command"], values.get("Arguments", ""), values.get("WorkingDirectory", r"C:\Windows\System32"))
                )
        elif name == "RegistrationInfo":
            _values(section, "RegistrationInfo")
        else:
            raise TaskXmlError(f"unexpected node {name}", unknown=True)
    if not definition.actions:
        raise TaskXmlError("the task has no action")
    return definition


def _local(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]


def _values(element: ET.Element, kind: str) -> dict[str, str]:
    values = {_local(child): (child.text or "").strip() for child in element}
    strange = sorted(set(values) - _KNOWN[kind])
    if strange:
        raise TaskXmlError(f"{kind} with {', '.join(strange)}", unknown=True)
    return values


def _read_settings(values: t.Mapping[str, str], definition: Definition) -> None:
    policy = values.get("MultipleInstancesPolicy", "IgnoreNew")
    if policy not in ("IgnoreNew", "Parallel"):
        raise TaskXmlError(f"MultipleInstancesPolicy {policy}", unknown=True)
    definition.enabled = values.get("Enabled", "true") == "true"
    definition.start_when_available = values.get("StartWhenAvailable", "false") == "true"
    definition.one_instance = policy == "IgnoreNew"


def _read_principal(values: t.Mapping[str, str], definition: Definition) -> None:
    definition.user_id = values.get("UserId", definition.user_id)
    logon = values.get("LogonType", "")
    if logon not in ("", "InteractiveToken", "ServiceAccount"):
        raise TaskXmlError(f"LogonType {logon}", unknown=True)
    definition.interactive = logon == "InteractiveToken"


def _read_trigger(trigger: ET.Element, definition: Definition, zone: datetime.tzinfo) -> None:
    kind = _local(trigger)
    values = _values(trigger, "Trigger")
    if kind in ("BootTrigger", "LogonTrigger") or "ScheduleByWeek" in values:
        # Other people's tasks have them; the lab never boots, and its weeks are too short for them to fire.
        return
    if kind not in ("TimeTrigger", "CalendarTrigger") or "Repetition" in values or "EndBoundary" in values:
        raise TaskXmlError(f"{kind} with {', '.join(sorted(values))}", unknown=True)
    try:
        moment = datetime.datetime.fromisoformat(values["StartBoundary"])
    except (KeyError, ValueError):
        raise TaskXmlError(f"(8,8):StartBoundary:{values.get('StartBoundary', '')}") from None
    if kind == "CalendarTrigger" and trigger.findtext(f"{{{NAMESPACE}}}ScheduleByDay/{{{NAMESPACE}}}DaysInterval") != "1":
        raise TaskXmlError(f"{kind} that is neither weekly nor daily", unknown=True)
    if values.get("Enabled", "true") == "true":
        starts = definition.daily if kind == "CalendarTrigger" else definition.times
        starts.append(moment if moment.tzinfo else moment.replace(tzinfo=zone))


def _all_ended(tasks: t.Iterable[ScheduledTask]) -> bool:
    return not any(task.instances for task in tasks)


class TaskScheduler:
    """All tasks, by full name without regard to case. One thread per machine, and only while something is to fire."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._tasks: dict[str, ScheduledTask] = {}
        self._lock = threading.RLock()
        self._thread: threading.Thread | None = None
        self._closed = False
        self._changed = threading.Condition(self._lock)

    @staticmethod
    def _key(name: str) -> str:
        return ("\\" + name.lstrip("\\")).lower()

    def find(self, name: str) -> ScheduledTask | None:
        return self._tasks.get(self._key(name))

    def all(self) -> list[ScheduledTask]:
        return list(self._tasks.values())

    def register(self, name: str, xml: str) -> ScheduledTask:
        """Create or replace. Raises TaskXmlError."""
        definition = parse_definition(xml, self._machine.clock.zone)
        if definition.interactive and self._machine.users.find(definition.user_id) is None:
            raise TaskXmlError(f"(8,8):UserId:{definition.user_id}\nNo mapping between account names and security IDs was done.")
        path, _separator, last = ("\\" + name.lstrip("\\")).rpartition("\\")
        task = ScheduledTask(path + "\\", last, definition, definition.enabled, self._machine.clock.now())
        task.history.append("registered")
        with self._lock:
            self._tasks[self._key(name)] = task
        self._look()
        return task

    def delete(self, task: ScheduledTask) -> None:
        with self._lock:
            self._tasks.pop(self._key(task.full_name), None)
        self._machine.clock.wake()

    def enable(self, task: ScheduledTask, enabled: bool) -> None:
        task.enabled = enabled
        task.history.append("enabled" if enabled else "disabled")
        self._look()

    def end(self, task: ScheduledTask) -> None:
        """End its running instances and all that they started."""
        for run in list(task.instances):
            self._machine.processes.kill_tree(run.process)

    def run_now(self, task: ScheduledTask) -> None:
        with self._changed:
            if task.instances and task.definition.one_instance:
                task.history.append("runs already")
            else:
                self._run(task)

    def _run(self, task: ScheduledTask) -> None:
        task.history.append("started")
        user: User = (
            SYSTEM if task.definition.user_id.upper() in ("S-1-5-18", "SYSTEM", "NT AUTHORITY\\SYSTEM") else self._owner(task)
        )
        session = self._machine.sessions.of(user) if task.definition.interactive else 0
        if session is None:
            task.last_result = NOT_LOGGED_ON
            task.history.append(f"{user.name} is not logged on")
            return
        self._run_action(task, user, session, 0)

    def _run_action(self, task: ScheduledTask, user: User, session: int, number: int) -> None:
        """Actions run one after the other, whatever the exit code of the one before."""
        action = task.definition.actions[number]
        # The scheduler takes the command with or without quotes.
        command = action.command if action.command.startswith('"') else f'"{action.command}"'
        try:
            run, program = execution.prepare(
                self._machine,
                f"{command} {action.arguments}".strip(),
                user=user,
                parent_pid=self._machine.processes.scheduler_pid,
                cwd=action.folder,
                environment=self._machine.default_environment(user),
                console=Console(),
                session_id=session,
            )
        except WinError as error:
            task.last_result = error.code
            task.history.append(f"failed {error.code} {split_program(command)[0]}")
            return
        task.instances.append(run)

        def ended(code: int) -> None:
            if number + 1 < len(task.definition.actions) and not run.process.killed:
                self._run_action(task, user, session, number + 1)
            with self._changed:
                task.instances.remove(run)
                task.last_result = code
                task.history.append(f"ended {code}")
                self._changed.notify_all()

        execution.start(run, program, ended)

    def _owner(self, task: ScheduledTask) -> User:
        found = self._machine.users.find(task.definition.user_id)
        if found is None:
            self._machine.report_unknown("task", f"{task.full_name} runs as {task.definition.user_id}")
            return SYSTEM
        return found

    # time
    def due(self) -> list[tuple[ScheduledTask, datetime.datetime]]:
        """Starts whose time has come, and that have neither happened nor been missed for good."""
        now = self._machine.clock.now()
        found = []
        with self._lock:
            for task in self._tasks.values():
                if not task.enabled:
                    continue
                for moment in task.definition.starts(task.registered, now):
                    if moment in task.fired:
                        continue
                    late = (now - moment).total_seconds()
                    if late < MISSED_AFTER or task.definition.start_when_available:
                        found.append((task, moment))
        return found

    def _next_time(self) -> datetime.datetime | None:
        with self._lock:
            now = self._machine.clock.now()
            tomorrow = now + datetime.timedelta(days=1)
            times = [
                moment
                for task in self._tasks.values()
                if task.enabled
                for moment in [*task.definition.times, *task.definition.starts(now, tomorrow)]
                if moment not in task.fired and moment > now
            ]
        return min(times, default=None)

    def _look(self) -> None:
        """Something changed: make sure that the thread is there, and let it look."""
        with self._lock:
            if (
                self._thread is None
                and not self._closed
                and any(task.definition.times or task.definition.daily for task in self._tasks.values())
            ):
                self._thread = threading.Thread(target=self._watch, name=f"{self._machine.name}-tasks", daemon=True)
                self._thread.start()
        self._machine.clock.wake()

    def _watch(self) -> None:
        clock = self._machine.clock

        def left() -> float:
            if self.due() and not self._machine.faults.on("task_starts_late"):
                return 0.0
            following = self._next_time()
            return 3600.0 if following is None else max(0.001, (following - clock.now()).total_seconds())

        while clock.wait(left, lambda: self._closed):
            for task, moment in self.due():
                with self._changed:
                    task.fired.add(moment)
                    self.run_now(task)
                    self._changed.notify_all()

    def pass_time(self, until: datetime.datetime) -> None:
        """Let time pass on the machine's clock, and wait at each start of a task until the task has ended."""
        clock = self._machine.clock
        while (now := clock.now()) < until:
            following = min(until, self._next_time() or until)
            with self._lock:
                started = [task for task in self._tasks.values() if following in task.definition.starts(now, following)]
            clock.advance((following - now).total_seconds())
            self._wait_for(lambda: not self.due(), "due tasks start")
            self._wait_for(functools.partial(_all_ended, started), "started tasks end")

    def _wait_for(self, holds: t.Callable[[], bool], what: str) -> None:
        with self._changed:
            if not self._changed.wait_for(holds, LONGEST_RUN):
                raise TimeoutError(f"{self._machine.name}: not within {LONGEST_RUN:g} s: {what}")

    def close(self) -> None:
        self._closed = True
        self._machine.clock.wake()
