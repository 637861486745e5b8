# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""WS-Management requests over pywinrm. Private to lockstep.backup: not a public interface.

One session per task: it is opened when it is first needed, kept alive, and closed with its shell. Requests that only read
are repeated after a lost connection or a busy answer; a request that changes something is never repeated here, because the
first one may have arrived: its caller looks at the host's state and decides.
"""

from __future__ import annotations

import collections.abc
import contextlib
import functools
import time
import typing as t
import uuid
import xml.etree.ElementTree as ET
import xml.sax.saxutils

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.host import texts
from ansible_collections.lockstep.backup.plugins.module_utils.host.base import Completed

try:
    import requests
    import requests.exceptions
    import requests.utils
    import urllib3.exceptions
    import winrm.exceptions
    from winrm.protocol import Protocol

    PYWINRM_MISSING: str | None = None
except ImportError as import_error:
    PYWINRM_MISSING = str(import_error)

try:
    # Comes with pywinrm, by requests_ntlm.
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.decrepit.ciphers.algorithms import ARC4
    from cryptography.hazmat.primitives.ciphers import Cipher

    _HAS_RC4 = True
except ImportError:
    _HAS_RC4 = False

CIMV2 = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2"
TASK_SCHEDULER = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/microsoft/windows/taskscheduler"

_SOAP = "http://www.w3.org/2003/05/soap-envelope"
_WSMAN = "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"
_ENUM = "http://schemas.xmlsoap.org/ws/2004/09/enumeration"
_XSI = "http://www.w3.org/2001/XMLSchema-instance"
_GET = "http://schemas.xmlsoap.org/ws/2004/09/transfer/Get"

# Codes of WSManFault, from MS-WSMV and captures.
_NOT_FOUND = 2150858752
_QUOTA_CODES = {2150859173: "shells per user", 2150859174: "operations per user", 2150858843: "the shell is gone"}
_PROGRAM_NOT_FOUND = (2147942402, 2147942403)
_ACCESS_DENIED = 5

_ITEMS_PER_PAGE = 100
_COMMANDS_PER_SHELL = 500
"""A shell has a quota of 1000 commands that Terminate does not give back; a fresh shell long before that."""

_LARGEST_INPUT = 100_000
"""Bytes of standard input in one message: in base 64, below the 150 KB that an envelope of Windows Server 2008 may have."""

_PAUSES = (0.3, 1.0, 3.0)
"""Seconds before each repetition of a request that only reads."""

_BUSY = (413, 503)
"""HTTP statuses of a host that takes no more just now."""

_REPEATABLE = frozenset({"unreachable", "connection_lost", "quota_exceeded"})

Value = t.Union[str, None, "dict[str, t.Any]", "list[t.Any]"]
Instance = dict[str, t.Any]


class Settings(t.NamedTuple):
    """What the connection plugin says about the host: pywinrm's own arguments, and its transports in the order to try."""

    endpoint: str
    transports: tuple[str, ...]
    arguments: dict[str, t.Any]


def prepare_ntlm() -> None:
    """Have OpenSSL look up RC4, with which NTLM encrypts messages: once in a process, and that takes longer than a request."""
    if _HAS_RC4:
        with contextlib.suppress(UnsupportedAlgorithm):
            Cipher(ARC4(bytes(16)), mode=None).encryptor()


def wql_text(value: str) -> str:
    """A WQL string literal."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


class Session:
    """One host's WS-Management endpoint. All methods raise LockstepError with host, operation and cause."""

    def __init__(self, host: str, settings: Settings) -> None:
        self._host = host
        self._settings = settings
        self._protocol: Protocol | None = None
        self._shell: str | None = None
        self._commands = 0
        self._gone = False

    def close(self) -> None:
        """Delete the shell (they are few per user) and close the connection. A dead connection is no error here."""
        if self._protocol is not None:
            with contextlib.suppress(LockstepError, AssertionError):
                self._close_shell()
        self._forget()

    # CIM

    def get(self, class_uri: str, selectors: collections.abc.Mapping[str, str]) -> Instance | None:
        """One instance by its keys, or None."""
        operation = f"Get {_class_name(class_uri)}"
        try:
            body = self._repeat(lambda: self._request(operation, _GET, class_uri, "", selectors))
        except LockstepError as error:
            if error.slug == "instance_not_found":
                return None
            raise
        return t.cast(Instance, _plain(body[0]))

    def query(self, namespace: str, wql: str) -> list[Instance]:
        """All instances that a WQL query selects, page by page. A page lost on the way repeats the whole query."""
        return self._repeat(lambda: self._enumerate(f"{namespace}/*", wql))

    def _enumerate(self, resource: str, wql: str) -> list[Instance]:
        operation = f"Query {wql}"
        answer = self._request(
            operation,
            f"{_ENUM}/Enumerate",
            resource,
            f"<n:Enumerate><w:OptimizeEnumeration/><w:MaxElements>{_ITEMS_PER_PAGE}</w:MaxElements>"
            '<w:Filter Dialect="http://schemas.microsoft.com/wbem/wsman/1/WQL">'
            f"{xml.sax.saxutils.escape(wql)}</w:Filter></n:Enumerate>",
        )[0]
        found = _items(answer.find(f"{{{_WSMAN}}}Items"))
        while answer.find(f"{{{_WSMAN}}}EndOfSequence") is None and answer.find(f"{{{_ENUM}}}EndOfSequence") is None:
            context = answer.findtext(f"{{{_ENUM}}}EnumerationContext") or ""
            answer = self._request(
                operation,
                f"{_ENUM}/Pull",
                resource,
                f"<n:Pull><n:EnumerationContext>{xml.sax.saxutils.escape(context)}</n:EnumerationContext>"
                f"<n:MaxElements>{_ITEMS_PER_PAGE}</n:MaxElements></n:Pull>",
            )[0]
            found += _items(answer.find(f"{{{_ENUM}}}Items"))
        return found

    def invoke(
        self,
        class_uri: str,
        method: str,
        selectors: collections.abc.Mapping[str, str] | None = None,
        arguments: collections.abc.Mapping[str, str] | None = None,
        repeatable: bool = False,
    ) -> Instance:
        """Call a method once, unless it is ``repeatable``. Its output parameters, with ``ReturnValue`` as text."""
        inner = "".join(f"<i:{name}>{xml.sax.saxutils.escape(value)}</i:{name}>" for name, value in (arguments or {}).items())

        def work() -> ET.Element:
            return self._request(
                f"{_class_name(class_uri)}.{method}",
                f"{class_uri}/{method}",
                class_uri,
                f'<i:{method}_INPUT xmlns:i="{class_uri}">{inner}</i:{method}_INPUT>',
                selectors or {},
            )

        body = self._repeat(work) if repeatable else work()
        return t.cast(Instance, _plain(body[0]))

    # programs

    def command(self, line: str, stdin: bytes | None, timeout: float, repeatable: bool = False) -> Completed:
        """Run one complete command line in the session's shell, without cmd.exe around it."""
        code, out, err = self.command_bytes(line, stdin, timeout, repeatable)
        return Completed((line,), code, texts.decode(out), texts.decode(err))

    def command_bytes(self, line: str, stdin: bytes | None, timeout: float, repeatable: bool = False) -> tuple[int, bytes, bytes]:
        """The same; exit code and both outputs as they are."""
        if repeatable:
            return self._repeat(lambda: self._command(line, stdin, timeout))
        return self._command(line, stdin, timeout)

    def _command(self, line: str, stdin: bytes | None, timeout: float) -> tuple[int, bytes, bytes]:
        program, _blank, arguments = line.partition(" ") if not line.startswith('"') else line[1:].partition('" ')
        program = program.strip('"')
        if self._shell is None or self._commands >= _COMMANDS_PER_SHELL:
            self._close_shell()
            # Creating a shell changes nothing that matters: an orphan ends by its idle time-out.
            self._shell = self._repeat(lambda: self._call("open a shell", lambda p: p.open_shell(codepage=65001)))
            self._commands = 0
        shell = self._shell
        self._commands += 1
        operation = f"run {program}"
        command = self._call(
            operation,
            lambda p: p.run_command(
                shell, program, [arguments] if arguments else [], console_mode_stdin=False, skip_cmd_shell=True
            ),
        )
        out, err, code, done = b"", b"", -1, False
        deadline = time.monotonic() + timeout
        try:
            self._send(operation, shell, command, stdin)
            while not done:
                chunk = self._receive(operation, shell, command)
                if chunk is not None:
                    out, err, code, done = out + chunk[0], err + chunk[1], chunk[2], chunk[3]
                if not done and time.monotonic() > deadline:
                    raise LockstepError(
                        "command_timeout", f"{self._host}: {program} did not end within {timeout:g} s and was terminated."
                    )
        finally:
            # What is known of the command by now is not changed by a connection that is lost here.
            with contextlib.suppress(LockstepError, AssertionError):
                self._call(operation, lambda p: p.cleanup_command(shell, command))
        return code, out, err

    def _send(self, operation: str, shell: str, command: str, stdin: bytes | None) -> None:
        """All of the standard input, in messages that also a Windows with the old quota takes."""
        if stdin is None:
            return
        # Also no input at all has to be ended.
        for begin in range(0, max(1, len(stdin)), _LARGEST_INPUT):
            end = begin + _LARGEST_INPUT
            send = functools.partial(_send_input, shell, command, stdin[begin:end], end >= len(stdin))
            self._call(operation, send)

    def _receive(self, operation: str, shell: str, command: str) -> tuple[bytes, bytes, int, bool] | None:
        """The next output, or None when there was none within the operation's time-out."""
        try:
            return self._call(operation, lambda p: p.get_command_output_raw(shell, command), raise_timeout=True)
        except winrm.exceptions.WinRMOperationTimeoutError:
            return None

    def _close_shell(self) -> None:
        if self._shell is not None:
            shell, self._shell = self._shell, None
            self._call("close the shell", lambda p: p.close_shell(shell, close_session=False))

    # requests

    def _request(
        self,
        operation: str,
        action: str,
        resource: str,
        body: str,
        selectors: collections.abc.Mapping[str, str] | None = None,
    ) -> ET.Element:
        chosen = "".join(
            f'<w:Selector Name="{name}">{xml.sax.saxutils.escape(value)}</w:Selector>' for name, value in (selectors or {}).items()
        )
        message = (
            f'<s:Envelope xmlns:s="{_SOAP}" xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" xmlns:w="{_WSMAN}" '
            f'xmlns:n="{_ENUM}" xmlns:p="http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd"><s:Header>'
            f"<a:To>{xml.sax.saxutils.escape(self._settings.endpoint)}</a:To>"
            '<a:ReplyTo><a:Address s:mustUnderstand="true">http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous</a:Address>'
            f'</a:ReplyTo><w:MaxEnvelopeSize s:mustUnderstand="true">153600</w:MaxEnvelopeSize><a:MessageID>uuid:{uuid.uuid4()}'
            '</a:MessageID><w:Locale xml:lang="en-US" s:mustUnderstand="false"/>'
            '<p:DataLocale xml:lang="en-US" s:mustUnderstand="false"/>'
            f"<w:OperationTimeout>PT{self._operation_timeout}S</w:OperationTimeout>"
            f'<w:ResourceURI s:mustUnderstand="true">{resource}</w:ResourceURI>'
            f'<a:Action s:mustUnderstand="true">{action}</a:Action>'
            f"{f'<w:SelectorSet>{chosen}</w:SelectorSet>' if chosen else ''}</s:Header><s:Body>{body}</s:Body></s:Envelope>"
        )
        answer = self._call(operation, lambda p: p.send_message(message))
        found = ET.fromstring(answer).find(f"{{{_SOAP}}}Body")
        if found is None or len(found) == 0:
            raise LockstepError("protocol_error", f"{self._host}: the answer to {operation} has no body.")
        return found

    @property
    def _operation_timeout(self) -> int:
        return int(self._settings.arguments.get("operation_timeout_sec", 20))

    _Result = t.TypeVar("_Result")

    def _repeat(self, work: collections.abc.Callable[[], _Result]) -> _Result:
        """Do what bears repetition until it works. A host that did not answer through all pauses is not waited for again until it
        has answered: whoever needs it more than others asks it again by himself."""
        for pause in () if self._gone else _PAUSES:
            try:
                return work()
            except LockstepError as error:
                # A repetition inside of this one may have waited already.
                if error.slug not in _REPEATABLE or self._gone:
                    raise
                time.sleep(pause)
        try:
            found = work()
        except LockstepError as error:
            self._gone = error.slug in _REPEATABLE
            raise
        self._gone = False
        return found

    def _call(self, operation: str, work: collections.abc.Callable[[Protocol], _Result], raise_timeout: bool = False) -> _Result:
        """One exchange, with pywinrm's and requests' many exceptions told as ours."""
        try:
            return work(self._connected())
        except winrm.exceptions.WinRMOperationTimeoutError as error:
            if raise_timeout:
                raise
            raise self._error("host_timeout", operation, f"no answer within {self._operation_timeout} s") from error
        except winrm.exceptions.InvalidCredentialsError as error:
            raise self._error(
                "authentication_failed",
                operation,
                f"{error}. Correct ansible_user and ansible_password, or ansible_winrm_transport: the host may not offer it",
            ) from error
        except winrm.exceptions.WSManFaultError as error:
            raise self._fault(operation, error) from error
        except winrm.exceptions.WinRMTransportError as error:
            slug = "quota_exceeded" if error.code in _BUSY else "protocol_error"
            raise self._error(slug, operation, f"HTTP status {error.code}") from error
        except requests.exceptions.SSLError as error:
            raise self._error(
                "certificate_untrusted",
                operation,
                f"the certificate is not trusted ({_innermost(error)}). Give the authority's file in ansible_winrm_ca_trust_path, "
                "or renew the certificate for the name by which the host is reached",
            ) from error
        except requests.exceptions.ReadTimeout as error:
            self._forget()
            raise self._error(
                "connection_lost", operation, "no answer; the request may or may not have been carried out"
            ) from error
        except requests.exceptions.ConnectionError as error:
            self._forget()
            if _never_connected(error):
                raise self._error(
                    "unreachable",
                    operation,
                    f"{self._settings.endpoint} cannot be reached. See that the machine and its WinRM service run, and that no "
                    "firewall is between",
                ) from error
            raise self._error(
                "connection_lost", operation, "the connection broke; it may or may not have been carried out"
            ) from error
        except (winrm.exceptions.WinRMError, OSError, ValueError) as error:
            # OSError: what requests does not find here, such as the authority's file. ValueError: an option that is no number.
            if "is not installed" in str(error):
                raise self._error("library_missing", operation, f"{error} on this control node. Install it there") from error
            raise self._error("protocol_error", operation, str(error)) from error

    def _connected(self) -> Protocol:
        """The protocol object; the first request tries the transports in their order until one is accepted."""
        if self._protocol is None:
            failure: winrm.exceptions.WinRMError | None = None
            for transport in self._settings.transports:
                candidate = Protocol(self._settings.endpoint, transport=t.cast(t.Any, transport), **self._settings.arguments)
                try:
                    _settle_proxy(candidate)
                    if len(self._settings.transports) > 1:
                        candidate.send_message(_IDENTIFY)
                    self._protocol = candidate
                    return candidate
                except winrm.exceptions.WinRMError as error:
                    failure = error
            raise failure or winrm.exceptions.WinRMError("no transport is configured")
        return self._protocol

    def _forget(self) -> None:
        """After a lost connection nothing of it is used again; the shell is given up (it ends by its idle time-out)."""
        if self._protocol is not None:
            self._protocol.transport.close_session()
        self._protocol = None
        self._shell = None

    def _error(self, slug: str, operation: str, cause: str) -> LockstepError:
        return LockstepError(slug, f"{self._host}: {operation}: {cause}.", host=self._host, operation=operation)

    def _fault(self, operation: str, fault: winrm.exceptions.WSManFaultError) -> LockstepError:
        # Some answers have the detail of WMI instead of that of WS-Management.
        code = fault.wmierror_code if fault.wsman_fault_code is None else fault.wsman_fault_code
        if code == _NOT_FOUND:
            return self._error("instance_not_found", operation, "there is no such instance")
        if code in _PROGRAM_NOT_FOUND and operation.startswith("run "):
            return self._error("tool_missing", operation, "there is no such program on the host. Install it, or give its full path")
        if code == _ACCESS_DENIED:
            return self._error("access_denied", operation, "the account may not do this. Use an administrator of the host")
        if code in _QUOTA_CODES:
            if "shell is gone" in _QUOTA_CODES[code]:
                self._shell = None
            return self._error("quota_exceeded", operation, f"quota of the host: {_QUOTA_CODES[code]}")
        return self._error("protocol_error", operation, f"fault {code}: {(fault.reason or '').strip().rstrip('.')}")


_IDENTIFY = (
    f'<s:Envelope xmlns:s="{_SOAP}" xmlns:wsmid="http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd">'
    "<s:Header/><s:Body><wsmid:Identify/></s:Body></s:Envelope>"
)


def _settle_proxy(protocol: Protocol) -> None:
    """Ask the environment for a proxy once: requests does it again for every request, a quarter of what one costs."""
    session = protocol.transport.build_session()
    target = requests.Request("POST", protocol.transport.endpoint)
    session.proxies = requests.utils.resolve_proxies(target, dict(session.proxies), trust_env=True)
    session.trust_env = False


def _send_input(shell: str, command: str, part: bytes, last: bool, protocol: Protocol) -> None:
    protocol.send_command_input(shell, command, part, end=last)


def _class_name(class_uri: str) -> str:
    return class_uri.rpartition("/")[2]


def _items(items: ET.Element | None) -> list[Instance]:
    return [] if items is None else [t.cast(Instance, _plain(item)) for item in items]


def _plain(element: ET.Element) -> t.Any:
    """XML as plain data: nil is None, a lone Datetime its text, children a dict by local name (repeated ones a list)."""
    if element.get(f"{{{_XSI}}}nil") == "true":
        return None
    if len(element) == 0:
        return element.text or ""
    if len(element) == 1 and _local(element[0]) == "Datetime":
        return element[0].text or ""
    found: dict[str, t.Any] = {}
    for child in element:
        name, value = _local(child), _plain(child)
        if name not in found:
            found[name] = value
        elif isinstance(found[name], list):
            found[name].append(value)
        else:
            found[name] = [found[name], value]
    return found


def _local(element: ET.Element) -> str:
    """The tag without its namespace; elements of an XmlFragment have none."""
    return element.tag.rpartition("}")[2]


def _innermost(error: BaseException) -> str:
    while error.__cause__ or error.__context__:
        error = error.__cause__ or t.cast(BaseException, error.__context__)
    return str(error)


def _never_connected(error: BaseException) -> bool:
    """Whether the request cannot have been sent: the connection itself was refused, timed out or had no route."""
    reason = error.args[0] if error.args else None
    reason = getattr(reason, "reason", reason)
    return isinstance(error, requests.exceptions.ConnectTimeout) or isinstance(
        reason, urllib3.exceptions.NewConnectionError | urllib3.exceptions.NameResolutionError
    )
