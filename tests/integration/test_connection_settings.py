# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a connection's variables become in pywinrm, with ansible-core's real connection plugins and pywinrm's real objects."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
from ansible import constants
from ansible.playbook.play_context import PlayContext
from ansible.plugins.connection import ConnectionBase
from ansible.plugins.loader import connection_loader
from winrm.protocol import Protocol
from winrm.transport import Transport

from ansible_collections.lockstep.backup.plugins.plugin_utils.windows.connection import settings_of
from ansible_collections.lockstep.backup.plugins.plugin_utils.windows.wsman import Settings

BASE: t.Mapping[str, t.Any] = {"ansible_host": "host.example", "ansible_user": "user", "ansible_password": "secret"}


def connection(plugin: str, **variables: t.Any) -> ConnectionBase:
    """As the executor makes it for a task, from the host's variables."""
    found = connection_loader.get(plugin, PlayContext())
    assert isinstance(found, ConnectionBase)
    given = {**BASE, **variables}
    if found.allow_extras:
        known = constants.config.get_plugin_vars("connection", plugin)
        prefix = f"ansible_{plugin}_"
        given["_extras"] = {name: value for name, value in given.items() if name.startswith(prefix) and name not in known}
    found.set_options(var_options=given)
    return found


def winrm(**variables: t.Any) -> Settings:
    return settings_of(connection("winrm", **{f"ansible_{name}": value for name, value in variables.items()}))


def psrp(**variables: t.Any) -> Settings:
    return settings_of(connection("psrp", **{f"ansible_{name}": value for name, value in variables.items()}))


def transport(settings: Settings) -> Transport:
    """What pywinrm makes of them; nothing is sent."""
    (name,) = settings.transports
    found: Transport = Protocol(settings.endpoint, transport=t.cast(t.Any, name), **settings.arguments).transport
    return found


@pytest.fixture
def certificate(tmp_path: pathlib.Path) -> dict[str, str]:
    """The files of a client certificate; nobody reads them here."""
    paths = {"cert_pem": tmp_path / "client.pem", "cert_key_pem": tmp_path / "client.key"}
    for path in paths.values():
        path.touch()
    return {name: str(path) for name, path in paths.items()}


# winrm


@pytest.mark.parametrize(
    ("variables", "endpoint", "transports"),
    [
        ({}, "https://host.example:5986/wsman", ("ssl",)),
        ({"port": 5985}, "http://host.example:5985/wsman", ("plaintext",)),
        ({"winrm_scheme": "http", "port": 8080}, "http://host.example:8080/wsman", ("plaintext",)),
        ({"winrm_path": "/other", "winrm_transport": "ntlm"}, "https://host.example:5986/other", ("ntlm",)),
        ({"host": "2001:db8::1", "winrm_transport": "basic"}, "https://[2001:db8::1]:5986/wsman", ("basic",)),
        (
            {"winrm_transport": ["kerberos", "ntlm"], "winrm_kinit_mode": "manual"},
            "https://host.example:5986/wsman",
            ("kerberos", "ntlm"),
        ),
        ({"winrm_transport": "credssp"}, "https://host.example:5986/wsman", ("credssp",)),
    ],
)
def test_endpoint_and_transports_are_those_of_the_connection_plugin(
    variables: dict[str, t.Any], endpoint: str, transports: tuple[str, ...]
) -> None:
    settings = winrm(**variables)
    assert (settings.endpoint, settings.transports) == (endpoint, transports)


def test_basic_and_ntlm_get_user_password_and_the_authority(tmp_path: pathlib.Path) -> None:
    for name in ("basic", "ntlm"):
        made = transport(winrm(winrm_transport=name, winrm_ca_trust_path="/ca.pem", winrm_message_encryption="always"))
        assert (made.auth_method, made.username, made.password) == (name, "user", "secret")
        assert (made.ca_trust_path, made.server_cert_validation, made.message_encryption) == ("/ca.pem", "validate", "always")


def test_a_client_certificate_reaches_pywinrm(certificate: dict[str, str]) -> None:
    variables = {f"winrm_{name}": path for name, path in certificate.items()}
    made = transport(winrm(winrm_transport="certificate", **variables))
    assert (made.auth_method, made.cert_pem, made.cert_key_pem) == (
        "certificate",
        certificate["cert_pem"],
        certificate["cert_key_pem"],
    )


def test_every_extra_variable_that_pywinrm_knows_reaches_it_and_others_do_not() -> None:
    made = transport(
        winrm(
            winrm_transport="credssp",
            winrm_server_cert_validation="ignore",
            winrm_credssp_disable_tlsv1_2=True,
            winrm_kerberos_delegation="yes",
            winrm_kerberos_hostname_override="other.example",
            winrm_service="WSMAN",
            winrm_send_cbt=False,
            winrm_proxy="http://proxy.example:3128",
            winrm_operation_timeout_sec=40,
            winrm_read_timeout_sec=70,
            winrm_nonsense="ignored",
        )
    )
    assert made.server_cert_validation == "ignore"
    assert made.credssp_disable_tlsv1_2 is True
    assert made.kerberos_delegation is True
    assert made.kerberos_hostname_override == "other.example"
    assert (made.service, made.send_cbt, made.proxy) == ("WSMAN", False, "http://proxy.example:3128")
    assert made.read_timeout_sec == 70


def test_the_connection_time_out_bounds_operations() -> None:
    settings = winrm(winrm_transport="ntlm", winrm_connection_timeout=90)
    assert settings.arguments["operation_timeout_sec"] == 90
    assert transport(settings).read_timeout_sec == 100


@pytest.mark.parametrize(
    ("variables", "asked"),
    [
        ({"winrm_transport": "kerberos"}, True),
        ({"winrm_transport": "kerberos", "winrm_kinit_mode": "managed"}, True),
        ({"winrm_transport": "kerberos", "winrm_kinit_mode": "manual"}, False),
        ({"winrm_transport": "kerberos", "password": None}, False),
        ({"user": "user@EXAMPLE.ORG"}, True),
        ({"winrm_transport": "ntlm"}, False),
    ],
)
def test_a_kerberos_ticket_is_got_by_ansibles_own_plugin_where_it_manages_tickets(variables: dict[str, t.Any], asked: bool) -> None:
    made = connection(
        "winrm", **{f"ansible_{name}": value for name, value in variables.items()}, ansible_winrm_kinit_cmd="/opt/kinit"
    )
    tickets = []
    plugin: t.Any = made
    plugin._kerb_auth = lambda principal, password: tickets.append((plugin._kinit_cmd, principal, password))
    settings = settings_of(made)
    assert settings.transports == (("ntlm",) if variables.get("winrm_transport") == "ntlm" else ("kerberos",))
    assert tickets == ([("/opt/kinit", variables.get("user", "user"), "secret")] if asked else [])


# psrp


@pytest.mark.parametrize(
    ("variables", "endpoint", "name"),
    [
        ({}, "https://host.example:5986/wsman", "ntlm"),
        ({"psrp_protocol": "http"}, "http://host.example:5985/wsman", "ntlm"),
        ({"port": 5985}, "http://host.example:5985/wsman", "ntlm"),
        ({"psrp_port": 443, "psrp_path": "other"}, "https://host.example:443/other", "ntlm"),
        ({"psrp_auth": "basic"}, "https://host.example:5986/wsman", "basic"),
        ({"psrp_auth": "kerberos"}, "https://host.example:5986/wsman", "kerberos"),
        ({"psrp_auth": "credssp"}, "https://host.example:5986/wsman", "credssp"),
    ],
)
def test_a_psrp_host_is_reached_where_its_variables_say(variables: dict[str, t.Any], endpoint: str, name: str) -> None:
    settings = psrp(**variables)
    assert (settings.endpoint, settings.transports) == (endpoint, (name,))
    assert (settings.arguments["username"], settings.arguments["password"]) == ("user", "secret")


def test_psrp_variables_reach_pywinrm_under_its_own_names() -> None:
    settings = psrp(
        psrp_auth="kerberos",
        psrp_cert_validation="ignore",
        psrp_ca_cert="/ca.pem",
        psrp_message_encryption="always",
        psrp_negotiate_delegate=True,
        psrp_negotiate_hostname_override="other.example",
        psrp_negotiate_send_cbt=False,
        psrp_operation_timeout=50,
        psrp_proxy="http://proxy.example:3128",
        psrp_credssp_disable_tlsv1_2=True,
    )
    made = transport(settings)
    assert (made.server_cert_validation, made.ca_trust_path, made.message_encryption) == ("ignore", "/ca.pem", "always")
    assert (made.kerberos_delegation, made.kerberos_hostname_override, made.send_cbt) == (True, "other.example", False)
    assert (settings.arguments["operation_timeout_sec"], made.read_timeout_sec) == (50, 60)
    assert (made.proxy, made.credssp_disable_tlsv1_2) == ("http://proxy.example:3128", True)
    assert transport(psrp(psrp_ignore_proxy=True)).proxy is None
    assert transport(psrp()).proxy == "legacy_requests"


def test_a_client_certificate_of_psrp_reaches_pywinrm(certificate: dict[str, str]) -> None:
    made = transport(
        psrp(
            psrp_auth="certificate",
            psrp_certificate_pem=certificate["cert_pem"],
            psrp_certificate_key_pem=certificate["cert_key_pem"],
        )
    )
    assert (made.auth_method, made.cert_pem, made.cert_key_pem) == (
        "certificate",
        certificate["cert_pem"],
        certificate["cert_key_pem"],
    )
