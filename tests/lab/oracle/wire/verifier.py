# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The server's side of a password login, verifier 12c. Few rounds of key stretching: this protects nothing."""

from __future__ import annotations

import hashlib
import os

from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

VERIFIER_12C = 0x4815
VERIFIER_ROUNDS, SESSION_ROUNDS = 16, 1


def _encrypt(key: bytes, data: bytes) -> bytes:
    worker = Cipher(algorithms.AES(key), modes.CBC(bytes(16))).encryptor()
    return worker.update(data) + worker.finalize()


def _decrypt(key: bytes, data: bytes) -> bytes:
    worker = Cipher(algorithms.AES(key), modes.CBC(bytes(16))).decryptor()
    return worker.update(data) + worker.finalize()


def _hex(data: bytes) -> str:
    return data.hex().upper()


class PasswordExchange:
    """One login: ``challenge()`` is phase one, ``accept()`` phase two. A password of None never fits."""

    def __init__(self, password: str | None) -> None:
        self.password = password
        self._salt, self._session_salt, self._server_part = os.urandom(16), os.urandom(16), os.urandom(32)
        secret = os.urandom(16) if password is None else password.encode()
        stretched = hashlib.pbkdf2_hmac("sha512", secret, self._salt + b"AUTH_PBKDF2_SPEEDY_KEY", VERIFIER_ROUNDS, 64)
        self._verifier = hashlib.sha512(stretched + self._salt).digest()[:32]
        self._key = b""

    def challenge(self) -> list[tuple[str, str, int]]:
        return [
            ("AUTH_SESSKEY", _hex(_encrypt(self._verifier, self._server_part)), 0),
            ("AUTH_VFR_DATA", _hex(self._salt), VERIFIER_12C),
            ("AUTH_PBKDF2_CSK_SALT", _hex(self._session_salt), 0),
            ("AUTH_PBKDF2_VGEN_COUNT", str(VERIFIER_ROUNDS), 0),
            ("AUTH_PBKDF2_SDER_COUNT", str(SESSION_ROUNDS), 0),
        ]

    def accept(self, session_key: str, password: str) -> bool:
        """Whether the client's encrypted password is the right one; both arguments are hex texts as received."""
        client_part = _decrypt(self._verifier, bytes.fromhex(session_key))
        seed = _hex(client_part[:32] + self._server_part).encode()
        self._key = hashlib.pbkdf2_hmac("sha512", seed, self._session_salt, SESSION_ROUNDS, 32)
        return self.password is not None and self.decrypt(password) == self.password

    def decrypt(self, password: str) -> str | None:
        """A password under the session's key; None where it was encrypted under another key."""
        remover = padding.PKCS7(128).unpadder()
        try:
            plain = remover.update(_decrypt(self._key, bytes.fromhex(password))) + remover.finalize()
            return plain[16:].decode()
        except ValueError:
            return None

    def response(self) -> str:
        """The proof to the client that the server knows the password too."""
        filler = padding.PKCS7(128).padder()
        return _hex(_encrypt(self._key, filler.update(os.urandom(16) + b"SERVER_TO_CLIENT") + filler.finalize()))
