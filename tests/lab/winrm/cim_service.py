# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The CIM half of the endpoint: Get, Enumerate, Pull, Release, Invoke."""

from __future__ import annotations

import dataclasses
import re
import threading
import typing as t
import uuid

from tests.lab.windows import cim_classes
from tests.lab.windows.cim import Call, CimClass, CimError, FullScan, Instance
from tests.lab.windows.machine import Machine
from tests.lab.windows.users import User
from tests.lab.winrm import cim_xml, soap, wql
from tests.lab.winrm.soap import NS, Fault, Message

WMI_PREFIX = "http://schemas.microsoft.com/wbem/wsman/1/wmi/"
WQL_DIALECT = "http://schemas.microsoft.com/wbem/wsman/1/WQL"
GET, ENUMERATE, PULL = f"{NS['x']}/Get", f"{NS['n']}/Enumerate", f"{NS['n']}/Pull"
RELEASE = f"{NS['n']}/Release"
PAGE_OVERHEAD = 3000
"""Bytes of an envelope around its items, generously."""


@dataclasses.dataclass
class Answer:
    action: str
    body: str


@dataclasses.dataclass
class Plan:
    """A request that was understood: what to log, and how to execute it."""

    text: str
    mutating: bool
    run: t.Callable[[], Answer]


class CimService:
    """CIM operations on one machine. Enumeration contexts live until their end or release."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._contexts: dict[str, list[str]] = {}
        self._lock = threading.Lock()

    def open_enumerations(self) -> int:
        return len(self._contexts)

    def plan(self, message: Message, user: User) -> Plan:
        namespace, _slash, class_name = message.resource[len(WMI_PREFIX) :].rstrip("/").lower().rpartition("/")
        if message.action == PULL:
            return Plan("Pull", False, lambda: self._pull(message))
        if message.action == RELEASE:
            return Plan("Release", False, lambda: self._release(message))
        if message.action == ENUMERATE:
            return self._plan_enumerate(message, namespace, class_name)
        found = self._class(namespace, class_name)
        if message.action == GET:
            return Plan(f"Get {found.name} {_shown(message.selectors)}", False, lambda: self._get(message, found))
        prefix, _slash, method = message.action.rpartition("/")
        known = found.method(method)
        if prefix.lower() != message.resource.rstrip("/").lower() or known is None:
            self._machine.report_unknown("action", f"{message.action} on {message.resource}")
            raise Fault(
                soap.UNSUPPORTED_ACTION, f"The action {message.action} is not supported", "a:ActionNotSupported", sender=True
            )
        arguments = _arguments(message)
        text = f"Invoke {found.name}.{known[0]} {_shown(message.selectors)} {_shown(arguments)}".strip()
        return Plan(text, known[1].changes, lambda: self._invoke(message, user, found, known[0], arguments))

    def _class(self, namespace: str, name: str) -> CimClass:
        found = cim_classes.CLASSES.get((namespace, name))
        if found is None:
            self._machine.report_unknown("class", f"{namespace}/{name}")
            raise Fault(
                soap.UNKNOWN_RESOURCE,
                f"The class {name} does not exist in the {namespace} namespace.",
                "a:DestinationUnreachable",
                sender=True,
            )
        return found

    # one instance
    def _instance(self, message: Message, found: CimClass) -> Instance:
        names = {name.lower() for name in message.selectors}
        if names != {key.lower() for key in found.keys}:
            raise Fault(soap.INVALID_SELECTORS, "The selectors for the resource are not valid.", "w:InvalidSelectors", sender=True)
        instance = found.get(self._machine, message.selectors)
        if instance is None:
            raise Fault(
                soap.NOT_FOUND,
                "The WS-Management service cannot process the request. The service cannot find the resource identified by the "
                "resource URI and selectors.",
                "a:DestinationUnreachable",
                sender=True,
            )
        return instance

    def _get(self, message: Message, found: CimClass) -> Answer:
        instance = self._instance(message, found)
        return Answer(GET + "Response", cim_xml.instance_xml(found.namespace, found.name, instance))

    def _invoke(self, message: Message, user: User, found: CimClass, name: str, arguments: dict[str, str]) -> Answer:
        method = found.methods[name]
        strange = {argument.lower() for argument in arguments} - {parameter.lower() for parameter in method.parameters}
        if strange:
            self._machine.report_unknown("argument", f"{found.name}.{name}: {', '.join(sorted(strange))}")
            raise _provider_fault(0x80041008, f"Invalid parameter {', '.join(sorted(strange))}")
        if method.static and message.selectors:
            raise Fault(soap.INVALID_SELECTORS, "A static method takes no selectors.", "w:InvalidSelectors", sender=True)
        instance = None if method.static else self._instance(message, found)
        lowered = {argument.lower(): value for argument, value in arguments.items()}
        try:
            values = method.run(Call(self._machine, user, instance, lowered))
        except CimError as error:
            raise Fault(error.code, error.text, wmi_error=True) from None
        return Answer(message.action + "Response", cim_xml.output_xml(found.namespace, found.name, name, values))

    # enumerations
    def _plan_enumerate(self, message: Message, namespace: str, class_name: str) -> Plan:
        body = message.body
        query = None
        if body is not None:
            element = body.find("w:Filter", NS)
            if element is not None:
                if element.get("Dialect", "").lower() != WQL_DIALECT.lower():
                    self._machine.report_unknown("filter", element.get("Dialect", ""))
                    raise Fault(
                        2150858845, "The filter dialect is not supported.", "n:FilterDialectRequestedUnavailable", sender=True
                    )
                query = (element.text or "").strip()
        if query is None:
            query = f"SELECT * FROM {class_name}"  # noqa: S608 - WQL of the lab's own
        return Plan(f"Enumerate {query}", False, lambda: self._enumerate(message, namespace, class_name, query))

    def _enumerate(self, message: Message, namespace: str, class_name: str, query: str) -> Answer:
        items = self._query(namespace, class_name, query)
        body = message.body
        optimized = body is not None and body.find("w:OptimizeEnumeration", NS) is not None
        context = str(uuid.uuid4()).upper()
        with self._lock:
            self._contexts[context] = items
        if not optimized:
            return Answer(
                ENUMERATE + "Response",
                f"<n:EnumerateResponse><n:EnumerationContext>uuid:{context}</n:EnumerationContext></n:EnumerateResponse>",
            )
        page = self._page(context, _max_elements(message, 1), message.largest_answer)
        # Even when nothing is left, real hosts hand out a context and want one more Pull.
        return Answer(
            ENUMERATE + "Response",
            f"<n:EnumerateResponse><n:EnumerationContext>uuid:{context}</n:EnumerationContext>"
            f"<w:Items>{''.join(page)}</w:Items></n:EnumerateResponse>",
        )

    def _query(self, namespace: str, class_name: str, query: str) -> list[str]:
        try:
            parsed = wql.parse(query)
            if isinstance(parsed, wql.Associators):
                return self._associated(namespace, class_name, parsed)
            if class_name not in ("*", parsed.class_name.lower()):
                raise wql.WqlError(f"{parsed.class_name} asked of {class_name}")
            found = self._class(namespace, parsed.class_name.lower())
            instances = [
                instance
                for instance in found.find(self._machine, parsed.constraints())
                if parsed.condition is None or parsed.condition.holds(instance)
            ]
            if parsed.columns is None:
                return [cim_xml.instance_xml(found.namespace, found.name, instance) for instance in instances]
            return [cim_xml.fragment_xml(parsed.columns, instance) for instance in instances]
        except KeyError as error:
            raise _provider_fault(soap.INVALID_QUERY, f"Invalid query: no property {error}") from None
        except FullScan:
            self._machine.report_unknown("query", f"reads a whole disk: {query}")
            raise _provider_fault(0x80041001, "The lab does not read whole disks") from None
        except wql.WqlError as error:
            if isinstance(error, wql.UnknownWql) or not re.search(r"no property", str(error)):
                self._machine.report_unknown("query", str(error))
            raise _provider_fault(soap.INVALID_QUERY, f"Invalid query {error}") from None

    def _associated(self, namespace: str, class_name: str, parsed: wql.Associators) -> list[str]:
        options = dict(parsed.options)
        association = options.pop("assocclass", "").lower()
        role = options.pop("role", "").lower() or None
        if (parsed.class_name.lower(), parsed.key.lower(), association) != (
            "win32_service",
            "name",
            "win32_dependentservice",
        ) or options:
            raise wql.UnknownWql(f"associators of {parsed}")
        if namespace != "root/cimv2" or class_name != "*" or role not in (None, "antecedent", "dependent"):
            raise wql.UnknownWql(f"associators asked of {namespace}/{class_name}, role {role}")
        instances = cim_classes.associators(self._machine, parsed.value, role)
        if instances is None:
            raise _provider_fault(0x80041002, "Not found")
        return [cim_xml.instance_xml(namespace, "Win32_Service", instance) for instance in instances]

    def _page(self, context: str, elements: int, largest: int) -> list[str]:
        """The next items: at most ``elements``, and as many as fit into ``largest`` bytes."""
        with self._lock:
            left = self._contexts[context]
            page: list[str] = []
            size = PAGE_OVERHEAD
            while left and len(page) < elements:
                size += len(left[0].encode())
                if size > largest and page:
                    break
                if size > largest:
                    raise Fault(2150858893, "The response exceeds the maximum envelope size.", "w:EncodingLimit")
                page.append(left.pop(0))
            return page

    def _context(self, message: Message) -> str:
        text = message.body.findtext("n:EnumerationContext", "", NS) if message.body is not None else ""
        context = text.strip().rpartition(":")[2]
        if context not in self._contexts:
            raise Fault(soap.INVALID_CONTEXT, "The enumeration context is not valid.", "n:InvalidEnumerationContext", sender=True)
        return context

    def _pull(self, message: Message) -> Answer:
        context = self._context(message)
        page = self._page(context, _max_elements(message, 1), message.largest_answer)
        with self._lock:
            ended = not self._contexts[context]
            if ended:
                del self._contexts[context]
        rest = "<n:EndOfSequence/>" if ended else ""
        head = "" if ended else f"<n:EnumerationContext>uuid:{context}</n:EnumerationContext>"
        return Answer(PULL + "Response", f"<n:PullResponse>{head}<n:Items>{''.join(page)}</n:Items>{rest}</n:PullResponse>")

    def _release(self, message: Message) -> Answer:
        context = self._context(message)
        with self._lock:
            del self._contexts[context]
        return Answer(RELEASE + "Response", "")


def _provider_fault(code: int, text: str) -> Fault:
    return Fault(code, text, "w:InternalError", provider=text)


def _max_elements(message: Message, default: int) -> int:
    if message.body is None:
        return default
    for prefix in ("w", "n"):
        text = message.body.findtext(f"{prefix}:MaxElements", None, NS)
        if text is not None:
            return max(1, int(text))
    return default


def _arguments(message: Message) -> dict[str, str]:
    """The input parameters; null ones (xsi:nil) are left out."""
    if message.body is None:
        return {}
    return {
        soap.local_name(child): child.text or ""
        for child in message.body
        if child.get(f"{{{NS['xsi']}}}nil", "").lower() not in ("true", "1")
    }


def _shown(values: t.Mapping[str, str]) -> str:
    return " ".join(f"{name}={value}" for name, value in values.items())
