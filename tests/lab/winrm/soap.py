# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SOAP envelopes of WS-Management: reading requests, writing answers and faults."""

from __future__ import annotations

import dataclasses
import re
import uuid
import xml.etree.ElementTree as ET
from xml.sax.saxutils import escape, quoteattr

NS: dict[str, str] = {
    "s": "http://www.w3.org/2003/05/soap-envelope",
    "a": "http://schemas.xmlsoap.org/ws/2004/08/addressing",
    "w": "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd",
    "p": "http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd",
    "x": "http://schemas.xmlsoap.org/ws/2004/09/transfer",
    "n": "http://schemas.xmlsoap.org/ws/2004/09/enumeration",
    "rsp": "http://schemas.microsoft.com/wbem/wsman/1/windows/shell",
    "cim": "http://schemas.dmtf.org/wbem/wscim/1/common",
    "xsi": "http://www.w3.org/2001/XMLSchema-instance",
    "f": "http://schemas.microsoft.com/wbem/wsman/1/wsmanfault",
    "i": "http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd",
}
WMI_ERROR = "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/MSFT_WmiError"
ANONYMOUS = "http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous"
LARGEST_ENVELOPE = 500 * 1024
"""MaxEnvelopeSizekb of a default host, in bytes."""

TIMED_OUT = 2150858793
NOT_FOUND = 2150858752
UNKNOWN_RESOURCE = 2150858811
INVALID_SELECTORS = 2150858813
UNSUPPORTED_ACTION = 2150858771
NO_SUCH_SHELL = 2150858843
TOO_MANY_SHELLS = 2150859173
TOO_MANY_OPERATIONS = 2150859174
ACCESS_DENIED = 5
INVALID_QUERY = 0x80041017
INVALID_CONTEXT = 2150858749
INVALID_XML = 2150858761


class Fault(Exception):
    """An answer with HTTP 500: ``code`` of the WSManFault, SOAP subcode, and the text of the reason."""

    def __init__(
        self,
        code: int,
        reason: str,
        subcode: str = "w:InternalError",
        sender: bool = False,
        provider: str = "",
        wmi_error: bool = False,
    ) -> None:
        super().__init__(reason)
        self.code, self.reason, self.subcode, self.sender, self.provider = code, reason, subcode, sender, provider
        self.wmi_error = wmi_error
        """The newer providers' form of the detail: an MSFT_WmiError instead of a WSManFault."""


def too_many_operations(limit: int, wmi_error: bool = False) -> Fault:
    return Fault(
        TOO_MANY_OPERATIONS,
        f"The WS-Management service cannot process the request. This user is allowed a maximum number of {limit} concurrent "
        "operations, which has been exceeded. Close existing operations for this user, or raise the quota for this user.",
        "w:QuotaLimit",
        wmi_error=wmi_error,
    )


@dataclasses.dataclass
class Message:
    """A request's header, and the first element of its body."""

    action: str
    resource: str
    message_id: str
    selectors: dict[str, str]
    options: dict[str, str]
    timeout: float
    """Seconds that the client lets one operation take (OperationTimeout)."""
    largest_answer: int
    body: ET.Element | None


def local_name(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]


def parse(content: bytes) -> Message:
    """Raises Fault where it is no WS-Management request."""
    try:
        root = ET.fromstring(content)
    except ET.ParseError as error:
        raise Fault(INVALID_XML, f"The XML is invalid: {error}", "w:SchemaValidationError", sender=True) from None
    header = root.find("s:Header", NS)
    body = root.find("s:Body", NS)
    if header is None or body is None:
        raise Fault(INVALID_XML, "The SOAP XML lacks its header or body", "w:SchemaValidationError", sender=True)

    def text(name: str, default: str = "") -> str:
        found = header.findtext(name, default, NS)
        return found.strip()

    selectors = {one.get("Name", ""): one.text or "" for one in header.iterfind("w:SelectorSet/w:Selector", NS)}
    options = {one.get("Name", ""): one.text or "" for one in header.iterfind("w:OptionSet/w:Option", NS)}
    largest = text("w:MaxEnvelopeSize")
    return Message(
        text("a:Action"),
        text("w:ResourceURI"),
        text("a:MessageID"),
        selectors,
        options,
        _seconds(text("w:OperationTimeout", "PT60S")),
        min(int(largest) if largest else LARGEST_ENVELOPE, LARGEST_ENVELOPE),
        body[0] if len(body) else None,
    )


def _seconds(duration: str) -> float:
    match = re.fullmatch(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:([\d.]+)S)?)?", duration)
    if match is None:
        raise Fault(INVALID_XML, f"{duration} is no duration", "w:InvalidParameter", sender=True)
    days, hours, minutes, seconds = (float(part or 0) for part in match.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds


_NAMESPACES = " ".join(f'xmlns:{prefix}="{NS[prefix]}"' for prefix in ("s", "a", "x", "n", "w", "rsp", "p"))


def envelope(action: str, relates_to: str, body: str) -> bytes:
    return (
        f'<s:Envelope xml:lang="en-US" {_NAMESPACES}><s:Header><a:Action>{action}</a:Action>'
        f"<a:MessageID>uuid:{str(uuid.uuid4()).upper()}</a:MessageID><a:To>{ANONYMOUS}</a:To>"
        f"<a:RelatesTo>{escape(relates_to)}</a:RelatesTo></s:Header><s:Body>{body}</s:Body></s:Envelope>"
    ).encode()


def fault_envelope(fault: Fault, relates_to: str, machine: str) -> bytes:
    prefix, _colon, _name = fault.subcode.partition(":")
    action = f"{NS['a']}/fault" if prefix == "a" else f"{NS['w']}/fault"
    if prefix == "w":
        action = "http://schemas.dmtf.org/wbem/wsman/1/wsman/fault"
    body = (
        f"<s:Fault><s:Code><s:Value>s:{'Sender' if fault.sender else 'Receiver'}</s:Value>"
        f"<s:Subcode><s:Value>{fault.subcode}</s:Value></s:Subcode></s:Code>"
        f'<s:Reason><s:Text xml:lang="en-US">{escape(fault.reason)} </s:Text></s:Reason>'
        f"<s:Detail>{_wmi_error(fault) if fault.wmi_error else _wsman_fault(fault, machine)}</s:Detail></s:Fault>"
    )
    return envelope(action, relates_to, body)


def _wsman_fault(fault: Fault, machine: str) -> str:
    message = escape(fault.reason)
    if fault.provider:
        message = (
            '<f:ProviderFault provider="WMI Provider" path="%systemroot%\\system32\\WsmWmiPl.dll">'
            f"{escape(fault.provider)}</f:ProviderFault>"
        )
    return (
        f'<f:WSManFault xmlns:f="{NS["f"]}" Code="{fault.code}" Machine={quoteattr(machine)}>'
        f"<f:Message>{message} </f:Message></f:WSManFault>"
    )


def _wmi_error(fault: Fault) -> str:
    return (
        f'<p:MSFT_WmiError xmlns:p="{WMI_ERROR}" xmlns:b="http://schemas.dmtf.org/wbem/wsman/1/cimbinding.xsd" '
        f'xmlns:cim="{NS["cim"]}" xmlns:xsi="{NS["xsi"]}" b:IsCIM_Error="true" xsi:type="p:MSFT_WmiError_Type">'
        f'<p:CIMStatusCode xsi:type="cim:cimUnsignedInt">1</p:CIMStatusCode>'
        f'<p:Message xsi:type="cim:cimString">{escape(fault.reason)} </p:Message>'
        f'<p:MessageID xsi:type="cim:cimString">HRESULT 0x{fault.code:08x}</p:MessageID>'
        f'<p:error_Category xsi:type="cim:cimUnsignedShort">0</p:error_Category>'
        f'<p:error_Code xsi:type="cim:cimUnsignedInt">{fault.code}</p:error_Code>'
        f'<p:error_Type xsi:type="cim:cimString">HRESULT</p:error_Type></p:MSFT_WmiError>'
    )


def is_identify(message: Message) -> bool:
    """The request that asks only who is there."""
    return message.body is not None and message.body.tag == f"{{{NS['i']}}}Identify"


def identify_envelope(version: str) -> bytes:
    body = (
        f'<i:IdentifyResponse xmlns:i="{NS["i"]}">'
        "<i:ProtocolVersion>http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd</i:ProtocolVersion>"
        "<i:ProductVendor>Microsoft Corporation</i:ProductVendor>"
        f"<i:ProductVersion>OS: {escape(version)} SP: 0.0 Stack: 3.0</i:ProductVersion></i:IdentifyResponse>"
    )
    return f'<s:Envelope xml:lang="en-US" xmlns:s="{NS["s"]}"><s:Header/><s:Body>{body}</s:Body></s:Envelope>'.encode()
