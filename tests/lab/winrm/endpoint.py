# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The WinRM service of one simulated machine: an address, ways to log on, and what answers."""

from __future__ import annotations

import ssl
import time
import typing as t

from tests.lab.windows.machine import Machine
from tests.lab.windows.users import User
from tests.lab.winrm import soap
from tests.lab.winrm.auth import Admitted, Gate, NtlmStore
from tests.lab.winrm.cim_service import ENUMERATE, WMI_PREFIX, Answer, CimService
from tests.lab.winrm.http import Acceptor, HttpRequest, HttpResponse, Listener
from tests.lab.winrm.shells import CMD_RESOURCE, COMMAND, CREATE, MAX_OPERATIONS_PER_USER, RECEIVE, ShellService
from tests.lab.winrm.soap import Fault, Message

HTTP_PORT, HTTPS_PORT = 5985, 5986


class Endpoint:
    """``tls`` gives the server's context of the moment (None: plain HTTP, where messages must be encrypted)."""

    def __init__(
        self,
        machine: Machine,
        acceptor: Acceptor,
        address: str,
        *,
        basic: bool,
        ntlm: NtlmStore | None,
        tls: t.Callable[[], ssl.SSLContext] | None = None,
    ) -> None:
        self.machine = machine
        self.address = address
        self.port = HTTP_PORT if tls is None else HTTPS_PORT
        self.url = f"{'http' if tls is None else 'https'}://{address}:{self.port}/wsman"
        self.cim = CimService(machine)
        self.shells = ShellService(machine)
        self._basic, self._ntlm, self._tls = basic, ntlm, tls
        self._acceptor = acceptor
        self._listener = Listener((address, self.port), self._new_exchange, tls, self._largest_body)
        machine.on_faults.append(self._faults_changed)

    def open(self) -> None:
        if self._listener.socket is None:
            self._acceptor.open(self._listener)

    def close(self) -> None:
        self._acceptor.close_listener(self._listener)

    def _faults_changed(self) -> None:
        if self.machine.faults.on("unreachable"):
            self.close()
        elif self._listener.socket is None:
            self.open()

    def _largest_body(self) -> int:
        # What encryption adds (signature and MIME headers) does not count.
        return int(self.machine.faults.number("quota_envelope", soap.LARGEST_ENVELOPE)) + 1024

    def _new_exchange(self) -> t.Callable[[HttpRequest], HttpResponse | None]:
        gate = Gate(self.machine.users, self._basic, self._ntlm, encrypted_only=self._tls is None)
        return lambda request: self._exchange(gate, request)

    def _exchange(self, gate: Gate, request: HttpRequest) -> HttpResponse | None:
        if request.path.split("?")[0] != "/wsman":
            return HttpResponse(404)
        if request.method != "POST":
            return HttpResponse(405)
        admitted = gate.admit(request)
        if isinstance(admitted, HttpResponse):
            return admitted
        if not admitted.body:
            return HttpResponse(200)
        return self._serve(admitted)

    def _serve(self, admitted: Admitted) -> HttpResponse | None:
        faults = self.machine.faults
        message_id = ""
        try:
            message = soap.parse(admitted.body)
            if soap.is_identify(message):
                return admitted.wrap(200, soap.identify_envelope(self.machine.version))
            message_id = message.message_id
            if faults.on("slow"):
                time.sleep(faults.number("slow", 0.1))
            if message.action != RECEIVE and faults.count_down("drop_before"):
                return None
            if faults.on("access_denied"):
                raise Fault(soap.ACCESS_DENIED, "Access is denied.", "w:AccessDenied", sender=True)
            dropped = message.action != RECEIVE and faults.count_down("drop_after")
            answer = self._execute(message, admitted.user)
            if dropped:
                return None
            return admitted.wrap(200, soap.envelope(answer.action, message_id, answer.body))
        except Fault as fault:
            return admitted.wrap(500, soap.fault_envelope(fault, message_id, self.machine.name.upper()))

    def _execute(self, message: Message, user: User) -> Answer:
        recorder, name = self.machine.recorder, self.machine.name
        if message.resource.startswith(WMI_PREFIX):
            if message.action == ENUMERATE:
                self._check_operations(user)
            plan = self.cim.plan(message, user)
            request = recorder.begin(name, "cim", plan.text, plan.mutating, user.name)
            try:
                return plan.run()
            finally:
                recorder.end(request)
        if message.resource == CMD_RESOURCE:
            kind, text, mutating = self.shells.describe(message)
            request = recorder.begin(name, kind, text, mutating, user.name)
            started = False
            try:
                answer = self.shells.handle(message, user, request)
                started = message.action == COMMAND
                return answer
            finally:
                # A command's end is reported by its process.
                if not started:
                    recorder.end(request)
        self.machine.report_unknown("resource", f"{message.action} on {message.resource}")
        reason = f"The resource URI {message.resource} was not found in the WS-Management catalog."
        if message.action == CREATE:
            reason = "The service is configured to not accept any remote shell requests."
        raise Fault(soap.UNKNOWN_RESOURCE, reason, "a:DestinationUnreachable", sender=True)

    def _check_operations(self, user: User) -> None:
        if self.shells.operations(user) + self.cim.open_enumerations() >= MAX_OPERATIONS_PER_USER or self.machine.faults.on(
            "quota_operations"
        ):
            raise soap.too_many_operations(MAX_OPERATIONS_PER_USER, wmi_error=True)
