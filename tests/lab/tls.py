# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The certificate that a machine shows at the moment: its own, or a bad one while a fault is on."""

from __future__ import annotations

import ssl

from tests.lab.certificates import Authority
from tests.lab.windows.machine import Machine


class ServerCertificate:
    def __init__(self, machine: Machine, address: str, authority: Authority, stranger: Authority) -> None:
        self._machine, self._address, self._authority, self._stranger = machine, address, authority, stranger
        self._contexts: dict[str, ssl.SSLContext] = {}

    def context(self) -> ssl.SSLContext:
        """Asked for each new connection."""
        kinds = ("certificate_untrusted", "certificate_expired", "certificate_wrong_name")
        kind = next((kind for kind in kinds if self._machine.faults.on(kind)), "")
        if kind not in self._contexts:
            self._contexts[kind] = self._make(kind)
        return self._contexts[kind]

    def _make(self, kind: str) -> ssl.SSLContext:
        name = self._machine.name
        if kind == "certificate_untrusted":
            return self._stranger.server_context(name, self._address)
        if kind == "certificate_wrong_name":
            return self._authority.server_context("another-host", "127.255.255.254")
        return self._authority.server_context(name, self._address, expired=kind == "certificate_expired")
