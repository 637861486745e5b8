# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The winrs half of the endpoint: shells and their commands."""

from __future__ import annotations

import base64
import threading
import time
import typing as t
import uuid
from xml.sax.saxutils import escape

from tests.lab.record import Request
from tests.lab.windows import execution
from tests.lab.windows.cmd.effects import is_mutating
from tests.lab.windows.errors import WinError
from tests.lab.windows.execution import Console, Environment, Execution
from tests.lab.windows.machine import Machine
from tests.lab.windows.processes import Process
from tests.lab.windows.streams import BufferOutput, PipeInput
from tests.lab.windows.users import User
from tests.lab.winrm import soap
from tests.lab.winrm.cim_service import Answer
from tests.lab.winrm.soap import NS, Fault, Message

CMD_RESOURCE = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell/cmd"
CREATE, DELETE = f"{NS['x']}/Create", f"{NS['x']}/Delete"
COMMAND, RECEIVE, SEND, SIGNAL = (f"{NS['rsp']}/{name}" for name in ("Command", "Receive", "Send", "Signal"))
TERMINATE = f"{NS['rsp']}/signal/terminate"
CTRL_C, CTRL_BREAK = f"{NS['rsp']}/signal/ctrl_c", f"{NS['rsp']}/signal/ctrl_break"

MAX_SHELLS_PER_USER = 30
MAX_PROCESSES_PER_SHELL = 25
MAX_OPERATIONS_PER_USER = 1500
LONGEST_COMMAND_LINE = 8191
RECEIVE_OVERHEAD = 2500


class Command:
    """One command of a shell: its process, streams and end."""

    def __init__(self) -> None:
        self.id = str(uuid.uuid4()).upper()
        self.changed = threading.Condition()
        self.stdin = PipeInput()
        self.stdout = BufferOutput(self._tell)
        self.stderr = BufferOutput(self._tell)
        self.exit_code: int | None = None
        self.process: Process | None = None

    def _tell(self) -> None:
        with self.changed:
            self.changed.notify_all()

    def ended(self, code: int) -> None:
        with self.changed:
            self.exit_code = code
            self.changed.notify_all()


class Shell:
    def __init__(self, user: User, environment: Environment, folder: str, code_page: int) -> None:
        self.id = str(uuid.uuid4()).upper()
        self.user, self.environment, self.folder = user, environment, folder
        self.console = Console(code_page)
        self.commands: dict[str, Command] = {}
        self.operations = 0


class ShellService:
    """All shells of one machine. A shell's processes end with it."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._shells: dict[str, Shell] = {}
        self._lock = threading.RLock()

    def __len__(self) -> int:
        return len(self._shells)

    def operations(self, user: User) -> int:
        with self._lock:
            return sum(shell.operations for shell in self._shells.values() if shell.user == user)

    # what a request is, for the log
    def describe(self, message: Message) -> tuple[str, str, bool]:
        """Kind, text and whether it changes the machine."""
        if message.action == COMMAND:
            line = command_line(message)
            return "command", line, is_mutating(self._machine, line)
        return "shell", message.action.rpartition("/")[2], False

    def handle(self, message: Message, user: User, request: Request) -> Answer:
        handlers: dict[str, t.Callable[[], Answer]] = {
            CREATE: lambda: self._create(message, user),
            DELETE: lambda: self._delete(message, user),
            COMMAND: lambda: self._command(message, user, request),
            RECEIVE: lambda: self._receive(message, user),
            SEND: lambda: self._send(message, user),
            SIGNAL: lambda: self._signal(message, user),
        }
        if message.action not in handlers:
            self._machine.report_unknown("action", f"{message.action} on a shell")
            raise Fault(
                soap.UNSUPPORTED_ACTION, f"The action {message.action} is not supported", "a:ActionNotSupported", sender=True
            )
        return handlers[message.action]()

    # shells
    def _create(self, message: Message, user: User) -> Answer:
        with self._lock:
            mine = sum(shell.user == user for shell in self._shells.values())
        if mine >= MAX_SHELLS_PER_USER or self._machine.faults.on("quota_shells"):
            raise Fault(
                soap.TOO_MANY_SHELLS,
                f"This user is allowed a maximum number of {MAX_SHELLS_PER_USER} concurrent shells, which has been exceeded. "
                "Close existing shells or raise the quota for this user.",
                "w:QuotaLimit",
            )
        environment = self._machine.default_environment(user)
        folder = rf"C:\Users\{user.name}"
        body = message.body
        if body is not None:
            for variable in body.iterfind("rsp:Environment/rsp:Variable", NS):
                environment[variable.get("Name", "")] = variable.text or ""
            folder = body.findtext("rsp:WorkingDirectory", folder, NS)
        if not self._machine.files.is_dir(folder):
            if folder.lower().startswith("c:\\users\\"):
                self._machine.files.ensure_folder(folder)
            else:
                raise Fault(0x8007010B, "The directory name is invalid.")
        strange = set(message.options) - {"WINRS_NOPROFILE", "WINRS_CODEPAGE"}
        if strange:
            self._machine.report_unknown("shell option", ", ".join(sorted(strange)))
        shell = Shell(user, environment, folder, int(message.options.get("WINRS_CODEPAGE", "437")))
        with self._lock:
            self._shells[shell.id] = shell
        resource = escape(message.resource)
        return Answer(
            CREATE + "Response",
            f"<x:ResourceCreated><a:Address>http://{self._machine.name}:5985/wsman</a:Address><a:ReferenceParameters>"
            f'<w:ResourceURI>{resource}</w:ResourceURI><w:SelectorSet><w:Selector Name="ShellId">{shell.id}</w:Selector>'
            "</w:SelectorSet></a:ReferenceParameters></x:ResourceCreated>"
            f"<rsp:Shell><rsp:ShellId>{shell.id}</rsp:ShellId><rsp:ResourceUri>{resource}</rsp:ResourceUri>"
            f"<rsp:Owner>{escape(user.qualified)}</rsp:Owner><rsp:ClientIP>127.0.0.1</rsp:ClientIP>"
            "<rsp:IdleTimeOut>PT7200.000S</rsp:IdleTimeOut><rsp:InputStreams>stdin</rsp:InputStreams>"
            "<rsp:OutputStreams>stdout stderr</rsp:OutputStreams><rsp:ShellRunTime>P0DT0H0M0S</rsp:ShellRunTime>"
            "<rsp:ShellInactivity>P0DT0H0M0S</rsp:ShellInactivity></rsp:Shell>",
        )

    def _shell(self, message: Message, user: User) -> Shell:
        shell = self._shells.get(message.selectors.get("ShellId", "").upper())
        if shell is None or shell.user != user:
            raise Fault(
                soap.NO_SUCH_SHELL,
                "The request for the Windows Remote Shell with ShellId "
                f"{message.selectors.get('ShellId', '')} failed because the shell was not found on the server.",
                "w:InvalidSelectors",
                sender=True,
            )
        return shell

    def _delete(self, message: Message, user: User) -> Answer:
        shell = self._shell(message, user)
        with self._lock:
            del self._shells[shell.id]
        self._machine.processes.kill_job(shell.id)
        for command in shell.commands.values():
            command.stdin.feed(b"", end=True)
        return Answer(DELETE + "Response", "")

    # commands
    def _command(self, message: Message, user: User, request: Request) -> Answer:
        shell = self._shell(message, user)
        running = sum(command.exit_code is None for command in shell.commands.values())
        if self.operations(user) >= MAX_OPERATIONS_PER_USER or self._machine.faults.on("quota_operations"):
            raise soap.too_many_operations(MAX_OPERATIONS_PER_USER)
        if running >= MAX_PROCESSES_PER_SHELL:
            raise Fault(2150859175, "The maximum number of processes per shell has been exceeded.", "w:QuotaLimit")
        line = command_line(message)
        if len(line) > LONGEST_COMMAND_LINE:
            raise Fault(0x800700CE, "The command line is too long.")
        shell.operations += 1
        if message.options.get("WINRS_SKIP_CMD_SHELL", "FALSE").upper() != "TRUE":
            line = f'cmd.exe /c "{line}"'
        command = Command()
        try:
            run, program = execution.prepare(
                self._machine,
                line,
                user=user,
                parent_pid=self._machine.processes.services_pid,
                cwd=shell.folder,
                environment=Environment(shell.environment),
                console=shell.console,
                job=shell.id,
                stdin=command.stdin,
                stdout=command.stdout,
                stderr=command.stderr,
            )
        except WinError as error:
            raise Fault(0x80070000 + error.code, error.text, provider=error.text) from None
        shell.commands[command.id] = command
        command.process = run.process
        self._start(run, program, command, request)
        return Answer(
            COMMAND + "Response",
            f"<rsp:CommandResponse><rsp:CommandId>{command.id}</rsp:CommandId></rsp:CommandResponse>",
        )

    def _start(self, run: Execution, program: execution.Program, command: Command, request: Request) -> None:
        def kill() -> None:
            # A program that waits for input would not notice its end.
            command.stdin.feed(b"", end=True)

        run.process.on_killed = kill

        def ended(code: int) -> None:
            self._machine.recorder.end(request)
            command.ended(code)

        execution.start(run, program, ended)

    def _known_command(self, shell: Shell, command_id: str) -> Command:
        command = shell.commands.get(command_id.upper())
        if command is None:
            raise Fault(2150858844, "The command was not found in the shell.", "w:InvalidParameter", sender=True)
        return command

    def _receive(self, message: Message, user: User) -> Answer:
        shell = self._shell(message, user)
        desired = message.body.find("rsp:DesiredStream", NS) if message.body is not None else None
        if desired is None:
            raise Fault(soap.INVALID_XML, "DesiredStream is missing", "w:SchemaValidationError", sender=True)
        command = self._known_command(shell, desired.get("CommandId", ""))
        room = max(1024, (message.largest_answer - RECEIVE_OVERHEAD) * 3 // 4)
        deadline = time.monotonic() + message.timeout
        with command.changed:
            while True:
                ended = command.exit_code
                out = command.stdout.take(room)
                err = command.stderr.take(room - len(out))
                if out or err or ended is not None:
                    break
                left = deadline - time.monotonic()
                if left <= 0 or not command.changed.wait(left):
                    raise Fault(
                        soap.TIMED_OUT,
                        "The WS-Management service cannot complete the operation within the time specified in OperationTimeout.",
                        "w:TimedOut",
                    )
        streams = _stream("stdout", command.id, out) + _stream("stderr", command.id, err)
        full = len(out) + len(err) >= room
        if ended is None or full:
            state = f'<rsp:CommandState CommandId="{command.id}" State="{NS["rsp"]}/CommandState/Running"/>'
        else:
            streams += _end_of_stream("stdout", command.id) + _end_of_stream("stderr", command.id)
            state = (
                f'<rsp:CommandState CommandId="{command.id}" State="{NS["rsp"]}/CommandState/Done">'
                f"<rsp:ExitCode>{ended}</rsp:ExitCode></rsp:CommandState>"
            )
        return Answer(RECEIVE + "Response", f"<rsp:ReceiveResponse>{streams}{state}</rsp:ReceiveResponse>")

    def _send(self, message: Message, user: User) -> Answer:
        shell = self._shell(message, user)
        for stream in message.body if message.body is not None else ():
            command = self._known_command(shell, stream.get("CommandId", ""))
            if stream.get("Name") != "stdin":
                self._machine.report_unknown("stream", stream.get("Name", ""))
            command.stdin.feed(base64.b64decode(stream.text or ""), stream.get("End", "false").lower() == "true")
        return Answer(SEND + "Response", "<rsp:SendResponse/>")

    def _signal(self, message: Message, user: User) -> Answer:
        shell = self._shell(message, user)
        body = message.body
        command = self._known_command(shell, body.get("CommandId", "") if body is not None else "")
        code = body.findtext("rsp:Code", "", NS).strip() if body is not None else ""
        if code not in (TERMINATE, CTRL_C, CTRL_BREAK):
            self._machine.report_unknown("signal", code)
        if command.exit_code is None and command.process is not None:
            self._machine.processes.kill_tree(command.process)
        if code == TERMINATE:
            # The operations counter is not given back: it is the shell that counts.
            shell.commands.pop(command.id, None)
        return Answer(SIGNAL + "Response", "<rsp:SignalResponse/>")


def command_line(message: Message) -> str:
    """Command and arguments of a Command request as one line."""
    body = message.body
    if body is None:
        raise Fault(soap.INVALID_XML, "CommandLine is missing", "w:SchemaValidationError", sender=True)
    parts = [body.findtext("rsp:Command", "", NS)]
    parts += [argument.text or "" for argument in body.iterfind("rsp:Arguments", NS)]
    return " ".join(part for part in parts if part)


def _stream(name: str, command_id: str, content: bytes) -> str:
    if not content:
        return ""
    return f'<rsp:Stream Name="{name}" CommandId="{command_id}">{base64.b64encode(content).decode()}</rsp:Stream>'


def _end_of_stream(name: str, command_id: str) -> str:
    return f'<rsp:Stream Name="{name}" CommandId="{command_id}" End="true"></rsp:Stream>'
