# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host answers that is no answer, told as an error with a code."""

from __future__ import annotations

import typing as t

import pytest
import winrm.exceptions
import winrm.transport
from winrm.transport import Transport

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.plugin_utils.windows import wsman
from ansible_collections.lockstep.backup.plugins.plugin_utils.windows.wsman import CIMV2, Session, Settings

SETTINGS = Settings("http://127.0.0.1:5985/wsman", ("basic",), {"username": "user", "password": "password"})


class Answering:
    """In place of pywinrm's protocol: each request gets the next answer."""

    def __init__(self, *answers: Exception) -> None:
        self.answers, self.requests = list(answers), 0
        self.transport = Transport(
            SETTINGS.endpoint, username="user", password="password", auth_method="basic", server_cert_validation="ignore"
        )

    def __call__(self, *arguments: t.Any, **options: t.Any) -> Answering:
        return self

    def send_message(self, message: str) -> bytes:
        self.requests += 1
        raise self.answers.pop(0)


def fault(code: int) -> winrm.exceptions.WSManFaultError:
    return winrm.exceptions.WSManFaultError(500, "fault", "", "the host's own words", wsman_fault_code=code)


def slug_of(monkeypatch: pytest.MonkeyPatch, protocol: Answering, work: t.Callable[[Session], object]) -> str:
    monkeypatch.setattr(wsman, "Protocol", protocol)
    with pytest.raises(LockstepError) as caught:
        work(Session("aes1", SETTINGS))
    assert "aes1" in caught.value.message
    return caught.value.slug


def test_a_host_that_works_longer_than_the_operation_may_take_has_timed_out(monkeypatch: pytest.MonkeyPatch) -> None:
    protocol = Answering(winrm.exceptions.WinRMOperationTimeoutError())
    assert slug_of(monkeypatch, protocol, lambda session: session.query(CIMV2, "SELECT Name FROM Win32_Service")) == "host_timeout"
    assert protocol.requests == 1


def test_a_method_of_what_is_gone_says_so_and_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    protocol = Answering(fault(2150858752))
    asked = slug_of(monkeypatch, protocol, lambda session: session.invoke(f"{CIMV2}/Win32_Service", "StopService", {"Name": "X"}))
    assert (asked, protocol.requests) == ("instance_not_found", 1)


def test_an_instance_that_is_not_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wsman, "Protocol", Answering(fault(2150858752)))
    assert Session("aes1", SETTINGS).get(f"{CIMV2}/Win32_Service", {"Name": "X"}) is None


def test_the_environment_is_asked_for_a_proxy_once_and_not_for_every_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:3128")
    monkeypatch.setenv("NO_PROXY", "localhost")
    monkeypatch.setattr(winrm.transport, "DISPLAYED_PROXY_WARNING", True)
    protocol = Answering(fault(5))
    slug_of(monkeypatch, protocol, lambda session: session.get(f"{CIMV2}/Win32_Service", {"Name": "A"}))
    session = protocol.transport.session
    assert session is not None
    assert session.proxies["http"] == "http://127.0.0.1:3128"
    assert not session.trust_env
