# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""cmd.exe: executes parsed commands with redirections, starts programs, runs batch files."""

from __future__ import annotations

import dataclasses
import datetime
import ntpath
import random
import re
import typing as t

from tests.lab.windows import errors, execution
from tests.lab.windows.cmd import syntax
from tests.lab.windows.cmd.builtins import BUILTINS, EndBatch, EndInterpreter, builtin_name
from tests.lab.windows.cmd.expand import UnknownModifier, expand_batch_line, expand_command_line, modify
from tests.lab.windows.cmdline import split_arguments, split_program
from tests.lab.windows.errors import WinError
from tests.lab.windows.execution import Environment, Execution
from tests.lab.windows.streams import BytesInput, FileOutput, Input, NullOutput, Output

NOT_RECOGNIZED = 9009
EXTENSIONS = (".com", ".exe", ".bat", ".cmd")


@dataclasses.dataclass
class Streams:
    """The handles of one command; ``opened`` are closed when it has ended."""

    stdin: Input
    stdout: Output
    stderr: Output
    opened: list[Output] = dataclasses.field(default_factory=list)


class Interpreter:
    """One cmd.exe process."""

    def __init__(self, shell: Execution) -> None:
        self.shell = shell
        self.machine = shell.machine
        self.environment = Environment(shell.environment)
        self.cwd = shell.cwd
        self.echo = True
        self.error_level = 0
        self.saved: list[tuple[Environment, str]] = []
        """What setlocal keeps."""
        self.batch_depth = 0
        self._loop: dict[str, str] = {}

    # text
    def print(self, output: Output, text: str) -> None:
        output.write(text.replace("\r\n", "\n").replace("\n", "\r\n").encode(self.shell.console.encoding, "replace"))

    def absolute(self, name: str) -> str:
        return ntpath.normpath(ntpath.join(self.cwd, name.replace("/", "\\")))

    def variable(self, name: str) -> str | None:
        if name in self.environment:
            return self.environment[name]
        now = self.machine.clock.now()
        dynamic: dict[str, t.Callable[[], str]] = {
            "ERRORLEVEL": lambda: str(self.error_level),
            "DATE": lambda: now.strftime("%a %m/%d/%Y"),
            "TIME": lambda: _time_text(now),
            "CD": lambda: self.cwd,
            "RANDOM": lambda: str(random.randrange(32768)),
        }
        found = dynamic.get(name.upper())
        return found() if found is not None else None

    def _size(self, path: str) -> int | None:
        return self.machine.files.size(path) if self.machine.files.exists(path) else None

    def _modified(self, value: str, modifiers: str) -> str:
        return modify(value, modifiers, self._size, self.absolute)

    # lines
    def run_command_line(self, line: str) -> int:
        """What ``cmd /c`` does with its line: the exit code."""
        streams = Streams(self.shell.stdin, self.shell.stdout, self.shell.stderr)
        try:
            self._run_text(lambda: expand_command_line(line, self.variable), streams)
        except (EndInterpreter, EndBatch) as end:
            return end.code
        return self.error_level

    def _run_text(self, expanded: t.Callable[[], str], streams: Streams, echo_as: str | None = None) -> None:
        """Expand, parse and execute one logical line."""
        try:
            text = expanded()
            node = syntax.parse(text)
        except UnknownModifier as problem:
            self.error_level = self.shell.unknown(f"variable modifier {problem}")
            return
        except syntax.SyntaxProblem as problem:
            if problem.unknown:
                self.error_level = self.shell.unknown(problem.near)
            else:
                self.machine.report_unknown("cmd syntax", f"{problem.near!r} in {self.shell.process.command_line}")
                self.print(streams.stderr, f"{problem.near.strip()} was unexpected at this time.\n")
                self.error_level = 255
            raise EndInterpreter(self.error_level) from None
        if node is None:
            return
        if echo_as is not None and self.echo and not node.silent:
            self.print(streams.stdout, f"\n{self.cwd}>{text}\n")
        self.execute(node, streams)

    def run_batch(self, path: str, arguments: list[str], streams: Streams) -> int:
        """Run a batch file to its end; the exit code is the error level."""
        try:
            content = self.machine.files.read(path)
        except WinError:
            self.print(streams.stderr, "The batch file cannot be found.\n")
            self.error_level = 1
            return 1
        lines = content.split(b"\n")
        depth = len(self.saved)
        self.batch_depth += 1
        arguments = [path, *arguments]
        try:
            while lines:
                # Each line is read in the code page of that moment: chcp concerns the lines after it.
                line = lines.pop(0).decode(self.shell.console.encoding, "replace").rstrip("\r")
                if line.lstrip().startswith(":"):
                    continue
                while syntax.open_brackets(line) > 0 and lines:
                    line += "\n" + lines.pop(0).decode(self.shell.console.encoding, "replace").rstrip("\r")
                self._run_text(
                    lambda line=line: expand_batch_line(line, arguments, self.variable, self._modified),  # type: ignore[misc]
                    streams,
                    echo_as=line,
                )
        except EndBatch as end:
            self.error_level = end.code
        finally:
            self.batch_depth -= 1
            while len(self.saved) > depth:
                self.environment, self.cwd = self.saved.pop()
        return self.error_level

    # nodes
    def execute(self, node: syntax.Node, streams: Streams) -> int:
        """Execute a tree; its code, which is also the error level except where cmd.exe leaves that alone."""
        self.shell.checkpoint()
        if isinstance(node, syntax.Joined):
            code = self.execute(node.left, streams)
            if node.operator == "||" and code != 0:
                # Only here do rmdir's failures reach the error level.
                self.error_level = code
            wanted = {"&": True, "&&": code == 0, "||": code != 0}[node.operator]
            if node.right is not None and wanted:
                code = self.execute(node.right, streams)
            return code
        inner = self._redirected(node, streams)
        if inner is None:
            self.error_level = 1
            return 1
        try:
            return self._execute_inner(node, inner)
        finally:
            for output in inner.opened:
                output.close()

    def _execute_inner(self, node: syntax.Node, streams: Streams) -> int:
        if isinstance(node, syntax.Block):
            code = 0
            for command in node.commands:
                code = self.execute(command, streams)
            return code
        if isinstance(node, syntax.If):
            if self._holds(node):
                return self.execute(node.then, streams)
            return self.execute(node.otherwise, streams) if node.otherwise is not None else 0
        if isinstance(node, syntax.For):
            return self._for(node, streams)
        if isinstance(node, syntax.Simple):
            return self._simple(self._with_loop(node.text), streams)
        raise AssertionError(node)

    def _with_loop(self, text: str) -> str:
        """Put in the variables of ``for``."""
        if not self._loop or "%" not in text:
            return text
        result, position = [], 0
        while position < len(text):
            if text[position] == "%":
                end = position + 1
                modifiers = ""
                if text[end : end + 1] == "~":
                    end += 1
                    while end < len(text) and text[end].lower() in "fdpnxsatz" and text[end + 1 : end + 2].isalpha():
                        end += 1
                    modifiers = text[position + 1 : end]
                name = text[end : end + 1]
                if name in self._loop:
                    value = self._loop[name]
                    result.append(self._modified(value, modifiers[1:].lower()) if modifiers else value)
                    position = end + 1
                    continue
            result.append(text[position])
            position += 1
        return "".join(result)

    def _redirected(self, node: syntax.Node, streams: Streams) -> Streams | None:
        """The streams with the node's redirections; None (and a message) when one cannot be opened."""
        handles: dict[int, t.Any] = {0: streams.stdin, 1: streams.stdout, 2: streams.stderr}
        opened: list[Output] = []
        try:
            for redirection in node.redirections:
                target = self._with_loop(redirection.target).strip('"')
                if redirection.operator == ">&":
                    handles[redirection.handle] = handles.get(int(target), NullOutput())
                elif target.lower() == "nul":
                    handles[redirection.handle] = BytesInput() if redirection.operator == "<" else NullOutput()
                elif redirection.operator == "<":
                    handles[redirection.handle] = BytesInput(self.machine.files.read(self.absolute(target)))
                else:
                    file = self.machine.files.open(self.absolute(target), append=redirection.operator == ">>")
                    output = FileOutput(file)
                    opened.append(output)
                    handles[redirection.handle] = output
        except WinError as error:
            for one in opened:
                one.close()
            self.print(streams.stderr, error.text + "\n")
            return None
        return Streams(handles[0], handles[1], handles[2], opened)

    def _holds(self, node: syntax.If) -> bool:
        left = self._with_loop(node.left)
        right = self._with_loop(node.right)
        if node.kind == "errorlevel":
            holds = self.error_level >= int(left)
        elif node.kind == "exist":
            path = left.strip('"')
            # With a backslash at its end the name must be a folder's.
            there = self.machine.files.is_dir if path.endswith("\\") else self.machine.files.exists
            holds = there(self.absolute(path))
        elif node.kind == "defined":
            holds = self.variable(left) is not None
        else:
            if node.ignore_case:
                left, right = left.lower(), right.lower()
            numbers = left.lstrip("-").isdigit() and right.lstrip("-").isdigit()
            a: t.Any = int(left) if numbers else left
            b: t.Any = int(right) if numbers else right
            if node.kind == "==":
                a, b = left, right
            holds = {
                "==": a == b,
                "equ": a == b,
                "neq": a != b,
                "lss": a < b,
                "leq": a <= b,
                "gtr": a > b,
                "geq": a >= b,
            }[node.kind]
        return holds != node.negated

    def _for(self, node: syntax.For, streams: Streams) -> int:
        values = re.findall(r'"[^"]*"|[^\s,;="]+', node.values)
        if node.recursive:
            if values != ["*"]:
                return self.shell.unknown(f"for /r in ({node.values})")
            folder = self.absolute(self._with_loop(node.folder).strip('"').rstrip("\\") or ".")
            values = list(self.machine.files.walk(folder)) if self.machine.files.is_dir(folder) else []
        elif any("*" in value or "?" in value for value in values):
            return self.shell.unknown(f"for in ({node.values})")
        code = 0
        outer = dict(self._loop)
        try:
            for value in values:
                self._loop[node.variable] = value
                if self.echo and not node.body.silent:
                    shown = self._with_loop(node.body.text) if isinstance(node.body, syntax.Simple) else "(...)"
                    self.print(streams.stdout, f"\n{self.cwd}>{shown}\n")
                code = self.execute(node.body, streams)
        finally:
            self._loop = outer
        return code

    # commands
    def _simple(self, text: str, streams: Streams) -> int:
        text = text.lstrip(syntax.DELIMITERS)
        if not text:
            return 0
        name, rest = builtin_name(text)
        if name is not None:
            code = BUILTINS[name](self, streams, rest)
            if code is None:
                return 0
            if name not in ("rmdir", "rd"):
                self.error_level = code
            return code
        return self.run_external(text.rstrip(syntax.DELIMITERS), streams)

    def run_external(self, text: str, streams: Streams, called: bool = False) -> int:
        """Start a program or a batch file and wait for its end."""
        name, tail = split_program(text)
        try:
            path = execution.find_program(self.machine, name, self.cwd, self.environment, EXTENSIONS)
        except WinError as error:
            if error.code == errors.PATH_NOT_FOUND:
                self.print(streams.stderr, error.text + "\n")
                self.error_level = 1
            else:
                shown = f'"{name}"' if text.startswith('"') else name
                self.print(
                    streams.stderr,
                    f"'{shown}' is not recognized as an internal or external command,\noperable program or batch file.\n",
                )
                known = f"{ntpath.splitext(name)[0]}.exe".lower() in self.machine.programs
                if "\\" not in name and not known:
                    self.machine.report_unknown("program", text)
                self.error_level = NOT_RECOGNIZED
            return self.error_level
        if ntpath.splitext(path)[1].lower() in (".cmd", ".bat"):
            code = self.run_batch(path, split_arguments(tail), streams)
            if self.batch_depth and not called:
                raise EndBatch(code)
            return code
        try:
            run, program = self._prepare(text, path, streams)
        except WinError as error:
            self.print(streams.stderr, error.text + "\n")
            self.error_level = 1
            return 1
        self.error_level = execution.run(run, program)
        self.shell.checkpoint()
        return self.error_level

    def start_external(self, text: str, streams: Streams) -> int:
        """``start``: begin a program and do not wait for it."""
        try:
            path = execution.find_program(self.machine, split_program(text)[0], self.cwd, self.environment, EXTENSIONS)
            run, program = self._prepare(text, path, Streams(BytesInput(), NullOutput(), NullOutput()))
        except WinError as error:
            self.print(streams.stderr, error.text + "\n")
            self.error_level = NOT_RECOGNIZED
            return self.error_level
        execution.start(run, program)
        return 0

    def _prepare(self, text: str, path: str, streams: Streams) -> tuple[Execution, execution.Program]:
        return execution.prepare(
            self.machine,
            text,
            user=self.shell.user,
            parent_pid=self.shell.process.pid,
            cwd=self.cwd,
            environment=Environment(self.environment),
            console=self.shell.console,
            executable=path,
            job=self.shell.process.job,
            stdin=streams.stdin,
            stdout=streams.stdout,
            stderr=streams.stderr,
        )


def _time_text(now: datetime.datetime) -> str:
    """%TIME%: the hour has a blank in front instead of a zero."""
    return f"{now.hour:2d}:{now.minute:02d}:{now.second:02d}.{now.microsecond // 10000:02d}"


def command_of(tail: str, is_program: t.Callable[[str], bool]) -> tuple[str | None, list[str]]:
    """What ``cmd.exe``'s own command line asks for: the line after /c (None without /c), and its other switches.

    ``is_program``: whether there is a program of this name.
    """
    switches: list[str] = []
    rest = tail.lstrip()
    while rest.startswith("/"):
        switch, rest = rest[:2].lower(), rest[2:]
        if switch == "/c":
            line = rest.lstrip()
            return (line if _keeps_quotes(line, "/s" in switches, is_program) else _without_outer_quotes(line)), switches
        switches.append(switch)
        rest = rest.lstrip()
    return None, switches


def _keeps_quotes(line: str, plain: bool, is_program: t.Callable[[str], bool]) -> bool:
    """cmd.exe's rule, in the words of its help: no /s, exactly two quotes, no special characters between them, one or more
    blanks between them, and the name of a program between them. A line that does not begin with a quote stays as it is."""
    if not line.startswith('"'):
        return True
    name = line[1 : line.rfind('"')]
    special = any(character in name for character in "&<>()@^|")
    return not plain and line.count('"') == 2 and not special and " " in name and is_program(name)


def _without_outer_quotes(line: str) -> str:
    last = line.rfind('"')
    return line[1:last] + line[last + 1 :] if last > 0 else line[1:]


def cmd_exe(shell: Execution) -> int:
    """The program cmd.exe."""
    line, switches = command_of(shell.tail, lambda name: shell.machine.files.is_file(shell.path(name)))
    strange = [switch for switch in switches if switch not in ("/d", "/s", "/q")]
    if line is None or strange:
        return shell.unknown(f"cmd.exe with {switches} and no /c" if line is None else f"cmd.exe {strange}")
    return Interpreter(shell).run_command_line(line)
