# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""WindowsHost on a machine of the lab without a network: for tests of much that goes over WinRM elsewhere already."""

from __future__ import annotations

import collections.abc
import datetime
import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.plugin_utils.windows.wsman import Instance, Session, Settings
from tests.lab.windows import cim_classes, execution
from tests.lab.windows.cim import Call, CimClass
from tests.lab.windows.errors import WinError
from tests.lab.windows.execution import Console
from tests.lab.windows.machine import Machine
from tests.lab.windows.streams import BufferOutput, BytesInput
from tests.lab.windows.users import User
from tests.lab.winrm.wql import Select, parse

UTF_8 = 65001
NOWHERE = Settings("", (), {})


class DirectSession(Session):
    """The same questions, put to the machine itself."""

    def __init__(self, machine: Machine, user: User) -> None:
        super().__init__(machine.name, NOWHERE)
        self._machine, self._user = machine, user

    def get(self, class_uri: str, selectors: collections.abc.Mapping[str, str]) -> Instance | None:
        found = _class(class_uri).get(self._machine, selectors)
        return None if found is None else _told(found)

    def query(self, namespace: str, wql: str) -> list[Instance]:
        parsed = parse(wql)
        assert isinstance(parsed, Select)
        instances = _class(f"{namespace}/{parsed.class_name}").find(self._machine, parsed.constraints())
        return [_told(one) for one in instances if parsed.condition is None or parsed.condition.holds(one)]

    def invoke(
        self,
        class_uri: str,
        method: str,
        selectors: collections.abc.Mapping[str, str] | None = None,
        arguments: collections.abc.Mapping[str, str] | None = None,
        repeatable: bool = False,
    ) -> Instance:
        found = _class(class_uri)
        instance = found.get(self._machine, selectors) if selectors else None
        if selectors and instance is None:
            raise LockstepError("instance_not_found", f"{class_uri} {selectors}")
        lowered = {name.lower(): value for name, value in (arguments or {}).items()}
        return _told(found.methods[method].run(Call(self._machine, self._user, instance, lowered)))

    def command_bytes(self, line: str, stdin: bytes | None, timeout: float, repeatable: bool = False) -> tuple[int, bytes, bytes]:
        out, err = BufferOutput(), BufferOutput()
        try:
            run, program = execution.prepare(
                self._machine,
                line,
                user=self._user,
                parent_pid=self._machine.processes.services_pid,
                cwd="C:\\",
                environment=self._machine.default_environment(self._user),
                console=Console(UTF_8),
                stdin=BytesInput(stdin or b""),
                stdout=out,
                stderr=err,
            )
        except WinError as error:
            raise LockstepError("tool_missing", f"{line}: {error}") from None
        code = execution.run(run, program)
        return code, out.take(), err.take()


def _class(uri: str) -> CimClass:
    namespace, _slash, name = uri.partition("/wmi/")[2].lower().rpartition("/")
    return cim_classes.CLASSES[namespace, name]


def _told(values: collections.abc.Mapping[str, t.Any]) -> Instance:
    """As it is read from the XML of an answer: all is text."""
    return {name: _text(value) for name, value in values.items()}


def _text(value: t.Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat(timespec="microseconds") if isinstance(value, datetime.datetime) else str(value)
