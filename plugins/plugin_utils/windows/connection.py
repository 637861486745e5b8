# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A connection plugin's options as pywinrm's arguments. Private to lockstep.backup: not a public interface."""

from __future__ import annotations

import contextlib
import inspect
import ipaddress
import typing as t
import urllib.parse

from ansible.plugins.connection import ConnectionBase

from ansible_collections.lockstep.backup.plugins.plugin_utils.windows.wsman import Settings

with contextlib.suppress(ImportError):  # on_host.py reports a missing pywinrm, when it is needed
    from winrm.protocol import Protocol

_DEFAULT_READ_MARGIN = 10
"""Seconds that the HTTP read may last beyond the operation's own time-out, as the winrm connection plugin has it."""

_PSRP_TRANSPORTS = {"negotiate": "ntlm"}
"""Where pywinrm has another name for an authentication of psrp. It negotiates nothing but NTLM."""


def settings_of(connection: ConnectionBase) -> Settings:
    """The settings of a winrm or psrp connection, whichever variables, keywords or command-line options they came from."""
    return _from_psrp(connection) if connection.transport == "psrp" else _from_winrm(connection)


def _endpoint(scheme: str, host: str, port: int, path: str) -> str:
    try:
        shown = f"[{host}]" if ipaddress.ip_address(host).version == 6 else host
    except ValueError:
        shown = host
    return urllib.parse.urlunsplit((scheme, f"{shown}:{port}", path, "", ""))


def _from_winrm(connection: ConnectionBase) -> Settings:
    option = connection.get_option
    user, password, port = option("remote_user"), option("remote_password"), int(option("port"))
    scheme = option("scheme") or ("http" if port == 5985 else "https")
    transports = [transport for transport in option("transport") or [] if transport]
    if not transports:
        transports = ["kerberos"] if "@" in (user or "") else ["ssl" if scheme == "https" else "plaintext"]
    arguments: dict[str, t.Any] = {"username": user, "password": password}
    own = {"self", "endpoint", "transport", "username", "password"}
    accepted = set(inspect.signature(Protocol.__init__).parameters) - own
    for name, value in (option("_extras") or {}).items():
        argument = name.removeprefix("ansible_winrm_")
        if argument in accepted:
            arguments[argument] = value
    if option("connection_timeout"):
        arguments["operation_timeout_sec"] = option("connection_timeout")
        arguments["read_timeout_sec"] = option("connection_timeout") + _DEFAULT_READ_MARGIN
    if "kerberos" in transports and _managed_kerberos(option("kerberos_mode"), password):
        _kinit(connection, user, password)
    return Settings(_endpoint(scheme, option("remote_addr"), port, option("path")), tuple(transports), arguments)


def _managed_kerberos(mode: str | None, password: str | None) -> bool:
    return mode == "managed" or (mode is None and bool(password))


def _kinit(connection: ConnectionBase, user: str, password: str) -> None:
    """Let ansible-core's own plugin get the ticket: it knows kinit's options, and keeps the cache private to this worker."""
    plugin: t.Any = connection
    plugin._kinit_cmd = connection.get_option("kerberos_command")
    plugin._kerb_auth(user, password)


def _from_psrp(connection: ConnectionBase) -> Settings:
    option = connection.get_option
    scheme, port = option("protocol"), option("port")
    if scheme is None:
        scheme = "http" if port and int(port) == 5985 else "https"
    port = int(port or (5986 if scheme == "https" else 5985))
    transport = _PSRP_TRANSPORTS.get(option("auth"), option("auth"))
    arguments: dict[str, t.Any] = {
        "username": option("remote_user"),
        "password": option("remote_password"),
        "server_cert_validation": option("cert_validation"),
        "operation_timeout_sec": option("operation_timeout"),
        "read_timeout_sec": option("operation_timeout") + _DEFAULT_READ_MARGIN,
        "message_encryption": option("message_encryption"),
        "send_cbt": option("negotiate_send_cbt"),
        "kerberos_delegation": bool(option("negotiate_delegate")),
        "credssp_disable_tlsv1_2": bool(option("credssp_disable_tlsv1_2")),
    }
    if option("ca_cert"):
        arguments["ca_trust_path"] = option("ca_cert")
    if option("ignore_proxy"):
        arguments["proxy"] = None
    elif option("proxy"):
        arguments["proxy"] = option("proxy")
    if transport == "certificate":
        arguments |= {"cert_pem": option("certificate_pem"), "cert_key_pem": option("certificate_key_pem")}
    if transport == "kerberos" and option("negotiate_hostname_override"):
        arguments["kerberos_hostname_override"] = option("negotiate_hostname_override")
    return Settings(_endpoint(scheme, option("remote_addr"), port, option("path")), (transport,), arguments)
