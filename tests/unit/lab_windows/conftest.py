# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A simulated machine without a network, and a way to run programs on it."""

from __future__ import annotations

import collections.abc
import dataclasses
import pathlib
import time
import typing as t

import pytest

from tests.lab.windows import execution
from tests.lab.windows.execution import Console
from tests.lab.windows.machine import Machine
from tests.lab.windows.streams import BufferOutput, BytesInput
from tests.lab.windows.users import User


class Ended(t.NamedTuple):
    code: int
    out: str
    err: str


@dataclasses.dataclass
class Runner:
    """Runs a command line on the machine to its end, in this thread."""

    machine: Machine
    user: User

    def __call__(
        self, line: str, stdin: bytes = b"", code_page: int = 65001, environment: t.Mapping[str, str] | None = None
    ) -> Ended:
        out, err = BufferOutput(), BufferOutput()
        variables = self.machine.default_environment(self.user)
        for name, value in (environment or {}).items():
            variables[name] = value
        run, program = execution.prepare(
            self.machine,
            line,
            user=self.user,
            parent_pid=self.machine.processes.services_pid,
            cwd="C:\\",
            environment=variables,
            console=Console(code_page),
            stdin=BytesInput(stdin),
            stdout=out,
            stderr=err,
        )
        code = execution.run(run, program)
        encoding = "utf-8" if code_page == 65001 else f"cp{code_page}"
        return Ended(code, out.take().decode(encoding, "replace"), err.take().decode(encoding, "replace"))

    def cmd(self, line: str, stdin: bytes = b"") -> Ended:
        return self(f'cmd.exe /d /s /c "{line}"', stdin)

    def batch(self, *lines: str, path: str = r"C:\test.cmd", code_page: int = 437) -> Ended:
        """Write a batch file in UTF-8 and run it."""
        self.machine.files.write(path, "\r\n".join([*lines, ""]).encode())
        return self(f'cmd.exe /d /c ""{path}""', code_page=code_page)


def wait_for(holds: t.Callable[[], bool], seconds: float = 20.0) -> None:
    """Until it holds: for what another thread does."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.001)


@pytest.fixture
def machine(tmp_path: pathlib.Path) -> collections.abc.Iterator[Machine]:
    """A machine with an administrator and an operator. What the lab did not know fails the test unless it takes it away."""
    made = Machine("win1", tmp_path, accounts=(("Administrator", "lab-Fake1", True), ("operator", "lab-Fake2", False)))
    yield made
    made.close()
    assert made.recorder.unknown == []


@pytest.fixture
def run(machine: Machine) -> Runner:
    user = machine.users.find("Administrator")
    assert user is not None
    return Runner(machine, user)


@pytest.fixture
def run_as_operator(machine: Machine) -> Runner:
    user = machine.users.find("operator")
    assert user is not None
    return Runner(machine, user)


@pytest.fixture
def take_unknown(machine: Machine) -> t.Callable[[], list[str]]:
    """What the lab did not know, as texts, and forget it."""

    def take() -> list[str]:
        taken = [f"{one.kind}: {one.text}" for one in machine.recorder.unknown]
        machine.recorder.unknown.clear()
        return taken

    return take
