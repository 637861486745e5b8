# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's private certificate authority and the servers' certificates, good ones and bad ones."""

from __future__ import annotations

import datetime
import ipaddress
import pathlib
import ssl

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_DAY = datetime.timedelta(days=1)
_PEM = serialization.Encoding.PEM


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


class Authority:
    """A certificate authority kept in ``folder`` (``ca.pem``, ``ca.key``); made where there is none that lasts."""

    def __init__(self, folder: pathlib.Path, common_name: str = "Lockstep lab CA") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.certificate_path = folder / "ca.pem"
        self._common_name = common_name
        self._key, self._certificate = self._kept() or self._make()

    def _kept(self) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate] | None:
        key_path = self.folder / "ca.key"
        if not (key_path.is_file() and self.certificate_path.is_file()):
            return None
        certificate = x509.load_pem_x509_certificate(self.certificate_path.read_bytes())
        key = serialization.load_pem_private_key(key_path.read_bytes(), None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            return None
        lasts = certificate.not_valid_after_utc > datetime.datetime.now(datetime.UTC) + 30 * _DAY
        return (key, certificate) if lasts else None

    def _make(self) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
        key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.datetime.now(datetime.UTC)
        usage = x509.KeyUsage(
            digital_signature=True,
            key_cert_sign=True,
            crl_sign=True,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            encipher_only=False,
            decipher_only=False,
        )
        certificate = (
            x509.CertificateBuilder()
            .subject_name(_name(self._common_name))
            .issuer_name(_name(self._common_name))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - _DAY)
            .not_valid_after(now + 365 * _DAY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(key, hashes.SHA256())
        )
        key_path = self.folder / "ca.key"
        key_path.touch(mode=0o600)
        key_path.write_bytes(_key_pem(key))
        self.certificate_path.write_bytes(certificate.public_bytes(_PEM))
        return key, certificate

    def server_context(self, name: str, address: str, expired: bool = False) -> ssl.SSLContext:
        """A server's TLS context with a new certificate for this name and address."""
        key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.datetime.now(datetime.UTC)
        until = now - _DAY if expired else now + 30 * _DAY
        names = x509.SubjectAlternativeName([x509.DNSName(name), x509.IPAddress(ipaddress.ip_address(address))])
        certificate = (
            x509.CertificateBuilder()
            .subject_name(_name(name))
            .issuer_name(self._certificate.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - 10 * _DAY)
            .not_valid_after(until)
            .add_extension(names, critical=False)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        # The ssl module reads keys from files only.
        path = self.folder / f"{name}{'-expired' if expired else ''}.pem"
        path.touch(mode=0o600)
        path.write_bytes(_key_pem(key) + certificate.public_bytes(_PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context
