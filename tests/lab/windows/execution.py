# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running programs on a simulated machine: finding them, giving them a process, ending them."""

from __future__ import annotations

import contextlib
import dataclasses
import ntpath
import threading
import typing as t

from tests.lab.record import Started
from tests.lab.windows import errors
from tests.lab.windows.cmdline import split_arguments, split_program
from tests.lab.windows.errors import WinError
from tests.lab.windows.processes import Process
from tests.lab.windows.streams import BytesInput, Input, NullOutput, Output
from tests.lab.windows.users import User

if t.TYPE_CHECKING:
    from tests.lab.windows.machine import Machine

KILLED_EXIT_CODE = 1
OEM_CODE_PAGE = 437


class Killed(Exception):
    """The process was ended from outside; the program does nothing more."""


class Environment(dict[str, str]):
    """Environment variables: names compare without regard to case and are kept in upper case."""

    def __init__(self, values: t.Mapping[str, str] | None = None) -> None:
        super().__init__()
        for name, value in (values or {}).items():
            self[name] = value

    def __setitem__(self, name: str, value: str) -> None:
        super().__setitem__(name.upper(), value)

    def __getitem__(self, name: str) -> str:
        return super().__getitem__(name.upper())

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and super().__contains__(name.upper())

    def get(self, name: str, default: t.Any = None) -> t.Any:
        return super().get(name.upper(), default)

    def remove(self, name: str) -> None:
        super().pop(name.upper(), None)


@dataclasses.dataclass
class Console:
    """What the processes of one console share."""

    code_page: int = OEM_CODE_PAGE

    @property
    def encoding(self) -> str:
        return "utf-8" if self.code_page == 65001 else f"cp{self.code_page}"


@dataclasses.dataclass
class Execution:
    """A program that runs, and all that it sees. ``tail`` is the raw command line after the program's name."""

    machine: Machine
    process: Process
    tail: str
    cwd: str
    environment: Environment
    console: Console
    stdin: Input = dataclasses.field(default_factory=BytesInput)
    stdout: Output = dataclasses.field(default_factory=NullOutput)
    stderr: Output = dataclasses.field(default_factory=NullOutput)

    @property
    def arguments(self) -> list[str]:
        return split_arguments(self.tail)

    @property
    def user(self) -> User:
        return self.process.user

    def out(self, text: str) -> None:
        """Print text; line feeds become CR LF."""
        self.stdout.write(self._encoded(text))

    def err(self, text: str) -> None:
        self.stderr.write(self._encoded(text))

    def _encoded(self, text: str) -> bytes:
        return text.replace("\r\n", "\n").replace("\n", "\r\n").encode(self.console.encoding, "replace")

    def path(self, name: str) -> str:
        """Absolute, from the current folder."""
        return ntpath.normpath(ntpath.join(self.cwd, name.replace("/", "\\")))

    def read_input(self) -> bytes:
        content = self.stdin.read(lambda: self.process.killed)
        self.checkpoint()
        return content

    def checkpoint(self) -> None:
        """Programs call it wherever they could be ended."""
        if self.process.killed:
            raise Killed

    def sleep(self, seconds: float) -> None:
        """On the machine's clock."""
        self.machine.clock.sleep(seconds, lambda: self.process.killed)
        self.checkpoint()

    def hang(self) -> t.NoReturn:
        self.machine.clock.wait(lambda: 3600.0, lambda: self.process.killed)
        raise Killed

    def unknown(self, what: str) -> int:
        """Record that the lab does not know this; the exit code to end with."""
        self.machine.report_unknown("program", f"{what}: {self.process.command_line}")
        self.err(f"The lab does not know this: {what}\n")
        return 87


Program = t.Callable[[Execution], int]


def find_program(machine: Machine, name: str, cwd: str, environment: Environment, extensions: tuple[str, ...] = (".exe",)) -> str:
    """The file of the program that ``name`` means; WinError when there is none."""
    names = [name] if ntpath.splitext(name)[1] else [name + extension for extension in extensions]
    if "\\" in name or "/" in name or ntpath.splitdrive(name)[0]:
        candidates = [ntpath.normpath(ntpath.join(cwd, one)) for one in names]
    else:
        folders = [cwd, r"C:\Windows\System32", r"C:\Windows"]
        folders += [folder for folder in environment.get("PATH", "").split(";") if folder]
        candidates = [ntpath.join(folder, one) for folder in folders for one in names]
    for candidate in candidates:
        if machine.files.is_file(candidate):
            return candidate
    folder = ntpath.dirname(candidates[0])
    missing_folder = len(names) == len(candidates) and not machine.files.is_dir(folder)
    raise WinError(errors.PATH_NOT_FOUND if missing_folder else errors.FILE_NOT_FOUND, name)


def _find_in_line(machine: Machine, line: str, cwd: str, environment: Environment) -> tuple[str, str]:
    """The program of a command line and its tail. An unquoted name may have blanks: CreateProcess tries each blank in turn."""
    name, tail = split_program(line)
    first_error: WinError | None = None
    while True:
        try:
            return find_program(machine, name, cwd, environment), tail
        except WinError as error:
            first_error = first_error or error
        more, _blank, _rest = tail.lstrip(" ").partition(" ")
        if line.lstrip().startswith('"') or not more:
            raise first_error
        blanks = len(tail) - len(tail.lstrip(" "))
        name, tail = name + tail[: blanks + len(more)], tail[blanks + len(more) :]


def prepare(
    machine: Machine,
    command_line: str,
    *,
    user: User,
    parent_pid: int,
    cwd: str,
    environment: Environment,
    console: Console,
    executable: str | None = None,
    job: str | None = None,
    session_id: int | None = None,
    stdin: Input | None = None,
    stdout: Output | None = None,
    stderr: Output | None = None,
) -> tuple[Execution, Program]:
    """CreateProcess: the process exists when this returns, and its program waits to be run. Raises WinError.

    It lives in its parent's session unless ``session_id`` says otherwise.
    """
    if executable is None:
        path, tail = _find_in_line(machine, command_line, cwd, environment)
    else:
        path, tail = executable, split_program(command_line)[1]
    extension = ntpath.splitext(path)[1].lower()
    if extension in (".cmd", ".bat"):
        command_line, tail = f'cmd.exe /c "{command_line}"', f' /c "{command_line}"'
        path = r"C:\Windows\System32\cmd.exe"
    tool = machine.programs.get(ntpath.basename(path).lower())
    if tool is None:
        machine.report_unknown("program", command_line)
        raise WinError(errors.ACCESS_DENIED, path)
    if session_id is None:
        parent = machine.processes.find(parent_pid)
        session_id = parent.session_id if parent is not None else 0
    process = machine.processes.start(path, command_line, parent_pid=parent_pid, user=user, job=job, session_id=session_id)
    machine.recorder.started(Started(machine.name, process.pid, user.name, command_line, dict(environment)))
    execution = Execution(
        machine,
        process,
        tail,
        cwd,
        environment,
        console,
        stdin or BytesInput(),
        stdout or NullOutput(),
        stderr or NullOutput(),
    )
    return execution, tool.run


def run(execution: Execution, program: Program) -> int:
    """Run a prepared program to its end, in this thread; its exit code."""
    try:
        execution.checkpoint()
        code = program(execution)
        execution.checkpoint()
        return code
    except Killed:
        return KILLED_EXIT_CODE
    except WinError as error:
        # What a program does not handle itself, it prints and ends with. That may not be possible either: on a full disk.
        with contextlib.suppress(WinError):
            execution.err(error.text + "\n")
        return error.code
    finally:
        execution.machine.processes.ended(execution.process)


def start(execution: Execution, program: Program, on_end: t.Callable[[int], None] = lambda code: None) -> threading.Thread:
    """Run a prepared program in a thread of its own."""

    def body() -> None:
        code = KILLED_EXIT_CODE
        try:
            code = run(execution, program)
        except Exception as error:  # noqa: BLE001 - a mistake in the lab must fail the test that meets it, not vanish with a thread
            execution.machine.report_unknown("crash", f"{execution.process.command_line}: {error!r}")
            code = 0xC0000005
        finally:
            on_end(code)

    thread = threading.Thread(target=body, name=f"{execution.machine.name}-{execution.process.pid}", daemon=True)
    thread.start()
    return thread
