# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A thin client of a lab's host with the real pywinrm, for the lab's own tests."""

from __future__ import annotations

import types
import typing as t
import xml.etree.ElementTree as ET
from xml.sax.saxutils import escape

from winrm.protocol import Protocol

from tests.lab.lab import ADMIN, ADMIN_PASSWORD, Lab
from tests.lab.winrm.soap import NS

CIMV2 = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2"
TASKS = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/microsoft/windows/taskscheduler"
Row = dict[str, t.Any]


class Answer(t.NamedTuple):
    code: int
    out: str
    err: str


class Client:
    """One session; close it, or use it as a context manager."""

    def __init__(
        self,
        lab: Lab,
        host: str,
        user: str = ADMIN,
        password: str = ADMIN_PASSWORD,
        transport: str | None = None,
        operation_timeout: int = 20,
        trust: str | None = None,
        **more: t.Any,
    ) -> None:
        target = lab.hosts[host]
        default = "basic" if target.https else "ntlm"
        more["ca_trust_path"] = (trust or str(lab.authority.certificate_path)) if target.https else None
        self.protocol = Protocol(
            target.endpoint.url,
            transport=t.cast(t.Any, transport or default),
            username=user,
            password=password,
            operation_timeout_sec=operation_timeout,
            read_timeout_sec=operation_timeout + 10,
            **more,
        )
        self._shell: str | None = None

    def __enter__(self) -> t.Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: types.TracebackType | None) -> None:
        self.protocol.transport.close_session()

    # CIM
    def send(
        self, action: str, resource: str, body: str = "", selectors: t.Mapping[str, str] | None = None, largest: int = 153600
    ) -> ET.Element:
        """The body of the answer."""
        chosen = "".join(f'<w:Selector Name="{name}">{escape(value)}</w:Selector>' for name, value in (selectors or {}).items())
        declared = " ".join(f'xmlns:{prefix}="{NS[prefix]}"' for prefix in ("s", "a", "w", "n", "x", "rsp"))
        answer = self.protocol.send_message(
            f"<s:Envelope {declared}><s:Header><a:Action>{action}</a:Action><a:MessageID>uuid:1</a:MessageID>"
            f"<w:ResourceURI>{resource}</w:ResourceURI><w:MaxEnvelopeSize>{largest}</w:MaxEnvelopeSize>"
            f"<w:SelectorSet>{chosen}</w:SelectorSet></s:Header><s:Body>{body}</s:Body></s:Envelope>"
        )
        found = ET.fromstring(answer).find("s:Body", NS)
        assert found is not None
        return found

    def get(self, class_name: str, **selectors: str) -> Row:
        return _row(self.send(f"{NS['x']}/Get", f"{CIMV2}/{class_name}", selectors=selectors)[0])

    def query(self, wql: str, resource: str = f"{CIMV2}/*", page: int = 100, largest: int = 153600) -> list[Row]:
        return [row for one in self.pages(wql, resource, page, largest) for row in one]

    def pages(self, wql: str, resource: str = f"{CIMV2}/*", page: int = 100, largest: int = 153600) -> list[list[Row]]:
        """The instances as they came: the optimised answer's first, then each Pull's."""
        query = f'<w:Filter Dialect="http://schemas.microsoft.com/wbem/wsman/1/WQL">{escape(wql)}</w:Filter>'
        body = f"<n:Enumerate><w:OptimizeEnumeration/><w:MaxElements>{page}</w:MaxElements>{query}</n:Enumerate>"
        answer = self.send(f"{NS['n']}/Enumerate", resource, body, largest=largest)
        found = [[plain(item) for item in answer.iterfind("n:EnumerateResponse/w:Items/*", NS)]]
        while answer.find(".//n:EndOfSequence", NS) is None and answer.find(".//w:EndOfSequence", NS) is None:
            context = answer.findtext(".//n:EnumerationContext", "", NS)
            body = f"<n:Pull><n:EnumerationContext>{context}</n:EnumerationContext><n:MaxElements>{page}</n:MaxElements></n:Pull>"
            answer = self.send(f"{NS['n']}/Pull", resource, body, largest=largest)
            found.append([plain(item) for item in answer.iterfind("n:PullResponse/n:Items/*", NS)])
        return found

    def invoke(
        self, class_name: str, method: str, arguments: t.Mapping[str, str] | None = None, space: str = CIMV2, **selectors: str
    ) -> Row:
        uri = f"{space}/{class_name}"
        inner = "".join(f"<p:{name}>{escape(value)}</p:{name}>" for name, value in (arguments or {}).items())
        body = f'<p:{method}_INPUT xmlns:p="{uri}">{inner}</p:{method}_INPUT>'
        return _row(self.send(f"{uri}/{method}", uri, body, selectors)[0])

    # programs
    @property
    def shell(self) -> str:
        if self._shell is None:
            self._shell = self.protocol.open_shell(codepage=65001)
        return self._shell

    def run(self, line: str, stdin: bytes | None = None, skip_cmd_shell: bool = True) -> Answer:
        command = self.protocol.run_command(self.shell, line, console_mode_stdin=False, skip_cmd_shell=skip_cmd_shell)
        if stdin is not None:
            self.protocol.send_command_input(self.shell, command, stdin, end=True)
        out, err, code = self.protocol.get_command_output(self.shell, command)
        self.protocol.cleanup_command(self.shell, command)
        return Answer(code, out.decode(), err.decode())

    def cmd(self, line: str, stdin: bytes | None = None) -> Answer:
        return self.run(f'cmd.exe /d /s /c "{line}"', stdin)


def plain(element: ET.Element) -> t.Any:
    """An instance as a dictionary of texts; nil is None."""
    found: Row = {}
    for child in element:
        name = child.tag.rpartition("}")[2]
        if child.get(f"{{{NS['xsi']}}}nil") == "true":
            found[name] = None
        elif len(child):
            inner = plain(child)
            found[name] = inner["Datetime"] if set(inner) == {"Datetime"} else inner
        else:
            found[name] = child.text or ""
    return found


def _row(element: ET.Element) -> Row:
    found = plain(element)
    assert isinstance(found, dict)
    return found
